"""Values above the header of a table: what a label is, what its value is, and what is refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from gateway.errors import FileError
from gateway.formats.path_errors import PathError
from gateway.formats.text import delimited
from gateway.formats.workbook import reader as workbook
from gateway.home import Home
from gateway.reading import ReadRequest, cell_parts
from gateway.settings import Limits
from tests.formats.test_sections import mapped

TITLES = [
    ["Stock report of all sites"],
    ["Report date: 2026-11-01", "", "Printed", "2026-11-02"],
    ["Warehouse", ":", "HAM1"],
    [],
    ["Account no.:", "DE89 3704"],
    ["Bestand  per 05.11.2026, 06:00 Uhr"],
    ["Remark"],
]
TABLE = [["SKU", "On hand"], ["MUG-BLUE", "3"], ["LAMP-01", "4"]]
Write = Callable[[str, Sequence[Sequence[str]]], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes rows as a file of that format."""

    def write(kind: str, rows: Sequence[Sequence[str]]) -> Path:
        path = tmp_path / f"count.{'csv' if kind == 'delimited' else 'xlsx'}"
        if kind == "delimited":
            path.write_text("".join(";".join(row) + "\n" for row in rows))
            return path
        with xlsxwriter.Workbook(path, {"in_memory": True}) as book:
            sheet = book.add_worksheet("Count")
            for number, row in enumerate(rows):
                for place, cell in enumerate(row):
                    sheet.write(number, place, cell) if not cell.startswith("=") else sheet.write_formula(
                        number, place, cell, None, "#REF!"
                    )
        return path

    return write


def rows_of(path: Path, *wanted: str, **options: Any) -> list[dict[str, str]]:
    """The rows of a file, with these values above its header."""
    own = {"delimiter": "semicolon"} if path.suffix == ".csv" else {}
    columns = ("SKU", "On hand", *(f"above/{one}" for one in wanted))
    request = ReadRequest(path, path.name, Limits(), {**own, **options}, columns=columns)
    reading = (delimited if path.suffix == ".csv" else workbook).read(request)
    found = [row for batch in reading for row in batch.to_pylist()]
    assert reading.received == len(found)
    return found


@pytest.mark.parametrize("kind", ["delimited", "workbook"])
def test_every_row_has_the_values_above_the_header(write: Write, kind: str) -> None:
    wanted = ["report DATE", "Printed", "Warehouse", "Account no.", "Bestand per *, 06:00 Uhr", "Remark"]
    found = rows_of(write(kind, [*TITLES, *TABLE]), *wanted)
    assert [row["SKU"] for row in found] == ["MUG-BLUE", "LAMP-01"]
    for row in found:
        values = [row[f"above/{one}"] for one in wanted]
        assert values == ["2026-11-01", "2026-11-02", "HAM1", "DE89 3704", "05.11.2026", ""]


@pytest.mark.parametrize("kind", ["delimited", "workbook"])
def test_a_label_may_have_other_names_and_say_the_same_twice(write: Write, kind: str) -> None:
    path = write(kind, [["Lager", "HAM1"], ["Lager: HAM1"], ["SKU", "Lager", "Bestand"], ["MUG-BLUE", "A-1", "3"]])
    [row] = rows_of(path, "Warehouse", other_names={"above/Warehouse": ["Lager"], "On hand": "Bestand"})
    assert (row["above/Warehouse"], row["Lager"], row["On hand"]) == ("HAM1", "A-1", "3")


@pytest.mark.parametrize("kind", ["delimited", "workbook"])
@pytest.mark.parametrize(
    ("titles", "words"),
    [
        ([["Warehouse", "HAM1"], ["Warehouse: HAM2"]], 'is there twice above the header: "HAM1" in '),
        ([["Warehouse", "Account"], ["HAM1", "DE89"]], 'comes "Account", which is a label itself'),
    ],
)
def test_a_label_that_says_no_one_thing_refuses_the_file(
    write: Write, kind: str, titles: list[list[str]], words: str
) -> None:
    with pytest.raises(FileError, match=words) as refused:
        rows_of(write(kind, [*titles, *TABLE]), "Warehouse", "Account")
    assert "[[file.section]]" in refused.value.hint and refused.value.position in (
        "line 2",
        "Count!A2",
        "line 1",
        "Count!A1",
    )


