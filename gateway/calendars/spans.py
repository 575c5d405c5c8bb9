"""How spans, times of day and days are written by people."""

from __future__ import annotations

import re
from datetime import time, timedelta
from typing import NamedTuple

UNITS = ("hour", "day", "business day", "week", "month")
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

_EVERY = re.compile(rf"(?:([1-9]\d{{0,2}}) )?({'|'.join(UNITS)})s?")
_SPAN = re.compile(r"(\d{1,4}) ?(minute|hour|day|week|m|h|d)s?")
_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
_LENGTHS = {
    "m": timedelta(minutes=1),
    "minute": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "hour": timedelta(hours=1),
    "d": timedelta(days=1),
    "day": timedelta(days=1),
    "week": timedelta(days=7),
}


class Every(NamedTuple):
    """A period as a number of units: 14 days, 1 business day."""

    number: int
    unit: str


def every(text: str) -> Every:
    """ "business day" → (1, "business day"), "14 days" → (14, "day"). Raises ValueError."""
    found = _EVERY.fullmatch(text)
    if found is None:
        raise ValueError(f'"{text}" is not a duration')
    return Every(int(found[1] or 1), found[2])


def span(text: str) -> timedelta:
    """ "2 hours" or "2h" → 2 hours. Raises ValueError."""
    found = _SPAN.fullmatch(text)
    if found is None:
        raise ValueError(f'"{text}" is not a duration')
    return int(found[1]) * _LENGTHS[found[2]]


def clock(text: str) -> time:
    """ "08:00" → 8 o'clock. Raises ValueError."""
    found = _TIME.fullmatch(text)
    if found is None:
        raise ValueError(f'"{text}" is not a time of day')
    return time(int(found[1]), int(found[2]))
