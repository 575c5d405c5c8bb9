"""One order of day and month for a whole column: 08/07 is not July in one row and August in the next."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal, TypeVar

from gateway.mapping.compiler.dates import shape
from gateway.sql import literal

Order = Literal["dm", "md", "none"]
"""Day first, month first, or neither: then what can mean two days is not read."""

DAY_FIRST, MONTH_FIRST, AMBIGUOUS = 1, 2, 4
"""Bits that `evidence` gives for a text."""

Key = TypeVar("Key")
_ORDERED = re.compile(r"%-?([dm])[^%]{1,2}%-?([dm])(?![A-Za-z])")


def order(form: str) -> Order | None:
    """The order of a format in which day and month, as numbers, stand side by side before the year."""
    found = _ORDERED.search(form)
    if found is None or found[1] == found[2] or re.search("%[Yy]", form[: found.start()]):
        return None
    return "dm" if found[1] == "d" else "md"


def _pairs(formats: Sequence[str]) -> list[tuple[str, str]]:
    """(format with the day first, the same with the month first) of every such format."""
    found: dict[tuple[str, str], None] = {}
    for form in formats:
        if (own := order(form)) is not None:
            other = re.sub("(%-?)([dm])", lambda token: token[1] + {"d": "m", "m": "d"}[token[2]], form)
            found[(form, other) if own == "dm" else (other, form)] = None
    return list(found)


def both(formats: Sequence[str]) -> bool:
    """Whether the formats read some texts in both orders."""
    return any(one in formats and other in formats for one, other in _pairs(formats))


def evidence(text: str, formats: Sequence[str]) -> str:
    """SQL for the bits that a text says about the order of its column; "" where no format has one."""
    cases = []
    for one, other in _pairs(formats):
        first, second = (f"regexp_full_match({text}, {literal(shape(form))})" for form in (one, other))
        cases += [
            f"when {first} and not {second} then {DAY_FIRST}",
            f"when {second} and not {first} then {MONTH_FIRST}",
            f"when {first} and {second} and {_differ(text)} then {AMBIGUOUS}",
        ]
    return f"cast(case {' '.join(cases)} else 0 end as utinyint)" if cases else ""


def _differ(text: str) -> str:
    parts = [f"regexp_extract({text}, '([0-9]+)[^0-9]+([0-9]+)', {n})" for n in (1, 2)]
    return f"ltrim({parts[0]}, '0') <> ltrim({parts[1]}, '0')"


def decide(seen: Mapping[Key, int], formats: Mapping[Key, Sequence[str]]) -> dict[Key, Order]:
    """The order of each field whose ambiguous dates another value of the column decides, or leaves open.

    A field whose formats have one order keeps it, unless a value shows the other.
    """
    found: dict[Key, Order] = {}
    for field, bits in seen.items():
        shown = bits & (DAY_FIRST | MONTH_FIRST)
        declared = {order(form) for form in formats[field]} - {None}
        if not bits & AMBIGUOUS or (
            len(declared) == 1 and shown in (0, DAY_FIRST if "dm" in declared else MONTH_FIRST)
        ):
            continue
        words: dict[int, Order] = {DAY_FIRST: "dm", MONTH_FIRST: "md"}
        if shown or both(formats[field]):
            found[field] = words.get(shown, "none")
    return found


def kept(formats: Sequence[str], decided: Order) -> tuple[str, ...]:
    """The formats that fit an order; all for neither."""
    return tuple(form for form in formats if decided == "none" or order(form) in (None, decided))


def readings(text: str, formats: Sequence[str]) -> bool:
    """Whether a text can mean two days under formats of these kinds."""
    numbers = re.findall("[0-9]+", text)[:2]
    return (
        len(numbers) == 2
        and int(numbers[0]) != int(numbers[1])
        and any(re.fullmatch(shape(one), text) and re.fullmatch(shape(other), text) for one, other in _pairs(formats))
    )
