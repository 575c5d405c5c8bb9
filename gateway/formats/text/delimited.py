"""Delimited text: CSV, tab separated and the like.

Arrow's reader does the work, where no text is quoted on parts of the file at the same time. Rows that it cannot place (odd quotes, CR-only line ends) go
through the standard library's reader, which is slower and gives the same rows.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator

from gateway.errors import Fault, FileError
from gateway.formats import encoding
from gateway.formats import header as headers
from gateway.formats.encoding import Encoding
from gateway.formats.text.counted_lines import Lines
from gateway.reading import Reading, ReadRequest, check_size

BLOCK_BYTES = 4 << 20
PART_BYTES = 8 << 20
READERS = 2
"""Threads that read parts of a file, each of which is at most three parts ahead."""

Skipped = tuple[int, str, int]
"""A row that has not as many cells as the header: its number, its text, its cells."""

HEAD_BYTES = 1 << 20
COLUMNS_SHOWN = 12
_NAMED = {"tab": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "space": " "}
_UTF16 = ([False, True, False, True], [True, False, True, False])
_KINDS = {",": "a CSV", ";": "a CSV with semicolons", "\t": "tab separated text"}


class Options(BaseModel):
    """`[file]` settings.

    delimiter  tab, comma, semicolon, pipe, any one character, or auto
    encoding   a codec's name, or auto (BOM, UTF-16, UTF-8, else cp1252); a BOM always decides
    quote      the quote character, "" for none
    header     true (first row that is not blank), {contains = [...]}, {row = n}, or false with `columns`
    comment    lines that start with it are no rows
    ragged     "reject" rows with another number of cells than the header, or "pad" short ones
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    delimiter: str = "comma"
    encoding: Encoding = "utf-8"
    quote: str = '"'
    header: bool | headers.HeaderSearch = True
    columns: tuple[str, ...] = ()
    comment: str = ""
    ragged: Literal["reject", "pad"] = "reject"

    @field_validator("delimiter", "quote")
    @classmethod
    def _one_character(cls, mark: str, info: ValidationInfo) -> str:
        named = mark in (*_NAMED, "auto") if info.field_name == "delimiter" else mark == ""
        if not named and (len(mark) != 1 or mark in "\r\n\0"):
            raise ValueError("write one character")
        return mark


