"""Whole segments as a table: the delimiters are found by one scan, tokens are never copied singly.

X12 and EDIFACT differ in their service characters only: segments hold elements, elements hold repetitions,
repetitions hold components, and a release character makes the next character stand for itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Indexes = npt.NDArray[np.int64]
Offsets = npt.NDArray[np.int32]

_COMPONENT, _REPETITION, _ELEMENT, _SEGMENT, _RELEASE = 1, 2, 3, 4, 5

FEW = 8
"""So many segments are looked up singly: arrays have their price, and most files are small."""


@dataclass(frozen=True, slots=True)
class Delimiters:
    """Service characters of an interchange, one ASCII byte each; −1 where one is not in use."""

    element: int
    component: int
    segment: int
    repetition: int = -1
    release: int = -1

    def levels(self) -> bytes:
        """For each byte the level of what it ends, 0 for plain text. The release character counts as text."""
        levels = bytearray(256)
        for byte, level in (
            (self.component, _COMPONENT),
            (self.repetition, _REPETITION),
            (self.element, _ELEMENT),
            (self.segment, _SEGMENT),
        ):
            if byte >= 0:
                levels[byte] = level
        return bytes(levels)

    def bytes(self) -> bytes:
        """The separators and the terminator, without the release character."""
        return bytes(b for b in (self.component, self.repetition, self.element, self.segment) if b >= 0)


@dataclass
class Segments:
    """A table of segments.

    data      the bytes it was made from (UTF-8)
    tokens    every segment id, element, repetition and component, in order, release characters removed
    ended_by  level of the delimiter behind each token
    parts     token at which each segment id or element begins, and behind them the number of tokens
    first     place in `parts` of each segment's id
    begin     first byte of each segment in `data`
    end       its terminator in `data`
    codes     the segment id as a number, see `code`
    """

    delimiters: Delimiters
    data: bytes
    tokens: pa.StringArray
    ended_by: npt.NDArray[np.uint8]
    parts: Indexes
    first: Indexes
    elements: Indexes
    begin: Indexes
    end: Indexes
    codes: npt.NDArray[np.int32]

    def __post_init__(self) -> None:
        self._where: dict[str, Indexes] = {}

    def __len__(self) -> int:
        return len(self.first)

    @cached_property
    def _repetitions(self) -> Indexes:
        """Token at which each repetition begins, and behind them the number of tokens."""
        return _begins(self.ended_by, _REPETITION)

    def where(self, segment_id: str) -> Indexes:
        """Indexes of the segments with that id, rising."""
        if segment_id not in self._where:
            [self._where[segment_id]] = (self.codes == code(segment_id)).nonzero()
        return self._where[segment_id]

    def id(self, index: int) -> str:
        """The id of one segment."""
        return str(self.tokens[int(self.parts[self.first[index]])].as_py()).strip()

    def size(self) -> int:
        """Bytes of the longest segment."""
        return int((self.end - self.begin).max()) if len(self) else 0

    def raw(self, begin: int, end: int) -> bytes:
        """The bytes of the segments [begin, end)."""
        return self.data[int(self.begin[begin]) : int(self.end[end - 1]) + 1] if end > begin else b""

    def text(self, segments: Indexes, element: int, component: int = 0, repetition: int = 0) -> pa.StringArray:
        """Text of an element of each segment: "" where the segment has none, null where the index is −1.

        component   0 for all of them, with their separators, as they were sent
        repetition  0 for all of them as they were sent, or the first where a component is named
        """
        if not len(self) or not len(segments):
            return pa.nulls(len(segments), pa.utf8())
        if len(segments) <= FEW:
            return pa.array(self.cells(segments, element, component, repetition), pa.utf8())
        present = segments >= 0
        safe = np.where(present, segments, 0)
        has = present & (self.elements[safe] >= element)
        place = np.where(has, self.first[safe] + element, 0)
        begin, end = self.parts[place], self.parts[place + 1]
        if component == 0 and repetition == 0:
            return self._whole(begin, end, has, present)
        if len(self._repetitions) != len(self.parts):
            starts = self._repetitions
            spot = np.searchsorted(starts, begin) + max(repetition, 1) - 1
            begin = starts[np.minimum(spot, len(starts) - 1)]
            has &= begin < end
            end = np.minimum(starts[np.minimum(spot + 1, len(starts) - 1)], end)
        elif repetition > 1:
            has &= False
        if component == 0:
            return self._whole(begin, end, has, present)
        begin = begin + component - 1
        return self._take(begin, has & (begin < end), present)

    def cells(self, segments: Indexes, element: int, component: int = 0, repetition: int = 0) -> list[str | None]:
        """As `text`, but a list of Python texts: faster for a few segments."""
        if len(segments) > FEW:
            return list(self.text(segments, element, component, repetition).to_pylist())
        return [self._cell(index, element, component, repetition) for index in segments.tolist()]

    def _cell(self, segment: int, element: int, component: int, repetition: int) -> str | None:
        """The text of one segment's element."""
        if segment < 0:
            return None
        if self.elements[segment] < element:
            return ""
        place = self.first[segment] + element
        begin, end = self.parts[place : place + 2].tolist()
        if component or repetition:
            for _ in range(repetition - 1):
                begin = self._behind_repetition(begin, end)
            end = self._behind_repetition(begin, end)
        if component:
            begin += component - 1
            end = min(begin + 1, end)
        return self._joined(begin, end) if begin < end else ""

    def _behind_repetition(self, token: int, end: int) -> int:
        while token < end and self.ended_by[token] < _REPETITION:
            token += 1
        return min(token + 1, end)

    def _joined(self, begin: int, end: int) -> str:
        """Tokens from begin to end with the separators between them."""
        if end - begin == 1:
            return str(self.tokens[begin].as_py())
        pieces = self.tokens.slice(begin, end - begin).to_pylist()
        marks = {_COMPONENT: chr(self.delimiters.component), _REPETITION: chr(self.delimiters.repetition & 0x7F)}
        separators = [marks[int(level)] for level in self.ended_by[begin : end - 1]]
        return "".join(a + b for a, b in zip(pieces, [*separators, ""], strict=True))

    def _take(self, at: Indexes, has: npt.NDArray[np.bool_], present: npt.NDArray[np.bool_]) -> pa.StringArray:
        text = self.tokens.take(pa.array(np.where(has, at, 0), mask=~has))
        return text if bool(np.all(has)) else pc.if_else(pa.array(present & ~has), "", text)

    def _whole(
        self, begin: Indexes, end: Indexes, has: npt.NDArray[np.bool_], present: npt.NDArray[np.bool_]
    ) -> pa.StringArray:
        """Tokens from begin to end with the separators between them."""
        text = self._take(begin, has, present)
        several = np.flatnonzero(has & (end - begin > 1))
        if not len(several):
            return text
        joined = [self._joined(int(begin[row]), int(end[row])) for row in several.tolist()]
        mask = np.zeros(len(begin), bool)
        mask[several] = True
        return pc.replace_with_mask(text, pa.array(mask), pa.array(joined, pa.utf8()))


