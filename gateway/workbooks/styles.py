"""How workbooks look: one palette, number formats by kind, and the named styles of conditional formats."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from xlsxwriter import Workbook
from xlsxwriter.format import Format

from gateway.workbooks.cells import Column, Kind, fits_scale

INK, SLATE, RULE, MUTED = "#1F2933", "#334E68", "#BCCCDC", "#627D98"
ENTRY, ENTRY_HEADER = "#FFFBEA", "#B44D12"
TABLE_STYLE = "Table Style Light 1"

# Positive; negative in red parentheses; zero. `_)` keeps the digits of both in one line.
WHOLE_FORMAT = "#,##0_);[Red](#,##0);0_)"
FINE_QUANTITY_FORMAT = "#,##0.0000_);[Red](#,##0.0000);0.0000_)"
MONEY_FORMAT = "#,##0.00_);[Red](#,##0.00);0.00_)"
FINE_MONEY_FORMAT = "#,##0.0000_);[Red](#,##0.0000);0.0000_)"
RATIO_FORMAT = "#,##0.00_);[Red](#,##0.00);0.00_)"
PERCENT_FORMAT = "0.0%"
DASH = '"–"_)'
DAY_FORMAT = "yyyy-mm-dd"
INSTANT_FORMAT = "yyyy-mm-dd hh:mm"

_HEADER = {"bold": True, "font_color": "#FFFFFF", "bg_color": SLATE, "border": 1, "border_color": RULE}

_NAMED: dict[str, dict[str, Any]] = {
    "title": {"bold": True, "font_size": 14, "font_color": SLATE},
    "note": {"italic": True, "font_color": MUTED},
    "heading": {"bold": True, "font_size": 12, "font_color": SLATE, "bottom": 1, "bottom_color": RULE},
    "label": {"bold": True, "font_color": INK, "valign": "top"},
    "prose": {"text_wrap": True, "valign": "top", "font_color": INK},
    "prose_link": {"font_color": "#0B5CAD", "underline": 1, "valign": "top"},
    "total": {"bold": True, "font_color": INK},
    # Headers stand over their figures: text to the left, numbers to the right.
    "header": {**_HEADER, "indent": 1},
    "header_number": {**_HEADER, "align": "right", "indent": 2},
    "header_editable": {**_HEADER, "indent": 1, "bg_color": ENTRY_HEADER},
    # Conditional formats carry only what they change.
    "severity_1": {"bg_color": "#F9D2D0", "font_color": "#8A1C12", "bold": True},
    "severity_2": {"bg_color": "#FCE3C8", "font_color": "#8A4B08"},
    "severity_3": {"bg_color": "#FBF3CC", "font_color": "#6B5900"},
    "severity_4": {"bg_color": "#E8EEF3", "font_color": "#486581"},
    "overdue": {"font_color": "#C81E1E", "bold": True},
    "good": {"font_color": "#1B6E3C", "bg_color": "#DDF3E4"},
    "bad": {"font_color": "#8A1C12", "bg_color": "#F9D2D0", "bold": True},
    "as_units": {"num_format": WHOLE_FORMAT},
    "as_percent": {"num_format": PERCENT_FORMAT},
}


class Styles:
    """The formats of one workbook, each made once."""

    def __init__(self, book: Workbook) -> None:
        self._book = book
        self._made: dict[str, Format] = {}

    def named(self, name: str) -> Format:
        """A style of the palette by name."""
        return self._make(name, _NAMED[name])

    def of(self, column: Column, values: pa.ChunkedArray) -> Format:
        """The format of a column's cells; decimals are never hidden by it."""
        look: dict[str, Any] = {"font_color": INK}
        if column.kind in (Kind.TEXT, Kind.LINK):
            look["indent"] = 1
        number_format = _number_format(column, values)
        # A formula in a cell typed as text would turn into its own text when edited.
        if number_format and not (column.formula and column.kind is Kind.TEXT):
            look["num_format"] = number_format
        if column.kind is Kind.LINK:
            look |= {"font_color": "#0B5CAD", "underline": 1}
        if column.editable:
            look |= {"locked": False, "bg_color": ENTRY, "border": 1, "border_color": "#F0E6C8"}
        return self._make(repr(look), look)

    def total_of(self, column: Column, values: pa.ChunkedArray) -> Format:
        """The format of a sum over a column."""
        look = _NAMED["total"] | {"num_format": _number_format(column, values)}
        return self._make(repr(look), look)

    def _make(self, key: str, look: dict[str, Any]) -> Format:
        if key not in self._made:
            self._made[key] = self._book.add_format(look)
        return self._made[key]


def _number_format(column: Column, values: pa.ChunkedArray) -> str:
    kind, found = column.kind, ""
    if kind is Kind.QUANTITY:
        found = WHOLE_FORMAT if fits_scale(values, 0) else FINE_QUANTITY_FORMAT
    if kind is Kind.MONEY:
        found = MONEY_FORMAT if fits_scale(values, 2) else FINE_MONEY_FORMAT
    if column.total and kind is Kind.WHOLE:
        found = WHOLE_FORMAT
    if found:
        return f"{found.rpartition(';')[0]};{DASH}" if column.dash else found
    # Text is typed as such ("@"), so that an id stays text when its cell is edited.
    fixed = {
        Kind.TEXT: "@",
        Kind.WHOLE: "0",
        Kind.RATIO: RATIO_FORMAT,
        Kind.DAY: DAY_FORMAT,
        Kind.INSTANT: INSTANT_FORMAT,
    }
    return fixed.get(kind, "")
