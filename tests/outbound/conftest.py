from __future__ import annotations

from pathlib import Path

import pytest

from gateway.outbound.contract import BookData
from gateway.outbound.exception_book import write_exception_book
from gateway.outbound.reconciliation_book import write_reconciliation_book
from tests.outbound.samples import RUN, sample


@pytest.fixture(scope="session")
def books(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both workbooks, filled and empty. Read only."""
    folder = tmp_path_factory.mktemp("books")
    write_exception_book(folder / "exceptions.xlsx", sample())
    write_reconciliation_book(folder / "reconciliation.xlsx", sample())
    write_exception_book(folder / "empty_exceptions.xlsx", BookData(RUN))
    write_reconciliation_book(folder / "empty_reconciliation.xlsx", BookData(RUN))
    return folder
