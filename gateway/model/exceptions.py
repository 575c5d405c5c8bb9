"""Exceptions: what somebody must look at, from opening to closing."""

from __future__ import annotations

from gateway.model.table import DAY, INSTANT, MONEY, QUANTITY, TEXT, WHOLE, Column, Table

EXCEPTION_EVENT = Table(
    "exception_event",
    "The life of each exception, an event a row.",
    (
        Column("exception_id", TEXT, "Hash of reconciliation, code and business key", True),
        Column("version", WHOLE, "1, 2, 3 … in order of its events", True),
        Column("event", TEXT, "What happened", True, ("OPENED", "CHANGED", "CLOSED", "REOPENED")),
        Column("at", INSTANT, "When", True),
        Column("reconciliation", TEXT, "a, b, c1 …", True),
        Column("code", TEXT, "Exception code", True),
        Column("business_key", TEXT, "What it is about", True),
        Column("severity", WHOLE, "1 blocks the close, 4 is for information", True),
        Column("owner", TEXT, "Owning team", True),
        Column("entity", TEXT, "Legal entity"),
        Column("partner", TEXT, "Partner"),
        Column("channel", TEXT, "Sales channel"),
        Column("location", TEXT, "Location"),
        Column("sku", TEXT, "SKU"),
        Column("document", TEXT, "Order, settlement, statement …"),
        Column("event_date", DAY, "Day of the business event"),
        Column("opened_at", INSTANT, "When it first opened", True),
        Column("due_at", INSTANT, "When it is due", True),
        Column("external_qty", QUANTITY, "Their figure"),
        Column("book_qty", QUANTITY, "Ours"),
        Column("external_amount", MONEY, "Their figure"),
        Column("book_amount", MONEY, "Ours"),
        Column("amount", MONEY, "Difference = external − book"),
        Column("qty", QUANTITY, "Difference = external − book"),
        Column("currency", TEXT, "ISO 4217"),
        Column("functional_amount", MONEY, "Difference in the entity's currency"),
        Column("status", TEXT, "Status", True, ("OPEN", "CLOSED")),
        Column("message", TEXT, "What is wrong, for people", True),
        Column("suggestion", TEXT, "Suggested resolution"),
        Column("score", WHOLE, "Priority 0–100"),
        Column("file_id", TEXT, "Source file"),
        Column("position", TEXT, "Place in it"),
        Column("resolution", TEXT, "Resolution taken"),
        Column("note", TEXT, "Comment"),
    ),
    event="at",
    provenance=False,
    identity="exception_id",
    state="exception",
)

TABLES = (EXCEPTION_EVENT,)
