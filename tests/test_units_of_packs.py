"""Standard packs read quantities and prices by the unit of measure beside them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from gateway import init as homes
from gateway.home import Home, open_home, open_samples
from gateway.intake.again import again
from gateway.intake.attempt import attempt
from gateway.mapping.library import samples
from gateway.once import run_once
from tests.conftest import NOW, reconcile_only
from tests.test_packs import ROOT, loaded

X12, EDIFACT = ("*EA", "*DZ"), (":PCE", ":DZN")
UBL = ('unitCode="C62"', 'unitCode="DZN"')
CXML = ("<UnitOfMeasure>EA<", "<UnitOfMeasure>DZN<")
GS1 = ('measurementUnitCode="EA"', 'measurementUnitCode="DZN"')


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    home = tmp_path_factory.mktemp("units")
    homes.lay_down(home, examples=True)
    with open_samples(home) as gateway:
        yield gateway


def changed(reader: Home, folder: Path, pack: str, sample: str, *changes: tuple[str, str]) -> dict[str, Any]:
    """What a sample becomes with other texts in it."""
    path = ROOT / "standard" / f"{pack}.toml"
    text = (path.parent / "samples" / sample).read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (folder / sample).write_text(text, encoding="utf-8")
    reader.master.replace(*(samples.master_data(path) or reader.master.tables()))
    return samples.shape(attempt(reader, loaded(path), folder / sample))


def was(pack: str, sample: str) -> dict[str, Any]:
    expected = ROOT / "standard" / pack.split("/", maxsplit=1)[0] / "samples" / f"{sample}.expected.json"
    found: dict[str, Any] = json.loads(expected.read_text(encoding="utf-8"))
    return found


def pairs(old: dict[str, Any], new: dict[str, Any]) -> Iterator[tuple[str, Decimal, Decimal]]:
    """(field, value as it was, value as it is) of the numbers of the records."""
    for table, rows in old["records"].items():
        for before, after in zip(rows, new["records"][table], strict=True):
            for name, cell in before.items():
                if name.endswith(("qty", "amount", "unit_cost")) and before.get("sku") != "VASE-07":
                    yield name, Decimal(cell), Decimal(after[name])


@pytest.mark.parametrize(
    ("pack", "sample", "change", "dozens"),
    [
        ("x12/850", "850.edi", X12, 6),
        ("x12/810", "810.edi", X12, 4),
        ("x12/812", "812.edi", X12, 6),
        ("x12/846", "846.edi", X12, 12),
        ("x12/944", "944.edi", X12, 16),
        ("x12/945", "945.edi", X12, 17),
        ("edifact/INVOIC", "INVOIC.edi", EDIFACT, 2),
        ("edifact/DESADV", "DESADV.edi", EDIFACT, 4),
        ("ubl/order", "order.xml", UBL, 1),
        ("ubl/despatch-advice", "despatch-advice.xml", UBL, 5),
        ("cxml/order-request", "order-request.xml", CXML, 1),
        ("gs1/receiving-advice", "receiving-advice.xml", GS1, 5),
    ],
)
def test_what_is_stated_in_dozens_is_twelve_units_at_the_same_money(
    reader: Home, tmp_path: Path, pack: str, sample: str, change: tuple[str, str], dozens: int
) -> None:
    numbers = list(pairs(was(pack, sample), changed(reader, tmp_path, pack, sample, change)))
    quantities = [(old, new) for name, old, new in numbers if name.endswith("qty") and new != old]
    assert {new / old for old, new in quantities} == {12}
    assert [(name, old, new) for name, old, new in numbers if name.endswith("amount") and new != old] == []
    costs = [(old, new) for name, old, new in numbers if name == "unit_cost" and new != old]
    assert [abs(new * 12 - old) < Decimal("0.00001") for old, new in costs] == [True] * len(costs)
    assert len(quantities) == dozens


ID = "ItemIdentification><cbc:ID>"


@pytest.mark.parametrize(
    ("pack", "sample", "change"),
    [
        ("x12/846", "846.edi", ("VN*E00001*UP", "VN*NEW-1*LT*E00002*SK*E00001*UP")),
        ("x12/850", "850.edi", ("UP*614141000012*VN*MUG-BLUE", "UP*614141999999*VN*NEW-1")),
        ("x12/856", "856.edi", ("VN*MUG-BLUE*UP*614141000012~", "VN*NEW-1*UP*614141999999*UK*1*EN*614141000012~")),
        ("x12/867", "867.edi", ("LIN*1*VN*MUG-BLUE~", "LIN*1*VN*NEW-1*IN*R-55001~")),
        ("x12/945", "945.edi", ("**VN*E00001", "*E00001*VN*NEW-1")),
        (
            "edifact/DESADV",
            "DESADV.edi",
            ("LIN+2'\nPIA+5+SKU-77:SA", "LIN+2++4099999999999:EN'\nPIA+5+NEW-1:SA+SKU-77:BP"),
        ),
        (
            "edifact/INVRPT",
            "INVRPT.edi",
            ("LIN+3'\nPIA+5+SKU-77:SA", "LIN+3++4099999999999:EN'\nPIA+5+NEW-1:SA+SKU-77:BP"),
        ),
        ("edifact/INVOIC", "INVOIC.edi", ("LIN+1'\nPIA+5+SUP", "LIN+1++4099999999999:EN'\nPIA+5+SUP")),
        (
            "ubl/order",
            "order.xml",
            (f"<cac:Sellers{ID}MUG", f"<cac:Buyers{ID}MUG-BLUE-ITEM</cbc:ID></cac:Buyers{ID[:-8]}<cac:Sellers{ID}NEW"),
        ),
        (
            "cxml/order-request",
            "order-request.xml",
            (
                ">MUG-BLUE-ITEM</SupplierPartID><BuyerPartID>B-100<",
                ">NEW-1</SupplierPartID><BuyerPartID>MUG-BLUE-ITEM<",
            ),
        ),
        (
            "gs1/receiving-advice",
            "receiving-advice.xml",
            (
                ">09506000134352</gtin>",
                ">00000000000000</gtin><additionalTradeItemIdentification>09506000134352</additionalTradeItemIdentification>",
            ),
        ),
    ],
)
def test_an_item_is_known_by_whichever_of_its_numbers_somebody_knows(
    reader: Home, tmp_path: Path, pack: str, sample: str, change: tuple[str, str]
) -> None:
    found = changed(reader, tmp_path, pack, sample, change)
    before = was(pack, sample)
    assert {table: [(row.get("sku"), row.get("qty")) for row in rows] for table, rows in found["records"].items()} == {
        table: [(row.get("sku"), row.get("qty")) for row in rows] for table, rows in before["records"].items()
    }
    unknown = [fault for fault in found["faults"] if fault["code"] == "SKU_UNKNOWN"]
    assert unknown == [fault for fault in before["faults"] if fault["code"] == "SKU_UNKNOWN"]


def line(outcome: dict[str, Any], table: str, number: str, *fields: str) -> list[str]:
    row = next(row for row in outcome["records"][table] if row["line_no"] == number)
    return [row[name] for name in fields]


def test_an_order_counts_packs_by_what_the_document_says_and_prices_by_the_count_they_are_for(
    reader: Home, tmp_path: Path
) -> None:
    found = changed(
        reader,
        tmp_path,
        "x12/850",
        "850.edi",
        ("PO1*1*24*EA*6.5*TE*", "PO1*1*2*DZ*0.9*HP*"),  # 24 pieces at 0.90 for a hundred
        ("PO1*2*10*EA*31.99*PE*", "PO1*2*10*EA*31.99*PD*"),  # 10 of a dozen at 31.99
        ("PO1*4*5*EA*12*PE*BP*R-55003~", "PO1*4*5*CA*12*PE*BP*R-55003~PO4*6**********1*3**4~"),
        ("PO1*5*7*EA*2.345*PE*SK*R-99999~", "PO1*5*7*BX*2*PE*SK*R-99999~PO4*10~"),
        ("CTT*5*48~\nAMT*TT*674.12~\nSE*24*", "CTT*5*26~\nAMT*TT*230.48~\nSE*26*"),
    )
    assert line(found, "order_line", "1", "qty", "list_amount") == ["24.0000", "0.2200"]
    assert line(found, "order_line", "2", "qty", "list_amount") == ["10.0000", "26.6600"]
    assert line(found, "order_line", "5", "qty", "list_amount") == ["70.0000", "14.0000"]
    # 5 cases of 6 inner packs of 4 pieces
    assert line(found, "order_line", "4", "qty", "list_amount") == ["120.0000", "60.0000"]


def test_a_price_in_another_unit_than_the_quantity_is_brought_to_it(reader: Home, tmp_path: Path) -> None:
    found = changed(
        reader,
        tmp_path,
        "edifact/ORDERS",
        "ORDERS.edi",
        ("QTY+21:3'\nPRI+AAA:385:CT:NTP:100'", "QTY+21:3:DZN'\nQTY+59:4'\nPRI+AAA:385:CT:NTP:100:PCE'"),
        ("UNT+21+", "UNT+22+"),
    )
    # 36 pieces at 385 for a hundred of them
    assert line(found, "order_line", "3", "qty", "list_amount") == ["36.0000", "138.6000"]


STOCK = """feed = "acme.stock"
partner = "acme"
[file]
match = ["stock*.csv"]
format = "delimited"
[[record]]
type = "inventory_snapshot"
key = ["location", "as_of", "sku"]
[record.fields]
location = { constant = "WH-1" }
as_of = { from = "day", type = "datetime" }
scope = { constant = "FULL" }
status = { constant = "AVAILABLE" }
sku = { from = "item", alias = "3PL" }
qty = { from = "units", packs_of = "sku", counted_in = "uom" }
"""


def test_an_alias_that_comes_later_gives_the_right_quantity_by_replay(
    home: Path, drop: Callable[[str, str, bytes | str], Path], without_workbooks: None
) -> None:
    (home / "mappings" / "acme").mkdir()
    (home / "mappings" / "acme" / "stock.toml").write_text(STOCK, encoding="utf-8")
    drop("master-data", "items.csv", "sku,name,uom,abc,tracking,standard-cost\nMUG,Mug,EA,B,NONE,4.00\n")
    reconcile_only(home, "i")
    with open_home(home, now=NOW) as gateway:
        drop("acme", "stock.csv", "item,units,uom,day\nMUG,2,CA,2026-11-20\n")
        done = run_once(gateway)
        [file] = [one for one in done.files if one.name == "stock.csv"]

        def stands() -> tuple[Any, ...]:
            return gateway.lake.con.execute(
                "select (select qty from inventory_snapshot_current), "
                "(select code || ' ' || business_key || ' ' || owner || ' ' || status from exception "
                "where code = 'UNIT_UNKNOWN')"
            ).fetchall()[0]

        assert stands() == (Decimal(2), "UNIT_UNKNOWN acme.stock|uom|CA MD OPEN")
        drop(
            "master-data",
            "aliases.csv",
            "partner,id-type,external-id,sku,pack-qty,valid-from,valid-to\nacme,3PL,MUG,MUG,24,,\n",
        )
        run_once(gateway)
        again(gateway, file.file_id, force=False)
        run_once(gateway)
        assert stands() == (Decimal(48), "UNIT_UNKNOWN acme.stock|uom|CA MD CLOSED")


@pytest.mark.parametrize(
    ("pack", "sample", "change"),
    [
        ("x12/945", "945.edi", ("W12*CC*2*2*0*EA**VN*E00001~", "W12*CC*2*-2*0*EA**VN*E00001~")),
        ("edifact/DESADV", "DESADV.edi", ("QTY+12:4", "QTY+12:-4")),
        ("ubl/despatch-advice", "despatch-advice.xml", ('unitCode="C62">2<', 'unitCode="C62">-2<')),
        (
            "gs1/despatch-advice",
            "despatch-advice.xml",
            ('measurementUnitCode="EA">100<', 'measurementUnitCode="EA">-100<'),
        ),
    ],
)
def test_what_was_shipped_is_never_below_zero(
    reader: Home, tmp_path: Path, pack: str, sample: str, change: tuple[str, str]
) -> None:
    found = changed(reader, tmp_path, pack, sample, change)
    assert [fault["message"] for fault in found["faults"] if "must be more than zero" in fault["message"]]
    assert len(found["records"]["shipment_line"]) == len(was(pack, sample)["records"]["shipment_line"]) - 1
