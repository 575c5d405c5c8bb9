"""Files that partners sent, and what was wrong in them."""

from __future__ import annotations

from gateway.model.table import FLAG, INSTANT, KEY, MONEY, QUANTITY, TEXT, WHOLE, Column, Table

FILE_STATES = ("ACCEPTED", "HELD", "QUARANTINED", "DUPLICATE", "RELEASED", "SHADOW")

FILE = Table(
    "file",
    "A delivery of a file as one feed; later rows of a file_id are its later states.",
    (
        Column("file_id", TEXT, "First 16 hex digits of SHA-256 over (bytes' SHA-256, feed)", True),
        Column("version", WHOLE, "1 for the first row of this file_id, then 2 …", True),
        Column("sha256", TEXT, "SHA-256 of the received bytes; the archive's key", True),
        Column("bytes", WHOLE, "Size", True),
        Column("name", TEXT, "Name it was delivered under", True),
        Column("container", TEXT, "Name of the gzip, zip or encrypted file that it came in"),
        Column("container_sha256", TEXT, "SHA-256 of that file, which is in the archive too"),
        Column("partner", TEXT, "Partner whose folder or server delivered it", True),
        Column(
            "drop",
            TEXT,
            "How it came: folder, sftp:<server>, ftps:<server>, s3:<server>, operator",
            True,
            formerly="channel",
        ),
        Column("feed", TEXT, "Feed, empty if no mapping claimed it", True),
        Column("entity", TEXT, "Legal entity"),
        Column("mapping_version", TEXT, "Hash of the mapping and its lookups"),
        Column("rules", TEXT, "Hash of the posting rules by which its rows posted; empty if none did"),
        Column("control_no", TEXT, "Interchange control number"),
        Column("interchanges", TEXT, "Sender, receiver and control number of each interchange in it, a line each"),
        Column("test_flag", FLAG, "A test interchange: nothing posts", True),
        Column("received", WHOLE, "Data rows", True),
        Column("accepted", WHOLE, "Rows that became records", True),
        Column("rejected", WHOLE, "Rows in exceptions", True),
        Column("duplicate", WHOLE, "Rows already in the ledger", True),
        Column("ignored", WHOLE, "Rows left out by a named rule of the mapping", True),
        Column("ignored_by", TEXT, "Counts by rule, JSON"),
        Column("restated", WHOLE, "Of the accepted rows, those that replaced earlier ones", True),
        Column("control_total", MONEY, "The total that the file declares and its lines make"),
        Column("expected_by", INSTANT, "When the calendar expected it", retired=True),
        Column("arrived_at", INSTANT, "When it arrived", True),
        Column("state", TEXT, "State", True, FILE_STATES),
        Column("reason", TEXT, "Why it is in that state"),
        Column("recorded_at", INSTANT, "When it was committed", True),
    ),
    event="arrived_at",
    provenance=False,
    identity="file_id",
    state="file_state",
)

FAULT = Table(
    "fault",
    "A defect of a row, set or file, with the whole source row, so that nothing is lost.",
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
        Column("record_type", TEXT, "Of a rejected row: the table of the record that it would have made"),
        Column("source_key", KEY, "Of a rejected row: the key of that record, if the row states it"),
        Column("business_key", TEXT, "Key of the exception it raises", True),
        Column("amount", MONEY, "Amount at stake"),
        Column("qty", QUANTITY, "Units at stake"),
        Column("currency", TEXT, "ISO 4217"),
        Column("recorded_at", INSTANT, "When it was committed", True),
    ),
    provenance=False,
)

TABLES = (
    FILE,
    FAULT,
)
