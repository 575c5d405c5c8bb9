"""An order's amounts over its shipments: whole coins of its currency, nothing lost, by hand."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.books.memory import books

PARTS = {
    # 10.00 for three: 3.33; 6.67 for two (HALF_UP of 6.666…), less 3.33; the last takes the rest.
    "cents": ("USD", "10.00", 3, ["3.33", "3.34", "3.33"]),
    # 2.01 for two: 1.005 is 1.01 half away from zero, which binary floating point has below it.
    "half a cent": ("USD", "2.01", 2, ["1.01", "1.00"]),
    "yen have no cents": ("JPY", "100", 3, ["33", "34", "33"]),
    "dinars have thousandths": ("KWD", "10.125", 2, ["5.063", "5.062"]),
    "an amount finer than the coin is not cut off": ("USD", "0.0125", 1, ["0.0125"]),
    "a line that is taken back": ("USD", "-2.01", 2, ["-1.01", "-1.00"]),
    "an amount of seven digits": ("USD", "9999999.99", 3, ["3333333.33", "3333333.33", "3333333.33"]),
}


@pytest.mark.parametrize(("currency", "amount", "units", "expected"), PARTS.values(), ids=PARTS)
def test_the_shares_of_single_units(currency: str, amount: str, units: int, expected: list[str]) -> None:
    with books() as ledger:
        ledger.put(
            "order_line",
            [
                {
                    "record_id": "o.1",
                    "order_id": "O",
                    "sku": "A",
                    "qty": units,
                    "list_amount": amount,
                    "currency": currency,
                }
            ],
        )
        ledger.put(
            "shipment_line",
            [
                {
                    "record_id": f"s.{n}",
                    "order_id": "O",
                    "sku": "A",
                    "shipped_qty": 1,
                    "shipped_at": f"2026-11-0{n}T00:00:00Z",
                }
                for n in range(1, units + 1)
            ],
        )
        ledger.run()
        shares = [share for (share,) in ledger.rows("select list_amount from shipment_value order by shipped_at")]
        assert shares == list(map(Decimal, expected)) and sum(shares) == Decimal(amount)
        assert ledger.balances().get("sales") == -Decimal(amount)
        assert ledger.faults() == []
