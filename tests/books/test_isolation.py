"""Values that the books cannot work with: what they stand in is left out and named, and everything else goes on."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from gateway.model import MAPPABLE
from tests.books.memory import DEFAULTS, Books, Row, books

LARGEST = "99999999999999.9999"
"""The largest number that a column of money or units may hold."""
POISON = {
    "VARCHAR": ["9" * 5000, "x\u202e" * 20_000],
    "DECIMAL(18,4)": [LARGEST, f"-{LARGEST}"],
    "DECIMAL(18,6)": ["999999999999.999999"],
    "TIMESTAMPTZ": ["0001-01-01 00:00:00+00", "9999-12-31 23:59:59+00"],
    "DATE": ["0001-01-01", "9999-12-31"],
    "BIGINT": ["9223372036854775807"],
}
USUAL = {"VARCHAR": "A1", "DATE": "2026-11-01", "TIMESTAMPTZ": "2026-11-01T00:00:00Z", "BOOLEAN": "true"}


@pytest.fixture
def ledger() -> Iterator[Books]:
    with books() as made:
        yield made


def received(number: int, sku: str, qty: str, cost: str = "2.00", **more: str | None) -> Row:
    return {
        "record_id": f"f.{number}",
        "sku": sku,
        "qty": qty,
        "type": "RECEIPT",
        "unit_cost": cost,
        "occurred_at": "2026-11-01T08:00:00Z",
        "from_status": "SUPPLIER",
        "to_status": "AVAILABLE",
        "from_location": "SUPPLIER",
        "to_location": "DC",
    } | more


def counted(number: int, qty: str, **more: str) -> Row:
    return {
        "record_id": f"c.{number}",
        "sku": "CUP",
        "qty": qty,
        "status": "AVAILABLE",
        "scope": "FULL",
        "as_of": "2026-11-02T00:00:00Z",
    } | more


def left_out(ledger: Books) -> list[tuple[str, str]]:
    return ledger.rows(
        "select business_key, file_id from exception where code = 'BOOKS_LEFT_OUT' and status = 'OPEN' order by 1"
    )


def test_an_item_that_cannot_be_valued_is_left_out_alone_until_it_is_corrected(ledger: Books) -> None:
    """POT's units are too many to be multiplied. CUP is worth 5 × 2.00, and posted once, whatever happens to POT."""
    ledger.put("inventory_movement", [received(1, "CUP", "5"), received(2, "POT", LARGEST)])
    ledger.run_all()
    assert left_out(ledger) == [("stock|US|POT", None)]
    assert ledger.balances() == {"stock_sellable": Decimal(10), "grni": Decimal(-10)}
    assert ledger.run_all().changed == 0
    back = received(
        3,
        "POT",
        LARGEST,
        reversal_of="f.2",
        type="REVERSAL",
        from_status="AVAILABLE",
        to_status="SUPPLIER",
        from_location="DC",
        to_location="SUPPLIER",
    )
    ledger.put("inventory_movement", [back, received(4, "POT", "3", supersedes="f.2")])
    ledger.run_all()
    assert left_out(ledger) == []
    assert ledger.balances() == {"stock_sellable": Decimal(16), "grni": Decimal(-16)}
    assert ledger.faults() == []


def test_a_row_that_a_reconciliation_cannot_sum_is_named_and_the_others_are_compared(ledger: Books) -> None:
    """Two rows count one item; only together they are too large. The larger is left out: 40 counted against 50."""
    ledger.put("inventory_movement", [received(1, "CUP", "50")])
    ledger.put("inventory_snapshot", [counted(1, LARGEST), counted(2, "40")])
    ledger.run_all()
    assert left_out(ledger) == [("reconciliation a|c.1", "f")]
    assert ledger.rows("select qty from exception where code = 'QTY_SHORT' and status = 'OPEN'") == [(Decimal(-10),)]
    ledger.put("inventory_snapshot", [counted(3, "0", supersedes="c.1")])
    ledger.run_all()
    assert left_out(ledger) == []


