"""A list of what was rejected in a file of any format, for people and spreadsheets at the partner's."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import pyarrow as pa

from gateway.atomic import write_atomically
from gateway.csv_text import csv_text
from gateway.workbooks.book_data import BookRun
from gateway.workbooks.cells import Column, Kind
from gateway.workbooks.file import Book, Line
from gateway.workbooks.sheet import Block, Sheet, paged

COUNTS = ("received", "accepted", "rejected", "duplicate", "ignored")
FAULT_COLUMNS = ("position", "column", "value", "wrong", "fix")
"""Of the table of faults, all text. `wrong` says what was found and what was expected."""

TITLE = "Feedback"
_WIDTHS = {"file": 30, "position": 16, "column": 20, "value": 24, "wrong": 60, "fix": 60}


def write_csv(path: Path, name: str, counts: Mapping[str, int], faults: pa.Table) -> None:
    """One line for each fault and one of the counts, whole or not at all.

    name    under which the file was delivered
    faults  `FAULT_COLUMNS`
    Raises OSError if it cannot be written.
    """
    found = zip(*(faults.column(column).to_pylist() for column in FAULT_COLUMNS), strict=True)
    rows = [("fault", name, *row, *(None for _ in COUNTS)) for row in found]
    summary = ("summary", name, *(None for _ in FAULT_COLUMNS), *(counts[count] for count in COUNTS))
    text = csv_text(("record", "file", *FAULT_COLUMNS, *COUNTS), [*rows, summary], "\r\n")
    write_atomically(path, text.encode("utf-8-sig"))


def write_xlsx(path: Path, name: str, counts: Mapping[str, int], faults: pa.Table, at: datetime) -> None:
    """The same as a workbook with a sheet of faults and one of the counts.

    at  instant of the file's commit, which the workbook shows
    Raises OSError if it cannot be written.
    """
    data = faults.add_column(0, "file", pa.array([name] * faults.num_rows, pa.utf8()))
    columns = tuple(Column(column, Kind.TEXT, width=_WIDTHS[column]) for column in ("file", *FAULT_COLUMNS))
    totals = pa.table({"file": [name], **{count: pa.array([counts[count]], pa.int64()) for count in COUNTS}})
    summary = (Column("file", Kind.TEXT, width=_WIDTHS["file"]), *(Column(count, Kind.WHOLE) for count in COUNTS))
    sheets = [
        *paged(Sheet("FAULTS", "What was rejected, and why", [Block("FAULTS", columns, data)])),
        Sheet("COUNTS", "What became of the rows", [Block("COUNTS", summary, totals)]),
    ]
    prose = [Line(TITLE, style="heading"), Line("File", name), Line("Taken", f"{at:%Y-%m-%d %H:%M} UTC")]
    run = BookRun(run_id=path.stem, as_of=at, created_at=at)
    Book(run, TITLE, prose, sheets).write(path)
