"""The journal: balanced entries, and which record stands behind which line."""

from __future__ import annotations

from gateway.model.table import DAY, INSTANT, MONEY, TEXT, WHOLE, Column, Table

JOURNAL_LINE = Table(
    "journal_line",
    "A line of a balanced entry. Debit and credit are never negative; one is zero.",
    (
        Column("entry_id", TEXT, "Entry", True),
        Column("line_no", WHOLE, "Line within the entry, from 1", True),
        Column("entity", TEXT, "Legal entity", True),
        Column("date", DAY, "Accounting date", True),
        Column("period", TEXT, "YYYY-MM", True),
        Column("event_record_id", TEXT, "The record that caused it, where a rule posts per record"),
        Column("document", TEXT, "Settlement, shipment, statement … that it sums", True),
        Column("rule", TEXT, "Posting rule", True),
        Column("rule_version", TEXT, "Hash of the rules file", True),
        Column("status", TEXT, "Status", True, ("PROPOSED", "POSTED", "REVERSED")),
        Column("account", TEXT, "Account number of the chart", True),
        Column("role", TEXT, "Account role of the rule", True),
        Column("debit", MONEY, "Debit in `currency`", True),
        Column("credit", MONEY, "Credit in `currency`", True),
        Column("currency", TEXT, "ISO 4217", True),
        Column("functional_amount", MONEY, "Debit − credit in the entity's currency; empty without a rate"),
        Column("fx_rate", "DECIMAL(18,8)", "Functional units for one of `currency`; empty without a rate"),
        Column("channel", TEXT, "Sales channel"),
        Column("sku", TEXT, "SKU"),
        Column("location", TEXT, "Location"),
        Column("order_id", TEXT, "Order"),
        Column("settlement_id", TEXT, "Settlement"),
        Column("memo", TEXT, "What it is about, for people"),
        Column("reversal_of", TEXT, "entry_id that this entry takes back"),
        Column("file_id", TEXT, "File whose commit posted it"),
        Column("recorded_at", INSTANT, "When it was committed", True),
    ),
    event="date",
    provenance=False,
)

JOURNAL_SOURCE = Table(
    "journal_source",
    "Which record stands behind which journal line.",
    (
        Column("entry_id", TEXT, "Entry", True),
        Column("line_no", WHOLE, "Line", True),
        Column("record_id", TEXT, "Record", True),
    ),
    provenance=False,
)

TABLES = (JOURNAL_LINE, JOURNAL_SOURCE)
