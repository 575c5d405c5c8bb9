"""Subfields of MT940 and MT942: entries (:61:), balances (:60: :62: :64: :65:), totals (:90:), floors, numbers.

What the standard makes optional may be absent, blank or zero. An amount has no sign (SWIFT user handbook, category 9,
fields 60a and 61); banks that write one mean the other side: `D-5,00` is a debit that was taken back, `RD5,00`. Its
decimal mark is a comma; `5.00` and `1.005,00` have one meaning all the same, `1.005` has none. The first statement of
an account has no date of its opening balance, 000000 (DFÜ agreement, annex 3, chapter 8). Banks that count interest by
months of 30 days have a 30 February: the last day of that month.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import lru_cache

from gateway.formats.bank.statements import is_day

BALANCES = ("60F", "60M", "62F", "62M", "64", "65")
_OPTIONAL = frozenset(("64", "65", "13", "13D"))
_AMOUNT = (
    r"[+-]?(?:[0-9]{1,18}(?:,[0-9]{0,6})?|,[0-9]{1,6}|[0-9]{1,18}\.[0-9]{1,2}|[0-9]{1,3}(?:\.[0-9]{3})+,[0-9]{0,6})"
    r"(?![0-9.,])"
)
_DAYS = r" *([0-9]{6})([0-9]{4}| {4})? *"
_ENTRY = rf"{_DAYS}([RrEe]?[CcDd])([A-Z])? *\n?({_AMOUNT})(?: +(?=[FNS]))?([A-Z][A-Z0-9 ]{{3}})?"
_REFERENCES = r"([^/\n\x1e]*(?:/(?!/)[^/\n\x1e]*)*)(?://([^\n\x1e]*))?(?:\n([^\x1e]*))?"
_ONE_ENTRY = re.compile(_ENTRY + _REFERENCES)
_ALL_ENTRIES = re.compile(rf"(?<![^\x1e]){_ENTRY}{_REFERENCES}\x1e")
REFERENCE_CHARS = 16

_OTHER_SIDE = {"C": "RC", "RC": "C", "D": "RD", "RD": "D", "EC": "ED", "ED": "EC"}
_OTHER_BALANCE = {"C": "D", "D": "C"}
_NO_DAY = ("    ", "0000")
_NO_DATE = "000000"
_END_OF_FEBRUARY = ("0229", "0230")
_NO_DAYS = frozenset((*_NO_DAY, *_END_OF_FEBRUARY))
"""Entry dates that need a closer look."""

_BALANCE = ("mark", "date", "currency", "amount"), re.compile(rf"\s*([CDcd])([0-9]{{6}})([A-Z]{{3}})? *({_AMOUNT})\s*")
SUBFIELDS: dict[str, tuple[tuple[str, ...], re.Pattern[str]]] = {
    "60": _BALANCE,
    "62": _BALANCE,
    "64": _BALANCE,
    "65": _BALANCE,
    "28": (("number", "page"), re.compile(r" *([0-9]+) *(?:/ *([0-9]*))?\s*")),
    "34": (("currency", "mark", "amount"), re.compile(rf"([A-Z]{{3}})([CD ])? *({_AMOUNT})\s*")),
    "90": (("number", "currency", "amount"), re.compile(rf"([0-9]{{1,10}})(?:([A-Z]{{3}}) *({_AMOUNT})?)?\s*")),
    "13": (("date", "time", "offset"), re.compile(r"([0-9]{6})([0-9]{4})(?:[0-9]{2})?([+-]?[0-9]{4})?\s*")),
    "25": (("account", "bic"), re.compile(r"([^\n]*)(?:\n([^\n]*))?")),
}
"""Digits of a tag → names of its subfields, and the pattern whose groups they are."""
CHECKED = frozenset(("60", "62", "64", "65", "34", "90", "13"))
"""Fields that must be written as the standard says."""

ENTRY = ("value_date", "entry_date", "mark", "funds", "amount", "type", "reference", "bank_reference", "details")
"""Subfields of an entry, in order."""

Entry = tuple[str, str, str, str, str, str, str, str, str]
"""Their texts, "" for what is not there."""


def is_left_out(tag: str, text: str) -> bool:
    """Whether a field that may be missing stands there without a value, which says as little."""
    return tag in _OPTIONAL and not text.strip()


def subfields(tag: str, text: str) -> dict[str, str | None] | None:
    """Name → text of a field's parts, None if it is not written as it must be."""
    names, pattern = SUBFIELDS[tag[:2]]
    found = pattern.fullmatch(text)
    parts = dict(zip(names, found.groups(), strict=True)) if found else None
    if parts and pattern is _BALANCE[1]:
        mark, text, day = parts["mark"] or "", parts["amount"] or "", parts["date"] or ""
        parts["mark"], parts["amount"] = _plain(mark, text, _OTHER_BALANCE)
        parts["date"] = None if tag[:2] == "60" and day == _NO_DATE else _in_february(day)
    return parts


