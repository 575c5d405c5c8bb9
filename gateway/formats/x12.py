"""ANSI X12: any version, any delimiters, several interchanges, groups and transaction sets in a file.

A row is each occurrence of a segment that begins a loop. A path is looked for in the row's own segments, then
in the heads of the loops around it, in the header of the transaction set, in its summary, in GS and ISA. What
belongs to a sibling row is never in reach.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict

from gateway.errors import Fault, FileError
from gateway.formats import header as headers
from gateway.formats.contract import Envelope, Reading, ReadRequest, Unit
from gateway.formats.paths import ElementPath, Step, parse, parse_each
from gateway.formats.segments import Indexes, Segments, interchanges

BATCH_ROWS = 65_536
ENVELOPE = ("ISA", "GS", "ST", "SE", "GE", "IEA")


class Options(BaseModel):
    """`[file]` settings: `summary` names the segments that begin the summary behind the loops."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    summary: tuple[str, ...] = ("W03", "W14", "W76", "CTT", "TDS")


def sniff(head: bytes, name: str) -> bool:
    """An ISA, perhaps behind a byte order mark and blanks."""
    del name
    return head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith((b"ISA", b"\xc9\xe2\xc1"))


def read(request: ReadRequest) -> Reading:
    """Open a file for one kind of row. Raises FileError, GatewayError for a path that is none."""
    return _X12(request)


def units(request: ReadRequest) -> Envelope:
    """Every transaction set, and what is wrong with it or with the envelopes around it."""
    found: list[Unit] = []
    faults: list[Fault] = []
    for segments in _load(request):
        _interchange(segments, found, faults)
    return Envelope(tuple(found), tuple(faults))


def _load(request: ReadRequest) -> tuple[Segments, ...]:
    size = request.path.stat().st_size
    if size > request.limits.file_bytes_max:
        raise FileError(request.name, f"{size} bytes are more than file_bytes_max", "Split it or raise the limit.")
    if size == 0:
        raise FileError(request.name, "the file is empty", "Send the file again.")
    loaded = _segments(request.path, size, request.path.stat().st_mtime_ns, request.name)
    if any(len(s) and int(s.elements.max()) > request.limits.edi_elements_per_segment_max for s in loaded):
        raise FileError(
            request.name, "a segment has more elements than edi_elements_per_segment_max", "Check the delimiters."
        )
    return loaded


@lru_cache(maxsize=1)
def _segments(path: Path, size: int, modified: int, name: str) -> tuple[Segments, ...]:
    """The file's segments; kept while the same file is claimed and then read."""
    del size, modified
    return tuple(interchanges(path.read_bytes(), name))


def forget() -> None:
    """Give back the memory of the file that was read last."""
    _segments.cache_clear()


# --- envelopes -----------------------------------------------------------------------------------------------


def _interchange(segments: Segments, found: list[Unit], faults: list[Fault]) -> None:
    isa = _one(segments, 0)
    control = isa(13)
    ends = segments.where("IEA")
    where = f"segment {segments.first}"
    if segments.rest:
        faults.append(_fault(f"interchange {control}: the file ends in the middle of a segment", control, where))
    if len(ends) == 0:
        faults.append(_fault(f"interchange {control}: IEA is missing, the interchange is cut off", control, where))
    else:
        iea = _one(segments, int(ends[-1]))
        at = f"segment {segments.first + int(ends[-1])}"
        groups = len(segments.where("GS"))
        declared = iea(1)
        if not declared.isdigit() or int(declared) != groups:
            faults.append(
                _fault(f"interchange {control}: IEA01 says {declared} groups, there are {groups}", control, at)
            )
        if iea(2).strip() != control:
            faults.append(_fault(f"interchange {control}: IEA02 is {iea(2)}, ISA13 is {control}", control, at))
    _groups(segments, control, faults)
    _sets(segments, isa, found)


def _one(segments: Segments, index: int) -> _Element:
    return _Element(segments, index)


class _Element:
    """Elements of one segment by number, trimmed; "" where absent."""

    def __init__(self, segments: Segments, index: int) -> None:
        self.segments, self.index = segments, index

    def __call__(self, number: int) -> str:
        if self.index < 0 or self.index >= len(self.segments) or self.segments.elements[self.index] < number:
            return ""
        return str(self.segments.tokens[int(self.segments.start[self.index]) + number].as_py()).strip()


def _fault(message: str, control: str, position: str) -> Fault:
    return Fault("CONTROL_TOTAL", message, f"Ask the sender to send interchange {control} again, whole.", position)


