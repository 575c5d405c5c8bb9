"""A received interchange with what is wrong in it: the envelopes of the file, and the faults that are known of it.

The ledger keeps neither application partners nor references of single sets, so the opening segments of the envelopes
are read for them; nothing is judged here a second time.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gateway import readers
from gateway.answers.interchange import Group, Interchange, Message, Rejection
from gateway.errors import Fault, FileError
from gateway.formats.edi import edifact, x12
from gateway.formats.edi.interchange import Syntax, stretches
from gateway.formats.edi.octets import HEADER_BYTES
from gateway.formats.edi.segments import Indexes, Segments
from gateway.log import log
from gateway.reading import ReadRequest, Unit

Place = tuple[int, int]

SYNTAXES: dict[str, Syntax] = {"x12": x12.SYNTAX, "edifact": edifact.SYNTAX}
GROUP_PLACES = ("GE", "GE01", "GE02", "GS06", "UNE", "UNE 0060", "UNE 0048", "UNG 0048")
"""What a fault of a group names; other faults of envelopes are the interchange's."""

NOT_ADVISED = ("824", "APERAK")
"""Application advice that a mapping reads: it is never answered with advice of its own."""

_ALONE = "TA1"
_PLACES: dict[str, dict[str, tuple[Place, ...]]] = {
    "x12": {
        "ISA": ((6, 0), (5, 0), (8, 0), (7, 0), (9, 0), (10, 0), (12, 0), (13, 0), (15, 0)),
        "GS": tuple((number, 0) for number in (1, 2, 3, 4, 5, 6, 8)),
        "ST": ((1, 0), (2, 0), (3, 0)),
        _ALONE: (),
    },
    "edifact": {
        "UNB": ((2, 1), (2, 2), (2, 3), (3, 1), (3, 2), (3, 3), (4, 1), (4, 2), (1, 1), (5, 1), (11, 1)),
        "UNG": ((1, 1), (2, 1), (2, 2), (3, 1), (3, 2), (5, 1)),
        "UNH": ((1, 1), *((2, component) for component in range(1, 8))),
    },
}
_CELL = re.compile(r"([A-Z][A-Z0-9]{1,2})(?:/(\d{1,3})(?:-\d+)?)?")
"""A cell that is named without a condition: which of several segments was meant is not guessed."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found of a file before it was mapped.

    units, faults  of the reader of interchanges
    refusals       ordinal of a unit → why no mapping takes it
    ours           mistakes in our own mappings, which hold the file: no answer names them
    """

    units: Sequence[Unit] = ()
    faults: Sequence[Fault] = ()
    refusals: Mapping[int, Fault] = field(default_factory=dict)
    ours: Sequence[Fault] = ()

    def defects(self) -> set[tuple[str, str]]:
        """(position, message) of everything that is not about what the mapping found in the rows."""
        own = [fault for unit in self.units for fault in unit.faults]
        known = (*self.faults, *own, *self.refusals.values(), *self.ours)
        return {(fault.position, fault.message) for fault in known}


def syntax_of(request: ReadRequest) -> str:
    """ "x12", "edifact", or "" for a file that is neither."""
    with request.path.open("rb") as source:
        head = source.read(HEADER_BYTES)
    return next((name for name, module in (("x12", x12), ("edifact", edifact)) if module.sniff(head, request.name)), "")


def interchanges(request: ReadRequest, found: Findings) -> list[Interchange]:
    """The interchanges of an X12 or EDIFACT file with their faults. Interactive ones of EDIFACT are passed over."""
    syntax = syntax_of(request)
    if not syntax:
        return []
    walk = _Walk(syntax)
    for stretch in stretches(request, SYNTAXES[syntax]):
        walk.stretch(stretch.table)
    messages = {message.number: message for one in walk.found for group in one.groups for message in group.messages}
    for unit in found.units:
        message = messages.get(_number(unit.position))
        if message is not None:
            message.errors, message.refusal = unit.faults, found.refusals.get(unit.ordinal)
    for fault in found.faults:
        _assign(walk.found, fault)
    # What holds nothing but TA1 is an answer itself.
    return [one for one in walk.found if one.number not in walk.answers or one.groups]


def reject(received: Sequence[Interchange], faults: Iterable[Fault], request: ReadRequest) -> None:
    """Add what the mapping rejected: to its message by the position, without one to every interchange."""
    messages = [message for one in received for message in one.messages if message.kind not in NOT_ADVISED]
    messages.sort(key=lambda message: message.number)
    starts = [message.number for message in messages]
    placed = []
    for fault in faults:
        number = _number(fault.position)
        place = int(np.searchsorted(starts, number, side="right")) - 1
        if not number:
            for one in received:
                one.held.append(fault)
        elif place >= 0:
            placed.append((messages[place], number, fault))
    if not placed:
        return
    wanted = {number for _, number, _ in placed}
    tags = {cell[1] for _, _, fault in placed if (cell := _CELL.fullmatch(fault.column))}
    try:
        located = readers.current().work(locate, request, received[0].syntax, wanted, tags)
    except FileError as error:
        # The answer says which segment of which message is wrong, only not what it is called.
        log.warning("acknowledgement.imprecise", name=request.name, reason=error.cause)
        located = Located({}, {}, np.empty(0, np.int64))
    for message, number, fault in placed:
        message.rejections.append(located.rejection(message, number, fault))


