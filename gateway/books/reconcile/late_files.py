"""i. Files: what did not come, numbers that are missing, files of an unusual size; and counts that are stale."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any

import duckdb
import pyarrow as pa

from gateway.books import feeds
from gateway.books.feeds import Arrival, Feed, Standing
from gateway.books.reconcile.tables import Recon
from gateway.calendars import local_day

_COLUMNS = ("code", "business_key", "entity", "partner", "document", "event_date", "message", "file_id")


def run(con: duckdb.DuckDBPyConnection, recon: Recon) -> None:
    """Say what is late or missing; note in `recon_stale` which feeds' last count is carried forward."""
    came = feeds.arrivals(con, recon.feeds)
    rows: list[tuple[Any, ...]] = []
    stale: list[tuple[str, str, str, date, str, str]] = []
    for feed in recon.feeds:
        standing = feeds.standings(feed, came[feed.name], recon.now)
        rows += _not_there(feed, standing, recon.now)
        rows += _numbers(con, feed, came[feed.name], recon.now)
        rows += _size(feed, came[feed.name])
        stale += _stale(feed, standing, recon.now)
    _insert(con, rows)
    _carried_forward(con, stale)


def _not_there(feed: Feed, standing: Sequence[Standing], now: datetime) -> Iterator[tuple[Any, ...]]:
    for one in standing:
        state, period = one.state(now), one.period
        if state not in ("late", "missing"):
            continue
        code = "FILE_LATE" if state == "late" else "FILE_MISSING"
        message = f"{feed.name} of {period.key} was due at {feed.local(period.due)}"
        message += " and is not there" if state == "late" else " and never came; the file after it was due since, too"
        yield code, f"{feed.name}|{period.key}", feed.entity, feed.partner, feed.name, period.day, message, None


def _numbers(
    con: duckdb.DuckDBPyConnection, feed: Feed, came: Sequence[Arrival], now: datetime
) -> Iterator[tuple[Any, ...]]:
    counter = feed.name if isinstance(feed.expect.sequence, str) else f"{feed.partner} control numbers"
    for gap in feeds.number_gaps(con, feed, came):
        count = gap.last - gap.first + 1
        what = str(gap.first) if count == 1 else f"{gap.first} to {gap.last} ({count})"
        message = f"{counter}: {what} did not come, but {gap.last + 1} did"
        key = f"{counter}|{gap.series}|{gap.last + 1}"
        yield "SEQ_GAP", key, feed.entity, feed.partner, feed.name, local_day(now, feed.expect.zone), message, None


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


def _stale(feed: Feed, standing: Sequence[Standing], now: datetime) -> list[tuple[str, str, str, date, str, str]]:
    """The first of the last counts in a row that did not come: since then the one before it is in use."""
    past = [one for one in standing if one.state(now) != "waiting"]
    first: Standing | None = None
    for one in reversed(past):
        if one.file is not None:
            break
        first = one
    if first is None or not feed.carries_forward:
        return []
    period = first.period
    return [(feed.name, feed.partner, feed.entity, period.day, period.key, feed.local(period.due))]


def _insert(con: duckdb.DuckDBPyConnection, rows: Sequence[tuple[Any, ...]]) -> None:
    kinds = (*[pa.utf8()] * 5, pa.date32(), pa.utf8(), pa.utf8())
    arrays = {
        name: pa.array([row[n] for row in rows], kind)
        for n, (name, kind) in enumerate(zip(_COLUMNS, kinds, strict=True))
    }
    con.register("_told", pa.table(arrays))
    con.execute(
        """insert into recon_exception by name
        select distinct 'i' as reconciliation, * from _told"""
    )
    con.unregister("_told")


def _carried_forward(con: duckdb.DuckDBPyConnection, stale: Sequence[tuple[str, str, str, date, str, str]]) -> None:
    """Fill `recon_stale`: feed, period and due time of the count that did not come; and tell it for each location."""
    names = ("feed", "partner", "entity", "event_date", "period", "due")
    kinds = (*[pa.utf8()] * 3, pa.date32(), pa.utf8(), pa.utf8())
    arrays = {
        name: pa.array([row[n] for row in stale], kind) for n, (name, kind) in enumerate(zip(names, kinds, strict=True))
    }
    con.register("_stale", pa.table(arrays))
    con.execute("create or replace temp table recon_stale as select * from _stale")
    con.unregister("_stale")
    if stale:
        con.execute(
            """insert into recon_exception by name
            with fed as (select distinct file_id, feed from file),
            counted as (
                select f.feed, c.entity, c.location, max(c.as_of) as as_of from inventory_snapshot_current c
                join fed f using (file_id) where c.scope = 'FULL' group by all)
            select 'a' as reconciliation, 'SNAPSHOT_MISSING' as code,
                   concat_ws('|', s.feed, c.location, s.period) as business_key, s.entity, s.partner, c.location,
                   s.feed as document, s.event_date,
                   s.feed || ' of ' || s.period || ' was due at ' || s.due || ' and did not come; '
                   || coalesce('the count of ' || strftime(c.as_of, '%Y-%m-%d %H:%M') || ' UTC at ' || c.location
                               || ' stays in use, compared with the book of that time', 'there is no earlier one')
                   as message
            from recon_stale s left join counted c using (feed)"""
        )
