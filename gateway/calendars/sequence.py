"""Numbers that should follow one another without a gap."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple

BACK_MAX = 100
"""A number so far below the highest before it begins a new series: a counter that was set back, not a late file."""


class Gap(NamedTuple):
    """Missing numbers `first` to `last`; `series` counts how often the counter was set back before."""

    series: int
    first: int
    last: int


def gaps(numbers: Iterable[int]) -> Iterator[Gap]:
    """What is missing between the numbers, given in the order in which they came. Late and repeated ones are fine."""
    for series, seen in enumerate(_series(numbers)):
        for before, after in pairwise(sorted(seen)):
            if after > before + 1:
                yield Gap(series, before + 1, after - 1)


def _series(numbers: Iterable[int]) -> list[set[int]]:
    found: list[set[int]] = []
    highest = 0
    for number in numbers:
        if not found or number < highest - BACK_MAX:
            found.append(set())
            highest = number
        found[-1].add(number)
        highest = max(highest, number)
    return found
