"""Workbooks and XML: positions, safety and clear refusals."""

from __future__ import annotations

import zipfile
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from gateway.config import Limits
from gateway.errors import FileError
from gateway.formats import workbook, xml
from gateway.formats.contract import ReadRequest

CAMT = """<?xml version="1.0"?><Document xmlns="urn:x"><S><Acct>A1</Acct><Bal><Cd>OPBD</Cd><Amt>5</Amt></Bal>
<N><Amt Ccy="EUR">1.00</Amt><D><E>first</E></D></N><N><Amt Ccy="USD"> 2 </Amt></N></S></Document>"""


def rows(module: Any, path: Path, **more: Any) -> list[dict[str, Any]]:
    reading = module.read(ReadRequest(path, path.name, Limits(), **more))
    return [row for batch in reading for row in batch.to_pylist()]


def test_xml_paths_reach_ancestors(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    path.write_text(CAMT)
    found = rows(xml, path, each="//N", columns=("Amt", "Amt/@Ccy", "../Acct", "../Bal[Cd='OPBD']/Amt", "D/E|D/X"))
    assert [list(row.values())[1:] for row in found] == [
        ["/Document/S/N[1]", 0, "1.00", "EUR", "A1", "5", "first"],
        ["/Document/S/N[2]", 0, "2", "USD", "A1", "5", None],
    ]


def test_repeated_elements_of_xml_are_counted_and_joined(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    path.write_text("<R><N><T><E>A</E></T><T><E> B </E><E/></T></N><N/></R>")
    found = rows(xml, path, each="//N", columns=("count(T)", "join(T/E)", "T/E"))
    assert [list(row.values())[3:] for row in found] == [["2", "A B", "A"], ["0", None, None]]


def test_an_element_with_too_long_a_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    path.write_text(f"<R><N><T>{'ä' * 60}</T></N></R>")
    request = ReadRequest(path, "a.xml", Limits(xml_text_bytes_max=100), each="//N", columns=("T",))
    with pytest.raises(FileError, match="longer than 100 bytes"):
        list(xml.read(request))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (CAMT[:-14], "not well-formed"),
        (CAMT.replace("<Document", '<!DOCTYPE d [<!ENTITY x "y">]><Document'), "DOCTYPE"),
        (CAMT + "<more/>", "not well-formed"),
    ],
)
def test_broken_documents_are_refused(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "a.xml"
    path.write_text(content)
    with pytest.raises(FileError, match=message):
        rows(xml, path, each="//N", columns=("Amt",))


@pytest.mark.parametrize("name", ['SYSTEM "http://xml.example.com/1.2/order.dtd"', "PUBLIC '-//X//Order' 'order.dtd'"])
def test_a_named_dtd_is_passed_over_and_never_read(tmp_path: Path, name: str) -> None:
    (tmp_path / "order.dtd").write_text('<!ELEMENT R ANY><!ATTLIST R added CDATA "by the DTD">')
    path = tmp_path / "a.xml"
    path.write_text(f"<!DOCTYPE R {name}><R><N>1</N></R>")
    found = rows(xml, path, each="//N", columns=(".", "../@added"))
    assert [(row["."], row["../@added"]) for row in found] == [("1", None)]


def test_a_named_dtd_with_entities_of_its_own_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    path.write_text('<!DOCTYPE R SYSTEM "order.dtd" [<!ENTITY x "y">]><R><N>&x;</N></R>')
    with pytest.raises(FileError, match="DOCTYPE"):
        rows(xml, path, each="//N", columns=(".",))


def test_a_document_without_what_it_must_contain_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    path.write_text("<R><Request><N>1</N></Request></R>")
    assert len(rows(xml, path, each="//N", columns=(".",), options={"contains": ["Request"]})) == 1
    with pytest.raises(FileError, match="the document has no Header and no Order"):
        rows(xml, path, each="//N", columns=(".",), options={"contains": ["Order", "Request", "Header"]})


def test_what_stands_behind_a_row_is_in_reach_inside_a_whole_element(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    events = "".join(f"<E><L><N>{n}</N><N/></L><Step>{'x' * 40_000}{n}</Step></E>" for n in range(3))
    path.write_text(f"<R>{events}<N>last</N></R>")
    found = rows(xml, path, each="//N", columns=(".", "../../Step"), options={"whole": ["E"]})
    assert [(row["_position"], row["."], (row["../../Step"] or "")[-1:]) for row in found] == [
        ("/R/E/L/N[1]", "0", "0"), ("/R/E/L/N[2]", "", "0"), ("/R/E[2]/L/N[1]", "1", "1"),
        ("/R/E[2]/L/N[2]", "", "1"), ("/R/E[3]/L/N[1]", "2", "2"), ("/R/E[3]/L/N[2]", "", "2"), ("/R/N[1]", "last", ""),
    ]  # fmt: skip


def test_workbook_header_types_and_positions(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Count"
    sheet["A1"] = "A stock count"
    for column, name in enumerate(("SKU", "Qty", "Day", "Order"), start=2):
        sheet.cell(4, column, name)
    for column, value in enumerate(("00123", 12.50, date(2026, 11, 1), 119000000000123), start=2):
        sheet.cell(6, column, value)
    sheet["C8"] = "#N/A"
    sheet["C8"].data_type = "e"
    path = tmp_path / "count.xlsx"
    book.save(path)
    reading = workbook.read(ReadRequest(path, "count.xlsx", Limits(), {"header": {"contains": ["SKU", "Qty"]}}))
    found = [row for batch in reading for row in batch.to_pylist()]
    assert [(r["_position"], r["SKU"], r["Qty"], r["Day"], r["Order"]) for r in found] == [
        ("Count!A6", "00123", "12.5", "2026-11-01", "119000000000123")
    ]
    assert [fault.position for fault in reading.faults] == ["Count!C8"]
    assert reading.received == 2


def test_a_zip_bomb_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * 60_000_000)
    with pytest.raises(FileError, match="zip bomb"):
        rows(workbook, path)


def test_a_damaged_workbook_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    path.write_bytes(b"PK\x03\x04 no zip")
    with pytest.raises(FileError, match="damaged"):
        rows(workbook, path)
