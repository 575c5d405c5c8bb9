"""Rows of delimited text by Arrow's reader: where no text is quoted, parts of the file at the same time."""

from __future__ import annotations

import io
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from gateway.arrow_texts import holds
from gateway.errors import FileError
from gateway.formats import encoding
from gateway.formats.text.counted_lines import Lines
from gateway.formats.text.layout import Layout
from gateway.whitespace import INVISIBLE

BLOCK_BYTES = 4 << 20
PART_BYTES = 8 << 20
READERS = 2
"""Threads that read parts of a file, each of which is at most three parts ahead."""

Skipped = tuple[int, str, int]
"""A row that has not as many cells as the header: its number, its text, its cells."""
Part = tuple[list[pa.RecordBatch], list[Skipped]]
"""The rows of a part of a file, and those of them that do not fit."""


def _part(source: BinaryIO) -> bytes:
    """The next part of a file, to the end of a line; b"" at its end."""
    part = source.read(PART_BYTES)
    return part + source.readline() if len(part) == PART_BYTES else part


class ArrowRows:
    """The rows of a file that Arrow reads just as the rules say, once.

    quoted  whether there is a quote in the file
    reject  is called with the line, the text and the cells of a row that does not fit
    """

    def __init__(self, layout: Layout, quoted: bool, reject: Callable[[int, str, list[str]], None]) -> None:
        self.layout, self.quoted, self.reject = layout, quoted, reject
        self._bad_lines: list[int] = []
        self._first_row = self._last_row = layout.line + 1

    def __iter__(self) -> Iterator[tuple[list[pa.Array], pa.Array]]:
        """(cells by column, lines) of rows. Raises FileError for what concerns the whole file."""
        skipped: list[Skipped] = []
        line = self._first_row
        in_parts = not self.quoted and self._codec() == "utf8"
        for batch in self._parts(skipped) if in_parts else self._blocks(skipped):
            if batch.num_rows == 0 and not skipped:
                continue
            lines, line = self._lines(batch, skipped, line)
            batch, lines = self._as_meant(batch, lines, self._fitted(skipped))
            if batch.num_rows:
                yield batch.columns, lines
        lines, _ = self._lines(None, skipped, line)
        batch = pa.RecordBatch.from_pylist([], self._texts())
        batch, lines = self._as_meant(batch, lines, self._fitted(skipped))
        assert not skipped
        if batch.num_rows:
            yield batch.columns, lines
        if self.quoted:
            self.layout.check_closed(self._tail(self._last_row), self._last_row)

    def _blocks(self, skipped: list[Skipped]) -> Iterator[pa.RecordBatch]:
        """The rows in the order of the file, block by block."""
        try:
            yield from self._open_arrow(self.layout.request.path, self.layout.line, skipped)
        except pa.ArrowInvalid as error:
            raise self._arrow_error(error) from None

    def _parts(self, skipped: list[Skipped]) -> Iterator[pa.RecordBatch]:
        """The same where no row has more than one line: parts of the file are read at the same time."""
        with self.layout.request.path.open("rb") as source:
            for _ in range(self.layout.line):
                source.readline()
            try:
                for batches, own in self._read_parts(source):
                    before = self._first_row - 1
                    skipped += [(before + number, text, cells) for number, text, cells in own]
                    yield from batches or [pa.RecordBatch.from_pylist([], self._texts())]
            except pa.ArrowInvalid as error:
                raise self._arrow_error(error) from None

    def _read_parts(self, source: BinaryIO) -> Iterator[Part]:
        """What is in each part of an open file, in their order. A file of one part needs no thread."""
        part = _part(source)
        if len(part) < PART_BYTES:
            if part:
                yield self._read(part)
            return
        with ThreadPoolExecutor(READERS) as pool:
            # A thread that finds no memory to start with never says so: they start before more is read.
            ready = threading.Barrier(READERS + 1)
            for _ in range(READERS):
                pool.submit(ready.wait)
            ready.wait()
            under_way: deque[Future[Part]] = deque()
            while part or under_way:
                if part:
                    under_way.append(pool.submit(self._read, part))
                    part = _part(source)
                    if part and len(under_way) < 2 * READERS:
                        continue
                yield under_way.popleft().result()

    def _read(self, part: bytes) -> Part:
        own: list[Skipped] = []
        return list(self._open_arrow(pa.BufferReader(pa.py_buffer(part)), 0, own)), own

    def _codec(self) -> str:
        """The encoding as Arrow calls it."""
        return "utf8" if self.layout.encoding in ("utf-8", "utf-8-sig", "ascii") else self.layout.encoding

    def _texts(self) -> pa.Schema:
        return pa.schema([(name, pa.utf8()) for name in self.layout.columns])

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
                    column_names=list(self.layout.columns),
                ),
                parse_options=pacsv.ParseOptions(
                    delimiter=self.layout.delimiter,
                    quote_char=self.layout.quote if self.quoted else False,
                    double_quote=True,
                    newlines_in_values=self.quoted,
                    ignore_empty_lines=False,
                    invalid_row_handler=bad,
                ),
                convert_options=pacsv.ConvertOptions(
                    column_types={name: pa.utf8() for name in self.layout.columns}, strings_can_be_null=False
                ),
            )
        except pa.ArrowInvalid as error:
            if "Empty CSV" in str(error):
                return pa.RecordBatchReader.from_batches(pa.schema([]), [])
            raise

    def _lines(self, batch: pa.RecordBatch | None, skipped: list[Skipped], line: int) -> tuple[pa.Array, int]:
        """True line numbers of a batch's rows, and the line after it.

        skipped  bad rows that were not reported yet; Arrow reads ahead, so the last ones may be of a later batch
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
        with self.layout.request.path.open("rb") as source:
            line_ends = sum(chunk.count(b"\n") for chunk in iter(lambda: source.read(encoding.SCAN_BYTES), b""))
            source.seek(max(0, source.seek(0, io.SEEK_END) - 2 * BLOCK_BYTES))
            lines = source.read().decode(self.layout.encoding, "replace").split("\n")
        return [f"{text}\n" for text in lines[line - line_ends - 2 :]]

    @staticmethod
    def _newlines(batch: pa.RecordBatch) -> Any:
        counts = np.zeros(batch.num_rows, dtype=np.int64)
        for column in batch.columns:
            if holds(column, "\n"):
                counts += pc.count_substring(column, "\n").to_numpy(zero_copy_only=False)
        return counts

    def _fitted(self, skipped: list[Skipped]) -> list[tuple[int, list[str]]]:
        """Take off the rows whose lines are known; those that fit after all, with their lines. Others are rejected."""
        found = []
        for (_, text, _), line in zip(skipped, self._bad_lines, strict=False):
            cells = next((cells for _, cells in self.layout.rows(Lines(io.StringIO(text, newline="")))), [])
            if not any(cell.strip(INVISIBLE) for cell in cells):
                continue
            fitted = self.layout.fitted(cells)
            if fitted is None:
                self.reject(int(line), text, cells)
            elif self.layout.swallowed(cells):
                self.reject(int(line), self.layout.raw(cells), cells)
            elif not self.layout.again(fitted, int(line)):
                found.append((int(line), fitted))
        del skipped[: len(self._bad_lines)]
        return found

    def _as_meant(
        self, batch: pa.RecordBatch, lines: pa.Array, fitted: list[tuple[int, list[str]]]
    ) -> tuple[pa.RecordBatch, pa.Array]:
        """The batch with the rows that fit after all, without blank rows, the header once more, and rows into which a
        quote swallowed others."""
        if fitted:
            columns = zip(*(cells for _, cells in fitted), strict=True)
            more = pa.RecordBatch.from_arrays([pa.array(column, pa.utf8()) for column in columns], schema=self._texts())
            lines = pa.concat_arrays([lines, pa.array([line for line, _ in fitted], pa.int64())])
            order = pc.array_sort_indices(lines)
            batch, lines = pa.concat_batches([batch, more]).take(order), lines.take(order)
        batch, lines = _without_blank_rows(batch, lines)
        dropped = self._suspects(batch)
        if not dropped:
            return batch, lines
        kept = np.ones(batch.num_rows, dtype=bool)
        for place in dropped:
            cells = [column[place].as_py() for column in batch.columns]
            line = lines[place].as_py()
            if self.layout.again(cells, line):
                kept[place] = False
            elif self.layout.swallowed(cells):
                kept[place] = False
                self.reject(line, self.layout.raw(cells), cells)
        return batch.filter(pa.array(kept)), lines.filter(pa.array(kept))

    def _suspects(self, batch: pa.RecordBatch) -> list[int]:
        """Rows that begin with names of columns, or with a text over several lines that has delimiters."""
        found: set[int] = set()
        if self.layout.named:
            cased = [case(name) for name in self.layout.columns for case in (str, str.upper, str.lower, str.title)]
            names = pa.array([mark + name for name in cased for mark in ("", "\ufeff")])
            begins = pc.is_in(batch.column(0), names)
            if pc.any(begins).as_py():
                found.update(np.flatnonzero(pc.and_(begins, pc.is_in(batch.column(1), names))).tolist())
        for column in batch.columns if self.quoted else ():
            if holds(column, "\n"):
                lines, marks = (pc.count_substring(column, mark) for mark in ("\n", self.layout.delimiter))
                whole = pc.multiply(lines, len(self.layout.columns) - 1)
                found.update(np.flatnonzero(pc.and_(pc.greater(lines, 0), pc.equal(marks, whole))).tolist())
        return sorted(found)

    def _arrow_error(self, error: Exception) -> FileError:
        text = str(error)
        if "UTF8" in text or "UTF-8" in text or "codec" in text:
            return encoding.undecodable(self.layout.request.path, self.layout.request.name, self.layout.encoding)
        if "straddling" in text:
            return FileError(
                self.layout.request.name,
                "a row is longer than 4 MiB",
                "Look for a quote that is never closed; rows of that size are not read.",
            )
        return FileError(
            self.layout.request.name, text.split("\n", maxsplit=1)[0], "Check delimiter, quote and encoding."
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
    blank = pc.equal(pc.utf8_trim(batch.column(0), characters=INVISIBLE), "")
    for column in batch.columns[1:]:
        if not pc.any(blank).as_py():
            return batch, lines
        blank = pc.and_(blank, pc.equal(pc.utf8_trim(column, characters=INVISIBLE), ""))
    kept = pc.invert(blank)
    return batch.filter(kept), lines.filter(kept)
