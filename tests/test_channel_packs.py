"""Packs of channels, processors and XML documents: what they hold back, set aside, and make of public files.

That they are sound and read their samples row by row is tested for all packs together.
"""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from gateway import init as homes
from gateway.errors import FileError
from gateway.home import Home
from gateway.mapping.library import load, samples
from gateway.model.status import allowed
from tests.conftest import corpus, samples_of, tried

ROOT = Path(__file__).parents[1] / "mappings"
STANDARD = ROOT / "standard"
FAMILIES = (
    "amazon",
    "walmart",
    "ebay",
    "etsy",
    "mirakl",
    "shopify",
    "paypal",
    "stripe",
    "adyen",
    "ubl",
    "gs1",
    "cxml",
    "epcis",
)
PACKS = [pack for family in FAMILIES for pack in sorted((STANDARD / family).glob("*.toml"))]
FORMATS = {pack: tomllib.loads(pack.read_text(encoding="utf-8"))["file"]["format"] for pack in PACKS}
XML = [pack for pack in PACKS if FORMATS[pack] == "xml"]
DELIMITED = [pack for pack in PACKS if FORMATS[pack] == "delimited"]


def name_of(value: Any) -> str:
    return value.relative_to(STANDARD).with_suffix("").as_posix() if isinstance(value, Path) else str(value)


def read(reader: Home, pack: Path, file: Path) -> dict[str, Any]:
    """What a pack makes of a file, with the master data of its samples."""
    reader.master.replace(*(samples.master_data(pack) or reader.master.tables()))
    return tried(reader, pack, file)


def changed(tmp_path: Path, pack: Path, name: str, old: str, new: str) -> Path:
    """A sample with one text in place of another."""
    content = (pack.parent / "samples" / name).read_bytes()
    assert content.count(old.encode()) == 1
    path = tmp_path / name
    path.write_bytes(content.replace(old.encode(), new.encode()))
    return path


def test_every_pack_serves_as_the_base_of_a_partners_mappings(tmp_path: Path) -> None:
    homes.lay_down(tmp_path, examples=False)
    for pack in PACKS:
        base, name = name_of(pack), name_of(pack).replace("/", "-").replace(".", "-")
        own = tmp_path / "mappings" / f"p-{name}" / "feed.toml"
        own.parent.mkdir()
        own.write_text(f'based_on = "standard/{base}"\nfeed = "p-{name}.feed"\npartner = "p-{name}"\n')
    library = load.load_all(tmp_path)
    assert [str(fault) for fault in library.faults] == []
    assert len(library.mappings) == len(PACKS)


# --- what does not foot, and codes that nobody knows ------------------------------------------------------------

CHANGES = [
    ("amazon/settlement-v1", "settlement-v1.txt", "\t119.98\t", "\t119.89\t"),
    ("amazon/settlement-xml", "settlement-xml.xml", ">-39.99<", ">39.99<"),
    ("walmart/reconciliation", "reconciliation.csv", ",52.43,", ",52.44,"),
    ("ebay/transactions", "Transaction_report_20261101_20261130.csv", ",71.56,USD", ",71.65,USD"),
    ("etsy/statement", "etsy-statement-2026-11.csv", "$16.08,--,$16.08", "$16.08,--,$16.80"),
    ("shopify/payouts", "payouts_export.csv", ",1029.46,", ",1029.47,"),
    ("shopify/transactions", "payment_transactions_export_1.csv", ",54.36,", ",54.63,"),
    ("paypal/settlement", "STL-20261101.R.01.009.CSV", '"CR",5000,"USD"', '"CR",5001,"USD"'),
    ("paypal/transaction-detail", "TRR-20261101.R.01.008.CSV", '"CR",5000,"EUR"', '"CR",5001,"EUR"'),
    ("paypal/activity", "paypal-activity-en.csv", '"-43.87"', '"-43.78"'),
    ("stripe/itemised", "itemised.csv", '"125.92"', '"125.29"'),
    ("stripe/balance-history", "balance_history.csv", ",-4500,", ",-4501,"),
    ("adyen/settlement-detail", "settlement_detail_report_batch_41.csv", ",141.88,", ",141.89,"),
    ("ubl/order", "order.xml", ">1318.80<", ">1318.81<"),
    ("ubl/credit-note", "credit-note.xml", ">201.86<", ">201.85<"),
    ("cxml/order-request", "order-request.xml", ">1,318.80<", ">1,319.80<"),
    ("ubl/invoice", "invoice.xml", ">978.10<", ">978.01<"),
    ("ubl/credit-note-supplier", "credit-note-supplier.xml", ">123.76<", ">127.36<"),
]


