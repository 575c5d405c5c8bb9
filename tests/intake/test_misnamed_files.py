"""Files under a wrong name or in a wrong folder: claimed by their content, or reported with the nearest feed."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from openpyxl import load_workbook

from gateway.home import Home
from gateway.intake.again import again
from gateway.intake.result import FileResult
from gateway.ledger import verify
from gateway.once import run_once
from gateway.synthetic import edi
from gateway.synthetic.business import Business
from tests.conftest import NOW

pytestmark = pytest.mark.usefixtures("hardly_reconciled")

Drop = Callable[[str, str, bytes | str], Path]


def titled(path: Path) -> bytes:
    """The workbook with a title above its header."""
    book = load_workbook(path)
    assert book.active is not None
    book.active.insert_rows(1, 2)
    book.active["A1"] = "Inventur"
    target = BytesIO()
    book.save(target)
    return target.getvalue()


STANDARD = Path(__file__).parents[2] / "mappings" / "standard"
ORDERS = (STANDARD / "csv" / "samples" / "orders.csv").read_text()
NAMES = "sku,partner,id-type,external-id,pack-qty,valid-from,valid-to\nSKU-1,3pl-east,3PL,E-1,1,,\n"
UNDATED = "sku,partner,id-type,external-id,pack-qty\nSKU-1,3pl-east,3PL,E-1,1\n"
RETURNS = (STANDARD / "amazon" / "samples" / "fba-returns.txt").read_text()
COUNT = titled(STANDARD / "spreadsheet" / "samples" / "stock-count.xlsx")


def take(gateway: Home) -> dict[str, FileResult]:
    return {f.name: f for f in run_once(gateway).files}


def a_945(number: int) -> bytes:
    order = Business(1, NOW.date(), 2, 5, 10).orders[0]
    return edi.interchange("945", "SW", NOW.date(), number, [edi.shipment(order, order.lines, NOW.date(), "S1")])


def test_wrong_names_do_not_keep_files_from_their_mappings(gateway: Home, drop: Drop) -> None:
    drop("amazon-us", "export (3).dat", ORDERS)
    drop("own-warehouse", "monday.csv", COUNT)
    drop("3pl-east", "orders.csv", a_945(7))
    drop("amazon-us", "returns.txt", RETURNS)
    files = take(gateway)
    assert {name: (file.state, file.feed) for name, file in files.items()} == {
        "export (3).dat": ("ACCEPTED", "amazon-us.orders"),
        "monday.csv": ("ACCEPTED", "own-warehouse.stock-count"),
        "orders.csv": ("ACCEPTED", "3pl-east.945"),
        "returns.txt": ("ACCEPTED", "amazon-us.returns"),
    }
    said = files["export (3).dat"].reason
    assert said.startswith("claimed by its content, a CSV with the columns order-id, order-item-id")
    assert said.endswith('its name matches none of "*orders*.csv"')
    assert "claimed by its content, a workbook whose sheet" in files["monday.csv"].reason
    assert files["returns.txt"].reason == "", "a usual name needs no word"
    reported = gateway.lake.con.execute("select reason from file_state where name = 'export (3).dat'").fetchone()
    assert reported == (said,)
    [read_again] = again(gateway, files["export (3).dat"].file_id, force=False)
    assert (read_again.state, read_again.feed, read_again.reason) == ("ACCEPTED", "amazon-us.orders", said)
    assert verify.verify(gateway.lake) == []


NEAR: dict[tuple[str, str], tuple[str, list[str]]] = {
    ("amazon-us", "export.csv"): (
        ORDERS.replace("currency", "waehrung"),
        [
            "export.csv looks like a CSV with the columns order-id, ",
            "no mapping of amazon-us reads it: amazon-us.orders also needs currency; amazon-us.returns also needs",
        ],
    ),
    ("amazon-us", "orders.csv"): (
        "<?xml version='1.0'?>\n<Bestellung><Zeile/></Bestellung>",
        [
            "orders.csv looks like an XML document with the root Bestellung; no mapping of amazon-us reads it",
            "orders.toml expects format delimited",
        ],
    ),
    ("amazon-us", "a.xml"): (
        "<Bestellung/>",
        [
            "with the root Bestellung; no mapping of amazon-us reads it: they are for delimited",
        ],
    ),
    ("amazon-us", "a.json"): ('{"id": 1}', ['looks like JSON that begins with {"id": 1}; no mapping of amazon-us']),
    ("amazon-us", "a.txt"): ("no report today", ['looks like text that begins with "no report today"']),
    ("3pl-east", "b-orders.csv"): (
        ORDERS,
        [
            "3pl-east has mappings for interchanges only",
            "mappings of amazon-us would name it",
        ],
    ),
    ("own-warehouse", "count.xlsx"): (
        ORDERS,
        [
            "stock-count.toml expects format workbook",
            "own-warehouse.opening-stock also needs date, location, status",
        ],
    ),
    ("main-bank", "camt.xml"): (
        "<Document><CstmrCdtTrfInitn/></Document>",
        [
            "main-bank.camt053 cannot read it: the document holds a CstmrCdtTrfInitn, expected BkToCstmrStmt",
        ],
    ),
    ("master-data", "names.csv"): (
        NAMES,
        [
            "2 mappings claim names.csv, which looks like a CSV with the columns sku, partner, ",
            "mappings/master-data/aliases.toml",
            "mappings/master-data/items.toml",
        ],
    ),
    ("master-data", "undated.csv"): (
        UNDATED,
        [
            (
                "master-data.items can read it, but master-data.aliases names more of its columns and also needs "
                "valid-from"
            ),
        ],
    ),
}
"""(partner, name of the file) → what it holds, and what must be said of it."""


def test_a_file_that_not_exactly_one_mapping_reads_says_what_is_nearest(gateway: Home, drop: Drop) -> None:
    for (partner, name), (content, _) in NEAR.items():
        drop(partner, name, content)
    files = take(gateway)
    assert {file.state for file in files.values()} == {"QUARANTINED"}
    unsaid = [
        (name, part) for (_, name), (_, parts) in NEAR.items() for part in parts if part not in files[name].reason
    ]
    assert unsaid == []
    # A person renames one and drops it again: the quarantined delivery does not stand in its way.
    drop("master-data", "aliases.csv", NAMES)
    assert take(gateway)["aliases.csv"].state == "ACCEPTED"
