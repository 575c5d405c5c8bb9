"""Which mapping a file, or each transaction set of an interchange, belongs to: exactly one, or a fault."""

from __future__ import annotations

import fnmatch
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date

from gateway.errors import Fault, lower_first, upper_first
from gateway.mapping.claim.content import Content, Look, look
from gateway.mapping.language.loaded import Library, Loaded
from gateway.mapping.language.spec import FileSpec
from gateway.nearest import listed
from gateway.reading import Unit

ACKNOWLEDGEMENTS = ("997", "999", "TA1", "CONTRL", "APERAK")
"""Sets that only say that ours arrived: nobody needs to map them."""

NEAR_MAX = 5
"""How many of the nearest mappings are named where none reads the file."""


@dataclass
class Claims:
    """Who reads what: for each mapping the units that are its own (None: the whole file).

    taken      one entry a mapping, in order of the mappings' files
    unclaimed  faults of units that nobody claims or that the sender may not send; their neighbours proceed
    units      ordinals of the units behind `unclaimed`, in the same order
    fault      why nobody may read the file at all
    by         what decided where the file's name did not, as a sentence for the report
    """

    taken: list[tuple[Loaded, frozenset[int] | None]] = field(default_factory=list)
    unclaimed: list[Fault] = field(default_factory=list)
    units: list[int] = field(default_factory=list)
    fault: Fault | None = None
    by: str = ""


def claim_file(library: Library, partner: str, name: str, content: Content, on: date) -> Claims:
    """Find the one mapping of the partner that reads the file.

    The name decides if it fits one mapping whose format the content has. Else the content does: of the mappings
    that the name fits, or if it is none of those, of all the others.

    on  the arrival day, for valid_from and valid_to
    """
    own = [one for one in library.of_partner(partner, on) if one.mapping.file.transaction is None]
    named = [one for one in own if _matches(one, name)]
    fitting = [one for one in own if one.mapping.file.format in content.formats]
    first, others = [one for one in fitting if one in named], [one for one in fitting if one not in named]
    if len(first) == 1:
        return Claims(taken=[(first[0], None)])
    seen: list[tuple[Look, Loaded]] = []
    for candidates in (first, others):
        looks = [(look(one.mapping, content), one) for one in candidates]
        readers = [(found, one) for found, one in looks if not found.why]
        if len(readers) > 1:
            return Claims(fault=_several(name, content, [one for _, one in readers]))
        seen += looks
        if readers:
            break
    seen.sort(key=lambda pair: (pair[0].lacking, -pair[0].known))
    if not seen or seen[0][0].why:
        return Claims(fault=_nobody(library, partner, name, content, named, seen, on))
    reader = seen[0][1]
    nearer = [(found, one) for found, one in seen if found.known > seen[0][0].known]
    if nearer:
        return Claims(fault=_nearer(name, content, reader, nearer))
    return Claims(taken=[(reader, None)], by=_by(reader, content, first))


def _by(reader: Loaded, content: Content, first: Sequence[Loaded]) -> str:
    """The sentence that reports a file claimed by its content."""
    rest = [one for one in first if one is not reader]
    but = f"its name also fits {' and '.join(one.name for one in rest)}"
    if not first:
        but = f"its name matches none of {_patterns(reader)}"
    return f"claimed by its content, {content.describe()}; {but}"


def _several(name: str, content: Content, readers: Sequence[Loaded]) -> Fault:
    shown = "; ".join(f"{one.name} (match {_patterns(one)})" for one in readers)
    return _reject(
        f"{len(readers)} mappings claim {name}, which looks like {content.describe()}: {shown}",
        "Narrow `match` in one of them until only one names the file, or send it under its usual name.",
    )


def _matches(loaded: Loaded, name: str) -> bool:
    return any(fnmatch.fnmatchcase(name.casefold(), one.casefold()) for one in loaded.mapping.file.match)


def _patterns(loaded: Loaded) -> str:
    return ", ".join(f'"{one}"' for one in loaded.mapping.file.match)


