"""Packs of suppliers and of acknowledgements: what they make of a home and of public files.

That they are sound and read their samples row by row is tested for all packs together.
"""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter, defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from gateway.home import Home, open_home
from gateway.ledger import verify
from gateway.once import run_once
from tests.conftest import NOW, corpus, reconcile_only, samples_of, tried

pytestmark = pytest.mark.usefixtures("without_workbooks")

ROOT = Path(__file__).parents[1] / "mappings"
STANDARD = ROOT / "standard"

PURCHASING = {
    "csv/purchase-orders": "purchase_order_line",
    "spreadsheet/purchase-orders": "purchase_order_line",
    "x12/855": "purchase_order_line",
    "edifact/ORDRSP": "purchase_order_line",
    "ubl/order-response": "purchase_order_line",
    "cxml/confirmation-request": "purchase_order_line",
    "x12/856-supplier": "asn_line",
    "edifact/DESADV-supplier": "asn_line",
    "ubl/despatch-advice-supplier": "asn_line",
    "gs1/despatch-advice-supplier": "asn_line",
    "cxml/ship-notice-supplier": "asn_line",
    "x12/810": "supplier_invoice_line",
    "edifact/INVOIC": "supplier_invoice_line",
    "ubl/invoice": "supplier_invoice_line",
    "ubl/credit-note-supplier": "supplier_invoice_line",
}
ACKNOWLEDGEMENTS = ("x12/TA1", "x12/997", "x12/999", "edifact/CONTRL", "edifact/APERAK")
TABLES = {**PURCHASING, **dict.fromkeys(ACKNOWLEDGEMENTS, "acknowledgement")}
MOVING = ("inventory_movement", "order_line", "shipment_line", "shipment_value", "settlement_line")
OWED = """select document, currency, sum(credit - debit) from journal_line where role = 'payables'
    group by 1, 2 order by 1, 2"""


def partner_of(name: str) -> str:
    return name.replace("/", "-").lower()


def plainest(name: str) -> Path:
    """The sample of a pack with the shortest name; the others show what is held."""
    return min(samples_of(STANDARD / f"{name}.toml"), key=lambda one: len(one.name))


def rows_of(name: str) -> list[dict[str, Any]]:
    path = plainest(name)
    expected = json.loads(path.with_name(f"{path.name}.expected.json").read_text(encoding="utf-8"))
    rows: list[dict[str, Any]] = expected["records"][TABLES[name]]
    return rows


@pytest.fixture
def partners(bare_home: Path) -> Path:
    """A home with a partner for each of the packs, whose sender may be anybody who is in the samples."""
    home = bare_home
    reconcile_only(home, "j")
    senders = '["ZZ/SUPPLIER1", "ZZ/RETAILCO", "14/4012345000009"]'
    with (home / "config.toml").open("a", encoding="utf-8") as text:
        for name in TABLES:
            partner = partner_of(name)
            text.write(f'\n[partners.{partner}]\nentity = "US"\nsenders = {senders}\n')
            own = home / "mappings" / partner / "feed.toml"
            own.parent.mkdir()
            own.write_text(f'based_on = "standard/{name}"\nfeed = "{partner}.feed"\npartner = "{partner}"\n')
    return home


def give(home: Path, name: str) -> None:
    folder = home / "inbound" / partner_of(name)
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(plainest(name), folder / plainest(name).name)


def test_of_suppliers_and_acknowledgements_invoices_alone_post_and_nothing_moves_stock(partners: Path) -> None:
    for name in TABLES:
        give(partners, name)
    with open_home(partners, now=NOW) as gateway:
        files = run_once(gateway).files
        assert verify.verify(gateway.lake) == []
        counts = {
            table: gateway.lake.con.execute(f'select count(*) from "{table}_current"').fetchall()[0][0]
            for table in sorted(set(TABLES.values()))
        }
        faults = {partner for (partner,) in gateway.lake.con.execute("select partner from fault").fetchall()}
        moved = {table: gateway.lake.con.execute(f'select count(*) from "{table}"').fetchall() for table in MOVING}
        owed = gateway.lake.con.execute(OWED).fetchall()
        rules = gateway.lake.con.execute(
            "select rule, count(distinct entry_id) from journal_line group by 1"
        ).fetchall()
    assert {(file.name, file.state) for file in files} == {(plainest(name).name, "ACCEPTED") for name in TABLES}
    assert all(file.received == file.accepted + file.rejected + file.duplicate + file.ignored for file in files)
    assert counts == dict(sorted(Counter(TABLES[name] for name in TABLES for _ in rows_of(name)).items()))
    assert moved == {table: [(0,)] for table in MOVING}
    invoiced: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for name in (name for name, table in PURCHASING.items() if table == "supplier_invoice_line"):
        for row in rows_of(name):
            invoiced[row["invoice_no"], row["currency"]] += Decimal(row["amount"])
    assert owed == [(*document, amount) for document, amount in sorted(invoiced.items()) if amount]
    assert rules == [("supplier-invoice", len(owed))], "an entry for each invoice"
    # A rejection that an acknowledgement reports is a row of it, and no fault of the file.
    rows = {partner_of(name): (len(rows_of(name)), 0) for name in ACKNOWLEDGEMENTS}
    assert {file.partner: (file.accepted, file.rejected) for file in files if file.partner in rows} == rows
    assert not faults & set(rows)


