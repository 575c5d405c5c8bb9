"""The envelopes of interchange formats: interchange, group, transaction set, each with a reference and a count.

One walk over the segments that open and close them gives the units of a file and what is wrong. What is wrong
with one transaction set is a fault of that unit alone; what is wrong around the sets is a fault of the file.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from gateway.errors import Fault, FileError
from gateway.formats.edi.interchange import Stretch
from gateway.formats.edi.segments import Indexes, Segments
from gateway.reading import Envelope, ReadRequest, Unit
from gateway.settings import Limits

OUTSIDE = "between the envelopes"
"""Names the place of what is outside any set or message."""

Place = tuple[int, int]
"""Element and component, 0 for the whole element."""

Trouble = tuple[int, str, str, str, str]
"""Index of a segment that cannot be read as it stands, its id or the element ("BIN/01"), the offending text if it is
known, what is wrong, how to fix it."""


@dataclass(frozen=True, slots=True)
class Level:
    """One level of envelope.

    what             how people call it: "set"
    holds            what its end counts: "segments"
    control          where its opening segment has its reference
    count, closing   where its closing segment counts, and repeats the reference
    names            how people call these three places: ("ST02", "SE01", "SE02")
    optional         the closing segment may leave both out
    numeric          the reference is a number (N0): leading zeros do not count
    """

    begin: str
    end: str
    what: str
    holds: str
    control: Place
    count: Place
    closing: Place
    names: tuple[str, str, str]
    optional: bool = False
    numeric: bool = False

    def reference(self, text: str) -> str:
        """A reference as it is compared with others."""
        return text.lstrip("0") or "0" if self.numeric and text.isdigit() else text


@dataclass(frozen=True, slots=True)
class Dialect:
    """The envelopes of one kind of interchange.

    sender, receiver  where the opening segment of the interchange has qualifier and identifier
    test              where it says that it is a test, and what it says then
    kind, version     where the opening segment of a unit says what it is (version, release, variant)
    group_version     where that of a group says the version, if it does
    functional        kind of a unit → what the first element of its group must say; "" in any group
    alone             segments outside the units that are units of their own
    outside           whether another segment may stand outside the units
    """

    interchange: Level
    group: Level
    unit: Level
    sender: tuple[Place, Place]
    receiver: tuple[Place, Place]
    test: tuple[Place, frozenset[str]]
    kind: Place
    version: tuple[Place, ...]
    group_version: Place | None
    alone: tuple[str, ...]
    outside: Callable[[str], bool]
    functional: Callable[[str], str] = lambda kind: ""

    @property
    def tags(self) -> tuple[str, ...]:
        """Every segment that opens or closes an envelope."""
        return tuple(tag for level in (self.interchange, self.group, self.unit) for tag in (level.begin, level.end))


def unit_starts(table: Segments, dialect: Dialect, *, inside: bool = False) -> Indexes:
    """Indexes of the segments that open a unit, rising; `inside` says that the table begins within a unit."""
    starts = table.where(dialect.unit.begin)
    found = np.sort(np.concatenate([starts[:0], *(table.where(tag) for tag in dialect.alone)]))
    if not len(found):
        return starts
    borders = np.sort(np.concatenate([table.where(tag) for tag in dialect.tags]))
    before = np.searchsorted(borders, found) - 1
    within = np.where(before >= 0, np.isin(borders[np.maximum(before, 0)], starts) if len(borders) else inside, inside)
    return np.sort(np.concatenate([starts, found[~within]]))


def read(
    request: ReadRequest,
    stretches: Iterable[Stretch],
    dialect_of: Callable[[Segments], Dialect],
    conform: Callable[[Segments], Iterator[Trouble]],
) -> Envelope:
    """Every unit of a file, and what is wrong with it or with the envelopes around it.

    dialect_of  the envelopes of the interchange that begins with these segments
    conform     segments that cannot be read as they stand
    """
    walk = _Walk()
    for stretch in stretches:
        if stretch.opens:
            walk.dialect = dialect_of(stretch.table)
        walk.stretch(stretch, sorted([*conform(stretch.table), *_beyond_limits(stretch.table, request.limits)]))
        if len(walk.units) > request.limits.edi_units_per_file_max:
            raise FileError(request.name, "more units than edi_units_per_file_max", "Split it or raise the limit.")
    return Envelope(tuple(walk.units), tuple(sorted(walk.faults, key=_number)))


@dataclass(slots=True)
class _Open:
    """An envelope that is open: how it is called, its reference, its place, what it held so far, and their
    references."""

    level: Level
    called: str
    control: str
    number: int
    held: int = 0
    groups: int = 0
    within: set[tuple[str, str]] = field(default_factory=set)

    def repeats(self, level: Level, control: str) -> bool:
        """Note the reference of an envelope directly within; whether another one there has the same."""
        key = (level.begin, level.reference(control))
        known = bool(control) and key in self.within
        self.within.add(key)
        return known


@dataclass(slots=True)
class _Walk:
    """The state of the walk: what is open, and what was found so far.

    first  number of the stretch's first segment
    cut    while an envelope is closed that was not ended: number of the outermost one's first segment
    """

    dialect: Dialect = field(init=False)
    units: list[Unit] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    first: int = 1
    interchange: _Open | None = None
    group: _Open | None = None
    unit: _Open | None = None
    partners: tuple[str, str] = ("", "")
    test: bool = False
    functional: str = ""
    version: str = ""
    described: tuple[str, str] = ("", "")
    own: list[Fault] = field(default_factory=list)
    strayed: bool = False
    cut: int = 0
    seen: set[tuple[str, ...]] = field(default_factory=set)

    def stretch(self, stretch: Stretch, troubles: list[Trouble]) -> None:
        """Walk over the envelopes of a stretch."""
        table, dialect = stretch.table, self.dialect
        tags = (*dialect.tags, *dialect.alone)
        places = [table.where(tag) for tag in tags]
        order = np.argsort(np.concatenate(places), kind="stable")
        which = np.repeat(np.arange(len(tags)), [len(place) for place in places])[order].tolist()
        texts = [iter(_texts(table, place, self._wanted(n))) for n, place in enumerate(places)]
        handlers = (
            self._begin_interchange,
            self._end_interchange,
            self._begin_group,
            self._end_group,
            self._begin_unit,
            self._end_unit,
            *[self._alone] * len(dialect.alone),
        )
        previous, waiting = -1, deque(troubles)
        for index, n in zip(np.concatenate(places)[order].tolist(), which, strict=True):
            self._between(table, previous, index, waiting, opens=tags[n] == dialect.unit.begin)
            self.strayed = False
            handlers[n](self.first + index, tags[n], next(texts[n]))
            previous = index
        self._between(table, previous, len(table), waiting)
        self.first += len(table)
        if stretch.closes:
            self._close(stretch.rest)

    def _wanted(self, tag: int) -> tuple[Place, ...]:
        """The places of an opening or closing segment that its handler looks at."""
        dialect = self.dialect
        level = (dialect.interchange, dialect.group, dialect.unit)[min(tag // 2, 2)]
        if tag >= 6:
            return ((1, 0),)
        if tag % 2:
            return (level.count, level.closing)
        more: tuple[Place, ...] = ()
        if level is dialect.interchange:
            more = (*dialect.sender, *dialect.receiver, dialect.test[0])
        elif level is dialect.unit:
            more = (dialect.kind, *dialect.version)
        elif dialect.group_version is not None:
            more = ((1, 0), dialect.group_version)
        return (level.control, *more)

    # --- what is found, in order ----------------------------------------------------------------------

    def _begin_interchange(self, number: int, tag: str, texts: tuple[str, ...]) -> None:
        self._close()
        control, *partners, test = texts
        self.interchange = _Open(self.dialect.interchange, f"interchange {control}".strip(), control, number)
        self.partners = (_party(*partners[:2]), _party(*partners[2:]))
        self.test = test in self.dialect.test[1]
        self.faults += self._unnumbered(self.interchange)
        key = (*self.partners, self.dialect.interchange.reference(control))
        if control and key in self.seen:
            message = f"interchange {control} of {self.partners[0]} occurs twice in this file"
            self._fault(message, number, self.dialect.interchange.names[0], control)
        self.seen.add(key)

    def _end_interchange(self, number: int, tag: str, texts: tuple[str, ...]) -> None:
        self._close_group()
        if self.interchange is None:
            self._fault(f"{tag} ends an interchange that did not begin", number, self.dialect.interchange.begin)
            return
        opened = self.interchange
        held, holds = opened.held, opened.level.holds
        if opened.groups or holds == "groups":
            held, holds = opened.groups, "groups"
        self.faults += self._differences(opened, held, holds, texts, number)
        self.interchange = None

    def _begin_group(self, number: int, tag: str, texts: tuple[str, ...]) -> None:
        self._close_group()
        control, *described = texts
        self.group = _Open(self.dialect.group, f"group {control}".strip(), control, number)
        self.functional, self.version = described if described else ("", "")
        self.faults += self._unnumbered(self.group)
        if self.interchange is None:
            return
        self.interchange.groups += 1
        if self.interchange.repeats(self.group.level, control):
            self.faults.append(self._repeated(self.group, self.interchange, number))

    def _end_group(self, number: int, tag: str, texts: tuple[str, ...]) -> None:
        self._close_unit()
        if self.group is None:
            self._fault(f"{tag} ends a group that did not begin", number, self.dialect.group.begin)
            return
        opened, self.group = self.group, None
        self.faults += self._differences(opened, opened.held, opened.level.holds, texts, number)

    def _begin_unit(self, number: int, tag: str, texts: tuple[str, ...]) -> None:
        self._close_unit()
        level = self.dialect.unit
        control, kind, *version = texts
        self.unit = _Open(level, f"{level.what} {kind} {control}".strip(), control, number)
        release, variant = "".join(version[:2]), "".join(version[2:])
        self.described = (kind, ":".join(part for part in (release, variant) if part) or self.version)
        for around in (self.group, self.interchange):
            if around is not None:
                around.held += 1
        self.own += self._unnumbered(self.unit)
        within = self.group or self.interchange
        if within is not None and within.repeats(level, control):
            self.own.append(self._repeated(self.unit, within, number))
        expected = self.dialect.functional(kind)
        if self.group is not None and expected and self.functional not in ("", expected):
            self.own.append(self._in_wrong_group(self.unit, kind, expected, number))

    def _end_unit(self, number: int, tag: str, texts: tuple[str, ...]) -> None:
        if self.unit is None:
            message = f"{tag} ends a {self.dialect.unit.what} that did not begin"
            self._fault(message, number, self.dialect.unit.begin)
            return
        held = number - self.unit.number + 1
        self.own += self._differences(self.unit, held, self.unit.level.holds, texts, number)
        self._finish_unit()

    def _alone(self, number: int, tag: str, texts: tuple[str, ...]) -> None:
        if self.unit is None:
            self._add(tag, "", texts[0], number)

    def _between(
        self, table: Segments, previous: int, index: int, troubles: deque[Trouble], *, opens: bool = False
    ) -> None:
        """What stands between two segments of envelopes; a trouble of the segment that opens a unit is the unit's."""
        while troubles and troubles[0][0] < index + (not opens):
            place, column, value, message, hint = troubles.popleft()
            fault = Fault("FILE_REJECT", message, hint, f"segment {self.first + place}", column, value)
            (self.faults if self.unit is None else self.own).append(fault)
        if self.unit is not None or self.strayed:
            return
        stray = next((n for n in range(previous + 1, index) if not self.dialect.outside(table.id(n))), -1)
        if stray >= 0:
            what = self.dialect.unit.what
            self.strayed = True
            tag = table.id(stray)[:20]
            self._fault(f'segment "{tag}" is outside any {what}', self.first + stray, OUTSIDE, tag)

    # --- what is missing ------------------------------------------------------------------------------

    def _close(self, rest: bytes = b"") -> None:
        """The interchange is over, whether it was ended or not."""
        if self.interchange is None:
            if rest:
                self._fault("the file ends in the middle of a segment", self.first)
            return
        called, number = self.interchange.called, self.interchange.number
        self.cut = number
        if rest:
            self._fault(f"{called}: the file ends in the middle of a segment", number)
        end = self.interchange.level.end
        self._fault(f"{called}: {end} is missing, the interchange is cut off", number, end)
        self._close_group()
        self.interchange, self.cut = None, 0

    def _close_group(self) -> None:
        """The group is over, and what is open within, whether they were ended or not."""
        cut = self.cut
        if self.group is not None:
            self.cut = self.cut or self.group.number
        self._close_unit()
        if self.group is not None:
            end = self.group.level.end
            self._fault(f"{self.group.called}: {end} is missing", self.group.number, end)
        self.group, self.functional, self.version, self.cut = None, "", "", cut

    def _close_unit(self) -> None:
        if self.unit is not None:
            level = self.unit.level
            message = f"{self.unit.called}: {level.end} is missing, the {level.what} is cut off"
            self.own.append(self._made(message, self.unit.number, level.end))
            self._finish_unit()

    def _finish_unit(self) -> None:
        assert self.unit is not None
        self._add(*self.described, self.unit.control, self.unit.number)
        self.unit, self.own = None, []

    def _add(self, kind: str, version: str, control: str, number: int) -> None:
        self.units.append(
            Unit(
                ordinal=len(self.units),
                kind=kind,
                sender=self.partners[0],
                receiver=self.partners[1],
                version=version,
                interchange=self.interchange.control if self.interchange else "",
                group=self.group.control if self.group else "",
                control=control,
                test=self.test,
                position=f"segment {number}",
                faults=tuple(self.own),
            )
        )

    def _differences(
        self, opened: _Open, held: int, holds: str, texts: tuple[str, ...], number: int
    ) -> Iterator[Fault]:
        """What the closing segment says otherwise."""
        declared, closing = texts
        named, counted, repeated = opened.level.names
        level, optional = opened.level, opened.level.optional
        if not (optional and not declared) and _whole(declared) != held:
            message = f"{opened.called}: {counted} states {declared or 'no number of'} {holds}, there are {held}"
            yield self._made(message, number, counted, declared)
        if not (optional and "" in (closing, opened.control)) and level.reference(closing) != level.reference(
            opened.control
        ):
            message = f"{opened.called}: {repeated} is {closing}, {named} is {opened.control}"
            yield self._made(message, number, repeated, closing)

    def _unnumbered(self, opened: _Open) -> Iterator[Fault]:
        """The fault of an envelope that has no reference, by which it could be acknowledged and known again."""
        if not opened.control and not opened.level.optional:
            name = opened.level.names[0]
            yield self._made(f"{opened.called}: {name}, its number, is missing", opened.number, name)

    def _repeated(self, opened: _Open, within: _Open, number: int) -> Fault:
        """The fault of an envelope whose reference another one beside it has."""
        name, what = opened.level.names[0], opened.level.what
        message = f"{opened.called}: {name} {opened.control} occurs twice in {within.called}"
        hint = f"Ask the sender to give each {what} a number of its own and to send this {what} again."
        return Fault("CONTROL_TOTAL", message, hint, f"segment {number}", name, opened.control)

    def _in_wrong_group(self, opened: _Open, kind: str, expected: str, number: int) -> Fault:
        """The fault of a unit whose kind does not belong into its group."""
        message = (
            f"{opened.called}: a {kind} does not belong into a group {self.functional} (GS01), but into {expected}"
        )
        hint = f"Ask the sender to send the {kind} in a group {expected}."
        return Fault("CONTROL_TOTAL", message, hint, f"segment {number}", "ST01", kind)

    def _fault(self, message: str, number: int, column: str = "", value: str = "") -> None:
        self.faults.append(self._made(message, number, column, value))

    def _made(self, message: str, number: int, column: str = "", value: str = "") -> Fault:
        """A fault of an envelope; `column` is its closing segment that is missing, or the place that is wrong."""
        control = f" {self.interchange.control}" if self.interchange else ""
        hint = f"Ask the sender to send interchange{control} again, whole."
        cause = f"segment {self.cut}" if self.cut else ""
        return Fault("CONTROL_TOTAL", message, hint, f"segment {number}", column, value, cause=cause)


