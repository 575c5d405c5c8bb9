"""Crosswalks below `mappings/lookups`: the codes that are asked with, and in the last column the value."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import openpyxl
import pyarrow as pa


@dataclass(frozen=True, slots=True)
class LookupFault:
    """A defect of a lookup file."""

    file: str
    line: int
    message: str
    mend: str


def load_all(folder: Path) -> tuple[dict[str, pa.Table], list[LookupFault]]:
    """Every lookup by name, as text columns, and the faults of those left out."""
    tables: dict[str, pa.Table] = {}
    faults: list[LookupFault] = []
    for path in sorted([*folder.glob("*.csv"), *folder.glob("*.xlsx")]):
        table = _load(path, faults)
        if table is not None:
            tables[path.stem] = table
    return tables, faults


def _load(path: Path, faults: list[LookupFault]) -> pa.Table | None:
    name = f"mappings/lookups/{path.name}"
    try:
        rows = _rows(path)
    except (UnicodeDecodeError, csv.Error, OSError, ValueError, KeyError) as error:
        faults.append(LookupFault(name, 1, f"cannot be read: {error}", "save it as UTF-8 CSV or as .xlsx"))
        return None
    if not rows or len(rows[0]) < 2:
        faults.append(LookupFault(name, 1, "has no header with codes and a value", "the last column is the value"))
        return None
    width = len(rows[0])
    seen: dict[tuple[str, ...], int] = {}
    kept = []
    for line, row in enumerate(rows[1:], start=2):
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != width:
            faults.append(LookupFault(name, line, f"has {len(row)} cells, the header has {width}", "fill the row"))
            return None
        cells = tuple(cell.strip() for cell in row)
        key = tuple(cell.casefold() for cell in cells[:-1])
        if key in seen:
            faults.append(LookupFault(name, line, f"says the same codes as line {seen[key]}", "keep one of them"))
            return None
        seen[key] = line
        kept.append(cells)
    columns = list(zip(*kept, strict=True)) if kept else [()] * width
    names = [cell.strip() or f"#{n}" for n, cell in enumerate(rows[0])]
    return pa.table([pa.array(column, pa.utf8()) for column in columns], names=names)


def _rows(path: Path) -> list[list[str]]:
    if path.suffix == ".csv":
        return list(csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"))))
    book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    sheet = book.worksheets[0]
    return [["" if cell is None else str(cell) for cell in row] for row in sheet.iter_rows(values_only=True)]
