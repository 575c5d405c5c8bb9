"""What each feed's calendar expects, and which files came for it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

import duckdb

from gateway.calendars import Period, allocate, instant, local_day
from gateway.calendars.sequence import Gap, gaps
from gateway.calendars.usual import Band, band
from gateway.mapping.language.loaded import Library, Loaded
from gateway.mapping.language.spec import Expect
from gateway.settings import Config
from gateway.sql import instant_of, microseconds

FULL_CONTROL_NO = 200
"""The ledger keeps so many characters of a file's control numbers; the last of more may be cut."""

NUMBER_DIGITS_MAX = 30
"""Digits that the number of a file or an interchange may have."""

State = Literal["came", "waiting", "late", "missing"]


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed with a calendar.

    serves   first and last arrival day of its mapping
    counted  the partner's feeds of the same format: their envelopes are numbered by one counter
    """

    name: str
    partner: str
    entity: str
    expect: Expect
    serves: tuple[date | None, date | None]
    counted: tuple[str, ...] = ()

    @property
    def carries_forward(self) -> bool:
        """Whether a count that does not come leaves the last one in use."""
        return self.expect.fallback.snapshot == "carry forward"

    def local(self, at: datetime) -> str:
        """An instant to the minute, in the feed's time zone."""
        return f"{at.astimezone(self.expect.zone):%Y-%m-%d %H:%M} {self.expect.timezone}"


@dataclass(frozen=True, slots=True)
class Arrival:
    """A file of a feed as it came; `rows` are its data rows."""

    file_id: str
    name: str
    arrived_at: datetime
    rows: int
    state: str


@dataclass(frozen=True, slots=True)
class Standing:
    """A period of a feed, its file if it came, and when the whole next period has gone by as well."""

    feed: Feed
    period: Period
    file: Arrival | None
    missing_at: datetime

    def state(self, now: datetime) -> State:
        """ "late" from the end of the patience on, "missing" when that of the next period has ended too."""
        if self.file is not None:
            return "came"
        if now < self.period.late:
            return "waiting"
        return "late" if now < self.missing_at else "missing"


def feeds_of(library: Library, config: Config) -> list[Feed]:
    """The feeds with a calendar, by name; one with several mappings for different days comes once for each."""
    found: list[Feed] = []
    mappings = [loaded.mapping for loaded in sorted((*library.mappings.values(), *library.earlier), key=_by_feed)]
    for mapping in mappings:
        if mapping.expect is not None:
            serves = (mapping.valid_from, mapping.valid_to)
            entity = config.entity_of(mapping.partner)
            kind = (mapping.partner, mapping.file.format)
            counted = {other.feed for other in mappings if (other.partner, other.file.format) == kind}
            found.append(Feed(mapping.feed, mapping.partner, entity, mapping.expect, serves, tuple(sorted(counted))))
    return found


def _by_feed(loaded: Loaded) -> tuple[str, date]:
    return loaded.mapping.feed, loaded.mapping.valid_from or date.min


def arrivals(con: duckdb.DuckDBPyConnection, feeds: Sequence[Feed]) -> dict[str, list[Arrival]]:
    """The files of each feed in the order in which they came.

    A test interchange is no file of the feed, nor are the same bytes under the same name once more; under another
    name they are: an empty list looks the same every day.
    """
    found: dict[str, list[Arrival]] = {feed.name: [] for feed in feeds}
    if not found:
        return found
    rows = con.execute(
        f"""select feed, file_id, name, {microseconds("min(arrived_at)")} as came,
                  arg_min(received, (arrived_at, version)) as received,
                  coalesce(arg_max(state, version), '') as state
        from file where list_contains(?, feed) and not test_flag group by feed, file_id, name order by came, name""",
        [list(found)],
    ).fetchall()
    for feed, file_id, name, came, received, state in rows:
        found[feed].append(Arrival(file_id, name, instant_of(came), received, state))
    return found


def standings(feed: Feed, came: Sequence[Arrival], now: datetime) -> list[Standing]:
    """Every period of the feed until now, in order, with its file; also the one that has begun."""
    since = feed.expect.since
    if since is None and not came:
        return []
    calendar = feed.expect.calendar(_anchor(feed, came))
    begin = instant(since, time(0), calendar.zone) if since else came[0].arrived_at
    until = max([now, *(arrival.arrived_at for arrival in came)])
    periods: list[Period] = []
    for period in calendar.periods(begin):
        periods.append(period)
        if period.start > until:
            break
    counted = _once_each(periods, came)
    found = allocate(periods, [arrival.arrived_at for arrival in counted])
    return [
        Standing(feed, period, None if number is None else counted[number], following.late)
        for period, number, following in zip(periods, found, periods[1:], strict=False)
        if period.start <= now and _is_expected(feed, period, begin if since else None)
    ]


def carried_forward(feed: Feed, standing: Sequence[Standing], now: datetime) -> Standing | None:
    """Of a feed that carries its counts forward, the first of the last counts in a row that did not come: since then
    the one before it is in use."""
    past = [one for one in standing if one.state(now) != "waiting"]
    first: Standing | None = None
    for one in reversed(past):
        if one.file is not None:
            break
        first = one
    return first if feed.carries_forward else None


def _anchor(feed: Feed, came: Sequence[Arrival]) -> date:
    return feed.expect.since or local_day(came[0].arrived_at, feed.expect.zone)


def _is_expected(feed: Feed, period: Period, begin: datetime | None) -> bool:
    first, last = feed.serves
    if (first and period.day < first) or (last and period.day > last):
        return False
    return begin is None or period.due >= begin


