"""Workbooks below outbound/, against what the ledger says was written."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest

from gateway import settings
from gateway.ledger import departures
from gateway.ledger.lake import open_lake
from gateway.regular_file import sha256_of
from gateway.workbooks import issued_check
from gateway.workbooks.exception_book import write_exception_book
from tests.workbooks.samples import sample

BOOK = "finance/exceptions-2026-11-21-v7.xlsx"
OTHER = "operations/reconciliation-2026-11-21-v7.xlsx"


@pytest.fixture(scope="module")
def issued(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with two workbooks that its ledger recorded."""
    home = tmp_path_factory.mktemp("issued")
    (home / "outbound" / "operations").mkdir(parents=True)
    digest = write_exception_book(home / "outbound" / BOOK, sample())
    (home / "outbound" / OTHER).write_bytes(b"figures")
    files = {name: {"sha256": sha256_of(home / "outbound" / name)} for name in (BOOK, OTHER)}
    files[BOOK]["issued"] = digest
    with open_lake(home, CONFIG) as ledger:
        departures.record(ledger, departures.WORKBOOKS, files)
    return home


CONFIG = settings.parse({"entities": {"US": {"currency": "USD"}}, "ledger": {"threads": 1}})


def typed(cell: str, value: object) -> Callable[[Path], None]:
    """Open the exception workbook, write into a column of its first row, save it, as a person does."""

    def change(outbound: Path) -> None:
        book = openpyxl.load_workbook(outbound / BOOK)
        page = book["EXCEPTIONS"]
        header = next(row for row in page.iter_rows() if row[0].value == "exception_id")
        column = next(one.column for one in header if one.value == cell)
        page.cell(header[0].row + 1, column).value = value
        book.save(outbound / BOOK)

    return change


def forged(outbound: Path) -> None:
    typed("message", "nothing")(outbound)
    book = openpyxl.load_workbook(outbound / BOOK)
    for row in book["_META"].iter_rows():
        if row[0].value == "exception":
            row[3].value = "0" * 32
    book.save(outbound / BOOK)


HARMLESS: dict[str, tuple[Callable[[Path], object], str]] = {
    "as written": (lambda outbound: None, ""),
    "taken": (lambda outbound: (outbound / BOOK).unlink(), "no longer below outbound"),
    "answered and saved": (typed("comment", "refunded"), "saved by somebody"),
    "open in a spreadsheet": (lambda outbound: (outbound / "finance/~$exceptions.xlsx").write_text("lock"), ""),
    "a person's own": (lambda outbound: (outbound / "finance/minutes.docx").write_text("x"), "not of the gateway"),
    "moved back": (lambda outbound: (outbound / BOOK).rename(outbound / "x").rename(outbound / BOOK), ""),
    "of before the records": (
        lambda outbound: (outbound / "finance/exceptions-2026-11-20-v0.xlsx").write_text("x"),
        "of before the ledger recorded",
    ),
}
HARM: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "another amount": (typed("difference_amount", 1), BOOK, "other locked cells than were issued in 1 rows"),
    "forged": (forged, BOOK, "its hidden sheet is not as it was issued"),
    "cut off": (lambda outbound: (outbound / BOOK).write_bytes(b"PK"), BOOK, "no workbook that can be read"),
    "figures": (lambda outbound: (outbound / OTHER).write_bytes(b"other"), OTHER, "has other bytes than were written"),
    "foreign": (
        lambda outbound: shutil.copy(outbound / BOOK, outbound / "finance/exceptions-2026-11-22-v9.xlsx"),
        "finance/exceptions-2026-11-22-v9.xlsx",
        "the ledger wrote no such workbook",
    ),
}


@pytest.mark.parametrize("case", HARMLESS)
def test_what_people_do_with_a_workbook_is_no_finding(issued: Path, tmp_path: Path, case: str) -> None:
    change, note = HARMLESS[case]
    home = Path(shutil.copytree(issued, tmp_path / "home"))
    change(home / "outbound")
    with open_lake(home, CONFIG, read_only=True) as ledger:
        findings, notes = issued_check.check(ledger, home)
    assert findings == [] and len(notes) == bool(note) and note in "".join(notes)


@pytest.mark.parametrize("case", HARM)
def test_a_workbook_that_is_not_what_was_written_is_a_finding(issued: Path, tmp_path: Path, case: str) -> None:
    change, name, message = HARM[case]
    home = Path(shutil.copytree(issued, tmp_path / "home"))
    change(home / "outbound")
    with open_lake(home, CONFIG, read_only=True) as ledger:
        [finding], _ = issued_check.check(ledger, home)
    assert (finding.table, finding.row) == ("workbook", name)
    assert message in finding.message and "Fix: " in finding.message
