"""Interchanges of any size as tables that each hold all that their rows can reach.

A transaction set that is larger than a stretch is read in parts. Each part gets the segments around it that are
still in reach (openings, header, heads of the loops around) in front of it; its summary and its counts are found
beforehand.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import ConfigDict, field_validator

from gateway.errors import HouseError
from gateway.formats.edi import interchange
from gateway.formats.edi.envelopes import Dialect, unit_starts
from gateway.formats.edi.interchange import Stretch
from gateway.formats.edi.loops import Finder, Layout, Loops, Plan, Tail
from gateway.formats.edi.paths import Step, parse_summary
from gateway.formats.edi.segments import Delimiters, Indexes, Segments, tokenize
from gateway.reading import Reading, ReadRequest, without_rows
from gateway.toml_values import TomlTable

BATCH_ROWS = 65_536
UNITS_NOTED_MAX = 1000

Source = Callable[[], Iterable[Stretch]]
DialectOf = Callable[[Segments], Dialect]


class InterchangeOptions(TomlTable):
    """`[file]` settings.

    summary   segments that begin the summary behind the loops, perhaps with a condition: "UNS[S]"
    encoding  codec of the text where the interchange itself says something else or nothing: "latin-1", "cp500"
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    summary: tuple[str, ...]
    encoding: str = ""

    @field_validator("summary")
    @classmethod
    def _segments(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        try:
            for part in value:
                parse_summary(part)
        except HouseError as error:
            raise ValueError(str(error)) from None
        return value

    @field_validator("encoding")
    @classmethod
    def _codec(cls, value: str) -> str:
        try:
            return codecs.lookup(value).name if value else ""
        except LookupError:
            raise ValueError(f'"{value}" is not a known encoding; write e.g. "latin-1"') from None


class InterchangeReading(Reading):
    """The rows of one file of an interchange format."""

    def __init__(self, request: ReadRequest, source: Source, dialect_of: DialectOf, plan: Plan) -> None:
        self.request, self.source, self.dialect_of, self.plan = request, source, dialect_of, plan
        self.columns = tuple(request.columns)
        self.received = 0
        self.faults = []
        self.begun: dict[int, int] = {}
        self.given: set[int] = set()

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        tails: dict[int, Tail] = {}
        if not self.is_small:
            tails = _Tails(self.dialect_of, self.plan).of(self.source())
        windows = _Windows(self.request, self.dialect_of, self.plan, tails)
        for loops, numbers in windows.loops(self.source()):
            self.given.update(np.unique(loops.unit).tolist())
            ordinals = np.arange(self.received, self.received + len(loops.rows))
            self.count(len(loops.rows))
            for part in _parts(loops):
                yield self.batch(loops, part, ordinals, numbers[loops.rows], loops.unit)
        self.begun = windows.begun
        self.note_without_rows()

    def note_without_rows(self) -> None:
        """Note the units of which no row was given, if they are few: with many it is not unusual."""
        wanted = self.request.units
        found = [unit for unit in self.begun.keys() - self.given if wanted is None or unit in wanted]
        if len(found) <= UNITS_NOTED_MAX:
            each = self.request.each
            self.faults += [without_rows(each, f"segment {self.begun[unit]}") for unit in sorted(found)]

    def together(self, others: Sequence[Reading]) -> Iterator[tuple[pa.RecordBatch, int | Indexes]]:
        """Small files, of which there may be thousands, share their tables: each table has its price."""
        readings = [r for r in (self, *others) if isinstance(r, InterchangeReading) and r.is_small]
        if len(readings) <= len(others):
            yield from super().together(others)
            return
        units = 0
        for shared in _shared(readings):
            loops = shared.loops()
            places, begins = np.array(shared.places), np.array(shared.begins)
            which = np.searchsorted(begins, loops.rows, side="right") - 1
            rows = np.bincount(which, minlength=len(places))
            before = np.empty(len(places), np.int64)
            for n, place in enumerate(shared.places):
                before[n] = readings[place].received
                readings[place].count(int(rows[n]))
            for unit in np.unique(loops.unit).tolist():
                place, own = shared.owners[unit]
                readings[place].given.add(own)
            ordinals = np.arange(len(loops.rows)) + (before - np.cumsum(rows) + rows)[which]
            numbers = loops.rows + (np.array(shared.numbers) - begins)[which]
            for part in _parts(loops):
                yield self.batch(loops, part, ordinals, numbers, loops.unit + units), places[which[part]]
            units += shared.units
        for reading in readings:
            reading.note_without_rows()

    @property
    def is_small(self) -> bool:
        """Whether each interchange of the file is one stretch."""
        if self.request.path.stat().st_size > interchange.STRETCH_BYTES:
            return False
        return all(stretch.opens and stretch.closes for stretch in self.source())

    def batch(self, loops: Loops, part: slice, ordinals: Indexes, numbers: Indexes, units: Indexes) -> pa.RecordBatch:
        """A part of the rows of a table."""
        return pa.RecordBatch.from_arrays(
            [
                pa.array(ordinals[part]),
                pc.binary_join_element_wise("segment ", pc.cast(pa.array(numbers[part]), pa.utf8()), ""),
                pa.array(units[part].astype(np.int32)),
                *(loops.values(path, part) for path in self.plan.paths),
            ],
            schema=self.schema,
        )


def _parts(loops: Loops) -> Iterator[slice]:
    return (slice(start, start + BATCH_ROWS) for start in range(0, len(loops.rows), BATCH_ROWS))


@dataclass
class _Shared:
    """Whole interchanges with the same delimiters and envelopes, of one file or of several, as one table.

    stretches  each interchange
    places     which reading it is of
    numbers    number in its file of its first segment
    begins     index in the table of its first segment
    wanted     ordinals in the table of the units to give
    owners     (reading, ordinal in its file) of each unit
    """

    dialect: Dialect
    plan: Plan
    stretches: list[Stretch] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    begins: list[int] = field(default_factory=list)
    wanted: set[int] = field(default_factory=set)
    owners: list[tuple[int, int]] = field(default_factory=list)
    bytes: int = 0
    segments: int = 0

    @property
    def units(self) -> int:
        """How many there are."""
        return len(self.owners)

    def fits(self, stretch: Stretch, dialect: Dialect) -> bool:
        """Whether an interchange may be put behind those that are here."""
        alike = stretch.delimiters == self.stretches[0].delimiters and dialect == self.dialect
        return alike and self.bytes + len(stretch.data) <= interchange.STRETCH_BYTES

    def add(self, stretch: Stretch, place: int, number: int, wanted: Iterable[int], units: range) -> None:
        """Put an interchange behind the others: `units` are the ordinals of its units in the file, of which it gives
        those that are `wanted`, counted from its first."""
        self.stretches.append(stretch)
        self.places.append(place)
        self.numbers.append(number)
        self.begins.append(self.segments)
        self.wanted.update(self.units + unit for unit in wanted)
        self.bytes += len(stretch.data)
        self.segments += len(stretch.table)
        self.owners += [(place, unit) for unit in units]

    def loops(self) -> Loops:
        """The loops over all stretches, which are joined and read as one table."""
        data = b"".join(stretch.data for stretch in self.stretches)
        layout = Layout(tokenize(data, self.stretches[0].delimiters), self.dialect, self.plan)
        return Loops(layout, 0, self.segments, 0, frozenset(self.wanted), {})


def _shared(readings: Sequence[InterchangeReading]) -> Iterator[_Shared]:
    """The interchanges of all readings, in order, in tables of some megabytes."""
    shared: _Shared | None = None
    for place, reading in enumerate(readings):
        number, unit = 1, 0
        for stretch in reading.source():
            dialect = reading.dialect_of(stretch.table)
            if shared is None or not shared.fits(stretch, dialect):
                if shared is not None:
                    yield shared
                shared = _Shared(dialect, reading.plan)
            starts = unit_starts(stretch.table, dialect)
            every, units = reading.request.units, range(unit, unit + len(starts))
            wanted = [n for n, ordinal in enumerate(units) if every is None or ordinal in every]
            shared.add(stretch, place, number, wanted, units)
            reading.begun.update(zip(units, (number + starts).tolist(), strict=True))
            number += len(stretch.table)
            unit += len(starts)
    if shared is not None:
        yield shared


@dataclass
class _Windows:
    """The state between two tables.

    number   number in the file of the next segment that is not in `context`
    unit     ordinal of the next unit to begin
    context  segments that were read before and are in reach of what follows, with their numbers
    waiting  segments that were read but not given yet
    before   numbered segments of the unit that goes on, as many as were given
    begun    ordinal of each unit → number of its first segment
    """

    request: ReadRequest
    dialect_of: DialectOf
    plan: Plan
    tails: dict[int, Tail]
    dialect: Dialect = field(init=False)
    number: int = 1
    unit: int = 0
    context: bytes = b""
    numbers: Indexes = field(default_factory=lambda: np.empty(0, np.int64))
    waiting: bytes = b""
    before: dict[Step, int] = field(default_factory=dict)
    begun: dict[int, int] = field(default_factory=dict)

    def loops(self, source: Iterable[Stretch]) -> Iterator[tuple[Loops, Indexes]]:
        """Each table's rows, and the numbers of its segments in the file."""
        for stretch in source:
            if stretch.opens:
                self.dialect = self.dialect_of(stretch.table)
            if self.context or self.waiting:
                table = tokenize(self.context + self.waiting + stretch.data, stretch.delimiters)
            else:
                table = stretch.table
            layout, begin = Layout(table, self.dialect, self.plan), len(self.numbers)
            end = len(table) if stretch.closes else _cut(layout, begin)
            numbers = np.concatenate([self.numbers, np.arange(self.number, self.number + len(table) - begin)])
            continued = int((layout.starts < begin).sum())
            loops = Loops(layout, begin, end, self.unit - continued, self.request.units, self.tails, dict(self.before))
            yield loops, numbers
            self._number(layout, begin, end)
            self.number += end - begin
            starts = layout.starts[(layout.starts >= begin) & (layout.starts < end)]
            self.begun.update(enumerate(numbers[starts].tolist(), start=self.unit))
            self.unit += len(starts)
            self._keep(layout, numbers, end, closed=stretch.closes)

    def _number(self, layout: Layout, begin: int, end: int) -> None:
        """Count the numbered segments of the unit that goes on behind `end`."""
        start = int(layout.starts[layout.starts < end][-1:].sum()) if len(layout.starts) else 0
        for step in self.plan.numbered:
            where = layout.finder.where(step)
            given = int(((where >= max(start, begin)) & (where < end)).sum())
            self.before[step] = given + (self.before.get(step, 0) if start < begin else 0)

    def _keep(self, layout: Layout, numbers: Indexes, end: int, *, closed: bool) -> None:
        """Keep what the segments from `end` on can reach, and these."""
        ranges: list[tuple[int, int]] = []
        before = np.array([end])
        if not closed:
            for level in (self.dialect.interchange, self.dialect.group):
                ranges += [(int(at), int(at) + 1) for at in layout.table.where(level.begin)[-1:] if at < end]
            start = layout.starts[layout.starts < end][-1:]
            if layout.open_unit() == (int(start[0]) if len(start) else -2):
                for head in (start, *layout.heads(before, start)):
                    first, last = layout.reach(head)
                    ranges += [(int(first[0]), min(int(last[0]), end))] if first[0] >= 0 else []
        ranges.sort()
        self.context = b"".join(layout.table.raw(*found) for found in ranges)
        self.numbers = np.concatenate([numbers[:0], *(numbers[slice(*found)] for found in ranges)])
        self.waiting = b"" if closed else layout.table.raw(end, len(layout.table))


def _cut(layout: Layout, begin: int) -> int:
    """Where to stop in a table that does not end its interchange, so that nothing before needs what follows.

    That is before a unit that goes on, or, where the table has nothing else, before the last loop in it.
    """
    unit = layout.open_unit()
    if unit < 0:
        return len(layout.table)
    if unit > begin:
        return unit
    return max(int(layout.loops[-1]), begin) if len(layout.loops) else begin


class _Tails:
    """Finds the summary and the counts of units that are not whole in one stretch."""

    def __init__(self, dialect_of: DialectOf, plan: Plan) -> None:
        self.dialect_of, self.plan = dialect_of, plan
        self.found: dict[int, Tail] = {}
        self.unit = -1
        self.open = False
        self.data = b""
        self.counts: dict[Step, int] = {}

    def of(self, source: Iterable[Stretch]) -> dict[int, Tail]:
        """By the ordinal of the unit."""
        for stretch in source:
            if stretch.opens:
                dialect = self.dialect_of(stretch.table)
            layout = Layout(stretch.table, dialect, self.plan, inside=self.open)
            if self.open:
                border = int(layout.borders[0])
                ended = border in stretch.table.where(dialect.unit.end)
                self._read(layout, 0, border + ended, ended=ended)
                if border < len(stretch.table) or stretch.closes:
                    self._close(stretch.delimiters)
            self.unit += len(layout.starts)
            begin = layout.open_unit()
            if begin >= 0 and not stretch.closes:
                self.open, self.data, self.counts = True, b"", dict.fromkeys(self.plan.counted, 0)
                self._read(layout, begin, len(stretch.table), ended=False)
        return self.found

    def _read(self, layout: Layout, begin: int, end: int, *, ended: bool) -> None:
        """Read the unit's segments [begin, end), of which the last one closes it if it is `ended`."""
        for step in self.counts:
            where = layout.finder.where(step)
            self.counts[step] += int(((where >= begin) & (where < end)).sum())
        loops = layout.loops[(layout.loops >= begin) & (layout.loops < end)]
        if len(loops):
            self.data, begin = b"", int(loops[-1]) + 1
        if not self.data:
            summary = layout.summary[(layout.summary >= begin) & (layout.summary < end)]
            begin = int(summary[0]) if len(summary) else end - ended
        self.data += layout.table.raw(begin, end)

    def _close(self, delimiters: Delimiters) -> None:
        self.found[self.unit] = Tail(Finder(tokenize(self.data, delimiters)), self.counts)
        self.open = False
