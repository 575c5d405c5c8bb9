"""Workbooks read back as a person's tool would: sheets by header name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openpyxl
from openpyxl.worksheet.worksheet import Worksheet


def header_row(page: Worksheet, first: str) -> int:
    """The row whose first cell is that header."""
    for row in range(1, page.max_row + 1):
        if page.cell(row, 1).value == first:
            return row
    raise AssertionError(f"{page.title}: no header {first}")


def rows_of(path: Path, sheet: str, first: str, values: bool = True) -> list[dict[str, Any]]:
    """The table that begins with header `first`, one dict for each row, up to the first empty line."""
    page = openpyxl.load_workbook(path, data_only=values)[sheet]
    at = header_row(page, first)
    names = [cell.value for cell in page[at] if cell.value is not None]
    rows = []
    for cells in page.iter_rows(min_row=at + 1, max_col=len(names), values_only=True):
        if all(value is None for value in cells):
            break
        rows.append(dict(zip(names, cells, strict=True)))
    return rows
