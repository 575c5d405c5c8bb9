"""Which accounts a movement of stock moves value between: by its statuses, its kind and its reason, derived by hand."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from decimal import Decimal

import pytest

from gateway.books.posting.rules import Posting
from tests.books.memory import RULES, Books, Row, books
from tests.books.posting.test_rule_lint import TEXT

Move = tuple[str, str, int, str, str | None]
"""From, to, units, kind, reason."""
BOUGHT: Move = ("SUPPLIER", "AVAILABLE", 10, "RECEIPT", None)
BACK: Move = ("CUSTOMER", "RETURN_PENDING_INSPECTION", 2, "RETURN", None)

# Ten units come at 4.00, so that each movement of n units is worth n × 4.00, and what is left of 40.00 is sellable.
BY_HAND: dict[str, tuple[list[Move], dict[str, str]]] = {
    "a receipt is owed until it is invoiced": ([BOUGHT], {"stock_sellable": "40", "grni": "-40"}),
    "stock at the start is equity": (
        [("ADJUST", "AVAILABLE", 3, "OPENING", None)],
        {"stock_sellable": "12", "opening_equity": "-12"},
    ),
    "returned and scrapped: its cost is lost, and no unit for sale comes of it": (
        [
            BOUGHT,
            ("AVAILABLE", "CUSTOMER", 2, "SHIP", None),
            BACK,
            ("RETURN_PENDING_INSPECTION", "SCRAP", 2, "STATUS", None),
        ],
        {"stock_sellable": "32", "grni": "-40", "write_down": "8"},
    ),
    "what was scrapped and leaves the house is not lost again": (
        [
            BOUGHT,
            ("AVAILABLE", "QC_HOLD", 3, "STATUS", None),
            ("QC_HOLD", "SCRAP", 3, "STATUS", None),
            ("SCRAP", "SINK", 2, "ADJUST", None),
            ("SCRAP", "ADJUST", 1, "ADJUST", "COUNT"),
        ],
        {"stock_sellable": "28", "grni": "-40", "write_down": "12"},
    ),
    "scrap that a count finds is worth nothing": (
        [BOUGHT, ("ADJUST", "SCRAP", 5, "ADJUST", "COUNT")],
        {"stock_sellable": "40", "grni": "-40"},
    ),
    "sent back to the supplier, who owes a credit; what is owed for the receipt stays": (
        [BOUGHT, ("AVAILABLE", "VENDOR_RETURN", 4, "STATUS", None), ("VENDOR_RETURN", "SUPPLIER", 4, "SHIP", None)],
        {"stock_sellable": "24", "grni": "-40", "claims": "16"},
    ),
    "lost, and some found again": (
        [BOUGHT, ("AVAILABLE", "ADJUST", 3, "ADJUST", "LOST"), ("ADJUST", "AVAILABLE", 1, "ADJUST", "FOUND")],
        {"stock_sellable": "32", "grni": "-40", "shrink": "8"},
    ),
    "samples and donations are no shrinkage": (
        [BOUGHT, ("AVAILABLE", "ADJUST", 1, "ADJUST", "SAMPLE"), ("AVAILABLE", "ADJUST", 2, "ADJUST", "DONATION")],
        {"stock_sellable": "28", "grni": "-40", "samples": "4", "donations": "8"},
    ),
    "destroyed": (
        [BOUGHT, ("AVAILABLE", "ADJUST", 2, "ADJUST", "DESTROYED")],
        {"stock_sellable": "32", "grni": "-40", "write_down": "8"},
    ),
    "one unit less was received than was said": (
        [BOUGHT, ("AVAILABLE", "ADJUST", 1, "ADJUST", "RECEIPT_CORRECTION")],
        {"stock_sellable": "36", "grni": "-36"},
    ),
    "one unit less was shipped than was said": (
        [
            BOUGHT,
            ("AVAILABLE", "CUSTOMER", 3, "SHIP", None),
            ("ADJUST", "AVAILABLE", 1, "ADJUST", "SHIPMENT_CORRECTION"),
        ],
        {"stock_sellable": "32", "grni": "-40", "cogs": "8"},
    ),
}


def rows(moves: list[Move]) -> list[Row]:
    return [
        {
            "record_id": f"m{number}",
            "sku": "CUP",
            "from_status": source,
            "to_status": target,
            "qty": qty,
            "type": kind,
            "reason": reason,
            "order_id": "O-1",
            "occurred_at": f"2026-11-{number + 1:02}T09:00:00Z",
        }
        for number, (source, target, qty, kind, reason) in enumerate(moves)
    ]


@pytest.mark.parametrize(("moves", "expected"), BY_HAND.values(), ids=BY_HAND)
def test_accounts_by_hand(opened: Books, moves: list[Move], expected: dict[str, str]) -> None:
    opened.clear()
    opened.put("item", [{"record_id": "i", "sku": "CUP", "std_unit_cost": "4.00"}])
    opened.put("inventory_movement", rows(moves))
    opened.run()
    assert opened.balances() == {role: Decimal(value) for role, value in expected.items()}
    assert opened.faults() == []


def test_the_rule_that_names_more_counts_and_of_several_the_first() -> None:
    rules = """
[[stock.rule]]
status = "ADJUST"
reason = ["LOST"]
role   = "claims"

[[stock.rule]]
status = "ADJUST"
type   = "ADJUST"
role   = "other_income"

[[stock.rule]]
status = "ADJUST"
reason = ["LOST", "COUNT"]
other  = "DAMAGED"
role   = "write_down"
"""
    head = TEXT[: TEXT.index("[[stock.rule]]")]
    posting = Posting.model_validate(tomllib.loads(head[: head.rindex("# What a movement")] + rules))
    with books(replace(RULES, posting=posting)) as ledger:
        ledger.put("item", [{"record_id": "i", "sku": "CUP", "std_unit_cost": "1.00"}])
        ledger.put(
            "inventory_movement",
            rows(
                [
                    ("AVAILABLE", "ADJUST", 1, "STATUS", "LOST"),
                    ("AVAILABLE", "ADJUST", 10, "ADJUST", "LOST"),
                    ("AVAILABLE", "ADJUST", 100, "ADJUST", "COUNT"),
                    ("DAMAGED", "ADJUST", 1000, "ADJUST", "COUNT"),
                ]
            ),
        )
        ledger.run()
        assert ledger.balances() == {
            "claims": Decimal(11),
            "other_income": Decimal(100),
            "write_down": Decimal(1000),
            "stock_sellable": Decimal(-1111),
        }


def test_a_home_of_before_names_the_roles_of_opening_stock_in_a_table_of_their_own() -> None:
    head = TEXT[: TEXT.index("[[stock.rule]]")]
    older = head[: head.rindex("# What a movement")] + '\n[stock.opening]\nADJUST = "opening_equity"\n'
    posting = Posting.model_validate(tomllib.loads(older))
    with books(replace(RULES, posting=posting)) as ledger:
        ledger.put("inventory_movement", rows([("ADJUST", "AVAILABLE", 1, "OPENING", None)]))
        ledger.put("item", [{"record_id": "i", "sku": "CUP", "std_unit_cost": "1.00"}])
        ledger.run()
        assert ledger.balances() == {"stock_sellable": Decimal(1), "opening_equity": Decimal(-1)}
