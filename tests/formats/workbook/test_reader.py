"""Workbooks: every kind of file, cell by cell against openpyxl and against the same sheet in another kind."""

from __future__ import annotations

import io
import shutil
import struct
import subprocess
import warnings
import zipfile
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl.styles.numbers import is_date_format

from gateway.errors import FileError, HouseError
from gateway.formats.workbook import reader, xls
from gateway.formats.workbook import xlsx as workbook_xlsx
from gateway.formats.workbook.cells import address, column_number, formatter, number
from gateway.reading import Reading, ReadRequest, cell_parts
from gateway.settings import Limits
from tests.conftest import CORPUS, corpus, require_or_skip
from tests.formats.workbook.books import compound, ods, wide, xlsb, xlsx

Cells = dict[str, dict[str, str]]


def open_book(path: Path, **options: Any) -> Reading:
    return reader.read(ReadRequest(path, path.name, Limits(), options))


def rows_of(reading: Reading) -> list[dict[str, Any]]:
    return [row for batch in reading for row in batch.to_pylist()]


def rows(reading: Reading) -> list[dict[str, Any]]:
    found = rows_of(reading)
    assert reading.received == len(found) + sum(fault.code == "ROW_REJECT" for fault in reading.faults)
    return found


def table(path: Path, **options: Any) -> list[list[str]]:
    """Position and texts of each row."""
    return [[row["_position"], *map(seen, list(row.values())[3:])] for row in rows(open_book(path, **options))]


def seen(cell: str) -> str:
    """What a person sees in a cell."""
    return cell_parts(cell)[2]


def cells(path: Path) -> Cells:
    """Every text of every sheet by its address; blank ones and errors left out."""
    book = reader._open(ReadRequest(path, path.name, Limits()))
    found: Cells = {}
    for place, sheet in enumerate(book.sheets):
        texts = found.setdefault(sheet.title, {})
        for block in book.blocks(place):
            for row, line in block.texts():
                texts |= {address(row, column): text for column, text in enumerate(line, start=1) if text}
            for wrong in block.wrong:
                texts.pop(address(wrong.row, wrong.column), None)
    return found


# --- against openpyxl ---------------------------------------------------------------------------------


def shown(value: Any) -> str:
    """What openpyxl made of a cell, as we write it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return number(repr(value))
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds").removesuffix(".000").removesuffix("T00:00:00")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        seconds = round(value.total_seconds())
        return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    return str(value)


def by_openpyxl(path: Path) -> Cells:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        book = openpyxl.load_workbook(path, data_only=True)
    return {
        sheet.title: {
            cell.coordinate: shown(cell.value)
            for row in sheet.iter_rows()
            for cell in row
            if cell.value not in (None, "") and cell.data_type != "e"
        }
        for sheet in book.worksheets
    }


@pytest.mark.parametrize("path", corpus("xlsx", "*.xlsx"), ids=lambda p: p.name)
def test_every_cell_of_the_samples_is_as_openpyxl_has_it(path: Path) -> None:
    try:
        expected = by_openpyxl(path)
    except IndexError:
        pytest.skip("openpyxl does not find the styles of this workbook")
    if "leap-year" in path.name:
        # 29 February 1900, which Excel shows and never was.
        expected["for_testing"]["A5"] = expected["for_human_eyes"]["A8"] = "1900-02-29T08:00:00"
    assert cells(path) == expected


@pytest.mark.parametrize("path", corpus("xlsx", "*.xlsx"), ids=lambda p: p.name)
def test_the_parser_finds_what_the_expression_finds(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fast = cells(path)
    monkeypatch.setattr(workbook_xlsx, "_chunks", lambda *_: iter([None]))
    assert cells(path) == fast


def test_most_samples_go_the_fast_way(monkeypatch: pytest.MonkeyPatch) -> None:
    paths = corpus("xlsx", "readxl__*.xlsx")
    if not paths:
        pytest.skip("the public samples are not beside the checkout")
    parsed: list[str] = []
    original = workbook_xlsx.Xlsx._parsed
    monkeypatch.setattr(
        workbook_xlsx.Xlsx, "_parsed", lambda self, part, done: parsed.append(part) or original(self, part, done)
    )
    total = sum(len(cells(path)) for path in paths)
    assert len(parsed) < total / 2


TWINS = [
    (path, twin)
    for path in corpus("xlsx", "*.xls", "*.ods")
    for twin in (path.with_suffix(".xlsx"), path.with_name(path.name.replace("-xls.xls", "-xlsx.xlsx")))
    if twin.exists() and path.stem not in ("frictionless__table", "petl__test")  # these two hold other data
]


@pytest.mark.parametrize(("path", "twin"), TWINS, ids=lambda p: p.name)
def test_old_and_open_document_files_hold_what_their_twin_holds(path: Path, twin: Path) -> None:
    assert cells(path) == cells(twin)


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workbook of everything, and LibreOffice's conversions of it."""
    office = shutil.which("soffice")
    require_or_skip(office, "LibreOffice (soffice)")
    folder = tmp_path_factory.mktemp("converted")
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Count"
    values = [
        ("sku", None),
        ("00123", None),
        (123, "00000"),
        (1234.5, "#,##0.00"),
        (0.1 + 0.2, None),
        (0.125, "0.0%"),
        (date(2026, 11, 1), "yyyy-mm-dd"),
        (datetime.fromisoformat("2026-11-01T10:30:00"), "dd/mm/yyyy hh:mm"),
        (1.25, "[h]:mm:ss"),
        (119000000000123, None),
        (-5, None),
        ("a  b & <c>\nd", None),
        (1e-7, None),
    ]
    for row, (value, code) in enumerate(values, start=3):
        cell = sheet.cell(row, 2, value)
        cell.number_format = code or "General"
    sheet["D3"] = "merged"
    sheet.merge_cells("D3:E5")
    book.create_sheet("Secret").sheet_state = "hidden"
    book["Secret"]["A1"] = "seen by nobody"
    book.save(folder / "all.xlsx")
    for kind in ("xls", "ods"):
        subprocess.run(
            [
                str(office),
                "--headless",
                f"-env:UserInstallation=file://{folder}/profile",
                "--convert-to",
                kind,
                "--outdir",
                str(folder),
                str(folder / "all.xlsx"),
            ],
            capture_output=True,
            timeout=120,
            check=True,
        )
    return folder


