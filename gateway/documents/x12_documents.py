"""X12: 846 inventory advice, 940 warehouse shipping order, 943 stock transfer advice, 180 return authorisation.

Codes are those of data elements 673 (846 QTY01), 355 (units), 235 (item numbers), 292 and 1292 (RDR01, RDR02).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal

from gateway.documents.content import Envelope, Line, Set, by_item, plain
from gateway.outgoing import x12_envelope
from gateway.outgoing.x12_envelope import Segment

QUANTITIES = {
    "AVAILABLE": "33",
    "ALLOCATED": "27",
    "RESERVED": "XU",
    "QC_HOLD": "QH",
    "DAMAGED": "74",
    "RETURN_PENDING_INSPECTION": "76",
    "IN_TRANSIT": "IQ",
}
DISPOSITIONS = {"RETURN": "RA", "REPAIR": "RF", "KEEP": "KA", "DISPOSE": "DI", "DONATE": "SC", "THIRD_PARTY": "RT"}
REASONS = {
    "DEFECTIVE": "DM",
    "DAMAGED": "DA",
    "PACKAGING": "DP",
    "ORDERED_BY_MISTAKE": "CO",
    "WRONG_ITEM": "WG",
    "NOT_AS_DESCRIBED": "NA",
    "DOES_NOT_FIT": "PF",
    "PRICE": "PE",
    "OVERSTOCK": "EI",
}
PACK = "CA"
_NAMES = {"UPC": "UP", "ASIN": "BP"}
_GTINS = {8: "UP", 12: "UP", 13: "EN", 14: "UK"}
_UNITS = {"PCE": "EA", "C62": "EA", "PCS": "EA", "PC": "EA"}


def write(kind: str, sets: Sequence[Set], envelope: Envelope, number: int, at: datetime) -> str:
    """The whole interchange under this control number."""
    bodies = [WRITERS[kind](one, f"{number}-{place}") for place, one in enumerate(sets, start=1)]
    sender, receiver = envelope.sender[0], envelope.receiver[0]
    segments = x12_envelope.group(kind, envelope.version, sender, receiver, number, at, bodies)
    return x12_envelope.interchange(
        envelope.sender, envelope.receiver, number, at, envelope.version[:5], envelope.test, segments
    )


def _stock(content: Set, reference: str) -> list[Segment]:
    """846: a LIN for each item, a QTY for each status of it."""
    body: list[Segment] = [
        ("BIA", "00", "SI", reference, f"{content.at:%Y%m%d}", f"{content.at:%H%M}"),
        ("N1", "WH", "", "92", content.location),
    ]
    items = by_item(content.lines)
    for place, lines in enumerate(items, start=1):
        body.append(("LIN", str(place), *_item(lines[0])))
        body += [("QTY", QUANTITIES[line.status], plain(line.qty), _unit(line)) for line in lines]
    return [*body, ("CTT", str(len(items)))]


def _order(content: Set, reference: str) -> list[Segment]:
    """940: an LX loop for each line. A later part of the order is another 940."""
    del reference
    to = content.ship_to
    body: list[Segment] = [("W05", "N", content.document_no), ("N1", "WH", "", "92", content.location)]
    if to.name or to.code:
        body.append(("N1", "ST", to.name[:60], *(("92", to.code) if to.code else ())))
        if to.street:
            body.append(("N3", to.street[:55]))
        if to.city or to.postcode:
            body.append(("N4", to.city[:30], to.region[:2], to.postcode[:15], to.country[:3]))
    body.append(("G62", "04", f"{content.at:%Y%m%d}"))
    if content.due:
        body.append(("G62", "10", f"{content.due:%Y%m%d}"))
    for place, line in enumerate(content.lines, start=1):
        body += [("LX", str(place)), ("W01", plain(line.qty), _unit(line), "", *_item(line))]
        if line.description:
            body.append(("G69", line.description[:45]))
        body.append(("N9", "LI", line.line_no))
    return [*body, ("W76", plain(sum((line.qty for line in content.lines), Decimal(0))))]


def _transfer(content: Set, reference: str) -> list[Segment]:
    """943: a W04 for each item."""
    del reference
    body: list[Segment] = [
        ("W06", "F", content.document_no, f"{content.at:%Y%m%d}", content.reference),
        ("N1", "SF", "", "92", content.origin),
        ("N1", "ST", "", "92", content.location),
    ]
    if content.due:
        body.append(("G62", "17", f"{content.due:%Y%m%d}"))
    body.append(("W27", "M", content.carrier) if content.carrier else ("W27", "ZZ"))
    for line in content.lines:
        body.append(("W04", plain(line.qty), _unit(line), "", *_item(line)))
        if line.description:
            body.append(("G69", line.description[:45]))
        numbers = (("LI", line.line_no), ("LT", line.lot), ("SE", line.serial))
        body += [("N9", code, number) for code, number in numbers if number]
    return [*body, ("W03", plain(sum((line.qty for line in content.lines), Decimal(0))))]


def _authorisation(content: Set, reference: str) -> list[Segment]:
    """180: a BLI for each item, with what becomes of it and why."""
    body: list[Segment] = [("BGN", "00", reference, f"{content.at:%Y%m%d}")]
    if content.order_id:
        body.append(("PRF", content.order_id))
    body.append(("N9", "RZ", content.document_no))
    if content.location:
        body.append(("N1", "ST", "", "92", content.location))
    for line in content.lines:
        body += [
            ("BLI", *_item(line), plain(line.qty), _unit(line)),
            ("RDR", DISPOSITIONS.get(line.disposition, "RA"), REASONS.get(line.reason, "")),
        ]
        body += [("N9", code, number) for code, number in (("LI", line.line_no), ("SE", line.serial)) if number]
    return [*body, ("CTT", str(len(content.lines)), plain(sum((line.qty for line in content.lines), Decimal(0))))]


def _item(line: Line) -> tuple[str, str]:
    code = _GTINS.get(len(line.item), "VN") if line.names == "GTIN" else _NAMES.get(line.names, "VN")
    return code, line.item


def _unit(line: Line) -> str:
    return _UNITS.get(line.unit, line.unit) or PACK


Writer = Callable[[Set, str], list[Segment]]
WRITERS: dict[str, Writer] = {"846": _stock, "940": _order, "943": _transfer, "180": _authorisation}
"""Document → what writes the segments between ST and SE."""
