"""The exception workbook: what is open, why, how old; a person answers in it and sends it back."""

from __future__ import annotations

from pathlib import Path

from gateway.workbooks.book_data import BookData
from gateway.workbooks.exception_sheets import exception_pages, unmatched_pages
from gateway.workbooks.file import Book
from gateway.workbooks.guide_sheets import HOW_TO_WORK, lists_sheet, readme, resolutions, service_levels
from gateway.workbooks.issued_copy import digest_of, meta_sheet
from gateway.workbooks.ledger_sheets import journal_pages, kpi_sheet, matches_pages
from gateway.workbooks.sheet import ROWS_PER_SHEET_MAX
from gateway.workbooks.summary_sheets import ageing_sheet, summary_sheet

TITLE = "Exceptions"


def write_exception_book(path: Path, data: BookData, rows_per_sheet_max: int = ROWS_PER_SHEET_MAX) -> str:
    """Write the exception workbook to `path`, whole or not at all; returns the hash of what its hidden sheet says was
    issued.

    A table longer than `rows_per_sheet_max` goes on in NAME_2, NAME_3 …
    Raises ValueError if a figure of the summary contradicts its parts, OSError if the file cannot be written.
    """
    external, book = unmatched_pages(data, rows_per_sheet_max)
    posted = journal_pages("JOURNAL_POSTED", "Posted journal", data.journal_posted, rows_per_sheet_max)
    proposed = journal_pages(
        "JOURNAL_PROPOSED", "Proposed entries, not yet posted", data.journal_proposed, rows_per_sheet_max
    )
    exceptions = exception_pages(data, [*external, *book, *proposed, *posted], rows_per_sheet_max)
    lists, names = lists_sheet()
    meta = meta_sheet(data.run, TITLE, [page.blocks[0] for page in exceptions])
    sheets = [
        summary_sheet(data, exceptions, posted),
        *exceptions,
        *matches_pages(data, rows_per_sheet_max),
        *external,
        *book,
        *proposed,
        *posted,
        ageing_sheet(exceptions),
        kpi_sheet(data),
        lists,
        meta,
    ]
    prose = [*readme(data.run, sheets, HOW_TO_WORK), *service_levels(data), *resolutions(data)]
    Book(data.run, TITLE, prose, sheets, names).write(path)
    return digest_of(zip(*meta.blocks[0].data.to_pydict().values(), strict=True))
