"""Payouts against the bank: references are compared whole, and what no longer holds is taken back with its entry."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from gateway.books.reconcile.words import whole
from gateway.settings import Tolerance
from tests.books.memory import CONFIG, Books, Row, books

HOLDING = "select record_id from match_state where reconciliation = 'd' and status <> 'REVERSED' order by 1"


@pytest.fixture
def ledger() -> Iterator[Books]:
    with books() as made:
        yield made


def paid(record: str, reference: str, total: str, **more: str) -> Row:
    return {"record_id": record, "settlement_id": reference, "total": total, "deposit_date": "2026-11-10"} | more


def banked(record: str, text: str, amount: str, **more: str) -> Row:
    return {
        "record_id": record,
        "account": "MAIN",
        "statement_id": "S1",
        "booking_date": "2026-11-11",
        "amount": amount,
        "status": "BOOK",
        "remittance": text,
    } | more


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("PAYOUT PAY-1.", True),
        ("REF/PAY-1/X", True),
        ("pay-1, thanks", True),
        ("PAY-12", False),
        ("XPAY-1", False),
        ("PAY-1-2", False),
        ("PAY-12 PAY-1", True),
    ],
)
def test_a_reference_stands_in_a_text_as_a_whole_word(ledger: Books, text: str, found: bool) -> None:
    assert ledger.con.execute(f"select {whole('$1', '$2')}", [text, "PAY-1"]).fetchone() == (found,)
    assert ledger.con.execute(f"select {whole('$1', '$2')}", ["THE PAYOUT (7) OF MAY", "PAYOUT (7)"]).fetchone() == (
        True,
    )


def test_a_deposit_that_names_a_longer_reference_pays_that_one(ledger: Books) -> None:
    """80.00 for PAY-12 is less than PAY-1's 100.00, and would have been taken for it."""
    ledger.put_all(
        {
            "settlement": [paid("s.1", "PAY-1", "100.00"), paid("s.12", "PAY-12", "80.00")],
            "bank_line": [banked("b.1", "PAY-12", "80.00")],
        }
    )
    ledger.run_all()
    assert ledger.rows(HOLDING) == [("b.1",), ("s.12",)]


def test_a_match_of_a_settlement_that_is_restated_is_reversed_with_its_entry(ledger: Books) -> None:
    """100.00 banked for PAY-1; restated as PAY-9, nothing names it: the entry is taken back. Restated again, it is
    posted."""
    ledger.put_all(
        {
            "settlement": [paid("s.1", "PAY-1", "100.00")],
            "bank_line": [banked("b.1", "PAY-1", "100.00")],
        }
    )
    ledger.run_all()
    assert ledger.balances() == {"suspense": Decimal(100), "payouts_in_transit": Decimal(-100)}
    ledger.put("settlement", [paid("s.2", "PAY-9", "170.00", supersedes="s.1")])
    ledger.run_all()
    assert ledger.rows(HOLDING) == []
    assert ledger.balances() == {}
    ledger.put("settlement", [paid("s.3", "PAY-1", "100.00", supersedes="s.2")])
    ledger.run_all()
    assert ledger.rows(HOLDING) == [("b.1",), ("s.3",)]
    assert ledger.balances() == {"suspense": Decimal(100), "payouts_in_transit": Decimal(-100)}
    assert ledger.faults() == []
    assert ledger.run_all().changed == 0


def test_the_charge_of_a_settlement_below_zero_is_found_among_payments(ledger: Books) -> None:
    """50.00 charged for PAY-7, which its bank line names, 30.00 for PAY-8 by its amount alone; nobody charged PAY-9.
    What was paid is owed to nobody then, and the payouts in transit are those of PAY-9 alone. A fee of 12.00 that names
    PAY-9, and a payment to a supplier, are no charges, and no deposits either."""
    ledger.put_all(
        {
            "settlement": [
                paid("s.7", "PAY-7", "-50.00"),
                paid("s.8", "PAY-8", "-30.00"),
                paid("s.9", "PAY-9", "-12.00", deposit_date="2026-11-01"),
            ],
            "bank_line": [
                banked("b.1", "CHARGE PAY-7", "-50.00"),
                banked("b.2", "DIRECT DEBIT", "-30.00"),
                banked("b.3", "FEE PAY-9", "-12.00", subfamily="CHRG"),
                banked("b.4", "ACME POTTERY", "-70.00"),
                banked("b.5", "PAY-9", "12.00"),
            ],
        }
    )
    ledger.run_all()
    assert ledger.rows(HOLDING) == [("b.1",), ("b.2",), ("s.7",), ("s.8",)]
    assert ledger.balances() == {"payables": Decimal(-80), "payouts_in_transit": Decimal(80)}
    assert ledger.rows("select code, message from exception where reconciliation = 'd' order by code") == [
        ("DEPOSIT_UNKNOWN", "A deposit of 12.0000 USD (S1) is explained by no payout"),
        ("PAYOUT_NOT_BANKED", "The charge of settlement PAY-9 of -12.0000 USD is not on a bank statement in time"),
    ]


