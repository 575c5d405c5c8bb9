"""Which mapping a file, or each transaction set of an interchange, belongs to: exactly one, or a fault."""

from __future__ import annotations

import fnmatch
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

from gateway.errors import Fault
from gateway.mapping.load import Library, Loaded


class ClaimedUnit(Protocol):
    """What is read of a transaction set to claim it."""

    @property
    def ordinal(self) -> int: ...
    @property
    def kind(self) -> str: ...
    @property
    def sender(self) -> str: ...
    @property
    def receiver(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def control(self) -> str: ...
    @property
    def position(self) -> str: ...


@dataclass
class Claims:
    """Who reads what: for each mapping the units that are its own (None: the whole file).

    unclaimed  faults of units that nobody claims; their neighbours proceed
    fault      why nobody may read the file at all
    """

    taken: list[tuple[Loaded, frozenset[int] | None]] = field(default_factory=list)
    unclaimed: list[Fault] = field(default_factory=list)
    fault: Fault | None = None


def claim_file(library: Library, partner: str, name: str, formats: Collection[str], on: date) -> Claims:
    """Find the one mapping of the partner that names the file and whose format its content has."""
    own = [loaded for loaded in _of(library, partner, on) if loaded.mapping.file.transaction is None]
    named = [loaded for loaded in own if _matches(loaded, name)]
    fitting = [loaded for loaded in named if loaded.mapping.file.format in formats]
    if len(fitting) == 1:
        return Claims(taken=[(fitting[0], None)])
    if len(fitting) > 1:
        feeds = ", ".join(loaded.name for loaded in fitting)
        return Claims(
            fault=_reject(f"more than one mapping claims {name}: {feeds}", "Make their match patterns differ.")
        )
    return Claims(fault=_nobody(library, partner, name, formats, own, named))


def _of(library: Library, partner: str, on: date) -> list[Loaded]:
    return [
        loaded
        for loaded in library.mappings.values()
        if loaded.mapping.partner == partner
        and (loaded.mapping.valid_from is None or loaded.mapping.valid_from <= on)
        and (loaded.mapping.valid_to is None or on <= loaded.mapping.valid_to)
    ]


def _matches(loaded: Loaded, name: str) -> bool:
    return any(fnmatch.fnmatchcase(name.casefold(), p.casefold()) for p in loaded.mapping.file.match)


def _reject(message: str, hint: str) -> Fault:
    return Fault("FILE_REJECT", message, hint)


def _nobody(
    library: Library, partner: str, name: str, formats: Collection[str], own: Sequence[Loaded], named: Sequence[Loaded]
) -> Fault:
    looks = ", ".join(sorted(formats)) or "no format that is known"
    if named:
        wanted = ", ".join(f"{n.name} (format {n.mapping.file.format})" for n in named)
        return _reject(
            f"{name} is named by {wanted}, but it looks like {looks}", "Check that the right file was sent whole."
        )
    if own:
        patterns = "; ".join(f"{o.name}: {', '.join(o.mapping.file.match)}" for o in own)
        return _reject(
            f"no mapping of {partner} names {name} (it looks like {looks}). Patterns: {patterns}",
            "Rename the file, or add the pattern to the mapping.",
        )
    broken = [fault for fault in library.faults if fault.file.startswith(f"mappings/{partner}/")]
    if broken:
        return _reject(
            f"the mappings of {partner} cannot be used: {broken[0]}", "Mend the mapping and release the file."
        )
    return _reject(
        f"there is no mapping for {partner}; {name} looks like {looks}",
        f"Add mappings/{partner}/<feed>.toml, or drop the file in the folder of its partner.",
    )


def claim_units(
    library: Library, partner: str, units: Iterable[ClaimedUnit], senders: Collection[str], on: date
) -> Claims:
    """Find for every transaction set the one mapping of the partner that names it."""
    own = [loaded for loaded in _of(library, partner, on) if loaded.mapping.file.transaction is not None]
    taken: dict[str, set[int]] = {}
    claims = Claims()
    for unit in units:
        what = f"transaction set {unit.kind} {unit.control} from {unit.sender}"
        if senders and unit.sender not in senders:
            known = ", ".join(sorted(senders))
            claims.unclaimed.append(
                Fault("SENDER_UNKNOWN", f"{what}: {partner} sends as {known}",
                      "Drop it in the folder of its own partner, or add the sender to config.toml.", unit.position)
            )  # fmt: skip
            continue
        fitting = [loaded for loaded in own if _names(loaded, unit)]
        if len(fitting) == 1:
            taken.setdefault(fitting[0].mapping.feed, set()).add(unit.ordinal)
            continue
        claims.unclaimed.append(_unit_fault(what, unit, partner, fitting, own))
    claims.taken = [(library.mappings[feed], frozenset(ordinals)) for feed, ordinals in sorted(taken.items())]
    return claims


def _names(loaded: Loaded, unit: ClaimedUnit) -> bool:
    file = loaded.mapping.file
    return (
        file.transaction == unit.kind
        and (file.sender is None or file.sender == unit.sender)
        and (file.receiver is None or file.receiver == unit.receiver)
        and (file.version is None or unit.version.startswith(file.version))
    )


def _unit_fault(what: str, unit: ClaimedUnit, partner: str, fitting: Sequence[Loaded], own: Sequence[Loaded]) -> Fault:
    if fitting:
        feeds = ", ".join(loaded.name for loaded in fitting)
        return Fault("FILE_REJECT", f"{what}: claimed by {feeds}", "Make sender or version differ.", unit.position)
    near = [loaded for loaded in own if loaded.mapping.file.transaction == unit.kind]
    if near:
        file = near[0].mapping.file
        wanted = ", ".join(f"{k} {v}" for k, v in (("sender", file.sender), ("receiver", file.receiver), ("version", file.version)) if v)  # fmt: skip
        message = f"{what} (version {unit.version}, receiver {unit.receiver}): {near[0].name} wants {wanted}"
    else:
        message = f"{what}: no mapping of {partner} names it"
    return Fault(
        "FILE_REJECT", message, f'Add a mapping with transaction = "{unit.kind}" for {partner}; its neighbours were taken.',
        unit.position,
    )  # fmt: skip
