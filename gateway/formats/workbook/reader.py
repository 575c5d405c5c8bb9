"""Spreadsheets (.xlsx, .xlsm, .xlsb, .xls, .ods): the sheet, the header and the rows as people send them.

Cells become the text that a person sees as content: identifiers as whole digits, decimals exact, dates in ISO
form. The modules `workbook_*` know the kinds of files; this one knows tables.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import ConfigDict, Field, model_validator

from gateway.errors import Fault, FileError
from gateway.formats import above, sections
from gateway.formats import header as headers
from gateway.formats.literals import literals
from gateway.formats.sectioned import Sectioned, Source
from gateway.formats.verbs import Table
from gateway.formats.workbook.cells import UNCALCULATED, Area, Block, Blocks, Book, Wrong, address
from gateway.formats.workbook.ods import MIME, Ods
from gateway.formats.workbook.package import DAMAGE, Package, damaged
from gateway.formats.workbook.xls import Xls
from gateway.formats.workbook.xlsb import Xlsb
from gateway.formats.workbook.xlsx import Xlsx
from gateway.reading import Reading, ReadRequest, cell_parts, check_size, unreadable
from gateway.toml_values import TomlTable
from gateway.whitespace import shown

TEXT_SHOWN = 60
ZIP, COMPOUND = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
COLUMNS_SHOWN = 12
MERGED_MAX = 100_000
FILLED_CELLS_MAX = 5_000_000
BEYOND_SHOWN = 5
HEAD_BYTES = 4096
UNCALCULATED_SHOWN = "#UNCALCULATED"
"""What conditions of a mapping see in a formula that was never calculated."""


class Options(TomlTable):
    """`[file]` settings.

    sheet    name, pattern (Count*) or number from 1; left out: the first sheet that has the header. Hidden
             sheets are passed over and not counted; only by its full name is one read
    header   true (first row that is not blank), {contains = [...]}, {row = n}, or false with `columns`
    other_names  names that columns may have in the header instead of those of the mapping
    merged   "fill" repeats the value of merged cells in the rows that have a value of their own, "top-left"
             leaves it in the first cell
    section  kinds of rows of different columns, in place of one header; `each` names that of the rows
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    sheet: str | int | None = None
    header: bool | headers.HeaderSearch = True
    columns: tuple[str, ...] = ()
    other_names: headers.OtherNames = Field(default_factory=dict)
    merged: Literal["fill", "top-left"] = "top-left"
    section: tuple[sections.Section, ...] = ()

    @model_validator(mode="after")
    def _sections_that_differ(self) -> Options:
        sections.check(self.section, bool(self.model_fields_set & {"header", "columns"}))
        return self


def sniff(head: bytes, name: str) -> bool:
    """A zip or compound file: zips that hold no document were opened before. Also what only its name calls a workbook,
    so that its sender learns what it is."""
    return head.startswith((ZIP, COMPOUND)) or (name.lower().endswith((".xls", ".xlsx")) and bool(_disguise(head)))


def _disguise(head: bytes) -> str:
    """What a file is that programs write under the name of a workbook, "" for anything else."""
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if b"urn:schemas-microsoft-com:office:spreadsheet" in text and text.startswith(b"<?xml"):
        return "an XML Spreadsheet of 2003"
    if text.startswith((b"<html", b"<!doctype html", b"<table", b"<meta", b"<head")):
        return "a web page (HTML)"
    return "a web archive (MHT)" if text.startswith(b"mime-version:") else ""


def _text(head: bytes) -> str:
    """The first line of a file that is text, "" of any other."""
    line = head.split(b"\n", maxsplit=1)[0].strip()
    return "" if b"\0" in head else line.decode("utf-8-sig", "replace")


def read(request: ReadRequest) -> Reading:
    """Open a workbook. Raises FileError for a bomb, an encrypted or damaged file, or a missing sheet."""
    chosen: Options = headers.options(Options, request.options, "workbook")
    if not chosen.section:
        rows = _Workbook(request)
        return above.beside(rows, rows.above)
    rest = {name: value for name, value in request.options.items() if name not in ("section", "other_names")}
    book = _Workbook(replace(request, options={**rest, "header": False}))
    source = Source(book.all_rows, lambda line: f"{book.title}!A{line}", ", ".join, padded=True)
    return Sectioned(request, chosen.section, chosen.other_names, source)


def check_each(each: str | None, options: Mapping[str, Any]) -> None:
    """Rows are rows of the sheet, so there is an `each` only where there are sections. Raises PathError."""
    chosen: Options = headers.options(Options, options, "workbook")
    sections.check_each(each, chosen.section)


