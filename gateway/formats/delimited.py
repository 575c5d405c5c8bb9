"""Delimited text: CSV, tab separated and the like.

Arrow's reader does the work on one thread. Rows that it cannot place (odd quotes, CR-only line ends) go
through the standard library's reader, which is slower and gives the same rows.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
from pydantic import BaseModel, ConfigDict

from gateway.errors import Fault, FileError
from gateway.formats import header as headers
from gateway.formats.contract import Reading, ReadRequest

BLOCK_BYTES = 4 << 20
HEAD_BYTES = 1 << 20
_NAMED = {"tab": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "space": " "}
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


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
    encoding: str = "utf-8"
    quote: str = '"'
    header: bool | headers.HeaderSearch = True
    columns: tuple[str, ...] = ()
    comment: str = ""
    ragged: Literal["reject", "pad"] = "reject"


def sniff(head: bytes, name: str) -> bool:
    """Text that is no interchange and no markup."""
    del name
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "<" not in head.decode("utf-16", "ignore")[:4]
    text = head.removeprefix(codecs.BOM_UTF8).lstrip()
    if text.startswith((b"ISA", b"UNA", b"UNB", b"<", b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        return False
    return b"\0" not in text or text[1:2] == b"\0"


def read(request: ReadRequest) -> Reading:
    """Open a delimited file. Raises FileError for what concerns the whole file."""
    return _Delimited(request)


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
        size = request.path.stat().st_size
        if size == 0:
            raise FileError(request.name, "the file is empty", "Send the file again.")
        if size > request.limits.file_bytes_max:
            raise FileError(request.name, f"{size} bytes are more than file_bytes_max", "Split it or raise the limit.")
        self.encoding = _encoding(request.path, self.options.encoding)
        self.delimiter = self._delimiter()
        found = headers.find(self._head_rows(), self.options.header, request.name, self.options.columns)
        self.columns, self.header_line = found.columns, found.line
        if len(self.columns) > request.limits.columns_max:
            raise FileError(
                request.name, f"{len(self.columns)} columns are more than columns_max", "Check the delimiter."
            )

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        batches = self._arrow() if self._plain() else self._careful()
        ordinal = 0
        for cells, lines in batches:
            rows = len(lines)
            self.received += rows
            if self.received > self.request.limits.rows_per_file_max:
                raise FileError(self.request.name, "more rows than rows_per_file_max", "Split it or raise the limit.")
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

    # --- before the rows --------------------------------------------------------------------------------

    def _head_text(self) -> str:
        with self.request.path.open("rb") as source:
            head = source.read(HEAD_BYTES)
        decoder = codecs.getincrementaldecoder(self.encoding)("strict")
        try:
            return decoder.decode(head).removeprefix("\ufeff")
        except UnicodeDecodeError as error:
            raise self._undecodable(head, error) from None

    def _undecodable(self, data: bytes, error: UnicodeDecodeError) -> FileError:
        line = data[: error.start].count(b"\n") + 1
        wrong = data[error.start : error.start + 1].hex()
        return FileError(
            self.request.name,
            f"the byte 0x{wrong} is not {self.encoding} text",
            'Send the file as UTF-8, or set encoding = "cp1252" (or "auto") in the mapping.',
            f"line {line}",
        )

    def _delimiter(self) -> str:
        chosen = _NAMED.get(self.options.delimiter, self.options.delimiter)
        if chosen != "auto":
            return chosen
        lines = [line for line in self._head_text().splitlines()[:50] if line.strip()]
        return max(",;\t|", key=lambda mark: _steadiness([line.count(mark) for line in lines]))

    def _head_rows(self) -> Iterator[tuple[int, list[str]]]:
        reader = self._csv(io.StringIO(self._head_text(), newline=""))
        for cells in reader:
            yield reader.line_num, cells

    def _csv(self, lines: Any) -> Any:
        csv.field_size_limit(max(self.request.limits.cell_bytes_max, 1 << 17))
        if self.options.quote:
            return csv.reader(lines, delimiter=self.delimiter, quotechar=self.options.quote)
        return csv.reader(lines, delimiter=self.delimiter, quoting=csv.QUOTE_NONE)

    def _plain(self) -> bool:
        """Whether Arrow reads the file just as the rules say."""
        if self.options.ragged == "pad" or self.options.comment or len(self.columns) < 2:
            return False
        if self.encoding.startswith(("utf-16", "utf-32")):
            return False
        quotes = newlines = returns = nul = 0
        mark = self.options.quote.encode()
        with self.request.path.open("rb") as source:
            while chunk := source.read(BLOCK_BYTES):
                quotes += chunk.count(mark) if mark else 0
                newlines += chunk.count(b"\n")
                if b"\r" in chunk:
                    pairs = chunk.count(b"\r\n") + (chunk.endswith(b"\r") and source.peek(1)[:1] == b"\n")
                    returns += chunk.count(b"\r") - pairs
                nul += b"\0" in chunk
        self.quoted = quotes > 0
        return (quotes == 0 and returns == 0 and not nul and newlines > 0) or self._balanced(quotes, returns, nul)

    @staticmethod
    def _balanced(quotes: int, returns: int, nul: int) -> bool:
        # An odd quote may swallow the rest of the file: only the careful way can tell where it opened.
        return quotes > 0 and quotes % 2 == 0 and returns == 0 and not nul

    # --- Arrow ------------------------------------------------------------------------------------------

    def _arrow(self) -> Iterator[tuple[list[pa.Array], pa.Array]]:
        skipped: list[tuple[int, str, int]] = []
        reader = self._open_arrow(skipped)
        line, told = self.header_line + 1, 0
        self._first_row = line
        while True:
            try:
                batch = reader.read_next_batch()
            except StopIteration:
                self._lines(None, skipped[told:], line)
                self._tell(skipped[told:])
                break
            except pa.ArrowInvalid as error:
                raise self._arrow_error(error) from None
            if batch.num_rows == 0 and len(skipped) == told:
                continue
            lines, line = self._lines(batch, skipped[told:], line)
            self._tell(skipped[told:])
            told = len(skipped)
            batch, lines = _without_blank_rows(batch, lines)
            if batch.num_rows:
                yield batch.columns, lines

    def _open_arrow(self, skipped: list[tuple[int, str, int]]) -> Any:
        def bad(row: Any) -> str:
            skipped.append((row.number, row.text, row.actual_columns))
            return "skip"

        encoding = "utf8" if self.encoding in ("utf-8", "utf-8-sig", "ascii") else self.encoding
        try:
            return pacsv.open_csv(
                self.request.path,
                read_options=pacsv.ReadOptions(
                    use_threads=False,
                    block_size=BLOCK_BYTES,
                    encoding=encoding,
                    skip_rows=self.header_line,
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
            raise self._arrow_error(error) from None

    def _lines(
        self, batch: pa.RecordBatch | None, skipped: list[tuple[int, str, int]], line: int
    ) -> tuple[pa.Array, int]:
        """True line numbers of a batch's rows, and the line after it."""
        rows = batch.num_rows if batch is not None else 0
        extra = self._newlines(batch) if self.quoted and batch is not None else None
        if not skipped and extra is None:
            self._first_row += rows
            return pa.array(np.arange(line, line + rows, dtype=np.int64)), line + rows
        # Rows in the order of the file: good ones and skipped ones, each with the lines it takes.
        first = self._first_row
        bad = {number - first: text.count("\n") + 1 for number, text, _ in skipped}
        total = rows + len(skipped)
        heights = np.ones(total, dtype=np.int64)
        is_bad = np.zeros(total, dtype=bool)
        for place, height in bad.items():
            if 0 <= place < total:
                is_bad[place] = True
                heights[place] = height
        if extra is not None:
            heights[~is_bad] += extra
        ends = line + np.cumsum(heights)
        starts = ends - heights
        self._bad_lines = list(starts[is_bad])
        self._first_row = first + total
        return pa.array(starts[~is_bad]), int(ends[-1]) if total else line

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

    def _tell(self, skipped: list[tuple[int, str, int]]) -> None:
        for (_, text, cells), line in zip(skipped, getattr(self, "_bad_lines", []), strict=False):
            if text.strip():
                self._reject(int(line), text, cells)

    def _reject(self, line: int, text: str, cells: int) -> None:
        self.received += 1
        self.faults.append(
            Fault(
                "ROW_REJECT",
                f"the row has {cells} cells, the header has {len(self.columns)}",
                "Put the same number of cells in every row; quote a cell that holds the delimiter.",
                f"line {line}",
                row={"#raw": text},
            )
        )
        if len(self.faults) > self.request.limits.faults_per_file_max:
            raise FileError(
                self.request.name,
                "more broken rows than faults_per_file_max",
                "Check delimiter and quote of the mapping.",
                f"line {line}",
            )

    def _arrow_error(self, error: Exception) -> FileError:
        text = str(error)
        if "UTF8" in text or "UTF-8" in text or "codec" in text:
            data = self.request.path.read_bytes()
            try:
                data.decode("utf-8" if self.encoding == "utf-8-sig" else self.encoding)
            except UnicodeDecodeError as wrong:
                return self._undecodable(data, wrong)
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
        width, comment = len(self.columns), self.options.comment
        with self._text() as source:
            reader = self._csv(source)
            end = 0
            try:
                for cells in reader:
                    start, end = end + 1, reader.line_num
                    if end <= self.header_line or not any(cell.strip() for cell in cells):
                        continue
                    if comment and cells[0].startswith(comment):
                        continue
                    if len(cells) < width and self.options.ragged == "pad":
                        cells += [""] * (width - len(cells))
                    if len(cells) != width:
                        self._reject(start, self.delimiter.join(cells), len(cells))
                        continue
                    yield start, cells
            except csv.Error as error:
                raise FileError(
                    self.request.name, str(error), "Check delimiter and quote; cells are bounded by cell_bytes_max.",
                    f"line {end + 1}",
                ) from None  # fmt: skip
            except UnicodeDecodeError as error:
                raise self._undecodable(self.request.path.read_bytes(), error) from None
            if self._open_quote(cells if end else []):
                raise FileError(
                    self.request.name,
                    "a quote opens here and is never closed; it swallows the rest of the file",
                    "Close the quote, or double it if it is part of the text.",
                    f"line {start}",
                )

    def _open_quote(self, last: list[str]) -> bool:
        """Whether the last row ended inside quotes: the strict reader says so."""
        if not self.options.quote:
            return False
        with self._text() as source:
            reader = csv.reader(source, delimiter=self.delimiter, quotechar=self.options.quote, strict=True)
            try:
                for _ in reader:
                    pass
            except csv.Error as error:
                return "unexpected end of data" in str(error) or any("\n" in cell for cell in last)
        return False

    def _text(self) -> Any:
        encoding = "utf-8-sig" if self.encoding == "utf-8" else self.encoding
        return self.request.path.open("r", encoding=encoding, newline="")


