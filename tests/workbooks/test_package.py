"""The files as packages: what makes a spreadsheet offer a "repair" is looked for here."""

from __future__ import annotations

import re
import zipfile
from datetime import datetime
from pathlib import Path

import openpyxl
import pytest
from lxml import etree
from openpyxl.utils import range_boundaries

from tests.workbooks.samples import AS_OF, RUN

NAMES = ("exceptions", "reconciliation", "empty_exceptions", "empty_reconciliation", "paged", "long")
MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


@pytest.fixture(params=NAMES)
def book(request: pytest.FixtureRequest, books: Path) -> Path:
    return books / f"{request.param}.xlsx"


def test_every_part_is_well_formed_and_rows_and_cells_are_in_order(book: Path) -> None:
    with zipfile.ZipFile(book) as package:
        for part in package.infolist():
            root = etree.fromstring(package.read(part))
            # No clock in the file, and no ZIP64 field, which not every spreadsheet reads.
            assert part.date_time == (1980, 1, 1, 0, 0, 0) and not part.extra
            if "worksheets/sheet" not in part.filename or part.filename.endswith(".rels"):
                continue
            rows = [int(row.get("r", "0")) for row in root.iter(f"{MAIN}row")]
            assert rows == sorted(set(rows))
            last_row, last_column = 1, 1
            for row in root.iter(f"{MAIN}row"):
                columns = []
                for cell in row:
                    column, line = range_boundaries(cell.get("r", ""))[:2]
                    assert line == int(row.get("r", "0"))
                    columns.append(column)
                assert columns == sorted(set(columns))
                last_row = int(row.get("r", "0"))
                last_column = max([last_column, *columns])
            extent = root.find(f"{MAIN}dimension")
            assert extent is not None
            right, bottom = range_boundaries(extent.get("ref", ""))[2:]
            assert right >= last_column and bottom >= last_row


def test_tables_have_unique_names_and_their_own_headers(book: Path) -> None:
    names = []
    for page in openpyxl.load_workbook(book):
        taken: list[tuple[int, int]] = []
        for table in page.tables.values():
            left, top, right, bottom = range_boundaries(table.ref)
            headers = [page.cell(top, column).value for column in range(left, right + 1)]
            assert headers == table.column_names and len({str(h).lower() for h in headers}) == len(headers)
            assert bottom > top and all(bottom < a or top > b for a, b in taken)
            taken.append((top, bottom))
            names.append(table.name)
        if page.title != "README":
            assert page.tables and not page.merged_cells.ranges
    assert len({name.lower() for name in names}) == len(names)


def test_defined_names_and_validations_are_valid(book: Path) -> None:
    workbook = openpyxl.load_workbook(book)
    for name in workbook.defined_names:
        assert re.fullmatch(r"[A-Z_]{4,}", name)
    for page in workbook:
        for check in page.data_validations.dataValidation:
            assert len(check.formula1) <= 255
            assert len(check.prompt or "") <= 255 and len(check.promptTitle or "") <= 32
            assert len(check.errorTitle or "") <= 32 and len(check.error or "") <= 255


def test_pages_print_landscape_one_wide_with_run_and_page(book: Path) -> None:
    for page in openpyxl.load_workbook(book):
        # One page wide is the default of the format, any number of pages high is not.
        assert page.page_setup.orientation == "landscape" and page.page_setup.fitToWidth in (None, 1)
        assert page.page_setup.fitToHeight == 0 and page.sheet_properties.pageSetUpPr.fitToPage
        assert RUN.run_id in page.oddFooter.left.text
        assert page.oddFooter.right.text == "Page &P of &N"
        if len(page.tables) == 1:
            (table,) = page.tables.values()
            top = range_boundaries(table.ref)[1]
            assert page.print_title_rows == f"${top}:${top}" and page.freeze_panes.endswith(str(top + 1))


def test_empty_sheets_say_so_outside_their_table(books: Path) -> None:
    book = openpyxl.load_workbook(books / "empty_exceptions.xlsx")
    for name in ("EXCEPTIONS", "MATCHES", "UNMATCHED_BOOK", "JOURNAL_POSTED", "KPI"):
        assert book[name]["A2"].value.startswith("Nothing to show.")
        (table,) = book[name].tables.values()
        left, top, right, bottom = range_boundaries(table.ref)
        assert bottom == top + 1 and all(book[name].cell(bottom, c).value is None for c in range(left, right + 1))


def test_properties_are_those_of_the_run(book: Path) -> None:
    created = openpyxl.load_workbook(book).properties.created
    assert created == AS_OF.replace(tzinfo=None) and isinstance(created, datetime)
