"""Rows of an interchange: each occurrence of a segment that begins a loop, with what is in its reach.

A path is looked for in the row's own segments, then in the heads of the loops around it, in the header of the
transaction set, in its summary, and in the opening segments of group and interchange. What belongs to a sibling
row is never in reach.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gateway.formats.edi.envelopes import Dialect, unit_starts
from gateway.formats.edi.paths import COUNT, NUMBER, ElementPath, Step
from gateway.formats.edi.segments import Indexes, Segments


@dataclass(frozen=True, slots=True)
class Plan:
    """What is wanted of every interchange.

    each     segments that begin the loops, outermost first; the last one begins a row
    summary  segments that begin the summary behind the loops
    paths    what the columns are
    """

    each: tuple[Step, ...]
    summary: tuple[Step, ...]
    paths: tuple[ElementPath, ...]

    @property
    def counted(self) -> tuple[Step, ...]:
        """Segments that are counted over the whole transaction set."""
        return tuple(path.step for path in self.paths if path.element == COUNT)

    @property
    def numbered(self) -> tuple[Step, ...]:
        """Segments that are counted from the beginning of the transaction set to the row."""
        return tuple(path.step for path in self.paths if path.element == NUMBER)


class Finder:
    """A table of segments in which steps are looked up."""

    def __init__(self, table: Segments) -> None:
        self.table = table
        self._found: dict[Step, Indexes] = {}

    def where(self, step: Step) -> Indexes:
        """Indexes of the segments that a step names, rising."""
        if step not in self._found:
            found = self.table.where(step.segment)
            if step.value is not None and len(found):
                text = pc.utf8_trim_whitespace(self.table.text(found, step.element, step.component))
                found = found[pc.equal(text, step.value).to_numpy(zero_copy_only=False)]
            self._found[step] = found
        return self._found[step]

    def any_of(self, steps: Iterable[Step]) -> Indexes:
        """Indexes of the segments that any of the steps names, rising."""
        return _merged(len(self.table), (self.where(step) for step in steps))


@dataclass(frozen=True, slots=True)
class Tail:
    """What is known beforehand of a transaction set that is read in parts: its summary, and its counts."""

    summary: Finder
    counts: dict[Step, int]


class Layout:
    """Where units, loops and summaries of a table begin; the table begins with an interchange's opening segment."""

    def __init__(self, table: Segments, dialect: Dialect, plan: Plan, *, inside: bool = False) -> None:
        """`inside` says that the table begins within a unit instead."""
        self.table, self.dialect, self.plan, self.finder = table, dialect, plan, Finder(table)
        self.starts = unit_starts(table, dialect, inside=inside)
        tags = [table.where(tag) for tag in dialect.tags]
        self.borders = _merged(len(table), [*tags, self.starts, np.array([len(table)])])
        self.levels = [self.finder.where(step) for step in plan.each]
        self.summary = self.finder.any_of(plan.summary)
        self.loops = _merged(len(table), self.levels)
        self.stops = _merged(len(table), [self.loops, self.summary, self.borders])

    def open_unit(self) -> int:
        """Where the last unit begins if it goes on behind this table, −1 if it ends here."""
        if not len(self.starts) or self.starts[-1] not in self.table.where(self.dialect.unit.begin):
            return -1
        start = self.starts[-1:]
        return int(start[0]) if _next(self.borders, start, 0)[0] == len(self.table) else -1

    def set_end(self, starts: Indexes) -> tuple[Indexes, npt.NDArray[np.bool_]]:
        """The last segment of each unit, and whether that is the one that closes it."""
        after = _next(self.borders, starts, len(self.table))
        closed = np.isin(after, self.table.where(self.dialect.unit.end))
        alone = np.isin(starts, self.table.where(self.dialect.unit.begin), invert=True)
        return np.where(alone, starts, np.where(closed, after, after - 1)), closed | alone

    def heads(self, rows: Indexes, set_start: Indexes) -> list[Indexes]:
        """For each loop around the rows, outermost first, the segment that begins it; −1 where there is none."""
        heads = []
        outer = set_start
        for level in self.levels[:-1]:
            head = _last_before(level, rows)
            head = np.where(head >= outer, head, -1)
            heads.append(head)
            outer = np.maximum(outer, head)
        return heads

    def reach(self, head: Indexes) -> tuple[Indexes, Indexes]:
        """The segments [begin, end) from a loop's head to the next loop, or what else stops it."""
        return head, np.where(head >= 0, _next(self.stops, np.maximum(head, 0), len(self.table)), -1)