@pytest.mark.parametrize("kind", ["xls", "ods"])
def test_what_libreoffice_converts_reads_the_same(converted: Path, kind: str) -> None:
    expected = cells(converted / "all.xlsx")
    assert expected["Count"]["B5"] == "00123"
    assert expected["Count"]["B11"] == "30:00:00"
    assert cells(converted / f"all.{kind}") == expected
    books = [reader._open(ReadRequest(converted / f"all.{k}", "all", Limits())) for k in ("xlsx", kind)]
    assert books[0].sheets == books[1].sheets
    assert books[0].merged(0) == books[1].merged(0) == [(3, 4, 5, 5)]


text = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=8)
value = st.one_of(
    text,
    st.integers(-(10**15), 10**15),
    st.booleans(),
    st.none(),
    st.decimals(-(10**9), 10**9, places=4).map(float),
    st.dates(date(1900, 3, 1), date(2100, 1, 1)),
    st.integers(0, 4 * 10**9).map(lambda seconds: datetime.fromisoformat("1950-01-01") + timedelta(seconds=seconds)),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(value, min_size=1, max_size=5), min_size=1, max_size=6))
def test_what_openpyxl_writes_is_read_as_openpyxl_reads_it(tmp_path: Path, lines: list[list[Any]]) -> None:
    book = openpyxl.Workbook()
    assert book.active is not None
    for line in lines:
        book.active.append([f"'{cell}" if isinstance(cell, str) and cell[:1] in "=#" else cell for cell in line])
    path = tmp_path / "a.xlsx"
    book.save(path)
    assert cells(path) == by_openpyxl(path)


# --- numbers and formats ------------------------------------------------------------------------------


@given(st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False))
def test_a_number_is_shown_with_15_digits_and_without_exponent(stored: float) -> None:
    what, _, shown_text = cell_parts(number(repr(stored)))
    assert ("more than 15 digits" in what) == (stored.is_integer() and abs(stored) >= 10**15)
    assert "e" not in shown_text.lower()
    if not stored.is_integer():
        assert (
            Decimal(shown_text) == Decimal(f"{stored:.15g}") or abs(Decimal(shown_text) / Decimal(stored) - 1) < 1e-14
        )


@pytest.mark.parametrize(
    ("stored", "text"),
    [
        ("0.30000000000000004", "0.3"),
        ("2.9999999999999996", "3"),
        ("1.19000000000123E+14", "119000000000123"),
        ("12345678901234567", "12345678901234567"),
        ("1.5E-7", "0.00000015"),
        ("-0", "0"),
        ("1.0", "1"),
        ("007", "7"),
        (".5", "0.5"),
        ("1E+999999", "1E+999999"),
        ("1_000", "1_000"),
        ("n/a", "n/a"),
    ],
)
def test_stored_numbers(stored: str, text: str) -> None:
    assert number(stored) == text


@pytest.mark.parametrize(
    ("code", "stored", "text"),
    [
        ("00000", "123", "00123"),
        ("00000", "1234567", "1234567"),
        ("00000", "12.5", "12.5"),
        ("000-00-0000", "12345678", "012-34-5678"),
        ('00000"-"0000', "12345678", "01234-5678"),
        ("00000;-00000", "123", "00123"),
        ("yyyy-mm-dd", "46327", "2026-11-01"),
        ("dd.mm.yyyy hh:mm", "46327.4375", "2026-11-01T10:30:00"),
        ("yyyy-mm-dd hh:mm", "46327.99999999", "2026-11-01T23:59:59.999"),
        ("yyyy-mm-dd", "60", "1900-02-29"),
        ("yyyy-mm-dd", "59", "1900-02-28"),
        ("yyyy-mm-dd", "61", "1900-03-01"),
        ("yyyy-mm-dd", "1", "1900-01-01"),
        ("yyyy-mm-dd", "0", "1900-01-00"),
        ("yyyy-mm-dd", "-1", "-1"),
        ("yyyy-mm-dd", "2958466", "2958466"),
        ("h:mm", "0.4375", "10:30:00"),
        ("[h]:mm:ss", "1.25", "30:00:00"),
        ("[mm]:ss", "-0.5", "-12:00:00"),
        ("[$-F800]dddd, mmmm dd, yyyy", "46327", "2026-11-01"),
        ('0.00" days"', "1.5", "1.5"),
        ("[Red]0.00", "1.5", "1.5"),
        ("0.00E+00", "150000", "150000"),
        ("General", "46327", "46327"),
        ('"SKU-"0', "7", "7"),
        ("@", "7", "7"),
        ("0.0%", "0.125", "0.125"),
        ('_-* #,##0.00\\ "€"_-', "1234.5", "1234.5"),
    ],
)
def test_what_a_format_makes_of_a_number(code: str, stored: str, text: str) -> None:
    assert (formatter(code, since_1904=False) or number)(stored) == text


