"""Formats of dates: tokens that are none, a spreadsheet's words for them, and months and minutes that were swapped."""

from __future__ import annotations

import re

from gateway.mapping.compiler import dates
from gateway.nearest import listed, nearest

_WORDS = {
    **dict.fromkeys(("d", "dd", "t", "tt"), "%d"),
    **dict.fromkeys(("m", "mm"), "%m"),
    **dict.fromkeys(("yyyy", "jjjj", "aaaa"), "%Y"),
    **dict.fromkeys(("yy", "jj"), "%y"),
    **dict.fromkeys(("h", "hh"), "%H"),
    **dict.fromkeys(("s", "ss"), "%S"),
}
"""Words of spreadsheets, in English and German, for parts of a date."""
_PARTS = {"day": "djaA", "month": "mbBj", "year": "Yy"}
_MINUTE_OF_DAY = re.compile(r"(%-?[HI][^%]?)%-?m")


def fault(form: str) -> tuple[str, str] | None:
    """(what is wrong with a format, the fix), None where it can be used."""
    try:
        dates.shape(form)
    except ValueError as error:
        return _unknown(form, str(error))
    if form in dates.NAMED:
        return None
    if not form.strip() or "%" not in form:
        known = ("iso", *dates.BY_CODE, dates.SERIAL, *dates.NAMED)
        translated = _translated(form)
        fix = f'write "{translated}"' if translated else f"use tokens such as %Y-%m-%d, or {listed(known)}"
        return f'"{form}" is not a date format{"" if translated else nearest(form, known)}', fix
    return _swapped(form)


def _unknown(form: str, reason: str) -> tuple[str, str]:
    """A token that is none; one that is written in the other case is named."""
    found = re.search(r"unknown token (%-?[A-Za-z])", reason)
    other = found[1].swapcase() if found else ""
    if found and other in dates.TOKENS:
        return f'"{form}" has an unknown token {found[1]}', f'write "{form.replace(found[1], other)}"'
    return f'"{form}" has an {reason.partition(";")[0]}', f"use {', '.join(sorted(dates.TOKENS))}"


def _translated(form: str) -> str:
    """The format that a spreadsheet's stands for, "" where a word of it is not known."""
    # A text in quotes, as the T of yyyy-MM-dd'T'HH:mm, stands for itself.
    parts = re.findall("'[^']*'|[A-Za-z]+|[^A-Za-z']+", form)
    words = [part.lower() for part in parts if part[0].isalpha()]
    if not words or not all(word in _WORDS for word in words) or "".join(parts) != form:
        return ""
    written = "".join(_WORDS.get(part.lower(), part.strip("'")) for part in parts)
    return re.sub(r"(%H[^%]?)%m", r"\1%M", written)


def _swapped(form: str) -> tuple[str, str] | None:
    """Minutes where the month belongs, or the other way round."""
    letters = set(re.findall("%-?([A-Za-z])", form))
    if _MINUTE_OF_DAY.search(form):
        fixed = _MINUTE_OF_DAY.sub(r"\1%M", form)
        return f'"{form}" reads the month (%m) behind the hour, where minutes are written', f'write "{fixed}"'
    lacking = [part for part, tokens in _PARTS.items() if not letters & set(tokens)]
    if lacking == ["month"] and "M" in letters:
        fixed = re.sub("%-?M", "%m", form, count=1)
        return f'"{form}" reads minutes (%M) where the month (%m) is written', f'write "{fixed}"'
    return None
