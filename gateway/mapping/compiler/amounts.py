"""Text → exact decimal, as SQL. The shape is checked by a regular expression before anything is cast.

A number may carry a sign in front or behind, parentheses for a negative one, thousands separators, and its currency
(`written_currencies`). What the declared column type cannot hold exactly is not read: nothing is rounded but the noise
of binary floating point behind the 15th digit (0.30000000000000004).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

from gateway.mapping.compiler import written_currencies
from gateway.mapping.language.spec import FieldSpec
from gateway.sql import literal

Notation = Literal["plain", "any", "point", "comma"]
"""How numbers are read: in the plainest way only; in every way that means one thing; also those that could mean two
things, with that decimal sign."""

POINT_SEEN, COMMA_SEEN, AMBIGUOUS_SEEN = 1, 2, 4
"""Bits that `evidence` gives for a text: what it says about the decimal sign of its column."""

AMBIGUOUS = r"[+-]?[1-9][0-9]{0,2}[.,][0-9]{3}"
"""One separator before three digits: thousands or decimals, which only other values of the column decide."""

Key = TypeVar("Key")

_SPACES = "[\u00a0\u2007\u2009\u202f]"
_MINUS = "[\u2010-\u2014\u2212\ufe63\uff0d]"
_APOSTROPHES = "[\u2019\u02bc\u00b4\u2032`]"
_NOISE_DIGITS = 16
"""Digits of a number from which on the last ones can be noise: a double holds 15 for sure (IEEE 754)."""


@dataclass(frozen=True, slots=True)
class Writing:
    """What may be written beside a number.

    currency  a currency sign or code
    letters   CR and DR, C and D, H and S: a debit is negative, as banks write it
    bare      step with the text without all that (`bare`), "" where there is none
    """

    currency: bool = False
    letters: bool = False
    bare: str = ""


PLAIN_WRITING = Writing()


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


def number(text: str, decimal: str, into: Room, notation: Notation = "any", writing: Writing = PLAIN_WRITING) -> str:
    """SQL for `text` (SQL of trimmed text) as a number of that room, NULL where it is none.

    decimal  the decimal sign: point, comma, or auto, which reads each text that can mean one thing only
    """
    branches = {"comma": _comma_branches, "point": _point_branches}.get(decimal, _auto_branches)(into)
    if decimal == "auto" and notation in ("point", "comma"):
        branches += _decided_branches(notation)
    plain = f"replace({text}, ',', '.')" if decimal == "comma" else text
    quick_case = f"when {_is_quick(text, decimal, into)} then cast({plain} as {into.type})"
    rest = f" else {_slow(writing.bare or _normal(text, writing), branches, into)}" if notation != "plain" else ""
    return f"case {quick_case}{rest} end"


def is_plain(text: str, into: Room) -> bool:
    """Whether a text is a number with a decimal point, written in the plainest way."""
    return re.fullmatch(_quick_point(into), text, re.ASCII) is not None


def bare(text: str, decimal: str, into: Room, writing: Writing) -> str:
    """SQL of a text without what is written beside its number, NULL where it is read in the plainest way."""
    return f"case when not {_is_quick(text, decimal, into)} then {_normal(text, writing)} end"


def without_decimals(text: str, condition: str) -> str:
    """SQL of a text whose only separator stands before three digits, without it where there are no decimals."""
    only = literal(rf"[^0-9]*{AMBIGUOUS.removeprefix('[+-]?')}[^0-9]*")
    whole = f"regexp_replace({text}, '([0-9])[.,]([0-9])', '\\1\\2')"
    return f"case when regexp_full_match({text}, {only}) and {condition} then {whole} else {text} end"


def evidence(text: str, into: Room, writing: Writing = PLAIN_WRITING) -> str:
    """SQL for the bits that a text under `auto` says about the decimal sign; 0 for nothing."""
    normal = writing.bare or _normal(text, writing)
    seen = [(pattern, POINT_SEEN if sign == "." else COMMA_SEEN) for pattern, sign, _ in _auto_branches(into) if sign]
    cases = " ".join(f"when regexp_full_match({normal}, {literal(pattern)}) then {bit}" for pattern, bit in seen)
    return (
        f"cast(case when {_is_quick(text, 'auto', into)} "
        f"then case when contains({text}, '.') then {POINT_SEEN} else 0 end "
        f"when regexp_full_match({normal}, {literal(AMBIGUOUS)}) then {AMBIGUOUS_SEEN} {cases} else 0 end as utinyint)"
    )


def decide(seen: Mapping[Key, int]) -> dict[Key, Notation]:
    """How the ambiguous numbers of a field are read: as its other numbers decide, else as those of all fields do."""
    words: dict[int, Notation] = {POINT_SEEN: "point", COMMA_SEEN: "comma"}
    signs = POINT_SEEN | COMMA_SEEN
    whole = 0
    for bits in seen.values():
        whole |= bits & signs
    found = {field: words.get((bits & signs) or whole) for field, bits in seen.items() if bits & AMBIGUOUS_SEEN}
    return {field: word for field, word in found.items() if word}


def scaled(text: str, spec: FieldSpec, into: Room, notation: Notation = "any", writing: Writing = PLAIN_WRITING) -> str:
    """SQL for a number in minor units: `12345` with scale 2 is 123.45. NULL where it would not be exact."""
    scale = spec.scale or 0
    if not scale:
        return number(text, spec.decimal, into, notation, writing)
    wide = Room(into.whole + scale, into.places, f"DECIMAL({into.whole + scale + into.places},{into.places})")
    unit = f"cast('{'0.' + '0' * (scale - 1)}1' as DECIMAL({scale + 1},{scale}))"
    value = f"(({number(text, spec.decimal, wide, notation, writing)}) * {unit})"
    return f"case when {value} = try_cast({value} as {into.type}) then try_cast({value} as {into.type}) end"


def _is_quick(text: str, decimal: str, into: Room) -> str:
    shape = {"comma": _quick_comma, "point": _quick_point}.get(decimal, _quick_auto)(into)
    return f"regexp_full_match({text}, {literal(shape)})"


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


_INDIAN = "[1-9][0-9]?(,[0-9]{2})+,[0-9]{3}"
"""Groups of two before the last three digits, as in India: 1,23,456."""

Branch = tuple[str, str, str]
"""(regular expression, decimal sign it shows or "", thousands separators to remove as a class)."""


def _point_branches(into: Room) -> list[Branch]:
    tail = rf"(\.[0-9]{{0,{into.places}}}0*)?"
    grouped = "|".join([*(_groups(separator) for separator in (",", " ", "'")), _INDIAN])
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
        (rf"[+-]?{_INDIAN}(\.{places})?", ".", "[,]"),
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
    whens += [_noisy(normal, sign, into) for sign in dict.fromkeys(sign for _, sign, _ in branches if sign)]
    return f"case {' '.join(whens)} end"


def _noisy(normal: str, sign: str, into: Room) -> str:
    """A number that went through binary floating point: 0.30000000000000004, 0.28999999999999998."""
    pattern = rf"[+-]?[0-9]{{1,{into.whole}}}[{sign}][0-9]{{{into.places}}}(0{{3,}}|9{{3,}})[0-9]{{1,3}}"
    long = f"length(regexp_replace({normal}, '[^0-9]', '', 'g')) >= {_NOISE_DIGITS}"
    exact = f"try_cast(replace({normal}, ',', '.') as decimal(38,{38 - into.whole}))"
    rounded = f"try_cast(round({exact}, {into.places}) as {into.type})"
    return f"when regexp_full_match({normal}, {literal(pattern)}) and {long} then {rounded}"


def _normal(text: str, writing: Writing) -> str:
    """Currencies off; parentheses, letters and a trailing sign become a leading sign; typographic signs plain ones."""
    normal = text
    for marks, plain in ((_SPACES, " "), (_MINUS, "-"), (_APOSTROPHES, "''")):
        normal = f"regexp_replace({normal}, '{marks}', '{plain}', 'g')"
    # Nothing is lost of a zero that programs write with an exponent: 0E-8.
    normal = f"regexp_replace({normal}, '^([+-]?0+(?:[.,]0*)?)[eE][+-]?[0-9]{{1,3}}$', '\\1')"
    # Programs put an apostrophe before a sign, so that a spreadsheet takes it for no formula; people, before digits.
    normal = f"regexp_replace({normal}, '^''([-+]?[0-9.,])', '\\1')"
    if writing.letters:
        beside = written_currencies.BEHIND if writing.currency else ""
        words = ((r"cr\.?", "[ch]", ""), (r"d[rb]\.?", "[ds]", "-"))
        patterns = [(f"^(?i:{word}) ?([^+(A-Za-z-]*[0-9.,]{beside})$", sign) for word, _, sign in words]
        patterns += [(f"^([^+(-]*[0-9.,]{beside}) ?(?i:{word}|{letter})$", sign) for word, letter, sign in words]
        for pattern, sign in patterns:
            normal = f"regexp_replace({normal}, {literal(pattern)}, '{sign}\\1')"
    if writing.currency:
        normal = written_currencies.removed(normal)
    # "12.-" and "12,--" are whole amounts, as in Switzerland and Germany, and no negative ones. In "1.234,-" the comma
    # stands for the decimals, so that the point does not.
    normal = f"regexp_replace({normal}, '(\\.[0-9]{{3}},|,[0-9]{{3}}\\.)-{{1,2}}$', '\\100')"
    normal = f"regexp_replace({normal}, '([0-9])[.,]-{{1,2}}$', '\\1')"
    normal = f"regexp_replace({normal}, '^([+-]) +', '\\1')"
    brackets = f"regexp_replace({normal}, '^\\( ?([^()+-]*?) ?\\)$', '-\\1')"
    return f"regexp_replace({brackets}, '^([^+-].*?) ?([+-])$', '\\2\\1')"
