"""Local time and instants, across the days on which clocks are changed."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


def instant(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """The instant (UTC) at which the clocks of a zone show that time.

    A time that comes twice means the first of the two; one that is left out means the moment at which the clocks
    are set forward. So a later time never gives an earlier instant.
    """
    wall = datetime.combine(day, clock, zone)
    first, second = wall.replace(fold=0).astimezone(UTC), wall.replace(fold=1).astimezone(UTC)
    return first if first <= second else _change_between(second, first, zone)


def _change_between(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The instant in (before, after] from which the zone has the later one's offset, to the second."""
    offset = after.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        if middle.astimezone(zone).utcoffset() == offset:
            after = middle
        else:
            before = middle
    return after


def local_day(at: datetime, zone: ZoneInfo) -> date:
    """The day that the zone has at an instant."""
    return at.astimezone(zone).date()


def is_within(at: datetime, begin: time, end: time, zone: ZoneInfo) -> bool:
    """Whether the zone's clocks show a time from `begin` until before `end`, which may lie on the next day.

    Nothing is within a span that begins when it ends.
    """
    now = at.astimezone(zone).time()
    return begin <= now < end if begin <= end else now >= begin or now < end
