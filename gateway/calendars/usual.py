"""Whether a file has as many rows as its feed's files usually have."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from statistics import median
from typing import NamedTuple

FILES, FILES_MIN = 20, 8
"""So many files before it are looked at; with fewer than that nothing is judged."""
WIDTH = 5.0
"""Half the band in robust standard deviations (1.4826 times the median absolute deviation)."""
SHARE_MIN = 0.2
"""The band is at least so wide, as a share of the median: a feed that never varied may begin to."""


class Band(NamedTuple):
    """Usual numbers of rows, the median in the middle; `weekday` says that it is of files of the same weekday."""

    least: int
    middle: float
    most: int
    files: int
    weekday: bool


def band(before: Sequence[tuple[date, int]], day: date) -> Band | None:
    """The band for a file of a day, from (day, rows) of those before it in order; None if they are too few.

    Files of the same weekday are compared where there are enough.
    """
    same = [rows for other, rows in before if other.weekday() == day.weekday()][-FILES:]
    weekday = len(same) >= FILES_MIN
    rows = same if weekday else [count for _, count in before][-FILES:]
    if len(rows) < FILES_MIN:
        return None
    middle = median(rows)
    spread = 1.4826 * median(abs(count - middle) for count in rows)
    width = max(WIDTH * spread, SHARE_MIN * middle, 1.0)
    return Band(max(0, round(middle - width)), middle, round(middle + width), len(rows), weekday)