class Loops:
    """Rows of a layout, and the ranges in reach of each.

    rows  index of each row's first segment
    unit  ordinal of its unit
    """

    def __init__(
        self,
        layout: Layout,
        begin: int,
        end: int,
        first_unit: int,
        wanted: frozenset[int] | None,
        tails: dict[int, Tail],
        before: Mapping[Step, int] | None = None,
    ) -> None:
        """Rows in the segments [begin, end); `first_unit` is the ordinal of the table's first unit.

        wanted  ordinals of the units to give, None for all
        tails   of the units that are read in parts
        before  numbered segments of the unit that goes on at `begin`, as many as there were before it
        """
        self.layout, self.table, self.finder = layout, layout.table, layout.finder
        self.begin, self.before = begin, before or {}
        rows = layout.levels[-1]
        rows = rows[(rows >= begin) & (rows < end)]
        unit = np.searchsorted(layout.starts, rows, side="right") - 1
        rows, unit = rows[unit >= 0], unit[unit >= 0]
        kept = rows <= layout.set_end(layout.starts[unit])[0]
        if wanted is not None:
            kept &= np.isin(unit + first_unit, np.fromiter(wanted, np.int64, len(wanted)))
        self.rows = rows[kept]
        self.unit = unit[kept] + first_unit
        first, last = (int(self.unit[0]), int(self.unit[-1])) if len(self.unit) else (0, -1)
        self.tails = {ordinal: tail for ordinal, tail in tails.items() if first <= ordinal <= last}
        self.set_start = layout.starts[unit[kept]]
        self.set_end, closed = layout.set_end(self.set_start)
        self.ranges = [layout.reach(self.rows), *self._around(), self._summary(closed), *self._openings()]

    def _around(self) -> list[tuple[Indexes, Indexes]]:
        """The heads of the loops around, innermost first, and the header of the set."""
        heads = self.layout.heads(self.rows, self.set_start)
        return [self.layout.reach(head) for head in (*reversed(heads), self.set_start)]

    def _summary(self, closed: npt.NDArray[np.bool_]) -> tuple[Indexes, Indexes]:
        """From the summary behind the last loop, or the closing segment, to the end of the set."""
        layout = self.layout
        last = _last_before(layout.loops, self.set_end + 1)
        begin = np.minimum(_next(layout.summary, last, len(self.table)), self.set_end + ~closed)
        parted = np.isin(self.unit, np.fromiter(self.tails, np.int64, len(self.tails)))
        return np.where(parted, -1, begin), self.set_end + 1

    def _openings(self) -> Iterable[tuple[Indexes, Indexes]]:
        """The opening segments of group and interchange; a group before the interchange is of another."""
        dialect = self.layout.dialect
        group, opened = (
            _last_before(self.table.where(level.begin), self.set_start)
            for level in (dialect.group, dialect.interchange)
        )
        for at in (np.where(group > opened, group, -1), opened):
            yield at, at + 1

    def values(self, path: ElementPath, part: slice) -> pa.StringArray:
        """The text of a path for a part of the rows; null where the segment is not in reach."""
        if path.element == COUNT:
            return self._counts(path.step, part)
        if path.element == NUMBER:
            return self._numbers(path.step, part)
        found = self._find(path, part)
        text = _text(self.table, found, path)
        for ordinal, tail in self.tails.items():
            missing = (found < 0) & (self.unit[part] == ordinal)
            if missing.any():
                text = pc.if_else(pa.array(missing), _first_text(tail.summary, path), text)
        return text

    def _counts(self, step: Step, part: slice) -> pa.StringArray:
        where = self.finder.where(step)
        count = np.searchsorted(where, self.set_end[part] + 1) - np.searchsorted(where, self.set_start[part])
        for ordinal, tail in self.tails.items():
            count = np.where(self.unit[part] == ordinal, tail.counts[step], count)
        return pc.cast(pa.array(count), pa.utf8())

    def _numbers(self, step: Step, part: slice) -> pa.StringArray:
        """How many of these segments the set has up to the row's own, this one counted."""
        where, start = self.finder.where(step), self.set_start[part]
        first = np.maximum(start, self.begin)
        number = np.searchsorted(where, self.rows[part], side="right") - np.searchsorted(where, first)
        return pc.cast(pa.array(number + np.where(start < self.begin, self.before.get(step, 0), 0)), pa.utf8())

    def _find(self, path: ElementPath, part: slice) -> Indexes:
        where = self.finder.where(path.step)
        found = np.full(len(self.rows[part]), -1, np.int64)
        if len(where) == 0:
            return found
        for begin, end in self.ranges:
            hit = _first_within(where, begin[part], end[part])
            if path.then is not None:
                hit = self._then(path.step, path.then, hit, end[part])
            found = np.where(found >= 0, found, hit)
            if found.min(initial=0) >= 0:
                break
        return found

    def _then(self, step: Step, then: Step, hit: Indexes, end: Indexes) -> Indexes:
        """The first such segment behind `hit`, before the next one of the same kind as `hit`."""
        siblings = self.finder.where(Step(step.segment))
        until = np.minimum(_next(siblings, np.maximum(hit, 0), len(self.table)), end)
        behind = _first_within(self.finder.where(then), hit + 1, until)
        return np.where(hit >= 0, behind, -1)


