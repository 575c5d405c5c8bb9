"""What people enter in the journal by file: opening balances and manual entries, and what was posted of them; and what
the general ledger outside says."""

from __future__ import annotations

from gateway.model.table import DAY, INSTANT, MONEY, TEXT, Column, Table

DIMENSIONS = ("channel", "sku", "location", "order_id", "settlement_id")
"""What a line of a manual entry may say beside account and amount; the journal's line says the same."""

OPENING_BALANCE = Table(
    "opening_balance",
    "The balance of an account with which the books begin. It posts against opening equity.",
    (
        Column("account", TEXT, "Account number of the chart", True),
        Column("currency", TEXT, "ISO 4217", True),
        Column("amount", MONEY, "Signed: debit positive", True),
        Column("day", DAY, "Day of the balance", True),
        Column("subledger_key", TEXT, "What the account knows its items by: order, settlement, invoice …"),
        Column("channel", TEXT, "Sales channel"),
    ),
    event="day",
)

MANUAL_ENTRY = Table(
    "manual_entry",
    "A line of an entry that a person makes. An entry posts when all its lines balance in each currency.",
    (
        Column("entry_no", TEXT, "Entry", True),
        Column("line_no", TEXT, "Line of the entry", True),
        Column("day", DAY, "Accounting date, the same for all lines of an entry", True),
        Column("account", TEXT, "Account number of the chart", True),
        Column("debit", MONEY, "Debit in `currency`"),
        Column("credit", MONEY, "Credit in `currency`"),
        Column("currency", TEXT, "ISO 4217", True),
        Column("reason", TEXT, "Why, in that person's words", True),
        Column("person", TEXT, "Who makes it", True),
        Column("approved_by", TEXT, "Who approves it: another person; needed where a line is on a control account"),
        Column("channel", TEXT, "Sales channel"),
        Column("sku", TEXT, "SKU"),
        Column("location", TEXT, "Location"),
        Column("order_id", TEXT, "Order"),
        Column("settlement_id", TEXT, "Settlement"),
    ),
    event="day",
)

ENTERED_VALUE = Table(
    "entered_value",
    "What an opening balance or a line of a manual entry posted; the sum of a record's rows holds.",
    (
        Column("record_id", TEXT, "Opening balance or line of a manual entry", True),
        Column("role", TEXT, "Role of the account that it was posted to", True),
        Column("kind", TEXT, "Which of the two", True, ("OPENING", "MANUAL")),
        Column("entity", TEXT, "Legal entity", True),
        Column("partner", TEXT, "Whose folder or server it came by", True),
        Column("day", DAY, "Accounting date", True),
        Column("entry", TEXT, "Number of a manual entry; of opening balances the day", True),
        Column("document", TEXT, "What its line is about", True),
        Column("currency", TEXT, "ISO 4217", True),
        *(Column(name, TEXT, "As in the journal") for name in DIMENSIONS),
        Column("memo", TEXT, "Why"),
        Column("amount", MONEY, "Debit − credit; a later row corrects an earlier one", True),
        Column("recorded_at", INSTANT, "When it was committed", True),
    ),
    event="day",
    provenance=False,
)

GL_BALANCE = Table(
    "gl_balance",
    "The balance of an account at the end of a day, as the general ledger outside has it. It posts nothing.",
    (
        Column("account", TEXT, "Account number of the chart", True),
        Column("currency", TEXT, "ISO 4217", True),
        Column("amount", MONEY, "Signed: debit positive", True),
        Column("day", DAY, "Last day that counts", True),
    ),
    event="day",
)

TABLES = (OPENING_BALANCE, MANUAL_ENTRY, GL_BALANCE, ENTERED_VALUE)
