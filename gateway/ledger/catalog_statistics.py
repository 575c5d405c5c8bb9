"""The catalog's statistics of a table, compared with its rows.

Questions are answered with these figures before any row is read: a file whose largest date lies before the one
that is asked for is never opened, and `count(*)` is the catalog's. A wrong figure makes right rows disappear.
"""

from __future__ import annotations

import duckdb

from gateway.ledger.connection import METADATA, transaction
from gateway.ledger.schema import CONTROL_COLUMNS
from gateway.model import TABLES
from gateway.sql import identifier

KINDS = sorted(
    {
        column.type.replace("TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE")
        for t in TABLES.values()
        for column in t.all_columns
    }
    | {kind for _, kind in CONTROL_COLUMNS}
)


def read_catalog(con: duckdb.DuckDBPyConnection) -> int:
    """Take the catalog's figures down, as of one instant. Returns the snapshot that they are of.

    Makes `_believed` (name of the table, place: a data file or "" for all, name of the column, smallest and
    largest value as sort keys, number of nulls, whether there are none) and `_counted` (name, place, n).
    """
    with transaction(con):
        for query in _CATALOG:
            con.execute(query)
        row = con.execute(f"select max(snapshot_id) from {METADATA}.ducklake_snapshot").fetchone()
    return int(row[0]) if row else 0


def filled(con: duckdb.DuckDBPyConnection) -> set[str]:
    """Names of the tables of which the catalog has rows: in a data file that it names, or in itself.

    It finds what a question to each of the tables would find, in a fifth of the time. No figure is asked.
    """
    inlined = con.execute(f"select distinct table_id, table_name from {METADATA}.ducklake_inlined_data_tables")
    each = [
        f"select {table} as table_id where exists(from {METADATA}.{identifier(name)})"
        for table, name in inlined.fetchall()
    ]
    having = " union all ".join([f"select table_id from {METADATA}.ducklake_data_file", *each])
    return {
        name
        for (name,) in con.execute(
            f"select distinct table_name from {METADATA}.ducklake_table join ({having}) using (table_id)"
        ).fetchall()
    }


def _key(text: str) -> str:
    """SQL for the sort key of a value that is kept as text; null where there is none, or none that can be read."""
    return (
        "case data_type "
        + " ".join(f"when '{kind}' then {_sorted(f'try_cast({text} as {kind})')}" for kind in KINDS)
        + " end"
    )


def _sorted(value: str) -> str:
    """SQL: bytes that compare as the values do, whatever their type."""
    # The empty text beside it makes bytes of it even where a number would do.
    key = f"create_sort_key({value}, 'ASC NULLS LAST', '', 'ASC NULLS LAST')"
    return f"case when {value} is not null then {key} end"


_CATALOG = (
    f"""create or replace temp table _columns as
    select table_id, t.table_name as name, column_id, c.column_name, d.data_type
    from {METADATA}.ducklake_table t join {METADATA}.ducklake_column c using (table_id)
    join duckdb_columns() d on d.database_name = 'lake' and d.table_name = t.table_name
         and d.column_name = c.column_name
    where t.end_snapshot is null and c.end_snapshot is null""",
    f"""create or replace temp table _files as
    select data_file_id, table_id, parse_filename(path) as place, record_count
    from {METADATA}.ducklake_data_file where end_snapshot is null""",
    f"""create or replace temp table _believed as
    select name, place, column_name, {_key("min_value")} as least, {_key("max_value")} as most,
           null_count as nulls, null_count = 0 as none
    from (select table_id, column_id, data_file_id, min_value, max_value, null_count
          from {METADATA}.ducklake_file_column_stats)
    join _files using (table_id, data_file_id) join _columns using (table_id, column_id)
    union all
    select name, '', column_name, {_key("min_value")}, {_key("max_value")}, null, not cast(contains_null as boolean)
    from {METADATA}.ducklake_table_column_stats join _columns using (table_id, column_id)""",
    f"""create or replace temp table _counted as
    with tables as (select distinct table_id, name from _columns)
    select name, place, record_count as n from _files join tables using (table_id)
    union all select name, '', record_count from {METADATA}.ducklake_table_stats join tables using (table_id)
    union all select name, '', next_row_id from {METADATA}.ducklake_table_stats join tables using (table_id)""",
    """create or replace temp table _seen (
        name varchar, place varchar, n bigint, column_name varchar, least blob, most blob, filled bigint)""",
)


def read_rows(con: duckdb.DuckDBPyConnection, table: str, at: str) -> None:
    """Add to `_seen` what the rows of a table say themselves, in the snapshot that `at` names."""
    names = [
        name
        for (name,) in con.execute(
            "select column_name from _columns where name = ? order by column_id", [table]
        ).fetchall()
    ]
    quoted = ", ".join(f"'{name}'" for name in names)
    least, most = (", ".join(_sorted(f'{end}("{name}")') for name in names) for end in ("min", "max"))
    filled = ", ".join(f'count("{name}")' for name in names)
    con.execute(
        f"""insert into _seen
        select '{table}', place, n, unnest([{quoted}]), unnest(least), unnest(most), unnest(filled) from (
            select parse_filename(filename) as place, count(*) as n, [{least}] as least, [{most}] as most,
                   [{filled}] as filled
            from lake."{table}" {at} group by all)"""
    )


def wrong(con: duckdb.DuckDBPyConnection) -> list[tuple[str, str, str]]:
    """(table, data file or "" for the whole of it, names of the columns with wrong figures; "number of rows").

    Of the tables whose rows were read.
    """
    return con.execute(
        """with seen as (
            select * from _seen union all
            select name, '', sum(n), column_name, min(least), max(most), sum(filled)
            from _seen group by name, column_name)
        select name, place, string_agg(distinct what, ', ' order by what) from (
            select name, place, column_name as what from seen join _believed b using (name, place, column_name)
            where b.least > seen.least or b.most < seen.most
                  or b.nulls <> n - filled or (b.none and n > filled)
            union all
            select name, place, 'number of rows' from _counted c left join (select distinct name, place, n from seen) s
                   using (name, place)
            where name in (select name from _seen) and c.n <> coalesce(s.n, 0))
        group by all order by all"""
    ).fetchall()


def without_audit_row(newest: int, audit: str) -> str:
    """SQL: (number, time) of snapshots up to `newest` that wrote audit rows of which the relation `audit` has none.

    The chain cannot show that its own end is missing; the catalog's list of snapshots is written in the same
    transaction as the audit row, and no snapshot is ever given up.
    """
    return f"""select snapshot_id, cast(snapshot_time as varchar) from ducklake_snapshots('lake'),
            (select cast(max(table_id) as varchar) as own from _columns where name = 'audit_log')
        where snapshot_id <= {newest} and snapshot_id not in (
                  select snapshot_id from {audit} where snapshot_id is not null)
              and (list_contains(changes['inlined_insert'], own) or list_contains(changes['tables_inserted_into'], own))
        order by all"""
