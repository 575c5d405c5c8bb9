"""The order in which waiting files are taken, and the parts of a batch that must be committed one after the other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gateway.intake.arrivals import Arrival
from gateway.intake.crash_suspects import Suspects
from gateway.mapping.language.loaded import Library
from gateway.master_data import is_master_data
from gateway.transports.transport import Drop


def in_order(drops: Iterable[Drop], library: Library, suspects: Suspects) -> list[Drop]:
    """What waits, in the order in which it is to be taken.

    Master data comes first: the names in the other files are looked up in it. A partner of which a file ended the
    process comes last; its files stay in their order, which decides what is a duplicate.
    """
    waiting = list(drops)
    deadly = {drop.partner for drop in waiting if suspects.deaths(drop)}
    masters = {one.mapping.partner for one in library.mappings.values() if is_master_data(one)}
    return sorted(waiting, key=lambda drop: (drop.partner not in masters, drop.partner in deadly))


def parted(batch: Sequence[Arrival], alone: Sequence[bool]) -> list[list[Arrival]]:
    """The batch in order, in parts: those that are to be alone are."""
    parts: list[list[Arrival]] = [[]]
    for arrival, by_itself in zip(batch, alone, strict=True):
        if by_itself and parts[-1]:
            parts.append([])
        parts[-1].append(arrival)
        if by_itself:
            parts.append([])
    return [part for part in parts if part]
