"""Workbooks over rows that the books cannot work with and text that no cell can hold: the other numbers are right."""

from __future__ import annotations

import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

import openpyxl
import pytest

from gateway.home import open_home
from gateway.ledger.commit import run_commit
from gateway.once import run_once
from tests.books.memory import Row, put_into
from tests.books.test_isolation import LARGEST, received
from tests.conftest import reconcile_only
from tests.workbooks.reading import rows_of

LONG = "9" * 5_000
NAMES = {
    LONG: LONG,
    "BELL\x07\x1b[2J": "BELL\\x07\\x1b[2J",
    "EVIL\u202efdp.exe": "EVIL\\u202efdp.exe",
    "ZERO\u200bWIDTH": "ZERO\\u200bWIDTH",
    "=1+1": "'=1+1",
    # An escape of ECMA-376 part 1, 22.4.2.4 (ST_Xstring); this library does not undo it, a spreadsheet does.
    "_x0041_": "_x005F_x0041_",
}
"""What an item is called → what a person reads."""


def poisoned() -> dict[str, list[Row]]:
    """CUP: 9 units of 2.00 received, 4 counted. Each item of NAMES: 5 units of 2.00 received, none counted. POT: more
    units than can be multiplied."""
    movements = [received(1, "CUP", "9"), received(2, "POT", LARGEST)]
    movements += [received(number, name, "5") for number, name in enumerate(NAMES, 3)]
    count = {"sku": "CUP", "qty": "4", "status": "AVAILABLE", "scope": "FULL", "as_of": "2026-11-02T00:00:00Z"}
    return {"inventory_movement": movements, "inventory_snapshot": [count | {"record_id": "c.1"}]}


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory, _without_partners: Path) -> dict[str, Path]:
    """exceptions and reconciliation: the workbooks of a home after a run of its books."""
    home = Path(shutil.copytree(_without_partners, tmp_path_factory.mktemp("poison") / "home"))
    reconcile_only(home, "a", "g", "i")
    with open_home(home, now=datetime(2026, 11, 3, 8, tzinfo=UTC)) as gateway:
        run_commit(gateway.lake, lambda commit: put_into(commit, poisoned()))
        run_once(gateway)
    return {path.name.split("-")[0]: path for path in (home / "outbound").rglob("*.xlsx")}


def test_the_numbers_of_every_other_row_are_right(books: dict[str, Path]) -> None:
    """Stock: 9 and 6 × 5 units of 2.00, without POT; on the count every item lacks 5 units."""
    page = openpyxl.load_workbook(books["reconciliation"], data_only=True)["TRIAL_BALANCE"]
    accounts = {row[2]: row[6] for row in page.iter_rows(values_only=True) if row[2] in ("1200", "2010")}
    assert accounts == {"1200": 78, "2010": -78}
    counted = {row["sku"]: row for row in rows_of(books["reconciliation"], "A_STOCK", "entity")}
    assert counted.keys() == {"CUP", "POT", *NAMES.values()}
    differences = {sku: row["difference_qty"] for sku, row in counted.items() if sku != "POT"}
    assert differences == dict.fromkeys(["CUP", *NAMES.values()], -5)
    short = [row for row in rows_of(books["exceptions"], "EXCEPTIONS", "exception_id") if row["code"] == "QTY_SHORT"]
    assert {row["sku"]: row["difference_qty"] for row in short if row["sku"] != "POT"} == differences


def test_what_could_not_be_worked_with_is_an_exception_with_its_cause(books: dict[str, Path]) -> None:
    left_out = [
        row for row in rows_of(books["exceptions"], "EXCEPTIONS", "exception_id") if row["code"] == "BOOKS_LEFT_OUT"
    ]
    assert [row["sku"] for row in left_out] == ["POT"]
    assert left_out[0]["message"].startswith("Value of stock: POT of US is left out: Overflow in multiplication")


def test_no_cell_holds_what_nobody_sees_or_a_spreadsheet_would_run(books: dict[str, Path]) -> None:
    for path in books.values():
        for page in openpyxl.load_workbook(path):
            texts = [cell for row in page.iter_rows(values_only=True) for cell in row if isinstance(cell, str)]
            assert not [text for text in texts if re.search("[\x00-\x08\x0b-\x1f\x7f\u200b\u202e\ud800-\udfff]", text)]
            assert "=1+1" not in texts, "a formula"
