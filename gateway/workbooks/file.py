"""Laid-out sheets → one XLSX file.

XlsxWriter makes the workbook with one sentinel row in each table (styles, tables, protection, names); then
that row is replaced by the table's body, built from Arrow columns. The same data gives the same bytes.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from xlsxwriter import Workbook
from xlsxwriter.utility import xl_col_to_name
from xlsxwriter.worksheet import Worksheet

from gateway.atomic import replacing
from gateway.workbooks.book_data import BookRun
from gateway.workbooks.cells import NUMBERS, Column, Kind, cells, neutralise, serial, shorten
from gateway.workbooks.sheet import Block, Sheet
from gateway.workbooks.styles import TABLE_STYLE, Styles

ROWS_PER_BATCH = 20_000
_A3, _A4 = 8, 9
# Above this total width (characters) a page one sheet wide is only readable on A3.
_A4_WIDTH = 170
_WIDTHS = {Kind.DAY: 11, Kind.INSTANT: 16, Kind.LINK: 24, Kind.RATIO: 12}
_WIDTH_MIN, _WIDTH_MAX = 6, 48
_PROSE_WIDTH = 110
_ZIP_DATE = (1980, 1, 1, 0, 0, 0)
_ALLOWED = {
    "sort": True,
    "autofilter": True,
    "format_columns": True,
    "format_rows": True,
    "select_locked_cells": True,
    "select_unlocked_cells": True,
}


@dataclass(frozen=True, slots=True)
class Line:
    """A line of prose: a label, text beside it, and perhaps the sheet that the label leads to."""

    label: str = ""
    text: str = ""
    style: str = "prose"
    to_sheet: str = ""


@dataclass(slots=True)
class Book:
    """A workbook in the making.

    prose   lines of the README, the first sheet
    sheets  in the order of the tabs
    names   defined names and what they refer to ("=LISTS!$A$5:$A$13")
    """

    run: BookRun
    title: str
    prose: list[Line] = field(default_factory=list)
    sheets: list[Sheet] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)

    def write(self, path: Path) -> None:
        """Write the workbook to `path`, whole or not at all. Raises OSError if that fails."""
        skeleton = io.BytesIO()
        book = Workbook(skeleton, {"in_memory": True})
        moment = self.run.as_of.replace(tzinfo=None, microsecond=0)
        book.set_properties({"title": self.title, "subject": f"Run {self.run.run_id}", "created": moment})
        book.set_calc_mode("auto")
        styles = Styles(book)
        self._write_prose(book.add_worksheet("README"), styles)
        for sheet in self.sheets:
            _write_sheet(book.add_worksheet(sheet.name), sheet, styles, self.run)
        for name, refers_to in self.names.items():
            book.define_name(name, refers_to)
        book.close()
        with replacing(path) as temporary:
            _splice(skeleton, temporary, self.sheets)

    def _write_prose(self, page: Worksheet, styles: Styles) -> None:
        page.set_column(0, 0, 30)
        page.set_column(1, 1, _PROSE_WIDTH + 8)
        page.hide_gridlines(2)
        page.write_string(0, 0, self.title, styles.named("title"))
        for row, line in enumerate(self.prose, start=2):
            label, text = shorten(neutralise(line.label)), shorten(neutralise(line.text))
            if line.to_sheet:
                page.write_url(row, 0, f"internal:'{line.to_sheet}'!A1", styles.named("prose_link"), label)
            elif label:
                page.write_string(row, 0, label, styles.named("heading" if line.style == "heading" else "label"))
            if len(text) > _PROSE_WIDTH:
                # A row's height must be written: not every reader fits it to wrapped text.
                page.set_row(row, 15 * -(-len(text) // _PROSE_WIDTH))
            if text:
                page.write_string(row, 1, text, styles.named("prose"))
        _page_setup(page, self.run, _A4)


def _write_sheet(page: Worksheet, sheet: Sheet, styles: Styles, run: BookRun) -> None:
    page.hide_gridlines(2)
    if sheet.title:
        page.write_string(0, 0, sheet.title, styles.named("title"))
        page.write_string(1, 0, shorten(neutralise(sheet.note)), styles.named("note"))
    widths: dict[int, int] = {}
    for block in sheet.blocks:
        _write_block(page, block, styles, run)
        for index, column in enumerate(block.columns):
            widths[index] = max(widths.get(index, 0), _width(column, block.data.column(column.name)))
    for index, width in widths.items():
        page.set_column(index, index, width)
    only = sheet.blocks[0] if len(sheet.blocks) == 1 else None
    page.freeze_panes(only.first if only else 2, sheet.freeze_columns)
    if only:
        page.repeat_rows(only.header)
    if only and sheet.print_to:
        last = list(only.letters).index(sheet.print_to)
        page.print_area(0, 0, only.last, last)
        widths = {index: width for index, width in widths.items() if index <= last}
    text_cells = [
        block.local_range(column.name).replace("$", "")
        for block in sheet.blocks
        for column in block.columns
        if column.kind is Kind.TEXT
    ]
    # Ids are text on purpose: no green corners.
    page.ignore_errors({"number_stored_as_text": " ".join(text_cells)})
    if sheet.protected:
        page.protect("", _ALLOWED)
    if sheet.hidden:
        page.hide()
    _page_setup(page, run, _A3 if sum(widths.values()) > _A4_WIDTH else _A4)


def _write_block(page: Worksheet, block: Block, styles: Styles, run: BookRun) -> None:
    if block.heading:
        page.write_string(block.top, 0, block.heading, styles.named("heading"))
    _write_totals(page, block, styles)
    headers = []
    for index, column in enumerate(block.columns):
        to_the_right = column.kind in NUMBERS or column.kind in (Kind.DAY, Kind.INSTANT)
        look = styles.named("header_editable" if column.editable else "header_number" if to_the_right else "header")
        headers.append({"header": column.name, "header_format": look})
        page.write_blank(block.first, index, None, styles.of(column, block.data.column(column.name)))
    # One row long: XlsxWriter keeps an entry for each cell of a table. `_splice` gives it its true length.
    page.add_table(
        block.header,
        0,
        block.first,
        len(block.columns) - 1,
        {"name": _table_name(block), "style": TABLE_STYLE, "columns": headers},
    )
    for rule in block.rules:
        when = block.fill(rule.when).replace("AS_OF", repr(serial(run.as_of)))
        for name in rule.columns:
            index = list(block.letters).index(name)
            options = {"type": "formula", "criteria": f"={when}", "format": styles.named(rule.style)}
            page.conditional_format(block.first, index, block.last, index, options)
    for name, check in block.validations.items():
        index = list(block.letters).index(name)
        filled = {k: block.fill(v) if k == "source" and isinstance(v, str) else v for k, v in check.items()}
        page.data_validation(block.first, index, block.last, index, filled)


def _write_totals(page: Worksheet, block: Block, styles: Styles) -> None:
    for row, line in enumerate(block.total_lines(), start=block.header - block.totals):
        page.write_string(row, 0, neutralise(line.label), styles.named("total"))
        for index, column in enumerate(block.columns):
            if column.name in line.sums:
                formula, value = line.sums[column.name]
                look = styles.total_of(column, block.data.column(column.name))
                page.write_formula(row, index, formula, look, value)


def _page_setup(page: Worksheet, run: BookRun, paper: int) -> None:
    page.set_landscape()
    page.set_paper(paper)
    page.fit_to_pages(1, 0)
    page.set_margins(left=0.4, right=0.4, top=0.5, bottom=0.6)
    run_id = run.run_id.replace("&", "&&")[:100]
    page.set_footer(f"&L&8Run {run_id} · as of {run.as_of:%Y-%m-%d %H:%M} UTC&C&8&A&R&8Page &P of &N")


def _width(column: Column, values: pa.ChunkedArray) -> int:
    """Wide enough for the header with its filter button and for most of the content."""
    header = len(column.name) + 5  # the filter's button and the indent
    if column.width:
        return max(column.width, header)
    content = _WIDTHS.get(column.kind, 0)
    if not content and len(values):
        content = int(pc.max(pc.utf8_length(values.slice(0, 5_000).cast(pa.string()))).as_py() or 0) + 3
        # Thousands separators and parentheses take room, trailing zeros of the cast do not.
        content = content + 2 if column.kind in NUMBERS else content
    return max(_WIDTH_MIN, header, min(content, _WIDTH_MAX))


def _splice(skeleton: io.BytesIO, target: Path, sheets: Sequence[Sheet]) -> None:
    """Copy the skeleton, putting each table's body in place of its sentinel row."""
    # Sheet 1 is the README.
    parts = {f"xl/worksheets/sheet{number}.xml": sheet for number, sheet in enumerate(sheets, start=2)}
    ranges = {_table_name(block): block.table_range() for sheet in sheets for block in sheet.blocks}
    with (
        zipfile.ZipFile(skeleton) as source,
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as sink,
    ):
        for name in source.namelist():
            part = zipfile.ZipInfo(name, _ZIP_DATE)
            part.compress_type = zipfile.ZIP_DEFLATED
            content = source.read(name)
            if name.startswith("xl/tables/"):
                content = _stretched(content, ranges)
            sheet = parts.get(name)
            # Never ZIP64: not every spreadsheet reads it. `paged` keeps a sheet far below 2 GiB.
            with sink.open(part, "w") as out:
                for piece in _with_bodies(content, sheet) if sheet else (content,):
                    out.write(piece)


