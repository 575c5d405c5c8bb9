"""Excel workbooks: the sheet, the header and the rows as people send them.

Cells become the text that a person sees as content: ids as whole digits, decimals exact, dates in ISO form.
"""

from __future__ import annotations

import fnmatch
import zipfile
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Literal

import openpyxl
import pyarrow as pa
from openpyxl.utils import get_column_letter
from openpyxl.utils.exceptions import InvalidFileException
from pydantic import BaseModel, ConfigDict

from gateway.errors import Fault, FileError
from gateway.formats import header as headers
from gateway.formats.contract import Reading, ReadRequest

BATCH_ROWS = 20_000
WHOLE_BYTES_MAX = 8 << 20
ERRORS = frozenset(("#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NUM!", "#NAME?", "#NULL!", "#GETTING_DATA"))
Row = tuple[int, list[str]]


class Options(BaseModel):
    """`[file]` settings.

    sheet    name, pattern (Count*) or number from 1; left out: the first sheet that has the header
    header   true (first row that is not blank), {contains = [...]}, {row = n}, or false with `columns`
    merged   "fill" repeats the value of merged cells, "top-left" leaves the others blank
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    sheet: str | int | None = None
    header: bool | headers.HeaderSearch = True
    columns: tuple[str, ...] = ()
    merged: Literal["fill", "top-left"] = "top-left"


def sniff(head: bytes, name: str) -> bool:
    """A zip that is named like a workbook or begins with workbook parts."""
    if not head.startswith(b"PK\x03\x04"):
        return False
    return name.lower().endswith((".xlsx", ".xlsm")) or b"[Content_Types].xml" in head or b"xl/" in head


def read(request: ReadRequest) -> Reading:
    """Open a workbook. Raises FileError for a bomb, an encrypted or damaged file, or a missing sheet."""
    return _Workbook(request)


class _Workbook(Reading):
    def __init__(self, request: ReadRequest) -> None:
        self.request = request
        self.options: Options = headers.options(Options, request.options, "workbook")
        self.faults: list[Fault] = []
        self.received = 0
        _check_zip(request)
        whole = self.options.merged == "fill" and request.path.stat().st_size <= WHOLE_BYTES_MAX
        self.book = self._open(read_only=not whole)
        self.sheet, self.header = self._choose()
        self.columns = self.header.columns
        if len(self.columns) > request.limits.columns_max:
            raise FileError(request.name, f"{len(self.columns)} columns are more than columns_max", "Remove some.")

    def _open(self, *, read_only: bool) -> Any:
        try:
            return openpyxl.load_workbook(self.request.path, read_only=read_only, data_only=True)
        except (
            InvalidFileException,
            LookupError,
            ValueError,
            zipfile.BadZipFile,
            EOFError,
            TypeError,
            OSError,
        ) as error:
            raise FileError(
                self.request.name, f"the workbook cannot be opened: {error}", "Save it again as .xlsx and send it."
            ) from None

    def _choose(self) -> tuple[Any, headers.Header]:
        sheets = [s for s in self.book.worksheets if s.sheet_state == "visible"] or self.book.worksheets
        wanted = self.options.sheet
        if isinstance(wanted, int):
            sheets = self.book.worksheets[wanted - 1 : wanted]
        elif wanted is not None:
            sheets = [s for s in self.book.worksheets if fnmatch.fnmatch(s.title.casefold(), wanted.casefold())]
        if not sheets:
            raise FileError(
                self.request.name, f"there is no sheet {wanted}; there are {', '.join(self.book.sheetnames)}",
                "Name the sheet in the mapping, or rename it.",
            )  # fmt: skip
        trouble: FileError | None = None
        for sheet in sheets:
            try:
                rows = ((number, cells) for number, cells, _ in self._cells(sheet))
                return sheet, headers.find(rows, self.options.header, self.request.name, self.options.columns)
            except FileError as error:
                trouble = trouble or error
        assert trouble is not None
        raise trouble

    def _cells(self, sheet: Any) -> Iterator[tuple[int, list[str], str]]:
        """(row number, texts, address of an error cell or "") for every row, with merged cells filled."""
        merged = self._merged(sheet)
        if hasattr(sheet, "reset_dimensions"):
            sheet.reset_dimensions()  # Many writers state a wrong used range.
        for number, row in enumerate(sheet.iter_rows(), start=1):
            texts, wrong = [], ""
            for column, cell in enumerate(row, start=1):
                text = text_of(cell.value)
                if text in ERRORS and cell.data_type == "e":
                    wrong = wrong or f"{get_column_letter(column)}{number}"
                texts.append(merged.get((number, column), text) if merged else text)
            yield number, texts, wrong

    def _merged(self, sheet: Any) -> dict[tuple[int, int], str]:
        if self.options.merged != "fill" or not hasattr(sheet, "merged_cells"):
            return {}
        filled = {}
        for area in sheet.merged_cells.ranges:
            text = text_of(sheet.cell(area.min_row, area.min_col).value)
            for row, column in area.cells if hasattr(area, "cells") else []:
                filled[row, column] = text
        return filled

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        rows: list[Row] = []
        done = 0
        for row in self._rows():
            rows.append(row)
            if len(rows) >= BATCH_ROWS:
                yield self._batch(rows, done)
                done += len(rows)
                rows = []
        if rows:
            yield self._batch(rows, done)

    def _rows(self) -> Iterator[Row]:
        width = len(self.columns)
        for number, cells, wrong in self._cells(self.sheet):
            if number <= self.header.line or not any(cell.strip() for cell in cells):
                continue
            self.received += 1
            if self.received > self.request.limits.rows_per_file_max:
                raise FileError(self.request.name, "more rows than rows_per_file_max", "Split the workbook.")
            if wrong or any(cell.strip() for cell in cells[width:]):
                self._reject(number, cells, wrong)
                continue
            yield number, (cells + [""] * width)[:width]

    def _reject(self, number: int, cells: Sequence[str], wrong: str) -> None:
        title = self.sheet.title
        what = f"the cell {title}!{wrong} holds an error" if wrong else "the row has cells beyond the header"
        self.faults.append(
            Fault(
                "ROW_REJECT",
                what,
                "Mend the cell and send the workbook again.",
                f"{title}!{wrong or f'A{number}'}",
                row={(self.columns[n] if n < len(self.columns) else f"#{n + 1}"): c for n, c in enumerate(cells)},
            )
        )
        if len(self.faults) > self.request.limits.faults_per_file_max:
            raise FileError(self.request.name, "more broken rows than faults_per_file_max", "Check the mapping.")

    def _batch(self, rows: list[Row], done: int) -> pa.RecordBatch:
        count = len(rows)
        return pa.RecordBatch.from_arrays(
            [
                pa.array(range(done, done + count), pa.int64()),
                pa.array([f"{self.sheet.title}!A{number}" for number, _ in rows], pa.utf8()),
                pa.array([0] * count, pa.int32()),
                *(pa.array([cells[n] for _, cells in rows], pa.utf8()) for n in range(len(self.columns))),
            ],
            schema=self.schema,
        )


def text_of(value: Any) -> str:
    """The text of a typed cell: whole numbers without a point, decimals exact, dates in ISO form."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e18 else f"{Decimal(repr(value)):f}"
    if isinstance(value, datetime):
        plain = value.time() == time(0)
        return value.date().isoformat() if plain else value.isoformat(timespec="seconds")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        minutes, seconds = divmod(round(value.total_seconds()), 60)
        return f"{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}"
    return str(value)