def _merged(size: int, found: Iterable[Indexes]) -> Indexes:
    """All of these indexes up to `size`, rising, each once."""
    marked = np.zeros(size + 1, bool)
    for indexes in found:
        marked[indexes] = True
    return np.flatnonzero(marked)


def _first_text(finder: Finder, path: ElementPath) -> pa.StringScalar:
    """The text of a path in a summary, null if it is not there."""
    end = np.array([len(finder.table)])
    hit = _first_within(finder.where(path.step), np.zeros(1, np.int64), end)
    if path.then is not None and hit[0] >= 0:
        until = np.minimum(_next(finder.where(Step(path.step.segment)), hit, len(finder.table)), end)
        hit = _first_within(finder.where(path.then), hit + 1, until)
    return _text(finder.table, hit, path)[0]


def _text(table: Segments, found: Indexes, path: ElementPath) -> pa.StringArray:
    """The text of a path in these segments."""
    text = table.text(found, path.element, path.component, path.repetition)
    if not path.beside and not path.beside_element:
        return text
    other = table.text(found, path.beside_element or path.element, path.beside, path.repetition)
    blank = pc.equal(pc.utf8_trim_whitespace(text), "")
    return pc.if_else(blank, text, pc.binary_join_element_wise(text, pc.utf8_trim_whitespace(other), ":"))


def _next(where: Indexes, at: Indexes, none: int) -> Indexes:
    """The first of `where` behind each of `at`."""
    if len(where) == 0:
        return np.full(len(at), none, np.int64)
    place = np.searchsorted(where, at, side="right")
    return np.where(place < len(where), where[np.minimum(place, len(where) - 1)], none)


def _last_before(where: Indexes, at: Indexes) -> Indexes:
    """The last of `where` before each of `at`, −1 where there is none."""
    if len(where) == 0:
        return np.full(len(at), -1, np.int64)
    place = np.searchsorted(where, at) - 1
    return np.where(place >= 0, where[np.maximum(place, 0)], -1)


def _first_within(where: Indexes, begin: Indexes, end: Indexes) -> npt.NDArray[np.int64]:
    """The first of `where` in each range [begin, end), −1 where there is none or begin is −1."""
    if len(where) == 0:
        return np.full(len(begin), -1, np.int64)
    place = np.searchsorted(where, begin)
    at = where[np.minimum(place, len(where) - 1)]
    return np.where((begin >= 0) & (place < len(where)) & (at >= begin) & (at < end), at, -1)
