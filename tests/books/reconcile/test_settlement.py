"""What was shipped against what the channel settled."""

from __future__ import annotations

from datetime import UTC, datetime

from gateway.books.posting import reference
from tests.books.memory import CONFIG, RULES, books


def test_a_settlement_may_take_the_days_of_its_channel() -> None:
    """Shipped on 2 November, 3 days: on the 5th the settlement may still come, on the 6th it is missing."""
    web = CONFIG.channels["web"].model_copy(update={"settlement_days": 3})
    with books() as ledger:
        reference.prepare(ledger.con, CONFIG.model_copy(update={"channels": {"web": web}}), RULES)
        line = {"record_id": "o.1", "order_id": "A1", "sku": "CUP", "qty": "1", "list_amount": "9.50"}
        sent = {"record_id": "s.1", "order_id": "A1", "sku": "CUP", "shipped_qty": "1"}
        ledger.put("order_line", [line])
        ledger.put("shipment_line", [sent | {"shipped_at": "2026-11-02T00:00:00Z"}])
        assert ledger.run_all(datetime(2026, 11, 5, tzinfo=UTC)).opened == 0
        ledger.run_all(datetime(2026, 11, 6, tzinfo=UTC))
        assert ledger.rows("select code from exception where status = 'OPEN'") == [("SHIPPED_NOT_SETTLED",)]


def test_what_orders_owed_at_the_opening_is_settled_without_a_shipment() -> None:
    """A1 owed 55.00, and A3 20.00 of a first shipment, whose rest of 9.50 is of these books. Of A2 15.00 are missing;
    the balance names no channel. A4 owed nothing."""
    owed = {"A1": "55.00", "A2": "55.00", "A3": "20.00"}
    settled = {"A1": "55.00", "A2": "40.00", "A3": "29.50", "A4": "5.00"}
    with books() as ledger:
        ledger.put_all(
            {
                "opening_balance": [
                    {"record_id": order, "account": "1100", "amount": amount, "day": "2026-11-01"}
                    | {"subledger_key": order, "channel": None if order == "A2" else "web"}
                    for order, amount in owed.items()
                ],
                "settlement_line": [
                    {"record_id": f"s{order}", "order_id": order, "canonical_class": "principal", "amount": amount}
                    for order, amount in settled.items()
                ],
                "order_line": [{"record_id": "o", "order_id": "A3", "sku": "CUP", "qty": 1, "list_amount": "9.50"}],
                "shipment_line": [
                    {"record_id": "s", "order_id": "A3", "sku": "CUP", "shipped_qty": 1}
                    | {"shipped_at": "2026-11-02T00:00:00Z"}
                ],
            }
        )
        ledger.run_all()
        assert ledger.rows("select code, message from exception where status = 'OPEN' order by code") == [
            ("AMOUNT_MISMATCH", "Order A2: settled -15.0000, shipped 0.0000 USD beyond its opening balance of 55.0000"),
            ("SETTLED_NOT_SHIPPED", "Order A4 was settled with 5.0000 USD but never shipped"),
        ]
