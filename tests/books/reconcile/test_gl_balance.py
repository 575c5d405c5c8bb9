"""The general ledger outside against the journal, account by account, for every day that was stated."""

from __future__ import annotations

from decimal import Decimal

from tests.books.memory import Row, books

DIFFERENCES = """select business_key, external_amount, book_amount, amount, message from exception
    where code = 'GL_BALANCE_DIFF' and status = 'OPEN' order by 1"""


def balance(record: str, account: str, amount: str, day: str = "2026-10-31") -> Row:
    return {"record_id": record, "account": account, "amount": amount, "day": day}


def test_each_account_is_compared_at_the_day_that_is_stated() -> None:
    """Bank 100.00 on 1 October and 30.00 more on 1 November; payables −60.00; opening equity takes the rest."""
    with books() as ledger:
        ledger.put_all(
            {
                "opening_balance": [
                    balance("o.1", "1000", "100.00", "2026-10-01"),
                    balance("o.2", "1000", "30.00", "2026-11-01"),
                    balance("o.3", "2000", "-60.00", "2026-10-01"),
                ],
                "gl_balance": [balance("g.1", "1000", "100.00"), balance("g.2", "2000", "-65.00")],
            }
        )
        ledger.run_all()
        # Nobody stated account 3000, which has 60.00 − 100.00 in the journal by then.
        assert ledger.rows(DIFFERENCES) == [
            (
                "2000|USD|2026-10-31",
                Decimal("-65.00"),
                Decimal("-60.00"),
                Decimal("-5.00"),
                "Account 2000 on 2026-10-31: the general ledger says -65.0000 USD, the journal -60.0000 USD",
            ),
            (
                "3000|USD|2026-10-31",
                None,
                Decimal("-40.00"),
                Decimal("40.00"),
                "Account 3000 on 2026-10-31: the general ledger says nothing, the journal -40.0000 USD",
            ),
        ]
        ledger.put_all(
            {
                "gl_balance": [
                    balance("h.1", "2000", "-60.00") | {"supersedes": "g.2"},
                    balance("h.2", "3000", "-40.00"),
                ]
            }
        )
        ledger.run_all()
        assert ledger.rows(DIFFERENCES) == []
        ledger.put("opening_balance", [balance("o.4", "1000", "7.00", "2026-10-02")])
        ledger.run_all()
        found = [row[:4] for row in ledger.rows(DIFFERENCES)]
        assert found[0] == ("1000|USD|2026-10-31", Decimal(100), Decimal(107), Decimal(-7)), "a late posting"
