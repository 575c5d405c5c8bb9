"""Crosswalks below `mappings/lookups`: the codes that are asked with, and in the last column the value.

A blank cell or `*` in a code column stands for any code, and a `*` in a code for any text (`Fee: *`). The row with the
fewest blank cells wins, then, from the left, the more definite code (`code_patterns.rank`).
"""

from __future__ import annotations

import csv
import io
import zipfile
from contextlib import suppress
from functools import lru_cache
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.errors import HomeFault
from gateway.mapping.language import code_patterns
from gateway.mapping.language.code_patterns import ANY
from gateway.regular_file import read_regular

if TYPE_CHECKING:
    import pyarrow as pa

FILE_BYTES_MAX = 50_000_000
ROWS_MAX = 500_000
CELL_CHARACTERS_MAX = 1_000
REMEMBERED_BYTES_MAX = 100_000
PATTERNS_MAX = 1_000
"""Rows with a `*` before the end of a code: each is compared with the others."""
_SUFFIXES = (".csv", ".xlsx")


def load_all(folder: Path) -> tuple[dict[str, pa.Table], list[HomeFault]]:
    """Every lookup by name, as text columns, and the faults of those left out. Never raises for a bad file."""
    tables: dict[str, pa.Table] = {}
    faults: list[HomeFault] = []
    for path in sorted(path for suffix in _SUFFIXES for path in folder.glob(f"*{suffix}")):
        if path.name.startswith((".", "~$")):
            continue
        if path.stem in tables:
            faults.append(
                _fault(path, 1, f'there is also {path.stem}.csv: "{path.stem}" is that one', "keep one of them")
            )
            continue
        table, found = load_file(path)
        faults += found
        if table is not None:
            tables[path.stem] = table
    return tables, faults


def content(folder: Path, name: str) -> bytes:
    """The bytes of the lookup of that name, for the version of the mappings that use it; b"" without one."""
    for suffix in _SUFFIXES:
        path = folder / f"{name}{suffix}"
        # The name comes from a mapping: it must not lead out of the folder.
        if path.parent == folder and path.is_file() and path.stat().st_size <= FILE_BYTES_MAX:
            with suppress(OSError):  # `load_all` says what is wrong with it.
                return read_regular(path)
    return b""


def load_file(path: Path) -> tuple[pa.Table | None, list[HomeFault]]:
    """One lookup; (None, faults) if a row is wrong, because half a crosswalk would misplace money."""
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            return None, [_fault(path, 1, f"has more than {FILE_BYTES_MAX:,} bytes", "split it")]
        content = read_regular(path)
    except OSError as error:
        return None, [_unreadable(path, error)]
    return (_remembered if len(content) <= REMEMBERED_BYTES_MAX else _table)(path.name, content)


