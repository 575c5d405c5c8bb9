"""What the values of a column look like: numbers, dates, check digits, few codes or free text."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import product
from typing import Any

from gateway.mapping.compiler import dates
from gateway.mapping.language.identifiers import wrong

MOST, MOST_DATES = 0.7, 0.6
"""So large a share of the values must have a shape: samples hold mistakes too, and what looks like a date is one."""
BLANKS = frozenset(("--", "-", "n/a", "#n/a", "null", "n.a."))
"""What people and programs write for nothing."""
CODES_MAX = 12
"""A column with more values than these is no column of codes."""
EXAMPLES = 3

_NUMBER = re.compile(r"[-+−(]?\s*[€$£]?\s*[-+−]?[0-9][0-9.,'’\u00a0\u202f ]*\s*[€$£%]?\)?-?")
_DIGITS = re.compile(r"[^0-9.,]")
_ISO = re.compile(r"[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}(?:[T ][0-9]{2}:[0-9]{2}.*)?")
_NUMBERED_DAYS = (
    "%d.%m.%Y %-d.%-m.%Y %d.%m.%y %-d.%-m.%y %d/%m/%Y %-d/%-m/%Y %m/%d/%Y %-m/%-d/%Y %m/%d/%y %d/%m/%y %Y/%m/%d "
    "%d-%m-%Y %m-%d-%Y %d-%b-%Y %-d-%b-%Y %-d-%b-%y"
)
_WORDED_DAYS = ("%b %-d, %Y", "%B %-d, %Y", "%-d %b %Y", "%-d %B %Y", "%-d. %B %Y")
_DAYS = (*_NUMBERED_DAYS.split(), *_WORDED_DAYS)
_TIMES = (
    "",
    " %H:%M",
    " %H:%M:%S",
    " %-H:%M",
    " - %H:%M:%S",
    " %-I:%M %p",
    " %-I:%M:%S %p",
    " %H:%M:%S %z",
    " %H:%M:%S %Z",
)
_COMPACT = re.compile(r"20[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])")
CURRENCY = re.compile(r"[A-Za-z]{3}")


@dataclass(frozen=True, slots=True)
class Shape:
    """What the values of a column look like.

    kind      blank, integer, decimal, date, datetime, currency, text
    filled    share of the rows that have a value
    distinct  number of different values
    values    the most frequent values, the most frequent first
    decimal   of numbers: point, comma, "both" (only values that mean both), "" where none has a fraction
    formats   of dates: the formats that fit all values that any format fits; several where day and month are open
    check     gtin, iban: the check digits of all values are right; "" if not
    unique    whether no value stands there twice
    blanks    words that stand there for nothing
    """

    kind: str
    filled: float = 0.0
    distinct: int = 0
    values: tuple[str, ...] = ()
    decimal: str = ""
    formats: tuple[str, ...] = ()
    check: str = ""
    negative: bool = False
    unique: bool = False
    blanks: tuple[str, ...] = ()

    @property
    def numeric(self) -> bool:
        """Whether it is a column of numbers."""
        return self.kind in ("integer", "decimal")

    @property
    def timely(self) -> bool:
        """Whether it is a column of days or instants."""
        return self.kind in ("date", "datetime")

    @property
    def codes(self) -> bool:
        """Whether a few values come again and again."""
        return (
            self.kind in ("text", "integer") and self.distinct <= CODES_MAX and not (self.unique and self.distinct > 3)
        )

    @property
    def words(self) -> str:
        """The shape, for people."""
        shown = {"integer": "whole numbers", "decimal": "numbers", "currency": "currency codes", "text": "text"}
        name = shown.get(self.kind, f"{self.kind}s" if self.timely else "no values")
        if self.check:
            return f"{self.check.upper()} check digits are right"
        if self.timely:
            return f"{name} {' or '.join(self.formats)}"
        return f"{name}, decimal {self.decimal}" if self.decimal in ("comma", "point") else name


def of(cells: Sequence[str]) -> Shape:
    """The shape of a column's cells."""
    written = [cell.strip() for cell in cells if cell.strip()]
    values = [cell for cell in written if cell.casefold() not in BLANKS]
    blanks = tuple(sorted({cell for cell in written if cell.casefold() in BLANKS}))
    if not values:
        return Shape("blank", blanks=blanks)
    counts = Counter(values)
    found = _kind(values)
    return Shape(
        **found,
        filled=len(values) / len(cells),
        distinct=len(counts),
        values=tuple(value for value, _ in counts.most_common(CODES_MAX + 1)),
        unique=len(counts) == len(values) > 1,
        blanks=blanks,
    )


