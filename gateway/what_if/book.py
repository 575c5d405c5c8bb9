"""The workbook of a what-if: a sheet for each part of the ledger, a row for each difference."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pyarrow as pa

from gateway.reports.differences import PARTS, Difference
from gateway.workbooks.book_data import BookRun
from gateway.workbooks.cells import Column, Kind
from gateway.workbooks.file import Book
from gateway.workbooks.guide_sheets import readme
from gateway.workbooks.sheet import Block, Sheet

ABOUT = (
    ("Before", "As the ledger says it now, empty where it says nothing."),
    ("After", "As it would be under the draft, empty where it would be gone."),
)


def write(path: Path, found: Sequence[Difference], at: datetime, title: str) -> None:
    """Write the workbook to `path`, whole or not at all. Raises OSError if that fails."""
    sheets = [_sheet(part, [one for one in found if one.part == part]) for part in PARTS]
    run = BookRun(run_id="what-if", as_of=at, created_at=at)
    Book(run, title, readme(run, sheets, ABOUT), sheets).write(path)


def _sheet(part: str, found: Sequence[Difference]) -> Sheet:
    what = PARTS[part]
    names = [*what.keys, *(f"{value} {when}" for value in what.values for when in ("before", "after"))]
    rows = [
        [*one.key.values(), *(_said(side, value) for value in what.values for side in (one.before, one.after))]
        for one in found
    ]
    cells = [pa.array([row[number] for row in rows], pa.string()) for number in range(len(names))]
    columns = tuple(Column(name, Kind.TEXT) for name in names)
    name = part.upper()
    return Sheet(name, part.capitalize(), [Block(name, columns, pa.table(cells, names=names))])


def _said(side: dict[str, object] | None, value: str) -> str | None:
    """A value as text. A sum of contents only says whether these differ: its last digits do."""
    if side is None or side[value] is None:
        return None
    return f"#{str(side[value])[-6:]}" if value == "content" else str(side[value])