def _table(name: str, content: bytes) -> tuple[pa.Table | None, list[HomeFault]]:
    path = Path(name)
    try:
        rows = _rows(path, content)
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        return None, [_fault(path, line, "is not UTF-8 text", 'save it as "CSV UTF-8" or as .xlsx')]
    except (csv.Error, OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        return None, [_unreadable(path, error)]
    return _checked(path, rows)


_remembered = lru_cache(maxsize=256)(_table)
"""All lookups are read again whenever a home is opened, or a mapping or setting changes."""


def _unreadable(path: Path, error: Exception) -> HomeFault:
    return _fault(path, 1, f"cannot be read: {error}", "save it as CSV UTF-8 or as .xlsx")


def _checked(path: Path, rows: list[tuple[int, list[str]]]) -> tuple[pa.Table | None, list[HomeFault]]:
    import pyarrow as pa

    if not rows or len(rows[0][1]) < 2:
        return None, [_fault(path, 1, "has no header with the codes and, last, the value", "e.g. fee type,value")]
    header = [cell.strip() for cell in rows[0][1]]
    if len(rows) > ROWS_MAX:
        return None, [_fault(path, 1, f"has more than {ROWS_MAX:,} rows", "split it")]
    faults = []
    if len(set(header)) < len(header) or not all(header):
        faults.append(_fault(path, rows[0][0], "a column has no name, or two have the same", "name each column once"))
    seen: dict[tuple[str, ...], int] = {}
    kept: list[tuple[str, ...]] = []
    for line, row in rows[1:]:
        cells = tuple(cell.strip() for cell in row)
        wrong = _row_fault(path, line, cells, header, seen)
        if wrong is None:
            kept.append(cells)
        else:
            faults.append(wrong)
    faults = faults or _ambiguous(path, [(line, row) for (line, _), row in zip(rows[1:], kept, strict=True)])
    if faults:
        return None, faults
    columns = zip(*kept, strict=True) if kept else [()] * len(header)
    return pa.table([pa.array(column, pa.utf8()) for column in columns], names=header), []


def _row_fault(
    path: Path, line: int, cells: tuple[str, ...], header: list[str], seen: dict[tuple[str, ...], int]
) -> HomeFault | None:
    if len(cells) != len(header):
        return _fault(path, line, f"has {len(cells)} cells, the header has {len(header)}", "fill or shorten the row")
    if any(len(cell) > CELL_CHARACTERS_MAX for cell in cells):
        return _fault(path, line, f"has a cell of more than {CELL_CHARACTERS_MAX} characters", "shorten it")
    codes = ", ".join(cells[:-1])
    if not cells[-1]:
        return _fault(path, line, f"gives no value for {codes}", f"fill the column {header[-1]}, or remove the row")
    key = tuple("" if cell in ANY else cell.casefold() for cell in cells[:-1])
    first = seen.setdefault(key, line)
    if first != line:
        return _fault(path, line, f"has the same codes as line {first}: {codes}", "keep one of them")
    return None


def _ambiguous(path: Path, rows: list[tuple[int, tuple[str, ...]]]) -> list[HomeFault]:
    """Rows with different values of which neither is more definite, where some codes fit both."""
    groups: dict[tuple[object, ...], list[tuple[int, tuple[str, ...]]]] = {}
    for line, row in rows:
        codes = tuple(cell.casefold() for cell in row[:-1])
        if any("*" in code[:-1] for code in codes):
            # Only where a * is not at the end can two different codes be equally definite and fit the same text.
            place = tuple(code_patterns.rank(code) if "*" in code[:-1] else code for code in codes)
            groups.setdefault(place, []).append((line, (*codes, row[-1])))
    if sum(map(len, groups.values())) > PATTERNS_MAX:
        return [_fault(path, 1, f"has more than {PATTERNS_MAX:,} rows with a * within a code", "split it")]
    faults = []
    for group in groups.values():
        for (first, one), (line, other) in combinations(group, 2):
            if one[-1] != other[-1] and all(map(code_patterns.meet, one[:-1], other[:-1])):
                shown = ", ".join(other[:-1])
                faults.append(
                    _fault(
                        path,
                        line,
                        f"fits codes that line {first} fits as well, and neither is more definite: {shown}",
                        "give one of them a longer beginning, or write its codes out",
                    )
                )
    return faults


def _rows(path: Path, content: bytes) -> list[tuple[int, list[str]]]:
    """(line, cells) of the rows that are not blank."""
    if path.suffix == ".csv":
        text = _decoded(content)
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
        found = [(reader.line_num, row) for row in reader]
    else:
        import openpyxl  # Slow to load, and most lookups are CSV.

        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        rows = book.worksheets[0].iter_rows(values_only=True, max_row=ROWS_MAX + 2)
        found = [(line, [_text(cell) for cell in row]) for line, row in enumerate(rows, start=1)]
        width = max((n + 1 for n, cell in enumerate(found[0][1]) if cell), default=0) if found else 0
        found = [(line, _trimmed(row, width)) for line, row in found]
        book.close()
    return [(line, row) for line, row in found if any(cell.strip() for cell in row)]


def _decoded(content: bytes) -> str:
    """The text of a CSV: UTF-8, or what Excel for Windows writes as "CSV". Raises UnicodeDecodeError."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        if b"\0" in content:
            raise
        return content.decode("cp1252")


def _delimiter(text: str) -> str:
    """Spreadsheets of half of Europe write semicolons."""
    header = text.partition("\n")[0]
    return ";" if header.count(";") > header.count(",") else ","


def _trimmed(row: list[str], width: int) -> list[str]:
    """Sheets go on to the right of their table: blank cells there are no cells."""
    while len(row) > width and not row[-1]:
        row = row[:-1]
    return row + [""] * (width - len(row))


def _text(cell: object) -> str:
    """A code as it is shown: 12.0 is 12."""
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)


def _fault(path: Path, line: int, message: str, fix: str) -> HomeFault:
    return HomeFault(f"mappings/lookups/{path.name}", line, message, fix)
