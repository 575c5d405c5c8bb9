"""What a recipient is notified of, read from the ledger: exceptions of some owners, files, what is expected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import duckdb

from gateway.books import feeds as expected
from gateway.books.feeds import Feed
from gateway.calendars import instant, local_day
from gateway.ledger.anchors import Head
from gateway.ledger.commit import newest_head
from gateway.reports import exceptions, files
from gateway.sql import Rows

LISTED_MAX = 50
"""Rows of a list in a message; the count is always that of all."""
GRAVITY_LEAST = 4
"""Severity of what is for information only."""


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


@dataclass(frozen=True, slots=True)
class Chain:
    """The newest audit row, and the one that a recipient was sent before ("" for none): is it in the ledger?"""

    newest: Head
    before: str
    before_is_there: bool

    @property
    def sentence(self) -> str:
        """About the one before, for people."""
        if not self.before:
            return "It is the first that is sent here."
        if self.before_is_there:
            return f"The one that was sent before, {self.before}, is in the ledger."
        return (
            f"WARNING: the one that was sent before, {self.before}, is not in the ledger: "
            "the ledger was rolled back, cut off or rewritten. Run `gateway verify`."
        )


def chain(con: duckdb.DuckDBPyConnection, before: str) -> Chain | None:
    """The head of the audit chain, None where it is the same as `before` (NUMBER:HASH) or there is none."""
    newest = newest_head(con)
    if newest is None or newest.text == before:
        return None
    number, _, hash_ = before.partition(":")
    there = con.execute("select 1 from lake.audit_log where seq = try_cast(? as bigint) and hash = ?", [number, hash_])
    return Chain(newest, before, bool(there.fetchall()))


def digest(
    con: duckdb.DuckDBPyConnection,
    feeds: Sequence[Feed],
    owners: Sequence[str],
    since: datetime,
    now: datetime,
    zone: ZoneInfo,
) -> Digest:
    """The day so far where the recipient is; opened and closed since the last digest."""
    still = exceptions.open_of(con, owners, GRAVITY_LEAST, since)
    today = instant(local_day(now, zone), time(0), zone)
    return Digest(
        open=still,
        opened=[row for row in still if row["fresh"]],
        closed=exceptions.closed_of(con, owners, since),
        overdue=sum(row["due"] < f"{now.astimezone(UTC):%Y-%m-%d}" for row in still),
        late=_late(con, feeds, now),
        files=files.pending(con),
        partners=files.by_partner(con, today),
    )


def _late(con: duckdb.DuckDBPyConnection, feeds: Sequence[Feed], now: datetime) -> Rows:
    came = expected.arrivals(con, feeds)
    return [
        {"feed": feed.name, "period": one.period.key, "due": feed.local(one.period.due), "state": one.state(now)}
        for feed in feeds
        for one in expected.standings(feed, came[feed.name], now)
        if one.state(now) in ("late", "missing")
    ]
