"""Arrow columns → the cells of a worksheet as XML text, a whole column at a time.

Text is neutralised and cut here, so that no path into a workbook goes around it. Numbers are written from
the decimal's own digits, never through a float.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from xml.sax.saxutils import escape

import pyarrow as pa
import pyarrow.compute as pc
from xlsxwriter.utility import xl_col_to_name

from gateway.display import visible

CELL_CHARS_MAX = 32_767
CUT_MARK = " …[cut]"
# A double, and so a cell, holds any decimal of 15 significant digits and not every one of 16.
EXACT_DIGITS = 15
_DANGEROUS = r"^[\t\r\n ]*[=+\-@＝＋－＠]"
# Everything else is looked at one by one: it may be what nobody sees, or what XML cannot carry.
_NOT_PLAIN = r"[^\x20-\x7e\n\t]"
# Text that a spreadsheet would take for such an escape.
_ESCAPE = re.compile("_(?=x[0-9A-Fa-f]{4}_)")
_EPOCH_DAYS = 25_569  # 1970-01-01 as a spreadsheet counts days
_DAY_US = 86_400_000_000
FIRST_DAY = datetime(1900, 3, 1, tzinfo=UTC)
"""Spreadsheets count no days before 1900, and a 29th of February in it that never was."""
END = datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
"""The end of their last day."""


class Kind(Enum):
    """What a column holds, which decides its cells' type, format and alignment."""

    TEXT = "text"
    WHOLE = "whole"
    QUANTITY = "quantity"
    MONEY = "money"
    RATIO = "ratio"
    DAY = "day"
    INSTANT = "instant"
    LINK = "link"  # text "SHEET!A17": a place in this workbook


NUMBERS = frozenset({Kind.WHOLE, Kind.QUANTITY, Kind.MONEY, Kind.RATIO})


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table in a workbook.

    name      header, and the column of the data
    kind      what it holds
    editable  a person may type here; all else is locked
    total     summed above the header
    width     in characters, 0 to fit the content
    formula   "{external}-{book}": live, with the data's value as the cached result; columns by name
    dash      zero is shown as a dash, where zeros are many and say little
    source    its name in what is queried, where it has another name there
    made      the workbook makes it of other columns; it is not queried
    shown     the sheet has it; what is not shown is queried for columns that are made of it
    """

    name: str
    kind: Kind
    editable: bool = False
    total: bool = False
    width: int = 0
    formula: str = ""
    dash: bool = False
    source: str = ""
    made: bool = False
    shown: bool = True


@dataclass(frozen=True, slots=True)
class Loss:
    """Something that a cell could not hold whole. `row` counts from 0 in the data, `what` describes the loss."""

    row: int
    column: str
    what: str


def neutralise(text: str) -> str:
    """The text with an apostrophe before a beginning that a spreadsheet could take for a formula."""
    return f"'{text}" if re.match(_DANGEROUS, text) else text


def shorten(text: str) -> str:
    """The text within a cell's limit (counted as UTF-16, as spreadsheets do), marked where it was cut."""
    if len(text) * 2 <= CELL_CHARS_MAX:
        return text
    units = text.encode("utf-16-le")
    if len(units) // 2 <= CELL_CHARS_MAX:
        return text
    kept = units[: (CELL_CHARS_MAX - len(CUT_MARK)) * 2].decode("utf-16-le", errors="ignore")
    return kept + CUT_MARK


