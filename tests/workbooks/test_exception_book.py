from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import openpyxl
import pyarrow as pa
import pytest

from gateway.model.resolutions import KINDS, resolutions_of
from gateway.workbooks.book_data import BookData
from gateway.workbooks.exception_book import write_exception_book
from gateway.workbooks.exception_sheets import BUCKET_LABELS, ages, buckets
from gateway.workbooks.issued_copy import row_hash
from tests.workbooks.reading import header_row, rows_of
from tests.workbooks.samples import AS_OF, HOSTILE, RUN, exception, exceptions, sample, summary, table

EDITABLE = ["resolution", "target_ref", "corrected_value", "reason_code", "comment", "decision"]


def test_sheets_in_order_and_meta_hidden(books: Path) -> None:
    book = openpyxl.load_workbook(books / "exceptions.xlsx")
    assert book.sheetnames == [
        "README",
        "SUMMARY",
        "EXCEPTIONS",
        "MATCHES",
        "UNMATCHED_EXTERNAL",
        "UNMATCHED_BOOK",
        "JOURNAL_PROPOSED",
        "JOURNAL_POSTED",
        "AGEING",
        "KPI",
        "LISTS",
        "_META",
    ]
    assert [page.title for page in book if page.sheet_state != "visible"] == ["_META"]


def test_values_come_back_typed(books: Path) -> None:
    rows = {row["exception_id"]: row for row in rows_of(books / "exceptions.xlsx", "EXCEPTIONS", "exception_id")}
    issued = {row["exception_id"]: row for row in exceptions()}
    assert rows.keys() == issued.keys()
    for key, row in rows.items():
        want = issued[key]
        assert isinstance(row["sku"], str) and isinstance(row["version"], int)
        assert row["event_date"] == datetime.combine(want["event_date"], datetime.min.time())
        if want["due_at"] is None:
            assert row["due"] is None
        else:
            assert abs(row["due"] - want["due_at"].replace(tzinfo=None)) < timedelta(seconds=1)
        for ours, theirs in (("difference_qty", "qty"), ("external_amount", "external_amount")):
            expected = want.get(theirs)
            assert row[ours] == (None if expected is None else float(expected))


def test_hostile_text_is_text(books: Path) -> None:
    rows = {row["exception_id"]: row for row in rows_of(books / "exceptions.xlsx", "EXCEPTIONS", "exception_id", False)}
    row = rows[f"{3:016x}"]
    assert (row["message"], row["partner"], row["sku"]) == ("'" + HOSTILE, "'@evil", "'-1+2")
    assert rows[f"{4:016x}"]["message"].startswith("tags <b>&amp;</b> & a control ")


def test_readme_reports_what_cells_could_not_hold(books: Path) -> None:
    page = openpyxl.load_workbook(books / "exceptions.xlsx")["README"]
    losses = [row[1] for row in page.iter_rows(values_only=True) if row[1]]
    assert "message: text of 40,005 characters cut" in losses
    assert "external_amount: exact value 12345678901234.5678" in losses


def test_readme_says_how_to_decide_and_what_closes(books: Path) -> None:
    """Nothing reads a workbook that comes back, so its README must not ask for one."""
    page = openpyxl.load_workbook(books / "exceptions.xlsx")["README"]
    lines = {row[0]: row[1] for row in page.iter_rows(max_col=2, values_only=True) if row[0]}
    assert "gateway resolve" in lines["3. Decide"] and "does not read" in lines["Amber columns"]
    assert "inbound" not in " ".join(str(text) for text in lines.values())
    assert lines["KEEP_BOOK"].endswith("Closes the exception.")
    assert not lines["ACCEPT_EXTERNAL"].endswith("Closes the exception.")
    assert "posts nothing" in lines["Effect"]