def sniff(head: bytes, name: str) -> bool:
    """Text that is no interchange and no markup."""
    del name
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "<" not in head.decode("utf-16", "ignore")[:4]
    text = head.removeprefix(codecs.BOM_UTF8).lstrip()
    if text.startswith((b"ISA", b"UNA", b"UNB", b"<", b'{"', b"[{", b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        return False
    return b"\0" not in text or [byte == 0 for byte in text[:4]] in _UTF16


def read(request: ReadRequest) -> Reading:
    """Open a delimited file. Raises FileError for what concerns the whole file."""
    return _Delimited(request)


def check_each(each: str | None, options: Mapping[str, Any]) -> None:
    """Rows are lines of the file, so there is no `each`. Raises PathError."""
    del options
    headers.check_each(each)


def check_path(path: str, each: str | None, options: Mapping[str, Any]) -> None:
    """Whether a name can be that of a column: any can, unless the columns are listed. Raises PathError."""
    del each
    chosen: Options = headers.options(Options, options, "delimited")
    headers.check_column(path, chosen.header, chosen.columns)


def describe(request: ReadRequest) -> str:
    """Its columns, if its lines are split by one mark; else how it begins. Raises FileError."""
    found = _Delimited(replace(request, options={"delimiter": "auto", "encoding": "auto"}))
    if len(found.columns) == 1:
        return f'text that begins with "{found.columns[0][:60]}"'
    kind = _KINDS.get(found.delimiter, "delimited text")
    return f"{kind} with the columns {', '.join(found.columns[:COLUMNS_SHOWN])}"


def _steadiness(counts: list[int]) -> tuple[int, int]:
    """(lines that have the most usual number of marks, that number): a delimiter is in every line as often."""
    usual = Counter(count for count in counts if count).most_common(1)
    return (usual[0][1], usual[0][0]) if usual else (0, 0)


class _Delimited(Reading):
    def __init__(self, request: ReadRequest) -> None:
        self.request = request
        self.options: Options = headers.options(Options, request.options, "delimited")
        self.faults: list[Fault] = []
        self.received = 0
        check_size(request)
        self.encoding = encoding.detect(request.path, self.options.encoding)
        self.delimiter = self._delimiter()
        found = headers.find(self._head_rows(), self.options.header, request.name, self.options.columns)
        self.columns, self.header_line = found.columns, found.line
        self.described = self.options.header is not False
        if len(self.columns) > request.limits.columns_max:
            raise FileError(
                request.name, f"{len(self.columns)} columns are more than columns_max", "Check the delimiter."
            )

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        batches = self._arrow() if self._plain() else self._careful()
        ordinal = 0
        for cells, lines in batches:
            rows = len(lines)
            self._check_length(cells, lines)
            self.count(rows)
            yield pa.RecordBatch.from_arrays(
                [
                    pa.array(np.arange(ordinal, ordinal + rows, dtype=np.int64)),
                    pc.binary_join_element_wise("line ", pc.cast(lines, pa.utf8()), ""),
                    pa.array(np.zeros(rows, dtype=np.int32)),
                    *cells,
                ],
                schema=self.schema,
            )
            ordinal += rows

    def _check_length(self, cells: list[pa.Array], lines: pa.Array) -> None:
        for texts in cells:
            if texts.nbytes <= self.request.limits.cell_bytes_max:
                continue
            lengths = pc.binary_length(texts)
            longest = pc.max(lengths)
            if longest.as_py() > self.request.limits.cell_bytes_max:
                raise FileError(
                    self.request.name, "a cell has more bytes than cell_bytes_max", "Look for a quote that is not closed.",
                    f"line {lines[pc.index(lengths, longest).as_py()]}",
                )  # fmt: skip

    # --- before the rows --------------------------------------------------------------------------------

    def _head_text(self) -> str:
        with self.request.path.open("rb") as source:
            head = source.read(HEAD_BYTES)
        decoder = codecs.getincrementaldecoder(self.encoding)("strict")
        try:
            return decoder.decode(head, final=len(head) < HEAD_BYTES).removeprefix("\ufeff")
        except UnicodeDecodeError:
            raise encoding.undecodable(self.request.path, self.request.name, self.encoding) from None

    def _delimiter(self) -> str:
        chosen = _NAMED.get(self.options.delimiter, self.options.delimiter)
        if chosen != "auto":
            return chosen
        lines = [line for line in self._head_text().splitlines()[:50] if line.strip()]
        return max(",;\t|", key=lambda mark: _steadiness([line.count(mark) for line in lines]))

    def _head_rows(self) -> Iterator[tuple[int, list[str]]]:
        lines = Lines(io.StringIO(self._head_text(), newline=""), self.options.comment)
        for _, cells in self._rows(lines):
            yield lines.number, cells

    def _rows(self, lines: Lines) -> Iterator[tuple[int, list[str]]]:
        """(first line, cells) of every row, by the standard library. Raises FileError for a cell beyond the limit."""
        csv.field_size_limit(self.request.limits.cell_bytes_max)
        quoting: dict[str, Any] = (
            {"quotechar": self.options.quote} if self.options.quote else {"quoting": csv.QUOTE_NONE}
        )
        try:
            for cells in csv.reader(lines, delimiter=self.delimiter, **quoting):
                yield lines.first, cells
                lines.begin()
        except csv.Error as error:
            raise FileError(
                self.request.name, str(error), "Check delimiter and quote; cells are bounded by cell_bytes_max.",
                f"line {lines.first}",
            ) from None  # fmt: skip

    def _plain(self) -> bool:
        """Whether Arrow reads the file just as the rules say."""
        marks = f"{self.options.quote}{self.delimiter}\r\n"
        if self.options.ragged == "pad" or self.options.comment or len(self.columns) < 2 or not marks.isascii():
            return False
        if marks.encode(self.encoding.removesuffix("-sig"), "replace") != marks.encode("ascii"):
            return False
        quotes = returns = 0
        newlines = nul = False
        mark = self.options.quote.encode()
        with self.request.path.open("rb") as source:
            while chunk := source.read(encoding.SCAN_BYTES):
                quotes += chunk.count(mark) if mark else 0
                newlines = newlines or b"\n" in chunk
                if b"\r" in chunk:
                    pairs = chunk.count(b"\r\n") + (chunk.endswith(b"\r") and source.peek(1)[:1] == b"\n")
                    returns += chunk.count(b"\r") - pairs
                nul = nul or b"\0" in chunk
        self.quoted = quotes > 0
        # An odd quote may swallow the rest of the file: only the careful way can tell where it opened.
        return quotes % 2 == 0 and returns == 0 and newlines and not nul

    # --- Arrow ------------------------------------------------------------------------------------------

    def _arrow(self) -> Iterator[tuple[list[pa.Array], pa.Array]]:
        skipped: list[Skipped] = []
        line = self._first_row = self._last_row = self.header_line + 1
        in_parts = not self.quoted and self._codec() == "utf8"
        for batch in self._parts(skipped) if in_parts else self._blocks(skipped):
            if batch.num_rows == 0 and not skipped:
                continue
            lines, line = self._lines(batch, skipped, line)
            self._report(skipped)
            batch, lines = _without_blank_rows(batch, lines)
            if batch.num_rows:
                yield batch.columns, lines
        self._lines(None, skipped, line)
        self._report(skipped)
        assert not skipped
        if self.quoted:
            self._check_closed(self._tail(self._last_row), self._last_row)

    def _blocks(self, skipped: list[Skipped]) -> Iterator[pa.RecordBatch]:
        """The rows in the order of the file, block by block."""
        try:
            yield from self._open_arrow(self.request.path, self.header_line, skipped)
        except pa.ArrowInvalid as error:
            raise self._arrow_error(error) from None

    def _parts(self, skipped: list[Skipped]) -> Iterator[pa.RecordBatch]:
        """The same where no row has more than one line: parts of the file are read at the same time."""

        def read(part: pa.Buffer) -> tuple[list[pa.RecordBatch], list[Skipped]]:
            own: list[Skipped] = []
            return list(self._open_arrow(pa.BufferReader(part), 0, own)), own

        with self.request.path.open("rb") as source, ThreadPoolExecutor(READERS) as pool:
            for _ in range(self.header_line):
                source.readline()
            under_way: deque[Future[tuple[list[pa.RecordBatch], list[Skipped]]]] = deque()
            while True:
                part = source.read(PART_BYTES)
                if part:
                    under_way.append(pool.submit(read, pa.py_buffer(part + source.readline())))
                if not under_way:
                    break
                if part and len(under_way) < 2 * READERS:
                    continue
                try:
                    batches, own = under_way.popleft().result()
                except pa.ArrowInvalid as error:
                    raise self._arrow_error(error) from None
                before = self._first_row - 1
                skipped += [(before + number, text, cells) for number, text, cells in own]
                yield from batches or [pa.RecordBatch.from_pylist([], self._texts())]

    def _codec(self) -> str:
        """The encoding as Arrow calls it."""
        return "utf8" if self.encoding in ("utf-8", "utf-8-sig", "ascii") else self.encoding

    def _texts(self) -> pa.Schema:
        return pa.schema([(name, pa.utf8()) for name in self.columns])

    def _open_arrow(self, source: Any, skip: int, skipped: list[Skipped]) -> Any:
        """A reader of batches. Raises pyarrow.ArrowInvalid."""

        def bad(row: Any) -> str:
            skipped.append((row.number, row.text, row.actual_columns))
            return "skip"

        try:
            return pacsv.open_csv(
                source,
                read_options=pacsv.ReadOptions(
                    use_threads=False,
                    block_size=BLOCK_BYTES,
                    encoding=self._codec(),
                    skip_rows=skip,
                    column_names=list(self.columns),
                ),
                parse_options=pacsv.ParseOptions(
                    delimiter=self.delimiter,
                    quote_char=self.options.quote if self.quoted else False,
                    double_quote=True,
                    newlines_in_values=self.quoted,
                    ignore_empty_lines=False,
                    invalid_row_handler=bad,
                ),
                convert_options=pacsv.ConvertOptions(
                    column_types={name: pa.utf8() for name in self.columns}, strings_can_be_null=False
                ),
            )
        except pa.ArrowInvalid as error:
            if "Empty CSV" in str(error):
                return pa.RecordBatchReader.from_batches(pa.schema([]), [])
            raise

    def _lines(self, batch: pa.RecordBatch | None, skipped: list[Skipped], line: int) -> tuple[pa.Array, int]:
        """True line numbers of a batch's rows, and the line after it.

        skipped  bad rows that were not told yet; Arrow reads ahead, so the last ones may be of a later batch
        """
        rows = batch.num_rows if batch is not None else 0
        extra = self._newlines(batch) if self.quoted and batch is not None else None
        if not skipped and extra is None:
            self._first_row += rows
            self._bad_lines = []
            return pa.array(np.arange(line, line + rows, dtype=np.int64)), line + rows
        # Rows in the order of the file: good ones and skipped ones, each with the lines it takes.
        first = self._first_row
        bad: dict[int, int] = {}
        for number, text, _ in skipped:
            if number - first > rows + len(bad):
                break
            bad[number - first] = text.count("\n") + 1
        total = rows + len(bad)
        heights = np.ones(total, dtype=np.int64)
        is_bad = np.zeros(total, dtype=bool)
        for place, height in bad.items():
            is_bad[place] = True
            heights[place] = height
        if extra is not None:
            heights[~is_bad] += extra
        ends = line + np.cumsum(heights)
        starts = ends - heights
        self._bad_lines = list(starts[is_bad])
        self._first_row = first + total
        self._last_row = int(starts[-1]) if total else self._last_row
        return pa.array(starts[~is_bad]), int(ends[-1]) if total else line

    def _tail(self, line: int) -> list[str]:
        """The lines of the last row, which begins at that line."""
        with self.request.path.open("rb") as source:
            line_ends = sum(chunk.count(b"\n") for chunk in iter(lambda: source.read(encoding.SCAN_BYTES), b""))
            source.seek(max(0, source.seek(0, io.SEEK_END) - 2 * BLOCK_BYTES))
            lines = source.read().decode(self.encoding, "replace").split("\n")
        return [f"{text}\n" for text in lines[line - line_ends - 2 :]]

    _first_row: int
    _bad_lines: list[int]

    @staticmethod
    def _newlines(batch: pa.RecordBatch) -> Any:
        counts = np.zeros(batch.num_rows, dtype=np.int64)
        for column in batch.columns:
            data = column.buffers()[2]
            if data is not None and b"\n" in memoryview(data).tobytes():
                counts += pc.count_substring(column, "\n").to_numpy(zero_copy_only=False)
        return counts

    def _report(self, skipped: list[Skipped]) -> None:
        """Note the bad rows whose lines are known, and take them off."""
        for (_, text, cells), line in zip(skipped, self._bad_lines, strict=False):
            if text.strip() and any(cell.strip() for _, row in self._rows(Lines(io.StringIO(text))) for cell in row):
                self._reject(int(line), text, cells)
        del skipped[: len(self._bad_lines)]

    def _reject(self, line: int, text: str, cells: int) -> None:
        self.received += 1
        self.note(
            Fault(
                "ROW_REJECT",
                f"the row has {cells} cells, the header has {len(self.columns)}",
                "Put the same number of cells in every row; quote a cell that holds the delimiter.",
                f"line {line}",
                row={"#raw": text},
            ),
            "Check delimiter and quote of the mapping.",
        )

    def _arrow_error(self, error: Exception) -> FileError:
        text = str(error)
        if "UTF8" in text or "UTF-8" in text or "codec" in text:
            return encoding.undecodable(self.request.path, self.request.name, self.encoding)
        if "straddling" in text:
            return FileError(
                self.request.name,
                "a row is longer than 4 MiB",
                "Look for a quote that is never closed; rows of that size are not read.",
            )
        return FileError(self.request.name, text.split("\n", maxsplit=1)[0], "Check delimiter, quote and encoding.")

    # --- the careful way --------------------------------------------------------------------------------

    def _careful(self) -> Iterator[tuple[list[pa.Array], pa.Array]]:
        columns: list[list[str]] = [[] for _ in self.columns]
        lines: list[int] = []
        for line, cells in self._careful_rows():
            for column, cell in zip(columns, cells, strict=True):
                column.append(cell)
            lines.append(line)
            if len(lines) >= 20_000:
                yield [pa.array(column, pa.utf8()) for column in columns], pa.array(lines, pa.int64())
                columns, lines = [[] for _ in self.columns], []
        if lines:
            yield [pa.array(column, pa.utf8()) for column in columns], pa.array(lines, pa.int64())

    def _careful_rows(self) -> Iterator[tuple[int, list[str]]]:
        width = len(self.columns)
        codec = "utf-8-sig" if self.encoding == "utf-8" else self.encoding
        with self.request.path.open("r", encoding=codec, newline="") as source:
            lines = Lines(source, self.options.comment)
            try:
                for start, cells in self._rows(lines):
                    if lines.number <= self.header_line or not any(cell.strip() for cell in cells):
                        continue
                    if len(cells) < width and self.options.ragged == "pad":
                        cells += [""] * (width - len(cells))
                    if len(cells) != width:
                        self._reject(start, "".join(lines.held).rstrip("\r\n"), len(cells))
                        continue
                    yield start, cells
            except UnicodeDecodeError:
                raise encoding.undecodable(self.request.path, self.request.name, self.encoding) from None
            self._check_closed(lines.held, lines.first)

    def _check_closed(self, held: list[str], line: int) -> None:
        """Refuse a file whose last row, of these lines, ends within quotes."""
        with_another = io.StringIO(f"{''.join(held)}\nend", newline="")
        if self.options.quote and len(list(self._rows(Lines(with_another)))) == 1:
            raise FileError(
                self.request.name,
                "a quote opens here and is never closed; it swallows the rest of the file",
                "Close the quote, or double it if it is part of the text.",
                f"line {line}",
            )


def _all_filled(texts: pa.Array) -> bool:
    """Whether every text begins with a visible ASCII character; False says nothing."""
    _, offsets, data = texts.buffers()
    starts = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    if data is None or not (starts[1:] > starts[:-1]).all():
        return False
    first = np.frombuffer(data, np.uint8)[starts[:-1]]
    return bool((first > ord(" ")).all() and (first < 0x7F).all())


def _without_blank_rows(batch: pa.RecordBatch, lines: pa.Array) -> tuple[pa.RecordBatch, pa.Array]:
    """Rows with nothing in any cell are no data."""
    if _all_filled(batch.column(0)):
        return batch, lines
    blank = pc.equal(pc.utf8_trim_whitespace(batch.column(0)), "")
    for column in batch.columns[1:]:
        if not pc.any(blank).as_py():
            return batch, lines
        blank = pc.and_(blank, pc.equal(pc.utf8_trim_whitespace(column), ""))
    kept = pc.invert(blank)
    return batch.filter(kept), lines.filter(kept)
