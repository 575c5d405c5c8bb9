"""What the bank formats share: text in bounded pieces, the statements of a file, batches of rows.

A bank file is read twice: first its statements (their heads, balances and totals, which stay in memory), then
its rows, piece by piece, each with what its statement says.
"""

from __future__ import annotations

import codecs
import re
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import ConfigDict

from gateway.errors import Fault, FileError
from gateway.formats.encoding import Encoding, doubt, is_utf8
from gateway.reading import Envelope, Reading, ReadRequest, Unit, check_size
from gateway.settings import Limits
from gateway.toml_values import TomlTable

PIECE_BYTES = 4 << 20
BATCH_ROWS = 32_768
FAULTS_MAX = 20
"""Faults listed for one statement; a last one counts the rest."""

Cells = list[str | None]
RESEND = "Ask the bank to send the statement again."


class Options(TomlTable):
    """`[file]` settings.

    encoding  a codec's name, or auto: byte order mark, UTF-8, else what an OFX header says, else cp1252
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    encoding: Encoding = "auto"


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a file: what a mapping can claim, and what every row of it can reach.

    unit    as claimed, with the faults of this statement alone
    head    native path → the bank's text
    doubts  what is reported of it while its rows count (ROW_DOUBTFUL)
    """

    unit: Unit
    head: Mapping[str, str]
    doubts: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class Statements:
    """All statements of a file in order, and the faults of what is around them.

    of   for each block that the reader counts (a message, an account, a response) the ordinal of its statement
    """

    found: tuple[Statement, ...]
    of: npt.NDArray[np.int32]
    faults: tuple[Fault, ...] = ()

    @property
    def envelope(self) -> Envelope:
        """The statements as units that mappings claim, with the faults of the file."""
        return Envelope(tuple(statement.unit for statement in self.found), self.faults)


@dataclass(slots=True)
class Rows:
    """Rows of one piece of the file, before they are a batch. `blocks` numbers the block of each row.

    faults  of code ROW_REJECT: of what is no row of these; others are about rows that still count
    """

    positions: Sequence[str] | pa.Array
    blocks: Sequence[int]
    cells: Callable[[int], pa.Array]
    faults: list[Fault] = field(default_factory=list)
    faulty_blocks: Sequence[int] = ()


def check_count(name: str, limits: Limits, statements: int) -> None:
    """Raises FileError for a file with more statements than the limit."""
    if statements > limits.edi_units_per_file_max:
        raise FileError(name, "more statements than edi_units_per_file_max", "Split the file or raise the limit.")


class Scanned:
    """A function that gives a file's statements, which are kept while the same file is claimed and then read.

    scan  reads the file; of the request it uses the path, the name and the limits only
    """

    def __init__(self, scan: Callable[[ReadRequest], Statements]) -> None:
        self._scan = scan
        self._kept: tuple[object, Statements] | None = None

    def __call__(self, request: ReadRequest) -> Statements:
        """The file's statements. Raises FileError."""
        check_size(request)
        status = request.path.stat()
        key = (request.path, status.st_size, status.st_mtime_ns, request.name, request.limits)
        kept = self._kept
        if kept is None or kept[0] != key:
            kept = self._kept = (key, self._scan(request))
        return kept[1]

    def forget(self) -> None:
        """Give back the memory of the file that was read last."""
        self._kept = None


# --- text ------------------------------------------------------------------------------------------------------

_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def encoding_of(path: Path, chosen: str = "auto", otherwise: str = "cp1252") -> str:
    """The codec to read with: a byte order mark decides, then what was chosen; auto is UTF-8, else `otherwise`."""
    with path.open("rb") as source:
        head = source.read(4)
    marked = next((name for mark, name in _BOMS if head.startswith(mark)), None)
    if marked or chosen != "auto":
        return marked or chosen
    return "utf-8" if is_utf8(path) else otherwise


def pieces(path: Path, name: str, encoding: str = "auto", otherwise: str = "cp1252") -> Iterator[str]:
    """The file's text in pieces, lines ended by a newline, padding (NUL) left out.

    Under auto a byte that the codec does not know is shown as U+FFFD. Raises FileError where the text is not of
    the encoding that was chosen.
    """
    codec = encoding_of(path, encoding, otherwise)
    decoder = codecs.getincrementaldecoder(codec)("replace" if encoding == "auto" else "strict")
    line, held = 1, ""
    with path.open("rb") as source:
        while True:
            data = source.read(PIECE_BYTES)
            try:
                text = held + decoder.decode(data, final=not data)
            except UnicodeDecodeError as error:
                place = line + error.object[: error.start].count(b"\n")
                raise FileError(
                    name,
                    f"the byte 0x{error.object[error.start]:02x} is not {codec} text",
                    'Name the right `encoding` in the mapping, or "auto".',
                    f"line {place}",
                ) from None
            line += data.count(b"\n")
            held = ""
            if "\r" in text:
                if text.endswith("\r") and data:
                    text, held = text[:-1], "\r"
                text = text.replace("\r\n", "\n").replace("\r", "\n")
            if text:
                yield text.replace("\0", "") if "\0" in text else text
            if not data:
                return