def test_days_since_1904() -> None:
    make = formatter("yyyy-mm-dd", since_1904=True)
    assert make is not None
    assert [make(stored) for stored in ("0", "60", "44865")] == ["1904-01-01", "1904-03-01", "2026-11-01"]


@pytest.mark.parametrize(
    "code", ["m/d/yy", "h:mm AM/PM", "[h]:mm", "0.00", "#,##0", '"d"0', "\\d0", "General", "mmm yyyy"]
)
def test_date_formats_are_those_of_openpyxl(code: str) -> None:
    assert (formatter(code, since_1904=False) is not None) == is_date_format(code)


def test_letters_of_columns() -> None:
    assert [column_number(address(1, n)[:-1]) for n in range(1, 20_000)] == list(range(1, 20_000))
    assert address(17, 28) == "AB17"


# --- what is in the sheet -----------------------------------------------------------------------------

HEAD = '<row r="1"><c r="A1" t="inlineStr"><is><t>SKU</t></is></c><c r="B1" t="inlineStr"><is><t>Qty</t></is></c></row>'


def row(number_: int, *found: str) -> str:
    return f'<row r="{number_}">{"".join(found)}</row>'


def test_positions_are_true_whatever_the_used_range_says(tmp_path: Path) -> None:
    path = xlsx(
        tmp_path / "a.xlsx",
        HEAD.replace('="1"', '="7"').replace("A1", "C7").replace("B1", "D7")
        + row(900, '<c r="C900"><v>5</v></c>', '<c r="D900" t="str"><v>x</v></c>'),
        before='<dimension ref="A1:B2"/>',
    )
    reading = open_book(path)
    assert reading.columns == ("#1", "#2", "SKU", "Qty")
    assert [list(found.values())[1:] for found in rows(reading)] == [["S!A900", 0, "", "", "5", "x"]]


def test_a_cell_in_the_last_corner_costs_nothing(tmp_path: Path) -> None:
    path = xlsx(
        tmp_path / "a.xlsx", HEAD + row(2, '<c r="A2"><v>5</v></c>') + row(1048576, '<c r="XFD1048576" s="0"/>')
    )
    assert table(path) == [["S!A2", "5", ""]]


def test_1904_dates_of_a_workbook(tmp_path: Path) -> None:
    path = xlsx(
        tmp_path / "a.xlsx",
        HEAD + row(2, '<c r="A2" s="1"><v>44865</v></c>'),
        formats=["yyyy-mm-dd"],
        book='<workbookPr date1904="1"/>',
    )
    assert table(path) == [["S!A2", "2026-11-01", ""]]


@pytest.mark.parametrize(
    ("cell", "where", "message"),
    [
        ('<c r="B2" t="e"><v>#DIV/0!</v></c>', "S!B2", "the error #DIV/0!"),
        ('<c r="B2" t="e"><f>1/0</f><v>#DIV/0!</v></c>', "S!B2", "the error #DIV/0!"),
        ('<c r="B2"><f>1+1</f></c>', "S!B2", "formula without a stored result"),
        ('<c r="B2"><f>1+1</f><v/></c>', "S!B2", "formula without a stored result"),
        ('<c r="B2"><f>1+1</f><v></v></c>', "S!B2", "formula without a stored result"),
    ],
)
def test_a_cell_that_is_no_value_says_so(tmp_path: Path, cell: str, where: str, message: str) -> None:
    reading = open_book(
        xlsx(
            tmp_path / "a.xlsx",
            HEAD + row(2, '<c r="A2" t="str"><v>x</v></c>', cell) + row(3, '<c r="A3" t="str"><v>y</v></c>'),
        )
    )
    first, second = rows(reading)
    what, fix, text = cell_parts(list(first.values())[4])
    assert f"the cell {where} " in what and message in what and fix and text in ("#DIV/0!", "#UNCALCULATED")
    assert (first["SKU"], list(second.values())[3:], reading.received) == ("x", ["y", ""], 2)


