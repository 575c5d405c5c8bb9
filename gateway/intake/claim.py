"""Which feed a file, or each transaction set of an interchange, belongs to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway import formats, readers
from gateway.errors import FileError
from gateway.home import Home
from gateway.intake.translate import read
from gateway.log import log
from gateway.mapping.claim.claim import Claims, claim_file, claim_units
from gateway.mapping.claim.content import Content
from gateway.mapping.language.spec import Mapping
from gateway.reading import Envelope, Reading, ReadRequest
from gateway.transports.transport import Drop

HEAD_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Claimed:
    """Who reads what of a file; of an interchange also its units and the faults of its envelopes."""

    claims: Claims
    envelope: Envelope


@dataclass(frozen=True, slots=True)
class Begun:
    """A file whose beginning was looked at.

    looks  names of the formats that it looks like
    units  gives the units of an interchange; None of other files
    """

    request: ReadRequest
    looks: Sequence[str]
    units: Callable[[], Envelope] | None
    empty: bool


def begin(home: Home, drop: Drop) -> Begun:
    """Look at the beginning of a file. Its units are looked for meanwhile, if it is an interchange."""
    with drop.path.open("rb") as source:
        head = source.read(HEAD_BYTES)
    looks = formats.sniffed(head, drop.name) if head else []
    request = ReadRequest(drop.path, drop.name, home.settings.limits)
    interchange = next((key for key in looks if formats.interchange_of(key)), None)
    return Begun(request, looks, readers.current().units(interchange, request) if interchange else None, not head)


def claim(home: Home, drop: Drop, begun: Begun | None = None) -> Claimed:
    """The feeds that read a file. Raises FileError where it is empty, or its envelopes cannot be read."""
    begun = begun or begin(home, drop)
    request, looks = begun.request, begun.looks
    if begun.empty:
        raise FileError(drop.name, "the file is empty", "Send the file again.")
    if begun.units is not None:
        return _claim_units(home, drop, begun.units())
    claims = claim_file(home.library, drop.partner, drop.name, _content(home, request, looks), drop.arrived_at.date())
    if claims.by:
        feed = claims.taken[0][0].mapping.feed
        log.info("file.claimed", partner=drop.partner, name=drop.name, feed=feed, by=claims.by)
    return Claimed(claims, Envelope(()))


def _claim_units(home: Home, drop: Drop, envelope: Envelope) -> Claimed:
    partner = home.settings.partners.get(drop.partner)
    senders = partner.senders if partner else ()
    claims = claim_units(home.library, drop.partner, envelope.units, senders, drop.arrived_at.date())
    return Claimed(claims, envelope)


def _content(home: Home, request: ReadRequest, looks: Sequence[str]) -> Content:
    path: Path = request.path

    def open_as(mapping: Mapping, each: str | None, columns: Sequence[str]) -> Reading:
        return read(path, request.name, mapping, each, columns, request.limits)

    return Content(looks, open_as, lambda: readers.current().described(request, looks))