def test_a_second_answer_to_an_order_restates_the_first_line_by_line(partners: Path) -> None:
    give(partners, "x12/855")
    with open_home(partners, now=NOW) as gateway:
        run_once(gateway)
        later = plainest("x12/855").read_text().replace("ACK*IQ*40*EA*067*20261201", "ACK*IQ*45*EA*067*20261208")
        (partners / "inbound" / "x12-855" / "again.edi").write_text(later.replace("000008551", "000008559"))
        [again] = run_once(gateway).files
        line = gateway.lake.con.execute(
            """select qty, due::varchar from purchase_order_line_current
            where po = '4500017-2' and line_no = '20' and line_status = 'CHANGED'"""
        ).fetchall()
    assert (again.state, again.accepted, again.duplicate) == ("ACCEPTED", 1, 8)
    assert line == [(Decimal(45), "2026-12-08")]


# --- what the figures mean ------------------------------------------------------------------------------------


def total(rows: list[dict[str, Any]], column: str, **wanted: str) -> Decimal:
    matching = (row for row in rows if all(row.get(key) == value for key, value in wanted.items()))
    return sum((Decimal(row[column]) for row in matching), Decimal(0))


@pytest.mark.parametrize(
    ("name", "invoice", "owed"),
    [
        ("x12/810", "INV-77001", "2642.35"),
        ("x12/810", "CN-77002", "-73.60"),
        ("x12/810", "CN-77003", "-5.00"),
        ("edifact/INVOIC", "RE-77001", "1076.83"),
        ("edifact/INVOIC", "GS-77002", "-257.04"),
        ("ubl/invoice", "R-2026-771", "1078.03"),
        ("ubl/credit-note-supplier", "G-2026-091", "-123.76"),
    ],
)
def test_the_rows_of_an_invoice_make_what_is_owed_and_those_of_a_credit_note_what_comes_back(
    name: str, invoice: str, owed: str
) -> None:
    assert total(rows_of(name), "amount", invoice_no=invoice) == Decimal(owed)


@pytest.mark.parametrize("name", [name for name, table in PURCHASING.items() if table == "supplier_invoice_line"])
def test_goods_charges_and_taxes_have_one_sign_and_allowances_the_other(name: str) -> None:
    for row in rows_of(name):
        if row.get("description") == "Lamp, case of 3, returned":
            continue
        sign = -1 if row["document_kind"] == "CREDIT_NOTE" else 1
        sign *= -1 if row["line_kind"] == "ALLOWANCE" else 1
        assert Decimal(row["amount"]) * sign > 0, row
        assert ("qty" in row) == (row["line_kind"] == "GOODS")


def test_prices_are_those_of_a_base_unit_whatever_their_unit() -> None:
    costs = {
        (name, row["line_no"]): Decimal(row["unit_cost"])
        for name in ("x12/855", "edifact/ORDRSP", "cxml/confirmation-request", "ubl/order-response")
        for row in rows_of(name)
        if row.get("unit_cost")
    }
    assert costs["x12/855", "30"] == Decimal(19)  # 114 for a box of 6
    assert costs["x12/855", "40"] == Decimal("0.95")  # 95 for a hundred
    assert costs["edifact/ORDRSP", "20"] == Decimal("18.005")  # 1800,5 for 100 pieces
    assert costs["cxml/confirmation-request", "3"] == Decimal(19)  # 5,700 for 100 cases of 3
    assert costs["ubl/order-response", "20"] == Decimal("18.666667")  # 5,600 for 100 cases of 3


def test_a_line_that_comes_in_parts_says_what_comes_and_what_is_on_backorder() -> None:
    for name, line in (("x12/855", "20"), ("edifact/ORDRSP", "20"), ("cxml/confirmation-request", "2")):
        parts = [row for row in rows_of(name) if row.get("line_no") == line]
        assert [(row["line_status"], Decimal(row["qty"])) for row in parts] == [("CHANGED", 40), ("BACKORDERED", 20)]
        assert {Decimal(row["ordered_qty"]) for row in parts} == {Decimal(60)}


@pytest.mark.parametrize("name", ["x12/855", "edifact/ORDRSP"])
def test_an_order_that_is_answered_as_a_whole_has_no_line_number(name: str) -> None:
    [whole] = [row for row in rows_of(name) if row["po"] == "4500018"]
    assert (whole["line_status"], "line_no" in whole, "qty" in whole) == ("ACCEPTED", False, False)