def _plain(mark: str, text: str, other: Mapping[str, str]) -> tuple[str, str]:
    """(mark in capitals, amount without sign and grouping): an amount below zero stands on the other side."""
    mark = mark.upper()
    if text[0] in "+-":
        mark, text = other[mark] if text[0] == "-" else mark, text[1:]
    if "." in text:
        text = text.replace(".", "" if "," in text else ",")
    return mark, f"0{text}" if text[0] == "," else text


def _in_february(day: str) -> str:
    """YYMMDD, of a 29 or 30 February that the year does not have the last day of the month."""
    if day[2:] not in _END_OF_FEBRUARY or is_day(day):
        return day
    return f"{day[:2]}0229" if is_day(f"{day[:2]}0229") else f"{day[:2]}0228"


def entries(texts: Sequence[str]) -> list[Entry | None]:
    """Every :61: taken apart; None for one that is not written as it must be."""
    found: list[Entry | None] = _ALL_ENTRIES.findall("\x1e".join(texts) + "\x1e") if texts else []
    if len(found) != len(texts):
        singly = [_ONE_ENTRY.fullmatch(text) for text in texts]
        found = [None if one is None else one.groups("") for one in singly]  # type: ignore[misc]
    if all(found) and _all_usual(found):  # type: ignore[arg-type]
        return found
    return [_usual(one) if one is not None and _unusual(one) else one for one in found]


def _all_usual(found: Sequence[Entry]) -> bool:
    """Whether none of these is `_unusual`: one look at each of their columns."""
    if not found:
        return True
    value_dates, days, marks, _, amounts, _, references, *_ = zip(*found, strict=True)
    texts = "\x1e".join(("", *amounts))
    return (
        _OTHER_SIDE.keys() >= set(marks)
        and not any(odd in texts for odd in ("+", "-", ".", "\x1e,"))
        and max(map(len, references)) <= REFERENCE_CHARS
        and _NO_DAYS.isdisjoint(days)
        and not any(day[2:] in _END_OF_FEBRUARY for day in set(value_dates))
    )


def _unusual(entry: Entry) -> bool:
    text = entry[4]
    odd = text[0] in "+-," or "." in text or entry[2] not in _OTHER_SIDE
    return odd or len(entry[6]) > REFERENCE_CHARS or entry[1] in _NO_DAY or _ends_february(entry)


def _ends_february(entry: Entry) -> bool:
    return entry[0][2:] in _END_OF_FEBRUARY or entry[1] in _END_OF_FEBRUARY


def _usual(entry: Entry) -> Entry:
    """An entry as the standard writes it."""
    value_date, day, mark, funds, text = entry[:5]
    if day in _NO_DAY:
        day = ""
    mark, text = _plain(mark, text, _OTHER_SIDE)
    day = _END_OF_FEBRUARY[0] if day in _END_OF_FEBRUARY else day
    entry = (_in_february(value_date), day, mark, funds, text, *entry[5:])
    return _parted(entry) if len(entry[6]) > REFERENCE_CHARS else entry


def _parted(entry: Entry) -> Entry:
    """Some banks write the details on the first line, behind a reference filled up to its 16 characters."""
    reference, bank_reference, details = entry[6:]
    if bank_reference or reference[REFERENCE_CHARS - 1] != " ":
        return entry
    behind = "\n".join(part for part in (reference[REFERENCE_CHARS:], details) if part)
    return (*entry[:6], reference[:REFERENCE_CHARS], "", behind)


def troubles(found: Sequence[Entry | None]) -> dict[int, str]:
    """Place → what is wrong with the entry there."""
    entry_days = {entry[1] for entry in found if entry} - {""}
    days = {entry[0] for entry in found if entry} | {f"24{day}" for day in entry_days}
    if None not in found and all(map(is_day, days)):
        return {}
    return {place: wrong for place, entry in enumerate(found) if (wrong := _trouble(entry))}


def _trouble(entry: Entry | None) -> str:
    if entry is None:
        return "expected value date, entry date, C or D, amount with a comma, type and reference"
    if not is_day(entry[0]):
        return f"the value date {entry[0]} is not a date"
    if entry[1] and not is_day("24" + entry[1]):
        return f"the entry date {entry[1]} is not a date"
    return ""


def amount(text: str) -> Decimal:
    """The amount of a SWIFT field, whose decimal mark is a comma: 15,5 → 15.5, 15, → 15."""
    return Decimal(text.replace(",", ".") if text[-1] != "," else text[:-1])


@lru_cache(maxsize=10_000)
def booking_date(value: str, day: str) -> str:
    """YYMMDD of the entry date MMDD in the year that brings it nearest to the value date, else the value date."""
    if not day:
        return value
    months = int(day[:2]) - int(value[2:4])
    year = int(value[:2]) - (months > 6) + (months < -6)
    return _in_february(f"{year % 100:02d}{day}")


def sign(mark: str) -> int:
    """1 for what the account receives, −1 for what it pays: a reversed credit is paid back."""
    return 1 if mark in ("C", "RD", "EC") else -1
