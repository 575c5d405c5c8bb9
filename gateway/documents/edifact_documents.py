"""EDIFACT: INVRPT inventory report, from D97A on. Codes are those of 6063 (quantities), 6411 (units) and 7491, 4503."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from gateway.documents.content import Envelope, Set, by_item, plain
from gateway.outgoing import edifact_envelope
from gateway.outgoing.edifact_envelope import Segment

QUANTITIES = {
    "AVAILABLE": "145",
    "ALLOCATED": "170",
    "RESERVED": "248",
    "QC_HOLD": "89",
    "DAMAGED": "124",
    "RETURN_PENDING_INSPECTION": "210",
    "IN_TRANSIT": "198",
}
PACK = "CT"
_UNITS = {"EA": "PCE", "PCS": "PCE", "PC": "PCE"}


def write(kind: str, sets: Sequence[Set], envelope: Envelope, number: int, at: datetime) -> str:
    """The whole interchange under this control number."""
    described = (kind, envelope.version[:1], envelope.version[1:], "UN")
    messages = [
        edifact_envelope.message(str(place), described, _stock(one, f"{number}-{place}", at))
        for place, one in enumerate(sets, start=1)
    ]
    return edifact_envelope.interchange(envelope.sender, envelope.receiver, number, at, "UNOC", envelope.test, messages)


def _stock(content: Set, reference: str, at: datetime) -> list[Segment]:
    """INVRPT: a LIN for each item, an INV with its QTY for each status of it."""
    body: list[Segment] = [
        ("BGM", "35", reference, "9"),
        ("DTM", ("137", f"{at:%Y%m%d%H%M}", "203")),
        ("DTM", ("366", f"{content.at:%Y%m%d%H%M}", "203")),
        ("NAD", "WH", (content.location, "", "92")),
    ]
    items = by_item(content.lines)
    for place, lines in enumerate(items, start=1):
        if lines[0].names in ("GTIN", "UPC"):
            body.append(("LIN", str(place), "", (lines[0].item, "SRV")))
        else:
            body += [("LIN", str(place)), ("PIA", "5", (lines[0].item, "SA"))]
        for line in lines:
            unit = _UNITS.get(line.unit, line.unit) or PACK
            body += [("INV", "", "1", "", "1"), ("QTY", (QUANTITIES[line.status], plain(line.qty), unit))]
    return [*body, ("CNT", ("2", str(len(items))))]
