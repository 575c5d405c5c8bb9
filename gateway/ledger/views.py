"""Views that follow from the tables alone: present states over append-only events."""

from __future__ import annotations

import duckdb

from gateway.ledger.schema import Columns, missing, renamed
from gateway.model import MAPPABLE, TABLES


def create(con: duckdb.DuckDBPyConnection, have: Columns) -> None:
    """Make them as temporary views, so that they follow the program and not the lake.

    `exception`, `file_state` and `match_state`: the newest event of each; `<table>_current`: the records of a table that no
    restatement has replaced. Looking at a past when a table or a column was not there yet, a view of that
    name stands for it: empty, or null. A column that had another name has today's.
    """
    for name in TABLES:
        _complete(con, name, have)
    for name, table in TABLES.items():
        if table.state:
            con.execute(
                f"""create or replace temp view "{table.state}" as select * from "{name}"
                qualify row_number() over (partition by {table.identity} order by {table.order} desc) = 1"""
            )
    for name in MAPPABLE:
        con.execute(
            f"""create or replace temp view "{name}_current" as select * from "{name}"
            where record_id not in (select supersedes from "{name}" where supersedes is not null)"""
        )


def _complete(con: duckdb.DuckDBPyConnection, table: str, have: Columns) -> None:
    lacking = [f'cast(null as {kind}) as "{name}"' for name, kind in missing(have, table)]
    names = ", ".join(f'"{name}" as "{now}"' for name, now in renamed(have, table).items())
    if table not in have:
        con.execute(f'create or replace temp view "{table}" as select {", ".join(lacking)} where false')
    elif lacking or names:
        every = f"* rename ({names})" if names else "*"
        con.execute(
            f'create or replace temp view "{table}" as select {", ".join([every, *lacking])} from lake."{table}"'
        )
