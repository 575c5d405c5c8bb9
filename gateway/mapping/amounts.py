"""Text → exact decimal, as SQL. The shape is checked by a regular expression before anything is cast.

A number may carry a sign in front or behind, parentheses for a negative one, and thousands separators. What
the declared column type cannot hold exactly is not read: nothing is ever rounded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from gateway.mapping.spec import FieldSpec
from gateway.mapping.text import quote

POINT_SEEN, COMMA_SEEN, AMBIGUOUS_SEEN = 1, 2, 4
"""Bits that `evidence` gives for a text: what it says about the decimal sign of its column."""

AMBIGUOUS = r"[+-]?[1-9][0-9]{0,2}[.,][0-9]{3}"
"""One separator before three digits: thousands or decimals, only other values of the column can tell."""

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


def number(text: str, decimal: str, into: Room, decided: str = "") -> str:
    """SQL for `text` (SQL of trimmed text) as a number of that room, NULL where it is none.

    decimal  the decimal sign: point, comma, or auto, which reads each text that can mean one thing only
    decided  for auto: how the texts that could mean two things are read, "" leaves them unread
    """
    if decimal == "comma":
        return _slow(_normal(text), _comma_branches(into), into)
    if decimal == "point":
        quick = _quick_point(into)
        branches = _point_branches(into)
    else:
        quick = _quick_auto(into)
        branches = _auto_branches(into) + (_decided_branches(decided) if decided else [])
    # A thousand rows in a plain notation never reach the second branch.
    return (
        f"case when regexp_full_match({text}, {quote(quick)}) then cast({text} as {into.type}) "
        f"else {_slow(_normal(text), branches, into)} end"
    )


def evidence(text: str, into: Room) -> str:
    """SQL for the bits that a text under `auto` says about the decimal sign; 0 for nothing."""
    normal = _normal(text)
    seen = [(pattern, POINT_SEEN if sign == "." else COMMA_SEEN) for pattern, sign, _ in _auto_branches(into) if sign]
    cases = " ".join(f"when regexp_full_match({normal}, {quote(pattern)}) then {bit}" for pattern, bit in seen)
    return (
        f"cast(case when regexp_full_match({text}, {quote(_quick_auto(into))}) "
        f"then case when contains({text}, '.') then {POINT_SEEN} else 0 end "
        f"when regexp_full_match({normal}, {quote(AMBIGUOUS)}) then {AMBIGUOUS_SEEN} {cases} else 0 end as utinyint)"
    )


def scaled(text: str, spec: FieldSpec, into: Room, decided: str = "") -> str:
    """SQL for a number in minor units: `12345` with scale 2 is 123.45. NULL where it would not be exact."""
    scale = spec.scale or 0
    if not scale:
        return number(text, spec.decimal, into, decided)
    wide = Room(into.whole + scale, into.places, f"DECIMAL({into.whole + scale + into.places},{into.places})")
    unit = f"cast('{'0.' + '0' * (scale - 1)}1' as DECIMAL({scale + 1},{scale}))"
    value = f"(({number(text, spec.decimal, wide, decided)}) * {unit})"
    return f"case when {value} = try_cast({value} as {into.type}) then try_cast({value} as {into.type}) end"


def _quick_point(into: Room) -> str:
    whole, places = f"0*[0-9]{{1,{into.whole}}}", into.places
    return rf"[+-]?({whole}(\.[0-9]{{0,{places}}}0*)?|\.[0-9]{{1,{places}}}0*)"


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
    whole, places = f"0*[0-9]{{1,{into.whole}}}", into.places
    tail = rf"(,[0-9]{{0,{places}}}0*)?"
    grouped = "|".join(_groups(separator) for separator in (r"\.", " ", "'"))
    return [
        (rf"[+-]?({whole}{tail}|,[0-9]{{1,{places}}}0*)", ",", ""),
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


def _decided_branches(decided: str) -> list[Branch]:
    sign, other = (".", "[,]") if decided == "point" else (",", "[.]")
    return [(AMBIGUOUS, sign, other)]


def _slow(normal: str, branches: list[Branch], into: Room) -> str:
    whens = []
    for pattern, sign, separators in branches:
        value = f"regexp_replace({normal}, '{separators}', '', 'g')" if separators else normal
        value = f"replace({value}, ',', '.')" if sign == "," else value
        whens.append(f"when regexp_full_match({normal}, {quote(pattern)}) then try_cast({value} as {into.type})")
    return f"case {' '.join(whens)} end"


def _normal(text: str) -> str:
    """Parentheses and a trailing sign become a leading one; a narrow or fixed blank becomes a blank."""
    spaces = f"regexp_replace({text}, '{_SPACES}', ' ', 'g')"
    brackets = f"regexp_replace({spaces}, '^\\(([^()+-]*)\\)$', '-\\1')"
    return f"regexp_replace({brackets}, '^([^+-].*)([+-])$', '\\2\\1')"