def _once_each(periods: Sequence[Period], came: Sequence[Arrival]) -> list[Arrival]:
    """Without those that replace a file of the same name in the same period: they are no file of another one."""
    seen: set[tuple[int, str]] = set()
    found = []
    starts = [period.start for period in periods]
    for arrival in came:
        key = (bisect_right(starts, arrival.arrived_at), arrival.name)
        if key not in seen:
            seen.add(key)
            found.append(arrival)
    return found


def of_today(standing: Sequence[Standing], now: datetime) -> Iterator[Standing]:
    """Of one feed: what is due today where it is, what is late, and of many the last that came and the next."""
    today = [s for s in standing if s.period.day == local_day(now, s.feed.expect.zone)]
    if len(today) > 2:
        came = [s for s in today if s.state(now) == "came"]
        today = came[-1:] + [s for s in today if s.state(now) == "waiting"][:1]
    late = [s for s in standing if s.state(now) in ("late", "missing") and s not in today]
    yield from sorted({s.period.key: s for s in [*late, *today]}.values(), key=lambda s: s.period.due)


def number_gaps(con: duckdb.DuckDBPyConnection, feed: Feed, came: Sequence[Arrival]) -> list[Gap]:
    """Numbers that did not come, since the feed is expected."""
    rule = feed.expect.sequence
    if rule is False:
        return []
    since = feed.expect.since
    begin = instant(since, time(0), feed.expect.zone) if since else datetime.min.replace(tzinfo=UTC)
    if isinstance(rule, str):
        texts = _numbers_in_names(con, rule, [arrival for arrival in came if arrival.arrived_at >= begin])
        return list(gaps(int(text) for text in texts if is_number(text)))
    return list(gaps(_control_numbers(con, feed, begin)))


def _control_numbers(con: duckdb.DuckDBPyConnection, feed: Feed, begin: datetime) -> Iterator[int]:
    """In the order in which the interchanges came; those of test interchanges are counted by the sender too."""
    for (text,) in con.execute(
        """select control_no from file where partner = ? and list_contains(?, feed) and arrived_at >= ?
        and control_no <> '' and state <> 'DUPLICATE' order by arrived_at, name""",
        [feed.partner, list(feed.counted), begin],
    ).fetchall():
        numbers = text.split(",")
        if len(text) >= FULL_CONTROL_NO:
            numbers.pop()
        yield from (int(number) for number in numbers if is_number(number))


def is_number(text: str) -> bool:
    """Whether a text is a number that a sequence may have: Python refuses to read some thousands of digits."""
    return len(text) <= NUMBER_DIGITS_MAX and text.isdecimal()


def overlong(con: duckdb.DuckDBPyConnection, feed: Feed, came: Sequence[Arrival]) -> list[tuple[Arrival, int]]:
    """Files whose name has a number too long to be one of a sequence, with its digits: it is not counted."""
    rule = feed.expect.sequence
    texts = _numbers_in_names(con, rule, came) if isinstance(rule, str) else []
    return [
        (arrival, len(text))
        for arrival, text in zip(came, texts, strict=False)
        if len(text) > NUMBER_DIGITS_MAX and text.isdecimal()
    ]


def _numbers_in_names(con: duckdb.DuckDBPyConnection, pattern: str, came: Sequence[Arrival]) -> list[str]:
    """What the pattern finds in each name, "" for nothing."""
    names = [arrival.name for arrival in came]
    rows = con.execute("select regexp_extract(unnest(?::varchar[]), ?, 1)", [names, pattern]).fetchall()
    return [text or "" for (text,) in rows]


def unusual(feed: Feed, came: Sequence[Arrival]) -> tuple[Arrival, Band] | None:
    """The feed's last file and what is usual, if it has far fewer or more rows than that."""
    judged = [arrival for arrival in came if arrival.state in ("ACCEPTED", "RELEASED", "SHADOW", "DUPLICATE")]
    if feed.expect.rows != "usual" or not judged:
        return None
    zone = feed.expect.zone
    *before, last = judged
    usual = band([(local_day(a.arrived_at, zone), a.rows) for a in before], local_day(last.arrived_at, zone))
    return (last, usual) if usual and not usual.least <= last.rows <= usual.most else None


class Turns:
    """The instants at which something that did not come becomes late: the books look different from then on.

    hourly  look every hour too: acknowledgements that are awaited become late at any time
    """

    def __init__(self, feeds: Sequence[Feed], *, hourly: bool = False) -> None:
        self.feeds, self.hourly = feeds, hourly
        self._last = datetime.min.replace(tzinfo=UTC)
        self._next = self._last

    def last(self, now: datetime) -> datetime:
        """The last of them that is past; midnight (UTC) is one too. Worked out again only when one has passed.

        Or when the clock went back: a clock that was years ahead must not silence what becomes late until then.
        """
        if not self._last <= now < self._next:
            midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
            instants = [midnight, midnight + timedelta(days=1)]
            if self.hourly:
                hour = now.replace(minute=0, second=0, microsecond=0)
                instants += [hour, hour + timedelta(hours=1)]
            for feed in self.feeds:
                calendar = feed.expect.calendar(feed.expect.since or now.date())
                if feed.expect.since is None:
                    # Counted from the first file, which is not known here: any of its days may be one.
                    calendar = replace(calendar, count=1)
                for period in calendar.periods(now - calendar.grace - timedelta(days=1)):
                    instants.append(period.late)
                    if period.late > now:
                        break
            self._last = max(at for at in instants if at <= now)
            self._next = min(at for at in instants if at > now)
        return self._last