def test_a_cell_above_the_header_that_holds_an_error_holds_no_value(write: Write) -> None:
    [row, *_] = rows_of(write("workbook", [["Warehouse", "=Other!A1"], *TABLE]), "Warehouse")
    assert cell_parts(row["above/Warehouse"])[0] == "the cell Count!B1 holds the error #REF!"


@pytest.mark.parametrize(
    ("path", "options"), [("above/", {}), ("above/*", {}), ("above/a * b *", {}), ("above/Day", {"header": False})]
)
def test_what_can_be_no_value_above_a_header_is_refused_before_a_file_comes(path: str, options: Any) -> None:
    for module in (delimited, workbook):
        with pytest.raises(PathError, match="above the header"):
            module.check_path(path, None, options)


MAPPING = """
feed    = "acme.stock"
partner = "acme"
[file]
match     = ["count*"]
format    = "FORMAT"
tie_out   = [{ name = "units", sum = "qty", equals = 'first("above/Units in all")' }]
[[record]]
type = "inventory_snapshot"
key  = ["location", "as_of", "sku"]
[record.fields]
location = "above/Warehouse"
as_of    = { from = "above/Report date", formats = ["%d.%m.%Y"], timezone = "Europe/Berlin" }
scope    = { constant = "FULL" }
status   = { from = "above/Kind", map = { Saleable = "AVAILABLE" } }
sku      = "SKU"
qty      = "On hand"
"""
SAID = [["Warehouse", "HAM1"], ["Report date: 01.11.2026"], ["Kind", "Saleable"], ["Units in all:", "7"]]


@pytest.mark.parametrize("kind", ["delimited", "workbook"])
def test_a_mapping_reads_fields_and_totals_above_the_header(
    reader: Home, tmp_path: Path, write: Write, kind: str
) -> None:
    mapping = MAPPING.replace('"FORMAT"', f'"{kind}"' + ('\ndelimiter = "semicolon"' if kind == "delimited" else ""))
    found = mapped(reader, tmp_path, mapping, write(kind, [*SAID, *TABLE]))
    assert not found["faults"]
    [first, second] = found["records"]["inventory_snapshot"]
    assert (first["location"], first["as_of"][:16], first["status"]) == ("HAM1", "2026-10-31T23:00", "AVAILABLE")
    assert (second["sku"], second["qty"]) == ("LAMP-01", "4.0000")


@pytest.mark.parametrize(
    ("titles", "message"),
    [
        ([*SAID[:3], ["Units in all", "8"]], "7"),
        (
            [["Warehouses", "HAM1"], *SAID[1:]],
            'the column "above/Warehouse" ("above/Warehouses" looks like it) is missing. Found: SKU, On hand, '
            "above/Warehouses, above/Report date, above/Kind, above/Units in all",
        ),
        ([SAID[0], ["Report date: 2026-11-01"], *SAID[2:]], "the mapping reads dates as DD.MM.YYYY"),
    ],
)
def test_a_mapping_says_what_is_wrong_above_the_header(
    reader: Home, tmp_path: Path, write: Write, titles: list[list[str]], message: str
) -> None:
    mapping = MAPPING.replace('"FORMAT"', '"delimited"\ndelimiter = "semicolon"')
    found = mapped(reader, tmp_path, mapping, write("delimited", [*titles, *TABLE]))
    first = found["faults"][0]
    assert message in first["message"], found["faults"]
    if "missing" in message:
        assert first["hint"].startswith("Send the file with that line above its header, or name the new label")
