"""Excel's old binary workbooks (.xls, BIFF 5 and 8), with xlrd."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from typing import Any

import xlrd

from gateway.errors import FileError
from gateway.formats.workbook.cells import (
    UNCALCULATED,
    Area,
    Blocks,
    Formatter,
    Sheet,
    blocks,
    format_code,
    formatter,
    number,
)
from gateway.formats.workbook.ole import streams
from gateway.formats.workbook.package import damaged
from gateway.reading import ReadRequest

BYTES_MAX = 64 << 20
SAVE_AGAIN = "Open it in Excel, save it as .xlsx and send it again."
# What xlrd raises on broken files, beside what any reader does.
_DAMAGE = (xlrd.XLRDError, AssertionError, AttributeError, TypeError)
_SHEET, _FORMULAS, _ON_LOAD = 0x85, (0x06, 0x206, 0x406), 0x02
_RESULTLESS = (bytes(8), b"\x03\0\0\0\0\0\xff\xff")


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
        self.uncalculated = _uncalculated(content)
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
        without = self.uncalculated[sheet] if sheet < len(self.uncalculated) else set()
        for row in range(found.nrows):
            for column, cell in enumerate(found.row(row), start=1):
                text = self._text(cell)
                if (row, column - 1) in without:
                    yield row + 1, column, "", UNCALCULATED
                elif text is not None:
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


def _uncalculated(content: bytes) -> list[set[tuple[int, int]]]:
    """Of each worksheet, (row, column) from 0 of the formulas that were never calculated.

    Programs write the result 0, or a blank text, and that the formula is calculated when the workbook is opened
    (fCalcOnLoad; MS-XLS 2.4.127).
    """
    starts, formulas = list[int](), list[tuple[int, tuple[int, int]]]()
    place = 0
    while place + 4 <= len(content):
        kind, size = struct.unpack_from("<HH", content, place)
        data = content[place + 4 : place + 4 + size]
        if kind == _SHEET and len(data) >= 6 and data[5] == 0:
            starts.append(struct.unpack_from("<I", data)[0])
        elif kind in _FORMULAS and len(data) >= 16 and data[6:14] in _RESULTLESS and data[14] & _ON_LOAD:
            formulas.append((place, struct.unpack_from("<HH", data)))
        place += 4 + size
    found: list[set[tuple[int, int]]] = [set() for _ in starts]
    for place, cell in formulas:
        before = [start for start in starts if start <= place]
        if before:
            found[starts.index(max(before))].add(cell)
    return found
