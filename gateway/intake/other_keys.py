"""Events that the ledger holds under another key than their mapping has now: a changed key must not count them twice.

A record of a mapping may name fields that know its event by themselves (`known_by`). What the ledger holds with the
same values in these fields is that event, whatever key it was made under.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from gateway.intake.taken import Load
from gateway.model import Table
from gateway.sql import identifier, literal

Fields = tuple[str, ...]


def known_by(load: Load, table: Table) -> dict[Fields, list[int]]:
    """The fields that know the events of a table by themselves, with the numbers of the records that name them."""
    found: dict[Fields, list[int]] = {}
    for index, record in enumerate(load.loaded.mapping.record if load.loaded is not None else ()):
        if record.type == table.name and record.known_by:
            found.setdefault(record.known_by, []).append(index)
    return found


def reported_again(load: Load, table: Table) -> str:
    """A condition for rows that report an event once more which another row of their file reports (`once`)."""
    found = ["false"]
    for index, record in enumerate(load.loaded.mapping.record if load.loaded is not None else ()):
        if record.type == table.name and record.once:
            found.append(
                f"(n._record = {index} and n.{identifier(record.known_by[0])} is not null and n.occurrence > 1)"
            )
    return " or ".join(found)


def under_other_keys(con: duckdb.DuckDBPyConnection, load: Load, table: Table, compared: str) -> None:
    """Find for the rows that are new by their key the records that they are all the same: those are the same or
    changed.

    An event may have got another day however late: all of the table's history is looked at, but mostly one column of
    it.

    compared  temporary table of the rows with `old_id` and `state`
    """
    every = [column.name for column in table.columns]
    for fields, indexes in known_by(load, table).items():
        first = identifier(fields[0])
        rows = f"{compared} where state = 'new' and _record in ({', '.join(map(str, indexes))}) and {first} is not null"
        held = (
            f"partner = {literal(load.partner)} and feed = {literal(load.feed)} and {first} in (select {first} "
            f"from {rows})"
        )
        if con.execute(f"select 1 from lake.{identifier(table.name)} where {held} limit 1").fetchone() is None:
            continue
        if table.column("reversal_of") is not None:
            held += " and reversal_of is null"
        held = f"{identifier(table.present)} where {held}"
        # What did not change at all goes first: of two records that could be meant, that one is.
        for state, alike in (("same", every), ("changed", fields)):
            _pair(con, compared, rows, held, state, alike)


def _pair(
    con: duckdb.DuckDBPyConnection, compared: str, rows: str, held: str, state: str, alike: Sequence[str]
) -> None:
    """Give each of these rows one record that is alike in these columns and that no other row has."""
    columns = ", ".join(map(identifier, alike))
    same = " and ".join(f"n.{identifier(name)} is not distinct from o.{identifier(name)}" for name in alike)
    con.execute(
        f"""update {compared} set old_id = pair.record_id, state = {literal(state)} from (
            select n._ordinal, n._record, o.record_id
            from (select _ordinal, _record, {columns},
                         row_number() over (partition by {columns} order by occurrence, _ordinal, _record) as number
                  from {rows}) n
            join (select record_id, {columns},
                         row_number() over (partition by {columns} order by occurrence, record_id) as number
                  from {held} and record_id not in (select old_id from {compared} where old_id is not null)) o
                on o.number = n.number and {same}) pair
        where {compared}._ordinal = pair._ordinal and {compared}._record = pair._record"""
    )
