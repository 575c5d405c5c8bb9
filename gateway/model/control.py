"""Control tables: files, exceptions, matches, approvals and the audit trail."""

from __future__ import annotations

from gateway.model.table import DAY, FLAG, INSTANT, MONEY, QUANTITY, TEXT, WHOLE, Column, Table

FILE_STATES = ("ACCEPTED", "HELD", "QUARANTINED", "DUPLICATE", "RELEASED", "SHADOW")

FILE = Table(
    "file", "fi", "One delivery of one file as one feed; later rows of a file_id are its later states.",
    (
        Column("file_id", TEXT, "First 16 hex digits of SHA-256 over (bytes' SHA-256, feed)", True),
        Column("version", WHOLE, "1 for the first row of this file_id, then 2 …", True),
        Column("sha256", TEXT, "SHA-256 of the received bytes; the archive's key", True),
        Column("bytes", WHOLE, "Size", True),
        Column("name", TEXT, "Name it was delivered under", True),
        Column("container", TEXT, "Name of the gzip, zip or encrypted file that it came in"),
        Column("container_sha256", TEXT, "SHA-256 of that file, which is in the archive too"),
        Column("partner", TEXT, "Partner whose channel delivered it", True),
        Column("channel", TEXT, "Drop channel: folder, sftp:<server>", True),
        Column("feed", TEXT, "Feed, empty if no mapping claimed it", True),
        Column("entity", TEXT, "Legal entity"),
        Column("mapping_version", TEXT, "Hash of the mapping and its lookups"),
        Column("control_no", TEXT, "Interchange control number"),
        Column("test_flag", FLAG, "A test interchange: nothing posts", True),
        Column("received", WHOLE, "Data rows", True),
        Column("accepted", WHOLE, "Rows that became records", True),
        Column("rejected", WHOLE, "Rows in exceptions", True),
        Column("duplicate", WHOLE, "Rows already in the ledger", True),
        Column("ignored", WHOLE, "Rows left out by a named rule of the mapping", True),
        Column("ignored_by", TEXT, "Counts by rule, JSON"),
        Column("restated", WHOLE, "Of the accepted rows, those that replaced earlier ones", True),
        Column("control_total", MONEY, "The total that the file declares and its lines make"),
        Column("expected_by", INSTANT, "When the calendar expected it"),
        Column("arrived_at", INSTANT, "When it arrived", True),
        Column("state", TEXT, "State", True, FILE_STATES),
        Column("reason", TEXT, "Why it is in that state"),
        Column("recorded_at", INSTANT, "When it was committed", True),
    ),
    event="arrived_at", provenance=False,
)  # fmt: skip

FAULT = Table(
    "fault", "fa", "A defect of a row, set or file, with the whole source row, so that nothing is lost.",
    (
        Column("fault_id", TEXT, "Deterministic", True),
        Column("file_id", TEXT, "File", True),
        Column("feed", TEXT, "Feed", True),
        Column("partner", TEXT, "Partner", True),
        Column("entity", TEXT, "Legal entity"),
        Column("position", TEXT, "Place in the file"),
        Column("code", TEXT, "Exception code", True),
        Column("column_name", TEXT, "Source column"),
        Column("value", TEXT, "Offending text"),
        Column("message", TEXT, "What is wrong", True),
        Column("hint", TEXT, "How to fix it"),
        Column("source_row", TEXT, "The whole row, JSON"),
        Column("business_key", TEXT, "Key of the exception it raises", True),
        Column("amount", MONEY, "Amount at stake"),
        Column("qty", QUANTITY, "Units at stake"),
        Column("currency", TEXT, "ISO 4217"),
        Column("recorded_at", INSTANT, "When it was committed", True),
    ),
    provenance=False,
)  # fmt: skip

