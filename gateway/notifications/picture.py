"""What a recipient is told, read from the ledger: exceptions of some owners, files, what is expected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import duckdb

from gateway.books import feeds as expected
from gateway.books.feeds import Feed
from gateway.calendars import instant, local_day
from gateway.sql import plain

Rows = list[dict[str, Any]]
LISTED_MAX = 50
"""Rows of a list in a message; the count is always that of all."""
ALL = "*"

_EXCEPTION = """exception_id, severity, code, owner, partner, business_key, amount, currency, qty,
strftime(due_at, '%Y-%m-%d') as due, strftime(event_at, '%Y-%m-%d %H:%M') as since, message"""


@dataclass(frozen=True, slots=True)
class Digest:
    """The day of some owners: each list is whole, messages show the head of it."""

    open: Rows
    opened: Rows
    closed: Rows
    overdue: int
    late: Rows
    files: Rows
    partners: Rows


def open_exceptions(con: duckdb.DuckDBPyConnection, owners: Sequence[str], severity: int, since: datetime) -> Rows:
    """What is open of these owners and as grave or graver.

    version  that of its last opening, and `fresh` whether it was after `since`
    """
    return _rows(
        con,
        f"""with turns as (
            select exception_id, max(version) as version, arg_max("at", version) as event_at from exception_event
            where event in ('OPENED', 'REOPENED') group by exception_id)
        select {_EXCEPTION}, version, event_at > ? as fresh from (
            select e.* exclude (version), t.version, t.event_at from exception e join turns t using (exception_id)
            where e.status = 'OPEN' and e.severity <= ? and (list_contains(?, e.owner) or list_contains(?, '{ALL}')))
        order by severity, due, code, business_key""",
        [since, severity, list(owners), list(owners)],
    )


def digest(
    con: duckdb.DuckDBPyConnection,
    feeds: Sequence[Feed],
    owners: Sequence[str],
    since: datetime,
    now: datetime,
    zone: ZoneInfo,
) -> Digest:
    """The day so far where the recipient is; opened and closed since the last digest."""
    still = open_exceptions(con, owners, 4, since)
    closed = _rows(
        con,
        f"""select {_EXCEPTION} from (
            select *, "at" as event_at from exception
            where status = 'CLOSED' and "at" > ? and (list_contains(?, owner) or list_contains(?, '{ALL}')))
        order by severity, code, business_key""",
        [since, list(owners), list(owners)],
    )
    today = instant(local_day(now, zone), time(0), zone)
    return Digest(
        open=still,
        opened=[row for row in still if row["fresh"]],
        closed=closed,
        overdue=sum(row["due"] < f"{now.astimezone(UTC):%Y-%m-%d}" for row in still),
        late=_late(con, feeds, now),
        files=_rows(
            con,
            """select state, partner, name, reason from file_state
            where state in ('HELD', 'QUARANTINED') order by partner, name""",
        ),
        partners=_rows(
            con,
            """select partner, count(*) as files, sum(received) as "rows", sum(accepted) as accepted,
                      sum(rejected) as rejected, sum(duplicate) as duplicate
            from file where recorded_at >= ? group by partner order by partner""",
            [today],
        ),
    )


def _late(con: duckdb.DuckDBPyConnection, feeds: Sequence[Feed], now: datetime) -> Rows:
    came = expected.arrivals(con, feeds)
    return [
        {"feed": feed.name, "period": one.period.key, "due": feed.local(one.period.due), "state": one.state(now)}
        for feed in feeds
        for one in expected.standings(feed, came[feed.name], now)
        if one.state(now) in ("late", "missing")
    ]


def _rows(con: duckdb.DuckDBPyConnection, sql: str, params: Sequence[Any] = ()) -> Rows:
    table = con.execute(sql, list(params)).to_arrow_table()
    return [{key: plain(value) for key, value in row.items()} for row in table.to_pylist()]