def test_a_reconciliation_that_is_left_out_whole_keeps_its_exceptions(
    ledger: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.put("inventory_movement", [received(1, "CUP", "50")])
    ledger.put("inventory_snapshot", [counted(1, "40")])
    ledger.run_all()
    opened = "select code from exception where reconciliation = 'a' and status = 'OPEN'"
    assert ledger.rows(opened) == [("QTY_SHORT",)]
    with monkeypatch.context() as broken:
        broken.setattr("gateway.books.reconcile.stock_count._negative", lambda *_: int("9" * 5000))
        ledger.run_all()
        assert left_out(ledger) == [("reconciliation a|", None)]
        assert ledger.rows(opened) == [("QTY_SHORT",)], "nobody knows whether its cause is gone"
        ledger.put("inventory_movement", [received(2, "POT", "1")])
        ledger.run_all()
        assert ledger.balances()["stock_sellable"] == Decimal(102), "the other steps go on"
    ledger.run_all()
    assert left_out(ledger) == []


def test_what_the_subledger_cannot_sum_is_left_out_of_it_alone(ledger: Books) -> None:
    """60,000,000,000,000 twice, of a currency and of an account. The currency without a rate beside them is shown."""

    def posted(number: int, amount: str, currency: str, role: str, functional: str | None) -> Row:
        return {
            "entry_id": f"E{number}",
            "line_no": 1,
            "date": "2026-11-01",
            "period": "2026-11",
            "document": "D",
            "rule": "r",
            "rule_version": "1",
            "status": "POSTED",
            "account": "1",
            "role": role,
            "debit": amount,
            "credit": "0",
            "currency": currency,
            "functional_amount": functional,
        }

    large = "60000000000000"
    lines = [posted(n, large, "EUR", "sales", None) for n in (1, 2)]
    lines += [posted(n, large, "USD", "stock_damaged", large) for n in (3, 4)]
    ledger.put("journal_line", [*lines, posted(5, "7", "GBP", "sales", None)])
    ledger.run_all()
    assert left_out(ledger) == [("reconciliation g|US|EUR", None), ("reconciliation g|US|stock_damaged", None)]
    codes = "select code, business_key, amount from exception where reconciliation = 'g' and status = 'OPEN'"
    assert ledger.rows(codes) == [("RATE_MISSING", "US|GBP", Decimal(7))]


def test_an_exception_of_the_largest_amount_is_opened_and_closed(ledger: Books) -> None:
    line = {
        "record_id": "b.1",
        "account": "A",
        "statement_id": "1",
        "booking_date": "2026-11-01",
        "amount": LARGEST,
        "currency": "USD",
        "direction": "CRDT",
        "status": "BOOK",
    }
    ledger.put("bank_line", [line])
    ledger.run_all()
    assert ledger.rows("select code, amount, score from exception where status = 'OPEN'") == [
        ("DEPOSIT_UNKNOWN", Decimal(LARGEST), 80)
    ]
    ledger.put("bank_line", [line | {"record_id": "b.2", "supersedes": "b.1", "status": "PDNG"}])
    assert ledger.run_all().closed == 1


@pytest.mark.parametrize("table", ["bank_line", "inventory_movement", "order_line", "settlement_line"])
def test_no_value_of_a_column_stops_the_books(ledger: Books, table: str) -> None:
    """The extremes of every type at once, two rows of each, beside a row as usual."""
    spec = MAPPABLE[table]
    usual = {c.name: c.values[0] if c.values else DEFAULTS.get(c.name, USUAL.get(c.type, "3")) for c in spec.columns}
    usual |= {"reversal_of": None} if table == "inventory_movement" else {}
    rows = [usual | {"record_id": "u.0"}]
    for column in spec.columns:
        for value in () if column.values else POISON.get(column.type, ()):
            rows += [usual | {column.name: value, "record_id": f"p.{len(rows) + n}"} for n in range(2)]
    ledger.put(table, rows)
    if table == "order_line":
        shipment = {
            "record_id": "s.1",
            "order_id": "A1",
            "sku": "A1",
            "shipped_qty": "1",
            "shipped_at": usual["ordered_at"],
        }
        ledger.put("shipment_line", [shipment])
    ledger.put("inventory_movement", [received(1, "CUP", "5")])
    ledger.run_all()
    assert ledger.faults() == []
    assert ledger.rows("select sum(value) from stock_value where sku = 'CUP'") == [(Decimal(10),)]
    assert ledger.run_all().changed == 0, "nothing is posted twice"
