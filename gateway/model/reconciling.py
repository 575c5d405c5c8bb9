"""What a run of the reconciliations works with besides exceptions and matches; built again by each run, not stored."""

from __future__ import annotations

from gateway.model.exceptions import SOURCE, SUBJECT
from gateway.model.matches import SIDE
from gateway.model.table import DAY, MONEY, QUANTITY, TEXT, Column, Table

STATES = ("MATCHED", "WITHIN_TOLERANCE", "TIMING", "OPEN")

_RECONCILIATION = Column("reconciliation", TEXT, "Letter of the reconciliation", True)

DETAIL = Table(
    "recon_detail",
    "A line of a reconciliation: what both sides say of one thing.",
    (
        _RECONCILIATION,
        Column("entity", TEXT, "Legal entity"),
        Column("partner", TEXT, "Partner"),
        Column("channel", TEXT, "Sales channel"),
        Column("location", TEXT, "Location"),
        Column("sku", TEXT, "SKU"),
        Column("bucket", TEXT, "Status of stock, kind of document …"),
        Column("document", TEXT, "Order, settlement, statement …"),
        Column("event_date", DAY, "Day of the business event"),
        Column("currency", TEXT, "ISO 4217"),
        Column("external_qty", QUANTITY, "Their figure"),
        Column("book_qty", QUANTITY, "Ours"),
        Column("external_amount", MONEY, "Their figure"),
        Column("book_amount", MONEY, "Ours"),
        Column("state", TEXT, "State", True, STATES),
        Column("code", TEXT, "Exception code, where it is open"),
        Column("business_key", TEXT, "Key of its exception", True),
        Column("file_id", TEXT, "Source file"),
        Column("position", TEXT, "Place in it"),
        Column("book_reference", TEXT, "What in the books it is compared with"),
    ),
    provenance=False,
)

LEFT_OUT = Table(
    "recon_left_out",
    "What a run of the books leaves out, since it cannot work with a value of it.",
    (
        Column("step", TEXT, "Step of the run", True),
        Column("unit", TEXT, "Row, item, order or file; empty where the whole step is left out", True),
        Column("title", TEXT, "The step, for people", True),
        Column("why", TEXT, "The error", True),
        Column("what", TEXT, "The unit, for people"),
        *SUBJECT,
        *SOURCE,
    ),
    provenance=False,
)

MATCHED = Table(
    "recon_matched",
    "A record that a match consumed: what the workbook shows of it.",
    (
        _RECONCILIATION,
        SIDE,
        Column("record_id", TEXT, "Record", True),
        Column("entity", TEXT, "Legal entity"),
        Column("document", TEXT, "Settlement, statement …"),
        Column("event_date", DAY, "Day of the business event"),
        Column("currency", TEXT, "ISO 4217"),
        Column("file_id", TEXT, "Source file"),
        Column("position", TEXT, "Place in it"),
    ),
    provenance=False,
)
