"""Views that follow from the tables alone: present states over append-only events."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import duckdb

from gateway.ledger.schema import Columns, columns, missing, renamed
from gateway.model import MAPPABLE, TABLES

STANDING = """(select * from file where state <> 'DUPLICATE'
    qualify row_number() over (partition by file_id order by version desc) = 1)"""
"""Relation as SQL: each file as it stands, whatever deliveries of the same bytes came after."""


def create(con: duckdb.DuckDBPyConnection, have: Columns) -> None:
    """Make them as temporary views, so that they follow the program and not the lake.

    `exception`, `file_state` and `match_state`: the newest event of each; `<table>_current`: the records of a table
    that no later file has replaced or taken back. Looking at a past when a table or a column was not there yet, a view
    of that name stands for it: empty, or null. A column that had another name has today's.
    """
    for name in TABLES:
        _complete(con, name, have)
    for name, table in TABLES.items():
        if table.state:
            con.execute(
                f"""create or replace temp view "{table.state}" as select * from "{name}"
                qualify row_number() over (partition by {table.identity} order by "{table.order}" desc) = 1"""
            )
    for name in MAPPABLE:
        _show_present(con, name, name)


@contextmanager
def without(con: duckdb.DuckDBPyConnection, records: str) -> Iterator[None]:
    """Hide the records of the relation (unit) from every table and view of records; "" hides nothing.

    What a hidden record replaced stays replaced.
    """
    if not records:
        yield
        return
    have = columns(con)
    for name in MAPPABLE:
        con.execute(f'create or replace temp view "{name}_whole" as {_completed_sql(name, have)}')
        con.execute(
            f"""create or replace temp view "{name}" as select * from "{name}_whole"
            where record_id not in (select unit from {records})"""
        )
        _show_present(con, name, f"{name}_whole")
    try:
        yield
    except BaseException:
        # A failed transaction refuses this, and takes the views back by itself.
        with suppress(duckdb.Error):
            _show_again(con, have)
        raise
    _show_again(con, have)


def _show_present(con: duckdb.DuckDBPyConnection, table: str, whole: str) -> None:
    """The view of the records of a table that nothing in the relation `whole` replaces or takes back."""
    con.execute(
        f"""create or replace temp view "{table}_current" as select * from "{table}" where withdrawn is not true
        and record_id not in (select supersedes from "{whole}" where supersedes is not null)"""
    )


def _show_again(con: duckdb.DuckDBPyConnection, have: Columns) -> None:
    for name in MAPPABLE:
        con.execute(f'drop view "{name}"')
        con.execute(f'drop view "{name}_whole"')
    create(con, have)


def _complete(con: duckdb.DuckDBPyConnection, table: str, have: Columns) -> None:
    """A view in the place of a table that the lake lacks or has with other columns."""
    if table not in have or missing(have, table) or renamed(have, table):
        con.execute(f'create or replace temp view "{table}" as {_completed_sql(table, have)}')


def _completed_sql(table: str, have: Columns) -> str:
    """SELECT of a table with today's columns, whatever the lake has of it."""
    lacking = [f'cast(null as {kind}) as "{name}"' for name, kind in missing(have, table)]
    names = ", ".join(f'"{name}" as "{now}"' for name, now in renamed(have, table).items())
    if table not in have:
        return f"select {', '.join(lacking)} where false"
    every = f"* rename ({names})" if names else "*"
    return f'select {", ".join([every, *lacking])} from lake."{table}"'
