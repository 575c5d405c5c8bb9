"""Payouts against the bank: references are compared whole, and what no longer holds is taken back with its entry."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from gateway.books.reconcile.words import whole
from tests.books.memory import Books, Row, books

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
