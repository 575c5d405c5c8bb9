"""What did not come, numbers that are missing, files of an unusual size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import duckdb
import pyarrow as pa

from gateway.books import feeds
from gateway.books.feeds import Arrival, Feed, Standing
from gateway.books.reconcile.registry import Reconciliation
from gateway.books.reconcile.tables import Working
from gateway.calendars import local_day
from gateway.sql import lay

CODES = ("FILE_LATE", "FILE_MISSING", "SEQ_GAP", "FILE_SIZE")
_TEXTS = ("code", "business_key", "entity", "partner", "document")
_ROWS = pa.schema(
    [
        *((name, pa.utf8()) for name in _TEXTS),
        ("event_date", pa.date32()),
        ("message", pa.utf8()),
        ("file_id", pa.utf8()),
    ]
)


def run(working: Working, block: Reconciliation) -> None:
    """List what is late or missing, gaps in numbers, and files with far fewer or more rows than usual."""
    con, now = working.con, working.recon.now
    rows: list[tuple[Any, ...]] = []
    for feed in working.recon.feeds:
        came = working.arrivals[feed.name]
        rows += _not_there(feed, feeds.standings(feed, came, now), now)
        rows += _numbers(con, feed, came, now)
        rows += _size(feed, came)
    lay(con, "_late_files", rows, _ROWS)
    working.add_exceptions(block, "select distinct * from _late_files")


def _not_there(feed: Feed, standing: Sequence[Standing], now: datetime) -> Iterator[tuple[Any, ...]]:
    for one in standing:
        state, period = one.state(now), one.period
        if state not in ("late", "missing"):
            continue
        code = "FILE_LATE" if state == "late" else "FILE_MISSING"
        message = f"{feed.name} of {period.key} was due at {feed.local(period.due)}"
        message += (
            " and has not arrived" if state == "late" else " and has not arrived; the file after it has become due too"
        )
        yield code, f"{feed.name}|{period.key}", feed.entity, feed.partner, feed.name, period.day, message, None


def _numbers(
    con: duckdb.DuckDBPyConnection, feed: Feed, came: Sequence[Arrival], now: datetime
) -> Iterator[tuple[Any, ...]]:
    counter = feed.name if isinstance(feed.expect.sequence, str) else f"{feed.partner} control numbers"
    for gap in feeds.number_gaps(con, feed, came):
        count = gap.last - gap.first + 1
        what = str(gap.first) if count == 1 else f"{gap.first} to {gap.last} ({count})"
        message = f"{counter}: {what} did not arrive, but {gap.last + 1} did"
        key = f"{counter}|{gap.series}|{gap.last + 1}"
        yield "SEQ_GAP", key, feed.entity, feed.partner, feed.name, local_day(now, feed.expect.zone), message, None
    for file, digits in feeds.overlong(con, feed, came):
        message = (
            f"{counter}: the number in {file.name[:40]} has {digits} digits and is not counted; at most "
            f"{feeds.NUMBER_DIGITS_MAX} were expected. Fix: ask the sender, or correct expect.sequence of the mapping"
        )
        day = local_day(file.arrived_at, feed.expect.zone)
        yield "SEQ_GAP", f"{counter}|{file.file_id}", feed.entity, feed.partner, feed.name, day, message, file.file_id


def _size(feed: Feed, came: Sequence[Arrival]) -> Iterator[tuple[Any, ...]]:
    found = feeds.unusual(feed, came)
    if found is None:
        return
    file, usual = found
    those = f"{usual.files} files before it" + (" of the same weekday" if usual.weekday else "")
    message = (
        f"{file.name} has {file.rows} rows; the {those} had {usual.middle:g} in the middle, "
        f"{usual.least} to {usual.most} would be usual"
    )
    day = local_day(file.arrived_at, feed.expect.zone)
    yield "FILE_SIZE", f"{feed.name}|{file.file_id}", feed.entity, feed.partner, feed.name, day, message, file.file_id