def _without_blank_rows(batch: pa.RecordBatch, lines: pa.Array) -> tuple[pa.RecordBatch, pa.Array]:
    """Rows with nothing in any cell are no data."""
    blank = pc.equal(pc.utf8_trim_whitespace(batch.column(0)), "")
    for column in batch.columns[1:]:
        if not pc.any(blank).as_py():
            return batch, lines
        blank = pc.and_(blank, pc.equal(pc.utf8_trim_whitespace(column), ""))
    kept = pc.invert(blank)
    return batch.filter(kept), lines.filter(kept)


def _encoding(path: Path, wanted: str) -> str:
    with path.open("rb") as source:
        head = source.read(4)
        for bom, codec in _BOMS:
            if head.startswith(bom):
                return codec
        if wanted != "auto":
            try:
                return codecs.lookup(wanted).name
            except LookupError:
                raise FileError(
                    path.name, f"the encoding {wanted} is not known", "Use utf-8, cp1252, utf-16 …"
                ) from None
        if len(head) >= 4 and head[1] == 0 and head[3] == 0:
            return "utf-16-le"
        if len(head) >= 4 and head[0] == 0 and head[2] == 0:
            return "utf-16-be"
        source.seek(0)
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            while chunk := source.read(BLOCK_BYTES):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "cp1252"
    return "utf-8"
