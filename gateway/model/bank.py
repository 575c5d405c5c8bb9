"""Bank statements: entries and balances."""

from __future__ import annotations

from gateway.model.table import DAY, MONEY, TEXT, WHOLE, Column, Table

BANK_LINE = Table(
    "bank_line",
    "An entry of a bank statement. Only BOOK entries post.",
    (
        Column("account", TEXT, "IBAN or account number", True),
        Column("statement_id", TEXT, "Statement", True),
        Column("sequence", WHOLE, "Number of the statement"),
        Column("bank_ref", TEXT, "The bank's reference"),
        Column("end_to_end_ref", TEXT, "The payer's reference"),
        Column("booking_date", DAY, "Booking date", True),
        Column("value_date", DAY, "Value date"),
        Column("amount", MONEY, "Signed: credit positive", True),
        Column("currency", TEXT, "ISO 4217", True),
        Column("direction", TEXT, "Direction", True, ("CRDT", "DBIT")),
        Column("status", TEXT, "Status", True, ("BOOK", "PDNG", "INFO", "FUTR")),
        Column("domain", TEXT, "Bank transaction code: domain"),
        Column("family", TEXT, "Bank transaction code: family"),
        Column("subfamily", TEXT, "Bank transaction code: sub-family, or the BAI type"),
        Column("counterparty", TEXT, "Name of the other side"),
        Column("remittance", TEXT, "Remittance text"),
    ),
    event="booking_date",
    together=(("bank_balance", "states the balances that the entries must lead to"),),
)

BANK_BALANCE = Table(
    "bank_balance",
    "A balance of a bank statement.",
    (
        Column("account", TEXT, "IBAN or account number", True),
        Column("statement_id", TEXT, "Statement", True),
        Column("sequence", WHOLE, "Number of the statement"),
        Column("balance_type", TEXT, "OPBD, CLBD, PRCD, ITBD, CLAV …", True),
        Column("date", DAY, "As of", True),
        Column("amount", MONEY, "Signed: credit positive", True),
        Column("currency", TEXT, "ISO 4217", True),
    ),
    event="date",
)

TABLES = (BANK_LINE, BANK_BALANCE)
