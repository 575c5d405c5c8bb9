"""What a question that cannot be answered asks for by mistake, and the nearest that there is."""

from __future__ import annotations

import re
from collections.abc import Collection

import duckdb

from gateway.errors import first_line
from gateway.ledger import queries
from gateway.model import TABLES
from gateway.nearest import listed, nearest
from gateway.sql import identifier

_TABLE = re.compile(r"Table with name (\S+) does not exist")
_COLUMN = re.compile(r'Referenced column "([^"]+)" not found|does not have a column named "([^"]+)"')
_KIND = re.compile(r"^\w+ Error: ")

KNOWN = frozenset({*TABLES, *(table.present for table in TABLES.values() if table.present), "stock"})
"""Every table and view of the ledger that people ask."""


def explained(
    con: duckdb.DuckDBPyConnection, sql: str, error: duckdb.Error, more: Collection[str] = ()
) -> tuple[str, str]:
    """(what is wrong with a SELECT, how to correct it); `more` are names of tables beside those of the ledger."""
    text = first_line(error).rstrip("!.")
    if found := _TABLE.search(text):
        return no_table(found[1], more)
    if found := _COLUMN.search(text):
        return _no_column(con, sql, found[1] or found[2])
    return _KIND.sub("", text), "correct the SQL; `gateway tables` and docs/ledger.md list what there is"


def no_table(name: str, more: Collection[str] = ()) -> tuple[str, str]:
    """(what is wrong, how to correct it) where no table or view has the name."""
    near = nearest(name, {*KNOWN, *more})
    return f'there is no table or view "{name}"{near}', "name one that `gateway tables` lists"


def _no_column(con: duckdb.DuckDBPyConnection, sql: str, name: str) -> tuple[str, str]:
    columns = {table: _columns(con, table) for table in dict.fromkeys(queries.tables(con, sql))}
    every = {column for names in columns.values() for column in names}
    near = nearest(name, every)
    has = "; ".join(f"{table} has {listed(names, len(names))}" for table, names in columns.items() if names)
    return f'there is no column "{name}"{near}', f"name one that is there: {has}" if has else "name another"


def _columns(con: duckdb.DuckDBPyConnection, table: str) -> list[str]:
    """Its columns; none if there is no such table."""
    try:
        return [row[0] for row in con.execute(f"describe {identifier(table)}").fetchall()]
    except duckdb.CatalogException:
        return []
