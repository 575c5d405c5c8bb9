"""All that the ledger knows of one file or of one exception."""

from __future__ import annotations

from typing import Any

import duckdb

from gateway.model import MAPPABLE
from gateway.reports.exceptions import explained
from gateway.sql import Rows, identifier, literal, rows_of

FAULTS_MAX = ROWS_MAX = 20
"""So many faults of a file and rows of a table are shown without `everything`; the counts are always whole."""

_FAULT = '"position", code, column_name, value, message, hint, source_row'


IDS_MAX = 9


def named(con: duckdb.DuckDBPyConnection, name: str) -> list[tuple[str, str]]:
    """("file" or "exception", id) of each whose id begins with a name, so many at most; none for no name."""
    return con.execute(
        f"""select * from (
            select 'file' as kind, file_id as id from file_state union all
            select 'exception', exception_id from exception)
        where $name <> '' and starts_with(id, $name) order by all limit {IDS_MAX}""",
        {"name": name},
    ).fetchall()


def file(con: duckdb.DuckDBPyConnection, file_id: str, *, everything: bool = False) -> dict[str, Any] | None:
    """A file: its states, what was made of it, its faults, and the exceptions that speak of it; None if there is none.

    states      its rows in the table `file`, by version
    records     table → how many of its rows stand in the ledger now, and how many were replaced
    rows        table → its rows as they are now, by position, so many at most
    faults      by position, so many at most; `faults of it` counts all
    entries     lines, debits and credits of the journal by account and role
    exceptions  exception_id, status, code, message
    """
    of_file = f"file_id = {literal(file_id)}"
    states = list(rows_of(con, f"select * exclude (row_hash, commit_seq) from file where {of_file} order by version"))
    if not states:
        return None
    most = "" if everything else f"limit {ROWS_MAX}"
    counts = {
        name: con.execute(
            f"""select (select count(*) from {identifier(table.present)} where {of_file}), count(*)
            from {identifier(name)} where {of_file}"""
        ).fetchall()[0]
        for name, table in MAPPABLE.items()
    }
    records = [{"table": name, "now": now, "replaced": all_ - now} for name, (now, all_) in counts.items() if all_]
    return {
        "states": states,
        "records": records,
        "rows": {row["table"]: _rows(con, row["table"], of_file, most) for row in records},
        "faults of it": con.execute(f"select count(*) from fault where {of_file}").fetchall()[0][0],
        "faults": list(rows_of(con, f'select {_FAULT} from fault where {of_file} order by "position", code {most}')),
        "entries": _entries(con, of_file),
        "exceptions": list(
            rows_of(
                con,
                f"""select exception_id, status, code, message from exception where {of_file}
                order by status desc, code, business_key""",
            )
        ),
    }


def _rows(con: duckdb.DuckDBPyConnection, table: str, of_file: str, most: str) -> Rows:
    own = ", ".join(identifier(column.name) for column in MAPPABLE[table].columns if not column.retired)
    return list(
        rows_of(
            con,
            f"""select "position", record_id, {own} from {identifier(MAPPABLE[table].present)} where {of_file}
            order by length("position"), "position" {most}""",
        )
    )


def _entries(con: duckdb.DuckDBPyConnection, of_file: str) -> Rows:
    return list(
        rows_of(
            con,
            f"""select account, role, currency, count(*) as lines, sum(debit) as debit, sum(credit) as credit
            from journal_line where {of_file} group by all order by all""",
        )
    )


def exception(con: duckdb.DuckDBPyConnection, exception_id: str) -> dict[str, Any] | None:
    """An exception: as it stands, its life, the decisions about it, the faults behind it; None if there is none."""
    of_it = f"exception_id = {literal(exception_id)}"
    now = list(rows_of(con, f"select * exclude (row_hash, commit_seq) from exception where {of_it}"))
    if not now:
        return None
    key = f"file_id = {literal(now[0]['file_id'] or '')} and business_key = {literal(now[0]['business_key'])}"
    return {
        "exception": now[0],
        "suggestion": explained(now[0]["suggestion"]),
        "file": list(
            rows_of(
                con,
                f"""select file_id, state, partner, name, feed, mapping_version, sha256 from file_state
                where file_id = {literal(now[0]["file_id"] or "")}""",
            )
        ),
        "life": list(
            rows_of(
                con,
                f"""select version, event, "at", message, resolution, note from exception_event
                where {of_it} order by version""",
            )
        ),
        "decisions": list(
            rows_of(
                con,
                f"""select decided_at, decided_by, resolution, target, "value", comment, message from decision
                where {of_it} order by decided_at""",
            )
        ),
        "faults": list(
            rows_of(
                con,
                f"""select {_FAULT} from fault where {key} and code = {literal(now[0]["code"])}
                order by "position" limit {FAULTS_MAX}""",
            )
        ),
    }