def lines_of(lines: Sequence[int], places: Sequence[int]) -> pa.Array:
    """ "line 17" for each of these places."""
    numbers = pc.cast(pa.array([lines[place] for place in places], pa.int64()), pa.utf8())
    return pc.binary_join_element_wise("line ", numbers, "")


# --- faults ----------------------------------------------------------------------------------------------------


class Faults:
    """The first faults of something, and how many more there are."""

    def __init__(self) -> None:
        self.first: list[Fault] = []
        self.more = 0

    def add(self, fault: Fault) -> None:
        """Keep a fault; those beyond FAULTS_MAX are only counted."""
        if len(self.first) < FAULTS_MAX:
            self.first.append(fault)
        else:
            self.more += 1

    def reported(self, others: Sequence[Faults] = ()) -> tuple[Fault, ...]:
        """These faults and those of others, and one that counts what is left out."""
        found = [fault for one in (self, *others) for fault in one.first]
        left = sum(one.more for one in (self, *others)) + max(0, len(found) - FAULTS_MAX)
        if not left:
            return tuple(found)
        return (*found[:FAULTS_MAX], replace(found[0], message=f"{left} more faults"))


def unbalanced(what: str, opening: Decimal, moved: Decimal, closing: Decimal, position: str) -> Fault:
    """The fault of a statement whose entries do not lead from its opening to its closing balance."""
    return Fault(
        "CONTROL_TOTAL",
        f"{what}: opening balance {opening:f} and entries {moved:+f} make {opening + moved:f}, the closing balance "
        f"is {closing:f}, difference {closing - opening - moved:f}",
        RESEND,
        position,
    )


_DAYS: dict[str, bool] = {}
_DAYS_MAX = 100_000


def is_day(text: str) -> bool:
    """Whether YYMMDD is a day of the calendar."""
    known = _DAYS.get(text)
    if known is None:
        known = _is_day(text)
        if len(_DAYS) < _DAYS_MAX:
            _DAYS[text] = known
    return known


def _is_day(text: str) -> bool:
    if not re.fullmatch("[0-9]{6}", text):
        return False
    try:
        date(2000 + int(text[:2]), int(text[2:4]), int(text[4:]))
    except ValueError:
        return False
    return True


# --- reading ---------------------------------------------------------------------------------------------------


class StatementReading(Reading):
    """Rows of a bank file: `rows` gives them piece by piece, `head` what their statement says.

    codec  what the file is read with, as `encoding_of` finds it
    """

    def __init__(self, request: ReadRequest, statements: Statements, codec: str) -> None:
        self.request, self.statements = request, statements
        self.columns = tuple(request.columns)
        self.received = 0
        doubtful = doubt(request.path, codec)
        self.faults: list[Fault] = [doubtful] if doubtful else []
        self._ordinal = 0

    @abstractmethod
    def rows(self) -> Iterable[Rows]:
        """The file's rows in order."""

    @abstractmethod
    def head(self, column: int) -> Callable[[Statement], str | None] | None:
        """What a column reads of the statement, None where it reads the row itself."""

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        wanted = self.request.units
        for statement in self.statements.found:
            for doubtful in statement.doubts if wanted is None or statement.unit.ordinal in wanted else ():
                self.note(doubtful, RESEND)
        for rows in self.rows():
            units = self.statements.of[np.asarray(rows.blocks, np.int64)] if len(rows.blocks) else np.empty(0, np.int32)
            kept = None
            if wanted is not None:
                kept = np.isin(units, np.fromiter(wanted, np.int32, len(wanted)))
            self._note(rows, wanted)
            count = len(units) if kept is None else int(kept.sum())
            if count == 0:
                continue
            self.count(count)
            yield self._batch(rows, units, kept, count)

    def _note(self, rows: Rows, wanted: frozenset[int] | None) -> None:
        for fault, block in zip(rows.faults, rows.faulty_blocks, strict=True):
            if wanted is None or int(self.statements.of[block]) in wanted:
                self.received += fault.code == "ROW_REJECT"
                self.note(fault, RESEND)

    def _batch(
        self, rows: Rows, units: npt.NDArray[np.int32], kept: npt.NDArray[np.bool_] | None, count: int
    ) -> pa.RecordBatch:
        mask = None if kept is None or count == len(units) else pa.array(kept)

        def chosen(array: pa.Array) -> pa.Array:
            return array if mask is None else array.filter(mask)

        units_kept = units if mask is None else units[kept]
        first = self._ordinal
        self._ordinal += count
        cells = []
        for column in range(len(self.columns)):
            get = self.head(column)
            if get is None:
                cells.append(chosen(rows.cells(column)))
            else:
                cells.append(self._inherited(get, units_kept))
        return pa.RecordBatch.from_arrays(
            [
                pa.array(np.arange(first, first + count, dtype=np.int64)),
                chosen(rows.positions if isinstance(rows.positions, pa.Array) else pa.array(rows.positions, pa.utf8())),
                pa.array(units_kept.astype(np.int32)),
                *cells,
            ],
            schema=self.schema,
        )

    def _inherited(self, get: Callable[[Statement], str | None], units: npt.NDArray[np.int32]) -> pa.Array:
        ordinals, places = np.unique(units, return_inverse=True)
        values = pa.array([get(self.statements.found[ordinal]) for ordinal in ordinals.tolist()], pa.utf8())
        return values.take(pa.array(places.astype(np.int64)))
