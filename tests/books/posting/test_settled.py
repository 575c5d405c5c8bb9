"""What settlement lines turn out to be, once other records are known: lost disputes, claims paid, tax in refunds.

Each case is an order with a settlement of its own, and figures by hand. All cases of a test come at once, and in the
other order with a run of the books after the first part.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from gateway.books.posting.rules import Posting, PostingRules
from tests.books.memory import RULES, Books, Row, books

NOVEMBER = datetime(2026, 11, 20, tzinfo=UTC)
Part = tuple[str, Sequence[Row]]
Case = Mapping[str, str]
"""Role → balance."""


@pytest.fixture(scope="module")
def shared() -> Iterator[Books]:
    with books() as one:
        yield one


@pytest.fixture
def ledger(shared: Books) -> Books:
    shared.clear()
    return shared


def line(case: str, record: str, kind: str, amount: str, **own: Any) -> Row:
    file = f"{case} {record}"
    return {
        "record_id": f"{file}.1",
        "file_id": file,
        "settlement_id": case,
        "order_id": case,
        "canonical_class": kind,
        "amount": amount,
        **own,
    }


def balances(ledger: Books) -> dict[str, dict[str, str]]:
    """Case → role → balance."""
    assert ledger.faults() == []
    found: dict[str, dict[str, str]] = {}
    for (role, case), net in ledger.balances("coalesce(settlement_id, order_id, document)").items():
        found.setdefault(case, {})[role] = f"{net:.3f}".removesuffix("0")
    return found


def in_both_orders(ledger: Books, parts: Sequence[Part], at: datetime = NOVEMBER) -> dict[str, dict[str, str]]:
    found = []
    for ordered, between in ((parts, 0), (parts[::-1], 1)):
        ledger.clear()
        for number, (table, rows) in enumerate(ordered, 1):
            (ledger.post if table == "settlement_line" else ledger.put)(table, rows)
            if number == between:
                ledger.run(at)
        ledger.run(at)
        found.append(balances(ledger))
    assert found[0] == found[1]
    return found[0]


def of_cases(lines: Mapping[str, Sequence[Row]]) -> list[Part]:
    """The first lines of all cases, then the second ones, then the others."""
    parts = ([row for rows in lines.values() for row in rows[n : n + 1]] for n in (0, 1))
    rest = [row for rows in lines.values() for row in rows[2:]]
    return [("settlement_line", part) for part in (*parts, rest) if part]


# --- disputes -----------------------------------------------------------------------------------------------------


def taken(case: str, **own: Any) -> Row:
    return line(case, "taken", "chargeback", "-50.00", **own)


DISPUTES: dict[str, tuple[Sequence[Row], Case]] = {
    # The channel took 50.00: what was owed for the order is disputed.
    "open": ([taken("open")], {"channel_receivable": "-50.00", "disputes": "50.00"}),
    "won": ([taken("won"), line("won", "back", "chargeback", "50.00")], {}),
    # A line without an amount says that it is lost, and 15.00 is the fee for it.
    "lost": (
        [taken("lost"), line("lost", "said", "chargeback_lost", "0"), line("lost", "fee", "dispute_fee", "-15.00")],
        {"channel_receivable": "-65.00", "dispute_fees": "15.00", "returns": "50.00"},
    ),
    # 20.00 of it came back before it was lost: 30.00 are a return.
    "part": (
        [
            taken("part"),
            line("part", "back", "chargeback", "20.00"),
            line("part", "said", "chargeback_lost", "0"),
        ],
        {"channel_receivable": "-30.00", "returns": "30.00"},
    ),
    # What is final at once is taken under the class of what is lost.
    "final": (
        [line("final", "taken", "chargeback_lost", "-50.00")],
        {"channel_receivable": "-50.00", "returns": "50.00"},
    ),
    # 120 days before 2026-11-20 is 2026-07-23.
    "old": ([taken("old", posted_at="2026-07-23T09:00:00Z")], {"channel_receivable": "-50.00", "returns": "50.00"}),
    # Both name the payment; what was taken came back.
    "paid": (
        [
            line("paid", "sale", "principal", "50.00", item_code="PAY-2"),
            line("paid", "taken", "chargeback", "-50.00", order_id=None, item_code="D-1", adjustment_id="PAY-2"),
            line("paid", "back", "chargeback", "50.00", order_id=None, item_code="D-2", adjustment_id="PAY-2"),
            line("paid", "said", "chargeback_lost", "0", order_id=None, item_code="D-3", adjustment_id="PAY-2"),
        ],
        {},
    ),
    "young": (
        [taken("young", posted_at="2026-07-24T09:00:00Z")],
        {"channel_receivable": "-50.00", "disputes": "50.00"},
    ),
}


def test_a_dispute_is_open_won_or_lost(ledger: Books) -> None:
    expected = {case: dict(roles) for case, (_, roles) in DISPUTES.items() if roles}
    assert in_both_orders(ledger, of_cases({case: rows for case, (rows, _) in DISPUTES.items()})) == expected


def test_a_dispute_that_is_won_after_all_takes_the_loss_back(ledger: Books) -> None:
    ledger.post("settlement_line", [taken("late")])
    ledger.run(datetime(2027, 5, 1, tzinfo=UTC))
    # It was lost on 2027-03-10, 120 days after 2026-11-10, whenever the books were run.
    assert ledger.rows("select date, order_id from journal_line where role = 'disputes' and credit > 0") == [
        (date(2027, 3, 10), "late")
    ]
    ledger.post("settlement_line", [line("late", "back", "chargeback", "50.00", posted_at="2027-05-02T00:00:00Z")])
    ledger.run(datetime(2027, 5, 3, tzinfo=UTC))
    assert balances(ledger) == {}


# --- claims -------------------------------------------------------------------------------------------------------


def received(sku: str) -> Row:
    return {
        "record_id": f"in {sku}.1",
        "occurred_at": "2026-11-01T00:00:00Z",
        "sku": sku,
        "from_status": "SUPPLIER",
        "to_status": "AVAILABLE",
        "qty": 10,
        "type": "RECEIPT",
        "unit_cost": "6.00",
    }


def lost(sku: str, reason: str) -> Row:
    return {
        **received(sku),
        "record_id": f"out {sku}.1",
        "occurred_at": "2026-11-02T00:00:00Z",
        "from_status": "AVAILABLE",
        "to_status": "ADJUST",
        "type": "ADJUSTMENT",
        "reason": reason,
        "unit_cost": None,
    }


def claiming() -> PostingRules:
    """What is lost is claimed from the channel, in place of shrinkage."""
    own = RULES.posting.model_dump(by_alias=True)
    own["stock"]["rule"] = [{"status": "ADJUST", "reason": ["LOST"], "role": "claims"}, *own["stock"]["rule"]]
    return PostingRules(RULES.chart, Posting.model_validate(own), RULES.version)


# Of each item 10 units at 6.00 were lost: 60.00.
REIMBURSED: dict[str, tuple[str, Sequence[str], Case]] = {
    # Nothing was claimed: 80.00 come back to shrinkage.
    "none": ("DAMAGE", ["80.00"], {"channel_receivable": "80.00", "shrink": "-80.00"}),
    # 20.00 are beyond the claim.
    "beyond": ("LOST", ["80.00"], {"channel_receivable": "80.00", "claims": "-60.00", "other_income": "-20.00"}),
    # The second closes what the first has left open, 35.00, and 10.00 of it are beyond.
    "two": ("LOST", ["25.00", "45.00"], {"channel_receivable": "70.00", "claims": "-60.00", "other_income": "-10.00"}),
    # The rest stays claimed.
    "less": ("LOST", ["40.00"], {"channel_receivable": "40.00", "claims": "-40.00"}),
    # 30.00 of 80.00 are taken back: 20.00 were beyond the claim, 10.00 are claimed again.
    "clawed back": ("LOST", ["80.00", "-30.00"], {"channel_receivable": "50.00", "claims": "-50.00"}),
}


def test_a_reimbursement_pays_an_open_claim_or_comes_back_to_shrinkage(ledger: Books) -> None:
    lines = {
        case: [
            line(case, f"paid {n}", "reimbursement", paid, sku=case, posted_at=f"2026-11-1{n}T00:00:00Z")
            for n, paid in enumerate(amounts)
        ]
        for case, (_, amounts, _) in REIMBURSED.items()
    }
    moves = [row for case, (reason, *_) in REIMBURSED.items() for row in (received(case), lost(case, reason))]
    ledger.rules = claiming()
    try:
        paid, *others = of_cases(lines)
        found = in_both_orders(ledger, [paid, ("inventory_movement", moves), *others])
    finally:
        ledger.rules = RULES
    assert found.pop("RECEIPT") == {"stock_sellable": "300.00", "grni": "-300.00"}
    # 60.00 of shrinkage, and four claims of 60.00.
    assert found.pop("ADJUSTMENT") == {"stock_sellable": "-300.00", "shrink": "60.00", "claims": "240.00"}
    assert found == {case: dict(roles) for case, (_, _, roles) in REIMBURSED.items()}


# --- tax ----------------------------------------------------------------------------------------------------------


def order(case: str, **own: Any) -> Row:
    """100.00 of goods, 5.00 for shipping, 10.00 of tax: 115.00."""
    taxed = {"list_amount": "100.00", "shipping_amount": "5.00", "tax_amount": "10.00"}
    return {"record_id": f"order {case}.1", "order_id": case, "sku": "A", "qty": 2, **taxed, **own}


def shipped(case: str, **own: Any) -> Row:
    at = {"shipped_at": "2026-11-03T00:00:00Z", "shipped_qty": 2}
    return {"record_id": f"shipped {case}.1", "order_id": case, "sku": "A", **at, **own}


def paid(case: str, amount: str, **own: Any) -> Row:
    return line(case, "paid", "principal", amount, **own)


def back(case: str, amount: str, kind: str = "refund_principal", n: int = 1, **own: Any) -> Row:
    return line(case, f"back {n}", kind, amount, posted_at=f"2026-11-1{n}T00:00:00Z", **own)


TAXED: dict[str, tuple[Sequence[Row], str, str]] = {
    # All of it back: the tax with it.
    "whole": ([paid("whole", "115.00"), back("whole", "-115.00")], "0.00", "105.00"),
    # 23.00 are a fifth: 2.00 of tax.
    "fifth": ([paid("fifth", "115.00"), back("fifth", "-23.00")], "-8.00", "21.00"),
    # 10.00 hold 0.87 (0.8695…), 20.00 together 1.74 (1.7391…): so do refunds that come without the sale.
    "parts": ([back("parts", "-10.00"), back("parts", "-10.00", n=2)], "-8.26", "18.26"),
    # A refund that failed comes back, with its tax.
    "failed": ([back("failed", "-23.00"), back("failed", "23.00", n=2)], "-10.00", "0.00"),
    # The channel states the tax by itself: 4.00 of 44.00.
    "stated": ([back("stated", "-40.00"), back("stated", "-4.00", "refund_tax", 2)], "-6.00", "40.00"),
    # The channel settles the order without its tax, which it pays itself.
    "without": ([paid("without", "105.00"), back("without", "-105.00")], "-10.00", "105.00"),
    # The tax of an order that was not shipped was never owed.
    "unshipped": ([paid("unshipped", "115.00"), back("unshipped", "-115.00")], "0.00", "115.00"),
    # The refund names the payment, which names the order.
    "named": (
        [
            paid("named", "115.00", item_code="PAY-1"),
            back("named", "-23.00", order_id=None, item_code="BACK-1", adjustment_id="PAY-1"),
        ],
        "-8.00",
        "21.00",
    ),
    # Nobody knows the order.
    "unknown": ([back("unknown", "-115.00")], "0.00", "115.00"),
    # 413 of 1,150 yen hold 36 of the 100 of tax (35.91…). 0.383 of 1.150 dinars hold 0.033 of 0.100 (0.0333…).
    "yen": ([back("yen", "-413", entity="JP", currency="JPY")], "-64.00", "377.00"),
    "dinar": ([back("dinar", "-0.383", entity="KW", currency="KWD")], "-0.067", "0.350"),
}
OTHER_COINS = {
    "yen": {"entity": "JP", "currency": "JPY", "list_amount": "1000", "shipping_amount": "50", "tax_amount": "100"},
    "dinar": {
        "entity": "KW",
        "currency": "KWD",
        "list_amount": "1.000",
        "shipping_amount": "0.050",
        "tax_amount": "0.100",
    },
}


def test_a_refund_takes_back_its_share_of_the_tax(ledger: Books) -> None:
    known = [case for case in TAXED if case != "unknown"]
    orders = [order(case, **OTHER_COINS.get(case, {})) for case in known]
    sent = [
        shipped(case, entity=OTHER_COINS.get(case, {"entity": "US"})["entity"]) for case in known if case != "unshipped"
    ]
    first, *others = of_cases({case: rows for case, (rows, _, _) in TAXED.items()})
    found = in_both_orders(ledger, [("order_line", orders), first, ("shipment_line", sent), *others])
    for case, (_, tax, returns) in TAXED.items():
        assert Decimal(found[case].get("tax", "0")) == Decimal(tax), case
        assert Decimal(found[case].get("returns", "0")) == Decimal(returns), case


def test_with_the_trigger_settlement_tax_is_no_sale(ledger: Books) -> None:
    # 115.00 are paid, 23.00 given back: 10.00 and 2.00 of them are tax. Goods and shipping are 105.00 and 21.00.
    parts: list[Part] = [
        ("settlement_line", [paid("shop", "115.00", channel="shop")]),
        ("settlement_line", [back("shop", "-23.00", channel="shop")]),
        ("order_line", [order("shop", channel="shop")]),
    ]
    assert in_both_orders(ledger, parts) == {
        "shop": {"channel_receivable": "92.00", "sales": "-105.00", "tax": "-8.00", "returns": "21.00"}
    }
