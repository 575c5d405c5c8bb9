"""The format of a file is found from its content, and what it shows of itself is put in words."""

from __future__ import annotations

from pathlib import Path

import pytest
from openpyxl import Workbook

from gateway import formats
from gateway.reading import ReadRequest
from gateway.settings import Limits


@pytest.mark.parametrize(
    ("content", "format_name"),
    [
        (b"ISA*00*          *00*          *ZZ*A              *ZZ*B              *261101*1200*U*00401*1*0*P*>~", "x12"),
        (b"UNA:+.? 'UNB+UNOA:1+A+B+261101:1200+1'", "edifact"),
        (b"{1:F01BANKDEFFXXXX0000000000}{4:\r\n:20:1\r\n", "mt940"),
        (b":NS:\n", "mt940"),
        (b"01,BANK,US,261101,1200,1,80,1,2/\n02,US,BANK,1,261101,1200,USD,2/\n", "bai2"),
        (b"OFXHEADER:100\nDATA:OFXSGML\n\n<OFX>", "ofx"),
        (b'<?xml version="1.0"?><OFX></OFX>', "ofx"),
        (b'<?xml version="1.0"?><Order/>', "xml"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100), "workbook"),
        (b"PK\x03\x04" + bytes(26) + b"[Content_Types].xml", "workbook"),
        (b'{"id": 1}', "json"),
        (b'[{"id": 1}]', "json"),
        (b"sku,qty\nA,1\n", "delimited"),
        ("sku,qty\nA,1\n".encode("utf-16"), "delimited"),
        ("sku,qty\nA,1\n".encode("utf-16-le"), "delimited"),
        ("sku,qty\nA,1\n".encode("utf-16-be"), "delimited"),
    ],
)
def test_the_first_format_is_the_most_specific(content: bytes, format_name: str) -> None:
    for name in ("a", "a.csv", "a.xml", "a.edi", "a.json"):
        assert formats.sniffed(content, name)[0] == format_name


@pytest.mark.parametrize(
    ("content", "name"),
    [(bytes(100), "a.csv"), (b"\x89PNG\r\n\x1a\n\0\0", "a.png")],
)
def test_what_is_no_format_is_none(content: bytes, name: str) -> None:
    assert formats.sniffed(content, name) == []


def described(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    return formats.described(ReadRequest(path, "a", Limits()), formats.sniffed(content, "a"))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"sku,qty\nA,1\n", "a CSV with the columns sku, qty"),
        (b"sku;qty\nA;1,5\n", "a CSV with semicolons with the columns sku, qty"),
        (b"sku\tqty\nA\t1\n", "tab separated text with the columns sku, qty"),
        (b"sku|qty\nA|1\n", "delimited text with the columns sku, qty"),
        ("Größe,Stück\n1,2\n".encode("cp1252"), "a CSV with the columns Größe, Stück"),
        (b"no report today\n", 'text that begins with "no report today"'),
        (b"", "delimited or fixed"),
        (b'<?xml version="1.0"?><o:Order xmlns:o="urn:o"/>', "an XML document with the root Order"),
        (b"<?xml version", "xml"),
        (b'{"id": 1,\n "b": 2}', 'JSON that begins with {"id": 1, "b": 2}'),
        (b"PK\x03\x04" + bytes(26) + b"[Content_Types].xml", "workbook"),
        (bytes(10), "no known format"),
    ],
)
def test_a_file_describes_itself(tmp_path: Path, content: bytes, words: str) -> None:
    assert described(tmp_path / "a", content) == words


def test_a_workbook_shows_its_header(tmp_path: Path) -> None:
    book = Workbook()
    assert book.active is not None
    book.active.title = "Count"
    book.active.append(["SKU", "Counted"])
    book.save(tmp_path / "b")
    content = (tmp_path / "b").read_bytes()
    assert described(tmp_path / "a", content) == "a workbook whose sheet Count begins with SKU, Counted"
