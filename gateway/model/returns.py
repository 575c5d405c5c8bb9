"""Returns: one event for each stage; stages never merge."""

from __future__ import annotations

from gateway.model.status import STATUSES
from gateway.model.table import INSTANT, MONEY, QUANTITY, TEXT, Column, Table

RETURN_EVENT = Table(
    "return_event",
    "One stage of one return.",
    (
        Column(
            "stage",
            TEXT,
            "Stage",
            True,
            (
                "AUTHORISED",
                "DENIED",
                "IN_TRANSIT",
                "RECEIVED",
                "INSPECTED",
                "DISPOSITIONED",
                "REFUNDED",
                "REPLACED",
                "CLAIMED",
                "CLOSED",
            ),
        ),
        Column("rma", TEXT, "Return authorisation"),
        Column("order_id", TEXT, "Order"),
        Column("line_no", TEXT, "Order line"),
        Column("sku", TEXT, "SKU, or the unmapped name behind '?'", True),
        Column("serial", TEXT, "Serial number"),
        Column("lpn", TEXT, "Licence plate of the unit"),
        Column("qty", QUANTITY, "Units", True),
        Column("location", TEXT, "Where"),
        Column("reason", TEXT, "Our reason code"),
        Column("source_reason", TEXT, "The partner's reason"),
        Column("condition", TEXT, "Condition found"),
        Column("grade", TEXT, "Grade"),
        Column("disposition", TEXT, "What was decided"),
        Column("to_status", TEXT, "Inventory status it ends in", values=STATUSES),
        Column("refund_id", TEXT, "Refund"),
        Column(
            "refund_kind", TEXT, "Kind of refund", values=("FULL", "PARTIAL", "RETURNLESS", "EXCHANGE", "STORE_CREDIT")
        ),
        Column("principal_amount", MONEY, "Refunded goods"),
        Column("tax_amount", MONEY, "Refunded tax"),
        Column("shipping_amount", MONEY, "Refunded shipping"),
        Column("fee_amount", MONEY, "Fees kept or returned"),
        Column("currency", TEXT, "ISO 4217"),
        Column("channel", TEXT, "Sales channel"),
        Column("occurred_at", INSTANT, "When", True),
        Column("actor", TEXT, "Who"),
    ),
    event="occurred_at",
    together=(("inventory_movement", "brings the units back into stock where the stage is RECEIVED"),),
)

TABLES = (RETURN_EVENT,)
