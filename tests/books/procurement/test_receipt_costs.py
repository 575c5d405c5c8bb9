"""What goods cost, from the order to the invoice, in whatever order the files come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import permutations

from gateway.books.posting.entries import Entries
from tests.books.memory import Books, Row

File = Mapping[str, Sequence[Row]]


def ordered(price: str | None, line: str = "1", record: str = "po", **more: object) -> Row:
    return {
        "record_id": f"{record}.{line}",
        "po": "PO-1",
        "line_no": line,
        "stage": "ORDERED",
        "line_status": "OPEN",
        "stated_at": "2026-11-01T00:00:00Z",
        "sku": "CUP",
        "qty": 10,
        "unit_cost": price,
    } | more


def received(
    qty: int, line: str = "1", record: str = "rcv", po: str | None = "PO-1", own: str | None = None, **more: object
) -> File:
    """A receipt line and the movement that goes with it."""
    common = {"sku": "CUP"}
    at = "2026-11-05T00:00:00Z"
    move = common | {
        "record_id": f"{record}.m.{line}",
        "document_no": "R-1",
        "document_line": line,
        "qty": qty,
        "type": "RECEIPT",
        "from_status": "SUPPLIER",
        "to_status": "AVAILABLE",
        "occurred_at": at,
        "unit_cost": own,
    }
    said = common | {"record_id": f"{record}.l.{line}", "receipt_no": "R-1", "po": po, "accepted_qty": qty}
    return {"inventory_movement": [move], "receipt_line": [said | {"received_at": at, "line_no": line} | more]}


def invoiced(amount: str, qty: int | None = 10, kind: str = "GOODS", **more: object) -> Row:
    goods = {"po": "PO-1", "po_line": "1", "sku": "CUP", "qty": qty} if kind == "GOODS" else {}
    return (
        {
            "record_id": f"inv.{kind}",
            "invoice_no": "I-1",
            "invoice_date": "2026-11-20",
            "document_kind": "INVOICE",
            "line_kind": kind,
            "amount": amount,
            "line_no": "1" if kind == "GOODS" else None,
        }
        | goods
        | more
    )


SOLD: File = {
    "inventory_movement": [
        {
            "record_id": "sale.m",
            "sku": "CUP",
            "qty": 4,
            "type": "SHIP",
            "from_status": "AVAILABLE",
            "to_status": "CUSTOMER",
            "occurred_at": "2026-11-10T00:00:00Z",
            "order_id": "O-1",
        }
    ]
}
INVOICE: File = {
    "supplier_invoice_line": [
        invoiced("124.00"),
        invoiced("6.00", kind="CHARGE"),
        invoiced("24.80", kind="TAX"),
    ]
}


def values(ledger: Books) -> dict[str, tuple[Decimal, str]]:
    """Movement → its value and where its cost came from last."""
    rows = ledger.rows("select record_id, sum(value), arg_max(basis, recorded_at) from stock_value group by 1")
    return {record: (value, basis) for record, value, basis in rows}


def balances(ledger: Books) -> dict[str, Decimal]:
    """With the entries of the invoices in force, which post when their file is taken."""
    entries = Entries(ledger.con, ledger.rules, "_invoices")
    ledger.con.execute(
        """create or replace temp view _invoices as select *, 1 as sign, null::varchar as channel, file_id as salt
        from supplier_invoice_line_current"""
    )
    entries.post("supplier_invoice_line", "_invoices", ("invoice_no", "invoice_date", "line_kind", "amount"))
    entries.write(commit := ledger.commit())
    commit.audit("test", "file.committed", "invoices")
    entries.drop()
    return ledger.balances()


def test_order_receipt_sale_and_invoice_in_any_order_of_arrival(ledger: Books) -> None:
    """Ten at 12.00, four are sold. The invoice says 124.00 and 6.00 of freight, and tax: ten cost 130.00, 13.00 each.
    Of the 10.00 more than ordered the four sold ones have 4.00, those on hand 6.00; nothing stays to be invoiced."""
    files: dict[str, File] = {
        "order": {"purchase_order_line": [ordered("12.00")]},
        "receipt": received(10),
        "sale": SOLD,
        "invoice": INVOICE,
    }
    for arrival in list(permutations(files))[::5]:
        ledger.clear()
        for name in arrival:
            ledger.put_all(files[name])
            ledger.run()
            if arrival == ("order", "receipt", "sale", "invoice") and name == "sale":
                assert values(ledger) == {"rcv.m.1": (Decimal(120), "ORDER"), "sale.m": (Decimal(48), "AVERAGE")}
        assert values(ledger) == {"rcv.m.1": (Decimal(130), "INVOICE"), "sale.m": (Decimal(52), "AVERAGE")}, arrival
        assert balances(ledger) == {
            "stock_sellable": Decimal(78),
            "cogs": Decimal(52),
            "input_tax": Decimal("24.80"),
            "payables": Decimal("-154.80"),
        }, arrival
        assert ledger.faults() == []


def test_a_changed_price_a_corrected_receipt_and_a_credit_note_restate_the_value(ledger: Books) -> None:
    """Ten at 12.00; the order says 11.00 now; nine came, not ten: 99.00. Ten are invoiced at 11.50, one is credited."""
    ledger.put_all({"purchase_order_line": [ordered("12.00")], **received(10)})
    ledger.run()
    assert ledger.balances() == {"stock_sellable": Decimal(120), "grni": Decimal(-120)}
    ledger.put("purchase_order_line", [ordered("11.00", record="po2", supersedes="po.1")])
    ledger.run()
    assert ledger.balances() == {"stock_sellable": Decimal(110), "grni": Decimal(-110)}
    [old] = received(10)["inventory_movement"]
    back = {"record_id": "rcv2.back", "reversal_of": "rcv.m.1", "type": "REVERSAL"}
    turned = {"from_status": "AVAILABLE", "to_status": "SUPPLIER"}
    again = received(9, record="rcv2", supersedes="rcv.l.1")
    moved = [dict(again["inventory_movement"][0], supersedes="rcv.m.1"), dict(old) | back | turned]
    ledger.put_all({"inventory_movement": moved, "receipt_line": again["receipt_line"]})
    ledger.run()
    assert ledger.balances() == {"stock_sellable": Decimal(99), "grni": Decimal(-99)}
    credit = invoiced("-11.50", -1, record_id="cn", invoice_no="C-1", document_kind="CREDIT_NOTE", corrects="I-1")
    ledger.put("supplier_invoice_line", [invoiced("115.00"), credit])
    ledger.run()
    assert balances(ledger) == {"stock_sellable": Decimal("103.50"), "payables": Decimal("-103.50")}
    assert ledger.faults() == []


def test_where_the_cost_of_a_receipt_comes_from(ledger: Books) -> None:
    """The order's line, else its item; the invoice without an order; the standard; else it is missing."""
    two_lines = [ordered("12.00"), ordered("20.00", "2")]
    both = [received(10), received(5, "2")]
    cases: dict[str, tuple[Mapping[str, Sequence[Row]], Mapping[str, tuple[Decimal, str]]]] = {
        "lines of an order": (
            {"purchase_order_line": two_lines, **{name: [*both[0][name], *both[1][name]] for name in both[0]}},
            {"rcv.m.1": (Decimal(120), "ORDER"), "rcv.m.2": (Decimal(100), "ORDER")},
        ),
        # Ten at 12.00 and ten at 20.00 were ordered: 16.00 on average, where nobody says which line it is.
        "another line": (
            {"purchase_order_line": two_lines, **received(5, "9")},
            {"rcv.m.9": (Decimal(80), "ORDER")},
        ),
        "the document is the order": (
            {"purchase_order_line": [ordered("12.00", po="R-1")], **received(10, po=None)},
            {"rcv.m.1": (Decimal(120), "ORDER")},
        ),
        "an invoice without an order": (
            {**INVOICE, **received(10)},
            {"rcv.m.1": (Decimal(130), "INVOICE")},
        ),
        "an order in another currency": (
            {"purchase_order_line": [ordered("12.00", currency="EUR")], **received(10)},
            {"rcv.m.1": (Decimal(0), "MISSING")},
        ),
        # Worth the standard for the time being.
        "an order in another currency, and a standard": (
            {
                "item": [{"record_id": "i", "sku": "CUP", "std_unit_cost": "9.00"}],
                "purchase_order_line": [ordered("12.00", currency="EUR")],
                **received(10),
            },
            {"rcv.m.1": (Decimal(90), "MISSING")},
        ),
        "the standard": (
            {"item": [{"record_id": "i", "sku": "CUP", "std_unit_cost": "9.00"}], **received(10)},
            {"rcv.m.1": (Decimal(90), "STANDARD")},
        ),
        "its own cost, until it is invoiced": (
            {"purchase_order_line": [ordered("12.00")], **received(10, own="10.00")},
            {"rcv.m.1": (Decimal(100), "RECEIPT")},
        ),
    }
    for name, (files, expected) in cases.items():
        ledger.clear()
        ledger.put_all(files)
        ledger.run()
        assert values(ledger) == expected, name