def _reject(message: str, hint: str, position: str = "") -> Fault:
    return Fault("FILE_REJECT", message, hint, position)


def _nearer(name: str, content: Content, reader: Loaded, nearer: Sequence[tuple[Look, Loaded]]) -> Fault:
    """A mapping that needs few columns would read the file, but another one knows more of them."""
    others = "; ".join(f"{one.mapping.feed} names more of its columns and {found.why}" for found, one in nearer)
    return _reject(
        f"{name} looks like {content.describe()}; {reader.mapping.feed} can read it, but {others}",
        "Send it with these columns; or, if it is the other one's, under a name that its `match` fits.",
    )


def _nobody(
    library: Library,
    partner: str,
    name: str,
    content: Content,
    named: Sequence[Loaded],
    seen: Sequence[tuple[Look, Loaded]],
    on: date,
) -> Fault:
    """Why no mapping claims the file.

    seen  how the mappings of its format see it, the nearest first
    """
    everyone = [one for one in (*library.mappings.values(), *library.earlier) if one.mapping.partner == partner]
    asleep = [one for one in everyone if not one.holds_on(on) and _matches(one, name)]
    if asleep:
        days = "; ".join(f"{one.name} is valid {_days(one)}" for one in asleep)
        return _reject(f"no mapping of {partner} for {name} is valid on {on}: {days}", "Extend valid_from or valid_to.")
    broken = [one for one in library.faults if one.file.startswith(f"mappings/{partner}/")]
    if broken:
        first, more = broken[0], f" (and {len(broken) - 1} more)" if len(broken) > 1 else ""
        return _reject(
            f"a mapping of {partner} cannot be used: {first.file}:{first.line}: {first.message}{more}",
            f"{upper_first(first.fix)}. Then `gateway check`, and `gateway replay` the file.",
        )
    looks = f"{name} looks like {content.describe()}"
    whole = [one for one in library.mappings.values() if one.mapping.file.transaction is None]
    others = sorted({one.mapping.partner for one in whole if _matches(one, name)} - {partner})
    also = f"; mappings of {listed(others, 3)} would name it" if 0 < len(others) <= 3 else ""
    near = [f"{one.mapping.feed} {found.why}" for found, one in seen]
    near = [
        f"{one.name} expects format {one.mapping.file.format}"
        for one in named
        if one.mapping.file.format not in content.formats
    ] + near
    own = [one for one in everyone if one.holds_on(on) and one.mapping.file.transaction is None]
    fix = f"Add mappings/{partner}/<feed>.toml for it, or check the drop folder."
    if near:
        why = f"{looks}; no mapping of {partner} reads it: {'; '.join(near[:NEAR_MAX])}"
        fix = "Check that the right file was sent whole; else fix the mapping, or add one for this layout."
    elif own:
        formats = listed({one.mapping.file.format for one in own})
        why = f"{looks}; no mapping of {partner} reads it: they are for {formats}"
    elif everyone:
        why = f"{looks}; {partner} has mappings for interchanges only"
    else:
        why = f"there is no mapping for partner {partner}; {looks}"
        fix = f"Add mappings/{partner}/<feed>.toml, or drop the file in the folder of its partner."
    if also:
        fix = f"If it is a file of {others[0]}, drop it in inbound/{others[0]}/. Else {lower_first(fix)}"
    return _reject(why + also, fix)


def _days(loaded: Loaded) -> str:
    begin, end = loaded.mapping.valid_from, loaded.mapping.valid_to
    return " ".join(part for part in (f"from {begin}" if begin else "", f"to {end}" if end else "") if part)


