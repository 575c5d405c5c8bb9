"""Text → exact decimal, as SQL. The shape is checked by a regular expression before anything is cast.

A number may carry a sign in front or behind, parentheses for a negative one, and thousands separators. What
the declared column type cannot hold exactly is not read: nothing is ever rounded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

from gateway.mapping.language.spec import FieldSpec
from gateway.sql import literal

Notation = Literal["plain", "any", "point", "comma"]
"""How numbers are read: in the plainest way only; in every way that means one thing; also those that could mean two
things, with that decimal sign."""

POINT_SEEN, COMMA_SEEN, AMBIGUOUS_SEEN = 1, 2, 4
"""Bits that `evidence` gives for a text: what it says about the decimal sign of its column."""

AMBIGUOUS = r"[+-]?[1-9][0-9]{0,2}[.,][0-9]{3}"
"""One separator before three digits: thousands or decimals, only other values of the column can tell."""

Key = TypeVar("Key")

_SPACES = "[\u00a0\u202f\u2009]"


@dataclass(frozen=True, slots=True)
class Room:
    """What a number may hold: digits before the decimal sign, digits after it, and the SQL type."""

    whole: int
    places: int
    type: str


def room(sql_type: str) -> Room:
    """The room of a DECIMAL(width, places) column."""
    found = re.fullmatch(r"DECIMAL\((\d+),\s*(\d+)\)", sql_type)
    width, places = (int(found[1]), int(found[2])) if found else (18, 4)
    return Room(width - places, places, f"DECIMAL({width},{places})")


def number(text: str, decimal: str, into: Room, notation: Notation = "any") -> str:
    """SQL for `text` (SQL of trimmed text) as a number of that room, NULL where it is none.

    decimal  the decimal sign: point, comma, or auto, which reads each text that can mean one thing only
    """
    if decimal == "comma":
        quick, plain = _quick_comma(into), f"replace({text}, ',', '.')"
        branches = _comma_branches(into)
    elif decimal == "point":
        quick, plain = _quick_point(into), text
        branches = _point_branches(into)
    else:
        quick, plain = _quick_auto(into), text
        branches = _auto_branches(into)
        if notation in ("point", "comma"):
            branches += _decided_branches(notation)
    quick_case = f"when regexp_full_match({text}, {literal(quick)}) then cast({plain} as {into.type})"
    rest = f" else {_slow(_normal(text), branches, into)}" if notation != "plain" else ""
    return f"case {quick_case}{rest} end"


def evidence(text: str, into: Room) -> str:
    """SQL for the bits that a text under `auto` says about the decimal sign; 0 for nothing."""
    normal = _normal(text)
    seen = [(pattern, POINT_SEEN if sign == "." else COMMA_SEEN) for pattern, sign, _ in _auto_branches(into) if sign]
    cases = " ".join(f"when regexp_full_match({normal}, {literal(pattern)}) then {bit}" for pattern, bit in seen)
    return (
        f"cast(case when regexp_full_match({text}, {literal(_quick_auto(into))}) "
        f"then case when contains({text}, '.') then {POINT_SEEN} else 0 end "
        f"when regexp_full_match({normal}, {literal(AMBIGUOUS)}) then {AMBIGUOUS_SEEN} {cases} else 0 end as utinyint)"
    )


def decide(seen: Mapping[Key, int]) -> dict[Key, Notation]:
    """How the ambiguous numbers of a field are read, where its other numbers tell, else those of all fields."""
    words: dict[int, Notation] = {POINT_SEEN: "point", COMMA_SEEN: "comma"}
    signs = POINT_SEEN | COMMA_SEEN
    whole = 0
    for bits in seen.values():
        whole |= bits & signs
    found = {field: words.get((bits & signs) or whole) for field, bits in seen.items() if bits & AMBIGUOUS_SEEN}
    return {field: word for field, word in found.items() if word}


def scaled(text: str, spec: FieldSpec, into: Room, notation: Notation = "any") -> str:
    """SQL for a number in minor units: `12345` with scale 2 is 123.45. NULL where it would not be exact."""
    scale = spec.scale or 0
    if not scale:
        return number(text, spec.decimal, into, notation)
    wide = Room(into.whole + scale, into.places, f"DECIMAL({into.whole + scale + into.places},{into.places})")
    unit = f"cast('{'0.' + '0' * (scale - 1)}1' as DECIMAL({scale + 1},{scale}))"
    value = f"(({number(text, spec.decimal, wide, notation)}) * {unit})"
    return f"case when {value} = try_cast({value} as {into.type}) then try_cast({value} as {into.type}) end"


def _quick_point(into: Room) -> str:
    whole, places = f"0*[0-9]{{1,{into.whole}}}", into.places
    return rf"[+-]?({whole}(\.[0-9]{{0,{places}}}0*)?|\.[0-9]{{1,{places}}}0*)"


def _quick_comma(into: Room) -> str:
    whole, places = f"0*[0-9]{{1,{into.whole}}}", into.places
    return rf"[+-]?({whole}(,[0-9]{{0,{places}}}0*)?|,[0-9]{{1,{places}}}0*)"


def _quick_auto(into: Room) -> str:
    """Plain numbers whose decimal point cannot be a thousands separator."""
    return rf"[+-]?(0*[0-9]{{1,{into.whole}}}\.?|{_single('[.]', into)})"


def _single(sign: str, into: Room) -> str:
    """One separator that can only be the decimal sign: not three digits behind it, or no group before it."""
    whole, places = f"0*[0-9]{{1,{into.whole}}}", into.places
    few = f"[0-9]{{1,2}}|[0-9]{{4,{places}}}0*" if places >= 4 else "[0-9]{1,2}|[0-9]{1,2}00+"
    long_before = f"(0[0-9]{{0,{into.whole}}}|[0-9]{{4,{into.whole}}})?"
    return rf"({whole})?{sign}({few})|{long_before}{sign}[0-9]{{3}}"


def _groups(separator: str, least: int = 1) -> str:
    return rf"[1-9][0-9]{{0,2}}({separator}[0-9]{{3}}){{{least},}}"


Branch = tuple[str, str, str]
"""(regular expression, decimal sign it shows or "", thousands separators to remove as a class)."""


def _point_branches(into: Room) -> list[Branch]:
    tail = rf"(\.[0-9]{{0,{into.places}}}0*)?"
    grouped = "|".join(_groups(separator) for separator in (",", " ", "'"))
    return [(_quick_point(into), ".", ""), (rf"[+-]?({grouped}){tail}", ".", "[, '']")]


def _comma_branches(into: Room) -> list[Branch]:
    tail = rf"(,[0-9]{{0,{into.places}}}0*)?"
    grouped = "|".join(_groups(separator) for separator in (r"\.", " ", "'"))
    return [
        (_quick_comma(into), ",", ""),
        (rf"[+-]?({grouped}){tail}", ",", "[. '']"),
    ]


def _auto_branches(into: Room) -> list[Branch]:
    places = f"[0-9]{{1,{into.places}}}0*"
    blanks = f"({_groups(' ')}|{_groups(chr(39))})"
    return [
        (rf"[+-]?({_single('[.]', into)})", ".", ""),
        (rf"[+-]?0*[0-9]{{1,{into.whole}}}\.?", "", ""),
        (rf"[+-]?({_single(',', into)})", ",", ""),
        (rf"[+-]?({_groups(',')}\.{places}|{_groups(',', 2)})", ".", "[,]"),
        (rf"[+-]?({_groups('[.]')},{places}|{_groups('[.]', 2)})", ",", "[.]"),
        (rf"[+-]?{blanks}\.{places}", ".", "[ '']"),
        (rf"[+-]?{blanks},{places}", ",", "[ '']"),
        (rf"[+-]?{blanks}", "", "[ '']"),
    ]


def _decided_branches(notation: Notation) -> list[Branch]:
    sign, other = (".", "[,]") if notation == "point" else (",", "[.]")
    return [(AMBIGUOUS, sign, other)]


def _slow(normal: str, branches: list[Branch], into: Room) -> str:
    whens = []
    for pattern, sign, separators in branches:
        value = f"regexp_replace({normal}, '{separators}', '', 'g')" if separators else normal
        value = f"replace({value}, ',', '.')" if sign == "," else value
        whens.append(f"when regexp_full_match({normal}, {literal(pattern)}) then try_cast({value} as {into.type})")
    return f"case {' '.join(whens)} end"


def _normal(text: str) -> str:
    """Parentheses and a trailing sign become a leading one; a narrow or fixed blank becomes a blank."""
    spaces = f"regexp_replace({text}, '{_SPACES}', ' ', 'g')"
    brackets = f"regexp_replace({spaces}, '^\\(([^()+-]*)\\)$', '-\\1')"
    return f"regexp_replace({brackets}, '^([^+-].*)([+-])$', '\\2\\1')"
