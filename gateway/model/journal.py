"""The journal: balanced entries, and which record stands behind which line."""

from __future__ import annotations

from gateway.model.rates import RATE
from gateway.model.table import DAY, INSTANT, MONEY, TEXT, WHOLE, Column, Table

ABOUT = ("channel", "sku", "location", "order_id", "settlement_id")
"""What lines say beside account, amount and document."""

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
        Column("functional_amount", MONEY, "Debit − credit in the entity's currency; empty where no rate was known"),
        Column("fx_rate", "DECIMAL(18,8)", "Before `rate`: 1 in the entity's currency", retired=True),
        Column("channel", TEXT, "Sales channel"),
        Column("sku", TEXT, "SKU"),
        Column("location", TEXT, "Location"),
        Column("order_id", TEXT, "Order"),
        Column("settlement_id", TEXT, "Settlement"),
        Column("memo", TEXT, "What it is about, for people"),
        Column("reversal_of", TEXT, "entry_id that this entry takes back"),
        Column("file_id", TEXT, "File whose commit posted it"),
        Column("recorded_at", INSTANT, "When it was committed", True),
        Column("rate", RATE, "Functional units for one of `currency`; empty without one"),
        Column("unit_id", TEXT, "In another currency: hash of the document's day, class or record, converted as one"),
        Column("event_day", DAY, "Day of what happened; `date` is a later one where its period was closed"),
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

FUNCTIONAL_VALUE = Table(
    "functional_value",
    "What was posted of functional amounts beyond those that lines had when they were posted; the sum of a key holds.",
    (
        Column("unit_id", TEXT, "What is converted as one: `unit_id` of its lines, else their entry", True),
        Column("role", TEXT, "Account role", True),
        Column("document", TEXT, "As in the journal", True),
        *(Column(name, TEXT, "As in the journal; empty for none") for name in ABOUT),
        Column("entity", TEXT, "Legal entity", True),
        Column("day", DAY, "Accounting date", True),
        Column("currency", TEXT, "ISO 4217", True),
        Column("rate", RATE, "Rate by which it was worked out; empty where there is none any more"),
        Column("functional_amount", MONEY, "Debit − credit in the entity's currency; a later row corrects it", True),
        Column("recorded_at", INSTANT, "When it was committed", True),
    ),
    event="day",
    provenance=False,
)

POSTING_RULES = Table(
    "posting_rules",
    "Chart of accounts and posting rules by which files were posted, as they were then.",
    (
        Column("hash", TEXT, "SHA-256 of the text", True),
        Column("text", TEXT, "Version, chart and rules, JSON", True),
        Column("recorded_at", INSTANT, "When files were first posted by them", True),
    ),
    provenance=False,
)

TABLES = (JOURNAL_LINE, JOURNAL_SOURCE, FUNCTIONAL_VALUE, POSTING_RULES)
