"""Codes of lookups and maps that stand for several: `Fee: *` for all that begin so, `*fee*` for any text around it.

All functions take codes in small letters. A blank code, or `*` alone, stands for every code and is no pattern.
"""

from __future__ import annotations

import re

ANY = ("", "*")

Rank = tuple[int, int, int]
"""The less, the more definite: whole codes, then patterns by the length of their beginning, then any code."""


def is_pattern(code: str) -> bool:
    """Whether a code stands for several codes, and not for all."""
    return "*" in code and code not in ANY


def rank(code: str) -> Rank:
    """How definite a code is."""
    if code in ANY:
        return 2, 0, 0
    if not is_pattern(code):
        return 0, 0, 0
    return 1, -code.index("*"), code.count("*") - len(code)


def fits(pattern: str, text: str) -> bool:
    """Whether a text is one of the codes that a pattern stands for; in time linear in both."""
    first, *middle, last = pattern.split("*")
    at, end = len(first), len(text) - len(last)
    if at > end or not text.startswith(first) or not text.endswith(last):
        return False
    for part in middle:
        found = text.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


def regex(pattern: str) -> str:
    """The pattern for `regexp_full_match` with the option `s`."""
    return ".*".join(re.escape(part) for part in pattern.split("*"))


def meet(one: str, other: str) -> bool:
    """Whether some text fits both patterns: each step is the set of places in `other` that a place in `one` reaches."""
    places = _through(other, {0})
    for character in one:
        if character == "*":
            places = set(range(min(places, default=len(other) + 1), len(other) + 1))
            continue
        stay = {at for at in places if other[at : at + 1] == "*"}
        places = _through(other, stay | {at + 1 for at in places if other[at : at + 1] == character})
    return len(other) in places


def _through(pattern: str, places: set[int]) -> set[int]:
    """These places, and those behind a `*` at one of them, which may stand for nothing."""
    found, waiting = set(places), list(places)
    while waiting:
        at = waiting.pop()
        if pattern[at : at + 1] == "*" and at + 1 not in found:
            found.add(at + 1)
            waiting.append(at + 1)
    return found
