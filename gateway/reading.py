"""What a reader is asked and what it answers: a request, the units of a file, its rows with their positions.

Guarantees that the contract tests hold: true positions, bounded memory, nothing skipped without a count, the same
order every time, no value reinterpreted (every cell is the sender's text, or says that it holds no value).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from operator import attrgetter
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gateway.errors import Fault, FileError
from gateway.settings import Limits

ORDINAL = "_ordinal"
POSITION = "_position"
UNIT = "_unit"

UNREADABLE = "\ufdd0"
"""Begins the text of a cell that holds no value; Unicode keeps the character for such uses (a noncharacter)."""


def unreadable(what: str, fix: str, text: str) -> str:
    """The text of a cell that holds no value: its row is rejected only where the mapping uses the cell.

    what, fix  message and fix
    text       what a person sees in the cell, never blank; conditions of the mapping see it too
    """
    return f"{UNREADABLE}{what}{UNREADABLE}{fix}{UNREADABLE}{text}"


def cell_parts(text: str) -> tuple[str, str, str]:
    """(what, fix, text) of a cell; "" twice and the text itself where it holds a value."""
    if not text.startswith(UNREADABLE):
        return "", "", text
    _, what, fix, seen = text.split(UNREADABLE, maxsplit=3)
    return what, fix, seen


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """One opening of one file.

    path     local file with the bytes to read
    name     the name under which it was delivered, for messages
    options  the mapping's `[file]` settings for this format (validated by the format's `Options`)
    each     what a row is (interchange formats, XML); None elsewhere
    columns  the native paths that are wanted; () means all that a tabular format offers
    units    ordinals of the units of claim to read, None means all (interchange formats)
    limits   bounds, each with its unit in the name
    """

    path: Path
    name: str
    limits: Limits
    options: Mapping[str, Any] = field(default_factory=dict)
    each: str | None = None
    columns: tuple[str, ...] = ()
    units: frozenset[int] | None = None


@dataclass(frozen=True, slots=True)
class Unit:
    """The smallest part of a file that a mapping can claim: the file, or one transaction set/message.

    ordinal      0, 1, … in the order of the file
    kind         "945", "INVRPT", …; "" for a whole file
    sender       "ZZ/3PLEAST" (qualifier/identifier, trailing blanks removed); "" for a whole file
    receiver     likewise
    version      GS08 or the message's version, "004010"
    interchange  the interchange control number (ISA13), group (GS06), control (ST02)
    test         the usage indicator says test: such a unit never posts
    position     "segment 3"
    faults       conformance faults of this unit alone (wrong SE count, truncated set): a unit with faults
                 is set aside alone
    """

    ordinal: int
    kind: str = ""
    sender: str = ""
    receiver: str = ""
    version: str = ""
    interchange: str = ""
    group: str = ""
    control: str = ""
    test: bool = False
    position: str = ""
    faults: tuple[Fault, ...] = ()

    def __reduce__(self) -> tuple[type[Unit], tuple[Any, ...]]:
        """How it goes from process to process: by its values, in half the time that a dataclass takes by itself."""
        return Unit, _unit_values(self)


_unit_values = attrgetter(*(one.name for one in fields(Unit)))


def interchange_id(sender: str, receiver: str, control: str, *, numeric: bool) -> str:
    """What identifies an interchange among those of a partner: "ZZ/ACME > ZZ/GATEWAY: 7"; `numeric` as in X12."""
    number = control.lstrip("0") or "0" if numeric and control.isdigit() else control
    return f"{sender} > {receiver}: {number}"


@dataclass(frozen=True, slots=True)
class Envelope:
    """All units of a file, and the faults of the envelopes around them (these hold the whole file)."""

    units: tuple[Unit, ...]
    faults: tuple[Fault, ...] = ()


def check_size(request: ReadRequest, *, may_be_empty: bool = False) -> None:
    """Raises FileError for a file past the limit, and for an empty one where the reader has no words of its own."""
    size = request.path.stat().st_size
    if size == 0 and not may_be_empty:
        raise FileError(request.name, "the file is empty", "Send the file again, with its content.")
    if size > request.limits.file_bytes_max:
        raise FileError(request.name, f"{size} bytes are more than file_bytes_max", "Split it or raise the limit.")


WITHOUT_ROWS = "WITHOUT_ROWS"
"""Code of what a reader notes of a unit that has no row of the kind that was asked for, which is the message. It
becomes an exception where the unit has none of any kind."""


def without_rows(each: str | None, position: str = "") -> Fault:
    """What a reader notes of a unit at `position` ("" for the file) that has no row of the kind `each`."""
    hint = "Ask the sender whether it should have lines, and to send it again, whole."
    return Fault(WITHOUT_ROWS, each or "", hint, position)


class Reading(ABC):
    """The rows of one file, once, in order.

    Iterating gives `pyarrow.RecordBatch`es with `_ordinal` (int64, 0-based, unique and rising within the
    reading, the same every time the bytes are read), `_position` (utf8: "line 17", "Count!A17",
    "segment 43", "/Document/…/Ntry[5]"), `_unit` (int32, ordinal of the unit of claim; 0 for whole files)
    and then one utf8 column per native path in `columns`; a value that is absent is null, one that is
    present but blank is "".
    After exhaustion `received` counts every data row seen, also those that could not be read as rows, and
    `faults` holds one fault for each of the latter (with the row's raw text), so that
    received = rows given + faults with code ROW_REJECT.
    Raises FileError as soon as the file as a whole cannot be trusted.
    `described` says whether the file itself names its values (by a header, names, tags); where not, only the
    file's name shows that it is the right file. `headings` holds the columns that have another name in the file, with
    that name, for messages. `numbers` holds those of numbered columns that became rows, as the header has them.
    """

    described: bool = True
    headings: Mapping[str, str] = MappingProxyType({})
    numbers: tuple[str, ...] = ()
    request: ReadRequest
    columns: tuple[str, ...]
    received: int
    faults: list[Fault]

    @property
    def schema(self) -> pa.Schema:
        """Arrow schema of every batch."""
        return pa.schema(
            [(ORDINAL, pa.int64()), (POSITION, pa.utf8()), (UNIT, pa.int32())]
            + [(name, pa.utf8()) for name in self.columns]
        )

    def count(self, rows: int) -> None:
        """Count rows that were seen. Raises FileError where there are more than the limit."""
        self.received += rows
        if self.received > self.request.limits.rows_per_file_max:
            raise FileError(self.request.name, "more rows than rows_per_file_max", "Split it or raise the limit.")

    def note(self, fault: Fault, hint: str) -> None:
        """Note a rejected row. Raises FileError where there are more than the limit; `hint` says what to look at."""
        self.faults.append(fault)
        if len(self.faults) > self.request.limits.faults_per_file_max:
            raise FileError(self.request.name, "more broken rows than faults_per_file_max", hint, fault.position)

    @abstractmethod
    def __iter__(self) -> Iterator[pa.RecordBatch]:
        """Give the batches; may be called once."""

    def together(self, others: Sequence[Reading]) -> Iterator[tuple[pa.RecordBatch, int | npt.NDArray[np.int64]]]:
        """The rows of this reading, then those of others of the same kind of row with the same columns; once.

        With each batch it says whose rows these are, 0 for this reading: of all of them, or of each. Ordinals are as
        each reading gives them, units are unique over all.
        """
        units = 0
        for place, reading in enumerate([self, *others]):
            last = -1
            for batch in reading:
                last = max(last, pc.max(batch.column(UNIT)).as_py() or 0)
                if units:
                    at = batch.schema.get_field_index(UNIT)
                    moved = pc.add(batch.column(UNIT), pa.scalar(units, pa.int32()))
                    batch = batch.set_column(at, batch.schema.field(at), moved)
                yield batch, place
            units += last + 1


class Wrapped(Reading):
    """The rows of another reading, changed or counted on their way; its columns are called as there."""

    def __init__(self, rows: Reading) -> None:
        self.rows = rows
        self.columns, self.described, self.headings = rows.columns, rows.described, rows.headings
        self.received, self.faults, self.numbers = rows.received, rows.faults, rows.numbers