EXCEPTION_EVENT = Table(
    "exception_event", "ex", "Life of the exceptions; the view `exception` is their present state.",
    (
        Column("exception_id", TEXT, "Hash of reconciliation, code and business key", True),
        Column("version", WHOLE, "1, 2, … one for each event", True),
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
    event="at", provenance=False,
)  # fmt: skip

MATCH_LINE = Table(
    "match_line", "ma", "Two sides found to be the same; a record is consumed once.",
    (
        Column("match_id", TEXT, "Match", True),
        Column("reconciliation", TEXT, "a, c1, d …", True),
        Column("pass", TEXT, "P1 … P5", True),
        Column("rule", TEXT, "Rule", True),
        Column("side", TEXT, "A external, B book", True, ("A", "B")),
        Column("record_id", TEXT, "Record", True),
        Column("amount", MONEY, "Amount of that side"),
        Column("difference", MONEY, "Residual of the match"),
        Column("status", TEXT, "Status", True, ("SUGGESTED", "CONFIRMED", "REVERSED")),
        Column("explanation", TEXT, "Why: keys, tolerance, runners-up"),
        Column("recorded_at", INSTANT, "When it was committed", True),
    ),
    provenance=False,
)  # fmt: skip

APPROVAL = Table(
    "approval", "ap", "A decision, who asked for it and who took it.",
    (
        Column("subject", TEXT, "What", True),
        Column("version", WHOLE, "Of which version", True),
        Column("action", TEXT, "What was asked", True),
        Column("requested_by", TEXT, "Who asked", True),
        Column("decided_by", TEXT, "Who decided"),
        Column("channel", TEXT, "Through which drop channel"),
        Column("limit_amount", MONEY, "Limit that applied"),
        Column("decision", TEXT, "Decision"),
        Column("at", INSTANT, "When", True),
    ),
    provenance=False,
)  # fmt: skip

ACKNOWLEDGEMENT_SENT = Table(
    "acknowledgement_sent", "ac", "What a partner is told of a file that it sent: composed, then written to outbound/.",
    (
        Column("acknowledgement_id", TEXT, "Hash of partner, series and control number", True),
        Column("state", TEXT, "COMPOSED with the file's commit, then WRITTEN", True, ("COMPOSED", "WRITTEN")),
        Column("partner", TEXT, "Who is told", True),
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
)  # fmt: skip

DOCUMENT_SENT = Table(
    "document_sent", "do", "An interchange that tells a partner what is in the ledger: composed, then written to outbound/.",
    (
        Column("document_id", TEXT, "Hash of partner, series and control number", True),
        Column("state", TEXT, "COMPOSED with its lines, then WRITTEN", True, ("COMPOSED", "WRITTEN")),
        Column("send", TEXT, "Name of the [[send]] that asks for it", True),
        Column("partner", TEXT, "Who is told", True),
        Column("kind", TEXT, "What it is", True, ("846", "940", "943", "180", "INVRPT")),
        Column("series", TEXT, "What its control numbers are counted by", True, ("x12", "edifact")),
        Column("control_no", WHOLE, "Counted with those of acknowledgements, never used again", True),
        Column("name", TEXT, "File below outbound/<partner>/", True),
        Column("slot", INSTANT, "The instant of its schedule; empty where it is sent when there is something to tell"),
        Column("test_flag", FLAG, "A test", True),
        Column("sets", WHOLE, "Transaction sets or messages in it", True),
        Column("content", TEXT, "The whole of it"),
        Column("recorded_at", INSTANT, "When it was committed", True),
    ),
    provenance=False,
)  # fmt: skip

DOCUMENT_LINE = Table(
    "document_line", "dl", "A line of a document that was sent, and the record that it tells.",
    (
        Column("document_id", TEXT, "Document", True),
        Column("send", TEXT, "Name of the [[send]] that asks for it", True),
        Column("test_flag", FLAG, "A test", True),
        Column("set_no", WHOLE, "Transaction set or message in it: 1, 2, 3 …", True),
        Column("record_table", TEXT, "Table of the record; empty for stock, which is a sum"),
        Column("record_id", TEXT, "The record"),
        Column("record_key", TEXT, "Its source_key and occurrence, which a restatement keeps"),
        Column("document_no", TEXT, "Order, transfer, advice or return that it tells; the location of stock", True),
        Column("line_no", TEXT, "Its line"),
        Column("sku", TEXT, "SKU", True),
        Column("status", TEXT, "Of stock"),
        Column("item", TEXT, "As the partner names it", True),
        Column("qty", QUANTITY, "Base units that were told", True),
        Column("recorded_at", INSTANT, "When it was committed", True),
    ),
    provenance=False,
)  # fmt: skip

AUDIT_LOG = Table(
    "audit_log", "au", "Every commit, chained: each hash covers the one before it and the rows written.",
    (
        Column("seq", WHOLE, "1, 2, 3 … without a gap", True),
        Column("at", INSTANT, "When", True),
        Column("actor", TEXT, "Who", True),
        Column("action", TEXT, "What", True),
        Column("subject", TEXT, "On what", True),
        Column("detail", TEXT, "JSON, with the digest of the rows written to each table", True),
        Column("previous_hash", TEXT, "Hash of seq − 1", True),
        Column("hash", TEXT, "SHA-256", True),
    ),
    event="at", provenance=False,
)  # fmt: skip

TABLES = (
    FILE, FAULT, EXCEPTION_EVENT, MATCH_LINE, APPROVAL, ACKNOWLEDGEMENT_SENT, DOCUMENT_SENT, DOCUMENT_LINE, AUDIT_LOG,
)  # fmt: skip
