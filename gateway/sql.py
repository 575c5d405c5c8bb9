"""SQL made of names, texts and instants; rows laid into temporary tables, and rows read as JSON values.

No other module quotes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb

if TYPE_CHECKING:
    import pyarrow as pa

_PLAIN = frozenset(
    [
        "bigint",
        "boolean",
        "date",
        "decimal",
        "double",
        "float",
        "hugeint",
        "integer",
        "smallint",
        "tinyint",
        "ubigint",
        "uinteger",
        "varchar",
    ]
)
"""Types whose values need no conversion."""
_INSTANT = "timestamp with time zone"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def literal(text: str) -> str:
    """An SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """A quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def one_of(sql: str, texts: Sequence[str]) -> str:
    """SQL: whether a text is one of these. A longer IN list is made into a join, and that runs over all rows even
    where a query does not ask for its result; a regular expression is as fast and only runs where it is asked for."""
    return f"regexp_full_match({sql}, {literal('|'.join(map(re.escape, texts)))})"


def has_rows(con: duckdb.DuckDBPyConnection, *relations: str) -> bool:
    """Whether one of the relations has a row: statements over none but empty ones need not be planned."""
    row = con.execute(f"select {' or '.join(f'exists(from {relation})' for relation in relations)}").fetchone()
    return bool(row and row[0])


def words(texts: tuple[str, ...] | list[str]) -> str:
    """SQL literals, separated by commas, for an IN list."""
    return ", ".join(map(literal, texts))


def instant(at: datetime) -> str:
    """SQL literal of an instant."""
    return f"timestamptz '{at.isoformat()}'"


def microseconds(sql: str) -> str:
    """SQL: an instant as a whole number, which `instant_of` reads.

    DuckDB gives a datetime only with a package that nothing else needs, and Arrow takes 0.15 s to load.
    """
    return f"epoch_us({sql})"


def instant_of(number: int) -> datetime:
    """The instant (UTC) that many microseconds after the beginning of 1970."""
    return _EPOCH + timedelta(microseconds=number)


def lay(con: duckdb.DuckDBPyConnection, name: str, rows: Sequence[Sequence[Any]], schema: pa.Schema) -> None:
    """Make the temporary table `name` of these rows, each in the order of the schema's columns; it may be empty."""
    import pyarrow as pa

    columns = [pa.array([row[number] for row in rows], field.type) for number, field in enumerate(schema)]
    arrow, view = pa.Table.from_arrays(columns, schema=schema), f"{name}_laid"
    con.register(view, arrow)
    try:
        con.execute(f"create or replace temp table {identifier(name)} as select * from {identifier(view)}")
    finally:
        con.unregister(view)


Rows = list[dict[str, Any]]
"""The rows of a result as `rows_of` gives them."""


def table_of(con: duckdb.DuckDBPyConnection, sql: str, columns: Sequence[str]) -> pa.Table:
    """These columns of a result, in the order of its rows."""
    return con.execute(f"select {', '.join(map(identifier, columns))} from ({sql})").to_arrow_table()


def rows_of(con: duckdb.DuckDBPyConnection, sql: str) -> Iterator[dict[str, Any]]:
    """Rows as dictionaries of JSON values: decimals and instants as text."""
    result = con.sql(sql)
    names, kinds = result.columns, [kind.id for kind in result.types]
    if not all(kind in _PLAIN or kind == _INSTANT for kind in kinds):
        for batch in con.execute(sql).to_arrow_reader(10_000):
            for row in batch.to_pylist():
                yield {key: plain(value) for key, value in row.items()}
        return
    if _INSTANT in kinds:
        quoted = [(identifier(name), kind) for name, kind in zip(names, kinds, strict=True)]
        shown = (f"{microseconds(name)} as {name}" if kind == _INSTANT else name for name, kind in quoted)
        result = result.project(", ".join(shown))
    readers = [_READERS.get(kind, plain) for kind in kinds]
    for values in result.fetchall():
        yield {n: None if v is None else read(v) for n, v, read in zip(names, values, readers, strict=True)}


def plain(value: Any) -> Any:
    """A JSON value: decimals as text without an exponent, instants in ISO form."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    return value


# Arrow reads HUGEINT as a decimal, and decimals are texts here: the same value by either way.
_READERS: dict[str, Callable[[Any], Any]] = {"hugeint": str, _INSTANT: lambda value: instant_of(value).isoformat()}


def drop_temporary(con: duckdb.DuckDBPyConnection, prefix: str) -> None:
    """Drop every temporary table and view `<prefix>_…`, made under that prefix."""
    # duckdb_tables() would be the place to ask, but it counts the rows of the ledger's tables first: 60 ms.
    made = con.execute(
        """with named as (
            select distinct table_name as name from duckdb_columns()
            where database_name = 'temp' and starts_with(table_name, $1)),
        views as (select view_name as name from duckdb_views() where database_name = 'temp')
        select case when name in (select name from views) then 'view' else 'table' end, name from named""",
        [f"{prefix}_"],
    ).fetchall()
    for kind, name in made:
        # With all three parts of the name the lake is not asked for it.
        con.execute(f"drop {kind} if exists temp.main.{identifier(name)}")
