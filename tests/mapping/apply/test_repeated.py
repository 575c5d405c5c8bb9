"""Rows of items: what stands beside them is bounded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import FileError
from gateway.formats.text import delimited
from gateway.home import Home
from gateway.mapping.apply import repeated
from gateway.mapping.apply.repeated import Repeated
from gateway.mapping.language.repeat import Repeat
from gateway.reading import ReadRequest
from gateway.settings import Limits
from tests.conftest import tried
from tests.mapping.samples_of_mappings import write
from tests.mapping.test_mapping_docs import BLOCKS


def test_items_that_make_more_rows_than_a_file_may_have_bytes_are_refused(tmp_path: Path) -> None:
    """A list of 1,000 items beside a text of 1,000 characters is a file of 3 KB and rows of a megabyte."""
    path = tmp_path / "a.csv"
    path.write_text(f"Note,Items\n{'n' * 1_000},{'A|' * 1_000}\n")
    repeat = Repeat(cell="Items", separator="|", parts="(?P<SKU>.*)")

    def rows(limits: Limits) -> int:
        request = ReadRequest(path, "a.csv", limits)
        return sum(batch.num_rows for batch in Repeated(delimited.read(request), repeat, request, ("Note",)))

    assert rows(Limits()) == 1_000
    with pytest.raises(FileError, match=r"rows of more than 500000 bytes \(limits.file_bytes_max\)") as caught:
        rows(Limits(file_bytes_max=500_000))
    assert caught.value.position == "line 2, Items 1"


LISTS = "Note,Items\nfirst,a|b|c\nsecond,\nthird,d| |e\nfourth,f\n"


def items(path: Path, limits: Limits) -> list[tuple[str, str, str]]:
    """(position, what stands beside it, item) of each row that is made."""
    repeat = Repeat(cell="Items", separator="|", parts="(?P<SKU>.*)")
    request = ReadRequest(path, path.name, limits)
    rows = Repeated(delimited.read(request), repeat, request, ("Note",))
    made = [row for batch in rows for row in batch.to_pylist()]
    assert rows.received == len(made)
    return [(row["_position"], row["Note"], row["Items/SKU"]) for row in made]


def test_a_cell_with_more_items_than_the_settings_allow_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"Note,Items\nn,a|b\nn,{'A|' * 10}\n")
    with pytest.raises(FileError, match="has 11 items, blank ones included: more than") as caught:
        items(path, Limits(items_per_cell_max=10))
    assert caught.value.position == "line 3"
    assert len(items(path, Limits(items_per_cell_max=11))) == 12


def test_lists_of_many_rows_are_taken_apart_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.csv"
    path.write_text(LISTS)
    want = [
        ("line 2, Items 1", "first", "a"),
        ("line 2, Items 2", "first", "b"),
        ("line 2, Items 3", "first", "c"),
        ("line 3", "second", ""),
        ("line 4, Items 1", "third", "d"),
        ("line 4, Items 2", "third", "e"),
        ("line 5, Items 1", "fourth", "f"),
    ]
    for at_once in (1_000_000, 4, 1):
        monkeypatch.setattr(repeated, "ITEMS_AT_ONCE", at_once)
        assert items(path, Limits()) == want


STATUSES = next(text for _, what, _, text in BLOCKS if what == "mapping" and 'into    = ["Status", "Units"]' in text)
COUNT = """SKU,Counted,Available,On hold,Damaged
MUG-BLUE,2026-11-20,100,5,
LAMP-01,2026-11-20,x1,,0
M-SHELF,2026-11-20,,,
,2026-11-20,,,7
"""


@pytest.fixture
def counted(reader: Home, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    def apply(content: str, mapping: str = STATUSES) -> dict[str, Any]:
        path, file = write(tmp_path, "acme/stock.toml", mapping), tmp_path / "stock.csv"
        file.write_text(content)
        return tried(reader, path, file, tmp_path / "mappings")

    return apply


def test_a_column_for_each_status_makes_a_row_for_each_filled_cell(counted: Callable[..., dict[str, Any]]) -> None:
    """The example of docs/mapping.md; faults name the line and the column of the file."""
    result = counted(COUNT)
    stock = [(row["sku"], row["status"], row["qty"]) for row in result["records"]["inventory_snapshot"]]
    assert stock == [
        ("MUG-BLUE", "AVAILABLE", "100.0000"),
        ("MUG-BLUE", "QC_HOLD", "5.0000"),
        ("LAMP-01", "DAMAGED", "0.0000"),
    ]
    assert (result["counts"]["received"], result["counts"]["rejected"]) == (6, 3)
    assert [(fault["position"], fault["message"].split(" (")[0]) for fault in result["faults"]] == [
        ("line 3, Available", 'Available: "x1" is not a number'),
        ("line 4", "Available: is blank, but qty is required"),
        ("line 5, Damaged", "SKU: is blank, but sku is required"),
    ]


def test_blank_cells_are_rows_where_they_are_asked_for(counted: Callable[..., dict[str, Any]]) -> None:
    mapping = STATUSES.replace("[file.repeat]\n", "[file.repeat]\nblanks = true\n")
    mapping = mapping.replace('"Units"\n', '{ from = "Units", default = "0" }\n')
    result = counted("\n".join(COUNT.splitlines()[:2]), mapping)
    assert [row["qty"] for row in result["records"]["inventory_snapshot"]] == ["100.0000", "5.0000", "0.0000"]


def test_a_column_of_status_that_is_not_there_holds_the_file(counted: Callable[..., dict[str, Any]]) -> None:
    result = counted(COUNT.replace("Damaged", "Broken"))
    assert result["held"] and result["records"] == {"inventory_snapshot": []}
    assert result["faults"][0]["message"] == (
        'the column "Damaged" is missing. Found: SKU, Counted, Broken, Available, On hold'
    )


def test_a_column_of_the_name_of_one_that_is_made_is_refused(counted: Callable[..., dict[str, Any]]) -> None:
    with pytest.raises(FileError, match=r'has a column "Status", and \[file\] repeat of its mapping makes one'):
        counted(COUNT.replace("Damaged", "Damaged,Status"))


def test_faults_name_columns_as_the_file_does(counted: Callable[..., dict[str, Any]]) -> None:
    mapping = STATUSES.replace("[file.repeat]", '[file.other_names]\nAvailable = "Frei (Stk.)"\n[file.repeat]')
    result = counted(COUNT.replace("Available", "Frei (Stk.)"), mapping)
    assert (
        result["faults"][0]["position"] == "line 3, Frei (Stk.)" and len(result["records"]["inventory_snapshot"]) == 3
    )
    assert [fault["message"].split(":")[0] for fault in result["faults"][:2]] == ["Frei (Stk.)", "Frei (Stk.)"]