def _check_zip(request: ReadRequest) -> None:
    """Refuse what would unpack beyond the limits, and what carries entities, before anything is opened."""
    limits = request.limits
    with request.path.open("rb") as source:
        if source.read(8).startswith(b"\xd0\xcf\x11\xe0"):
            raise FileError(
                request.name, "this is an encrypted or old-style workbook", "Save it as .xlsx without a password."
            )
    try:
        with zipfile.ZipFile(request.path) as archive:
            total = sum(entry.file_size for entry in archive.infolist())
            ratio = total / max(request.path.stat().st_size, 1)
            if total > limits.xlsx_expanded_bytes_max or ratio > limits.xlsx_expansion_ratio_max:
                raise FileError(
                    request.name,
                    f"it would unpack to {total} bytes, {ratio:.0f} times its size: this looks like a zip bomb",
                    "Send an ordinary workbook; the limits are xlsx_expanded_bytes_max and xlsx_expansion_ratio_max.",
                )
            for entry in archive.infolist():
                if entry.filename.endswith((".xml", ".rels")) and _has_doctype(archive, entry):
                    raise FileError(
                        request.name, f"{entry.filename} has a DOCTYPE; entities are not allowed", "Save it again."
                    )
    except zipfile.BadZipFile as error:
        raise FileError(request.name, f"the workbook is damaged: {error}", "Send it again.") from None


def _has_doctype(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bool:
    with archive.open(entry) as part:
        return b"<!DOCTYPE" in part.read(4096).upper()
