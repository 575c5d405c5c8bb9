"""Cells of a sheet as text: what a stored number means under its format, and blocks of rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gateway.reading import unreadable

ROWS_MAX = 1 << 20
COLUMNS_MAX = 1 << 14
"""The size of a sheet in Excel."""

UNCALCULATED = "a formula without a stored result"

BLOCK_CELLS = 100_000
BLOCK_CHARACTERS = 16 << 20
ROW_CHARACTERS_MAX = 64 << 20

Formatter = Callable[[str], str]
Area = tuple[int, int, int, int]
"""(first row, first column, last row, last column) of merged cells."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A worksheet: its tab, and whether a person sees it."""

    title: str
    visible: bool


@dataclass(frozen=True, slots=True)
class Wrong:
    """A cell without a value that could be read: an error, or a formula that was never calculated."""

    row: int
    column: int
    what: str


@dataclass(frozen=True, slots=True)
class Block:
    """Some rows of a sheet.

    rows     row numbers from 1, rising; rows without any cell may be left out
    columns  column number from 1 → utf8 array over `rows`, null where there is no value
    wrong    cells of these rows that hold no value
    """

    rows: np.ndarray
    columns: dict[int, pa.Array]
    wrong: tuple[Wrong, ...] = ()

    def texts(self) -> Iterator[tuple[int, list[str]]]:
        """(row number, texts from column 1 to the row's last one) row by row."""
        lists = {column: array.to_pylist() for column, array in self.columns.items()}
        for place, row in enumerate(self.rows):
            cells = {column: texts[place] for column, texts in lists.items() if texts[place]}
            yield int(row), [cells.get(column, "") for column in range(1, max(cells, default=0) + 1)]


Blocks = Generator[Block, None, None]


class Book(Protocol):
    """An open workbook of any kind. Everything raises FileError for a file that cannot be trusted."""

    sheets: tuple[Sheet, ...]

    def blocks(self, sheet: int) -> Blocks:
        """The rows of a sheet in order, from its beginning."""

    def merged(self, sheet: int) -> list[Area]:
        """The merged cells of a sheet."""


def block(rows: Any, columns: Any, texts: pa.Array, wrong: Sequence[Wrong] = ()) -> Block:
    """Rows from cells in the order of the sheet: row numbers, column numbers and texts of the same length."""
    rows, columns = np.asarray(rows, dtype=np.int64), np.asarray(columns, dtype=np.int64)
    numbers, places = np.unique(rows, return_inverse=True)
    found = {}
    for column in np.unique(columns):
        cells = np.flatnonzero(columns == column)
        source = np.full(len(numbers), -1, dtype=np.int64)
        source[places[cells]] = cells
        found[int(column)] = texts.take(pa.array(source, mask=source < 0))
    return Block(numbers, found, tuple(wrong))


def blocks(cells: Iterable[tuple[int, int, str, str]]) -> Blocks:
    """Blocks of whole rows from (row, column, text, what is wrong with the cell or "") in the order of the sheet.

    Raises ValueError where that order is broken, and for a row of more text than memory should hold.
    """
    rows: list[int] = []
    columns: list[int] = []
    texts: list[str] = []
    wrong: list[Wrong] = []
    last = characters = 0
    for row, column, text, what in cells:
        if row < last or row > ROWS_MAX or column > COLUMNS_MAX:
            raise ValueError(f"row {row} does not follow row {last}")
        if row > last and (len(texts) >= BLOCK_CELLS or characters >= BLOCK_CHARACTERS):
            yield block(rows, columns, pa.array(texts, pa.utf8()), wrong)
            rows, columns, texts, wrong, characters = [], [], [], [], 0
        last = row
        characters += len(text)
        if characters > ROW_CHARACTERS_MAX:
            raise ValueError(f"row {row} has more text than {ROW_CHARACTERS_MAX} characters")
        rows.append(row)
        columns.append(column)
        texts.append(text)
        if what:
            wrong.append(Wrong(row, column, what))
    if texts:
        yield block(rows, columns, pa.array(texts, pa.utf8()), wrong)


def address(row: int, column: int) -> str:
    """ "C17" of row 17, column 3."""
    letters = ""
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return f"{letters}{row}"