def check_path(path: str, each: str | None, options: Mapping[str, Any]) -> None:
    """Whether a name can be that of a column: any can, unless the columns are listed. Raises PathError."""
    chosen: Options = headers.options(Options, options, "workbook")
    sections.check_path(path, each, chosen.section)
    headers.check_column(path, chosen.header, chosen.columns)


def describe(request: ReadRequest) -> str:
    """The header of the first sheet that has one. Raises FileError."""
    found = _Workbook(replace(request, options={}))
    return f"a workbook whose sheet {found.title} begins with {', '.join(found.columns[:COLUMNS_SHOWN])}"


def table(request: ReadRequest) -> Table:
    """The sheet that the options name, else the first one, and every row of it. Raises FileError."""
    # A column that is named spares a pass over the sheet, which would only count them.
    book = _Workbook(replace(request, options={"header": False, "columns": ("#1",), **request.options}))
    return Table({"sheet": book.title}, book.all_rows())


def _open(request: ReadRequest) -> Book:
    check_size(request, may_be_empty=True)
    with request.path.open("rb") as source:
        beginning = source.read(HEAD_BYTES)
    head = beginning[:8]
    if head != COMPOUND and not head.startswith(ZIP):
        found = _disguise(beginning)
        what = f"this is {found} under the name of a workbook" if found else "this is not a workbook"
        fix = "Open it in Excel, save it as .xlsx and send that."
        if not found and beginning and (text := _text(beginning)):
            what = f'this is text that begins with "{shown(text)[:TEXT_SHOWN]}", not a workbook'
            fix = 'Write format = "delimited" in [file] of the mapping, or send a workbook (.xlsx).'
        raise FileError(request.name, what, fix)
    try:
        return Xls(request) if head == COMPOUND else _open_zip(request)
    except DAMAGE as error:
        raise damaged(request.name, error) from None


def _open_zip(request: ReadRequest) -> Book:
    package = Package(request)
    if package.has("mimetype") and package.whole("mimetype").strip() == MIME:
        return Ods(request, package)
    return Xlsb(package) if package.has("xl/workbook.bin") else Xlsx(request, package)


