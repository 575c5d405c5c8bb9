"""EDIFACT: CONTRL for the syntax of an interchange, APERAK for what the mapping rejected.

Actions (0083) are 7, this level is acknowledged, and 4, it is rejected with all that is below; errors (0085) and their
places are those of ISO 9735. Positions of elements count the segment's tag as 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from textwrap import wrap

from gateway.answers.interchange import (
    PARTLY,
    REJECTED,
    UNANSWERED,
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
from gateway.formats.edi.envelopes import OUTSIDE
from gateway.outgoing import edifact_envelope
from gateway.outgoing.edifact_envelope import Segment

ACKNOWLEDGED, REFUSED = "7", "4"
PLACES = {
    "UNZ": ("13", "UNZ", ""),
    "UNZ 0036": ("29", "UNZ", "2"),
    "UNZ 0020": ("28", "UNZ", "3"),
    "UNB": ("13", "UNB", ""),
    "UNB 0020": ("26", "UNB", "6"),
    "UNG": ("13", "UNG", ""),
    "UNG 0048": ("26", "UNG", "6"),
    "UNE": ("13", "UNE", ""),
    "UNE 0060": ("29", "UNE", "2"),
    "UNE 0048": ("28", "UNE", "3"),
    "UNH": ("13", "UNH", ""),
    "UNH 0062": ("26", "UNH", "2"),
    "UNT": ("13", "UNT", ""),
    "UNT 0074": ("29", "UNT", "2"),
    "UNT 0062": ("28", "UNT", "3"),
    "UNO": ("15", "UNO", ""),
    OUTSIDE: ("33", "", ""),
}
"""What a fault of an envelope names → (error, service segment, position of the element in it)."""

INVALID, MISSING, TOO_MANY, NO_AGREEMENT, UNSPECIFIED = "12", "13", "16", "17", "18"
INVALID_CHARACTERS, SENDER_UNKNOWN = "21", "23"
_NUMBERS = ("UNB 0020", "UNG 0048", "UNH 0062")
"""Where each envelope has its number."""
_UNDECODABLE = "\N{REPLACEMENT CHARACTER}"
_TEXT_CHARS, _TEXTS = 70, 5


def contrl(received: Interchange, at: datetime) -> Draft:
    """The syntax and service report."""
    segments: list[Segment] = [("UCI", received.control, received.sender, received.receiver, *_interchange(received))]
    if not received.rejected:
        for group in received.answered:
            segments += _group(group)
    goods = [message.good and not group.errors for group in received.answered for message in group.messages]
    judged = REJECTED if received.rejected else verdict(goods)
    return Draft(
        "CONTRL",
        judged,
        received.control,
        lambda number: _write(
            received, number, at, [edifact_envelope.message("1", ("CONTRL", "D", "3", "UN"), segments)]
        ),
    )


def aperak(received: Interchange, at: datetime) -> list[Draft]:
    """Advice of what the mapping rejected, one message for each of theirs; none where there are no rejections."""
    found = [message for message in received.messages if message.rejections]
    if received.rejected or not (found or received.held):
        return []

    def text(number: int) -> str:
        bodies: list[list[Segment]] = []
        if received.held:
            held = [Rejection(fault) for fault in received.held]
            bodies.append(_advice(received, received.control, held, "RE", f"{number}-{len(bodies) + 1}", at))
        for message in found:
            response = "RE" if received.held else "CA"
            name = f"{number}-{len(bodies) + 1}"
            bodies.append(_advice(received, message.control, message.rejections, response, name, at))
        kind = ("APERAK", "D", "96A", "UN")
        messages = [edifact_envelope.message(str(n), kind, body) for n, body in enumerate(bodies, start=1)]
        return _write(received, number, at, messages)

    return [Draft("APERAK", REJECTED if received.held else PARTLY, received.control, text)]


# --- CONTRL -------------------------------------------------------------------------------------------


def _interchange(received: Interchange) -> Segment:
    """Action, error and place of the interchange."""
    if received.errors:
        return (REFUSED, *_place(received.errors))
    if received.sender_unknown:
        return (REFUSED, SENDER_UNKNOWN, "UNB", "3")
    return (ACKNOWLEDGED, *PLACES["UNB 0020"]) if received.reused else (ACKNOWLEDGED,)


def _group(group: Group) -> Iterator[Segment]:
    if group.number:
        action: Segment = (REFUSED, *_place(group.errors)) if group.errors else (ACKNOWLEDGED,)
        yield ("UCF", group.control, group.sender, group.receiver, *action)
    if group.errors:
        return
    for message in group.messages:
        if message.kind not in UNANSWERED:
            yield from _judged(message)


def _judged(message: Message) -> Iterator[Segment]:
    """UCM, and UCS and UCD for segments that cannot be read."""
    head: Segment = ("UCM", message.control, message.identification)
    if message.refusal is not None:
        yield (*head, REFUSED, NO_AGREEMENT, "UNH", "3")
        return
    envelope = [fault for fault in message.errors if fault.column in PLACES]
    if envelope:
        yield (*head, REFUSED, *_place(envelope))
    else:
        yield (*head, REFUSED if message.errors else ACKNOWLEDGED)
    for fault in message.errors:
        if fault.column in PLACES:
            continue
        _, element = element_of(fault)
        place = str(int(fault.position.removeprefix("segment ")) - message.number + 1)
        other = INVALID_CHARACTERS if _UNDECODABLE in fault.value else UNSPECIFIED
        yield ("UCS", place, "" if element else other)
        if element:
            yield ("UCD", TOO_MANY, (str(element + 1),))


def _place(errors: Sequence[Fault]) -> Segment:
    """Error, service segment and position of the first fault that names its place."""
    fault = next((fault for fault in errors if fault.column in PLACES), None)
    if fault is None:
        return (UNSPECIFIED, "", "")
    error, segment, position = PLACES[fault.column]
    if _UNDECODABLE in fault.value:
        return (INVALID_CHARACTERS, segment, "")
    return (MISSING if fault.column in _NUMBERS and not fault.value else error, segment, position)


# --- APERAK -------------------------------------------------------------------------------------------


def _advice(
    received: Interchange, reference: str, rejections: Sequence[Rejection], response: str, name: str, at: datetime
) -> list[Segment]:
    """The segments of one APERAK between UNH and UNT."""
    body: list[Segment] = [
        ("BGM", "313", name, "9", response),
        ("DTM", ("137", f"{at:%Y%m%d%H%M}", "203")),
        ("RFF", ("ACW", reference)),
        ("NAD", "MS", (received.receiver[0],)),
        ("NAD", "MR", (received.sender[0],)),
    ]
    for rejection in rejections:
        fault = rejection.fault
        error = UNSPECIFIED if fault.code != "ROW_REJECT" else INVALID if fault.value.strip() else MISSING
        shown = "" if fault.value in fault.message else f'Found "{fault.value}". '
        parts = wrap(f"{fault.message}. {shown}{fix(fault.hint)}", _TEXT_CHARS)[:_TEXTS]
        place = (str(rejection.place),) if rejection.place else ()
        body += [
            ("ERC", (error, "", "ZZZ")),
            ("FTX", "AAO", "", "", tuple(parts)),
            ("RFF", ("ACW", reference, *place)),
        ]
    return body


# --- envelopes ----------------------------------------------------------------------------------------


def _write(received: Interchange, number: int, at: datetime, messages: Sequence[Sequence[Segment]]) -> str:
    """The interchange that goes back: sender and receiver change places."""
    return edifact_envelope.interchange(
        received.receiver, received.sender, number, at, received.version, received.test, messages
    )
