"""Views that follow from the tables alone: present states over append-only events."""

from __future__ import annotations

import duckdb

from gateway.model import MAPPABLE

_STATES = {
    "exception": ("exception_event", "exception_id", "version"),
    "file_state": ("file", "file_id", "version"),
}


def create(con: duckdb.DuckDBPyConnection) -> None:
    """Make them as temporary views, so that they follow the program and not the lake.

    `exception` and `file_state`: the newest event of each; `<table>_current`: the records of a table that no
    restatement has replaced.
    """
    for view, (table, key, version) in _STATES.items():
        con.execute(
            f"""create or replace temp view "{view}" as select * from lake."{table}"
            qualify row_number() over (partition by {key} order by {version} desc) = 1"""
        )
    for name in MAPPABLE:
        con.execute(
            f"""create or replace temp view "{name}_current" as select * from lake."{name}"
            where record_id not in (select supersedes from lake."{name}" where supersedes is not null)"""
        )
