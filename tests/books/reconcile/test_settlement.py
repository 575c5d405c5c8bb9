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