@pytest.mark.parametrize(("name", "sample", "old", "new"), CHANGES, ids=[change[0] for change in CHANGES])
def test_a_file_whose_figures_do_not_agree_is_held(
    reader: Home, tmp_path: Path, name: str, sample: str, old: str, new: str
) -> None:
    pack = STANDARD / f"{name}.toml"
    found = read(reader, pack, changed(tmp_path, pack, sample, old, new))
    code = "CONTROL_TOTAL" if pack.parent.name in ("ubl", "cxml") else "SETTLE_NOT_FOOT"
    assert found["held"]
    assert code in {fault["code"] for fault in found["faults"]}


@pytest.mark.parametrize(
    ("name", "sample", "own", "other"),
    [
        ("amazon/settlement-v2", "settlement-v2.txt", "18412096211", "18412096299"),
        ("walmart/reconciliation", "reconciliation.csv", "10/30/2026,52.43", "11/13/2026,52.43"),
    ],
)
def test_settlements_that_were_put_together_in_a_file_make_the_sum_of_their_totals(
    reader: Home, tmp_path: Path, name: str, sample: str, own: str, other: str
) -> None:
    pack = STANDARD / f"{name}.toml"
    text = (pack.parent / "samples" / sample).read_text()
    body = text.partition("\n")[2].replace(own, other)
    file = tmp_path / sample
    file.write_text(text + body)
    found = read(reader, pack, file)
    assert not found["held"]
    assert len({line["settlement_id"] for line in found["records"]["settlement_line"]}) == 2
    last, sep, end = body.rstrip("\n").rpartition("\n")
    file.write_text(text + last)
    assert sep and end
    assert "SETTLE_NOT_FOOT" in {fault["code"] for fault in read(reader, pack, file)["faults"]}


@pytest.mark.parametrize(
    ("name", "sample", "old", "new"),
    [
        ("paypal/transaction-detail", "TRR-20261101.R.01.008.CSV", '"EUR","S",,380', '"EUR","X",,380'),
        ("shopify/payouts", "payouts_export.csv", "2026-11-03,paid", "2026-11-03,on_hold"),
    ],
)
def test_a_status_that_nobody_knows_moves_no_money(
    reader: Home, tmp_path: Path, name: str, sample: str, old: str, new: str
) -> None:
    pack = STANDARD / f"{name}.toml"
    found = read(reader, pack, changed(tmp_path, pack, sample, old, new))
    assert [fault["message"] for fault in found["faults"] if "is not a known code" in fault["message"]]
    assert found["counts"]["accepted"] < read(reader, pack, pack.parent / "samples" / sample)["counts"]["accepted"]


def test_lines_above_the_summary_that_names_their_settlement_are_rejected(reader: Home, tmp_path: Path) -> None:
    pack = STANDARD / "walmart" / "reconciliation.toml"
    head, count, summary, *lines = (pack.parent / "samples" / "reconciliation.csv").read_text().splitlines()
    file = tmp_path / "reconciliation.csv"
    file.write_text("\n".join([head, count, *lines, summary]))
    messages = {fault["message"] for fault in read(reader, pack, file)["faults"] if fault["code"] == "ROW_REJECT"}
    assert messages == {"settlement_id: is required, and nothing can be made from Period End Date (blank)"}


def test_every_pack_with_figures_that_must_agree_is_tried_with_others() -> None:
    stated = {name_of(pack) for pack in PACKS if "tie_out" in pack.read_text(encoding="utf-8")}
    assert stated == {change[0] for change in CHANGES} | {"amazon/settlement-v2"}


# --- what the samples become; that the packs make it of them is tested for all packs ------------------------------


def expected(pack: Path) -> dict[str, Any]:
    """What the samples of a pack become, taken together: {"records": {table: [row, …]}, "faults": [fault, …]}."""
    found: dict[str, Any] = {"records": {}, "faults": []}
    for sample in samples_of(pack):
        outcome = json.loads(sample.with_name(f"{sample.name}.expected.json").read_text(encoding="utf-8"))
        found["faults"] += outcome["faults"]
        for table, rows in outcome["records"].items():
            found["records"].setdefault(table, []).extend(rows)
    return found


EXPECTED = {name_of(pack): expected(pack) for pack in PACKS}
SETTLED = [name for name, found in EXPECTED.items() if found["records"].get("settlement_line")]
STOCK = [name for name, found in EXPECTED.items() if found["records"].get("inventory_movement")]


