"""What the catalog believes about the rows of a table, compared with the rows.

Questions are answered with these figures before any row is read: a file whose largest date lies before the one
that is asked for is never opened, and `count(*)` is the catalog's. A wrong figure makes right rows disappear.
"""

from __future__ import annotations

import duckdb

from gateway.ledger.connection import METADATA
from gateway.ledger.schema import roll_back


def wrong(con: duckdb.DuckDBPyConnection, table: str) -> list[tuple[str, str]]:
    """(data file, or "" for the whole table; the columns of which figures are wrong, "number of rows").

    In one transaction, so that catalog and rows are those of one instant.
    """
    con.execute("begin")
    try:
        columns = con.execute(
            """select column_name, data_type from duckdb_columns()
            where database_name = 'lake' and schema_name = 'main' and table_name = ? order by column_index""",
            [table],
        ).fetchall()
        _stored(con, table)
        _seen(con, table, columns)
        return _compared(con, columns)
    finally:
        roll_back(con)


def _stored(con: duckdb.DuckDBPyConnection, table: str) -> None:
    """`_stored`: (place, name, least, most, nulls, never) as text; `_counted`: (place, n)."""
    row = con.execute(
        f"select table_id from {METADATA}.ducklake_table where table_name = ? and end_snapshot is null", [table]
    ).fetchone()
    own = f"table_id = {row[0] if row else -1}"
    con.execute(
        f"""create temp table _data as
        select data_file_id, parse_filename(path) as place, record_count
        from {METADATA}.ducklake_data_file where {own} and end_snapshot is null"""
    )
    con.execute(
        f"""create temp table _names as
        select column_id, column_name as name from {METADATA}.ducklake_column where {own} and end_snapshot is null"""
    )
    con.execute(
        f"""create temp table _stored as
        select place, name, min_value as least, max_value as most, null_count as nulls, null_count = 0 as never
        from {METADATA}.ducklake_file_column_stats join _data using (data_file_id) join _names using (column_id)
        where {own}
        union all
        select '', name, min_value, max_value, null, contains_null = 0
        from {METADATA}.ducklake_table_column_stats join _names using (column_id) where {own}"""
    )
    con.execute(
        f"""create temp table _counted as
        select place, record_count as n from _data
        union all select '', record_count from {METADATA}.ducklake_table_stats where {own}
        union all select '', next_row_id from {METADATA}.ducklake_table_stats where {own}"""
    )


def _seen(con: duckdb.DuckDBPyConnection, table: str, columns: list[tuple[str, str]]) -> None:
    """`_seen`: one row for each place: (place, rows, and of each column smallest, largest, how many are not null)."""
    figures = ", ".join(
        f'min("{name}") as lo{n}, max("{name}") as hi{n}, count("{name}") as c{n}'
        for n, (name, _) in enumerate(columns)
    )
    whole = ", ".join(f"min(lo{n}), max(hi{n}), sum(c{n})" for n in range(len(columns)))
    con.execute(
        f"""create temp table _seen as
        select parse_filename(filename) as place, count(*) as rows, {figures} from lake."{table}" group by all"""
    )
    con.execute(f"insert into _seen select '', coalesce(sum(rows), 0), {whole} from _seen")


def _compared(con: duckdb.DuckDBPyConnection, columns: list[tuple[str, str]]) -> list[tuple[str, str]]:
    differs = " union all ".join(
        f"""select place, '{name}' as what from _seen join _stored using (place) where name = '{name}' and (
            try_cast(least as {kind}) > lo{n} or try_cast(most as {kind}) < hi{n}
            or nulls <> rows - c{n} or (never and rows > c{n}))"""
        for n, (name, kind) in enumerate(columns)
    )
    return con.execute(
        f"""select place, string_agg(distinct what, ', ' order by what) from (
            {differs}
            union all select place, 'number of rows' from _counted left join _seen using (place)
            where n <> coalesce(rows, 0))
        group by place order by place"""
    ).fetchall()
