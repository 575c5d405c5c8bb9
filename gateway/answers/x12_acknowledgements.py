"""X12: TA1 for an interchange, 997 or 999 for its groups, 824 for what the mapping rejected.

Codes are those of the standard's data elements: I18 (TA105), 716 (AK905), 718 (AK502), 720 (AK304), 723 (AK403),
647 (TED01).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby
from textwrap import wrap

from gateway.answers.interchange import (
    ACCEPTED,
    PARTLY,
    REJECTED,
    Draft,
    Group,
    Interchange,
    Message,
    Rejection,
    element_of,
    fix,
    verdict,
)
from gateway.errors import Fault
from gateway.outgoing import x12_envelope
from gateway.outgoing.x12_envelope import Segment, clean

INTERCHANGE_CODES = {"IEA02": "001", "IEA01": "021", "IEA": "023", "ISA13": "025"}
GROUP_CODES = {"GE": "3", "GE02": "4", "GE01": "5", "GS06": "19"}
SET_CODES = {"SE": "2", "SE02": "3", "SE01": "4", "ST01": "6", "ST02": "23"}
OLDER_CODES = {"GS06": ("005010", "6"), "ST02": ("003070", "7")}
"""A number that is not unique has a code of its own from that version of the group on; before, it is an invalid
number."""

MISSING_NUMBERS = {"ISA13": "018", "GS06": "6", "ST02": "7"}
"""Where an envelope has no number at all."""

IMPLEMENTATION_999 = "005010X231A1"
"""Version of the 999 to a partner whose own sets name an implementation guide."""

_LETTERS = {ACCEPTED: "A", PARTLY: "P", REJECTED: "R"}
_ELEMENT_MAX = 99
"""An element's position has at most two digits; a later element is reported without its position."""
_MESSAGE_CHARS, _NOTE_CHARS, _COPY_CHARS = 60, 80, 99


def ta1(received: Interchange, at: datetime) -> Draft:
    """The interchange acknowledgement."""
    code = "000"
    if received.errors:
        code = _code(received.errors, INTERCHANGE_CODES, "022")
    elif received.sender_unknown:
        code = "006"
    elif received.reused:
        code = INTERCHANGE_CODES["ISA13"]
    answer = "R" if received.rejected else "E" if received.reused else "A"
    segment = ("TA1", received.control, received.date, received.time, answer, code)
    return Draft(
        "TA1",
        REJECTED if received.rejected else ACCEPTED,
        received.control,
        lambda number: _interchange(received, number, at, received.version, [segment]),
    )


def functional(received: Interchange, kind: str, at: datetime) -> list[Draft]:
    """The functional acknowledgements of an interchange: one interchange for each pair of application partners.

    kind  "997" or "999"
    """
    groups = sorted((group for group in received.answered if group.number), key=_partners)
    return [_functional(received, list(of_one), kind, at) for _, of_one in groupby(groups, key=_partners)]


def application(received: Interchange, at: datetime) -> list[Draft]:
    """Advice of what the mapping rejected: one interchange for each group with rejections, none where there are
    none."""
    if received.rejected:
        return []
    groups = [group for group in received.answered if group.number]
    return [
        _application(received, group, at)
        for group in groups
        if received.held or any(message.rejections for message in group.messages)
    ]


# --- 997, 999 -----------------------------------------------------------------------------------------


def _partners(group: Group) -> tuple[str, str, str]:
    return group.sender[0], group.receiver[0], group.version


def _functional(received: Interchange, groups: Sequence[Group], kind: str, at: datetime) -> Draft:
    verdicts = [_group_verdict(received, group) for group in groups]
    version = _version(groups[0].version, kind)
    sets = [_group_answer(received, group, kind) for group in groups]
    implementation = (version,) if kind == "999" else ()
    overall = verdicts[0] if len(set(verdicts)) == 1 else PARTLY
    return Draft(
        kind,
        overall,
        received.control,
        lambda number: _grouped(received, groups[0], number, at, version, kind, sets, implementation),
    )


def _version(received: str, kind: str) -> str:
    """Version of the answer: that of the group; a 999 is not older than its first version."""
    if kind == "997":
        return received or "004010"
    return IMPLEMENTATION_999 if "X" in received else max(received, "005010")


def _group_verdict(received: Interchange, group: Group) -> str:
    if received.rejected or group.errors:
        return REJECTED
    return verdict([message.good for message in group.messages])


def _group_answer(received: Interchange, group: Group, kind: str) -> list[Segment]:
    """The segments between ST and SE for one group."""
    judged = _group_verdict(received, group)
    rejected = bool(received.rejected or group.errors)
    version = (group.version,) if kind == "999" else ()
    found: list[Segment] = [("AK1", group.functional, group.control, *version)]
    for message in group.messages:
        found += _set_answer(message, kind, _of_version(SET_CODES, group.version), rejected=rejected)
    count = len(group.messages)
    declared = next((fault.value for fault in group.errors if fault.column == "GE01" and fault.value.isdigit()), "")
    accepted = 0 if rejected else sum(message.good for message in group.messages)
    codes = _codes(group.errors, _of_version(GROUP_CODES, group.version))
    found.append(("AK9", _LETTERS[judged], declared[:6] or str(count), str(count), str(accepted), *codes))
    return found


