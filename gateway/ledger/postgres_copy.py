"""A catalog in PostgreSQL as a SQLite file, and back: each in one transaction.

DuckLake's tables have the same columns in both; only their types differ. SQLite has text where PostgreSQL has
instants, decimals, UUIDs, and bytes for the text of rows; and 0 and 1 for truth values.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.sql import identifier

if TYPE_CHECKING:
    import psycopg

ROWS_AT_ONCE = 10_000
_WHOLE = ("bigint", "integer", "smallint")
_INLINED = {
    "varchar": "bytea",
    "blob": "bytea",
    "uuid": "uuid",
    "boolean": "boolean",
    "int64": "bigint",
    "int32": "integer",
}
"""Type of a column in DuckLake → in PostgreSQL, for rows that are kept in the catalog; text for all others."""
_DECIMAL = re.compile(r"decimal\((\d+),\s*(\d+)\)")

Column = tuple[str, str]
"""Name, and type in PostgreSQL."""


# --- PostgreSQL → SQLite ------------------------------------------------------------------------------------


def dump(con: psycopg.Connection[Any], schema: str, target: Path) -> None:
    """Copy the catalog in `schema` into a new SQLite file, as of one commit. Raises psycopg.Error, sqlite3.Error."""
    con.execute("begin isolation level repeatable read read only")
    with closing(sqlite3.connect(target, isolation_level=None)) as sink:
        # As DuckLake leaves it: a reader of the copy may not change it.
        sink.execute("pragma journal_mode = wal")
        sink.execute("begin")
        for table, columns in _tables(con, schema).items():
            sink.execute(_sqlite_table(table, columns, _key_of(con, schema, table)))
            marks = ", ".join("?" for _ in columns)
            insert = f"insert into {identifier(table)} values ({marks})"
            for rows in _read(con, schema, table, columns):
                sink.executemany(insert, rows)
        sink.execute("commit")
    con.execute("rollback")


def _tables(con: psycopg.Connection[Any], schema: str) -> dict[str, list[Column]]:
    found: dict[str, list[Column]] = {}
    for table, column, kind in con.execute(
        """select table_name, column_name, data_type from information_schema.columns
        where table_schema = %s and table_name like 'ducklake\\_%%' order by table_name, ordinal_position""",
        [schema],
    ).fetchall():
        found.setdefault(table, []).append((column, kind))
    return found


def _key_of(con: psycopg.Connection[Any], schema: str, table: str) -> str:
    """Column of the primary key, "" where there is none."""
    row = con.execute(
        """select a.attname from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
        where i.indisprimary and i.indrelid = to_regclass(%s)""",
        [f"{identifier(schema)}.{identifier(table)}"],
    ).fetchone()
    return str(row[0]) if row else ""


def _sqlite_table(table: str, columns: Sequence[Column], key: str) -> str:
    listed = (
        f"{identifier(name)} {'BIGINT' if kind in (*_WHOLE, 'boolean') else 'VARCHAR'}"
        f"{' PRIMARY KEY' if name == key else ''}"
        for name, kind in columns
    )
    return f"create table {identifier(table)} ({', '.join(listed)})"


def _read(
    con: psycopg.Connection[Any], schema: str, table: str, columns: Sequence[Column]
) -> Iterator[list[tuple[Any, ...]]]:
    selected = ", ".join(_plain(identifier(name), kind) for name, kind in columns)
    texts = [kind == "bytea" for _, kind in columns]
    with con.cursor(name="gateway_copy") as cursor:
        cursor.execute(f"select {selected} from {identifier(schema)}.{identifier(table)}".encode())
        while rows := cursor.fetchmany(ROWS_AT_ONCE):
            yield [
                tuple(
                    value.decode() if is_text and value is not None else value
                    for value, is_text in zip(row, texts, strict=True)
                )
                for row in rows
            ]


def _plain(column: str, kind: str) -> str:
    if kind in _WHOLE or kind == "bytea":
        return column
    return f"{column}::int" if kind == "boolean" else f"{column}::text"


# --- SQLite → PostgreSQL ------------------------------------------------------------------------------------


def load(con: psycopg.Connection[Any], schema: str, source: Path) -> None:
    """Fill `schema`, in which DuckLake has made an empty catalog, from a SQLite file, in one transaction.

    Raises psycopg.Error, sqlite3.Error.
    """
    with closing(sqlite3.connect(source)) as origin, con.transaction():
        names = [
            name
            for (name,) in origin.execute(
                "select name from sqlite_master where type = 'table' and name like 'ducklake\\_%' escape '\\' "
                "order by name"
            )
        ]
        for (table,) in origin.execute("select table_name from ducklake_inlined_data_tables").fetchall():
            con.execute(_inlined_table(origin, schema, table).encode())
        there = _tables(con, schema)
        for table in names:
            con.execute(f"delete from {identifier(schema)}.{identifier(table)}".encode())
            _write(con, origin, schema, table, there[table])


def _inlined_table(origin: sqlite3.Connection, schema: str, table: str) -> str:
    """The table that DuckLake would make for the rows of a table that are kept in the catalog."""
    kinds = dict(
        origin.execute(
            """select column_name, column_type from ducklake_column join ducklake_inlined_data_tables i using (table_id)
            where i.table_name = ?""",
            [table],
        )
    )
    columns = [name for _, name, *_ in origin.execute(f"pragma table_info({identifier(table)})")]
    own = {"row_id": "bigint", "begin_snapshot": "bigint", "end_snapshot": "bigint"}
    listed = (f"{identifier(name)} {own.get(name) or _postgres_type(kinds[name])}" for name in columns)
    return f"create table {identifier(schema)}.{identifier(table)} ({', '.join(listed)})"


def _postgres_type(kind: str) -> str:
    if number := _DECIMAL.fullmatch(kind):
        return f"numeric({number[1]},{number[2]})"
    return _INLINED.get(kind, "varchar")


def _write(
    con: psycopg.Connection[Any], origin: sqlite3.Connection, schema: str, table: str, columns: Sequence[Column]
) -> None:
    names = ", ".join(identifier(name) for name, _ in columns)
    converted = [_CONVERTED.get(kind, _same) for _, kind in columns]
    rows: Iterable[tuple[Any, ...]] = origin.execute(f"select {names} from {identifier(table)}")
    with (
        con.cursor() as cursor,
        cursor.copy(f"copy {identifier(schema)}.{identifier(table)} ({names}) from stdin".encode()) as sink,
    ):
        for row in rows:
            sink.write_row(
                [None if value is None else convert(value) for value, convert in zip(row, converted, strict=True)]
            )


def _same(value: Any) -> Any:
    return value


_CONVERTED: dict[str, Callable[[Any], Any]] = {
    "bytea": lambda value: value if isinstance(value, bytes) else str(value).encode(),
    "boolean": bool,
    "numeric": str,
}
