"""Mappings of a partner that would both claim a file: it would be quarantined when it arrives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

from gateway.errors import HomeFault
from gateway.mapping.apply import drift
from gateway.mapping.language.loaded import Loaded

_TABLES = ("delimited", "workbook")
"""Formats whose files are recognised by their columns."""


def faults(mappings: Sequence[Loaded]) -> Iterator[HomeFault]:
    """A fault for each second mapping that names the same files, where the columns of neither distinguish them.

    mappings  those in force, without faults
    """
    tables = [
        one for one in mappings if one.mapping.file.format in _TABLES and not one.mapping.file.options.get("section")
    ]
    for first, second in combinations(sorted(tables, key=lambda one: (len(one.name), one.name)), 2):
        if first.mapping.feed != second.mapping.feed and (pattern := _both(first, second)):
            yield HomeFault(
                *second.place("file", "match"),
                f'"{pattern}" names the same files as {first.name}, and both read their columns',
                "narrow `match` in one of them, or remove one if it is a copy",
            )


def _both(first: Loaded, second: Loaded) -> str:
    """A pattern that both have, "" if they differ in something that decides."""
    one, other = first.mapping, second.mapping
    if (one.partner, one.file.format) != (other.partner, other.file.format):
        return ""
    if one.file.options.get("sheet") != other.file.options.get("sheet") or not first.shares_days_with(second):
        return ""
    needed, needed_by_other = (set(drift.lacking(each.record, set())) for each in (one, other))
    if not (needed <= needed_by_other or needed_by_other <= needed):
        return ""
    patterns = {pattern.casefold() for pattern in other.file.match}
    return next((pattern for pattern in one.file.match if pattern.casefold() in patterns), "")
