"""What a shipment or a receipt moves: the lines of a document say it, the movement beside them changes the stock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.suggest import remainder
from gateway.suggest.draft import Line, Record, inline

SAME = "as above"


@dataclass(frozen=True, slots=True)
class Move:
    """How the fields of a movement follow from those of a line: from fields, and from constants."""

    fields: Mapping[str, str]
    constants: Mapping[str, str]
    why: str


_DOCUMENT = {"sku": "sku", "lot": "lot", "serial": "serial", "document_line": "line_no"}
MOVES = {
    "shipment_line": Move(
        _DOCUMENT
        | {
            "occurred_at": "shipped_at",
            "from_location": "location",
            "qty": "shipped_qty",
            "document_no": "shipment_no",
            "order_id": "order_id",
        },
        {
            "from_status": "AVAILABLE",
            "to_location": "CUSTOMER",
            "to_status": "CUSTOMER",
            "type": "SHIP",
            "document_type": "shipment",
        },
        "stock falls with it; delete this record if another feed moves the stock",
    ),
    "receipt_line": Move(
        _DOCUMENT
        | {"occurred_at": "received_at", "to_location": "location", "qty": "accepted_qty", "document_no": "receipt_no"},
        {
            "from_location": "SUPPLIER",
            "from_status": "SUPPLIER",
            "to_status": "AVAILABLE",
            "type": "RECEIPT",
            "document_type": "receipt",
        },
        "stock rises with it; delete this record if another feed moves the stock",
    ),
}
"""Table of lines → the movement beside it."""


def beside(record: Record) -> list[Record]:
    """The movement beside a record, none where it moves nothing."""
    move = MOVES.get(record.type)
    if move is None:
        return []
    known = {line.key: line for line in record.fields}
    taken = {name: known[source] for name, source in move.fields.items() if source in known}
    lines = [Line(name, line.value, None, SAME, line.todo) for name, line in taken.items()]
    lines += [Line(name, inline({"constant": value})) for name, value in move.constants.items()]
    names = [line.key for line in lines]
    # A document states an item in each lot and serial number once: without them two of its rows would be one event.
    key = (*remainder.key_of("inventory_movement", names), *(name for name in ("lot", "serial") if name in names))
    return [Record("inventory_movement", key, lines, "qty > 0", "guess", move.why, record.each)]
