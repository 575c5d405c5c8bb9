"""Delimited text: CSV, tab separated and the like.

Arrow's reader does the work, where no text is quoted on parts of the file at the same time. Rows that it cannot place
(odd quotes, CR-only line ends) go through the standard library's reader, which is slower and gives the same rows.
"""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import ConfigDict, Field, ValidationInfo, field_validator, model_validator

from gateway.errors import Fault, FileError
from gateway.formats import above, encoding, sections
from gateway.formats import header as headers
from gateway.formats.encoding import Encoding
from gateway.formats.literals import literal, literals
from gateway.formats.sectioned import Sectioned, Source
from gateway.formats.text import layout
from gateway.formats.text.arrow_rows import ArrowRows
from gateway.formats.text.counted_lines import Lines
from gateway.formats.text.escaped_quotes import EscapedQuotes
from gateway.formats.text.layout import Layout
from gateway.formats.text.octets import Octets
from gateway.formats.verbs import Table
from gateway.nearest import nearest
from gateway.reading import Reading, ReadRequest, check_size
from gateway.toml_faults import wrong
from gateway.toml_values import TomlTable
from gateway.whitespace import INVISIBLE, shown

HEAD_BYTES = 1 << 20
HEAD_ROWS = 200
COLUMNS_SHOWN = 12
NUL_SHARE = 20
"""One octet in so many may be NUL in a text that a program damaged."""

DELIMITERS = {"tab": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "space": " "}
"""Name of a delimiter in mappings → the character."""
_GUESSED = {"delimiter": "auto", "encoding": "auto", "quote": "auto", "header": False}
_INTERCHANGE = re.compile(rb"\n[ \t]*(ISA[^A-Za-z0-9\s]|UNA[^A-Za-z0-9\s]{4}|UNB\+)")
_HEAD_OF_MAIL_BYTES = 16 << 10
_CONTROLS = {*range(1, 9), *range(14, 32)}
_UTF16 = ([False, True, False, True], [True, False, True, False])
_AS_WORKBOOK = 'Write format = "workbook" in [file] of the mapping, or send the file as CSV.'
_OTHER_KINDS = {
    b"PK\x03\x04": ("a workbook (XLSX)", _AS_WORKBOOK),
    b"\xd0\xcf\x11\xe0": ("a workbook (XLS)", _AS_WORKBOOK),
    b"%PDF-": ("a PDF", "Ask for the data as CSV or as a workbook."),
}
"""How files of other kinds begin → what they are, and the fix."""
_KINDS = {",": "a CSV", ";": "a CSV with semicolons", "\t": "tab separated text"}


