"""Tables that people reported, each read as its reporter would: the right rows, or the fault that names what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway import init as homes
from gateway.home import Home, open_samples
from gateway.intake.attempt import attempt
from gateway.mapping.library import load
from tests.conftest import case

ROOT = Path(__file__).parents[1] / "mappings"
COUNT = """
feed = "acme.count"
partner = "acme"
[file]
match = ["*count*"]
format = "workbook"
header = { contains = ["SKU", "Qty"] }
"""
STOCK = COUNT.replace('format = "workbook"', 'format = "delimited"\ndelimiter = "auto"\nencoding = "auto"')
RECORD = """
[[record]]
type = "inventory_snapshot"
key  = ["location", "sku", "as_of"]
[record.fields]
location = { constant = "DC1" }
as_of    = { from = "Date", type = "datetime", formats = ["iso", "%d.%m.%Y", "%m/%d/%Y"] }
scope    = { constant = "FULL" }
sku      = "SKU"
status   = { constant = "AVAILABLE" }
qty      = "Qty"
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    path = tmp_path_factory.mktemp("reported")
    homes.lay_down(path, examples=False)
    with open_samples(path) as opened:
        yield opened


def tried(home: Home, tmp_path: Path, mapping: str, file: Path) -> dict[str, Any]:
    """What a mapping, or a pack by its name, makes of a file."""
    path = ROOT / f"standard/{mapping}.toml"
    if "\n" in mapping:
        path = tmp_path / "mappings" / "acme" / "feed.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(mapping)
    loaded, faults = load.load_file(path, ROOT if "\n" not in mapping else tmp_path / "mappings")
    assert faults == [] and loaded is not None
    return attempt(home, loaded, file)


def rows(result: dict[str, Any], *columns: str, table: str = "inventory_snapshot") -> list[tuple[str, ...]]:
    return [tuple(str(row[column]) for column in columns) for row in result["records"][table]]


def test_table_08_stray_quotes_lose_no_return(home: Home, tmp_path: Path) -> None:
    for name in ("returns.txt", "returns-same-title.txt"):
        result = tried(home, tmp_path, "amazon/fba-returns", case("table-08-fba-return-stray-quotes") / name)
        received = [row for row in result["records"]["return_event"] if row["stage"] == "RECEIVED"]
        assert [row["lpn"] for row in received] == ["LPN1", "LPN2", "LPN3", "LPN4"]
        assert result["counts"]["rejected"] == 0


def test_table_28_errors_in_columns_that_nobody_maps_do_no_harm(home: Home, tmp_path: Path) -> None:
    result = tried(home, tmp_path, COUNT + RECORD, case("table-28-formula-results") / "count.xlsx")
    assert [sku for sku, _ in rows(result, "sku", "qty")] == ["LAMP-01", "LAMP-02", "LAMP-04", "LAMP-05"]
    assert [fault["message"] for fault in result["faults"]] == [
        "Qty: is blank, but qty is required", "Qty: the cell Sheet1!B5 is a formula without a stored result",
    ]  # fmt: skip


def test_table_36_a_legend_beside_the_table_rejects_no_row(home: Home, tmp_path: Path) -> None:
    ignore = 'ignore = [{ name = "notes", when = "\\"Qty\\" = \'\'" }]\n'
    result = tried(home, tmp_path, COUNT + ignore + RECORD, case("table-36-notes-below") / "count-notes.xlsx")
    assert rows(result, "sku", "qty") == [("MUG-BLUE", "5.0000")]
    assert result["counts"]["rejected"] == 0
    assert [(fault["code"], fault["position"]) for fault in result["faults"]] == [("COLUMN_UNKNOWN", "Sheet!E5")]


def test_table_50_digits_that_nobody_wrote_are_never_accepted(home: Home, tmp_path: Path) -> None:
    folder = case("table-50-long-ids-in-xlsx")
    result = tried(home, tmp_path, COUNT + RECORD, folder / "count.xlsx")
    assert [sku for (sku,) in rows(result, "sku")][:4] == [
        "576460752303423489", "1234567890123456", "12345678901234567", "9007199254740993",
    ]  # fmt: skip
    assert [fault["position"] for fault in result["faults"]] == ["Sheet1!A3"]
    shortened = tried(home, tmp_path, COUNT + RECORD, folder / "count-excel-shortened.xlsx")
    assert rows(shortened, "sku") == []
    assert all("of which a spreadsheet keeps 15" in fault["message"] for fault in shortened["faults"])


def test_table_23_shortened_identifiers_are_named(home: Home, tmp_path: Path) -> None:
    alias = RECORD.replace('sku      = "SKU"', 'sku = { from = "SKU", alias = "GTIN" }')
    result = tried(home, tmp_path, STOCK + alias, case("table-23-scientific-ids") / "stock.csv")
    assert (result["counts"]["rejected"], result["records"]["inventory_snapshot"]) == (3, [])
    assert all("a spreadsheet shortened" in fault["message"] for fault in result["faults"])


def test_table_38_an_uncalculated_total_row_is_ignored(home: Home, tmp_path: Path) -> None:
    result = tried(
        home, tmp_path, "spreadsheet/stock-count", case("table-38-total-row-uncalculated") / "stock-count.xlsx"
    )
    assert result["counts"] == {"received": 3, "accepted": 2, "rejected": 0, "duplicate": 0, "ignored": 1}