def test_a_cost_that_was_missing_is_known_though_it_is_the_same(ledger: Books) -> None:
    """Two at 5.00, then ten of which nobody says what they cost: 50.00, at the last cost. The order says 5.00 too."""
    first = {"record_id": "old", "occurred_at": "2026-11-01T00:00:00Z", "unit_cost": "5.00", "qty": 2}
    files = received(10)
    ledger.put_all(
        {**files, "inventory_movement": [*files["inventory_movement"], files["inventory_movement"][0] | first]}
    )
    ledger.run()
    assert values(ledger)["rcv.m.1"] == (Decimal(50), "MISSING")
    ledger.put("purchase_order_line", [ordered("5.00")])
    ledger.run()
    assert values(ledger)["rcv.m.1"] == (Decimal(50), "ORDER")
    assert ledger.faults() == []


def test_prices_in_another_currency_are_converted_at_the_day_of_the_receipt_and_of_the_invoice(ledger: Books) -> None:
    """Ten at 12.00 EUR: nobody knows, until there is a rate: 132.00 USD at 1.10. Invoiced at 1.20 are 130.00 EUR with
    the freight, 156.00 USD: what is received and not invoiced is zero in dollars."""
    ledger.put_all({"purchase_order_line": [ordered("12.00", currency="EUR")], **received(10)})
    ledger.run()
    assert values(ledger) == {"rcv.m.1": (Decimal(0), "MISSING")}
    rate = {"base": "EUR", "quote": "USD", "source": "ECB"}
    days = (("2026-11-05", "1.10"), ("2026-11-20", "1.20"))
    ledger.put("fx_rate", [rate | {"record_id": day, "day": day, "rate": value} for day, value in days])
    ledger.run()
    assert values(ledger) == {"rcv.m.1": (Decimal(132), "ORDER")}
    ledger.put("supplier_invoice_line", [row | {"currency": "EUR"} for row in INVOICE["supplier_invoice_line"]])
    ledger.run()
    assert values(ledger) == {"rcv.m.1": (Decimal(156), "INVOICE")}
    balances(ledger)
    functional = dict(ledger.rows("select role, sum(functional_amount) from journal_line group by 1"))
    # 24.80 EUR of tax are 29.76 USD.
    assert functional == {
        "stock_sellable": Decimal(156),
        "grni": Decimal(0),
        "input_tax": Decimal("29.76"),
        "payables": Decimal("-185.76"),
    }