def claim_units(library: Library, partner: str, units: Iterable[Unit], senders: Collection[str], on: date) -> Claims:
    """Find for every transaction set the one mapping of the partner that names it.

    senders  envelope identifiers under which the partner may send ("ZZ/3PLEAST"); none: a mapping's own
             `sender` decides
    """
    own = [one for one in library.of_partner(partner, on) if one.mapping.file.transaction is not None]
    taken: dict[int, set[int]] = {}
    claims = Claims()
    answers: dict[tuple[str, ...], tuple[int | None, Fault | None]] = {}
    for unit in units:
        # An interchange holds many sets of few kinds: each kind is answered once.
        kind = (unit.kind, unit.sender, unit.receiver, unit.version)
        if kind not in answers:
            answers[kind] = _answer(unit, partner, senders, own, library)
        number, fault = answers[kind]
        if number is not None:
            taken.setdefault(number, set()).add(unit.ordinal)
        elif fault is not None:
            claims.unclaimed.append(_placed(fault, unit))
            claims.units.append(unit.ordinal)
    claims.taken = [(own[number], frozenset(ordinals)) for number, ordinals in sorted(taken.items())]
    return claims


def _placed(fault: Fault, unit: Unit) -> Fault:
    control = f" {unit.control}" if unit.control else ""
    message = f"transaction set {unit.kind}{control} from {unit.sender or 'no sender'}: {fault.message}"
    return Fault(fault.code, message, fault.hint, unit.position)


def _answer(
    unit: Unit, partner: str, senders: Collection[str], own: Sequence[Loaded], library: Library
) -> tuple[int | None, Fault | None]:
    """(number of the mapping, None) or (None, the fault of units of this kind)."""
    fitting = [number for number, one in enumerate(own) if not _differences(one.mapping.file, unit, senders)]
    if len(fitting) == 1:
        return fitting[0], None
    if fitting:
        feeds = " and ".join(own[number].name for number in fitting)
        return None, _reject(f"claimed by {feeds}", "Make their sender, receiver or version differ.")
    known = set(senders) | {one.mapping.file.sender for one in own if one.mapping.file.sender}
    if known and unit.sender not in known:
        theirs = {one.mapping.partner for one in library.mappings.values() if one.mapping.file.sender == unit.sender}
        also = f"; mappings of {listed(theirs, 3)} name that sender" if theirs else ""
        return None, Fault(
            "SENDER_UNKNOWN",
            f'partner {partner} does not send as "{unit.sender}"; configured: {", ".join(sorted(known))}{also}',
            f"Drop it in the folder of its own partner, or add the sender to [partners.{partner}] in config.toml.",
        )
    return None, _unclaimed(unit, partner, senders, own)


def _differences(file: FileSpec, unit: Unit, senders: Collection[str]) -> list[str]:
    """What keeps a mapping from claiming the unit, in words; [] if it claims it."""
    found = []
    if file.transaction != unit.kind:
        found.append(f"transaction {file.transaction}")
    if file.sender is not None and file.sender != unit.sender:
        found.append(f"sender {file.sender}, not {unit.sender}")
    if file.sender is None and senders and unit.sender not in senders:
        found.append(f"sender {' or '.join(sorted(senders))}, not {unit.sender}")
    if file.receiver is not None and file.receiver != unit.receiver:
        found.append(f"receiver {file.receiver}, not {unit.receiver}")
    if file.version is not None and not unit.version.startswith(file.version):
        found.append(f"version {file.version}, not {unit.version or 'none'}")
    return found


def _unclaimed(unit: Unit, partner: str, senders: Collection[str], own: Sequence[Loaded]) -> Fault:
    near = [one for one in own if one.mapping.file.transaction == unit.kind]
    if near:
        wanted = "; ".join(
            f"{one.name} expects {', '.join(_differences(one.mapping.file, unit, senders))}" for one in near
        )
        return _reject(
            f"no mapping of partner {partner} fits it: {wanted}", "Fix the mapping, or add one for this variant."
        )
    if unit.kind in ACKNOWLEDGEMENTS:
        return _reject(
            f"an acknowledgement that no mapping of partner {partner} names; it was set aside",
            f'Nothing to do; to follow acknowledgements add a mapping with transaction = "{unit.kind}".',
        )
    named = listed({str(one.mapping.file.transaction) for one in own})
    return _reject(
        f"no mapping of partner {partner} names it (they name: {named})",
        f'Add mappings/{partner}/<feed>.toml with transaction = "{unit.kind}"; its neighbours were taken.',
    )