def _groups(segments: Segments, control: str, faults: list[Fault]) -> None:
    starts, ends, sets = segments.where("GS"), segments.where("GE"), segments.where("ST")
    borders = np.append(starts[1:], len(segments))[: len(starts)]
    for start, border in zip(starts, borders, strict=True):
        inside = ends[(ends > start) & (ends < border)]
        gs = _one(segments, int(start))
        at = f"segment {segments.first + int(start)}"
        if len(inside) == 0:
            faults.append(_fault(f"group {gs(6)}: GE is missing", control, at))
            continue
        ge = _one(segments, int(inside[0]))
        count = int(((sets > start) & (sets < inside[0])).sum())
        at = f"segment {segments.first + int(inside[0])}"
        if not ge(1).isdigit() or int(ge(1)) != count:
            faults.append(_fault(f"group {gs(6)}: GE01 says {ge(1)} sets, there are {count}", control, at))
        if ge(2) != gs(6):
            faults.append(_fault(f"group {gs(6)}: GE02 is {ge(2)}, GS06 is {gs(6)}", control, at))


def _sets(segments: Segments, isa: _Element, found: list[Unit]) -> None:
    starts, ends, groups = segments.where("ST"), segments.where("SE"), segments.where("GS")
    if len(starts) == 0:
        return
    kinds, controls = (segments.element(starts, n).to_pylist() for n in (1, 2))
    stops = np.append(starts[1:], len(segments))
    nearest = np.searchsorted(ends, starts)
    end = np.where(nearest < len(ends), ends[np.minimum(nearest, len(ends) - 1)] if len(ends) else -1, len(segments))
    end = np.where(end < stops, end, -1)
    counts, closing = (segments.element(end, n).to_pylist() for n in (1, 2))
    group_of = np.searchsorted(groups, starts) - 1
    versions, numbers = (segments.element(groups, n).to_pylist() for n in (8, 6)) if len(groups) else ([], [])
    sender, receiver = f"{isa(5)}/{isa(6)}".strip("/"), f"{isa(7)}/{isa(8)}".strip("/")
    test, interchange = isa(15) == "T", isa(13)
    for n, start in enumerate(starts):
        kind, control, group = kinds[n].strip(), controls[n].strip(), int(group_of[n])
        faults = _set_faults(
            f"set {kind} {control}", interchange, control, int(start), int(end[n]), counts[n], closing[n],
            segments.first,
        )  # fmt: skip
        found.append(
            Unit(
                ordinal=len(found),
                kind=kind,
                sender=sender,
                receiver=receiver,
                version=versions[group].strip() if group >= 0 else "",
                interchange=interchange,
                group=numbers[group].strip() if group >= 0 else "",
                control=control,
                test=test,
                position=f"segment {segments.first + int(start)}",
                faults=faults,
            )
        )


def _set_faults(
    what: str, interchange: str, control: str, start: int, end: int, count: str | None, closing: str | None,
    first: int,
) -> tuple[Fault, ...]:  # fmt: skip
    if end < 0:
        return (_fault(f"{what}: SE is missing, the set is cut off", interchange, f"segment {first + start}"),)
    faults = []
    held, at = end - start + 1, f"segment {first + end}"
    declared = (count or "").strip()
    if not declared.isdigit() or int(declared) != held:
        faults.append(_fault(f"{what}: SE01 says {declared} segments, there are {held}", interchange, at))
    if (closing or "").strip() != control:
        faults.append(_fault(f"{what}: SE02 is {closing}, ST02 is {control}", interchange, at))
    return tuple(faults)


# --- rows ----------------------------------------------------------------------------------------------------


class _X12(Reading):
    def __init__(self, request: ReadRequest) -> None:
        self.request = request
        self.options: Options = headers.options(Options, request.options, "x12")
        self.columns = tuple(request.columns)
        self.paths = [parse(column) for column in self.columns]
        self.each = parse_each(request.each or "ST")
        self.received = 0
        self.faults: list[Fault] = []
        self.interchanges = _load(request)

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        unit = ordinal = 0
        for segments in self.interchanges:
            loops = _Loops(segments, self.each, self.options.summary, unit, self.request.units)
            unit += len(segments.where("ST"))
            for start in range(0, len(loops.rows), BATCH_ROWS):
                rows = loops.rows[start : start + BATCH_ROWS]
                cells = [loops.values(path, slice(start, start + BATCH_ROWS)) for path in self.paths]
                positions = pa.array(rows + segments.first)
                self.received += len(rows)
                yield pa.RecordBatch.from_arrays(
                    [
                        pa.array(np.arange(ordinal, ordinal + len(rows), dtype=np.int64)),
                        pc.binary_join_element_wise("segment ", pc.cast(positions, pa.utf8()), ""),
                        pa.array(loops.unit[start : start + BATCH_ROWS].astype(np.int32)),
                        *cells,
                    ],
                    schema=self.schema,
                )
                ordinal += len(rows)