def test_only_the_answers_are_unlocked(books: Path) -> None:
    page = openpyxl.load_workbook(books / "exceptions.xlsx")["EXCEPTIONS"]
    at = header_row(page, "exception_id")
    unlocked = {
        page.cell(at, cell.column).value for row in page.iter_rows() for cell in row if not cell.protection.locked
    }
    assert unlocked == set(EDITABLE)
    locks = page.protection
    assert locks.sheet and locks.password is None
    # In the file, 0 means allowed.
    assert not locks.autoFilter and not locks.sort and not locks.formatColumns and locks.insertRows


def test_dropdown_follows_the_kind_of_its_row(books: Path) -> None:
    book = openpyxl.load_workbook(books / "exceptions.xlsx")
    page = book["EXCEPTIONS"]
    at = header_row(page, "exception_id")
    letters = {cell.value: cell.column_letter for cell in page[at]}
    checks = {str(check.sqref): check for check in page.data_validations.dataValidation}
    last = at + len(exceptions())
    resolution = checks[f"{letters['resolution']}{at + 1}:{letters['resolution']}{last}"]
    assert resolution.formula1 == f'INDIRECT("RESOLUTIONS_"&${letters["resolution_kind"]}{at + 1})'
    for kind in KINDS:
        sheet, cells = next(iter(book.defined_names[f"RESOLUTIONS_{kind}"].destinations))
        assert tuple(cell.value for (cell,) in book[sheet][cells]) == resolutions_of(kind)
    kinds = {
        row["code"]: row["resolution_kind"] for row in rows_of(books / "exceptions.xlsx", "EXCEPTIONS", "exception_id")
    }
    assert kinds["SKU_UNKNOWN"] == "MASTER" and kinds["QTY_SHORT"] == "STOCK" and kinds["ROW_REJECT"] == "ROWS"


def test_links_lead_to_the_row_of_the_same_exception_or_document(books: Path) -> None:
    book = openpyxl.load_workbook(books / "exceptions.xlsx", data_only=True)
    followed = set()
    for row in rows_of(books / "exceptions.xlsx", "EXCEPTIONS", "exception_id"):
        if row["link"]:
            sheet, cell = row["link"].split("!")
            line = [c.value for c in book[sheet][int(cell[1:])]]
            assert row["exception_id"] in line or row["document"] in line
            followed.add(sheet)
    assert followed >= {"UNMATCHED_EXTERNAL", "UNMATCHED_BOOK", "JOURNAL_POSTED"}


@pytest.mark.parametrize(
    ("days", "bucket"),
    [
        (0, "0–1"),
        (1, "0–1"),
        (2, "2–3"),
        (3, "2–3"),
        (4, "4–7"),
        (7, "4–7"),
        (8, "8–14"),
        (14, "8–14"),
        (15, "15–30"),
        (30, "15–30"),
        (31, "31–60"),
        (60, "31–60"),
        (61, "61–90"),
        (90, "61–90"),
        (91, "90+"),
        (-3, "0–1"),
    ],
)
def test_age_and_bucket(days: int, bucket: str) -> None:
    opened = pa.chunked_array([[AS_OF - timedelta(days=days)]], pa.timestamp("us", tz="UTC"))
    age = ages(opened, RUN)
    assert age.to_pylist() == [max(days, 0)] and buckets(age).to_pylist() == [bucket]


def test_ageing_counts_every_exception_and_sums_every_difference(books: Path) -> None:
    page = openpyxl.load_workbook(books / "exceptions.xlsx", data_only=True)["AGEING"]
    lines = [row for row in page.iter_rows(values_only=True) if row[2] == "count"]
    assert sum(sum(row[3 : 3 + len(BUCKET_LABELS)]) for row in lines) == len(exceptions())
    for currency in ("USD", "EUR"):
        amounts = [row for row in page.iter_rows(values_only=True) if row[2] == currency]
        want = [row["amount"] for row in exceptions() if row["currency"] == currency]
        assert sum(row[11] for row in amounts) == float(sum(want))
        assert sum(row[12] for row in amounts) == float(sum(abs(x) for x in want))


