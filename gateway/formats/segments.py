"""An X12 interchange as a table of segments: delimiters are found by one scan, tokens are never copied singly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gateway.errors import FileError

Indexes = npt.NDArray[np.int64]
_BLANK = b"\r\n \t\0"
ISA_ELEMENTS = 16


@dataclass(frozen=True, slots=True)
class Delimiters:
    """Element separator, component separator and segment terminator: one byte each."""

    element: int
    component: int
    segment: int


@dataclass
class Segments:
    """All segments of one interchange.

    first     number of its first segment in the file, from 1
    tokens    every segment id and element, in order, as text
    start     token of each segment's id
    elements  number of elements of each segment
    rest      bytes after the last terminator that are not blank (the file was cut off there)
    """

    delimiters: Delimiters
    first: int
    tokens: pa.StringArray
    start: Indexes
    elements: Indexes
    rest: bytes

    @cached_property
    def _ids(self) -> pa.DictionaryArray:
        return pc.dictionary_encode(pc.utf8_trim_whitespace(self.tokens.take(pa.array(self.start))))

    @cached_property
    def _codes(self) -> npt.NDArray[np.int32]:
        return np.asarray(self._ids.indices.to_numpy(zero_copy_only=False), dtype=np.int32)

    def __len__(self) -> int:
        return len(self.start)

    def where(self, segment_id: str) -> Indexes:
        """Indexes of the segments with that id, rising."""
        code = pc.index(self._ids.dictionary, segment_id).as_py() if len(self) else -1
        return np.flatnonzero(self._codes == code).astype(np.int64) if code >= 0 else np.empty(0, np.int64)

    def element(self, segments: Indexes, number: int) -> pa.StringArray:
        """Text of an element of each segment; "" where the segment is shorter, null where the index is −1."""
        present = segments >= 0
        safe = np.where(present, segments, 0)
        has = present & (self.elements[safe] >= number) if len(self) else present
        tokens = pa.array(np.where(has, self.start[safe] + number, 0) if len(self) else safe, mask=~has)
        text = self.tokens.take(tokens)
        if bool(np.all(has)):
            return text
        return pc.if_else(pa.array(present & ~has), "", text)


def interchanges(data: bytes, name: str) -> Iterator[Segments]:
    """Each ISA … IEA of a file with its own delimiters.

    Raises FileError when there is no ISA, or something else stands between interchanges.
    """
    data = data.removeprefix(b"\xef\xbb\xbf")
    at, number = _skip_blank(data, 0), 1
    while at < len(data):
        delimiters, _ = _delimiters(data, at, name)
        end = _end(data, at, delimiters)
        part = data[at:end]
        terminator = bytes([delimiters.segment])
        last = part.rstrip(b"\r\n ").rpartition(terminator)[2].lstrip(b"\r\n ")
        if last.startswith(b"IEA" + bytes([delimiters.element])):
            part = part.rstrip(b"\r\n ") + terminator  # The very last terminator is often left out.
        segments = _tokenize(part, delimiters, number)
        yield segments
        number += len(segments)
        at = _skip_blank(data, end)


def _skip_blank(data: bytes, at: int) -> int:
    while at < len(data) and data[at] in _BLANK:
        at += 1
    return at


def _delimiters(data: bytes, at: int, name: str) -> tuple[Delimiters, int]:
    """Read the ISA by its separators, so that one with slightly wrong widths still serves."""
    if data[at : at + 3] != b"ISA" or at + 106 > len(data) + 40:
        if data[at : at + 3] == b"\xc9\xe2\xc1":
            raise FileError(name, "the interchange is in EBCDIC", "Ask the sender for ASCII.", f"byte {at}")
        found = data[at : at + 20].decode("latin-1")
        raise FileError(
            name, f'expected an interchange that begins with ISA, found "{found}"',
            "Send whole X12 interchanges and nothing between them.", f"byte {at}",
        )  # fmt: skip
    element = data[at + 3]
    place = at + 3
    for _ in range(ISA_ELEMENTS - 1):
        place = data.find(bytes([element]), place + 1, at + 400)
        if place < 0:
            raise FileError(name, "the ISA segment has fewer than 16 elements", "Send the whole ISA.", f"byte {at}")
    if place + 2 >= len(data):
        raise FileError(name, "the file ends within the ISA segment", "Send the whole file.", f"byte {at}")
    component, segment = data[place + 1], data[place + 2]
    if component == element:
        component, segment = 0, data[place + 2]
    return Delimiters(element, component, segment), place


def _end(data: bytes, at: int, delimiters: Delimiters) -> int:
    """Where the interchange ends: behind its IEA, or before the next ISA, or with the file."""
    terminator, element = bytes([delimiters.segment]), bytes([delimiters.element])
    place = at
    while True:
        place = data.find(b"IEA" + element, place + 1)
        if place < 0:
            return _next_isa(data, at)
        before = (
            data[:place].rstrip(b"\r\n ")[-1:]
            if place - at < 4
            else data[max(at, place - 80) : place].rstrip(b"\r\n ")[-1:]
        )
        if before == terminator or (delimiters.segment in b"\r\n" and data[place - 1] in b"\r\n"):
            break
    following = _next_isa(data, at)
    if following < place:
        return following
    end = data.find(terminator, place)
    return len(data) if end < 0 else end + 1


def _next_isa(data: bytes, at: int) -> int:
    """The next ISA at the start of a segment, or the end of the file."""
    element = data[at + 3 : at + 4]
    place = at
    while (place := data.find(b"ISA" + element, place + 1)) >= 0:
        if data[place - 1] in b"\r\n~\x15\x1c\x85" or data[place - 1 : place] == data[at + 105 : at + 106]:
            return place
    return len(data)


def _tokenize(data: bytes, delimiters: Delimiters, number: int) -> Segments:
    data = _utf8(data)
    array = np.frombuffer(data, np.uint8)
    ends = array == delimiters.segment
    marks = np.flatnonzero(ends | (array == delimiters.element))
    line_ends = np.flatnonzero((array == 10) | (array == 13)) if delimiters.segment not in (10, 13) else (
        np.flatnonzero(array == (13 if delimiters.segment == 10 else 10))
    )  # fmt: skip
    removed = bytes({delimiters.segment, delimiters.element, 10, 13})
    cleaned = data.translate(None, delete=removed)
    offsets = np.zeros(len(marks) + 1, dtype=np.int32)
    offsets[1:] = marks - np.arange(len(marks)) - np.searchsorted(line_ends, marks)
    tokens = pa.StringArray.from_buffers(len(marks), pa.py_buffer(offsets), pa.py_buffer(cleaned))
    last = np.flatnonzero(ends[marks]).astype(np.int64)
    start = np.concatenate([np.zeros(1, np.int64), last[:-1] + 1]) if len(last) else np.empty(0, np.int64)
    named = np.asarray(
        pc.greater(pc.utf8_length(pc.utf8_trim_whitespace(tokens.take(pa.array(start)))), 0).to_numpy(
            zero_copy_only=False
        ),
        dtype=bool,
    )
    rest = data[int(marks[last[-1]]) + 1 :] if len(last) else data
    return Segments(
        delimiters, number, tokens, start[named], (last - start)[named], rest.strip(_BLANK + b"\x1a")
    )  # fmt: skip


def _utf8(data: bytes) -> bytes:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace").encode("utf-8")
    return data
