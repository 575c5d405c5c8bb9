"""What is known of each file of a batch before its commit, and the loads that its files are mapped in."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from gateway.answers import compose
from gateway.answers.envelopes import Findings
from gateway.answers.interchange import Interchange
from gateway.errors import Fault, FeedError, FileError
from gateway.home import Home
from gateway.intake import translate
from gateway.intake.arrivals import Arrival
from gateway.intake.claim import Begun, Claimed, begin, claim
from gateway.intake.result import FileResult
from gateway.intake.set_aside import EMPTY_INTERCHANGE, Aside, Job, hold, quarantine
from gateway.intake.taken import Load, Taken
from gateway.mapping.apply.mapped import ApartError
from gateway.reading import ReadRequest, Unit
from gateway.sql import drop_temporary
from gateway.transports.transport import Drop

AHEAD = 64
"""So many files are begun with before one is claimed: the process that looks at them gets several at once."""


@dataclass(slots=True)
class Passage:
    """A file on its way to the commit.

    jobs      what the commit writes of it beside what feeds read
    asides    what of it is set aside
    files     what is known of it already
    found     what was found before it was mapped, None if it was taken before
    received  its interchanges, where they are to be answered
    failed    why it cannot be read
    held      feeds that do not read it because of a mistake in their mapping
    begun     the look at it
    """

    arrival: Arrival
    jobs: list[Job] = field(default_factory=list)
    asides: list[Aside] = field(default_factory=list)
    files: list[FileResult] = field(default_factory=list)
    found: Findings | None = None
    received: Sequence[Interchange] = ()
    failed: Fault | None = None
    held: set[str] = field(default_factory=set)
    begun: Begun | None = None

    @property
    def drop(self) -> Drop:
        """The file as it was delivered."""
        return self.arrival.drop

    def hold(self, file: Taken, fault: Fault) -> None:
        """Hold the file as this feed for a mistake in the feed's mapping."""
        self.held.add(file.feed)
        self.asides.append(hold(file, fault))
        found = self.found or Findings()
        self.found = replace(found, ours=(*found.ours, fault))


Share = tuple[Passage, Taken]
"""A file, and how one feed reads it."""


def begun(home: Home, passages: Sequence[Passage]) -> Iterator[Passage]:
    """Each in its order; the next ones are looked at meanwhile."""
    waiting: deque[Passage] = deque()
    for one in passages:
        one.begun = begin(home, one.drop)
        waiting.append(one)
        if len(waiting) > AHEAD:
            yield waiting.popleft()
    yield from waiting


def taken_of(home: Home, one: Passage) -> list[Taken]:
    """The file as each of its feeds reads it; what nobody reads is written by a job of the file's own."""
    one.found = Findings()
    try:
        claimed = claim(home, one.drop, one.begun)
        one.found, one.received = _to_answer(home, one.drop, claimed)
    except FileError as error:
        one.failed = error.as_fault()
        return []
    claims, units, faults = claimed.claims, claimed.envelope.units, claimed.envelope.faults
    if claims.fault is not None:
        one.failed = claims.fault
        return []
    aside = list(claims.unclaimed)
    if not claims.taken:
        # Without a feed that is held, this is where the faults of the envelopes are shown.
        aside = [*faults, *aside] or [EMPTY_INTERCHANGE]
    if aside:
        # Transaction sets that nobody claims: each is one rejected unit.
        one.asides.append(quarantine(one.arrival, aside, len(claims.unclaimed)))
    return [
        Taken(one.arrival, loaded, own_units(units, ordinals), tuple(faults), claims.by)
        for loaded, ordinals in claims.taken
    ]


def _to_answer(home: Home, drop: Drop, claimed: Claimed) -> tuple[Findings, Sequence[Interchange]]:
    """What was found of a file, and its interchanges where they are to be answered. Raises FileError."""
    claims = claimed.claims
    if claims.fault is not None:
        return Findings(), ()
    refused = dict(zip(claims.units, claims.unclaimed, strict=True))
    found = Findings(claimed.envelope.units, claimed.envelope.faults, refused)
    partner = home.settings.partners.get(drop.partner)
    if partner is None:
        return found, ()
    return found, compose.received(partner.acknowledge, ReadRequest(drop.path, drop.name, home.settings.limits), found)


def own_units(units: Sequence[Unit], ordinals: frozenset[int] | None) -> tuple[Unit, ...]:
    """The units of a file that are a feed's; None means all."""
    return tuple(unit for unit in units if ordinals is None or unit.ordinal in ordinals)


def stage_all(home: Home, shares: Sequence[Share]) -> list[Load]:
    """Map files of the same feed together. A file that one feed cannot read is read by none."""
    groups: dict[tuple[str, str, date], list[Share]] = {}
    for passage, file in shares:
        key = (file.feed, file.drop.via, file.drop.arrived_at.date())
        groups.setdefault(key, []).append((passage, file))
    loads = [load for group in groups.values() for load in _stage_group(home, group)]
    failed = {id(passage.arrival) for passage, _ in shares if passage.failed}
    spoilt = [load for load in loads if any(id(file.arrival) in failed for file in load.files)]
    if not spoilt:
        return loads
    for load in spoilt:
        drop_temporary(home.lake.con, load.prefix)
    again = {id(file) for load in spoilt for file in load.files}
    return [load for load in loads if load not in spoilt] + stage_all(
        home, [(one, file) for one, file in shares if id(file) in again and not one.failed]
    )


def _stage_group(home: Home, group: Sequence[Share]) -> list[Load]:
    """Map files together, or in halves where that cannot be done; a file that cannot be read fails alone."""
    if not group:
        return []
    try:
        return [translate.load(home, [file for _, file in group])]
    except FeedError as error:
        for passage, file in group:
            passage.hold(file, error.as_fault())
        return []
    except (ApartError, FileError) as error:
        if len(group) > 1:
            if isinstance(error, FileError) and _mark_unreadable(home, group):
                return _stage_group(home, [share for share in group if not share[0].failed])
            half = len(group) // 2
            return [*_stage_group(home, group[:half]), *_stage_group(home, group[half:])]
        [(passage, _)] = group
        if not isinstance(error, FileError):
            raise
        passage.failed = error.as_fault()
        return []


def _mark_unreadable(home: Home, group: Sequence[Share]) -> bool:
    """Read each file, without mapping it: whether some cannot be read. They fail; there may be thousands."""
    for passage, file in group:
        try:
            translate.read_through(home, file)
        except FileError as error:
            passage.failed = error.as_fault()
    return any(passage.failed for passage, _ in group)
