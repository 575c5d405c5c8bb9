"""Tables made of sections of different columns: what every row is, and what other sections give to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openpyxl
import pytest

from gateway.errors import FileError
from gateway.formats.text import delimited
from gateway.home import Home
from gateway.mapping.library.load import load_file
from gateway.mapping.lint.lint import check
from gateway.reading import ReadRequest, cell_parts
from gateway.settings import Limits
from tests.conftest import MAPPINGS, case, tried

CARTS = """
feed    = "acme.carts"
partner = "acme"
[file]
match  = ["carts*"]
format = "delimited"
known  = ["Name", "Unit Cost", "buyer/*", "address/*", "cart/Fulfillment"]
[[file.section]]
name   = "cart"
labels = ["Cart ID"]
[[file.section]]
name   = "buyer"
header = ["First Name", "Email"]
[[file.section]]
name   = "address"
header = ["Address Line 1", "Postcode"]
[[file.section]]
name   = "item"
header = ["SKU", "Quantity"]
[[record]]
type = "order_line"
each = "item"
key  = ["order_id", "line_no"]
[record.fields]
channel     = { constant = "WEB" }
order_id    = "cart/Cart ID"
line_no     = "SKU"
ordered_at  = { from = "cart/Ordered Date", formats = ["%d/%m/%Y %H:%M"] }
sku         = "SKU"
qty         = "Quantity"
list_amount = "Total Cost"
currency    = { constant = "USD" }
"""
LINE = ("position", "order_id", "sku", "qty", "list_amount")
OF_CASE = [
    ("cart-0001", "MUG-BLUE", "1.0000", "320.0000"),
    ("cart-0002", "LAMP-01", "1.0000", "60.0000"),
    ("cart-0002", "MUG-BLUE", "2.0000", "640.0000"),
]


def mapped(reader: Home, tmp_path: Path, mapping: str, file: Path) -> dict[str, Any]:
    path = tmp_path / "mappings" / "acme" / "feed.toml"
    path.parent.mkdir(parents=True)
    for shared in ("standard", "lookups"):
        (tmp_path / "mappings" / shared).symlink_to(MAPPINGS / shared)
    path.write_text(mapping)
    return tried(reader, path, file, tmp_path / "mappings")


def lines(result: dict[str, Any]) -> list[tuple[str, ...]]:
    return [tuple(str(row[column]) for column in LINE) for row in result["records"]["order_line"]]


def test_table_48_items_of_a_file_of_blocks_have_their_cart(reader: Home, tmp_path: Path) -> None:
    result = mapped(reader, tmp_path, CARTS, case("table-48-multi-section-order-csv") / "carts.csv")
    assert lines(result) == [(f"line {number}", *row) for number, row in zip((9, 19, 20), OF_CASE, strict=True)]
    assert {row["ordered_at"][:16] for row in result["records"]["order_line"]} == {
        "2026-08-01T14:32",
        "2026-08-02T14:29",
    }
    assert (result["faults"], result["counts"]["received"], result["counts"]["accepted"]) == ([], 3, 3)


def test_the_same_in_a_workbook(reader: Home, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    for line in (case("table-48-multi-section-order-csv") / "carts.csv").read_text().splitlines():
        sheet.append([cell.strip('"') for cell in line.split(",")] if line else [None])
    book.save(tmp_path / "carts.xlsx")
    result = mapped(reader, tmp_path, CARTS.replace('"delimited"', '"workbook"'), tmp_path / "carts.xlsx")
    assert lines(result) == [(f"Sheet!A{number}", *row) for number, row in zip((9, 19, 20), OF_CASE, strict=True)]
    assert result["faults"] == []


def test_a_row_that_fits_no_section_is_rejected_and_what_stood_above_it_holds_no_longer(
    reader: Home, tmp_path: Path
) -> None:
    file = tmp_path / "carts.csv"
    head, items = '"First Name","Email"\n"Ann","a@b.c"\n\n', "SKU,Name,Quantity,Unit Cost,Total Cost\n"
    file.write_text(
        f"Cart ID,1,Ordered Date,01/08/2026 14:32\n{head}{items}MUG,Mug,1,3,3.00\n\n"
        f"Crt ID,2,Ordered Date,02/08/2026 14:32\n{head}{items}MUG,Mug,5,3,15.00\n\n"
        f"Cart ID,3,Ordered Date,03/08/2026 14:32\n{head}{items}MUG,Mug,2,3,6.00\nLAMP,Lamp,7,7.00\n"
    )
    result = mapped(reader, tmp_path, CARTS, file)
    assert [(row["order_id"], row["qty"]) for row in result["records"]["order_line"]] == [
        ("1", "1.0000"),
        ("3", "2.0000"),
    ]
    *lost, stranger, short = sorted(result["faults"], key=lambda fault: fault["column_name"], reverse=True)
    assert stranger["position"] == "line 8" and 'expected "Cart ID" in the first cell (cart)' in stranger["message"]
    assert [(fault["position"], fault["column_name"]) for fault in lost] == [
        ("line 13", "cart/Ordered Date"),
        ("line 13", "cart/Cart ID"),
    ]
    assert "line 8 fits no section, so it is not known whose cart this row has" in lost[1]["message"]
    assert short["position"] == "line 21"
    assert short["message"] == "the row has 4 cells, the header in line 19 of item has 5"
    assert "describe its kind in a [[file.section]]" in stranger["hint"]
    counts = result["counts"]
    assert (counts["received"], counts["accepted"], counts["rejected"]) == (5, 2, 3)


TITLED = """
feed    = "acme.titled"
partner = "acme"
[file]
match   = ["*"]
format  = "delimited"
section = [{ name = "rows", title = "Lines", columns = ["SKU", "Qty"] }]
[[record]]
type = "inventory_snapshot"
each = "rows"
key  = ["sku"]
[record.fields]
location = { constant = "DC" }
as_of    = { constant = "2026-11-01" }
scope    = { constant = "FULL" }
status   = { constant = "AVAILABLE" }
sku      = "SKU"
qty      = "Qty"
"""


def test_a_row_above_the_first_title_is_never_one_of_the_section_that_an_earlier_reading_ended_in(
    reader: Home, tmp_path: Path
) -> None:
    """A file is read more than once: to recognise it, and for its rows."""
    file = tmp_path / "titled.csv"
    file.write_text("STRAY,9\nLines,\nMUG,1\nLAMP,2\n")
    result = mapped(reader, tmp_path, TITLED, file)
    assert [row["sku"] for row in result["records"]["inventory_snapshot"]] == ["MUG", "LAMP"]
    assert [(fault["position"], "fits no section" in fault["message"]) for fault in result["faults"]] == [
        ("line 1", True)
    ]


TAGGED = """
feed    = "acme.tagged"
partner = "acme"
[file]
match   = ["*"]
format  = "delimited"
tie_out = [{ sum = "qty", equals = 'first("total/Units")', by = ["order_id"] }]
section = [
  { name = "file", tag = "F", columns = ["", "Currency"], once = true },
  { name = "order", tag = "H", columns = ["", "Order", "Date"] },
  { name = "line", tag = "L", columns = ["", "SKU", "Qty", "Amount"] },
  { name = "total", tag = "T", columns = ["", "Units"], reach = "below", within = "order" },
]
[[record]]
type = "order_line"
each = "line"
key  = ["order_id", "line_no"]
[record.fields]
channel     = { constant = "WEB" }
order_id    = "order/Order"
line_no     = "SKU"
ordered_at  = "order/Date"
sku         = "SKU"
qty         = "Qty"
list_amount = "Amount"
currency    = "file/Currency"
"""
TWO = "F,EUR\nH,1,2026-08-01\nL,MUG,2,4.00\nL,LAMP,1,9.00\nT,3\nH,2,2026-08-02\nL,MUG,1,2.00\nT,1\n"


def test_rows_that_begin_with_a_tag_and_totals_below_them(reader: Home, tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    file.write_text(TWO)
    result = mapped(reader, tmp_path, TAGGED, file)
    assert lines(result) == [
        ("line 3", "1", "MUG", "2.0000", "4.0000"),
        ("line 4", "1", "LAMP", "1.0000", "9.0000"),
        ("line 7", "2", "MUG", "1.0000", "2.0000"),
    ]
    assert {row["currency"] for row in result["records"]["order_line"]} == {"EUR"} and result["faults"] == []


def request(tmp_path: Path, text: str, each: str, *sections: dict[str, Any], **options: Any) -> ReadRequest:
    path = tmp_path / "file.csv"
    path.write_text(text)
    return ReadRequest(path, path.name, Limits(), {"section": list(sections), **options}, each)


def given(tmp_path: Path, text: str, each: str, *sections: dict[str, Any], **options: Any) -> list[dict[str, Any]]:
    reading = delimited.read(request(tmp_path, text, each, *sections, **options))
    found = [row for batch in reading for row in batch.to_pylist()]
    assert (reading.received, reading.faults) == (len(found), [])
    return [{name: cell for name, cell in row.items() if name[0] != "_"} for row in found]


def test_a_total_reaches_no_further_up_than_its_order(tmp_path: Path) -> None:
    sections = [
        {"name": "order", "tag": "H", "columns": ["", "Order"]},
        {"name": "line", "tag": "L", "columns": ["", "SKU"]},
        {"name": "total", "tag": "T", "columns": ["", "Units"], "reach": "below", "within": "order"},
    ]
    found = given(tmp_path, "L,A\nH,1\nL,B\nH,2\nL,C\nT,1\n", "line", *sections)
    assert [tuple(row.values()) for row in found] == [("A", None, None), ("B", "1", None), ("C", "2", "1")]
    sections[2]["within"] = ""
    found = given(tmp_path, "H,1\nL,B\nH,2\nL,C\nT,1\n", "line", *sections)
    assert [row["total/Units"] for row in found] == ["1", "1"]


def test_labels_over_several_rows_are_one_and_a_label_that_comes_again_begins_the_next(tmp_path: Path) -> None:
    text = "Order,1\nDate,2026-08-01,Note,x\n\nSKU,Qty\n\nMUG,2\nLAMP,1\nOrder,2\nOrder,3\nSKU,Qty,Price\nMUG,1,9.00,\n"
    sections = [{"name": "order", "labels": ["order", "Date"]}, {"name": "line", "header": ["SKU", "Qty"]}]
    found = given(tmp_path, text, "line", *sections)
    assert [tuple(row.values()) for row in found] == [
        ("MUG", "2", None, "1", "2026-08-01", "x"),
        ("LAMP", "1", None, "1", "2026-08-01", "x"),
        ("MUG", "1", "9.00", "3", None, None),
    ]
    assert [row["Order"] for row in given(tmp_path, text, "order", *sections)] == ["1", "2", "3"]


def test_titles_distinguish_sections_with_the_same_header(tmp_path: Path) -> None:
    text = "Ship to,,\nNAME,Town,\nAnn,Bonn,\n\nBill to,,\nName,Town,\nBob,Köln,\n\nLines,,\nMUG,2,\n"
    sections = [
        {"name": "ship", "title": "SHIP TO"},
        {"name": "bill", "title": "Bill to"},
        {"name": "line", "title": "Lines", "columns": ["SKU", "Qty"]},
    ]
    [row] = given(tmp_path, text, "line", *sections)
    assert row == {
        "SKU": "MUG",
        "Qty": "2",
        "ship/NAME": "Ann",
        "ship/Town": "Bonn",
        "bill/Name": "Bob",
        "bill/Town": "Köln",
    }


def test_sections_that_only_their_widths_distinguish(tmp_path: Path) -> None:
    text = "1,2026-08-01,Ann\nMUG,2,4.00,8.00\nLAMP,1,9.00,\n3,17.00\n2,2026-08-02,Bob\nMUG,1,4.00,4.00\n1,4.00\n"
    sections = [
        {"name": "order", "columns": ["Order", "Date", ""]},
        {"name": "line", "columns": ["SKU", "Qty", "Price", "Amount"]},
        {"name": "total", "columns": ["Units", "Total"], "reach": "below", "within": "order"},
    ]
    found = given(tmp_path, text, "line", *sections)
    assert [(row["SKU"], row["order/Order"], row["total/Total"]) for row in found] == [
        ("MUG", "1", "17.00"),
        ("LAMP", "1", "17.00"),
        ("MUG", "2", "4.00"),
    ]
    reading = delimited.read(request(tmp_path, text + "LAMP,1,9.00,9.00,x\n", "line", *sections))
    assert sum(batch.num_rows for batch in reading) == 3
    assert "expected 3 cells (order); 4 cells (line); 2 cells (total)" in reading.faults[0].message


def test_a_header_lines_and_totals_that_follow_one_another(tmp_path: Path) -> None:
    text = "Order,Date\n1,2026-08-01\nSKU,Qty,Price\nMUG,2,4.00\nLAMP,1,9.00\nUnits,Total,Tax,Due\n3,17.00,0,17.00\n"
    sections = [
        {"name": "order", "header": ["Order"], "once": True},
        {"name": "line", "header": ["SKU"]},
        {"name": "total", "header": ["Units", "Due"], "reach": "below", "within": ""},
    ]
    found = given(tmp_path, text, "line", *sections)
    assert [(row["SKU"], row["order/Order"], row["total/Units"]) for row in found] == [
        ("MUG", "1", "3"),
        ("LAMP", "1", "3"),
    ]


def test_headers_in_another_language_and_headers_with_a_tag(tmp_path: Path) -> None:
    text = "H;Auftrag\nL;SKU;Menge\nH;1\nL;MUG;2\n"
    sections = [
        {"name": "order", "tag": "H", "header": ["H", "Order"]},
        {"name": "line", "tag": "L", "header": ["SKU", "Qty"]},
    ]
    others = {"Order": "Auftrag", "Qty": ["Menge"]}
    reading = delimited.read(request(tmp_path, text, "line", *sections, delimiter="semicolon", other_names=others))
    [row] = [row for batch in reading for row in batch.to_pylist()]
    assert (row["SKU"], row["Qty"], row["order/Order"]) == ("MUG", "2", "1")
    assert reading.headings == {"Qty": "Menge", "order/Order": "Auftrag"}


def test_a_value_behind_a_row_that_fits_no_section_is_unknown_until_the_section_begins_again(tmp_path: Path) -> None:
    sections = [
        {"name": "order", "tag": "H", "columns": ["", "Order"]},
        {"name": "line", "tag": "L", "columns": ["", "SKU"]},
    ]
    reading = delimited.read(request(tmp_path, "H,1\nL,A\nX,2\nL,B\nH,3\nL,C\n", "line", *sections))
    found = [cell_parts(row["order/Order"]) for batch in reading for row in batch.to_pylist()]
    assert [(bool(what), text) for what, _, text in found] == [(False, "1"), (True, "1"), (False, "3")]
    assert (reading.received, [fault.position for fault in reading.faults]) == (4, ["line 3"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b,c\n1,2,3\n", "the row a, b, c fits no section"),
        ("F,EUR\nF,USD\n", "section file, which stands once in a file, comes again"),
        ('H,1\nL,"A\nL,"\n', "a quote opens in this row and closes in line 3"),
    ],
)
def test_a_file_of_which_nothing_fits_or_whose_rows_became_one_is_refused(
    tmp_path: Path, text: str, message: str
) -> None:
    sections = [
        {"name": "file", "tag": "F", "columns": ["", "Currency"], "once": True},
        {"name": "order", "tag": "H", "columns": ["", "Order"]},
        {"name": "line", "tag": "L", "columns": ["", "SKU"]},
    ]
    with pytest.raises(FileError, match=message):
        list(delimited.read(request(tmp_path, text, "line", *sections)))


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ('each = "line"', 'each = "lines"', '"lines" is not the name of a section; did you mean "line"?'),
        ('each = "line"\n', "", "`each` is missing"),
        ('"order/Order"', '"order/Ordr"', '"Ordr" is not a column of the file; did you mean "Order"?'),
        (', within = "order" }', " }", "section total: say `within`"),
        ('tag = "L"', 'tag = "h"', "sections order and line begin alike"),
        ('format  = "delimited"', 'format  = "delimited"\nheader  = false', "the sections have headers of their own"),
        ('within = "order"', 'within = "ordre"', "within = ordre is no section"),
        (
            'tag = "L", columns',
            'title = "L", header = ["a"], columns',
            "section line: say one of tag, labels, header, title or columns",
        ),
    ],
)
def test_what_check_says_of_sections(tmp_path: Path, before: str, after: str, message: str) -> None:
    path = tmp_path / "acme" / "feed.toml"
    path.parent.mkdir()
    assert before in TAGGED
    path.write_text(TAGGED.replace(before, after))
    loaded, _ = load_file(path, tmp_path)
    assert loaded is not None
    assert message in " ".join(fault.message for fault in check(loaded, {}))


def test_a_row_that_fits_no_section_counts_once_however_many_kinds_of_rows_are_read(
    reader: Home, tmp_path: Path
) -> None:
    second = (
        TAGGED.split("[[record]]")[1]
        .replace('"line"', '"order"')
        .replace('line_no     = "SKU"', 'line_no = { constant = "0" }')
    )
    second = (
        second.replace('"order/Order"', '"Order"')
        .replace('"order/Date"', '"Date"')
        .replace('= "SKU"', '= { constant = "X" }')
    )
    second = second.replace('"Qty"', '{ constant = "1" }').replace('"Amount"', '{ constant = "1" }')
    file = tmp_path / "orders.csv"
    file.write_text(TWO.replace("T,3\n", "T,3\n?,1\n"))
    result = mapped(reader, tmp_path, TAGGED.replace("tie_out", "#") + "[[record]]" + second, file)
    assert {fault["position"] for fault in result["faults"]} == {"line 6"}
    counts = result["counts"]
    assert (counts["received"], counts["accepted"], counts["rejected"]) == (6, 5, 1)
