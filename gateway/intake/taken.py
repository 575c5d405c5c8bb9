"""A file as one feed reads it, and files of one feed that are mapped together."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from gateway.errors import Fault
from gateway.intake.arrivals import Arrival
from gateway.ledger.archive import Stored
from gateway.mapping.apply.mapped import Mapped
from gateway.mapping.language.loaded import Loaded
from gateway.reading import Unit, interchange_id
from gateway.transports.transport import Drop

CONTROL_NUMBERS_CHARS_MAX = 200
INTERCHANGES_MAX = 1000


@dataclass(frozen=True)
class Taken:
    """A file as one feed reads it: all of it, or these units of an interchange with these faults of its envelopes.

    loaded  the feed's mapping, None for what no feed reads
    units   those that are the feed's; each with faults of its own is set aside alone
    faults  of the envelopes: they hold the whole file
    by      what decided that it is this feed's, where the name did not
    """

    arrival: Arrival
    loaded: Loaded | None
    units: tuple[Unit, ...] = ()
    faults: tuple[Fault, ...] = ()
    by: str = ""

    @property
    def drop(self) -> Drop:
        """The file as it was delivered."""
        return self.arrival.drop

    @property
    def feed(self) -> str:
        """Name of the feed, "" for what no feed reads."""
        return self.loaded.mapping.feed if self.loaded else ""

    @cached_property
    def file_id(self) -> str:
        """Identity of the bytes as this feed reads them, or as their partner sent them: 16 hexadecimal digits."""
        return file_id(self.arrival.stored, self.feed, self.drop.partner)

    @property
    def control_numbers(self) -> str:
        """Control numbers of its interchanges, separated by commas."""
        return ",".join(dict.fromkeys(unit.interchange for unit in self.units))[:CONTROL_NUMBERS_CHARS_MAX]

    @property
    def interchanges(self) -> str:
        """Sender, receiver and control number of its interchanges, a line each, as `interchange_id` writes them."""
        numeric = self.loaded is not None and self.loaded.mapping.file.format == "x12"
        found = (interchange_id(u.sender, u.receiver, u.interchange, numeric=numeric) for u in self.units)
        return "\n".join(list(dict.fromkeys(found))[:INTERCHANGES_MAX])

    @property
    def test(self) -> bool:
        """Whether an interchange says that it is a test: then nothing of the file posts."""
        return any(unit.test for unit in self.units)

    @cached_property
    def broken(self) -> tuple[Fault, ...]:
        """Faults of units that were set aside before mapping: each counts as one rejected row."""
        return tuple(fault for unit in self.units for fault in unit.faults)

    @property
    def good_units(self) -> frozenset[int] | None:
        """Ordinals of the units to read; None where a file has none and is read whole."""
        return frozenset(unit.ordinal for unit in self.units if not unit.faults) if self.units else None


@dataclass(frozen=True, slots=True)
class Load:
    """Files of one feed that were read and mapped together, or one file that no feed reads; nothing is committed yet.

    prefix   of the temporary tables that were made
    entity   whose books the rows belong to
    partner  of the mapping
    mapped   outcomes, one a file, and relations; without outcomes where no feed reads the file
    posts    numbers of the files whose rows count: the others are held, are tests, or could not be read
    """

    prefix: str
    entity: str
    partner: str
    files: Sequence[Taken]
    mapped: Mapped
    posts: Sequence[int]

    @property
    def loaded(self) -> Loaded | None:
        """The mapping of all its files."""
        return self.files[0].loaded

    @property
    def feed(self) -> str:
        """Name of the feed, "" for what no feed reads."""
        return self.files[0].feed

    @property
    def version(self) -> str:
        """Version of the mapping."""
        return self.loaded.version if self.loaded else ""


def file_id(stored: Stored, feed: str, partner: str) -> str:
    """The bytes, as one feed reads them; what no feed reads, as one partner sent them: a feed is one partner's."""
    reader = feed or f"|{partner}"
    return hashlib.sha256(f"{stored.sha256}|{reader}".encode()).hexdigest()[:16]
