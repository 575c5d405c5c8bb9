"""What partners got from us: acknowledgements of their files, and documents of the ledger."""

from __future__ import annotations

from gateway.model.table import FLAG, INSTANT, QUANTITY, TEXT, WHOLE, Column, Table

ACKNOWLEDGEMENT_SENT = Table(
    "acknowledgement_sent",
    "What a partner gets back for a file that it sent: composed, then written to outbound/.",
    (
        Column("acknowledgement_id", TEXT, "Hash of partner, series and control number", True),
        Column("state", TEXT, "COMPOSED with the file's commit, then WRITTEN", True, ("COMPOSED", "WRITTEN")),
        Column("partner", TEXT, "Who gets it", True),
        Column("kind", TEXT, "What it is", True, ("TA1", "997", "999", "824", "CONTRL", "APERAK", "FEEDBACK")),
        Column("series", TEXT, "What its control numbers are counted by", True, ("x12", "edifact", "feedback")),
        Column("control_no", WHOLE, "1, 2, 3 … for each partner and series, never used again", True),
        Column("name", TEXT, "File below outbound/<partner>/", True),
        Column("sha256", TEXT, "SHA-256 of the bytes that it answers", True),
        Column("answers", TEXT, "Name they were delivered under", True),
        Column("interchange", TEXT, "Control number of the interchange that it answers"),
        Column("verdict", TEXT, "What it says", True, ("ACCEPTED", "PARTLY", "REJECTED")),
        Column("content", TEXT, "The whole of it; empty for feedback, which follows from the faults"),
        Column("recorded_at", INSTANT, "When it was committed: COMPOSED with the file that it answers", True),
        Column("test_flag", FLAG, "It answers a test"),
    ),
    provenance=False,
)

DOCUMENT_SENT = Table(
    "document_sent",
    "An interchange that reports the ledger to a partner: composed, then written to outbound/.",
    (
        Column("document_id", TEXT, "Hash of partner, series and control number", True),
        Column("state", TEXT, "COMPOSED with its lines, then WRITTEN", True, ("COMPOSED", "WRITTEN")),
        Column("send", TEXT, "Name of the [[send]] that asks for it", True),
        Column("partner", TEXT, "Who gets it", True),
        Column("kind", TEXT, "What it is", True, ("846", "940", "943", "180", "INVRPT")),
        Column("series", TEXT, "What its control numbers are counted by", True, ("x12", "edifact")),
        Column("control_no", WHOLE, "Counted with those of acknowledgements, never used again", True),
        Column("name", TEXT, "File below outbound/<partner>/", True),
        Column(
            "slot", INSTANT, "The instant of its schedule; empty where it is sent as soon as there is something new"
        ),
        Column("test_flag", FLAG, "A test", True),
        Column("sets", WHOLE, "Transaction sets or messages in it", True),
        Column("content", TEXT, "The whole of it"),
        Column("recorded_at", INSTANT, "When it was committed", True),
    ),
    provenance=False,
)

DOCUMENT_LINE = Table(
    "document_line",
    "A line of a document that was sent, and the record that it reports.",
    (
        Column("document_id", TEXT, "Document", True),
        Column("send", TEXT, "Name of the [[send]] that asks for it", True),
        Column("test_flag", FLAG, "A test", True),
        Column("set_no", WHOLE, "Transaction set or message in it: 1, 2, 3 …", True),
        Column("record_table", TEXT, "Table of the record; empty for stock, which is a sum"),
        Column("record_id", TEXT, "The record"),
        Column("record_key", TEXT, "Its source_key and occurrence, which a restatement keeps"),
        Column("document_no", TEXT, "Order, transfer, advice or return that it reports; the location of stock", True),
        Column("line_no", TEXT, "Its line"),
        Column("sku", TEXT, "SKU", True),
        Column("status", TEXT, "Of stock"),
        Column("item", TEXT, "As the partner names it", True),
        Column("qty", QUANTITY, "Base units reported", True),
        Column("recorded_at", INSTANT, "When it was committed", True),
    ),
    provenance=False,
)

TABLES = (
    ACKNOWLEDGEMENT_SENT,
    DOCUMENT_SENT,
    DOCUMENT_LINE,
)
