"""What a marketplace or a processor settled, line by line."""

from __future__ import annotations

from gateway.model.table import DAY, INSTANT, MONEY, QUANTITY, TEXT, Column, Table

CLASSES = (
    "principal",
    "tax",
    "shipping",
    "promotion",
    "commission",
    "fulfilment",
    "storage",
    "advertising",
    "facilitator_tax",
    "reserve",
    "chargeback",
    "chargeback_lost",
    "dispute_fee",
    "reimbursement",
    "goodwill",
    "refund_principal",
    "refund_tax",
    "refund_shipping",
    "refund_commission",
    "refund_promotion",
    "adjustment",
    "other_fee",
    "other_income",
    "transfer",
    "conversion",
    "card_charge",
    "loan",
    "gift_card",
    "suspense",
)

YOUNGER = {
    "chargeback_lost": "chargeback",
    "dispute_fee": "other_fee",
    "goodwill": "other_income",
    "conversion": "transfer",
    "card_charge": "transfer",
    "loan": "transfer",
    "gift_card": "suspense",
}
"""Classes that rules of an older home do not name → the one that such lines had before."""

SHARES = ("DISPUTE_LOST", "CLAIM", "CLAIM_EXCESS", "SALES_TAX", "REFUND_TAX")

SETTLEMENT = Table(
    "settlement",
    "The head of a settlement: its period, its total and when it is paid.",
    (
        Column("settlement_id", TEXT, "Settlement", True),
        Column("channel", TEXT, "Sales channel", True),
        Column("period_start", INSTANT, "First instant"),
        Column("period_end", INSTANT, "Last instant"),
        Column("deposit_date", DAY, "When it is paid", True),
        Column("total", MONEY, "What is paid", True),
        Column("currency", TEXT, "ISO 4217", True),
        Column("payout_ref", TEXT, "Reference on the bank statement, if the partner states it"),
        Column(
            "drawn_on",
            TEXT,
            (
                "What it is paid out of: LINES that name it (also where empty), or the BALANCE of lines that name no "
                "payout"
            ),
            False,
            ("LINES", "BALANCE"),
        ),
    ),
    event="deposit_date",
    together=(("settlement_line", "says what its total is made of: the lines are what posts"),),
)

SETTLEMENT_LINE = Table(
    "settlement_line",
    "A line of a settlement.",
    (
        Column("settlement_id", TEXT, "Settlement", True),
        Column("channel", TEXT, "Sales channel", True),
        Column("txn_type", TEXT, "The partner's transaction type"),
        Column("amount_type", TEXT, "The partner's amount type"),
        Column("amount_description", TEXT, "The partner's amount description"),
        Column("canonical_class", TEXT, "Our class; suspense for an unknown code", True, CLASSES),
        Column("order_id", TEXT, "Order"),
        Column("item_code", TEXT, "The channel's code of the order item"),
        Column("adjustment_id", TEXT, "Adjustment"),
        Column("sku", TEXT, "SKU, or the unmapped name behind '?'"),
        Column("qty", QUANTITY, "Units"),
        Column("amount", MONEY, "Signed as in the settlement: positive is paid to us", True),
        Column("currency", TEXT, "ISO 4217", True),
        Column("posted_at", INSTANT, "When the partner posted it", True),
    ),
    event="posted_at",
    together=(("settlement", "states the total that the lines must make, and when it is paid"),),
)

SETTLEMENT_SHARE = Table(
    "settlement_share",
    "The part of a settlement line that goes to another account than its class says, as other records show; the sum of "
    "a line's rows of a kind and day holds.",
    (
        Column("record_id", TEXT, "Settlement line", True),
        Column("kind", TEXT, "Why", True, SHARES),
        Column("day", DAY, "Accounting day", True),
        Column("scope", TEXT, "Dispute, item or order whose records decide", True),
        Column("entity", TEXT, "Legal entity", True),
        Column("channel", TEXT, "Sales channel", True),
        Column("settlement_id", TEXT, "Settlement", True),
        Column("order_id", TEXT, "Order"),
        Column("amount", MONEY, "The part, of the sign of what the rule of its kind posts", True),
        Column("currency", TEXT, "ISO 4217", True),
        Column("recorded_at", INSTANT, "When it was committed", True),
    ),
    event="day",
    provenance=False,
)

TABLES = (SETTLEMENT, SETTLEMENT_LINE, SETTLEMENT_SHARE)