class _Loops:
    """The rows of one interchange and the ranges of segments in reach of each."""

    def __init__(
        self, segments: Segments, each: tuple[Step, ...], summary: tuple[str, ...], first_unit: int,
        wanted: frozenset[int] | None,
    ) -> None:  # fmt: skip
        self.segments = segments
        self._cache: dict[Step, Indexes] = {}
        starts = segments.where("ST")
        levels = [self.where(step) for step in each]
        rows = levels[-1]
        unit = np.searchsorted(starts, rows, side="right") - 1
        kept = unit >= 0
        if wanted is not None:
            kept &= np.isin(unit + first_unit, np.fromiter(wanted, np.int64, len(wanted)))
        self.rows, local = rows[kept], unit[kept]
        self.unit = local + first_unit
        self.set_start = starts[local] if len(starts) else local
        stops = np.unique(np.concatenate([*levels, *(segments.where(s) for s in (*summary, *ENVELOPE, "SE"))]))
        self.stops = stops
        self.ranges = [(self.rows, self._stop(self.rows))]
        for level in reversed(levels[:-1]):
            place = np.searchsorted(level, self.rows, side="right") - 1
            head = np.where(place >= 0, level[np.maximum(place, 0)] if len(level) else -1, -1)
            head = np.where(head >= self.set_start, head, -1)
            self.ranges.append((head, np.where(head >= 0, self._stop(np.maximum(head, 0)), -1)))
        self.ranges.append((self.set_start, self._stop(self.set_start)))
        self._closing(summary)

    def _closing(self, summary: tuple[str, ...]) -> None:
        """The summary and the envelope."""
        segments = self.segments
        end = self._next(segments.where("SE"), self.rows, len(segments))
        begins = [self._next(segments.where(name), self.rows, len(segments)) for name in summary]
        first = np.minimum.reduce([end, *begins]) if begins else end
        self.ranges.append((np.minimum(first, end), np.minimum(end + 1, len(segments))))
        for name in ("GS", "ISA"):
            where = segments.where(name)
            place = np.searchsorted(where, self.set_start, side="right") - 1
            at = np.where(place >= 0, where[np.maximum(place, 0)] if len(where) else -1, -1)
            self.ranges.append((at, at + 1))
        self.set_end = end

    def where(self, step: Step) -> Indexes:
        """Indexes of the segments that a step names."""
        if step not in self._cache:
            found = self.segments.where(step.segment)
            if step.value is not None and len(found):
                text = pc.utf8_trim_whitespace(self.segments.element(found, step.element))
                found = found[pc.equal(text, step.value).to_numpy(zero_copy_only=False)]
            self._cache[step] = found
        return self._cache[step]

    def _stop(self, at: Indexes) -> Indexes:
        return self._next(self.stops, at, len(self.segments))

    @staticmethod
    def _next(where: Indexes, at: Indexes, none: int) -> Indexes:
        """The first of `where` behind each of `at`."""
        place = np.searchsorted(where, at, side="right")
        if len(where) == 0:
            return np.full(len(at), none, np.int64)
        return np.where(place < len(where), where[np.minimum(place, len(where) - 1)], none)

    def values(self, path: ElementPath, part: slice) -> pa.StringArray:
        """The text of a path for a part of the rows; null where the segment is not in reach."""
        if path.element == 0:
            where = self.where(path.step)
            count = np.searchsorted(where, self.set_end[part]) - np.searchsorted(where, self.set_start[part])
            return pc.cast(pa.array(count), pa.utf8())
        found = self._find(path, part)
        text = self.segments.element(found, path.element)
        return self._component(text, path.component) if path.component else text

    def _find(self, path: ElementPath, part: slice) -> Indexes:
        where = self.where(path.step)
        found = np.full(len(self.rows[part]), -1, np.int64)
        if len(where) == 0:
            return found
        for begin, end in self.ranges:
            hit = _first_within(where, begin[part], end[part])
            if path.then is not None:
                siblings = self.where(Step(path.step.segment))
                until = np.minimum(self._next(siblings, np.maximum(hit, 0), len(self.segments)), end[part])
                then = _first_within(self.where(path.then), hit + 1, until)
                hit = np.where(hit >= 0, then, -1)
            found = np.where(found >= 0, found, hit)
        return found

    def _component(self, text: pa.StringArray, number: int) -> pa.StringArray:
        separator = chr(self.segments.delimiters.component)
        parts = [
            None if cell is None else ([*cell.split(separator), *[""] * number])[number - 1]
            for cell in text.to_pylist()
        ]
        return pa.array(parts, pa.utf8())


def _first_within(where: Indexes, begin: Indexes, end: Indexes) -> npt.NDArray[np.int64]:
    """The first of `where` in each range [begin, end), −1 where there is none or begin is −1."""
    if len(where) == 0:
        return np.full(len(begin), -1, np.int64)
    place = np.searchsorted(where, begin)
    at = where[np.minimum(place, len(where) - 1)]
    return np.where((begin >= 0) & (place < len(where)) & (at >= begin) & (at < end), at, -1)
