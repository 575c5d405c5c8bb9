"""The trial balance by account, cut at a day."""

from __future__ import annotations

from datetime import date

from gateway.reports import balances
from tests.books.memory import books


def test_opening_movement_and_closing_are_cut_at_days_and_come_to_zero() -> None:
    """Bank 100.00 in September; 30.00 and −5.00 in October; 7.00 in November is not there yet on 31 October."""
    with books() as ledger:
        for number, (day, account, amount, currency) in enumerate(
            [
                ("2026-09-30", "1000", "100.00", "USD"),
                ("2026-10-01", "1000", "30.00", "USD"),
                ("2026-10-31", "1000", "-5.00", "USD"),
                ("2026-11-01", "1000", "7.00", "USD"),
                ("2026-10-15", "2000", "-40.00", "EUR"),
            ]
        ):
            row = {"record_id": f"a.{number}", "account": account, "amount": amount, "day": day, "currency": currency}
            ledger.put("opening_balance", [row])
        ledger.run()
        accounts, sums = balances.by_account(ledger.con, date(2026, 10, 1), date(2026, 10, 31), "US")
    found = {
        (row["account"], row["currency"]): [row[name] for name in ("opening", "movement", "closing")]
        for row in accounts
    }
    assert found == {
        ("1000", "USD"): ["100.0000", "25.0000", "125.0000"],
        ("3000", "USD"): ["-100.0000", "-25.0000", "-125.0000"],
        ("2000", "EUR"): ["0.0000", "-40.0000", "-40.0000"],
        ("3000", "EUR"): ["0.0000", "40.0000", "40.0000"],
    }
    assert [row["functional_closing"] for row in accounts if row["currency"] == "USD"] == ["125.0000", "-125.0000"]
    assert {row["account"]: row["unconverted"] for row in accounts if row["currency"] == "EUR"} == {
        "2000": 1,
        "3000": 1,
    }
    assert [(row["currency"], row["functional"]) for row in sums] == [("EUR", None), ("USD", None), (None, "USD")]
    assert balances.broken(sums) == []
    assert balances.broken([sums[0] | {"closing": "0.0100"}]) != []