def test_unmatched_rows_are_the_open_ones_of_one_side(books: Path) -> None:
    external = rows_of(books / "exceptions.xlsx", "UNMATCHED_EXTERNAL", "reconciliation")
    book = rows_of(books / "exceptions.xlsx", "UNMATCHED_BOOK", "reconciliation")
    assert len(external) == len(book) == 5
    assert all(row["book_qty"] is None and row["book_amount"] is None for row in external)
    assert all(row["external_qty"] is None and row["external_amount"] is None for row in book)


def test_meta_says_what_was_issued(books: Path) -> None:
    path = books / "exceptions.xlsx"
    meta = rows_of(path, "_META", "kind")
    stated = {row["key"]: row["value"] for row in meta if row["kind"] == "book"}
    assert (stated["run_id"], stated["ledger_version"]) == (RUN.run_id, "4711")
    locked = [row["value"] for row in meta if row["kind"] == "locked"]
    issued = {row["key"]: row for row in meta if row["kind"] == "exception"}
    returned = rows_of(path, "EXCEPTIONS", "exception_id")
    assert not set(EDITABLE) & set(locked) and len(issued) == len(returned)
    for row in returned:
        meta_row = issued[row["exception_id"]]
        assert (meta_row["value"], meta_row["hash"]) == (str(row["version"]), row_hash(row, locked))
        for name in locked:
            assert row_hash(row | {name: "changed"}, locked) != meta_row["hash"]
        assert row_hash(row | dict.fromkeys(EDITABLE, "typed"), locked) == meta_row["hash"]


def test_same_data_same_bytes_and_nothing_left_beside(tmp_path: Path) -> None:
    for name in ("one.xlsx", "two.xlsx"):
        write_exception_book(tmp_path / name, sample())
    assert (tmp_path / "one.xlsx").read_bytes() == (tmp_path / "two.xlsx").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.xlsx", "two.xlsx"]


def test_long_tables_go_on_in_another_sheet(tmp_path: Path) -> None:
    data = BookData(RUN, exceptions=table("exceptions", [exception(n) for n in range(25)]))
    path = tmp_path / "paged.xlsx"
    write_exception_book(path, data, rows_per_sheet_max=10)
    book = openpyxl.load_workbook(path)
    pages = [name for name in book.sheetnames if name.startswith("EXCEPTIONS")]
    assert pages == ["EXCEPTIONS", "EXCEPTIONS_2", "EXCEPTIONS_3"]
    ids = [row["exception_id"] for page in pages for row in rows_of(path, page, "exception_id")]
    assert sorted(ids) == [f"{n:016x}" for n in range(25)]
    assert len([row for row in rows_of(path, "_META", "kind") if row["kind"] == "exception"]) == 25
    assert all(book[page].protection.sheet for page in pages)


def test_summary_that_contradicts_its_parts_is_refused(tmp_path: Path) -> None:
    (row,) = summary(
        [{"reconciliation": "d", "entity": "US", "currency": "USD", "state": "OPEN", "external_amount": 5}]
    )
    assert row["open"] == 5
    data = BookData(RUN, summary=table("summary", [row | {"check": 1}]))
    with pytest.raises(ValueError, match=r"check is 1\.0000, its parts make 0"):
        write_exception_book(tmp_path / "no.xlsx", data)
    assert list(tmp_path.iterdir()) == []


def test_difference_that_is_not_explained_shows(tmp_path: Path) -> None:
    (row,) = summary(
        [{"reconciliation": "d", "entity": "US", "currency": "USD", "state": "OPEN", "external_amount": 5}]
    )
    write_exception_book(tmp_path / "x.xlsx", BookData(RUN, summary=table("summary", [row | {"open": 2}])))
    (shown,) = rows_of(tmp_path / "x.xlsx", "SUMMARY", "reconciliation")
    assert (shown["check"], shown["result"]) == (3, "DOES NOT TIE")
