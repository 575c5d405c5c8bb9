"""Which feed a file, or each transaction set of an interchange, belongs to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway import readers
from gateway.errors import FileError
from gateway.formats import Looked
from gateway.home import Home
from gateway.intake.translate import read
from gateway.log import log
from gateway.mapping.claim.claim import Claims, claim_file, claim_units
from gateway.mapping.claim.content import Content
from gateway.mapping.language.spec import Mapping
from gateway.reading import Envelope, Reading, ReadRequest
from gateway.transports.transport import Drop


@dataclass(frozen=True, slots=True)
class Claimed:
    """Who reads what of a file; of an interchange also its units and the faults of its envelopes."""

    claims: Claims
    envelope: Envelope


@dataclass(frozen=True, slots=True)
class Begun:
    """A file that is looked at.

    looked  gives what it looks like, raises FileError
    """

    request: ReadRequest
    looked: Callable[[], Looked]


def begin(home: Home, drop: Drop) -> Begun:
    """Begin to look at a file."""
    request = ReadRequest(drop.path, drop.name, home.settings.limits)
    return Begun(request, readers.current().look(request))


def claim(home: Home, drop: Drop, begun: Begun | None = None) -> Claimed:
    """The feeds that read a file. Raises FileError where it is empty, or its envelopes cannot be read."""
    begun = begun or begin(home, drop)
    looked = begun.looked()
    if looked.empty:
        raise FileError(drop.name, "the file is empty", "Send the file again.")
    if looked.envelope is not None:
        return _claim_units(home, drop, looked.envelope)
    content = _content(begun.request, looked.looks)
    claims = claim_file(home.library, drop.partner, drop.name, content, drop.arrived_at.date())
    if claims.by:
        feed = claims.taken[0][0].mapping.feed
        log.info("file.claimed", partner=drop.partner, name=drop.name, feed=feed, by=claims.by)
    return Claimed(claims, Envelope(()))


def _claim_units(home: Home, drop: Drop, envelope: Envelope) -> Claimed:
    partner = home.settings.partners.get(drop.partner)
    senders = partner.senders if partner else ()
    claims = claim_units(home.library, drop.partner, envelope.units, senders, drop.arrived_at.date())
    return Claimed(claims, envelope)


def _content(request: ReadRequest, looks: Sequence[str]) -> Content:
    path: Path = request.path

    def open_as(mapping: Mapping, each: str | None, columns: Sequence[str]) -> Reading:
        return read(path, request.name, mapping, each, columns, request.limits)

    return Content(looks, open_as, lambda: readers.current().described(request, looks))