def test_a_payout_that_came_back_is_not_waited_for_and_takes_no_deposit(ledger: Books) -> None:
    """PO-1 failed; PO-2 pays the same 100.00 again, and the deposit names neither. 80.00 of A came back as a line."""
    came_back = {
        "record_id": "l.1",
        "settlement_id": "B",
        "canonical_class": "transfer",
        "amount": "80.00",
        "posted_at": "2026-11-12T00:00:00Z",
    }
    ledger.put_all(
        {
            "settlement": [
                paid("s.1", "PO-1", "100.00"),
                paid("s.2", "PO-1", "-100.00", deposit_date="2026-11-11"),
                paid("s.3", "PO-2", "100.00"),
                paid("s.4", "A", "80.00"),
                paid("s.5", "C", "70.00"),
            ],
            "settlement_line": [came_back],
            "bank_line": [banked("b.1", "DEPOSIT", "100.00")],
        }
    )
    ledger.run_all()
    assert ledger.rows(HOLDING) == [("b.1",), ("s.3",)]
    # Only C is open: its 70.00 neither came nor came back.
    assert ledger.rows("select document from exception where reconciliation = 'd' and status = 'OPEN'") == [("C",)]


def test_a_payout_in_another_currency_is_found_by_the_rate_and_the_difference_is_of_exchange(ledger: Books) -> None:
    """1,000.00 EUR at 1.10 are 1,100.00 USD; the bank gives 1,096.00, 0.36 % less: 4.00 USD are lost in exchange.

    500.00 EUR are 550.00 USD; 540.00 arrive, 1.8 % less: out of band."""
    day = {"record_id": "r.1", "day": "2026-11-10", "base": "EUR", "quote": "USD", "rate": "1.1", "source": "ECB"}
    ledger.put_all(
        {
            "settlement": [
                paid("s.1", "PAY-1", "1000.00", currency="EUR"),
                paid("s.2", "PAY-2", "500.00", currency="EUR"),
            ],
            "bank_line": [banked("b.1", "PAY-1", "1096.00"), banked("b.2", "PAY-2", "540.00")],
        }
    )
    ledger.run_all()
    assert ledger.rows(HOLDING) == [], "no rate, no match"
    ledger.put("fx_rate", [day])
    ledger.run_all()
    assert ledger.rows(HOLDING) == [("b.1",), ("s.1",)]
    assert ledger.balances("currency") == {
        ("suspense", "USD"): Decimal("1096.00"),
        ("fx", "USD"): Decimal("-1096.00"),
        ("fx", "EUR"): Decimal("1000.00"),
        ("payouts_in_transit", "EUR"): Decimal("-1000.00"),
    }
    worth = "select sum(functional_amount) from journal_line where role = 'fx'"
    assert ledger.rows(worth) == [(Decimal("4.00"),)], "a loss: 1,100.00 − 1,096.00"
    [(key, message)] = ledger.rows(
        "select business_key, message from exception where status = 'OPEN' and code = 'FX_OUT_OF_BAND'"
    )
    assert key == "web|PAY-2"
    assert "540.0000 USD on 2026-11-11, where the rate 1.100000000000 makes 550.0000 and 0.5" in message
    assert ledger.rows("select count(*) from exception where code = 'DEPOSIT_UNKNOWN' and status = 'OPEN'") == [(0,)]
    wide = CONFIG.model_copy(update={"tolerance": Tolerance(payout_rate=Decimal("0.02"))})
    ledger.run_all(config=wide)
    assert ledger.rows(HOLDING) == [("b.1",), ("b.2",), ("s.1",), ("s.2",)]
    # Another rate, at which 1,096.00 are 8.7 % short: the match and its entries are taken back.
    ledger.put("fx_rate", [day | {"record_id": "r.2", "rate": "1.2", "supersedes": "r.1"}])
    ledger.run_all()
    assert ledger.rows(HOLDING) == []
    assert ledger.balances("currency") == {}
    assert ledger.rows(worth) == [(Decimal(0),)]
    assert ledger.faults() == []