def test_cells_beyond_the_header_are_reported_once_and_reject_nothing(tmp_path: Path) -> None:
    body = "".join(row(n, f'<c r="A{n}"><v>1</v></c>', f'<c r="F{n}"><v>7</v></c>') for n in range(2, 12))
    reading = open_book(xlsx(tmp_path / "a.xlsx", HEAD + body + row(12, '<c r="F12"><v>7</v></c>')))
    assert len(rows_of(reading)) == reading.received == 10
    [fault] = reading.faults
    assert (fault.code, fault.position) == ("COLUMN_UNKNOWN", "S!F2")
    assert "F2, F3, F4, F5, F6 …" in fault.message


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ('<c r="A2"><f>1+1</f><v>2</v></c>', "2"),
        ('<c r="A2" t="str"><f>A1</f><v>a &amp; b</v></c>', "a & b"),
        ('<c r="A2"><f t="shared" si="0"/><v>0.1</v></c>', "0.1"),
        ('<c r="A2" t="b"><v>1</v></c>', "true"),
        ('<c r="A2" t="s"><v>0</v></c>', "x & y"),
        ('<c r="A2" t="s"><v>1</v></c>', "rich text"),
        ('<c r="A2" t="inlineStr"><is><r><t>in</t></r><r><t xml:space="preserve"> line</t></r></is></c>', "in line"),
        ('<c r="A2" t="inlineStr"><is><t>a_x000D__x0041_&#10;b</t></is></c>', "a\rA\nb"),
        ('<c r="A2" t="d"><v>2026-11-01T00:00:00</v></c>', "2026-11-01"),
        ("<c r='A2' ><v>7</v></c>", "7"),
        ('<c t="str"><v>no address</v></c>', "no address"),
        ('<c r="A2" cm="1" t="str"><v><![CDATA[a<b]]></v></c>', "a<b"),
        ('<!-- <c r="A2"/> --><c r="A2"><v>7</v></c>', "7"),
        ('<c r="A2" s="99"><v>7</v></c>', "7"),
    ],
)
def test_cells_in_every_notation(tmp_path: Path, cell: str, text: str) -> None:
    strings = "<si><t>x &amp; y</t></si><si><r><t>rich</t></r><r><t> text</t></r><rPh><t>reading</t></rPh></si>"
    path = xlsx(tmp_path / "a.xlsx", HEAD + row(2, cell) + row(3, '<c r="A3"><v>9</v></c>'), strings=strings)
    assert table(path) == [["S!A2", text, ""], ["S!A3", "9", ""]]


def test_namespaces_with_prefix_and_other_encodings(tmp_path: Path) -> None:
    plain = xlsx(tmp_path / "a.xlsx", HEAD + row(2, '<c r="A2" t="str"><v>é</v></c>'))
    with zipfile.ZipFile(plain) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    sheet = parts["xl/worksheets/sheet1.xml"].decode()
    prefixed = sheet.replace("</", "</x:").replace("xmlns=", "xmlns:x=")
    for name in ("worksheet", "sheetData", "row", "c ", "v>", "is>", "t>"):
        prefixed = prefixed.replace(f"<{name}", f"<x:{name}")
    for number_, content in enumerate((prefixed.encode(), sheet.replace("UTF-8", "UTF-16").encode("utf-16"))):
        path = tmp_path / f"{number_}.xlsx"
        with zipfile.ZipFile(path, "w") as archive:
            for name, part in parts.items():
                archive.writestr(name, content if name.endswith("sheet1.xml") else part)
        assert table(path) == [["S!A2", "é", ""]]


def test_text_of_ids_and_numbers_are_distinguished(tmp_path: Path) -> None:
    found = table(
        xlsx(
            tmp_path / "a.xlsx",
            HEAD
            + row(2, '<c r="A2" t="str"><v>0.30000000000000004</v></c>', '<c r="B2"><v>0.30000000000000004</v></c>'),
        )
    )
    assert found == [["S!A2", "0.30000000000000004", "0.3"]]


# --- sheets, headers, merged cells --------------------------------------------------------------------


def counted(path: Path, *sheets: tuple[str, bool]) -> Path:
    book = openpyxl.Workbook()
    assert book.active is not None
    book.remove(book.active)
    for title, visible in sheets:
        sheet = book.create_sheet(title)
        sheet.append(["SKU", "Qty"])
        sheet.append([title, 1])
        sheet.sheet_state = "visible" if visible else "hidden"
    book.save(path)
    return path


@pytest.mark.parametrize(
    ("options", "title"),
    [
        ({}, "Count 1"),
        ({"sheet": "count 2"}, "Count 2"),
        ({"sheet": "Count*"}, "Count 1"),
        ({"sheet": 2}, "Count 2"),
        ({"sheet": "Old"}, "Old"),
    ],
)
def test_sheet_by_name_pattern_or_number(tmp_path: Path, options: dict[str, Any], title: str) -> None:
    path = counted(tmp_path / "a.xlsx", ("Old", False), ("Count 1", True), ("Count 2", True))
    assert table(path, **options) == [[f"{title}!A2", title, "1"]]


@pytest.mark.parametrize(
    ("options", "unread"),
    [({}, ["Count 2"]), ({"sheet": "Count*"}, ["Count 2"]), ({"sheet": "Count 2"}, []), ({"sheet": 1}, [])],
)
def test_rows_of_another_sheet_with_the_same_columns_are_reported(
    tmp_path: Path, options: dict[str, Any], unread: list[str]
) -> None:
    path = counted(tmp_path / "a.xlsx", ("Old", False), ("Count 1", True), ("Count 2", True))
    book = openpyxl.load_workbook(path)
    book.create_sheet("Blank form").append(["SKU", "Qty"])
    book.create_sheet("Other").append(["SKU", "Bin"])
    book["Other"].append(["A", "B"])
    book.save(path)
    faults = open_book(path, **options).faults
    assert [(fault.code, fault.position) for fault in faults] == [("ROW_DOUBTFUL", title) for title in unread]


