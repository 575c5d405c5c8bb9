"""BAI2 and BTRS records: physical lines with their continuations (88) → records → named fields."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from gateway.errors import FileError

NAMES: dict[str, tuple[str, ...]] = {
    "01": ("sender", "receiver", "date", "time", "id", "record_length", "block_size", "version"),
    "02": ("receiver", "originator", "status", "date", "time", "currency", "modifier"),
    "49": ("total", "records"),
    "98": ("total", "accounts", "records"),
    "99": ("total", "groups", "records"),
}
"""Record → its fields in order."""
SUMMARY = ("type", "amount", "count", "funds")
"""Fields of each status or summary of a 03."""
DETAIL = (
    "type",
    "amount",
    "funds",
    "bank_reference",
    "customer_reference",
    "text",
    "immediate",
    "one_day",
    "two_day",
    "value_date",
    "value_time",
)
"""Fields of a 16, in the order in which they are given here."""
_BEGINS = frozenset(("01,", "02,", "03,", "16,", "49,", "98,", "99,"))
_NEXT = re.compile(
    r"/ *(?=16,[0-9]{3},[+-]?[0-9]*,[012SVDZ]?,|(?:49|98),[+-]?[0-9]+,[0-9,]+(?:/|$)|03,[^,/]+,(?:[A-Z]{3})?,)"
)
"""Behind a text, which may have slashes, a record is one only with its first fields."""
_NEXT_BEHIND_FIELDS = re.compile(r"/ *(?=(?:01|02|03|16|49|88|98|99),)")
_LONG_DATE = re.compile("20[0-9]{6}")
"""As some banks write YYMMDD."""
_WHOLE = re.compile("[+-]?[0-9]{1,18}")
TYPES = frozenset(f"{number:03d}" for number in range(1_000))
"""What a type code can be."""
_PLAIN_FUNDS = frozenset(("", "0", "1", "2", "Z", "z"))
"""Funds types that take no fields behind themselves."""
_NO_FUNDS = ("", "", "", "", "")
_DISTRIBUTIONS = re.compile("[0-9]{1,4}")


@dataclass(slots=True)
class Record:
    """A record with its continuations.

    code   "01" …; "" for a line that is no record
    line   line of the file on which it begins
    parts  what stands behind the code on each physical line, without the closing slash
    """

    code: str
    line: int
    parts: list[str]

    @property
    def fields(self) -> list[str]:
        """All fields of the record and of its continuations (88), in order."""
        return [text for part in self.parts for text in part.split(",")]

    def named(self) -> dict[str, str]:
        """Field → text, "01/sender" …"""
        found = {f"{self.code}/{name}": text.strip() for name, text in zip(NAMES[self.code], self.fields, strict=False)}
        if _LONG_DATE.fullmatch(day := found.get("02/date", "")):
            found["02/date"] = day[2:]
        return found


def records(pieces: Iterable[str], name: str, chars_max: int) -> Iterator[Record]:
    """The records of a text. Raises FileError for one that is past `chars_max`."""
    record: Record | None = None
    chars = 0
    for number, line in _lines(pieces, name, chars_max):
        rest = line[3:-1] if line[-1] == "/" else line[3:]
        if line.startswith("88,") and record is not None:
            chars += len(rest)
            record.parts.append(rest)
        else:
            if record is not None:
                yield record
            chars = len(rest)
            record = Record(line[:2], number, [rest]) if line[:3] in _BEGINS else Record("", number, [line])
        if chars > chars_max:
            raise FileError(
                name,
                f"a record is longer than {chars_max} characters",
                "Check that it is a BAI2 file.",
                f"line {number}",
            )
    if record is not None:
        yield record


def _lines(pieces: Iterable[str], name: str, chars_max: int) -> Iterator[tuple[int, str]]:
    """(number, text) of every line that is not blank."""
    number, rest = 0, ""
    for piece in pieces:
        lines = (rest + piece).split("\n")
        rest = lines.pop()
        if len(rest) > chars_max:
            raise FileError(
                name,
                f"a line is longer than {chars_max} characters",
                "Check that it is a BAI2 file.",
                f"line {number + len(lines) + 1}",
            )
        for line in lines:
            number += 1
            line = line.strip()
            if line.find("/", 0, -1) >= 0:
                for one in _parted(line):
                    yield number, one
            elif line:
                yield number, line
    for one in _parted(rest.strip(" \t\x1a").rstrip()):
        yield number + 1, one


def _parted(line: str) -> list[str]:
    """The records of a line, none of a blank one: some banks part them by the slash alone, and fill up with blanks."""
    if line.find("/", 0, -1) < 0:
        return [line] if line else []
    found, begun = [], 0
    while mark := _behind(line[begun : begun + 2]).search(line, begun):
        found.append(line[begun : mark.start() + 1])
        begun = mark.end()
    return [*found, line[begun:]]


def _behind(code: str) -> re.Pattern[str]:
    return _NEXT if code in ("16", "88") else _NEXT_BEHIND_FIELDS


def is_amount(text: str) -> bool:
    """Whole minor units, perhaps signed, or nothing."""
    return not text or _WHOLE.fullmatch(text) is not None


def summaries(parts: Sequence[str]) -> list[tuple[str, str, str, str]] | str:
    """(type, amount, count, funds type) of each status and summary of a 03, behind account and currency.

    `parts` are its lines. Some banks end each line with a comma too many, or leave out blank fields there; then each
    line has whole summaries. Returns what is wrong instead, if the fields are ambiguous.
    """
    found = _summaries([text for part in parts for text in part.split(",")][2:])
    if not isinstance(found, str) or len(parts) == 1:
        return found
    each = [_summaries(part.split(",")[0 if place else 2 :]) for place, part in enumerate(parts)]
    whole = [one for one in each if not isinstance(one, str)]
    return [summary for one in whole for summary in one] if len(whole) == len(parts) else found


def _summaries(fields: Sequence[str]) -> list[tuple[str, str, str, str]] | str:
    found, place = [], 0
    while place < len(fields):
        one = [text.strip() for text in fields[place : place + 4]]
        kind, amount, count, funds = [*one, "", "", ""][:4]
        further = _funds(funds, fields[place + 4 : place + 5])
        if isinstance(further, str):
            return further
        place += 4 + further
        if not kind and not amount:
            continue
        if kind not in TYPES or not is_amount(amount):
            return f'"{kind},{amount}" is not a type code with an amount in minor units'
        found.append((kind, amount, count, funds))
    return found


def _funds(kind: str, rest: Sequence[str]) -> int | str:
    """How many fields a funds type takes behind itself, or what is wrong."""
    if kind in _PLAIN_FUNDS:
        return 0
    if kind == "S":
        return 3
    if kind == "V":
        return 2
    if kind == "D":
        if not rest or not _DISTRIBUTIONS.fullmatch(rest[0].strip()):
            return "funds type D without the number of its distributions"
        return 1 + 2 * int(rest[0])
    return f'there is no funds type "{kind}"'


def detail(parts: Sequence[str]) -> tuple[str, ...] | str:
    """The fields of a 16 as in DETAIL, or what is wrong with it.

    The text begins behind the references, has commas of its own and goes on in continuations.
    """
    fields = parts[0].split(",", 5)
    if len(fields) > 4 and fields[2] in _PLAIN_FUNDS:
        kind, amount, funds, bank, customer = fields[:5]
        texts = [*fields[5:], *parts[1:]]
        text = (texts[0] if len(texts) == 1 else "\n".join(filter(None, texts))).rstrip(",")
        further: Sequence[str] = _NO_FUNDS
    else:
        taken = _long_detail(parts)
        if isinstance(taken, str):
            return taken
        kind, amount, funds, bank, customer, text, *further = taken
    if kind not in TYPES:
        return f'"{kind}" is not a type code of three digits'
    if not is_amount(amount):
        return f'the amount "{amount}" is not in minor units without a point'
    return (kind, amount, funds, bank, customer, text, *further)


def _long_detail(parts: Sequence[str]) -> list[str] | str:
    """A 16 whose funds type takes fields, or whose fields go on in continuations."""
    fields: list[str] = []
    needed, line = 0, 0
    while line < len(parts) and (not needed or len(fields) < needed):
        fields += parts[line].split(",")
        line += 1
        if not needed and len(fields) > 3:
            further = _funds(fields[2].strip(), fields[3:4])
            if isinstance(further, str):
                return further
            needed = 5 + further
    needed = needed or 5
    kind, amount, funds = _filled([text.strip() for text in fields[:3]], 3)
    bank, customer = _filled(fields[needed - 2 : needed], 2)
    text = "\n".join([part for part in (",".join(fields[needed:]), *parts[line:]) if part]).rstrip(",")
    own = [text.strip() for text in fields[3 : needed - 2]] if funds in ("S", "V") else []
    immediate, one_day, two_day = _filled(own, 3) if funds == "S" else ("", "", "")
    value_date, value_time = _filled(own, 2) if funds == "V" else ("", "")
    return [kind, amount, funds, bank, customer, text, immediate, one_day, two_day, value_date, value_time]


def _filled(fields: list[str], count: int) -> list[str]:
    """These fields, and blanks for those that the record leaves out."""
    return fields + [""] * (count - len(fields))