# --- public files ---------------------------------------------------------------------------------------------


def public(reader: Home, name: str, folder: str, file: str) -> dict[str, Any]:
    files = corpus(folder, file)
    if not files:
        pytest.skip("the public samples are not at hand")
    return tried(reader, STANDARD / f"{name}.toml", files[0])


def test_an_amount_that_writes_its_two_decimals_is_that_amount(reader: Home, tmp_path: Path) -> None:
    text = plainest("x12/810").read_text()
    pointed, changed = re.subn(r"TDS\*(-?[0-9]+)([0-9]{2})\b", r"TDS*\1.\2", text)
    path = tmp_path / "a.edi"
    path.write_text(pointed)
    found = tried(reader, STANDARD / "x12/810.toml", path)
    assert changed > 0
    assert found["records"] == tried(reader, STANDARD / "x12/810.toml", plainest("x12/810"))["records"]
    assert not found["held"]


def test_a_public_invoice_foots_and_its_neighbour_that_does_not_is_reported(reader: Home) -> None:
    found = public(reader, "x12/810", "x12", "staedi__simple810.edi")
    # The interchange says that it is a test: a pass takes it as one, so nothing of it counts, and it is not held.
    assert not found["held"] and found["counts"]["ignored"] == found["counts"]["received"] > 0
    [fault] = [fault["message"] for fault in found["faults"] if fault["code"] == "CONTROL_TOTAL"]
    assert "000000020/1/000000002: the rows make 1851.00, the file states 2554.38" in fault
    first = [row for row in found["records"]["supplier_invoice_line"] if row["po"] == "A99999-01"]
    assert total(first, "amount") == Decimal("2554.38")


@pytest.mark.parametrize(
    ("name", "folder", "file", "owed", "rows"),
    [
        ("x12/810", "x12", "edifabric2016__X12_810_00204.txt", "160", 1),
        ("edifact/INVOIC", "edifact", "edifabric2016__Edifact_INVOIC_D00A_LF.txt", "116", 2),
        ("edifact/INVOIC", "edifact", "staedi__invoic_d97b.edi", "2137.58", 3),
        ("ubl/invoice", "xml-ubl", "ubl__PEP_BII04_minimal_VAT_invoice_example_01.xml", "1728.70", 6),
    ],
)
def test_public_invoices_are_read_to_the_amount(
    reader: Home, name: str, folder: str, file: str, owed: str, rows: int
) -> None:
    found = public(reader, name, folder, file)
    lines = found["records"]["supplier_invoice_line"]
    assert (found["held"], len(lines)) == (False, rows)
    assert total(lines, "amount") == Decimal(owed)


def test_a_public_answer_to_an_order_accepts_two_lines_and_rejects_two(reader: Home) -> None:
    found = public(reader, "x12/855", "x12", "node-x12__855.edi")
    lines = [(row["line_no"], row["line_status"], row["qty"]) for row in found["records"]["purchase_order_line"]]
    assert lines == [
        ("1", "ACCEPTED", "3.0000"),
        ("2", "REJECTED", "0.0000"),
        ("3", "REJECTED", "0.0000"),
        ("4", "ACCEPTED", "2.0000"),
    ]


def test_public_acknowledgements_say_which_set_was_refused_and_where(reader: Home) -> None:
    rows = public(reader, "x12/999", "x12", "staedi__simple999.edi")["records"]["acknowledgement"]
    [group] = [row for row in rows if row["level"] == "GROUP"]
    assert (group["status"], group["group_no"], group["sets_sent"], group["sets_accepted"]) == (
        "PARTIAL",
        "17456",
        3,
        1,
    )
    verdicts = {row["set_no"]: row["status"] for row in rows if row["level"] == "SET"}
    assert verdicts == {"0001": "ACCEPTED", "0002": "REJECTED", "0003": "REJECTED"}
    errors = {(row["set_no"], row["error_position"], row["errors"]) for row in rows if row["level"] == "ERROR"}
    assert errors == {("0002", "CLM 22", "8"), ("0002", "CLM 22 2", "1"), ("0003", "REF 57", "3")}
    functional = public(reader, "x12/997", "x12", "staedi__simple997.edi")["records"]["acknowledgement"]
    assert [row["errors"] for row in functional if row["level"] == "ERROR"] == ["8", "7"]


def test_a_public_advice_of_a_supplier_names_order_line_and_package(reader: Home) -> None:
    found = public(reader, "edifact/DESADV-supplier", "edifact", "vscode-edi__DESADV.edifact")
    line = found["records"]["asn_line"][0]
    assert (line["po"], line["line_no"], line["package"], line["qty"]) == (
        "5500011089",
        "00010",
        "S1975362171229-9",
        "600.0000",
    )