def _beyond_limits(table: Segments, limits: Limits) -> Iterator[Trouble]:
    """Segments that are longer, or have more elements, than the limits allow."""
    hint = "Check the delimiters; where the segment is right, raise the limit in config.toml."
    for limit, sizes, what in (
        ("edi_elements_per_segment_max", table.elements, "elements"),
        ("edi_segment_bytes_max", table.end - table.begin, "bytes"),
    ):
        for index in np.flatnonzero(sizes > getattr(limits, limit)).tolist():
            segment = table.id(index)[:20]
            column = f"{segment}/{getattr(limits, limit) + 1:02d}" if what == "elements" else segment
            yield index, column, "", f"segment {segment} has {sizes[index]} {what}, more than {limit}", hint


def _texts(table: Segments, indexes: Indexes, places: tuple[Place, ...]) -> list[tuple[str, ...]]:
    """The trimmed texts of these places, a tuple for each segment; "" where absent."""
    if not len(indexes):
        return []
    columns = [[str(cell or "").strip() for cell in table.cells(indexes, *place)] for place in places]
    return list(zip(*columns, strict=True))


def _party(qualifier: str, identifier: str) -> str:
    """A partner's name in an envelope: "ZZ/3PLEAST"."""
    return f"{qualifier}/{identifier}".strip("/")


def _number(fault: Fault) -> int:
    return int(fault.position.removeprefix("segment "))


def _whole(text: str) -> int | None:
    """A declared count as a number, None if it is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None