def test_a_sheet_that_the_mapping_could_read_is_reported_whatever_the_order_of_its_columns(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    first, second = book.active, book.create_sheet("More")
    assert first is not None
    for sheet, header in ((first, ["SKU", "Qty", "Note"]), (second, ["Qty", "Extra", "SKU"])):
        sheet.append(header)
        sheet.append(["a", "b", "c"])
    book.save(tmp_path / "b.xlsx")
    needed = {
        columns: reader.read(ReadRequest(tmp_path / "b.xlsx", "b.xlsx", Limits(), {}, columns=columns))
        for columns in (("SKU", "Qty"), ("SKU", "Note"))
    }
    assert [[fault.position for fault in reading.faults] for reading in needed.values()] == [["More"], []]


@pytest.mark.parametrize("wanted", ["Ol*", "Nothing", 3, 0])
def test_a_sheet_that_is_not_there_is_reported_with_those_that_are(tmp_path: Path, wanted: Any) -> None:
    path = counted(tmp_path / "a.xlsx", ("Old", False), ("Count 1", True), ("Count 2", True))
    with pytest.raises(FileError, match=r"Old \(hidden\), Count 1"):
        open_book(path, sheet=wanted)


def test_the_first_sheet_that_has_the_header_is_read(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    assert book.active is not None
    book.active.append(["About this file"])
    sheet = book.create_sheet("Data")
    for line in (["Stock count"], [], ["Warehouse", "DC1"], ["sku", "On\nhand"], ["A", 5], ["Total", 5]):
        sheet.append(line)
    path = tmp_path / "a.xlsx"
    book.save(path)
    assert table(path, header={"contains": ["SKU", "On hand"]}) == [["Data!A5", "A", "5"], ["Data!A6", "Total", "5"]]
    assert table(path, sheet="Data", header={"row": 4}) == [["Data!A5", "A", "5"], ["Data!A6", "Total", "5"]]
    assert table(path, sheet="Data", header=False, columns=["a", "b"])[0] == ["Data!A1", "Stock count", ""]
    assert open_book(path, sheet="Data", header=False).columns == ("#1", "#2")
    with pytest.raises(FileError, match="nearest is line 4"):
        open_book(path, sheet="Data", header={"contains": ["SKU", "Bin"]})


@pytest.fixture
def merged(tmp_path: Path) -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["SKU", "Lot", "Qty"])
    for line in (["A", "L1", 1], [None, "L2", 2], [None, None, None], ["B", None, 3]):
        sheet.append(line)
    sheet.merge_cells("A2:A4")
    sheet.merge_cells("B5:C5")
    sheet["B5"] = "both"
    path = tmp_path / "a.xlsx"
    book.save(path)
    return path


def test_merged_cells_are_filled_on_demand(merged: Path) -> None:
    assert table(merged) == [["Sheet!A2", "A", "L1", "1"], ["Sheet!A3", "", "L2", "2"], ["Sheet!A5", "B", "both", ""]]
    assert table(merged, merged="fill") == [
        ["Sheet!A2", "A", "L1", "1"],
        ["Sheet!A3", "A", "L2", "2"],
        ["Sheet!A5", "B", "both", "both"],
    ]


def test_the_header_once_more_is_no_row(tmp_path: Path) -> None:
    cells = [(2, "1", "2"), (3, "SKU", "Qty"), (4, "sku ", "Qty"), (5, "SKU", "")]
    rows = [row(n, f'<c r="A{n}" t="str"><v>{a}</v></c>', f'<c r="B{n}" t="str"><v>{b}</v></c>') for n, a, b in cells]
    assert table(xlsx(tmp_path / "a.xlsx", HEAD + "".join(rows))) == [["S!A2", "1", "2"], ["S!A5", "SKU", ""]]


def test_a_merged_title_among_the_rows_is_not_beyond_the_header(tmp_path: Path) -> None:
    path = xlsx(
        tmp_path / "a.xlsx",
        HEAD
        + row(2, '<c r="A2" t="str"><v>Section</v></c>')
        + row(3, '<c r="A3"><v>1</v></c>', '<c r="B3"><v>2</v></c>'),
        after='<mergeCells><mergeCell ref="A2:F2"/></mergeCells>',
    )
    assert table(path, merged="fill") == [["S!A2", "Section", "Section"], ["S!A3", "1", "2"]]


def test_merged_cells_reach_over_blocks(merged: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook_xlsx, "BLOCK_CELLS", 1)
    monkeypatch.setattr(workbook_xlsx, "_chunks", lambda *_: iter([None]))
    assert [line[1] for line in table(merged, merged="fill")] == ["A", "A", "B"]


def test_an_error_in_merged_cells_is_in_all_their_rows(tmp_path: Path) -> None:
    path = xlsx(
        tmp_path / "a.xlsx",
        HEAD + row(2, '<c r="A2" t="e"><v>#REF!</v></c>') + row(3, '<c r="B3"><v>1</v></c>'),
        after='<mergeCells><mergeCell ref="A2:A3"/></mergeCells>',
    )
    found = [cell_parts(one["SKU"]) for one in rows(open_book(path, merged="fill"))]
    assert [(what.split()[2], text) for what, _, text in found] == [("S!A2", "#REF!"), ("S!A3", "#REF!")]


def test_endless_merged_cells_do_not_fill_the_memory(tmp_path: Path) -> None:
    areas = "".join('<mergeCell ref="A1:XFD1048576"/>' for _ in range(50))
    path = xlsx(tmp_path / "a.xlsx", HEAD + row(2, '<c r="A2"><v>1</v></c>'), after=f"<mergeCells>{areas}</mergeCells>")
    with pytest.raises(FileError, match="overlap"):
        open_book(path, merged="fill")


# --- other kinds --------------------------------------------------------------------------------------


def u32(value_: int) -> bytes:
    return struct.pack("<I", value_ & 0xFFFFFFFF)


def test_binary_workbook(tmp_path: Path) -> None:
    double = struct.Struct("<d").pack
    path = xlsb(
        tmp_path / "a.xlsb",
        [
            [(7, 0, u32(0)), (7, 0, u32(1)), (6, 0, wide("Day"))],
            [(7, 0, u32(2)), (2, 0, u32(12345 << 2 | 3)), (5, 2, double(46327))],
            [(5, 1, double(123)), (2, 0, u32(-5 << 2 | 2)), (5, 2, double(46327.4375))],
            [(4, 0, b"\1"), (9, 0, double(0.1 + 0.2) + bytes(6)), (1, 0, b"")],
            [(8, 0, wide("result") + bytes(6)), (3, 0, b"\x2a"), (1, 0, b"")],
        ],
        strings=["SKU", "Qty", "é-1"],
        formats=["00000", "yyyy\\-mm\\-dd"],
        merged=[(4, 5, 0, 0)],
        first_row=3,
    )
    assert table(path) == [
        ["S!A5", "é-1", "123.45", "2026-11-01"],
        ["S!A6", "00123", "-5", "2026-11-01T10:30:00"],
        ["S!A7", "true", "0.3", ""],
        ["S!A8", "result", "#N/A", ""],
    ]
    assert [line[1] for line in table(path, merged="fill")][:2] == ["é-1", "é-1"]


def test_binary_workbook_since_1904(tmp_path: Path) -> None:
    path = xlsb(
        tmp_path / "a.xlsb",
        [[(6, 0, wide("Day"))], [(5, 1, struct.pack("<d", 44865))]],
        formats=["yyyy-mm-dd"],
        since_1904=True,
    )
    assert table(path) == [["S!A2", "2026-11-01"]]


CELL = '<table:table-cell office:value-type="string"><text:p>{}</text:p></table:table-cell>'


def test_open_document_cells(tmp_path: Path) -> None:
    cell_texts = [
        ('office:value-type="float" office:value="1.19000000000123E+014"', "1.19E+14", "119000000000123"),
        ('office:value-type="float" office:value="123"', "00123", "00123"),
        ('office:value-type="percentage" office:value="0.125"', "12.5%", "0.125"),
        ('office:value-type="currency" office:currency="EUR" office:value="0.1"', "0,10 €", "0.1"),
        ('office:value-type="date" office:date-value="2026-11-01"', "01.11.26", "2026-11-01"),
        ('office:value-type="date" office:date-value="2026-11-01T10:30:00"', "x", "2026-11-01T10:30:00"),
        ('office:value-type="time" office:time-value="PT30H05M07.500S"', "x", "30:05:07.5"),
        ('office:value-type="boolean" office:boolean-value="true"', "WAHR", "true"),
        (
            'office:value-type="string"',
            'a<text:s text:c="2"/>b<text:line-break/><text:span>c</text:span> d',
            "a  b\nc d",
        ),
        ('office:value-type="string" table:formula="of:=A1"', "", ""),
        ('table:formula="of:=&quot;&quot;"', "", ""),
        ('table:formula="of:=TRUE()" office:value-type="float" office:value="1"', "TRUE", "true"),
        ('table:formula="of:=A1" office:value-type="float"', "", "#UNCALCULATED"),
        ('office:value-type="float" office:value="1234567890123460"', "1234567890123460", "1234567890123460"),
    ]
    lines = "".join(
        f"<table:table-row><table:table-cell {attributes}><text:p>{shown_}</text:p></table:table-cell>"
        f"{CELL.format('x')}</table:table-row>"
        for attributes, shown_, _ in cell_texts
    )
    path = ods(
        tmp_path / "a.ods",
        f'<table:table table:name="S"><table:table-row>{CELL.format("a")}{CELL.format("b")}'
        f"</table:table-row>{lines}</table:table>",
    )
    assert [line[1] for line in table(path)] == [expected for _, _, expected in cell_texts]
    marked = [row["a"] for row in rows(open_book(path)) if cell_parts(row["a"])[0]]
    assert [seen(text) for text in marked] == ["#UNCALCULATED", "1234567890123460"]


@pytest.mark.parametrize("result", [bytes(8), b"\x03\0\0\0\0\0\xff\xff"])
def test_formulas_that_programs_wrote_into_xls_without_a_result_are_found(result: bytes) -> None:
    def biff(kind: int, data: bytes) -> bytes:
        return struct.pack("<HH", kind, len(data)) + data

    def formula(row: int, column: int, result: bytes, options: int) -> bytes:
        return biff(0x06, struct.pack("<HHH", row, column, 15) + result + struct.pack("<HIH", options, 0, 0))

    names = 2 * (4 + 8)
    first = formula(1, 2, result, 3) + formula(1, 3, struct.pack("<d", 4.0), 3) + formula(2, 2, result, 0)
    sheets = [biff(0x85, struct.pack("<IBBH", start, 0, 0, 0)) for start in (names, names + len(first))]
    assert xls._uncalculated(b"".join([*sheets, first, formula(7, 0, result, 2)])) == [{(1, 2)}, {(7, 0)}]


def test_open_document_repeats_errors_and_hidden_tables(tmp_path: Path) -> None:
    header = f"<table:table-row>{CELL.format('a')}{CELL.format('b')}</table:table-row>"
    repeated = CELL.format("x").replace("<table:table-cell", '<table:table-cell table:number-columns-repeated="2"')
    path = ods(
        tmp_path / "a.ods",
        f'<table:table table:name="Old" table:style-name="ta2">{header}</table:table><table:table table:name="S">'
        f'<table:table-row table:number-rows-repeated="3"><table:table-cell table:number-columns-repeated="9"/>'
        f"</table:table-row>{header}<table:table-row table:number-rows-repeated='2'>{repeated}</table:table-row>"
        '<table:table-row><table:table-cell table:formula="of:=1/0" office:value-type="string" '
        'calcext:value-type="error"><text:p>#DIV/0!</text:p></table:table-cell></table:table-row>'
        '<table:table-row><table:table-cell table:formula="of:=1+1"/></table:table-row>'
        '<table:table-row table:number-rows-repeated="1048576"><table:table-cell/></table:table-row></table:table>',
        '<style:style style:name="ta2"><style:table-properties table:display="false"/></style:style>',
    )
    assert table(path) == [
        ["S!A5", "x", "x"],
        ["S!A6", "x", "x"],
        ["S!A7", "#DIV/0!", ""],
        ["S!A8", "#UNCALCULATED", ""],
    ]


def test_a_few_bytes_that_stand_for_billions_of_cells_are_refused(tmp_path: Path) -> None:
    many = CELL.format("x").replace("<table:table-cell", '<table:table-cell table:number-columns-repeated="16000"')
    path = ods(
        tmp_path / "a.ods",
        f'<table:table table:name="S"><table:table-row table:number-rows-repeated="1048576">'
        f"{many}</table:table-row></table:table>",
    )
    with pytest.raises(FileError, match="repeats more than"):
        rows(open_book(path, header=False, columns=["a"]))


@pytest.mark.parametrize(
    "inside",
    [
        '<text:p><text:s text:c="99999999"/></text:p>',
        "<text:p>" + '<text:s text:c="30000"/>' * 100 + "</text:p>",
        '<text:p><text:s text:c="30000"/></text:p>' * 100,
    ],
)
def test_endless_blanks_of_a_cell_are_refused(tmp_path: Path, inside: str) -> None:
    path = ods(
        tmp_path / "a.ods",
        f'<table:table table:name="S"><table:table-row><table:table-cell>{inside}'
        "</table:table-cell></table:table-row></table:table>",
    )
    with pytest.raises(FileError, match=r"a cell (states|has) more than"):
        open_book(path)


def test_a_long_text_that_every_cell_of_a_row_repeats_is_refused(tmp_path: Path) -> None:
    long = CELL.format("x" * 10_000).replace(
        "<table:table-cell", '<table:table-cell table:number-columns-repeated="16000"'
    )
    path = ods(
        tmp_path / "a.ods", f'<table:table table:name="S"><table:table-row>{long}</table:table-row></table:table>'
    )
    with pytest.raises(FileError, match="has more text than"):
        open_book(path)


def test_a_long_text_that_many_cells_share_is_refused(tmp_path: Path) -> None:
    cells_ = "".join(row(n, f'<c r="A{n}" t="s"><v>0</v></c>') for n in range(2, 3000))
    path = xlsx(tmp_path / "a.xlsx", HEAD + cells_, strings=f"<si><t>{'x' * 100_000}</t></si>")
    with pytest.raises(FileError, match="more text than"):
        rows(open_book(path))


# --- safety -------------------------------------------------------------------------------------------


def test_a_zip_bomb_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * 60_000_000)
    with pytest.raises(FileError, match="zip bomb"):
        open_book(path)


