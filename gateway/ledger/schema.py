"""The lake's tables: created from the model, brought up to date without touching a row.

Columns and tables are added, and columns renamed: both change only the catalog.
"""

from __future__ import annotations

import duckdb

from gateway.errors import HouseError
from gateway.ledger.connection import METADATA, transaction
from gateway.model import SCHEMA_VERSION, TABLES

CONTROL_COLUMNS = (("row_hash", "UBIGINT"), ("commit_seq", "BIGINT"))
"""Added to every table: hash of the row, and the audit row that covers it."""

Columns = dict[str, tuple[tuple[str, str], ...]]
"""Table → its (column, SQL type) without the control columns, in the order in which they were added."""


def columns(con: duckdb.DuckDBPyConnection) -> Columns:
    """What the attached lake has."""
    found: dict[str, list[tuple[str, str]]] = {}
    control = {name for name, _ in CONTROL_COLUMNS}
    for table, column, kind in con.execute(
        """select table_name, column_name, data_type from duckdb_columns()
        where database_name = 'lake' and schema_name = 'main' order by table_name, column_index"""
    ).fetchall():
        own = found.setdefault(table, [])
        if column not in control:
            own.append((column, kind))
    return {table: tuple(own) for table, own in found.items()}


def generations(con: duckdb.DuckDBPyConnection) -> dict[str, list[tuple[str, ...]]]:
    """Table → its columns when it was made, then after each one that was added; the last are those of today.

    A row's hash covers the columns that there were when it was written.
    """
    control = {name for name, _ in CONTROL_COLUMNS}
    found: dict[str, list[tuple[str, ...]]] = {}
    seen: set[tuple[str, str]] = set()
    for table, column in con.execute(
        """select table_name, column_name from duckdb_columns()
        where database_name = 'lake' and schema_name = 'main' order by table_name, column_index"""
    ).fetchall():
        grown = found.setdefault(table, [()])
        if column in control:
            seen.add((table, column))
        elif all((table, name) in seen for name in control):
            grown.append((*grown[-1], column))
        else:
            grown[-1] = (*grown[-1], column)
    return found


def is_current(con: duckdb.DuckDBPyConnection, have: Columns) -> bool:
    """Whether nothing is missing. Raises HouseError if a newer program made the lake."""
    return (
        check_version(con, have) == SCHEMA_VERSION
        and not any(missing(have, table) or renamed(have, table) for table in TABLES if table in have)
        and TABLES.keys() <= have.keys()
    )


def missing(have: Columns, table: str) -> list[tuple[str, str]]:
    """Columns of the model that a table of the lake lacks under any name."""
    names = {name for name, _ in have.get(table, ())}
    return [(c.name, c.type) for c in TABLES[table].all_columns if not {c.name, c.formerly} & names]


def renamed(have: Columns, table: str) -> dict[str, str]:
    """Columns that a table of the lake has under the name of an older program: that name → today's."""
    names = {name for name, _ in have.get(table, ())}
    return {c.formerly: c.name for c in TABLES[table].all_columns if c.name not in names and c.formerly in names}


def check_version(con: duckdb.DuckDBPyConnection, have: Columns) -> int | None:
    """The stored version, None for a lake without one. Raises HouseError if it is newer than the program."""
    if "gateway_meta" not in have:
        return None
    row = con.execute("select value from lake.gateway_meta where key = 'schema_version'").fetchone()
    stored = int(row[0]) if row else None
    if stored is not None and stored > SCHEMA_VERSION:
        raise HouseError(
            "open ledger",
            "catalog",
            "Upgrade the gateway: this version must not write to a newer ledger.",
            f"it has schema version {stored}, this program supports versions up to {SCHEMA_VERSION}",
        )
    return stored


def migrate(con: duckdb.DuckDBPyConnection) -> None:
    """Create what is missing, in one transaction, and its statistics in another. Only under the writer's lock."""
    with transaction(con):
        have = columns(con)
        stored = check_version(con, have)
        if "gateway_meta" not in have:
            con.execute("create table lake.gateway_meta (key varchar, value varchar)")
        for table in TABLES:
            _migrate_table(con, table, have)
        if stored is None:
            con.execute("insert into lake.gateway_meta values ('schema_version', ?)", [str(SCHEMA_VERSION)])
        elif stored < SCHEMA_VERSION:
            con.execute("update lake.gateway_meta set value = ? where key = 'schema_version'", [str(SCHEMA_VERSION)])
    with transaction(con):
        _begin_statistics(con)


def _begin_statistics(con: duckdb.DuckDBPyConnection) -> None:
    """Note that tables without rows have none.

    DuckLake does so with the first row, and until then asks its catalog for every column of every query: planning a
    query took 0.1 s for each empty table in it.
    """
    catalog = METADATA
    con.execute(
        f"""create or replace temp table _fresh as select table_id from {catalog}.ducklake_table
        where end_snapshot is null and table_id not in (select table_id from {catalog}.ducklake_table_stats)"""
    )
    con.execute(
        f"""insert into {catalog}.ducklake_table_column_stats
            (table_id, column_id, contains_null, contains_nan, min_value, max_value, extra_stats)
        select c.table_id, c.column_id, false, null, null, null, null
        from {catalog}.ducklake_column c semi join _fresh using (table_id) where c.end_snapshot is null"""
    )
    con.execute(
        f"""insert into {catalog}.ducklake_table_stats (table_id, record_count, next_row_id, file_size_bytes)
        select table_id, 0, 0, 0 from _fresh"""
    )
    con.execute("drop table _fresh")


def _migrate_table(con: duckdb.DuckDBPyConnection, table: str, have: Columns) -> None:
    if table not in have:
        listed = ", ".join(f'"{name}" {kind}' for name, kind in [*missing(have, table), *CONTROL_COLUMNS])
        con.execute(f'create table lake."{table}" ({listed})')
        return
    for name, now in renamed(have, table).items():
        con.execute(f'alter table lake."{table}" rename column "{name}" to "{now}"')
    for name, kind in missing(have, table):
        con.execute(f'alter table lake."{table}" add column "{name}" {kind}')
