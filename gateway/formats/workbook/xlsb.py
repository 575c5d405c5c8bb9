"""Binary workbooks (.xlsb): the records of MS-XLSB that hold sheets, styles, texts and cells."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from typing import IO, Any, cast

from gateway.formats.workbook.cells import Area, Blocks, Formatter, Sheet, blocks, format_code, formatter, number
from gateway.formats.workbook.package import Package

ROW, BLANK, RK, ERROR, BOOLEAN, REAL, TEXT, SHARED = range(8)
FORMULA_TEXT, FORMULA_NUMBER, FORMULA_BOOLEAN, FORMULA_ERROR = range(8, 12)
STRING, FORMAT, STYLE, PROPERTIES, BUNDLE, MERGED = 19, 44, 47, 153, 156, 176
STYLES_BEGIN, STYLES_END = 617, 618
_ERRORS = {
    0: "#NULL!",
    7: "#DIV/0!",
    15: "#VALUE!",
    23: "#REF!",
    29: "#NAME?",
    36: "#NUM!",
    42: "#N/A",
    43: "#GETTING_DATA",
}


class Xlsb:
    """One workbook."""

    sheets: tuple[Sheet, ...]

    def __init__(self, package: Package) -> None:
        self.package = package
        book = next(iter(package.targets("", "officeDocument").values()), "xl/workbook.bin")
        related = package.targets(book, "worksheet")
        self.sheet_parts: list[str] = []
        self.since_1904 = False
        sheets = []
        for kind, data in self._records(book):
            if kind == PROPERTIES:
                self.since_1904 = bool(data[0] & 1)
            elif kind == BUNDLE:
                key, end = _wide(data, 8)
                if key in related:
                    sheets.append(Sheet(_wide(data, end)[0], data[0] == 0))
                    self.sheet_parts.append(related[key])
        self.sheets = tuple(sheets)
        self.formats = [made for part in package.targets(book, "styles").values() for made in self._formats(part)]
        parts = package.targets(book, "sharedStrings").values()
        self.strings = [_wide(data, 1)[0] for part in parts for kind, data in self._records(part) if kind == STRING]

    def _formats(self, part: str) -> Iterator[Formatter]:
        custom: dict[int, str] = {}
        inside = False
        for kind, data in self._records(part):
            if kind == FORMAT:
                custom[struct.unpack_from("<H", data)[0]] = _wide(data, 2)[0]
            elif kind in (STYLES_BEGIN, STYLES_END):
                inside = kind == STYLES_BEGIN
            elif kind == STYLE and inside:
                used = struct.unpack_from("<H", data, 2)[0]
                yield formatter(format_code(used, custom), self.since_1904) or number

    def _records(self, part: str) -> Iterator[tuple[int, bytes]]:
        with self.package.stream(part) as source:
            yield from _records(source)

    def merged(self, sheet: int) -> list[Area]:
        """The merged cells of a sheet."""
        records = self._records(self.sheet_parts[sheet])
        areas = [struct.unpack_from("<IIII", data) for kind, data in records if kind == MERGED]
        return [(top + 1, left + 1, bottom + 1, right + 1) for top, bottom, left, right in areas]

    def blocks(self, sheet: int) -> Blocks:
        """The rows of a sheet."""
        return blocks(self._cells(sheet))

    def _cells(self, sheet: int) -> Iterator[tuple[int, int, str, str]]:
        row = 0
        for kind, data in self._records(self.sheet_parts[sheet]):
            if kind == ROW:
                row = struct.unpack_from("<I", data)[0] + 1
            elif BLANK < kind <= FORMULA_ERROR:
                column, style = struct.unpack_from("<II", data)
                text = self._text(kind, data, style & 0xFFFFFF)
                yield row, column + 1, text, f"the error {text}" if kind in (ERROR, FORMULA_ERROR) else ""

    def _text(self, kind: int, data: bytes, style: int) -> str:
        if kind == SHARED:
            place: int = struct.unpack_from("<I", data, 8)[0]
            return self.strings[place]
        if kind in (TEXT, FORMULA_TEXT):
            return _wide(data, 8)[0]
        if kind in (BOOLEAN, FORMULA_BOOLEAN):
            return "true" if data[8] else "false"
        if kind in (ERROR, FORMULA_ERROR):
            return _ERRORS.get(data[8], "#N/A")
        value = _rk(struct.unpack_from("<I", data, 8)[0]) if kind == RK else struct.unpack_from("<d", data, 8)[0]
        make = self.formats[style] if style < len(self.formats) else number
        return make(repr(value))


def _records(source: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """(record type, its data). Raises EOFError where the last one is cut off."""
    read = io.BufferedReader(cast(Any, source), 1 << 20).read
    while first := read(1):
        kind = first[0]
        if kind & 0x80:
            kind = kind & 0x7F | (_byte(read(1)) & 0x7F) << 7
        size = shift = 0
        while True:
            byte = _byte(read(1))
            size |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80 or shift == 28:
                break
        data = read(size)
        if len(data) < size:
            raise EOFError("it ends within a record")
        yield kind, data


def _byte(read: bytes) -> int:
    if not read:
        raise EOFError("it ends within a record")
    return read[0]


def _wide(data: bytes, at: int) -> tuple[str, int]:
    """A text with its length before it, and the place behind it. A missing text is ""."""
    length = struct.unpack_from("<I", data, at)[0]
    if length == 0xFFFFFFFF:
        return "", at + 4
    end = at + 4 + 2 * length
    if end > len(data):
        raise EOFError("it ends within a text")
    return data[at + 4 : end].decode("utf-16-le", "replace"), end


def _rk(code: int) -> float | int:
    """The number that Excel packs into 30 bits: an integer or the upper half of a double, perhaps in hundredths."""
    value: float | int
    if code & 2:
        value = (code >> 2) - (1 << 30 if code & 0x80000000 else 0)
    else:
        value = struct.unpack("<d", struct.pack("<II", 0, code & 0xFFFFFFFC))[0]
    return value / 100 if code & 1 else value
