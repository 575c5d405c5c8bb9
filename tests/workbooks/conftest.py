from __future__ import annotations

from pathlib import Path

import pytest

from gateway.workbooks.book_data import BookData
from gateway.workbooks.exception_book import write_exception_book
from gateway.workbooks.reconciliation_book import write_reconciliation_book
from gateway.workbooks.sheet import FILTERED_SUM_ROWS_MAX
from tests.workbooks.samples import RECONCILIATIONS, RUN, journal, sample, table


@pytest.fixture(scope="session")
def books(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both workbooks: filled, empty, split over several sheets, and long. Read only."""
    folder = tmp_path_factory.mktemp("books")
    write_exception_book(folder / "exceptions.xlsx", sample())
    write_reconciliation_book(folder / "reconciliation.xlsx", sample())
    write_exception_book(folder / "empty_exceptions.xlsx", BookData(RUN, reconciliations=RECONCILIATIONS))
    write_reconciliation_book(folder / "empty_reconciliation.xlsx", BookData(RUN, reconciliations=RECONCILIATIONS))
    write_exception_book(folder / "paged.xlsx", sample(), rows_per_sheet_max=10)
    # Long enough for totals over all rows instead of the rows shown.
    entries = table("journal_posted", journal(FILTERED_SUM_ROWS_MAX // 2 + 1))
    write_exception_book(folder / "long.xlsx", BookData(RUN, journal_posted=entries))
    return folder