def _number(position: str) -> int:
    """Number of a segment in its file, 0 where the position names none."""
    number = position.removeprefix("segment ")
    return int(number) if number.isdigit() else 0


def _assign(received: Sequence[Interchange], fault: Fault) -> None:
    """Give a fault of an envelope to the last group or interchange that begins before it."""
    number = _number(fault.position)
    before = [one for one in received if one.number <= number]
    if not before:
        return
    groups = [group for group in before[-1].groups if 0 < group.number <= number]
    (groups[-1].errors if groups and fault.column in GROUP_PLACES else before[-1].errors).append(fault)


class _Walk:
    """The opening segments of the envelopes of a file, in order."""

    def __init__(self, syntax: str) -> None:
        self.syntax, self.places = syntax, _PLACES[syntax]
        self.found: list[Interchange] = []
        self.answers: set[int] = set()
        self.first = 1

    def stretch(self, table: Segments) -> None:
        """Add the envelopes of the next stretch of segments."""
        events: list[tuple[int, str, tuple[str, ...]]] = []
        for tag, places in self.places.items():
            where = table.where(tag)
            texts = [[str(cell or "").strip() for cell in table.text(where, *place).to_pylist()] for place in places]
            rows: Any = zip(*texts, strict=True) if places else [()] * len(where)
            events += [(index, tag, cells) for index, cells in zip(where.tolist(), rows, strict=True)]
        for index, tag, cells in sorted(events):
            self._open(self.first + index, tag, cells)
        self.first += len(table)

    def _open(self, number: int, tag: str, cells: tuple[str, ...]) -> None:
        if tag in ("ISA", "UNB"):
            self.found.append(_interchange(number, tag, cells))
        elif not self.found:
            return
        elif tag == _ALONE:
            self.answers.add(self.found[-1].number)
        elif tag == "GS":
            functional, sender, receiver, day, time, control, version = cells
            group = Group(number, functional, (sender,), (receiver,), control, version, day, time)
            self.found[-1].groups.append(group)
        elif tag == "UNG":
            functional, *partners, control = cells
            by, to = tuple(partners[:2]), tuple(partners[2:])
            self.found[-1].groups.append(Group(number, functional, by, to, control))
        else:
            self._message(number, cells)

    def _message(self, number: int, cells: tuple[str, ...]) -> None:
        groups = self.found[-1].groups
        if not groups:
            groups.append(Group())
        if self.syntax == "x12":
            kind, control, implementation = cells
            identification: tuple[str, ...] = (kind, implementation)
        else:
            control, *described = cells
            kind, identification = described[0], tuple(described)
        groups[-1].messages.append(Message(kind, control, identification, number))


def _interchange(number: int, tag: str, cells: tuple[str, ...]) -> Interchange:
    if tag == "ISA":
        sender, by, receiver, to, day, time, version, control, usage = cells
        partners = ((sender, by, ""), (receiver, to, ""))
        return Interchange("x12", number, control, *partners, day, time, version, usage == "T")
    day, time, version, control, test = cells[6:]
    sender_of, receiver_of = (cells[0], cells[1], cells[2]), (cells[3], cells[4], cells[5])
    return Interchange("edifact", number, control, sender_of, receiver_of, day, time, version, test in tuple("1234"))


@dataclass(frozen=True, slots=True)
class Located:
    """The segments that rejections are about.

    A row is known by its first segment. What is wrong in it may stand in another one: that one is named where it is
    the only one of its name in the message.

    ids     number of a segment that was asked for → its id
    places  id → numbers of its segments
    ends    numbers of the segments that end messages
    """

    ids: Mapping[int, str]
    places: Mapping[str, Indexes]
    ends: Indexes

    def rejection(self, message: Message, number: int, fault: Fault) -> Rejection:
        row = self.ids.get(number, "")
        cell = _CELL.fullmatch(fault.column)
        tag, element = (cell[1], int(cell[2] or 0)) if cell else ("", 0)
        if tag != row and tag in self.places:
            last = self.ends[np.searchsorted(self.ends, number) :][:1]
            of_tag = self.places[tag]
            own = of_tag[(of_tag >= message.number) & (of_tag <= (last[0] if len(last) else number))]
            if len(own) == 1:
                row, number = tag, int(own[0])
        return Rejection(fault, row, number - message.number + 1, element if tag == row else 0)


def locate(request: ReadRequest, syntax: str, wanted: Collection[int], tags: Collection[str]) -> Located:
    """Find segments of a file by their numbers, and all with these ids. Raises FileError."""
    ids: dict[int, str] = {}
    parts: dict[str, list[Indexes]] = {tag: [] for tag in tags}
    ends: list[Indexes] = []
    first = 1
    for stretch in stretches(request, SYNTAXES[syntax]):
        table = stretch.table
        ids |= {number: table.id(number - first) for number in wanted if 0 <= number - first < len(table)}
        for tag in tags:
            parts[tag].append(table.where(tag) + first)
        ends += [table.where(tag) + first for tag in ("SE", "UNT")]
        first += len(table)
    return Located(ids, {tag: np.concatenate(of_tag) for tag, of_tag in parts.items()}, np.sort(np.concatenate(ends)))
