"""Rows of a file with the same key: each counts, and each key is reported once with all of its places."""

from __future__ import annotations

from gateway.fault_codes import ROW_DOUBLED
from gateway.mapping.apply.mapped import FILE_SHIFT
from gateway.mapping.apply.temporary_tables import Work
from gateway.mapping.compiler.targets import Record
from gateway.sql import identifier, literal

PLACES_MAX = 5
"""So many places of a key are named; the others are counted."""
HINT = (
    "If a row is one too many, send the file again without it: what it counted is taken back. If they are different "
    'events, add what distinguishes them to `key` or write `repeats = "count"` in the [[record]], and replay the file.'
)


def reported(record: Record) -> bool:
    """Whether rows with the same key are a doubt of this record, and not events of their own."""
    return record.spec.repeats == "report"


def add(work: Work, record: Record, rows: str, name: str) -> None:
    """Report each key that several rows of a file have, on the second of them.

    rows  SELECT of the record's rows: _ordinal, position, source_key and the columns of its table
    name  table of faults
    """
    own = [column.name for column in record.table.columns]
    single = f"where {identifier(record.spec.known_by[0])} is null" if record.spec.once else ""
    differ = ", ".join(
        f"case when count(distinct coalesce(cast({identifier(one)} as varchar), chr(0))) > 1 then {literal(one)} end"
        for one in own
    )
    work.con.execute(
        f"""insert into {identifier(name)} by name
        with rows as materialized (select * from ({rows}) {single}),
             doubled as (
                select source_key, count(*) as n, list(_ordinal order by _ordinal) as ordinals,
                       list(position order by _ordinal) as places, {_shown(record)} as shown,
                       concat_ws(', ', {differ}) as differ
                from rows semi join (select source_key from rows group by source_key having count(*) > 1)
                    using (source_key) group by source_key)
        select ordinals[2] >> {FILE_SHIFT} as _file, ordinals[2] as _ordinal, {record.index} as _record,
               places[2] as position, {literal(ROW_DOUBLED)} as code,
               {literal(", ".join(record.spec.key))} as column_name,
               n || ' rows have the same key (' || shown || '): '
                   || array_to_string(places[:{PLACES_MAX}], ', ')
                   || case when n > {PLACES_MAX} then ' and ' || (n - {PLACES_MAX}) || ' more' else '' end
                   || case when differ = '' then '; they are equal' else '; they differ in ' || differ end
                   || '; each counts' as message,
               {literal(HINT)} as hint, false as rejects,
               {literal(record.table.name)} as record_type, cast(source_key as varchar) as source_key
        from doubled order by _ordinal"""
    )


def _shown(record: Record) -> str:
    """SQL of a key for people: its fields, those of the table with their value. A name of the sender's that became
    several of ours has none."""
    parts = [
        f"""case when min({identifier(name)}) = max({identifier(name)})
            then {literal(f'{name} "')} || min(cast({identifier(name)} as varchar)) || '"' else {literal(name)} end"""
        if record.table.column(name)
        else literal(name)
        for name in record.spec.key
    ]
    return f"concat_ws(', ', {', '.join(parts)})"