@pytest.mark.parametrize("limit", ["xlsx_expanded_bytes_max", "xlsx_expansion_ratio_max"])
def test_a_limit_of_what_a_workbook_unpacks_to_is_held(tmp_path: Path, limit: str) -> None:
    path = xlsx(tmp_path / "a.xlsx", HEAD + row(2, f'<c r="A2" t="str"><v>{"x" * 50_000}</v></c>'))
    assert len(rows(open_book(path))) == 1
    with pytest.raises(FileError, match="zip bomb") as caught:
        reader.read(ReadRequest(path, path.name, Limits.model_validate({limit: 5}), {}))
    assert limit in caught.value.hint


def test_a_part_that_is_longer_than_it_says_is_refused(tmp_path: Path) -> None:
    path = xlsx(tmp_path / "a.xlsx", HEAD + row(2, '<c r="A2"><v>1</v></c>'))
    content = bytearray(path.read_bytes())
    place = content.rfind(b"PK\x01\x02", 0, content.rfind(b"xl/worksheets/sheet1.xml"))
    content[place + 24 : place + 28] = struct.pack("<I", 60)
    path.write_bytes(content)
    with pytest.raises(FileError):
        rows(open_book(path))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PK\x03\x04 no zip", "damaged"),
        (b"no workbook at all", "not a workbook"),
        (b"", "not a workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "damaged"),
        (compound("EncryptionInfo", "EncryptedPackage"), "password"),
        (compound("WordDocument"), "holds no workbook"),
        (compound("Workbook"), "damaged"),
        (compound("Workbook", last=2), "is circular"),
    ],
)
def test_what_is_no_workbook_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "a.xlsx"
    path.write_bytes(content)
    with pytest.raises(FileError, match=message) as caught:
        open_book(path)
    assert caught.value.hint


