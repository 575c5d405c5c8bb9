"""What we order from suppliers: their answers, their advices and their invoices.

Orders say what receipts cost; invoices post, and have the last word on it (gateway/books/procurement).
"""

from __future__ import annotations

from gateway.model.table import DAY, INSTANT, MONEY, QUANTITY, TEXT, UNIT_COST, Column, Table

PURCHASE_ORDER_LINE = Table(
    "purchase_order_line",
    "A line of our order to a supplier: as ordered, and as the supplier answers it.",
    (
        Column("po", TEXT, "Our order number, with its release", True),
        Column("line_no", TEXT, "Our line; empty if the document speaks of the whole order"),
        Column("stage", TEXT, "Our order, or the supplier's answer to it", True, ("ORDERED", "CONFIRMED")),
        Column(
            "line_status",
            TEXT,
            "What becomes of `qty`",
            True,
            ("OPEN", "CLOSED", "CANCELLED", "ACCEPTED", "CHANGED", "SUBSTITUTED", "BACKORDERED", "HELD", "REJECTED"),
        ),
        Column("source_status", TEXT, "The partner's code of it"),
        Column("stated_at", INSTANT, "When the document was written", True),
        Column("supplier", TEXT, "Supplier"),
        Column("confirmation_no", TEXT, "The supplier's number of the answer"),
        Column("sku", TEXT, "SKU, or the unmapped name behind '?'"),
        Column("supplier_item", TEXT, "The supplier's number of the item"),
        Column("qty", QUANTITY, "Units ordered, or those that this answer is about"),
        Column("ordered_qty", QUANTITY, "In an answer: units ordered, as the supplier repeats them"),
        Column("unit_cost", UNIT_COST, "Price of a base unit without tax, in `currency`"),
        Column("currency", TEXT, "ISO 4217"),
        Column("due", DAY, "Day of arrival, or of departure if no other is stated"),
        Column("location", TEXT, "Where it is to arrive"),
    ),
    event="stated_at",
)

ASN_LINE = Table(
    "asn_line",
    "A line of a supplier's advice of goods that are on their way to us.",
    (
        Column("asn", TEXT, "Advice", True),
        Column("po", TEXT, "Our order number, with its release"),
        Column("line_no", TEXT, "Line of our order, else of the advice"),
        Column("supplier", TEXT, "Supplier"),
        Column("location", TEXT, "Where it is to arrive"),
        Column("carrier", TEXT, "Carrier (SCAC)"),
        Column("tracking_no", TEXT, "Tracking number, else the bill of lading"),
        Column("package", TEXT, "Number of the logistic unit (SSCC)"),
        Column("shipped_at", INSTANT, "When it left, else when it was advised", True),
        Column("eta", DAY, "Day on which it should arrive"),
        Column("sku", TEXT, "SKU, or the unmapped name behind '?'", True),
        Column("supplier_item", TEXT, "The supplier's number of the item"),
        Column("qty", QUANTITY, "Units on their way", True),
        Column("ordered_qty", QUANTITY, "Units ordered, as the supplier repeats them"),
        Column("lot", TEXT, "Lot"),
        Column("serial", TEXT, "Serial number"),
    ),
    event="shipped_at",
)

SUPPLIER_INVOICE_LINE = Table(
    "supplier_invoice_line",
    "A line of a supplier's invoice or credit note; all of a document make what we owe, or get back (negative).",
    (
        Column("invoice_no", TEXT, "Invoice or credit note", True),
        Column("invoice_date", DAY, "Its date", True),
        Column("document_kind", TEXT, "Kind of document", True, ("INVOICE", "CREDIT_NOTE", "DEBIT_NOTE")),
        Column("corrects", TEXT, "Invoice that it corrects"),
        Column("supplier", TEXT, "Supplier"),
        Column("line_no", TEXT, "Line; empty for what concerns the whole document"),
        Column("line_kind", TEXT, "What the amount is for", True, ("GOODS", "ALLOWANCE", "CHARGE", "TAX")),
        Column("code", TEXT, "The supplier's code of an allowance, a charge or a tax"),
        Column("description", TEXT, "Text"),
        Column("po", TEXT, "Our order number, with its release"),
        Column("po_line", TEXT, "Line of our order"),
        Column("sku", TEXT, "SKU, or the unmapped name behind '?'"),
        Column("supplier_item", TEXT, "The supplier's number of the item"),
        Column("qty", QUANTITY, "Units invoiced; negative in a credit note"),
        Column("unit_cost", UNIT_COST, "Price of a base unit without tax, in `currency`"),
        Column(
            "amount",
            MONEY,
            (
                "Signed: positive is owed to the supplier. Tax has lines of its own. Empty if the mapping allows it "
                "and none is stated"
            ),
            True,
        ),
        Column("tax_rate", QUANTITY, "Per cent, where one rate is stated"),
        Column("currency", TEXT, "ISO 4217", True),
        Column("due", DAY, "When it is to be paid"),
    ),
    event="invoice_date",
)

TABLES = (PURCHASE_ORDER_LINE, ASN_LINE, SUPPLIER_INVOICE_LINE)
