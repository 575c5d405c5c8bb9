"""Records that a file takes back: a key that stood too often in an earlier file of its feed stands less often in it, or
an event counts twice."""

from __future__ import annotations

import duckdb

from gateway.fault_codes import ROW_DOUBLED
from gateway.intake.taken import Load
from gateway.mapping.apply.mapped import FILE_SHIFT
from gateway.model import Table
from gateway.sql import identifier, literal


def find(con: duckdb.DuckDBPyConnection, load: Load, table: Table, span: str, target: str) -> str:
    """Name of a relation of the records that the rows of a load take back, "" if there are none.

    Only what was reported when it came is taken back, and only by a record whose rows with the same key are not events
    of their own. A row that is rejected still stands in its file.

    span    SQL condition on the events that the ledger was compared with
    target  prefix of the relation `<target>_all`: the rows with `old_id`
    Its columns: old_id (the record), and of the last row of the file with its key _ordinal, _kind, position, file_id
    and again.
    """
    mapping = load.loaded.mapping if load.loaded is not None else None
    records = [n for n, one in enumerate(mapping.record if mapping else ()) if one.repeats == "report"]
    noted = (
        f"select source_key from lake.fault where code = {literal(ROW_DOUBLED)} and feed = {literal(load.feed)} "
        f"and record_type = {literal(table.name)}"
    )
    if not records or con.execute(f"{noted} limit 1").fetchone() is None:
        return ""
    own = " and reversal_of is null" if table.column("reversal_of") is not None else ""
    con.execute(
        f"""create or replace temp table {target}_surplus as
        with last as (
            select source_key, count(*) as n, {", ".join(f"arg_max({one}, occurrence) as {one}" for one in _ROW)}
            from {target}_all where _record in ({", ".join(map(str, records))}) and source_key in ({noted})
            group by source_key)
        select o.record_id as old_id, {", ".join(f"l.{one}" for one in _ROW)} from last l
        join (select record_id, source_key, occurrence from {identifier(table.present)} where {span}{own}) o
            on o.source_key = l.source_key and o.occurrence > l.n
        where o.record_id not in (select old_id from {target}_all where old_id is not null)
          and not exists (
            select 1 from {load.mapped.faults} f where f.rejects and f.record_type = {literal(table.name)}
              and f._file = l._ordinal >> {FILE_SHIFT} and f.source_key = cast(l.source_key as varchar))"""
    )
    found = con.execute(f"select 1 from {target}_surplus limit 1").fetchone()
    return f"{target}_surplus" if found else ""


def counted_twice(con: duckdb.DuckDBPyConnection, target: str) -> str:
    """Name of a relation of the records beyond one that the ledger holds of the event of a row, as that of `find`, ""
    if there are none. Earlier programs did not see that an event had got a day far away, and let both records count.

    target  prefix of the relation `<target>_all`: the rows with `old_id` and `state`, here one for each record; what is
            found goes from it
    """
    con.execute(
        f"""create or replace temp table {target}_twice as
        select old_id, {", ".join(_ROW)} from {target}_all where old_id is not null
        qualify row_number() over (partition by _ordinal, _record order by state = 'same' desc, old_id) > 1"""
    )
    if con.execute(f"select 1 from {target}_twice limit 1").fetchone() is None:
        return ""
    con.execute(f"delete from {target}_all where old_id in (select old_id from {target}_twice)")
    return f"{target}_twice"


_ROW = ("_ordinal", "_kind", '"position"', "file_id", "again")
