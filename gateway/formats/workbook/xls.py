"""Excel's old binary workbooks (.xls, BIFF 5 and 8), with xlrd."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import xlrd

from gateway.errors import FileError
from gateway.formats.workbook.cells import Area, Blocks, Formatter, Sheet, blocks, format_code, formatter, number
from gateway.formats.workbook.ole import streams
from gateway.formats.workbook.package import damaged
from gateway.reading import ReadRequest

BYTES_MAX = 64 << 20
SAVE_AGAIN = "Open it in Excel, save it as .xlsx and send it again."
# What xlrd raises on broken files, beside what any reader does.
_DAMAGE = (xlrd.XLRDError, AssertionError, AttributeError, TypeError)


class Xls:
    """One workbook, in memory."""

    sheets: tuple[Sheet, ...]

    def __init__(self, request: ReadRequest) -> None:
        size = request.path.stat().st_size
        if size > BYTES_MAX:
            raise FileError(request.name, f"{size} bytes are more than an .xls may have, {BYTES_MAX}", SAVE_AGAIN)
        found = streams(request.path.read_bytes())
        password = FileError(request.name, "the workbook has a password", "Remove it and send it again.")
        if "EncryptedPackage" in found:
            raise password
        content = found.get("Workbook") or found.get("Book")
        if content is None:
            raise FileError(request.name, "the file holds no workbook", SAVE_AGAIN)
        try:
            self.book = xlrd.open_workbook(
                file_contents=content, formatting_info=True, ragged_rows=True, logfile=io.StringIO()
            )
        except _DAMAGE as error:
            raise password if "encrypted" in str(error) else damaged(request.name, error) from None
        self.sheets = tuple(Sheet(sheet.name, sheet.visibility == 0) for sheet in self.book.sheets())
        custom = {key: found.format_str for key, found in self.book.format_map.items()}
        self.formats: list[Formatter] = [
            formatter(format_code(style.format_key, custom), self.book.datemode == 1) or number
            for style in self.book.xf_list
        ]

    def merged(self, sheet: int) -> list[Area]:
        """The merged cells of a sheet."""
        areas = self.book.sheet_by_index(sheet).merged_cells
        return [(top + 1, left + 1, bottom, right) for top, bottom, left, right in areas]

    def blocks(self, sheet: int) -> Blocks:
        """The rows of a sheet."""
        return blocks(self._cells(sheet))

    def _cells(self, sheet: int) -> Iterator[tuple[int, int, str, str]]:
        found = self.book.sheet_by_index(sheet)
        for row in range(found.nrows):
            for column, cell in enumerate(found.row(row), start=1):
                text = self._text(cell)
                if text is not None:
                    yield row + 1, column, text, f"the error {text}" if cell.ctype == xlrd.XL_CELL_ERROR else ""

    def _text(self, cell: Any) -> str | None:
        kind, value = cell.ctype, cell.value
        if kind == xlrd.XL_CELL_TEXT:
            return str(value)
        if kind in (xlrd.XL_CELL_NUMBER, xlrd.XL_CELL_DATE):
            known = cell.xf_index is not None and 0 <= cell.xf_index < len(self.formats)
            return (self.formats[cell.xf_index] if known else number)(repr(value))
        if kind == xlrd.XL_CELL_BOOLEAN:
            return "true" if value else "false"
        if kind == xlrd.XL_CELL_ERROR:
            return str(xlrd.error_text_from_code.get(value, "#N/A"))
        return None