def _kind(values: Sequence[str]) -> dict[str, Any]:
    if formats := date_formats(values):
        timed = any("%H" in form or "%-H" in form or "%-I" in form for form in formats)
        timed = timed or (formats == ("iso",) and any(":" in value for value in values))
        return {"kind": "datetime" if timed else "date", "formats": formats}
    if check := _check(values):
        return {"kind": "text", "check": check}
    if _share(values, lambda one: bool(CURRENCY.fullmatch(one)) and _is_currency(one)) == 1:
        return {"kind": "currency"}
    numbers = [value for value in map(_without_currency, values) if _NUMBER.fullmatch(value)]
    if len(numbers) < MOST * len(values) or _identifiers(numbers):
        return {"kind": "text"}
    marks = [decimal_mark(value) for value in numbers]
    kinds = {mark for mark in marks if mark in ("point", "comma")}
    mark = next(iter(kinds)) if len(kinds) == 1 else ("both" if kinds or "both" in marks else "")
    negative = any(value[0] in "-−(" or value[-1] == "-" for value in numbers)
    return {"kind": "decimal" if mark else "integer", "decimal": mark, "negative": negative}


def _without_currency(text: str) -> str:
    """A text without the code of a currency before or behind it."""
    found = re.fullmatch(r"(?:([A-Z]{3})\s*)?(.*?)(?:\s*([A-Z]{3}))?", text)
    codes = [code for code in (found[1], found[3]) if code] if found else []
    return found[2] if found and codes and all(map(_is_currency, codes)) else text


def _identifiers(numbers: Sequence[str]) -> bool:
    """Digits with leading zeros, or more of them than a number of this trade has, are no number."""
    return any(re.fullmatch("0[0-9]+|[0-9]{11,}", number) for number in numbers)


def _share(values: Sequence[str], holds: Callable[[str], bool]) -> float:
    return sum(bool(holds(value)) for value in values) / len(values)


@cache
def _is_currency(text: str) -> bool:
    from babel.numbers import list_currencies

    return text.upper() in list_currencies()


def _check(values: Sequence[str]) -> str:
    """The identifier whose check digits are right in all values; three different ones at least, or an IBAN."""
    different = set(values)
    if all(re.match("[A-Z]{2}[0-9]{2}[A-Z0-9]", value.replace(" ", "")) for value in different):
        return "iban" if not any(wrong("iban", value.replace(" ", "")) for value in different) else ""
    if len(different) >= 3 and not any(wrong("gtin", value) for value in different):
        return "gtin"
    return ""


def decimal_mark(text: str) -> str:
    """point, comma, "both" where the text can be read both ways, "" without a mark."""
    digits = _DIGITS.sub("", text).strip(".,")
    marks = [mark for mark in digits if mark in ".,"]
    if not marks:
        return ""
    name = {".": "point", ",": "comma"}
    if len(set(marks)) == 2:
        return name[marks[-1]]
    if len(marks) > 1:
        return name["," if marks[0] == "." else "."]
    head, _, tail = digits.partition(marks[0])
    return "both" if len(tail) == 3 and 0 < len(head) <= 3 and head != "0" else name[marks[0]]


def date_formats(values: Sequence[str]) -> tuple[str, ...]:
    """The formats that fit as many values as any does, and most of them; () for values that are no dates."""
    different = list(dict.fromkeys(values))
    if sum(map(_iso, different)) >= MOST_DATES * len(different):
        return ("iso",)
    if sum(bool(_COMPACT.fullmatch(value)) for value in different) >= max(2, MOST_DATES * len(different)):
        return ("ymd",)
    if sum(
        any(mark in value for mark in "./-, ") and any(map(str.isdigit, value)) for value in different
    ) < MOST_DATES * len(different):
        return ()
    fits = {form: sum(bool(shape.fullmatch(value)) for value in different) for form, shape in _forms().items()}
    best = max(fits.values())
    if best < MOST_DATES * len(different):
        return ()
    found = [form for form, count in fits.items() if count == best]
    strict = [form for form in found if form.replace("%-", "%") == form or form.replace("%-", "%") not in found]
    return tuple(form for form in strict if "%B" not in form or form.replace("%B", "%b") not in strict)


def _iso(value: str) -> bool:
    if not _ISO.fullmatch(value):
        return False
    try:
        datetime.fromisoformat(value.removesuffix(" UTC"))
    except ValueError:
        return False
    return True


@cache
def _forms() -> dict[str, re.Pattern[str]]:
    """Every format of a day, alone and with a time, with its shape."""
    forms = [day + time for day, time in product(_DAYS, _TIMES)]
    return {form: re.compile(dates.shape(form)) for form in forms}