def test_a_cut_off_workbook_is_refused(tmp_path: Path) -> None:
    whole = counted(tmp_path / "a.xlsx", ("Count", True)).read_bytes()
    for length in range(10, len(whole), 97):
        (tmp_path / "b.xlsx").write_bytes(whole[:length])
        with pytest.raises(FileError):
            rows(open_book(tmp_path / "b.xlsx"))


def test_a_sheet_that_ends_early_is_refused(tmp_path: Path) -> None:
    path = counted(tmp_path / "a.xlsx", ("Count", True))
    content = io.BytesIO()
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(content, "w") as target:
        for name in archive.namelist():
            part = archive.read(name)
            target.writestr(name, part[: part.find(b"</sheetData>")] if "sheet1" in name else part)
    path.write_bytes(content.getvalue())
    with pytest.raises(FileError, match="damaged"):
        rows(open_book(path))


@pytest.mark.parametrize(
    "head", ["<!DOCTYPE x>", '<!DOCTYPE x [<!ENTITY a "b">]>', "<!-- " + "x" * 100_000 + " --><!DOCTYPE x>"]
)
def test_a_doctype_is_refused(tmp_path: Path, head: str) -> None:
    path = xlsx(tmp_path / "a.xlsx", HEAD + row(2, '<c r="A2"><v>1</v></c>'), head=head)
    with pytest.raises(FileError, match="DOCTYPE"):
        rows(open_book(path))