class Options(TomlTable):
    """`[file]` settings.

    delimiter  tab, comma, semicolon, pipe, any one character, or auto
    encoding   a codec's name, or auto (BOM, UTF-16, UTF-8, else cp1252); a BOM always decides
    quote      the quote character, "" for none, or auto: none in tab separated text whose header has none
    header     true (first row that is not blank), {contains = [...]}, {row = n}, or false with `columns`
    other_names  names that columns may have in the header instead of those of the mapping
    comment    lines that start with it are no rows
    ragged     "reject" rows with another number of cells than the header, or "pad" short ones
    section    kinds of rows of different columns, in place of one header; `each` names that of the rows
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    delimiter: str = "comma"
    encoding: Encoding = "utf-8"
    quote: str = '"'
    header: bool | headers.HeaderSearch = True
    columns: tuple[str, ...] = ()
    other_names: headers.OtherNames = Field(default_factory=dict)
    comment: str = ""
    ragged: Literal["reject", "pad"] = "reject"
    section: tuple[sections.Section, ...] = ()

    @field_validator("delimiter", "quote")
    @classmethod
    def _one_character(cls, mark: str, info: ValidationInfo) -> str:
        names = (*DELIMITERS, "auto") if info.field_name == "delimiter" else ("", "auto")
        if mark not in names and (len(mark) != 1 or mark in "\r\n\0"):
            known = ", ".join(filter(None, names))
            raise wrong(f'"{shown(mark)}" is no character{nearest(mark, names)}', f"write one character, or {known}")
        return mark

    @model_validator(mode="after")
    def _sections_that_differ(self) -> Options:
        sections.check(self.section, bool(self.model_fields_set & {"header", "columns"}))
        return self


def sniff(head: bytes, name: str) -> bool:
    """Text that is no interchange and no markup."""
    del name
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "<" not in head.decode("utf-16", "ignore")[:4]
    text = head.removeprefix(codecs.BOM_UTF8).lstrip()
    if text.startswith((b"ISA", b"UNA", b"UNB", b"<", b'{"', b"[{", b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        return False
    if b"\0" not in text or [byte == 0 for byte in text[:4]] in _UTF16:
        return True
    damaged = text.rstrip(b"\0")
    return 0 < len(damaged) >= NUL_SHARE * damaged.count(b"\0") and not set(damaged) & _CONTROLS


def _check_kind(request: ReadRequest) -> None:
    """Raises FileError for a file of another kind that people take for text."""
    with request.path.open("rb") as source:
        beginning = source.read(8)
    for mark, (kind, fix) in _OTHER_KINDS.items():
        if beginning.startswith(mark):
            raise FileError(request.name, f"this is {kind}, and the mapping reads text (CSV)", fix)


def read(request: ReadRequest) -> Reading:
    """Open a delimited file. Raises FileError for what concerns the whole file."""
    chosen: Options = headers.options(Options, request.options, "delimited")
    _check_kind(request)
    if chosen.section:
        return _sectioned(request, chosen)
    rows = _Delimited(request)
    return above.beside(rows, rows.above)


def _sectioned(request: ReadRequest, options: Options) -> Reading:
    check_size(request)
    rest = {name: value for name, value in request.options.items() if name not in ("section", "other_names")}
    text = _Delimited(replace(request, options={**rest, "header": False}))
    source = Source(text.all_rows, lambda line: f"line {line}", text.layout.raw, options.ragged == "pad")
    return Sectioned(request, options.section, options.other_names, source)


def check_each(each: str | None, options: Mapping[str, Any]) -> None:
    """Rows are lines of the file, so there is an `each` only where there are sections. Raises PathError."""
    chosen: Options = headers.options(Options, options, "delimited")
    sections.check_each(each, chosen.section)


def check_path(path: str, each: str | None, options: Mapping[str, Any]) -> None:
    """Whether a name can be that of a column: any can, unless the columns are listed. Raises PathError."""
    chosen: Options = headers.options(Options, options, "delimited")
    sections.check_path(path, each, chosen.section)
    headers.check_column(path, chosen.header, chosen.columns)


def describe(request: ReadRequest) -> str:
    """Its columns, if its lines are split by one mark; else how it begins. Raises FileError.

    Lines above an interchange, as the head of a mail, make it a text.
    """
    with request.path.open("rb") as source:
        head = source.read(_HEAD_OF_MAIL_BYTES)
    if interchange := _INTERCHANGE.search(head):
        line = head.count(b"\n", 0, interchange.start(1)) + 1
        tag = interchange[1][:3].decode()
        return f"text with an interchange that begins in line {line} ({tag}): remove what stands above it"
    found = _Delimited(replace(request, options={"delimiter": "auto", "encoding": "auto"}))
    if len(found.columns) == 1:
        return f'text that begins with "{shown(found.columns[0][:60])}"'
    kind = _KINDS.get(found.layout.delimiter, "delimited text")
    return f"{kind} with the columns {', '.join(found.columns[:COLUMNS_SHOWN])}"


def table(request: ReadRequest) -> Table:
    """How the file is laid out, and every row. Raises FileError."""
    found = _Delimited(replace(request, options={**_GUESSED, **request.options}))
    layout = found.layout
    names = {mark: name for name, mark in DELIMITERS.items()}
    options = {"delimiter": names.get(layout.delimiter, layout.delimiter), "encoding": layout.encoding}
    return Table(options | ({} if layout.quote else {"quote": ""}), found.all_rows())


class _Delimited(Reading):
    def __init__(self, request: ReadRequest) -> None:
        self.request = request
        self.options: Options = headers.options(Options, request.options, "delimited")
        self.faults: list[Fault] = []
        self.received = 0
        check_size(request)
        self.layout = self._found_layout()
        if fault := encoding.doubt(request.path, self.layout.encoding):
            self.faults.append(fault)
        self.columns = self.layout.columns
        self.described = self.layout.named
        if len(self.columns) > request.limits.columns_max:
            raise FileError(
                request.name,
                f"{len(self.columns)} columns are more than columns_max",
                "Check `delimiter` in the mapping, or raise limits.columns_max.",
            )

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        octets = Octets.of(self.request.path, self.layout.quote)
        plain = self._plain(octets)
        batches = ArrowRows(self.layout, octets.quotes > 0, self._reject) if plain else self._careful()
        ordinal = 0
        for cells, lines in batches:
            cells = [literals(column) for column in cells] if octets.literals else cells
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
                    self.request.name,
                    "a cell has more bytes than cell_bytes_max",
                    "Look for a quote that is not closed.",
                    f"line {lines[pc.index(lengths, longest).as_py()]}",
                )

    # --- before the rows --------------------------------------------------------------------------------

    def _found_layout(self) -> Layout:
        """What options and the head of the file say together; Excel's line `sep=;` decides, as a byte order mark
        does."""
        options, request = self.options, self.request
        codec = encoding.detect(request.path, options.encoding)
        head = self._head_text(codec)
        hint = layout.hint(head)
        delimiter = hint or DELIMITERS.get(options.delimiter, options.delimiter)
        delimiter = layout.guess(head) if delimiter == "auto" else delimiter
        quote = layout.quote(head, delimiter) if options.quote == "auto" else options.quote
        plain, skipped = (self._rows_of(head, delimiter, quote, blanks=skip) for skip in (False, True))
        blanks = bool(quote) and layout.has_blanks_before_quotes(plain, skipped, quote)
        lines = Lines(io.StringIO(head, newline=""), options.comment, EscapedQuotes(quote, delimiter))
        rows = (
            (lines.number, layout.unwrapped(cells, delimiter, quote))
            for _, cells in layout.rows(request, lines, delimiter, quote, blanks=blanks)
        )
        if hint:
            next(rows, None)
        found = headers.find(rows, options.header, request.name, options.columns, request.columns, options.other_names)
        self.headings = found.headings
        self.above = above.texts(
            found.above, request.columns, options.other_names, request.name, lambda line: f"line {line}"
        )
        named = options.header is not False
        return Layout(
            request,
            codec,
            delimiter,
            quote,
            options.comment,
            options.ragged == "pad",
            found.columns,
            named,
            max(found.line, int(bool(hint))),
            {one: others for one, others in options.other_names.items() if not above.is_above(one)},
            blanks,
        )

    def _rows_of(self, head: str, delimiter: str, quote: str, *, blanks: bool) -> Iterator[list[str]]:
        lines = Lines(io.StringIO(head, newline=""), self.options.comment, EscapedQuotes(quote, delimiter))
        rows = layout.rows(self.request, lines, delimiter, quote, blanks=blanks)
        return (cells for _, cells in islice(rows, HEAD_ROWS))

    def _head_text(self, codec: str) -> str:
        with self.request.path.open("rb") as source:
            head = source.read(HEAD_BYTES)
        decoder = codecs.getincrementaldecoder(codec)("strict")
        try:
            return decoder.decode(head, final=len(head) < HEAD_BYTES).removeprefix("\ufeff")
        except UnicodeDecodeError:
            raise encoding.undecodable(self.request.path, self.request.name, codec) from None

    def _plain(self, octets: Octets) -> bool:
        """Whether Arrow reads the file just as the rules say."""
        own = self.layout
        marks = f"{own.quote}{own.delimiter}\r\n"
        if own.padded or own.comment or own.blanks or len(own.columns) < 2 or not marks.isascii():
            return False
        if marks.encode(own.encoding.removesuffix("-sig"), "replace") != marks.encode("ascii"):
            return False
        # An odd quote may swallow the rest of the file: only the careful way finds where it opened.
        return (
            octets.quotes % 2 == 0 and octets.newlines and not octets.returns and not octets.nul and not octets.escaped
        )

    def _reject(self, line: int, text: str, cells: list[str]) -> None:
        self.received += 1
        message, fix = self._misfit(line, text, cells)
        fault = Fault("ROW_REJECT", message, fix, f"line {line}", row={"#raw": text})
        self.note(fault, "Check delimiter and quote of the mapping.")

    def _misfit(self, line: int, text: str, cells: list[str]) -> tuple[str, str]:
        """(what keeps a row from fitting the header, the fix)."""
        lines = text.rstrip("\r\n").count("\n")
        if self.layout.quote and lines and any("\n" in cell for cell in cells):
            return (
                f"a quote opens in this row and closes in line {line + lines}: the lines between became one cell",
                'Double a quote that is part of a text; if the file knows no quotes, set quote = "" in the mapping.',
            )
        return (
            f"the row has {len(cells)} cells, the header has {len(self.columns)}",
            "Put the same number of cells in every row; quote a cell that holds the delimiter.",
        )

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
        own = self.layout
        for start, cells, lines in self._lines():
            if lines.number <= own.line or not any(cell.strip(INVISIBLE) for cell in cells):
                continue
            fitted = own.fitted(cells)
            if fitted is None:
                self._reject(start, "".join(lines.held).rstrip("\r\n"), cells)
            elif own.swallowed(cells):
                self._reject(start, own.raw(cells), cells)
            elif not own.again(fitted, start):
                yield start, fitted

    def _lines(self) -> Iterator[tuple[int, list[str], Lines]]:
        """(first line, cells, the lines) of every row of the file. Raises FileError."""
        own = self.layout
        codec = "utf-8-sig" if own.encoding == "utf-8" else own.encoding
        with self.request.path.open("r", encoding=codec, newline="") as source:
            escaped = own.escaped_quotes()
            lines = Lines(source, own.comment, escaped)
            try:
                for start, cells in own.rows(lines):
                    yield start, cells, lines
            except UnicodeDecodeError:
                raise encoding.undecodable(self.request.path, self.request.name, own.encoding) from None
            own.check_closed(lines.held, lines.first)
        if fault := escaped.fault():
            self.faults.append(fault)

    def all_rows(self) -> Iterator[tuple[int, list[str]]]:
        """(first line, cells) of every row, blank ones too, without regard to a header. Raises FileError."""
        for start, cells, lines in self._lines():
            if self.layout.swallowed(cells):
                raise FileError(self.request.name, *self._misfit(start, "".join(lines.held), cells), f"line {start}")
            if lines.number > self.layout.line:
                yield start, [literal(cell) for cell in cells]
