"""What every reader promises, held by every reader in the registry."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from gateway import formats
from gateway.config import Limits
from gateway.errors import FileError, GatewayError
from gateway.formats.contract import Reading, ReadRequest

Place = Callable[[bytes, str], str]
"""(bytes of the file, position) → the text that stands there."""


def line(content: bytes, position: str) -> str:
    return content.decode().split("\n")[int(position.removeprefix("line ")) - 1]


def segment(content: bytes, position: str) -> str:
    return re.split(r"[~']\n?", content.decode())[int(position.removeprefix("segment ")) - 1]


def sheet_row(content: bytes, position: str) -> str:
    title, _, cell = position.rpartition("!")
    row = openpyxl.load_workbook(io.BytesIO(content))[title][int(re.sub("[A-Z]+", "", cell))]
    return " ".join(str(one.value) for one in row)


def element(content: bytes, position: str) -> str:
    [found] = etree.fromstring(content).xpath(position)
    return "".join(found.itertext())


def member(content: bytes, position: str) -> str:
    found = json.loads(content)
    for name, number in re.findall(r"\.(\w+)|\[(\d+)\]", position):
        found = found[name] if name else found[int(number)]
    return str(found)


@dataclass(frozen=True)
class Sample:
    """A file, how it is read, and where its rows stand. The column `seen` of a row is found at its position.

    rows, faults  how many of each there are
    bounds        limits that the reader knows
    """

    content: bytes
    columns: tuple[str, ...]
    seen: str
    rows: int
    faults: int = 0
    each: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    place: Place | None = line
    bounds: tuple[str, ...] = ("file_bytes_max", "rows_per_file_max")


def workbook() -> bytes:
    book = openpyxl.Workbook()
    assert book.active is not None
    for row in (["made today"], ["SKU", "Qty"], ["S-1", 5], ["S-2", "#N/A"], [], ["S-3", 7]):
        book.active.append(row)
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


X12 = "~\n".join([
    "ISA*00*          *00*          *ZZ*ACME           *ZZ*GATEWAY        *261101*1200*U*00401*000000007*0*P*>",
    "GS*SW*ACME*GATEWAY*20261101*1200*7*X*004010", "ST*945*0001", "W06*F*ORDER1*20261101*S1", "LX*1",
    "W12*CC*5*4*1*EA**VN*SKU-1", "LX*2", "W12*CC*2*2**EA**VN*SKU-3", "SE*7*0001", "GE*1*7", "IEA*1*000000007", "",
])  # fmt: skip
EDIFACT = "'\n".join([
    "UNB+UNOC:3+4012345000009:14+4099999000003:14+261101:0600+77", "UNH+1+INVRPT:D:96A:UN", "BGM+35+STK1+9",
    "LIN+1++SKU-1:EN", "QTY+145:120", "LIN+2++SKU-2:EN", "QTY+145:7", "UNT+7+1", "UNZ+1+77", "",
])  # fmt: skip
MT940 = """:20:STMT1
:25:DE89370400440532013000
:28C:1/1
:60F:C261101EUR100,00
:61:2611011101C50,25NTRFREF-1//BANK1
:86:first
:61:2611011101D20,00NTRFREF-2//BANK2
:86:second
:62F:C261101EUR130,25
-
"""
BAI2 = """01,122099999,123456789,261101,0200,1,,,2/
02,031001234,122099999,1,261101,2359,USD,2/
03,0123456789,USD,010,500000,,/
16,115,450000,,BREF-1,CREF-1,first/
16,475,50000,,BREF-2,CREF-2,second/
49,1000000,4/
98,1000000,1,6/
99,1000000,1,8/
"""
OFX = """OFXHEADER:100
DATA:OFXSGML
VERSION:102
SECURITY:NONE
ENCODING:USASCII
CHARSET:1252
COMPRESSION:NONE
OLDFILEUID:NONE
NEWFILEUID:NONE