def _table_name(block: Block) -> str:
    # The prefix keeps it apart from defined names and from anything that reads like a cell.
    return f"T_{block.name}"


def _stretched(table: bytes, ranges: dict[str, str]) -> bytes:
    """A table's XML with the range that its body takes."""
    name = re.search(rb' name="([^"]*)"', table)
    if name is None:
        raise AssertionError("a table without a name")
    return re.sub(rb' ref="[^"]*"', f' ref="{ranges[name.group(1).decode()]}"'.encode(), table)


def _with_bodies(content: bytes, sheet: Sheet) -> Iterator[bytes]:
    """The sheet's XML in pieces."""
    width = max(len(block.columns) for block in sheet.blocks)
    extent = f'<dimension ref="A1:{xl_col_to_name(width - 1)}{sheet.blocks[-1].last + 1}"/>'.encode()
    content = re.sub(rb'<dimension ref="[^"]*"/>', extent, content, count=1)
    done = 0
    for block in sheet.blocks:
        row = str(block.first + 1).encode()
        sentinel = re.compile(rb'<row r="%s"[^>]*>.*?</row>' % row, re.DOTALL).search(content, done)
        if sentinel is None:
            raise AssertionError(f"{sheet.name}: no sentinel row {row.decode()}")
        if not block.rows:
            continue
        yield content[done : sentinel.start()]
        styles = [int(s) for s in re.findall(rb'<c r="[A-Z]+%s" s="(\d+)"' % row, sentinel.group())]
        for start in range(0, block.rows, ROWS_PER_BATCH):
            yield _body(block, styles, start)
        done = sentinel.end()
    yield content[done:]


def _body(block: Block, styles: Sequence[int], start: int) -> bytes:
    """Rows `start` … of a table as XML."""
    batch = block.data.slice(start, ROWS_PER_BATCH)
    first = block.first + 1 + start
    rows = pa.array(range(first, first + batch.num_rows), pa.int64()).cast(pa.string())
    pieces: list[Any] = ['<row r="', rows, '">']
    for column, style in zip(block.columns, styles, strict=True):
        values = batch.column(column.name).combine_chunks()
        pieces.append(cells(column, block.letters[column.name], style, values, rows, block.letters))
    joined = pc.binary_join_element_wise(*pieces, "</row>", "")
    return "".join(joined.to_pylist()).encode()