def _of_version(codes: dict[str, str], version: str) -> dict[str, str]:
    """The codes as they are in the version of a group."""
    older = {place: code for place, (since, code) in OLDER_CODES.items() if version and version < since}
    return {place: older.get(place, code) for place, code in codes.items()}


def _set_answer(message: Message, kind: str, set_codes: dict[str, str], *, rejected: bool) -> Iterator[Segment]:
    loop, element, verdict_id = ("AK3", "AK4", "AK5") if kind == "997" else ("IK3", "IK4", "IK5")
    implementation = message.identification[1:2] if kind == "999" else ()
    yield ("AK2", message.kind, message.control, *implementation)
    codes = ["1"] if message.refusal is not None else []
    codes += _codes(message.errors, set_codes)
    for fault in message.errors:
        if fault.column in set_codes:
            continue
        codes.append("5")
        segment, position = element_of(fault)
        number = int(fault.position.removeprefix("segment ")) - message.number + 1
        yield (loop, segment[:3], str(number), "", "8" if position else "")
        if 0 < position <= _ELEMENT_MAX:
            yield (element, str(position), "", "7" if segment in ("BIN", "BDS") else "3")
    good = message.good and not rejected
    yield (verdict_id, "A" if good else "R", *list(dict.fromkeys(codes))[:5])


def _code(errors: Sequence[Fault], codes: dict[str, str], other: str) -> str:
    return next(iter(_codes(errors, codes)), other)


def _codes(errors: Sequence[Fault], codes: dict[str, str]) -> list[str]:
    """The codes of the faults that have one, each once, five at most."""
    found = (
        codes[fault.column] if fault.value else MISSING_NUMBERS.get(fault.column, codes[fault.column])
        for fault in errors
        if fault.column in codes
    )
    return list(dict.fromkeys(found))[:5]


# --- 824 ----------------------------------------------------------------------------------------------


def _application(received: Interchange, group: Group, at: datetime) -> Draft:
    def text(number: int) -> str:
        body: list[Segment] = [("BGN", "11", str(number), f"{at:%Y%m%d}", f"{at:%H%M}")]
        for fault in received.held:
            body += [_origin(received, group, None, "TR"), *_technical(Rejection(fault))]
        for message in group.messages:
            if message.rejections:
                body.append(_origin(received, group, message, "TR" if received.held else "TE"))
                for rejection in message.rejections:
                    body += _technical(rejection)
        return _grouped(received, group, number, at, group.version, "824", [body], ())

    return Draft("824", REJECTED if received.held else PARTLY, received.control, text)


def _origin(received: Interchange, group: Group, message: Message | None, code: str) -> Segment:
    """OTI: the set that the advice is about, or the group."""
    control, kind = (message.control, message.kind) if message is not None else ("", "")
    reference = "-".join(part for part in (received.control, group.control, control) if part)
    day, time = (group.date, group.time) if len(group.date) == 8 else ("", "")
    return (
        "OTI",
        code,
        "TN",
        reference[:30],
        group.sender[0],
        group.receiver[0],
        day,
        time,
        group.control,
        control,
        kind,
        group.version,
    )


def _technical(rejection: Rejection) -> Iterator[Segment]:
    """TED, and the whole text in NTE where it is longer than TED may be."""
    fault = rejection.fault
    said = clean(f"{fault.message}. {fix(fault.hint)}")
    place = str(rejection.place or "")
    element = str(rejection.element) if 0 < rejection.element <= _ELEMENT_MAX else ""
    copy = clean(fault.value)[:_COPY_CHARS].rstrip()
    yield ("TED", _condition(fault), said[:_MESSAGE_CHARS].strip(), rejection.segment, place, element, "", copy)
    if len(said) > _MESSAGE_CHARS:
        yield from (("NTE", "", part) for part in wrap(said, _NOTE_CHARS))


def _condition(fault: Fault) -> str:
    """Application error condition: 010 total out of balance, 007 missing data, 848 incorrect data, 024 other."""
    if fault.code == "CONTROL_TOTAL":
        return "010"
    if fault.code != "ROW_REJECT":
        return "024"
    return "848" if fault.value.strip() else "007"


# --- envelopes ----------------------------------------------------------------------------------------


def _grouped(
    received: Interchange,
    group: Group,
    number: int,
    at: datetime,
    version: str,
    kind: str,
    sets: Sequence[Sequence[Segment]],
    implementation: Segment,
) -> str:
    """An interchange of a group with these sets."""
    partners = group.receiver[0], group.sender[0]
    segments = x12_envelope.group(kind, version, *partners, number, at, sets, implementation)
    return _interchange(received, number, at, "00501" if kind == "999" else received.version, segments)


def _interchange(received: Interchange, number: int, at: datetime, version: str, segments: Sequence[Segment]) -> str:
    """The interchange that goes back: sender and receiver change places."""
    version = max(version, received.version)
    return x12_envelope.interchange(received.receiver, received.sender, number, at, version, received.test, segments)
