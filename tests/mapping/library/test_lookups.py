"""Crosswalks: read as text from CSV and workbooks; a defect leaves the whole lookup out and says where."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest

from gateway.mapping.library import lookups
from tests.mapping.samples_of_mappings import write


def load(home: Path, text: str | bytes, name: str = "codes.csv") -> tuple[list[dict[str, str]] | None, str]:
    path = write(home, f"lookups/{name}", text)
    table, faults = lookups.load_file(path)
    return (None if table is None else table.to_pylist()), "\n".join(map(str, faults))


def test_codes_stay_text_and_lose_their_outer_blanks(tmp_path: Path) -> None:
    rows, faults = load(tmp_path, "code, kind ,value\n007, a ,0010\n,*,rest\n\n")
    assert not faults
    assert rows == [
        {"code": "007", "kind": "a", "value": "0010"},
        {"code": "", "kind": "*", "value": "rest"},
    ]


@pytest.mark.parametrize(
    "text",
    ["code,value\na,1\n", "\ufeffcode,value\r\na,1\r\n", "code;value\na;1\n", 'code,value\n"a","1"\n'],
)
def test_usual_ways_of_saving_a_sheet_are_read(tmp_path: Path, text: str) -> None:
    assert load(tmp_path, text.encode())[0] == [{"code": "a", "value": "1"}]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ":1: has no header"),
        ("value\n", ":1: has no header"),
        ("code,code,value\n", ":1: a column has no name, or two have the same"),
        ("code,,value\n", ":1: a column has no name"),
        ("code,value\na,1\nA,2\n", ":3: has the same codes as line 2: A"),
        ("code,value\n*,1\n,2\n", ":3: has the same codes as line 2"),
        ('code,value\n"a\nb",1\nc\n', ":4: has 1 cells, the header has 2"),
        ("code,value\na,1,2\n", ":2: has 3 cells"),
        ("code,value\na,\n", ":2: gives no value for a"),
        ("code,value\na," + "x" * 1001, ":2: has a cell of more than 1000 characters"),
        ('code,value\n"a', "cannot be read"),
        (b"code,value\na,\x81\n", ":2: is not UTF-8 text"),
        ("code,value\na,b\n".encode("utf-16"), ":1: is not UTF-8 text"),
        ("code,value\nfee*a*,1\nx,2\nFee*B*,3\n", ":4: fits codes that line 2 fits as well"),
        ("code,kind,value\nFee*,*a*,1\nFee*,*b*,2\n", ":3: fits codes that line 2 fits as well"),
        ("code,value\nFee*,1\nfee*,2\n", ":3: has the same codes as line 2"),
    ],
)
def test_a_defect_is_reported_with_its_line_and_leaves_the_lookup_out(
    tmp_path: Path, text: str | bytes, expected: str
) -> None:
    rows, faults = load(tmp_path, text)
    assert rows is None
    assert f"mappings/lookups/codes.csv{expected}" in faults or expected in faults
    assert "Fix: " in faults


@pytest.mark.parametrize("text", ["fee*a,1\nfee*b,2\n", "f*,1\nfee*,2\n", "fee*a*,1\nfee*b*,1\n", "*fee,1\n*fees,2\n"])
def test_patterns_that_no_code_fits_alike_are_no_defect(tmp_path: Path, text: str) -> None:
    rows, faults = load(tmp_path, f"code,value\n{text}")
    assert not faults and rows is not None


def test_all_defects_of_a_lookup_are_reported_at_once(tmp_path: Path) -> None:
    assert load(tmp_path, "code,value\na,1\na,2\nb\nc,\n")[1].count("Fix") == 3


def test_a_workbook_is_read_as_shown(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (["code", "value", None], ["33", 12.0], [7, "x"], [None, None], ["*", "rest"]):
        sheet.append(row)
    path = write(tmp_path, "lookups/codes.xlsx", b"")
    book.save(path)
    table, faults = lookups.load_file(path)
    assert not faults and table is not None
    assert table.to_pylist() == [
        {"code": "33", "value": "12"},
        {"code": "7", "value": "x"},
        {"code": "*", "value": "rest"},
    ]


def test_what_is_no_workbook_is_a_fault(tmp_path: Path) -> None:
    rows, faults = load(tmp_path, b"PK no zip", "codes.xlsx")
    assert rows is None and "mappings/lookups/codes.xlsx:1: cannot be read" in faults


def test_a_folder_of_lookups(tmp_path: Path) -> None:
    write(tmp_path, "lookups/good.csv", "code,value\na,1\n")
    write(tmp_path, "lookups/bad.csv", "code\n")
    write(tmp_path, "lookups/good.xlsx", b"PK")
    write(tmp_path, "lookups/~$good.xlsx", b"PK")
    write(tmp_path, "lookups/notes.txt", "no lookup")
    tables, faults = lookups.load_all(tmp_path / "mappings" / "lookups")
    assert list(tables) == ["good"]
    assert [fault.file for fault in faults] == ["mappings/lookups/bad.csv", "mappings/lookups/good.xlsx"]
    assert lookups.load_all(tmp_path / "nowhere") == ({}, [])


def test_the_bytes_for_a_version_never_come_from_outside_the_folder(tmp_path: Path) -> None:
    folder = write(tmp_path, "lookups/a.csv", "code,value\n").parent
    write(tmp_path, "secret.csv", "secret")
    assert lookups.content(folder, "a") == b"code,value\n"
    assert lookups.content(folder, "../secret") == b""
    assert lookups.content(folder, "none") == b""