def column_number(letters: str) -> int:
    """3 of "C"."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


def replaced(texts: pa.Array, chosen: Any, function: Formatter) -> pa.Array:
    """The texts, those that are chosen put through a function, once for each different one."""
    places = np.flatnonzero(chosen)
    if len(places) == 0:
        return texts
    encoded = texts.take(pa.array(places)).dictionary_encode()
    corrected = pa.array(
        [None if text is None else function(text) for text in encoded.dictionary.to_pylist()], pa.utf8()
    )
    return pc.replace_with_mask(texts, pa.array(chosen), corrected.take(encoded.indices))


def numbers(texts: pa.Array, chosen: Any) -> pa.Array:
    """The texts, those that are chosen in the notation of `number`; what is in it already is not touched."""
    plain = pc.fill_null(
        pc.match_substring_regex(texts, r"^(0|-?[1-9][0-9]{0,14}|-?(0|[1-9][0-9]{0,5})\.[0-9]{0,8}[1-9])$"), True
    )
    return replaced(texts, chosen & ~plain.to_numpy(zero_copy_only=False), number)


# --- numbers ------------------------------------------------------------------------------------------

_WHOLE = re.compile(r"(-?)([0-9]+)")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_FIFTEEN = Context(prec=15, rounding=ROUND_HALF_UP)
_EXPONENT_MAX = 308
KEPT_DIGITS = 15
WHOLE_MAX = 10**KEPT_DIGITS
"""Below it a spreadsheet keeps every digit of a whole number (IEEE 754 doubles, shown with 15 digits)."""


def number(raw: str) -> str:
    """A stored number as a person sees it, without its format: no exponent, no noise behind 15 digits.

    Whole numbers keep every digit that was written: they are identifiers more often than measurements. Of one that was
    written with an exponent, or whose last digit but zeros is the 15th, the digits behind it are lost: it is no value.
    """
    whole = _WHOLE.fullmatch(raw)
    if whole:
        digits = whole.group(2).lstrip("0")
        cut = len(digits) > KEPT_DIGITS == len(digits.rstrip("0"))
        return _cut(whole.group(1) + digits) if cut else whole.group(1) + digits if digits else "0"
    value = _decimal(raw)
    if value is None:
        return raw
    whole_number = value == value.to_integral_value()
    if not whole_number:
        value = _FIFTEEN.plus(value).normalize()
    text = f"{value:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    if whole_number and abs(value) >= WHOLE_MAX:
        return _cut(text)
    return "0" if text in ("-0", "") else text


def _cut(text: str) -> str:
    return unreadable(
        f"{text} is a whole number of more than 15 digits, of which a spreadsheet keeps 15",
        "Format the column as text before it is filled, and send the workbook again.",
        text,
    )


def _decimal(raw: str) -> Decimal | None:
    """The value, None if the text is no number that a workbook can hold."""
    if not _NUMBER.fullmatch(raw):
        return None
    value = Decimal(raw)
    return value if abs(value.adjusted()) <= _EXPONENT_MAX else None


_QUOTED = re.compile(r'"[^"]*"|\\.|_.|\*.')
_ELAPSED = re.compile(r"\[(h+|m+|s+)\]", re.IGNORECASE)
_BRACKETS = re.compile(r"\[[^\]]*\]")
_LITERALS = re.compile(r'"([^"]*)"|\\(.)')
_BUILT_IN_DATES = {
    14: "yyyy-mm-dd",
    18: "h:mm",
    19: "h:mm:ss",
    20: "h:mm",
    21: "h:mm:ss",
    22: "yyyy-mm-dd h:mm",
    45: "mm:ss",
    46: "[h]:mm:ss",
    47: "mm:ss.0",
}


def format_code(number_format: int, custom: dict[int, str]) -> str:
    """The code of a number format: the workbook's own, or a built-in one as far as it changes the text."""
    if number_format in custom:
        return custom[number_format]
    if number_format in (15, 16, 17, *range(27, 37), *range(50, 59)):
        return "yyyy-mm-dd"
    return _BUILT_IN_DATES.get(number_format, "")


def formatter(code: str, since_1904: bool) -> Formatter | None:
    """What a format makes of a stored number, None where it is just a number."""
    section = _QUOTED.sub("", code).split(";", maxsplit=1)[0]
    if _ELAPSED.search(section):
        return duration
    plain = _BRACKETS.sub("", section)
    letters = set(plain.casefold()) & set("ymdhs")
    if letters and "general" not in plain.casefold():
        timed = bool(letters & set("hs"))
        return lambda raw: moment(raw, since_1904, timed)
    shown = _LITERALS.sub(lambda found: found.group(1) or found.group(2) or "", code.split(";", maxsplit=1)[0])
    if re.fullmatch(r"0[0 /\-]*0", shown):
        return lambda raw: zeros(raw, shown)
    return None


def zeros(raw: str, template: str) -> str:
    """A whole number under a format of zeros: 123 under 00000 is 00123, under 000-00 it is 001-23."""
    text = number(raw)
    if not text.isdigit():
        return text
    places = template.count("0")
    digits = iter(text.zfill(places)[-places:])
    return text[:-places] + "".join(next(digits) if mark == "0" else mark for mark in template)


_DAY_MS = 86_400_000
_LAST_DAY = 2_958_465


def moment(raw: str, since_1904: bool, timed: bool) -> str:
    """A day number as ISO date, with the time of day if it has one; a time alone if its day is zero.

    Excel counts 29 February 1900, which never was, and a day 0 before 1 January 1900: they are given as it
    shows them. What it cannot show as a date stays a number.
    """
    value = _decimal(raw)
    if value is None or not 0 <= value < _LAST_DAY + 1:
        return number(raw)
    days, rest = divmod(int((value * _DAY_MS).to_integral_value(ROUND_HALF_UP)), _DAY_MS)
    if days == 0 and timed:
        return _clock(rest)
    if since_1904:
        shown = (date(1904, 1, 1) + timedelta(days)).isoformat() if days <= _LAST_DAY - 1462 else number(raw)
    elif days in (0, 60):
        shown = "1900-02-29" if days else "1900-01-00"
    else:
        shown = (date(1899, 12, 31 if days < 60 else 30) + timedelta(days)).isoformat()
    return f"{shown}T{_clock(rest)}" if rest else shown


def duration(raw: str) -> str:
    """A number of days as hours, minutes and seconds: 1.25 is 30:00:00."""
    value = _decimal(raw)
    if value is None or abs(value) > _LAST_DAY:
        return number(raw)
    return ("-" if value < 0 else "") + _clock(int((abs(value) * _DAY_MS).to_integral_value(ROUND_HALF_UP)))


def _clock(milliseconds: int) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    text = f"{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}"
    return f"{text}.{rest:03d}" if rest else text
