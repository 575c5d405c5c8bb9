"""Received against invoiced: what is only one of both is the balance of its account, and another price is reported."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from gateway.books.reconcile import fill
from gateway.books.reconcile.tables import Recon, Working
from gateway.settings.tolerance import Tolerance
from tests.books.memory import CONFIG, RULES, Books, Row, books
from tests.books.procurement.test_receipt_costs import INVOICE, balances, invoiced, ordered, received

POT = {"po": "PO-2", "sku": "POT"}
LID = {"po": "PO-4", "sku": "LID"}


@pytest.fixture(scope="module")
def ledger() -> Iterator[Books]:
    with books() as made:
        yield made


def of(item: Row, rows: list[Row], number: str) -> list[Row]:
    return [row | item | {"record_id": f"{number}.{row['record_id']}"} for row in rows]


def bought(ledger: Books) -> None:
    """Ten cups at 12.00, invoiced at 124.00; five pots at 4.00, not invoiced; four of six lids at 5.00 that are; and an
    invoice of 30.00 that names no order."""
    orders = [ordered("12.00"), *of(POT, [ordered("4.00")], "2"), *of(LID, [ordered("5.00")], "4")]
    ledger.put("purchase_order_line", orders)
    ledger.put_all(received(10))
    for item, qty in ((POT, 5), (LID, 4)):
        number = str(item["po"])[-1]
        files = received(qty, record=f"rcv{number}")
        moves = [row | {"sku": item["sku"], "document_no": f"R-{number}"} for row in files["inventory_movement"]]
        lines = [row | item | {"receipt_no": f"R-{number}"} for row in files["receipt_line"]]
        ledger.put_all({"inventory_movement": moves, "receipt_line": lines})
    late = {"invoice_no": "I-3", "po": None, "po_line": None}
    ledger.put_all(
        {
            "supplier_invoice_line": [
                *INVOICE["supplier_invoice_line"],
                *of(late, [invoiced("30.00")], "3"),
                *of(LID | {"invoice_no": "I-4"}, [invoiced("30.00", 6)], "4"),
            ]
        }
    )


def exceptions(ledger: Books) -> list[tuple[str, str, Decimal, str]]:
    return ledger.rows(
        """select code, business_key, amount, message from exception where status = 'OPEN' and reconciliation = 'p'
        order by all"""
    )


def test_what_is_only_received_or_only_invoiced_is_the_balance_and_the_rest_is_compared_with_the_order(
    ledger: Books,
) -> None:
    bought(ledger)
    ledger.run_all(datetime(2026, 11, 21, tzinfo=UTC))
    detail = ledger.rows(
        """select bucket, document, state, external_qty, book_qty, external_amount, book_amount from recon_detail
        where reconciliation = 'p' order by all"""
    )
    assert detail == [
        ("BOTH", "PO-1", "MATCHED", Decimal(10), Decimal(10), Decimal(130), Decimal(130)),
        ("BOTH", "PO-4", "MATCHED", Decimal(4), Decimal(4), Decimal(20), Decimal(20)),
        ("INVOICED", "I-3", "OPEN", None, Decimal(10), None, Decimal(30)),
        ("INVOICED", "I-4", "TIMING", None, Decimal(2), None, Decimal(10)),
        ("RECEIVED", "R-2", "TIMING", Decimal(5), None, Decimal(20), None),
    ]
    # 30.00 and 10.00 are invoiced only, 20.00 received only.
    assert balances(ledger)["grni"] == Decimal(20)
    assert exceptions(ledger) == [
        ("INVOICE_NO_RECEIPT", "web|I-3", Decimal(-30), exceptions(ledger)[0][3]),
        (
            "INVOICE_VARIANCE",
            "PO-1|CUP",
            Decimal(4),  # 3.3 % of 120.00; of the lids 30.00 are 6 × 5.00
            "PO-1, CUP: 10.0000 units are invoiced at 124.0000 USD, ordered at 120.0000",
        ),
    ]
    assert "no receipt explains 30.0000 USD" in exceptions(ledger)[0][3]
    # 4.00 are neither more than 4 nor more than five per cent; the lids should be there on the day of the invoice.
    tolerance = Tolerance(invoice_amount=Decimal(4), invoice_share=Decimal("0.05"), invoice_days=0)
    config = CONFIG.model_copy(update={"tolerance": tolerance})
    fill(Working(ledger.con, Recon(config, datetime(2026, 11, 21, tzinfo=UTC), (), RULES, RULES.registry)))
    found = ledger.rows("select code, business_key from recon_exception where reconciliation = 'p' order by all")
    assert found == [("INVOICE_NO_RECEIPT", "web|I-3"), ("INVOICE_NO_RECEIPT", "web|I-4")]
    # Ten days after the invoice the two lids have not come; the order's price was 12.40 all along.
    ledger.put("purchase_order_line", [ordered("12.40", record="po2", supersedes="po.1")])
    ledger.run_all(datetime(2026, 12, 2, tzinfo=UTC))
    assert [row[:3] for row in exceptions(ledger)] == [
        ("INVOICE_NO_RECEIPT", "web|I-3", Decimal(-30)),
        ("INVOICE_NO_RECEIPT", "web|I-4", Decimal(-10)),
    ]