def rows_of(name: str, table: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = EXPECTED[name]["records"].get(table, [])
    return rows


def total(lines: list[dict[str, Any]], **wanted: str) -> Decimal:
    return sum(
        (Decimal(line["amount"]) for line in lines if all(line.get(key) == value for key, value in wanted.items())),
        Decimal(0),
    )


@pytest.mark.parametrize("name", [n for n in SETTLED if '"suspense"' in (STANDARD / f"{n}.toml").read_text("utf-8")])
def test_an_unknown_code_keeps_its_amount_in_suspense_and_is_reported(name: str) -> None:
    unknown = [line for line in rows_of(name, "settlement_line") if line["canonical_class"] == "suspense"]
    if name in ("stripe/balance-history", "paypal/transaction-detail"):
        assert not unknown, "now its samples hold such a code: take it off this list"
        return
    assert unknown
    assert all(Decimal(line["amount"]) for line in unknown)
    assert "UNMAPPED_LINE" in {fault["code"] for fault in EXPECTED[name]["faults"]}


PAID = [
    ("amazon/settlement-v1", "16402187765"),
    ("amazon/settlement-xml", "18412207761"),
    ("walmart/reconciliation", "WM-2026-10-30"),
    ("ebay/transactions", "7593167856"),
    ("mirakl/transaction-logs", "INV-2026-10-2"),
    ("stripe/itemised", "po_1QExampleAAA"),
    ("stripe/balance-history", "po_1QExampleBBB"),
    ("adyen/settlement-detail", "ExampleShopEU-41"),
]


@pytest.mark.parametrize(("name", "settlement"), PAID, ids=[name for name, _ in PAID])
def test_the_lines_of_a_settlement_make_what_is_paid(name: str, settlement: str) -> None:
    [head] = [row for row in rows_of(name, "settlement") if row["settlement_id"] == settlement]
    lines = rows_of(name, "settlement_line")
    assert total(lines, settlement_id=settlement, currency=head["currency"]) == Decimal(head["total"])
    assert {line["channel"] for line in lines} == {head["channel"]}


@pytest.mark.parametrize("name", SETTLED)
def test_what_is_sold_is_positive_and_what_it_costs_or_goes_back_is_negative(name: str) -> None:
    lines = rows_of(name, "settlement_line")
    assert all(total(lines, canonical_class=kind) >= 0 for kind in ("principal", "shipping"))
    costs = ("commission", "fulfilment", "storage", "advertising", "promotion", "facilitator_tax")
    assert all(total(lines, canonical_class=kind) <= 0 for kind in (*costs, "refund_principal", "chargeback"))


@pytest.mark.parametrize("name", STOCK)
def test_movements_are_those_that_stock_can_make(name: str) -> None:
    for row in rows_of(name, "inventory_movement"):
        assert allowed(row["from_status"], row["to_status"]), row
        assert Decimal(row["qty"]) > 0
        for end in ("from", "to"):
            outside = row[f"{end}_status"] in ("SUPPLIER", "CUSTOMER", "ADJUST", "SINK")
            assert (row[f"{end}_location"] == row[f"{end}_status"]) == outside, row


@pytest.mark.parametrize("name", [n for n, found in EXPECTED.items() if "inventory_snapshot" in found["records"]])
def test_a_snapshot_counts_no_bucket_twice(name: str) -> None:
    keys = Counter(
        (row["location"], row["as_of"], row["sku"], row["status"], row.get("source_qualifier"))
        for row in rows_of(name, "inventory_snapshot")
    )
    assert set(keys.values()) == {1}


def test_an_item_that_is_damaged_and_put_aside_leaves_as_many_units_as_before() -> None:
    lines = rows_of("amazon/inventory-ledger-detail", "inventory_movement")
    pair = [row for row in lines if row.get("document_no") == "7440012233"]
    assert [(row["from_status"], row["to_status"], row["qty"]) for row in pair] == [
        ("AVAILABLE", "ADJUST", "2.0000"),
        ("ADJUST", "DAMAGED", "2.0000"),
    ]
    assert [row["reason"] for row in pair] == ["DAMAGE", "STATUS_CHANGE"]


def test_a_removal_from_amazon_is_a_transfer_and_no_return_to_a_supplier() -> None:
    lines = rows_of("amazon/inventory-ledger-detail", "inventory_movement")
    removed = [row for row in lines if row.get("document_no") == "REM-88121"]
    assert [(row["to_location"], row["to_status"], row["type"]) for row in removed] == [
        ("FBA-US-REMOVAL", "XFER_TRANSIT", "TRANSFER")
    ]


@pytest.mark.parametrize(
    ("name", "item"),
    [
        ("shopify/transactions", "#43500000000001"),
        ("stripe/itemised", "dp_3QExample004"),
        ("stripe/balance-history", "dp_3QExample102"),
        ("paypal/settlement", "2CD77712ZZ000002W"),
        ("adyen/settlement-detail", "8516001234500001"),
    ],
)
def test_a_disputed_amount_may_come_back_and_the_fee_of_the_dispute_is_a_cost(name: str, item: str) -> None:
    lines = [line for line in rows_of(name, "settlement_line") if line.get("item_code") == item]
    assert [line["canonical_class"] for line in lines] == ["chargeback", "dispute_fee"]
    assert all(Decimal(line["amount"]) < 0 for line in lines)


def test_the_sales_tax_in_an_etsy_sale_is_no_revenue() -> None:
    lines = [row for row in rows_of("etsy/statement", "settlement_line") if row.get("order_id") == "3812345671"]
    assert total(lines, canonical_class="principal") == Decimal("15.00")
    assert total(lines, canonical_class="tax") + total(lines, canonical_class="facilitator_tax") == 0


GERMAN = """Datum,Art,Titel,Info,Währung,Betrag,Gebühren & Steuern,Netto,Steuerliche Angaben
15. Juli 2026,Verkauf,Zahlung für Bestellung Nr. 3700000001,,EUR,"1.234,50 €",--,"1.234,50 €",--
15. Juli 2026,Gebühr,Transaktionsgebühr: Tasse,Bestellung Nr. 3700000001,EUR,--,"-80,24 €","-80,24 €",--
15. Juli 2026,Gebühr,Einstellgebühr,Artikel Nr. 4400,USD,--,"−0,20 $","−0,20 $",--
16. Juli 2026,Rückerstattung,Rückerstattung,Bestellung Nr. 3700000001,EUR,-€10,--,-€10,--
17. Juli 2026,Überweisung,"1.144,26 € wurden überwiesen",,EUR,--,--,--,--
18. Juli 2026,Sendung,"5,00 € wurden gesendet",,EUR,--,--,--,--
"""


def test_a_german_statement_of_etsy_and_a_type_that_may_be_a_deposit(reader: Home, tmp_path: Path) -> None:
    file = tmp_path / "etsy_statement.csv"
    file.write_text(GERMAN)
    found = read(reader, STANDARD / "etsy" / "statement.toml", file)
    assert sorted((row["canonical_class"], row["amount"]) for row in found["records"]["settlement_line"]) == [
        ("commission", "-80.2400"),
        ("other_fee", "-0.2000"),
        ("principal", "1234.5000"),
        ("refund_principal", "-10.0000"),
    ]
    assert {row.get("order_id") for row in found["records"]["settlement_line"]} == {"3700000001", None}
    assert [(row["deposit_date"], row["total"]) for row in found["records"]["settlement"]] == [
        ("2026-07-17", "1144.2600")
    ]
    assert [(fault["position"], fault["value"]) for fault in found["faults"]] == [("line 7", "Sendung")]


def test_a_payout_of_shopify_that_failed_pays_nothing() -> None:
    paid = {row["settlement_id"]: Decimal(row["total"]) for row in rows_of("shopify/payouts", "settlement")}
    assert (paid["2026-11-06 USD"], paid["2026-11-10 USD"]) == (0, Decimal("96.80"))
    assert "2026-11-12 USD" not in paid


def test_currencies_without_minor_units_keep_their_amounts() -> None:
    lines = rows_of("paypal/settlement", "settlement_line")
    assert total(lines, currency="JPY", amount_type="Gross") == 12_000
    assert total(rows_of("stripe/balance-history", "settlement_line"), currency="JPY", amount_type="Gross") == 9_000


def test_pending_transactions_of_paypal_are_no_lines() -> None:
    codes = {row["txn_type"] for row in rows_of("paypal/transaction-detail", "settlement_line")}
    assert codes == {"T0006", "T1107"}
    assert len(rows_of("paypal/transaction-detail", "settlement_line")) == 4


def test_events_become_the_same_from_either_notation() -> None:
    serials = {
        name: {(row["serial"], row["to_status"]) for row in rows_of(name, "inventory_movement") if "serial" in row}
        for name in ("epcis/events", "epcis/events-json")
    }
    wanted = {("2018", "RECEIVING"), ("2019", "RECEIVING"), ("2018", "RETURN_PENDING_INSPECTION"), ("3001", "CUSTOMER")}
    assert serials["epcis/events-json"] == wanted <= serials["epcis/events"]


def test_a_return_on_its_way_stays_the_customers_until_it_arrives() -> None:
    stages = [row["stage"] for row in rows_of("epcis/events", "return_event")]
    moves = [row for row in rows_of("epcis/events", "inventory_movement") if row["type"] == "RETURN"]
    assert stages == ["IN_TRANSIT", "RECEIVED"]
    assert [(row["from_status"], row["to_status"]) for row in moves] == [("CUSTOMER", "RETURN_PENDING_INSPECTION")]


# --- files of another kind --------------------------------------------------------------------------------------


def following(packs: list[Path]) -> list[tuple[Path, Path]]:
    """Each pack with a sample of the next one that is for another document (a supplier's is the same document)."""
    found = []
    for number, pack in enumerate(packs):
        others = (*packs[number + 1 :], *packs[:number])
        document = pack.stem.removesuffix("-supplier")
        other = next(one for one in others if one.stem.removesuffix("-supplier") != document)
        found.append((pack, samples_of(other)[0]))
    return found


@pytest.mark.parametrize(("pack", "sample"), following(XML), ids=name_of)
def test_another_document_is_refused_and_not_taken_for_one_without_rows(reader: Home, pack: Path, sample: Path) -> None:
    with pytest.raises(FileError, match=r"the document (is a|has no|has a DOCTYPE|holds a)"):
        read(reader, pack, sample)


@pytest.mark.parametrize(("pack", "sample"), following(DELIMITED), ids=name_of)
def test_another_table_becomes_no_records(reader: Home, pack: Path, sample: Path) -> None:
    try:
        found = read(reader, pack, sample)
    except FileError:
        return
    assert found["held"] or not any(found["records"].values())


# --- public files -----------------------------------------------------------------------------------------------


def public(reader: Home, name: str, folder: str, file: str) -> dict[str, Any]:
    files = corpus(folder, file)
    if not files:
        pytest.skip("the public samples are not at hand")
    return read(reader, STANDARD / f"{name}.toml", files[0])


def test_a_public_order_is_read_to_the_amount(reader: Home) -> None:
    found = public(reader, "ubl/order", "xml-ubl", "ubl__UBL-Order-2.1-Example.xml")
    assert not found["held"]
    assert [
        (row["sku"], row["qty"], row["list_amount"], row["currency"]) for row in found["records"]["order_line"]
    ] == [
        ("?SItemNo001", "120.0000", "6000.0000", "SEK"),
        ("?SItemNo011", "15.0000", "225.0000", "SEK"),
    ]


def test_a_public_receipt_reports_what_is_short(reader: Home) -> None:
    found = public(reader, "ubl/receipt-advice", "xml-ubl", "ubl__UBL-ReceiptAdvice-2.0-Example.xml")
    [line] = found["records"]["receipt_line"]
    assert (line["po"], line["accepted_qty"], line["short_qty"]) == ("AEG012345", "90.0000", "10.0000")
    [move] = found["records"]["inventory_movement"]
    assert (move["to_location"], move["qty"]) == ("XFB01", "90.0000")


def test_a_public_credit_note_gives_back_what_its_lines_say(reader: Home) -> None:
    found = public(reader, "ubl/credit-note", "xml-ubl", "ubl__UBL-SelfBilledCreditNote-2.1-Example.xml")
    assert not found["held"]
    assert {row["refund_id"] for row in found["records"]["return_event"]} == {"TOSL108"}
    assert sum(Decimal(row["principal_amount"]) for row in found["records"]["return_event"]) == Decimal("1436.50")


@pytest.mark.parametrize(
    "file", ["cxml__ShipNoticeRequest.xml", "cxml__PunchoutOrderMessage.xml", "cxml__simple-profile-request.xml"]
)
def test_public_documents_without_what_the_pack_is_for_are_refused(reader: Home, file: str) -> None:
    with pytest.raises(FileError, match="the document has no "):
        public(reader, "cxml/ship-notice", "xml-cxml", file)


def test_public_events_are_counted_and_those_declared_wrong_are_held_back(reader: Home) -> None:
    start = "openepcis__1.2_EPCIS_XML_Capture_Documents_"
    found = public(reader, "epcis/events", "xml-epcis", f"{start}ObjectEvent_with_baseExtension_errorDeclaration.xml")
    assert (found["counts"]["accepted"], found["counts"]["rejected"]) == (6, 3)
    assert {row["sku"] for row in found["records"]["inventory_movement"]} == {"?09521141111116"}
