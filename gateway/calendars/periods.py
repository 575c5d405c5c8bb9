"""The periods of a calendar: each instant belongs to exactly one, and each has one instant at which it is due."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from gateway.calendars.clock import instant, local_day

DAY = timedelta(days=1)
MIDNIGHT = time(0)
DAYS_BACK_MAX = 20_000


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of time in which one file is expected; instants are UTC.

    key         "2026-11-20", "2026-W47", "2026-11", "2026-11-20T14:00+01:00": the same whenever it is worked out
    day         local day on which it is due
    start, end  the first instant of it, and the first one of the next period
    due, late   when the file should be there, and when patience with it ends
    """

    key: str
    day: date
    start: datetime
    end: datetime
    due: datetime
    late: datetime


@dataclass(frozen=True, slots=True)
class _Begin:
    key: str
    day: date
    start: datetime
    due: datetime


@dataclass(frozen=True, slots=True)
class Calendar:
    """One file for each `count` units.

    unit    "hour", "day", "business day", "week" or "month"
    on      days on which it is due: weekdays 0–6 or days of the month 1–31 ("day" may have several of one kind);
            a day of the month that a month lacks is its last
    by      time of day at which it is due, for hours how long after the beginning; None is the end
    opens   time of day at which the window of a day begins: that of the day before unless it is earlier than `by`
    closed  days on which nothing is expected; what a week or a month expects then moves to the next working day
    anchor  a day on which a period begins, if they are of several units
    """

    unit: str
    zone: ZoneInfo
    count: int = 1
    weekdays: frozenset[int] = frozenset()
    monthdays: frozenset[int] = frozenset()
    by: time | None = None
    opens: time = MIDNIGHT
    closed: Container[date] = frozenset()
    grace: timedelta = timedelta(0)
    anchor: date = date(1970, 1, 1)

    def periods(self, first: datetime) -> Iterator[Period]:
        """The period of an instant, and all that follow it."""
        begins = self._begins(first)
        begin = next(begins)
        for following in begins:
            if following.start > begin.start:
                if following.start > first:
                    late = begin.due + self.grace
                    yield Period(begin.key, begin.day, begin.start, following.start, begin.due, late)
                begin = following

    def _begins(self, first: datetime) -> Iterator[_Begin]:
        """Beginnings of periods in their order; the first is not after the instant.

        Where a day is left out of the calendar, one has the start of the next.
        """
        day = local_day(first, self.zone) + 2 * DAY
        for _ in range(DAYS_BACK_MAX):
            if self._is_begin(day) and self._start(day) <= first:
                break
            day -= DAY
        else:
            raise ValueError("this calendar has no days")
        while True:
            if self._is_begin(day):
                yield from self._hours(day) if self.unit == "hour" else [self._begin(day)]
            day += DAY

    def _is_begin(self, day: date) -> bool:
        if self.unit == "week":
            return day.weekday() == 0 and (day - _monday(self.anchor)).days // 7 % self.count == 0
        if self.unit == "month":
            months = (day.year - self.anchor.year) * 12 + day.month - self.anchor.month
            return day.day == 1 and months % self.count == 0
        if self.unit == "day" and self.count > 1:
            return (day - self.anchor).days % self.count == 0
        return self._is_expected(day)

    def _is_expected(self, day: date) -> bool:
        if day in self.closed or (self.unit == "business day" and day.weekday() > 4):
            return False
        if self.weekdays:
            return day.weekday() in self.weekdays
        last = _month_end(day).day
        return not self.monthdays or day.day in {min(number, last) for number in self.monthdays}

    def _start(self, day: date) -> datetime:
        before = self.by is not None and self.opens >= self.by and self.unit in ("day", "business day")
        return instant(day - DAY if before else day, self.opens, self.zone)

    def _begin(self, day: date) -> _Begin:
        """Of a day, a business day, a week or a month that begins on that day."""
        due_on, key = day, day.isoformat()
        if self.unit == "week":
            year, week, _ = day.isocalendar()
            key, end = f"{year}-W{week:02}", day + 7 * self.count * DAY
            due_on = self._working(end - 7 * DAY + min(self.weekdays, default=6) * DAY, end)
        if self.unit == "month":
            key, last = f"{day:%Y-%m}", _month_end(_months_later(day, self.count - 1))
            due_on = self._working(last.replace(day=min(min(self.monthdays, default=31), last.day)), last + DAY)
        if self.by is not None:
            due = instant(due_on, self.by, self.zone)
        else:
            due = instant(due_on + DAY, self.opens, self.zone)
        return _Begin(key, due_on, self._start(day), due)

    def _working(self, day: date, end: date) -> date:
        """That day, or if it is closed the next working day before the end, or the last day."""
        if day not in self.closed:
            return day
        while day < end and (day in self.closed or day.weekday() > 4):
            day += DAY
        return min(day, end - DAY)

    def _hours(self, day: date) -> Iterator[_Begin]:
        """Of the hours of a day: so many hours each, from midnight; the last may be shorter or longer."""
        at, end = instant(day, MIDNIGHT, self.zone), instant(day + DAY, MIDNIGHT, self.zone)
        step = timedelta(hours=self.count)
        after = timedelta(hours=self.by.hour, minutes=self.by.minute) if self.by else step
        while at < end:
            key = at.astimezone(self.zone).isoformat(timespec="minutes")
            yield _Begin(key, day, at, min(at + after, end))
            at += step


def allocate(periods: Sequence[Period], arrivals: Sequence[datetime]) -> list[int | None]:
    """For each of the consecutive periods, the number of the arrival that is its file.

    An arrival belongs to the period in which it came; if that has its file already, to the last one before it that
    has none: so a file that comes late finds its place. `arrivals` are in order.
    """
    found: list[int | None] = [None] * len(periods)
    starts = [period.start for period in periods]
    empty: list[int] = []
    past = 0
    for number, at in enumerate(arrivals):
        own = bisect_right(starts, at) - 1
        empty += [period for period in range(past, own) if found[period] is None]
        past = max(past, own)
        if own < 0:
            continue
        if found[own] is None:
            found[own] = number
        elif empty:
            found[empty.pop()] = number
    return found


def _monday(day: date) -> date:
    return day - day.weekday() * DAY


def _month_end(day: date) -> date:
    return _months_later(day.replace(day=1), 1) - DAY


def _months_later(first: date, months: int) -> date:
    """The first day of the month that is so many months after that of `first`."""
    year, month = divmod(first.year * 12 + first.month - 1 + months, 12)
    return date(year, month + 1, 1)