def code(segment_id: str) -> int:
    """A segment id as a number: its up to three bytes; −1 for what can be no id, 0 for a blank one."""
    raw = segment_id.encode()
    return int.from_bytes(raw, "little") if len(raw) <= 3 else -1


def tokenize(data: bytes, delimiters: Delimiters) -> Segments:
    """Split whole segments: UTF-8 without line ends (unless a line end is the terminator), terminator last.

    Blank segments, as between two terminators, are left out.
    """
    array = np.frombuffer(data, np.uint8)
    levels = np.frombuffer(bytearray(data.translate(delimiters.levels())), np.uint8)
    released = delimiters.release >= 0 and delimiters.release in data
    if released:
        _release(array, levels, delimiters.release)
    # The comparison makes truth values, of which numpy finds the true ones much faster than numbers that are not 0.
    [removed] = (levels != 0).nonzero()
    level = levels[removed]
    # A stretch is some megabytes; half the bytes for each number saves most of the time.
    offsets = removed.astype(np.int32)
    offsets -= np.arange(len(removed), dtype=np.int32)
    if released:
        # Some delimiters stay as text, so what goes is marked by a byte that no text has.
        marked = array.copy()
        marked[removed] = 0xFF
        text = marked.tobytes().translate(None, delete=b"\xff")
        ends = level != _RELEASE
        removed, level, offsets = removed[ends], level[ends], offsets[ends]
    else:
        text = data.translate(None, delete=delimiters.bytes())
    tokens = _tokens(text, offsets)
    parts = _begins(level, _ELEMENT)
    first = _begins(level[parts[1:] - 1], _SEGMENT)
    elements, first = np.diff(first) - 1, first[:-1]
    end = removed[level == _SEGMENT]
    begin = np.concatenate([np.zeros(1, np.int64), end[:-1] + 1]) if len(end) else end
    codes = _codes(tokens, np.frombuffer(text, np.uint8), offsets, parts[first])
    named = (codes != 0) | (elements > 0)
    if not named.all():
        first, elements, begin, end, codes = (each[named] for each in (first, elements, begin, end, codes))
    return Segments(delimiters, data, tokens, level, parts, first, elements, begin, end, codes)


def _begins(ended_by: npt.NDArray[np.uint8], level: int) -> Indexes:
    """Token at which each part of that level begins, and behind them the number of tokens."""
    [ends] = (ended_by >= level).nonzero()
    begins = np.zeros(len(ends) + min(len(ended_by), 1), np.int64)
    np.add(ends, 1, out=begins[len(begins) - len(ends) :])
    return begins


def _release(array: npt.NDArray[np.uint8], levels: npt.NDArray[np.uint8], release: int) -> None:
    """Mark the release characters that act, and take what they release from the delimiters."""
    found = np.flatnonzero(array == release)
    breaks = np.concatenate([np.ones(1, bool), np.diff(found) != 1])
    run_start = np.maximum.accumulate(np.where(breaks, np.arange(len(found)), 0))
    acting = found[(np.arange(len(found)) - run_start) % 2 == 0]
    released = acting[acting + 1 < len(array)] + 1
    levels[released] = 0
    levels[acting] = _RELEASE


def _tokens(text: bytes, ends: Offsets) -> pa.StringArray:
    offsets = np.zeros(len(ends) + 1, np.int32)
    offsets[1:] = ends
    return pa.StringArray.from_buffers(len(ends), pa.py_buffer(offsets), pa.py_buffer(text))


def _codes(tokens: pa.StringArray, text: npt.NDArray[np.uint8], ends: Offsets, ids: Indexes) -> npt.NDArray[np.int32]:
    """Segment ids as numbers. `ends` are the tokens' ends in `text`, `ids` the tokens that are segment ids."""
    stop = ends[ids]
    start = np.where(ids > 0, ends[ids - 1], 0)
    length = stop - start
    codes = np.zeros(len(ids), np.int32)
    padded = np.concatenate([text, np.zeros(3, np.uint8)])
    for place in range(3):
        codes |= np.where(length > place, padded[start + place], 0).astype(np.int32) << (8 * place)
    odd = np.flatnonzero((length > 3) | ((length > 0) & (padded[start] <= 32)))
    for index in odd.tolist():
        codes[index] = code(str(tokens[int(ids[index])].as_py()).strip())
    return codes
