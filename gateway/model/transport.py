"""Where consignments are: what carriers say of them on their way."""

from __future__ import annotations

from gateway.model.table import INSTANT, TEXT, Column, Table

EVENTS = (
    "BOOKED",
    "CANCELLED",
    "PICKED_UP",
    "IN_TRANSIT",
    "ARRIVED",
    "OUT_FOR_DELIVERY",
    "NOT_DELIVERED",
    "DELIVERED",
    "REFUSED",
    "DELAYED",
    "DAMAGED",
    "RETURNED",
    "LOST",
    "EXCEPTION",
    "ESTIMATE",
    "INFORMATION",
)

TRANSPORT_EVENT = Table(
    "transport_event",
    "What a carrier says of a consignment, or of a package of it. Nothing posts or moves stock.",
    (
        Column("tracking_no", TEXT, "The carrier's number: parcel, consignment or waybill", True),
        Column("package", TEXT, "Number of the logistic unit (SSCC), if it is about one alone"),
        Column("shipment_no", TEXT, "The shipper's number of the shipment"),
        Column("order_id", TEXT, "Order"),
        Column("carrier", TEXT, "Carrier (SCAC, or as it names itself)"),
        Column(
            "event",
            TEXT,
            "What happened; ESTIMATE says when it is expected, INFORMATION all that moves nothing",
            True,
            EVENTS,
        ),
        Column("source_event", TEXT, "The carrier's code of it", True),
        Column("occurred_at", INSTANT, "When; of an estimate, when it was made", True),
        Column("expected_at", INSTANT, "When delivery is expected"),
        Column("place", TEXT, "Where, as the carrier names it"),
        Column("reason", TEXT, "The carrier's code of the reason"),
        Column("message", TEXT, "The carrier's words"),
    ),
    event="occurred_at",
)

TABLES = (TRANSPORT_EVENT,)
