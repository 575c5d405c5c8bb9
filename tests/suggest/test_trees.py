"""Documents that no pack reads: what repeats is a row, what stands around it is in reach."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway import cli, suggest
from gateway.errors import HouseError
from gateway.suggest.trees import label
from tests.cli.command import Runner

ORDERS = """<?xml version="1.0"?>
<Orders><Header><Sender>Shop</Sender></Header>
<Order><OrderNo>A-1</OrderNo><OrderDate>2026-11-20</OrderDate><Currency>EUR</Currency><Customer><City>Ulm</City></Customer>
<Lines><Line no="1"><Sku>MUG-BLUE</Sku><Quantity>3</Quantity><LineTotal>13.50</LineTotal></Line>
<Line no="2"><Sku>LAMP-01</Sku><Quantity>1</Quantity><LineTotal>30.00</LineTotal></Line></Lines></Order>
<Order><OrderNo>A-2</OrderNo><OrderDate>2026-11-21</OrderDate><Currency>EUR</Currency><Customer><City>Bonn</City></Customer>
<Lines><Line no="1"><Sku>MUG-BLUE</Sku><Quantity>2</Quantity><LineTotal>9.00</LineTotal></Line></Lines></Order></Orders>
"""
SHIPMENTS = {
    "warehouse": "PH-1",
    "shipments": [
        {
            "shipmentNumber": "S-1",
            "orderId": "A-1",
            "shippedAt": "2026-11-22T10:00:00Z",
            "carrier": "DHL",
            "trackingNumber": "JJ1",
            "items": [{"sku": "MUG-BLUE", "quantity": 3}, {"sku": "LAMP-01", "quantity": 1}],
        },
        {
            "shipmentNumber": "S-2",
            "orderId": "A-2",
            "shippedAt": "2026-11-22T11:00:00Z",
            "carrier": "DHL",
            "trackingNumber": "JJ2",
            "items": [{"sku": "MUG-BLUE", "quantity": 2}],
        },
    ],
}


@pytest.fixture
def run(bare_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Runner:
    return Runner(bare_home, monkeypatch, capsys)


def rows(run: Runner, mapping: str, file: Path, table: str, *names: str) -> list[tuple[str, ...]]:
    found = json.loads(run("try", mapping, str(file), "--json").out)
    assert found["faults"] == []
    return [tuple(row[name] for name in names) for row in found["records"][table]]


def test_lines_of_orders_in_xml(run: Runner, tmp_path: Path) -> None:
    file = tmp_path / "export.xml"
    file.write_text(ORDERS)
    assert run("suggest", str(file), "--partner", "shop", "--write").code == cli.PERSON
    path = run.home / "mappings" / "shop" / "orders.toml"
    text = path.read_text()
    path.write_text(text.replace('# TODO channel = { constant = "…" }', 'channel = { constant = "amazon-de" }'))
    assert rows(run, "shop/orders", file, "order_line", "order_id", "line_no", "sku", "qty", "list_amount") == [
        ("A-1", "1", "MUG-BLUE", "3.0000", "13.5000"),
        ("A-1", "2", "LAMP-01", "1.0000", "30.0000"),
        ("A-2", "1", "MUG-BLUE", "2.0000", "9.0000"),
    ]


def test_items_of_shipments_in_json(run: Runner, tmp_path: Path) -> None:
    file = tmp_path / "export.json"
    file.write_text(json.dumps(SHIPMENTS))
    assert run("suggest", str(file), "--partner", "packhaus", "--write").code == cli.DONE
    wanted = ("shipment_no", "order_id", "location", "sku", "shipped_qty")
    assert rows(run, "packhaus/shipments", file, "shipment_line", *wanted) == [
        ("S-1", "A-1", "PH-1", "MUG-BLUE", "3.0000"),
        ("S-1", "A-1", "PH-1", "LAMP-01", "1.0000"),
        ("S-2", "A-2", "PH-1", "MUG-BLUE", "2.0000"),
    ]


def test_a_document_in_each_line_and_one_without_rows(tmp_path: Path) -> None:
    file, empty = tmp_path / "lines.json", tmp_path / "empty.xml"
    file.write_text('{"sku": "A", "name": "Mug", "gtin": "4006381333931"}\n{"sku": "B", "name": "Lamp", "gtin": ""}\n')
    [draft] = suggest.drafts([file], {}, "shop")
    assert [(one.type, one.each) for one in draft.records] == [("item", "/")]
    assert {line.key: line.value for line in draft.file}["lines"] == "true"
    assert {line.key: line.value for line in draft.records[0].fields} == {
        "sku": '"sku"',
        "gtin": '"gtin"',
        "name": '"name"',
    }
    empty.write_text("<Ping/>")
    with pytest.raises(HouseError, match="nothing in it repeats"):
        suggest.drafts([empty], {}, "shop")


def test_a_general_name_takes_the_name_around_it() -> None:
    assert label(("Line", "Item", "ID")) == "Item ID"
    assert label(("Order", "OrderNo")) == "OrderNo"
    assert label(("Line", "Quantity")) == "Quantity"
    assert label(("Line", "Price", "Amount")) == "Price Amount"
    # The nearest name around it that says more, past what only wraps.
    assert label(("Invoice", "SellerParty", "Party", "PartyIdentification", "ID")) == "SellerParty ID"
    # A line's own number, and that of the line that it refers to.
    assert label(("CreditNoteLine", "ID"), own=True) == "line ID"
    assert label(("Line", "OrderLineReference", "LineID"), own=True) == "OrderLineReference LineID"


def test_a_document_that_names_a_dtd_is_drafted_and_read(run: Runner, tmp_path: Path) -> None:
    file = tmp_path / "export.xml"
    file.write_text(ORDERS.replace("?>", '?>\n<!DOCTYPE Orders SYSTEM "orders.dtd">', 1))
    run("suggest", str(file), "--partner", "shop", "--write")
    path = run.home / "mappings" / "shop" / "orders.toml"
    text = path.read_text()
    assert "doctype = true" in text
    path.write_text(text.replace('# TODO channel = { constant = "…" }', 'channel = { constant = "amazon-de" }'))
    assert [row[1] for row in rows(run, "shop/orders", file, "order_line", "order_id", "line_no")] == ["1", "2", "1"]


def test_the_currency_is_that_of_the_amount_and_an_item_with_a_quantity_is_a_row(tmp_path: Path) -> None:
    file = tmp_path / "notice.xml"
    file.write_text(
        """<OrderRequest><Header orderID="O-1" orderDate="2026-11-02"><Total><Money currency="USD">90</Money></Total>
        </Header><ItemOut quantity="3" lineNumber="1"><SKU>MUG</SKU><Tax><Amount currency="CHF">1.00</Amount></Tax>
        <LineAmount currency="EUR">30.00</LineAmount></ItemOut></OrderRequest>"""
    )
    [draft] = suggest.drafts([file], {}, "shop")
    assert (draft.records[0].type, draft.records[0].each) == ("order_line", "//ItemOut")
    given = {line.key: line.value for line in draft.records[0].fields}
    assert (given["qty"], given["currency"]) == ('"@quantity"', '"LineAmount/@currency"')


def test_several_documents_are_read_and_must_be_of_one_kind(tmp_path: Path) -> None:
    """The second document alone shows the order of day and month, and the third value; each header stands once."""
    one, two, other = (tmp_path / f"{name}.xml" for name in ("one-1", "one-2", "other"))
    text = ORDERS.replace("2026-11-20", "03/04/2026").replace("2026-11-21", "05/04/2026")
    one.write_text(text)
    two.write_text(text.replace("03/04/2026", "03/25/2026").replace("<City>Ulm</City>", "<Colour>red</Colour>"))
    [draft] = suggest.drafts([one, two], {}, "shop")
    lines = {line.key: line for line in draft.records[0].fields}
    assert "%m/%d/%Y" in lines["ordered_at"].value and "day or month first" not in lines["ordered_at"].why
    assert draft.file[0].value == '["one-*.xml"]' and "../../Customer/Colour" in dict(draft.unmapped)
    assert "../../../Header/Sender" in dict(draft.unmapped)
    other.write_text("<Stock><Item><Sku>A</Sku></Item></Stock>")
    with pytest.raises(HouseError, match=r"read other\.xml: it has the root Stock, but one-1\.xml has the root Orders"):
        suggest.drafts([one, other], {}, "shop")
