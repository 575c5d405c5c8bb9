"""Exceptions: what somebody must look at, from opening to closing."""

from __future__ import annotations

from gateway.model.table import DAY, INSTANT, MONEY, QUANTITY, TEXT, WHOLE, Column, Table

KEY = (
    Column("reconciliation", TEXT, "Letter of the reconciliation: a, c1 …", True),
    Column("code", TEXT, "Exception code", True),
    Column("business_key", TEXT, "What it is about", True),
)
"""What an exception is identified by, with its entity."""

SUBJECT = (
    Column("entity", TEXT, "Legal entity"),
    Column("partner", TEXT, "Partner"),
    Column("channel", TEXT, "Sales channel"),
    Column("location", TEXT, "Location"),
    Column("sku", TEXT, "SKU"),
    Column("document", TEXT, "Order, settlement, statement …"),
    Column("event_date", DAY, "Day of the business event"),
)
FIGURES = (
    Column("external_qty", QUANTITY, "Their figure"),
    Column("book_qty", QUANTITY, "Ours"),
    Column("external_amount", MONEY, "Their figure"),
    Column("book_amount", MONEY, "Ours"),
    Column("amount", MONEY, "Difference = external − book"),
    Column("qty", QUANTITY, "Difference = external − book"),
    Column("currency", TEXT, "ISO 4217"),
)
MESSAGE = Column("message", TEXT, "What is wrong, for people", True)
SOURCE = (
    Column("file_id", TEXT, "Source file"),
    Column("position", TEXT, "Place in it"),
)

WANTED = Table(
    "recon_exception",
    "What a run of the reconciliations finds that should be open; not stored.",
    (*KEY, *SUBJECT, *FIGURES, MESSAGE, *SOURCE),
    provenance=False,
)

CONTENT = tuple(column.name for column in (*FIGURES, MESSAGE))
"""A change of any of these is a new version of the exception."""

EXCEPTION_EVENT = Table(
    "exception_event",
    "The life of each exception, an event a row.",
    (
        Column("exception_id", TEXT, "Hash of reconciliation, code, business key and entity", True),
        Column("version", WHOLE, "1, 2, 3 … in order of its events", True),
        Column("event", TEXT, "What happened", True, ("OPENED", "CHANGED", "CLOSED", "REOPENED")),
        Column("at", INSTANT, "When", True),
        *KEY,
        Column("severity", WHOLE, "1 blocks the close, 4 is for information", True),
        Column("owner", TEXT, "Owning team", True),
        *SUBJECT,
        Column("opened_at", INSTANT, "When it first opened", True),
        Column("due_at", INSTANT, "When it is due", True),
        *FIGURES,
        Column("functional_amount", MONEY, "Difference in the entity's currency"),
        Column("status", TEXT, "Status", True, ("OPEN", "CLOSED")),
        MESSAGE,
        Column("suggestion", TEXT, "Suggested resolution"),
        Column("score", WHOLE, "Priority 0–100"),
        *SOURCE,
        Column("resolution", TEXT, "Resolution by which a person closed it"),
        Column("note", TEXT, "Who closed it, and why"),
    ),
    event="at",
    provenance=False,
    identity="exception_id",
    state="exception",
)

DECISION = Table(
    "decision",
    "What people decide about exceptions. The newest counts while figures and message are the same.",
    (
        Column("exception_id", TEXT, "The exception", True),
        Column("decided_at", INSTANT, "When", True),
        Column("decided_by", TEXT, "Who", True),
        Column("resolution", TEXT, "The answer", True),
        Column("target", TEXT, "The document that it names"),
        Column("value", TEXT, "The value that it corrects to"),
        Column("comment", TEXT, "Why, in that person's words", True),
        *KEY,
        Column("entity", TEXT, "Legal entity"),
        *FIGURES,
        MESSAGE,
        Column("file_id", TEXT, "Source file"),
    ),
    event="decided_at",
    provenance=False,
    identity="exception_id",
    order="decided_at",
    state="decision_state",
)

TABLES = (EXCEPTION_EVENT, DECISION)