def test_an_entity_is_refused(tmp_path: Path) -> None:
    path = xlsx(tmp_path / "a.xlsx", HEAD + row(2, '<c r="A2" t="str"><v>&secret;</v></c>'))
    with pytest.raises(FileError, match="damaged"):
        rows(open_book(path))


def test_a_sheet_outside_of_the_workbook_is_not_followed(tmp_path: Path) -> None:
    path = xlsx(tmp_path / "a.xlsx", HEAD, target="file:///etc/passwd")
    with pytest.raises(FileError, match="outside of the file"):
        open_book(path)


@pytest.mark.parametrize(
    "rest",
    [
        row(1, '<c r="A1"><v>1</v></c>'),
        row(9, '<c r="A9"/>') + row(3, '<c r="A3"/>'),
        row(2000000, '<c r="A2000000"/>'),
        row(2, '<c r="ZZZ2"><v>1</v></c>'),
        row(2, '<c r="A2" t="s"><v>7</v></c>'),
        row(2, '<c r="A2" t="odd"><v>7</v></c>'),
    ],
)
def test_a_sheet_in_disorder_is_refused(tmp_path: Path, rest: str) -> None:
    with pytest.raises(FileError) as caught:
        rows(open_book(xlsx(tmp_path / "a.xlsx", HEAD + row(2, '<c r="A2"><v>1</v></c>') + rest)))
    assert caught.value.hint


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        ({"rows_per_file_max": 2}, "rows_per_file_max"),
        ({"columns_max": 1}, "columns_max"),
        ({"cell_bytes_max": 10}, "cell_bytes_max"),
        ({"file_bytes_max": 100}, "file_bytes_max"),
    ],
)
def test_limits_are_held(tmp_path: Path, limit: dict[str, int], message: str) -> None:
    body = "".join(row(n, f'<c r="A{n}" t="str"><v>a long text</v></c>') for n in range(2, 5))
    path = xlsx(tmp_path / "a.xlsx", HEAD + body + row(9, '<c r="A9" t="e"><v>#N/A</v></c>'))
    with pytest.raises(FileError, match=message):
        rows(reader.read(ReadRequest(path, "a.xlsx", Limits(**limit))))


def test_wrong_options_are_reported() -> None:
    with pytest.raises(HouseError, match="merged"):
        open_book(Path("none.xlsx"), merged="all")


@pytest.mark.parametrize("path", corpus("xlsx"), ids=lambda p: p.name)
def test_every_sample_is_sniffed(path: Path) -> None:
    with path.open("rb") as source:
        head = source.read(65_536)
    assert reader.sniff(head, "unnamed")
    assert CORPUS.is_dir()
