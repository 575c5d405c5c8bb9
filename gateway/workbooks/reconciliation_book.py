"""The reconciliation workbook: every row of every reconciliation, the trial balance and the files."""

from __future__ import annotations

from pathlib import Path

from gateway.workbooks.book_data import BookData
from gateway.workbooks.file import Book
from gateway.workbooks.guide_sheets import readme
from gateway.workbooks.ledger_sheets import detail_pages, files_pages, trial_balance_sheet
from gateway.workbooks.sheet import ROWS_PER_SHEET_MAX
from gateway.workbooks.summary_sheets import summary_sheet

TITLE = "Reconciliation"

ABOUT = (
    ("SUMMARY", "Start here. check = external − book − open, tie = against the ledger: both are zero."),
    ("Details", "One sheet for each reconciliation, every row with its state, source and book reference."),
    ("MATCHED", "Both sides agree to the last digit."),
    ("WITHIN_TOLERANCE", "They differ by less than the tolerance in force."),
    ("TIMING", "A known document in flight explains the difference."),
    ("OPEN", "Unexplained: an exception is open; exception_id finds it in the exception workbook."),
)


def write_reconciliation_book(path: Path, data: BookData, rows_per_sheet_max: int = ROWS_PER_SHEET_MAX) -> None:
    """Write the reconciliation workbook to `path`, whole or not at all.

    A table longer than `rows_per_sheet_max` goes on in NAME_2, NAME_3 …
    Raises ValueError if a figure of the summary contradicts its parts, OSError if the file cannot be written.
    """
    sheets = [
        summary_sheet(data),
        *detail_pages(data, rows_per_sheet_max),
        trial_balance_sheet(data),
        *files_pages(data, rows_per_sheet_max),
    ]
    Book(data.run, TITLE, readme(data.run, sheets, ABOUT), sheets).write(path)