<OFX><SIGNONMSGSRSV1><SONRS><STATUS><CODE>0<SEVERITY>INFO</STATUS><DTSERVER>20261101<LANGUAGE>ENG</SONRS></SIGNONMSGSRSV1>
<BANKMSGSRSV1><STMTTRNRS><TRNUID>1<STATUS><CODE>0<SEVERITY>INFO</STATUS><STMTRS><CURDEF>USD
<BANKACCTFROM><BANKID>1<ACCTID>2<ACCTTYPE>CHECKING</BANKACCTFROM><BANKTRANLIST><DTSTART>20261001<DTEND>20261101
<STMTTRN><TRNTYPE>CREDIT<DTPOSTED>20261031<TRNAMT>5.00<FITID>F1<NAME>first</STMTTRN>
<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20261031<TRNAMT>-2.00<FITID>F2<NAME>second</STMTTRN>
</BANKTRANLIST><LEDGERBAL><BALAMT>3.00<DTASOF>20261101</LEDGERBAL></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>
"""
SAMPLES = {
    "delimited": Sample(b'preamble\nSKU,Qty\nS-1,5\n"S-2\nb",6\nbad\n\nS-3,7\n', (), "Qty", 3, 1,
                        options={"header": {"contains": ["SKU", "Qty"]}}, place=None),
    "fixed": Sample(b"00B001\n10S-1   5\n10S-2\n\n10S-3   7\n", (), "SKU", 2, 1, each="10", options={
        "tag": {"start": 1, "width": 2}, "columns": [
            {"name": "Batch", "start": 3, "width": 4, "record": "00"},
            {"name": "SKU", "start": 3, "width": 5, "record": "10"},
            {"name": "Qty", "start": 8, "width": 2, "record": "10"}]}),
    "workbook": Sample(workbook(), (), "SKU", 2, 1, options={"header": {"contains": ["SKU", "Qty"]}}, place=sheet_row),
    "xml": Sample(b"<?xml version='1.0'?><D><H><Id>1</Id></H><S><N><A>S-1</A></N><N/></S><S><N><A x='1'>S-2</A></N></S></D>",
                  ("A", "A/@x", "../../H/Id"), "A", 3, each="//N", place=element),
    "json": Sample(b'{"id": 1, "p": [{"t": [{"a": "S-1"}, {"a": 1, "a": 2}, {"a": "S-2"}]}, {"t": [{"a": "S-3"}]}]}',
                   ("a", "../../id"), "a", 3, 1, each="p/t", place=member),
    "x12": Sample(X12.encode(), ("W12/08", "W06/02"), "W12/08", 2, each="LX/W12", place=segment, bounds=("file_bytes_max",)),
    "edifact": Sample(EDIFACT.encode(), ("LIN/03", "BGM/02"), "LIN/03", 2, each="LIN", place=segment, bounds=("file_bytes_max",)),
    "mt940": Sample(MT940.encode(), (":61/reference", ":25"), ":61/reference", 2, each=":61", bounds=()),
    "bai2": Sample(BAI2.encode(), ("16/customer_reference", "03/account"), "16/customer_reference", 2, each="16", bounds=()),
    "ofx": Sample(OFX.encode(), ("FITID", "CURDEF"), "FITID", 2, each="STMTTRN", bounds=()),
}  # fmt: skip
REGISTERED = sorted(formats.FORMATS)


def test_every_reader_has_a_sample_here() -> None:
    assert set(REGISTERED) <= set(SAMPLES)


def read(path: Path, name: str, content: bytes | None = None, limits: Limits | None = None) -> Reading:
    module, sample = formats.named(name), SAMPLES[name]
    for owner in (module, formats):
        getattr(owner, "forget", int)()
    path.write_bytes(sample.content if content is None else content)
    return module.read(ReadRequest(path, path.name, limits or Limits(), sample.options, sample.each, sample.columns))


def outcome(reading: Reading) -> tuple[list[dict[str, Any]], list[Any]]:
    """Rows and faults, and whatever holds for every reading."""
    rows: list[dict[str, Any]] = []
    for batch in reading:
        assert batch.schema == reading.schema
        assert batch.num_rows > 0
        batch.validate(full=True)
        rows += batch.to_pylist()
    assert all(field.type == pa.utf8() for field in list(reading.schema)[3:])
    ordinals = [row["_ordinal"] for row in rows]
    assert ordinals == sorted(set(ordinals))
    assert all(row["_position"] for row in rows)
    rejected = [fault for fault in reading.faults if fault.code == "ROW_REJECT"]
    assert reading.received == len(rows) + len(rejected)
    assert all(fault.message and fault.hint and fault.position for fault in rejected)
    return rows, reading.faults


@pytest.mark.parametrize("name", REGISTERED)
def test_the_same_bytes_give_the_same_rows(name: str, tmp_path: Path) -> None:
    sample = SAMPLES[name]
    first = outcome(read(tmp_path / "a", name))
    assert (len(first[0]), len(first[1])) == (sample.rows, sample.faults)
    assert outcome(read(tmp_path / "b", name)) == first
    assert set(sample.columns) <= set(read(tmp_path / "c", name).columns)


@pytest.mark.parametrize("name", REGISTERED)
def test_a_row_stands_where_its_position_says(name: str, tmp_path: Path) -> None:
    sample = SAMPLES[name]
    rows, faults = outcome(read(tmp_path / "a", name))
    if sample.place is None:
        assert [row["_position"] for row in rows] == ["line 3", "line 4", "line 8"]
        assert [fault.position for fault in faults] == ["line 6"]
        return
    for row in rows:
        text = sample.place(sample.content, row["_position"])
        assert (row[sample.seen] or "") in text


@pytest.mark.parametrize("name", REGISTERED)
def test_what_its_bytes_look_like_is_recognised(name: str, tmp_path: Path) -> None:
    del tmp_path
    suffix = {"workbook": ".xlsx"}.get(name, ".txt")
    assert formats.named(name).sniff(SAMPLES[name].content[:4096], f"a{suffix}")


@pytest.mark.parametrize("name", REGISTERED)
def test_a_file_beyond_a_limit_is_refused_with_a_hint(name: str, tmp_path: Path) -> None:
    for bound in SAMPLES[name].bounds:
        with pytest.raises(FileError, match=bound) as caught:
            outcome(read(tmp_path / "a", name, limits=Limits(**{bound: 1})))
        assert caught.value.hint


@pytest.mark.parametrize("name", REGISTERED)
def test_options_that_it_does_not_know_are_told(name: str) -> None:
    with pytest.raises(GatewayError, match="colour"):
        formats.check_options(formats.named(name), {**SAMPLES[name].options, "colour": "red"}, name)


change = st.tuples(
    st.floats(0, 1), st.integers(0, 4), st.binary(max_size=4) | st.sampled_from([b'"', b"\n", b"<", b"~", b"\0"])
)


@pytest.mark.parametrize("name", REGISTERED)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(change, min_size=1, max_size=3))
def test_changed_bytes_are_read_or_refused_and_never_break_the_reader(
    name: str, changes: list[tuple[float, int, bytes]], tmp_path: Path
) -> None:
    content = SAMPLES[name].content
    for place, cut, put in changes:
        at = int(place * len(content))
        content = content[:at] + put + content[at + cut :]
    try:
        outcome(read(tmp_path / "a", name, content))
    except GatewayError as error:
        assert error.hint