def safe_text(values: pa.Array | pa.ChunkedArray, column: str) -> tuple[pa.Array, list[Loss]]:
    """Text ready for cells: empty as null, neutralised, cut to the cell's limit; and what was cut.

    Line ends become line feeds; what nobody sees, or XML cannot carry, becomes an escape as everywhere.
    """
    text = _flat(values.cast(pa.string()))
    text = pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)
    if pc.any(pc.match_substring_regex(text, _NOT_PLAIN)).as_py():
        lines = pc.replace_substring_regex(text, r"\r\n?", "\n").to_pylist()
        text = pa.array([line and visible(line, "\n\t") for line in lines], pa.string())
    risky = pc.match_substring_regex(text, _DANGEROUS)
    if pc.any(risky).as_py():
        text = pc.if_else(risky, pc.binary_join_element_wise("'", text, ""), text)
    # Above half the limit in code points the length in UTF-16 is worth counting.
    long = pc.greater(pc.utf8_length(text), CELL_CHARS_MAX // 2)
    if not pc.any(long).as_py():
        return text, []
    losses, kept = [], text.to_pylist()
    for row in _positions(long):
        short = shorten(kept[row])
        if short != kept[row]:
            losses.append(Loss(row, column, f"text of {len(kept[row]):,} characters cut"))
            kept[row] = short
    return pa.array(kept, pa.string()), losses


def inexact(values: pa.Array | pa.ChunkedArray, column: str) -> list[Loss]:
    """The decimals that have more significant digits than a spreadsheet keeps, each with all of them."""
    flat = _flat(values)
    if not pa.types.is_decimal(flat.type):
        return []
    bound = pa.scalar(Decimal(10) ** (EXACT_DIGITS - flat.type.scale), pa.decimal128(38, flat.type.scale))
    large = pc.greater_equal(pc.abs(flat), bound)
    losses = []
    for row in _positions(large):
        value = flat[row].as_py().normalize()
        if len(value.as_tuple().digits) > EXACT_DIGITS:
            losses.append(Loss(row, column, f"exact value {value:f}"))
    return losses


def within_calendar(values: pa.Array | pa.ChunkedArray, column: str) -> tuple[pa.Array, list[Loss]]:
    """Days or instants that a cell can hold, null in the place of others; and those."""
    flat = _flat(values)
    kind = flat.type
    first, end = (pa.scalar(day if pa.types.is_timestamp(kind) else day.date(), kind) for day in (FIRST_DAY, END))
    outside = pc.or_(pc.less(flat, first), pc.greater(flat, end))
    rows = _positions(outside)
    if not rows:
        return flat, []
    shown = flat.cast(pa.string())
    losses = [Loss(row, column, f"date {shown[row]}, which a cell cannot hold") for row in rows]
    return pc.if_else(pc.fill_null(outside, False), pa.scalar(None, kind), flat), losses


def serial(moment: datetime) -> float:
    """A UTC instant as the number of days that a cell holds."""
    return (moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() / 86_400 + _EPOCH_DAYS


def fits_scale(values: pa.Array | pa.ChunkedArray, digits: int) -> bool:
    """Whether no value has more than `digits` decimals."""
    return not pc.any(pc.not_equal(values, pc.round(values, ndigits=digits))).as_py()


def cells(
    column: Column, letter: str, style: int, values: pa.Array, rows: pa.Array, letters: dict[str, str]
) -> pa.Array:
    """The column's cells as XML, one string for each row; "" where there is nothing to write.

    rows     1-based sheet rows as text, as many as values
    letters  the sheet's column letter of every column of the table, for formulas
    """
    start = f'<c r="{letter}'
    if column.kind is Kind.LINK:
        link = pc.binary_join_element_wise(
            '<f>HYPERLINK("#', values, '","', values, '")</f><v>', values, "</v></c>", ""
        )
        written = pc.binary_join_element_wise(start, rows, f'" s="{style}" t="str">', link, "")
    elif column.kind is Kind.TEXT and not column.formula:
        opening = f'" s="{style}" t="inlineStr"><is><t xml:space="preserve">'
        written = pc.binary_join_element_wise(start, rows, opening, escaped(values), "</t></is></c>", "")
    else:
        is_text = column.kind is Kind.TEXT
        value = escaped(values) if is_text else numerals(column.kind, values)
        opening = f'" s="{style}" t="str">' if is_text else f'" s="{style}">'
        formula = _formula(column.formula, rows, letters) if column.formula else [""]
        written = pc.binary_join_element_wise(start, rows, opening, *formula, "<v>", value, "</v></c>", "")
    if not column.editable:
        return pc.fill_null(written, "")
    blank = pc.binary_join_element_wise(start, rows, f'" s="{style}"/>', "")
    return pc.coalesce(written, blank)


def numerals(kind: Kind, values: pa.Array) -> pa.Array:
    """Numbers, days and instants as the text of a cell's value."""
    if kind is Kind.DAY:
        return pc.add(values.cast(pa.int32()), _EPOCH_DAYS).cast(pa.string())
    if kind is Kind.INSTANT:
        days = pc.divide(values.cast(pa.int64()).cast(pa.float64(), safe=False), float(_DAY_US))
        return pc.add(days, float(_EPOCH_DAYS)).cast(pa.string())
    text = values.cast(pa.string())
    if not pa.types.is_decimal(values.type):
        return text
    with_point = pc.match_substring_regex(text, r"^[^eE]*\.[^eE]*$")
    return pc.if_else(with_point, pc.utf8_rtrim(pc.utf8_rtrim(text, "0"), "."), text)


def escaped(values: pa.Array) -> pa.Array:
    """Text of `safe_text` as XML character data."""
    if pc.any(pc.match_substring_regex(values, r"_x[0-9A-Fa-f]{4}_")).as_py():
        corrected = [None if v is None else _ESCAPE.sub("_x005F_", v) for v in values.to_pylist()]
        values = pa.array(corrected, pa.string())
    values = pc.replace_substring(values, "&", "&amp;")
    return pc.replace_substring(pc.replace_substring(values, "<", "&lt;"), ">", "&gt;")


def letters_of(columns: Sequence[Column]) -> dict[str, str]:
    """Column letter by name, when the first column stands in A."""
    return {column.name: xl_col_to_name(index) for index, column in enumerate(columns)}


def _formula(template: str, rows: pa.Array, letters: dict[str, str]) -> list[str | pa.Array]:
    """The formula element as pieces to be joined: literal, row, literal, row … literal."""
    literals_and_names = re.split(r"\{([^{}]+)\}", template)
    pieces: list[str | pa.Array] = ["<f>"]
    for index, piece in enumerate(literals_and_names):
        if index % 2:
            pieces += [f"${letters[piece]}", rows]
        elif piece:
            pieces.append(escape(piece))
    return [*pieces, "</f>"]


def _flat(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    return values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values


def _positions(mask: pa.Array) -> list[int]:
    found: list[int] = pc.indices_nonzero(pc.fill_null(mask, False)).to_pylist()
    return found
