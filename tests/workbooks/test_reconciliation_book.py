from __future__ import annotations

from pathlib import Path

import openpyxl

from gateway.workbooks.book_data import BookData
from gateway.workbooks.reconciliation_book import write_reconciliation_book
from tests.workbooks.reading import rows_of
from tests.workbooks.samples import RECONCILIATIONS, RUN, detail, journal, table


def test_sheets(books: Path) -> None:
    want = ["README", "SUMMARY", "A_STOCK", "C1_SETTLEMENT", "D_PAYOUT_BANK", "I_FILES", "TRIAL_BALANCE", "FILES"]
    for name in ("reconciliation.xlsx", "empty_reconciliation.xlsx"):
        assert openpyxl.load_workbook(books / name).sheetnames == want


def test_every_detail_row_is_there_with_its_difference(books: Path) -> None:
    for code, sheet in (("a", "A_STOCK"), ("c1", "C1_SETTLEMENT"), ("d", "D_PAYOUT_BANK")):
        rows = {row["document"]: row for row in rows_of(books / "reconciliation.xlsx", sheet, "entity")}
        issued = [row for row in detail() if row["reconciliation"] == code]
        assert rows.keys() == {row["document"] for row in issued}
        side = "qty" if code == "a" else "amount"
        for row in issued:
            difference = (row[f"external_{side}"] or 0) - (row[f"book_{side}"] or 0)
            assert rows[row["document"]][f"difference_{side}"] == float(difference)
            assert rows[row["document"]]["position"] == row["position"]


def test_trial_balance_is_the_journal_by_account(books: Path) -> None:
    page = openpyxl.load_workbook(books / "reconciliation.xlsx", data_only=True)["TRIAL_BALANCE"]
    lines = [row for row in page.iter_rows(values_only=True) if row[2] in ("1100", "4000")]
    want = float(sum(row["debit"] for row in journal() if row["currency"] == "USD"))
    assert [row[:3] + row[6:7] for row in lines if row[0] == "US"] == [
        ("US", "USD", "1100", want),
        ("US", "USD", "4000", -want),
    ]
    assert [row[6] for row in page.iter_rows(values_only=True) if row[3] == "All accounts"] == [0, 0]


def test_lost_rows_of_a_file_show(tmp_path: Path) -> None:
    files = [{"file_id": "f", "name": "x", "state": "ACCEPTED", "received": 10, "accepted": 9}]
    write_reconciliation_book(tmp_path / "r.xlsx", BookData(RUN, files=table("files", files)))
    (row,) = rows_of(tmp_path / "r.xlsx", "FILES", "file_id")
    assert row["check"] == 1


def test_reconciliation_without_a_name_of_its_own_still_gets_a_sheet(tmp_path: Path) -> None:
    rows = [{"reconciliation": code, "state": "OPEN", "external_amount": 1, "currency": "USD"} for code in ("z/9", "e")]
    write_reconciliation_book(
        tmp_path / "r.xlsx", BookData(RUN, reconciliations=RECONCILIATIONS, detail=table("detail", rows))
    )
    names = openpyxl.load_workbook(tmp_path / "r.xlsx").sheetnames
    assert {"R_Z_9", "E_RETURNS"} <= set(names)
