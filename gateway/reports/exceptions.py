"""Open exceptions: how many there are, whose they are, and each of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import duckdb

from gateway.model.resolutions import RESOLUTIONS
from gateway.reports import files
from gateway.sql import Rows, instant, rows_of, table_of, words

if TYPE_CHECKING:
    import pyarrow as pa

ALL = "*"
"""Stands for all owners."""

# What a message about an exception shows; instants and days are text already, in UTC.
_SHOWN = """exception_id, severity, code, owner, partner, business_key, amount, currency, qty,
strftime(due_at, '%Y-%m-%d') as due, strftime(event_at, '%Y-%m-%d %H:%M') as since, message"""


def by_code(con: duckdb.DuckDBPyConnection) -> Rows:
    """How many are open: reconciliation, code, severity, owner, open (count), amount (sum of differences)."""
    return list(
        rows_of(
            con,
            """select reconciliation, code, severity, owner, count(*) as open, sum(amount) as amount from exception
            where status = 'OPEN' group by all order by severity, code""",
        )
    )


def by_owner(con: duckdb.DuckDBPyConnection) -> Rows:
    """How many are open: severity, owner, count."""
    return list(
        rows_of(
            con,
            """select severity, owner, count(*) as "count" from exception
            where status = 'OPEN' group by all order by all""",
        )
    )


def keys(con: duckdb.DuckDBPyConnection) -> set[tuple[str, str]]:
    """(code, business key) of all that are open."""
    return set(con.execute("select code, business_key from exception where status = 'OPEN'").fetchall())


def open_now(con: duckdb.DuckDBPyConnection, columns: Sequence[str]) -> pa.Table:
    """Each that is open, most severe and longest due first.

    columns  some of the view `exception`, and source_file: the name of the file that it comes from
    """
    return table_of(
        con,
        f"""select e.*, f.name as source_file from exception e left join {files.NAMES} f on f.file_id = e.file_id
        where e.status = 'OPEN' order by e.severity, e.due_at, e.code, e.business_key""",
        columns,
    )


def worst(con: duckdb.DuckDBPyConnection, most: int | None) -> Rows:
    """Open exceptions, the highest priority first, so many at most; None for all.

    exception_id, severity, code, owner, due (day), late (whether it is past due), partner, file (its name), position,
    amount, currency, qty, message, fix (of its faults, None if it has none), suggestion (a resolution, and what that
    means)
    """
    order = "score desc, severity, due_at, code, business_key"
    found = rows_of(
        con,
        f"""with first as (
            select * from exception where status = 'OPEN'
            order by {order} limit {"all" if most is None else int(most)}),
        hints as (
            select file_id, code, business_key, min_by(hint, "position") as hint from fault
            where file_id in (select file_id from first) and hint <> '' group by all)
        select e.exception_id, e.severity, e.code, e.owner, strftime(e.due_at, '%Y-%m-%d') as due,
               e.due_at < now() as late, e.partner, f.name as file, e."position", e.amount, e.currency, e.qty,
               e.message, h.hint as fix, e.suggestion
        from first e left join {files.NAMES} f using (file_id)
        left join hints h using (file_id, code, business_key)
        order by {order}""",
    )
    return [{**row, "suggestion": explained(row["suggestion"])} for row in found]


def explained(suggestion: str | None) -> str:
    """A suggested resolution with what it means; "" if there is none."""
    meaning = {one.name: one.meaning for one in RESOLUTIONS}.get(suggestion or "", "")
    return f"{suggestion}: {meaning}" if meaning else suggestion or ""


def open_of(con: duckdb.DuckDBPyConnection, owners: Sequence[str], severity: int, since: datetime) -> Rows:
    """Open exceptions of these owners, of this severity or worse, as messages show them.

    exception_id, severity, code, owner, partner, business_key, amount, currency, qty, due (day), since (instant of its
    last opening), message, version (that of its last opening), fresh (whether it opened after `since`)
    """
    return list(
        rows_of(
            con,
            f"""with turns as (
                select exception_id, max(version) as version, arg_max("at", version) as event_at from exception_event
                where event in ('OPENED', 'REOPENED') group by exception_id)
            select {_SHOWN}, version, event_at > {instant(since)} as fresh from (
                select e.* exclude (version), t.version, t.event_at
                from exception e join turns t using (exception_id)
                where e.status = 'OPEN' and e.severity <= {severity} and {_of(owners)})
            order by severity, due, code, business_key""",
        )
    )


def closed_of(con: duckdb.DuckDBPyConnection, owners: Sequence[str], since: datetime) -> Rows:
    """What closed of these owners after `since`: the columns of `open_of` but for version and fresh, and by whom.

    resolution, note  how a person closed it, who and why; None where what it was about is gone
    """
    return list(
        rows_of(
            con,
            f"""select {_SHOWN}, resolution, note from (
                select *, "at" as event_at from exception
                where status = 'CLOSED' and "at" > {instant(since)} and {_of(owners)})
            order by severity, code, business_key""",
        )
    )


def events_since(con: duckdb.DuckDBPyConnection, seq: int) -> Rows:
    """What happened to exceptions in the commits after that audit row: event, code, business_key, exception_id,
    message, resolution, note."""
    return list(
        rows_of(
            con,
            f"""select event, code, business_key, exception_id, message, resolution, note from exception_event
            where commit_seq > {seq} order by event, severity, code, business_key""",
        )
    )


def _of(owners: Sequence[str]) -> str:
    return "true" if ALL in owners else f"owner in ({words(list(owners)) or 'null'})"