class _Workbook(Reading):
    def __init__(self, request: ReadRequest) -> None:
        self.request = request
        self.options: Options = headers.options(Options, request.options, "workbook")
        self.faults: list[Fault] = []
        self.received = 0
        self.columns: tuple[str, ...] = ()
        self.described = self.options.header is not False
        self.book = _open(request)
        self.sheet, self.header = self._choose()
        self.title = self.book.sheets[self.sheet].title
        self.columns, self.headings = self.header.columns, self.header.headings
        names = self.options.other_names
        self.above = above.texts(
            self.header.above, request.columns, names, request.name, lambda row: f"{self.title}!A{row}"
        )
        if len(self.columns) > request.limits.columns_max:
            raise FileError(
                request.name,
                f"{len(self.columns)} columns are more than columns_max",
                "Remove columns that no field reads, or raise limits.columns_max.",
            )

    # --- before the rows --------------------------------------------------------------------------------

    def _choose(self) -> tuple[int, headers.Header]:
        """The first sheet with the header; others that have it too are reported, since their rows are not read."""
        trouble: FileError | None = None
        chosen: tuple[int, headers.Header] | None = None
        for sheet in self._candidates():
            try:
                header = self._found_header(sheet)
            except FileError as error:
                trouble = trouble or error
                continue
            if chosen is None:
                chosen = sheet, header
                if self.options.header is False:
                    break
            elif self._alike(header, chosen[1]) and self._has_rows(sheet, header):
                self._report_unread(sheet, chosen[0])
        if chosen is None:
            assert trouble is not None
            raise trouble
        return chosen

    def _found_header(self, sheet: int) -> headers.Header:
        """Raises FileError where a sheet has none."""
        blocks = self._blocks(sheet)
        title = self.book.sheets[sheet].title
        rows = (row for block in blocks for row in self._marked(block, title).texts())
        given = self.options.columns
        if self.options.header is False and not given:
            given = self._numbered(sheet)
        try:
            return headers.find(
                rows, self.options.header, self.request.name, given, self.request.columns, self.options.other_names
            )
        finally:
            blocks.close()

    def _alike(self, header: headers.Header, read: headers.Header) -> bool:
        """Whether the mapping could read a sheet as the one that is read: it has the columns, in whatever order."""
        needed = set(self.request.columns) & set(read.columns)
        return header.columns == read.columns or (len(needed) > 1 and needed <= set(header.columns))

    def _has_rows(self, sheet: int, header: headers.Header) -> bool:
        return any(
            line > header.line and any(cell_parts(cell)[2] for cell in cells)
            for block in self._blocks(sheet)
            for line, cells in block.texts()
        )

    def _report_unread(self, sheet: int, read: int) -> None:
        titles = [self.book.sheets[number].title for number in (sheet, read)]
        message = f"the sheet {titles[0]} has the columns of {titles[1]}, which is read, and its rows are not read"
        hint = "Name the sheet in the mapping (`sheet`), or send each sheet in a workbook of its own."
        self.faults.append(Fault("ROW_DOUBTFUL", message, hint, titles[0]))

    def _candidates(self) -> list[int]:
        """The sheets to look at, in order."""
        sheets = list(enumerate(self.book.sheets))
        visible = [(number, sheet) for number, sheet in sheets if sheet.visible]
        wanted = self.options.sheet
        if wanted is None:
            found = visible or sheets
        elif isinstance(wanted, int):
            found = visible[wanted - 1 : wanted] if wanted > 0 else []
        else:
            name = wanted.casefold()
            found = [one for one in sheets if one[1].title.casefold() == name] or [
                one for one in visible if fnmatch.fnmatchcase(one[1].title.casefold(), name)
            ]
        if not found:
            shown = ", ".join(sheet.title if sheet.visible else f"{sheet.title} (hidden)" for _, sheet in sheets)
            raise FileError(
                self.request.name,
                f"there is no sheet {wanted}; there are {shown}" if sheets else "it has no worksheet",
                "Name the sheet in the mapping, or rename it in the workbook.",
            )
        return [number for number, _ in found]

    def _numbered(self, sheet: int) -> tuple[str, ...]:
        """Names of the columns of a sheet without header: as many as its widest row has."""
        used = (n for block in self._blocks(sheet) for n, texts in block.columns.items() if _present(texts).any())
        width = max(used, default=0)
        return tuple(f"#{number}" for number in range(1, width + 1))

    def _blocks(self, sheet: int) -> Blocks:
        try:
            blocks = self.book.blocks(sheet)
            yield from self._filled(blocks, self.book.merged(sheet)) if self.options.merged == "fill" else blocks
        except DAMAGE as error:
            raise damaged(self.request.name, error) from None

    def _filled(self, blocks: Blocks, merged: list[Area]) -> Blocks:
        """Blocks with the value of merged cells in each of their rows that has a value of its own."""
        if len(merged) > MERGED_MAX:
            raise FileError(
                self.request.name,
                f"{len(merged)} merged cells are more than {MERGED_MAX}",
                "Send the sheet without merged cells.",
            )
        carried: dict[Area, tuple[str, str]] = {}
        for block in blocks:
            own = np.logical_or.reduce([_present(texts) for texts in block.columns.values()])
            own[np.isin(block.rows, [wrong.row for wrong in block.wrong])] = True
            yield self._fill(block, own, merged, carried)

    def _fill(self, block: Block, own: Any, merged: list[Area], carried: dict[Area, tuple[str, str]]) -> Block:
        rows = block.rows[own]
        columns = {column: texts.filter(pa.array(own)).to_pylist() for column, texts in block.columns.items()}
        wrong = {(one.row, one.column): one for one in block.wrong}
        columns_max, cells = self.request.limits.columns_max, 0
        for area in merged:
            top, left, bottom, right = area
            if len(rows) == 0 or top > rows[-1] or bottom < rows[0]:
                continue
            begin, end = np.searchsorted(rows, [top, bottom + 1])
            if begin < end and rows[begin] == top:
                known = wrong.get((top, left))
                text = columns[left][begin] if left in columns else None
                carried[area] = (text or "", known.what if known else "")
            text, what = carried.get(area, ("", ""))
            right = min(right, len(self.columns) or columns_max)
            cells += (end - begin) * max(right - left + 1, 0)
            if cells > min(len(rows) * columns_max, FILLED_CELLS_MAX):
                raise FileError(
                    self.request.name,
                    "its merged cells overlap",
                    "Unmerge these cells, and send it again.",
                    address(top, left),
                )
            for column in range(left, right + 1):
                columns.setdefault(column, [None] * len(rows))[begin:end] = [text] * (end - begin)
                if what:
                    wrong |= {(int(row), column): Wrong(int(row), column, what) for row in rows[begin:end]}
        texts = {column: pa.array(values, pa.utf8()) for column, values in sorted(columns.items())}
        return Block(rows, texts, tuple(wrong[place] for place in sorted(wrong)))

    # --- rows -------------------------------------------------------------------------------------------

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        done, beyond = 0, list[str]()
        for found in self._blocks(self.sheet):
            block = self._marked(found, self.title)
            kept = self._data(block, beyond)
            rows = block.rows[kept]
            self.count(len(rows))
            if len(rows):
                chosen = pa.array(kept)
                yield pa.RecordBatch.from_arrays(
                    [
                        pa.array(np.arange(done, done + len(rows), dtype=np.int64)),
                        pc.binary_join_element_wise(f"{self.title}!A", pa.array(rows).cast(pa.utf8()), ""),
                        pa.array(np.zeros(len(rows), dtype=np.int32)),
                        *(_column(block, n, chosen, len(rows)) for n in range(1, len(self.columns) + 1)),
                    ],
                    schema=self.schema,
                )
                done += len(rows)
        if beyond:
            self.faults.append(self._beyond(beyond))

    def all_rows(self) -> Iterator[tuple[int, list[str]]]:
        """(row number, cells) of every row, blank ones before others too, without regard to a header."""
        last = 0
        for found in self._blocks(self.sheet):
            block = self._marked(found, self.title)
            for column, texts in block.columns.items():
                self._check_length(block, column, texts)
            for row, cells in block.texts():
                if row > last + 1:
                    yield last + 1, []
                yield row, cells
                last = row

    @staticmethod
    def _marked(block: Block, title: str) -> Block:
        """The block with cells without a value marked as such: whether that matters, only the mapping knows."""
        columns = dict(block.columns)
        for wrong in block.wrong:
            place = int(np.searchsorted(block.rows, wrong.row))
            texts = columns.get(wrong.column, pa.nulls(len(block.rows), pa.utf8()))
            where = f"{title}!{address(wrong.row, wrong.column)}"
            fix = "Fix the cell and send the workbook again."
            if wrong.what == UNCALCULATED:
                message, fix = (
                    f"the cell {where} is {wrong.what}",
                    "Open the workbook in Excel and save it: that calculates it.",
                )
            else:
                message = f"the cell {where} holds {wrong.what}"
            text = pa.array([unreadable(message, fix, texts[place].as_py() or UNCALCULATED_SHOWN)], pa.utf8())
            columns[wrong.column] = pa.concat_arrays([texts[:place], text, texts[place + 1 :]])
        return Block(block.rows, columns)

    def _data(self, block: Block, beyond: list[str]) -> Any:
        """Which rows of the block are data. `beyond` gets the first cells with a value to the right of the header."""
        data = np.zeros(len(block.rows), dtype=bool)
        for column, texts in block.columns.items():
            self._check_length(block, column, texts)
            present = _present(texts) & (block.rows > self.header.line)
            if column <= len(self.columns):
                data |= present
            elif len(beyond) <= BEYOND_SHOWN:
                beyond += [address(int(row), column) for row in block.rows[present][: BEYOND_SHOWN + 1]]
        return data & ~self._again(block) if self.described else data

    def _again(self, block: Block) -> Any:
        """Which rows of the block are the header once more, as in sheets that were joined or have one on each page."""
        same = block.rows > self.header.line
        for number, name in enumerate(self.columns, start=1):
            heading = re.sub("#[0-9]+$", "", self.headings.get(name, name)).casefold()
            texts = block.columns.get(number)
            if texts is None:
                same &= not heading
            elif same.any():
                cells = pc.utf8_lower(pc.utf8_trim_whitespace(pc.fill_null(texts, "")))
                same &= pc.equal(cells, heading).to_numpy(zero_copy_only=False)
        return same

    def _beyond(self, cells: list[str]) -> Fault:
        more = " …" if len(cells) > BEYOND_SHOWN else ""
        where = f"{self.title}!{cells[0]}"
        return Fault(
            "COLUMN_UNKNOWN",
            (
                f"cells to the right of the header have no column and are not read: "
                f"{', '.join(cells[:BEYOND_SHOWN])}{more}"
            ),
            "Name their columns in the header, or remove them.",
            where,
        )

    def _check_length(self, block: Block, column: int, texts: pa.Array) -> None:
        lengths = pc.binary_length(texts)
        if (pc.max(lengths).as_py() or 0) > self.request.limits.cell_bytes_max:
            row = int(block.rows[pc.index(lengths, pc.max(lengths)).as_py()])
            raise FileError(
                self.request.name,
                "a cell has more bytes than cell_bytes_max",
                "Shorten the text, or raise limits.cell_bytes_max.",
                f"{self.title}!{address(row, column)}",
            )


def _present(texts: pa.Array) -> Any:
    """Where there is more than white space."""
    lengths = pc.binary_length(pc.utf8_trim_whitespace(texts))
    return pc.fill_null(pc.greater(lengths, 0), False).to_numpy(zero_copy_only=False).copy()


def _column(block: Block, number: int, chosen: pa.Array, rows: int) -> pa.Array:
    texts = block.columns.get(number)
    return pa.array([""] * rows, pa.utf8()) if texts is None else literals(pc.fill_null(texts.filter(chosen), ""))
