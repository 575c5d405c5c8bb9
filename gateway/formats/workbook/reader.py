"""Spreadsheets (.xlsx, .xlsm, .xlsb, .xls, .ods): the sheet, the header and the rows as people send them.

Cells become the text that a person sees as content: identifiers as whole digits, decimals exact, dates in ISO
form. The modules `workbook_*` know the kinds of files; this one knows tables.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict

from gateway.errors import Fault, FileError
from gateway.formats import header as headers
from gateway.formats.workbook.cells import UNCALCULATED, Area, Block, Blocks, Book, Wrong, address
from gateway.formats.workbook.ods import MIME, Ods
from gateway.formats.workbook.package import DAMAGE, Package, damaged
from gateway.formats.workbook.xls import Xls
from gateway.formats.workbook.xlsb import Xlsb
from gateway.formats.workbook.xlsx import Xlsx
from gateway.reading import Reading, ReadRequest, check_size

ZIP, COMPOUND = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
COLUMNS_SHOWN = 12
MERGED_MAX = 100_000
FILLED_CELLS_MAX = 5_000_000


class Options(BaseModel):
    """`[file]` settings.

    sheet    name, pattern (Count*) or number from 1; left out: the first sheet that has the header. Hidden
             sheets are passed over and not counted; only by its full name is one read
    header   true (first row that is not blank), {contains = [...]}, {row = n}, or false with `columns`
    merged   "fill" repeats the value of merged cells in the rows that have a value of their own, "top-left"
             leaves it in the first cell
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    sheet: str | int | None = None
    header: bool | headers.HeaderSearch = True
    columns: tuple[str, ...] = ()
    merged: Literal["fill", "top-left"] = "top-left"


def sniff(head: bytes, name: str) -> bool:
    """A zip or compound file: zips that hold no document were opened before."""
    del name
    return head.startswith((ZIP, COMPOUND))


def read(request: ReadRequest) -> Reading:
    """Open a workbook. Raises FileError for a bomb, an encrypted or damaged file, or a missing sheet."""
    return _Workbook(request)


def check_each(each: str | None, options: Mapping[str, Any]) -> None:
    """Rows are rows of the sheet, so there is no `each`. Raises PathError."""
    del options
    headers.check_each(each)


def check_path(path: str, each: str | None, options: Mapping[str, Any]) -> None:
    """Whether a name can be that of a column: any can, unless the columns are listed. Raises PathError."""
    del each
    chosen: Options = headers.options(Options, options, "workbook")
    headers.check_column(path, chosen.header, chosen.columns)


def describe(request: ReadRequest) -> str:
    """The header of the first sheet that has one. Raises FileError."""
    found = _Workbook(replace(request, options={}))
    return f"a workbook whose sheet {found.title} begins with {', '.join(found.columns[:COLUMNS_SHOWN])}"


def _open(request: ReadRequest) -> Book:
    check_size(request, may_be_empty=True)
    with request.path.open("rb") as source:
        head = source.read(8)
    if head != COMPOUND and not head.startswith(ZIP):
        raise FileError(request.name, "this is no workbook", "Send it as .xlsx.")
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
        self.columns = self.header.columns
        if len(self.columns) > request.limits.columns_max:
            raise FileError(request.name, f"{len(self.columns)} columns are more than columns_max", "Remove some.")

    # --- before the rows --------------------------------------------------------------------------------

    def _choose(self) -> tuple[int, headers.Header]:
        trouble: FileError | None = None
        for sheet in self._candidates():
            blocks = self._blocks(sheet)
            rows = (row for block in blocks for row in block.texts())
            given = self.options.columns
            if self.options.header is False and not given:
                given = self._numbered(sheet)
            try:
                return sheet, headers.find(rows, self.options.header, self.request.name, given)
            except FileError as error:
                trouble = trouble or error
            finally:
                blocks.close()
        assert trouble is not None
        raise trouble

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
                self.request.name, f"{len(merged)} merged cells are more than {MERGED_MAX}", "Unmerge some."
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
                raise FileError(self.request.name, "its merged cells overlap", "Unmerge them.", address(top, left))
            for column in range(left, right + 1):
                columns.setdefault(column, [None] * len(rows))[begin:end] = [text] * (end - begin)
                if what:
                    wrong |= {(int(row), column): Wrong(int(row), column, what) for row in rows[begin:end]}
        texts = {column: pa.array(values, pa.utf8()) for column, values in sorted(columns.items())}
        return Block(rows, texts, tuple(wrong[place] for place in sorted(wrong)))

    # --- rows -------------------------------------------------------------------------------------------

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        done = 0
        for block in self._blocks(self.sheet):
            kept = self._kept(block)
            rows = block.rows[kept]
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

    def _kept(self, block: Block) -> Any:
        """Which rows of the block are data that can be read; the faults of the others are noted."""
        data, bad = np.zeros(len(block.rows), dtype=bool), np.zeros(len(block.rows), dtype=bool)
        first_bad: dict[int, tuple[int, str]] = {}
        for column, texts in block.columns.items():
            self._check_length(block, column, texts)
            present = _present(texts)
            data |= present
            if column > len(self.columns):
                bad |= present
                for place in np.flatnonzero(present).tolist():
                    first_bad.setdefault(place, (column, ""))
        for wrong in block.wrong:
            place = int(np.searchsorted(block.rows, wrong.row))
            data[place] = bad[place] = True
            if not first_bad.get(place, (0, ""))[1]:
                first_bad[place] = (wrong.column, wrong.what)
        data &= block.rows > self.header.line
        self.count(int(data.sum()))
        for place in np.flatnonzero(data & bad).tolist():
            self._reject(block, place, *first_bad[place])
        return data & ~bad

    def _check_length(self, block: Block, column: int, texts: pa.Array) -> None:
        lengths = pc.binary_length(texts)
        if (pc.max(lengths).as_py() or 0) > self.request.limits.cell_bytes_max:
            row = int(block.rows[pc.index(lengths, pc.max(lengths)).as_py()])
            raise FileError(
                self.request.name, "a cell has more bytes than cell_bytes_max", "Shorten it.",
                f"{self.title}!{address(row, column)}",
            )  # fmt: skip

    def _reject(self, block: Block, place: int, column: int, what: str) -> None:
        where = f"{self.title}!{address(int(block.rows[place]), column)}"
        if what == UNCALCULATED:
            message, hint = f"the cell {where} is {what}", "Open the workbook in Excel and save it: that calculates it."
        elif what:
            message, hint = f"the cell {where} holds {what}", "Fix the cell and send the workbook again."
        else:
            message, hint = (
                f"the cell {where} is beyond the header",
                "Name its column in the header, or empty the cell.",
            )
        cells = {n: texts[place].as_py() for n, texts in block.columns.items() if texts[place].is_valid}
        names = dict(enumerate(self.columns, start=1))
        row = {names.get(n, f"#{n}"): text for n, text in sorted(cells.items())}
        fault = Fault("ROW_REJECT", message, hint, where, names.get(column, ""), cells.get(column, ""), row)
        self.note(fault, "Check the mapping.")


def _present(texts: pa.Array) -> Any:
    """Where there is more than white space."""
    lengths = pc.binary_length(pc.utf8_trim_whitespace(texts))
    return pc.fill_null(pc.greater(lengths, 0), False).to_numpy(zero_copy_only=False).copy()


def _column(block: Block, number: int, chosen: pa.Array, rows: int) -> pa.Array:
    texts = block.columns.get(number)
    return pa.array([""] * rows, pa.utf8()) if texts is None else pc.fill_null(texts.filter(chosen), "")
