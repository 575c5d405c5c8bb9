"""The part of a table's history that the rows of a load may state again.

Most events keep their day, or get one nearby: these days are always compared. Others get a day that is far away, as an
order of spring that is corrected in autumn. They are looked for by their keys alone: one narrow column of the history,
and that only where a key does not say the day itself.
"""

from __future__ import annotations

import duckdb

from gateway.intake.taken import Load
from gateway.mapping.apply.mapped import FILE_SHIFT
from gateway.model import Table
from gateway.sql import has_rows, identifier, literal, words

NEAR_DAYS = 45
"""So many days around a load's days the ledger is compared whatever the keys are."""
REUSED_DAYS = 180
"""A record that gets a day farther away is reported: partners begin their numbers again each year."""
HINT = (
    "If the partner used the number again for another event, add what distinguishes the two to the `key` of the "
    "[[record]], such as the year, and replay both files. If it is a correction, resolve the exception."
)


def compared(con: duckdb.DuckDBPyConnection, load: Load, table: Table, relation: str) -> str | None:
    """SQL condition on the table's history that holds for all that the rows may state again; None if there is nothing.

    relation  the rows of the load, with `source_key` and the columns of the table
    """
    history = f"lake.{identifier(table.name)}"
    if not table.event:
        return "true" if has_rows(con, history) else None
    event = identifier(table.event)
    row = con.execute(
        f"""select cast(min({event}) as date) - {NEAR_DAYS}, cast(max({event}) as date) + {NEAR_DAYS} from {relation}"""
    ).fetchone()
    if row is None or row[0] is None:
        return None
    near = f"{event} between date '{row[0]}' and date '{row[1]}'"
    if not has_rows(con, f"{history} where not ({near})"):
        # As in every young ledger: this is known sooner than whether any of many keys is there.
        return near if has_rows(con, history) else None
    far = [] if _say_their_day(load, table) else _far_days(con, load, table, relation, near)
    if far:
        return f"({near} or cast({event} as date) in ({words(far)}))"
    return near if has_rows(con, f"{history} where {near}") else None


def report_reused(con: duckdb.DuckDBPyConnection, load: Load, table: Table, compared: str) -> None:
    """Add to the faults of the load the rows that take the place of a record of a day far away: the partner may have
    used a number again.

    compared  temporary table of the rows with `old_id`, `old_day` and `state`
    """
    kind, day = literal(table.name), f"cast(n.{identifier(table.event)} as date)"
    con.execute(f"delete from {load.mapped.faults} where hint = {literal(HINT)} and record_type = {kind}")
    far = f"{compared} n where n.state = 'changed' and abs(date_diff('day', n.old_day, {day})) > {REUSED_DAYS}"
    if not has_rows(con, far):
        return
    con.execute(
        f"""insert into {load.mapped.faults} by name
        select n._ordinal >> {FILE_SHIFT} as _file, n._ordinal, n."position", 'ROW_DOUBTFUL' as code,
               {literal(table.event)} as column_name, cast(n.day as varchar) as value,
               'it takes the place of the record of ' || n.old_day || ' with the same key ('
                   || coalesce(f.name, o.file_id) || ', ' || o."position" || ')' as message,
               {literal(HINT)} as hint, false as rejects, {kind} as record_type,
               cast(n.source_key as varchar) as source_key
        from (select n.*, {day} as day from {far}) n
        join lake.{identifier(table.name)} o on o.record_id = n.old_id
        left join (select file_id, min(name) as name from lake.file group by file_id) f on f.file_id = o.file_id
        order by n._ordinal"""
    )


def _say_their_day(load: Load, table: Table) -> bool:
    """Whether the key of each record holds its day: then the same key has the same day."""
    records = load.loaded.mapping.record if load.loaded is not None else ()
    return all(
        table.event in record.key and not record.fields[table.event].map
        for record in records
        if record.type == table.name
    )


def _far_days(con: duckdb.DuckDBPyConnection, load: Load, table: Table, relation: str, near: str) -> list[str]:
    """The days beyond the near ones that have a record with the key of one of the rows."""
    days = con.execute(
        f"""select distinct cast(cast({identifier(table.event)} as date) as varchar) from lake.{identifier(table.name)}
        where not ({near}) and partner = {literal(load.partner)}
          and source_key in (select source_key from {relation}) order by 1"""
    )
    return [day for (day,) in days.fetchall()]
