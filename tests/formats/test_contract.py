"""What every reader promises, held by every reader in the registry.

`MUTATIONS` in the environment says how many damaged files every sample is made into, and the public samples together;
`make nightly` sets it.
"""

from __future__ import annotations

import io
import json
import os
import re
import resource
import signal
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import openpyxl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from gateway import formats
from gateway.errors import FileError, HouseError
from gateway.reader_process import MB
from gateway.reading import Envelope, Reading, ReadRequest
from gateway.settings import Limits
from tests.conftest import CORPUS
from tests.formats.workbook.books import ods, wide, xlsb

MUTATIONS = int(os.environ.get("MUTATIONS", "16"))
MEMORY_BYTES = Limits().memory_mb_max * MB
CPU_S_MAX = 20
"""Of processor time, like `limits.cpu_s_max`, whose default is for files of gigabytes: these have some kilobytes."""
Place = Callable[[bytes, str], str]
"""(bytes of the file, position) → the text that stands there."""


def line(content: bytes, position: str) -> str:
    codec = "utf-16" if content.startswith(b"\xff\xfe") else "utf-8"
    return re.split(r"\r\n|\r|\n", content.decode(codec))[int(position.removeprefix("line ")) - 1]


def segment(content: bytes, position: str) -> str:
    return re.split(r"[~']\n?", content.decode())[int(position.removeprefix("segment ")) - 1]


def sheet_row(content: bytes, position: str) -> str:
    title, _, cell = position.rpartition("!")
    row = openpyxl.load_workbook(io.BytesIO(content))[title][int(re.sub("[A-Z]+", "", cell))]
    return " ".join(str(one.value) for one in row)


def element(content: bytes, position: str) -> str:
    found = etree.fromstring(content).xpath(position)[0]  # the first of its name has no number
    return "".join(found.itertext())


def member(content: bytes, position: str) -> str:
    found = json.loads(content)
    for name, number in re.findall(r"\.(\w+)|\[(\d+)\]", position):
        found = found[name] if name else found[int(number)]
    return str(found)


def transaction(content: bytes, position: str) -> str:
    response, number = (int(found) for found in re.findall(r"\[(\d+)\]", position))
    return content.decode().split("<STMTTRNRS>")[response].split("<STMTTRN>")[number]


def json_line(content: bytes, position: str) -> str:
    number, _, path = position.removeprefix("line ").partition(" ")
    text = content.decode().split("\n")[int(number) - 1]
    return member(text.encode(), path) if path else text


@dataclass(frozen=True)
class Sample:
    """A file, how it is read, and where its rows stand. The column `seen` of a row is found at its position.

    rows, faults  how many of each there are
    units         how many parts can be claimed
    end           what a whole file ends with; None where a cut file looks whole
    """

    format: str
    content: bytes
    columns: tuple[str, ...]
    seen: str
    rows: int
    faults: int = 0
    each: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    place: Place | None = line
    units: int = 0
    end: bytes | None = None
    name: str = "a.txt"


def made(write: Callable[[Path], Path]) -> bytes:
    with TemporaryDirectory() as folder:
        return write(Path(folder) / "made").read_bytes()


def workbook() -> bytes:
    book = openpyxl.Workbook()
    assert book.active is not None
    for row in (["made today"], ["SKU", "Qty"], ["S-1", 5], ["S-2", "#N/A"], [], ["S-3", 7]):
        book.active.append(row)
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def u32(number: int) -> bytes:
    return number.to_bytes(4, "little")


XLSB = made(
    lambda path: xlsb(
        path,
        [
            [(7, 0, u32(0)), (6, 0, wide("Qty"))],
            [(6, 0, wide("S-1")), (2, 1, u32(5 << 2 | 2))],
            [(6, 0, wide("S-2")), (3, 0, b"\x2a")],
            [(8, 0, wide("S-3") + bytes(6)), (4, 0, b"\1")],
        ],
        strings=["SKU"],
        formats=["00000"],
        merged=[(1, 2, 0, 0)],
    )
)
CELL = '<table:table-cell office:value-type="string"><text:p>{}</text:p></table:table-cell>'
ODS = made(
    lambda path: ods(
        path,
        f"""<table:table table:name="S"><table:table-row>{CELL.format("SKU")}{CELL.format("Qty")}
</table:table-row><table:table-row table:number-rows-repeated="2">{CELL.format("S-1")}<table:table-cell
office:value-type="float" office:value="5"><text:p>5</text:p></table:table-cell></table:table-row><table:table-row>
<table:table-cell table:formula="of:=1+1"/></table:table-row></table:table>""",
    )
)
XLS = CORPUS / "xlsx" / "frictionless__table-with-booleans.xls"
TABLE = 'preamble\nSKU,Qty\nS-1,5\n"S-2\nb",6\nbad\n\nS-3,7\n'
COUNT = {"header": {"contains": ["SKU", "Qty"]}}
X12 = "~\n".join(
    [
        "ISA*00*          *00*          *ZZ*ACME           *ZZ*GATEWAY        *261101*1200*U*00401*000000007*0*P*>",
        "GS*SW*ACME*GATEWAY*20261101*1200*7*X*004010",
        "ST*945*0001",
        "W06*F*ORDER1*20261101*S1",
        "LX*1",
        "W12*CC*5*4*1*EA**VN*SKU-1",
        "LX*2",
        "W12*CC*2*2**EA**VN*SKU-3",
        "SE*7*0001",
        "ST*945*0002",
        "W06*F*ORDER2*20261101*S2",
        "LX*1",
        "W12*CC*3*3**EA**VN*SKU-4",
        "SE*5*0002",
        "GE*2*7",
        "IEA*1*000000007",
        "",
    ]
)
EDIFACT = "'\n".join(
    [
        "UNB+UNOC:3+4012345000009:14+4099999000003:14+261101:0600+77",
        "UNH+1+INVRPT:D:96A:UN",
        "BGM+35+STK1+9",
        "LIN+1++SKU-1:EN",
        "QTY+145:120",
        "LIN+2++SKU-2:EN",
        "QTY+145:7",
        "UNT+7+1",
        "UNH+2+INVRPT:D:96A:UN",
        "BGM+35+STK2+9",
        "LIN+1++SKU-3:EN",
        "QTY+145:4",
        "UNT+5+2",
        "UNZ+2+77",
        "",
    ]
)
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
:20:STMT2
:25:DE89370400440532013000
:28C:2/1
:60F:C261101EUR130,25
:61:2611011101D30,00NTRFREF-3//BANK3
:62F:C261101EUR100,25
-
"""
BAI2 = """01,122099999,123456789,261101,0200,1,,,2/
02,031001234,122099999,1,261101,2359,USD,2/
03,0123456789,USD,010,500000,,/
16,115,450000,,BREF-1,CREF-1,first/
16,475,50000,,BREF-2,CREF-2,second/
49,1000000,4/
03,0987654321,USD,010,100,,/
16,115,200,,BREF-3,CREF-3,third/
49,300,3/
98,1000300,2,9/
99,1000300,1,11/
"""
RESPONSE = """<STMTTRNRS><TRNUID>1<STATUS><CODE>0<SEVERITY>INFO</STATUS><STMTRS><CURDEF>USD
<BANKACCTFROM><BANKID>1<ACCTID>{0}<ACCTTYPE>CHECKING</BANKACCTFROM><BANKTRANLIST><DTSTART>20261001<DTEND>20261101
<STMTTRN><TRNTYPE>CREDIT<DTPOSTED>20261031<TRNAMT>5.00<FITID>F1-{0}<NAME>first</STMTTRN>
<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20261031<TRNAMT>-2.00<FITID>F2-{0}<NAME>second</STMTTRN>
</BANKTRANLIST><LEDGERBAL><BALAMT>3.00<DTASOF>20261101</LEDGERBAL></STMTRS></STMTTRNRS>
"""
OFX = f"""OFXHEADER:100
DATA:OFXSGML
VERSION:102
SECURITY:NONE
ENCODING:USASCII
CHARSET:1252
COMPRESSION:NONE
OLDFILEUID:NONE
NEWFILEUID:NONE

<OFX><SIGNONMSGSRSV1><SONRS><STATUS><CODE>0<SEVERITY>INFO</STATUS><DTSERVER>20261101<LANGUAGE>ENG</SONRS></SIGNONMSGSRSV1>
<BANKMSGSRSV1>{RESPONSE.format("A")}{RESPONSE.format("B")}</BANKMSGSRSV1></OFX>
"""
NEVER = rb"(?!)"
SAMPLES = {
    "delimited": Sample("delimited", TABLE.encode(), (), "SKU", 3, 1, options=COUNT),
    "delimited, the careful way": Sample(
        "delimited", TABLE.replace("\n", "\r").encode("utf-16"), (), "SKU", 3, 1, options={**COUNT, "comment": "#"}
    ),
    "fixed": Sample(
        "fixed",
        b"00B001\n10S-1   5\n10S-2\n\n10S-3   7\n90  2\n",
        (),
        "SKU",
        2,
        1,
        each="10",
        options={
            "tag": {"start": 1, "width": 2},
            "columns": [
                {"name": "Batch", "start": 3, "width": 4, "record": "00"},
                {"name": "SKU", "start": 3, "width": 5, "record": "10"},
                {"name": "Qty", "start": 8, "width": 2, "record": "10"},
                {"name": "Lines", "start": 3, "width": 3, "record": "90", "reach": "below"},
            ],
        },
    ),
    "workbook": Sample("workbook", workbook(), (), "SKU", 3, options=COUNT, place=sheet_row, end=NEVER, name="a.xlsx"),
    "workbook, xlsb": Sample(
        "workbook", XLSB, (), "SKU", 3, options={"merged": "fill"}, place=None, end=NEVER, name="a.xlsb"
    ),
    "workbook, ods": Sample("workbook", ODS, (), "SKU", 3, place=None, end=NEVER, name="a.ods"),
    "xml": Sample(
        "xml",
        b"<?xml version='1.0'?><D><H><Id>1</Id></H><S><N><A>S-1</A></N><N/></S><S><N><A x='1'>S-2</A></N></S></D>",
        ("A", "A/@x", "../../H/Id"),
        "A",
        3,
        each="//N",
        place=element,
        end=NEVER,
    ),
    "json": Sample(
        "json",
        b'{"id": 1, "p": [{"t": [{"a": "S-1"}, {"a": 1, "a": 2}, {"a": "S-2"}]}, {"t": [{"a": "S-3"}]}]}',
        ("a", "../../id"),
        "a",
        3,
        1,
        each="p/t",
        place=member,
        end=NEVER,
    ),
    "json, lines": Sample(
        "json",
        b'{"a": "S-1", "t": [1, 2]}\n{"a": \n\n{"t": [3], "a": "S-2"}\n',
        (".", "../a"),
        ".",
        3,
        1,
        each="t",
        options={"lines": True},
        place=json_line,
    ),
    "x12": Sample(
        "x12",
        X12.encode(),
        ("W12/08", "W06/02"),
        "W12/08",
        3,
        each="LX/W12",
        place=segment,
        units=2,
        end=rb"IEA\*1\*000000007~?\n?\Z",
    ),
    "edifact": Sample(
        "edifact",
        EDIFACT.encode(),
        ("LIN/03", "BGM/02"),
        "LIN/03",
        3,
        each="LIN",
        place=segment,
        units=2,
        end=rb"UNZ\+2\+77'?\n?\Z",
    ),
    "mt940": Sample(
        "mt940",
        MT940.encode(),
        (":61/reference", ":25"),
        ":61/reference",
        3,
        each=":61",
        units=2,
        end=rb":62F:C261101EUR1[30]0,25[\n-]*\Z",
    ),
    "bai2": Sample(
        "bai2",
        BAI2.encode(),
        ("16/customer_reference", "03/account"),
        "16/customer_reference",
        3,
        each="16",
        units=2,
        end=rb"99,1000300,1,11/?\n?\Z",
    ),
    "ofx": Sample(
        "ofx",
        OFX.encode(),
        ("FITID", "CURDEF"),
        "FITID",
        4,
        each="STMTTRN",
        place=transaction,
        units=2,
        end=rb"</OFX>\n?\Z",
    ),
}
if XLS.exists():
    SAMPLES["workbook, xls"] = Sample("workbook", XLS.read_bytes(), (), "id", 2, place=None, end=None, name="a.xls")
INTERCHANGES = [name for name, sample in SAMPLES.items() if sample.units]


def test_every_reader_has_a_sample_here() -> None:
    assert {sample.format for sample in SAMPLES.values()} == set(formats.FORMATS)
    assert {SAMPLES[name].format for name in INTERCHANGES} == set(filter(formats.interchange_of, formats.FORMATS))


# --- what holds for every reading ---------------------------------------------------------------------


def request(path: Path, sample: Sample, content: bytes | None = None, **more: Any) -> ReadRequest:
    formats.forget()
    path.write_bytes(sample.content if content is None else content)
    return ReadRequest(
        path,
        sample.name,
        **{"limits": Limits(), "options": sample.options, "each": sample.each, "columns": sample.columns} | more,
    )


def read(asked: ReadRequest, sample: Sample) -> Reading:
    return formats.named(sample.format).read(asked)


def units(asked: ReadRequest, sample: Sample) -> Envelope:
    """The parts of the file; it is the one part itself where it has none."""
    if not sample.units:
        return Envelope(())
    interchange = formats.interchange_of(sample.format)
    assert interchange is not None
    found = interchange.units(asked)
    assert [unit.ordinal for unit in found.units] == list(range(len(found.units)))
    assert all(unit.position for unit in found.units)
    return found


def outcome(reading: Reading) -> tuple[list[dict[str, Any]], list[Any]]:
    """Rows and faults, and whatever holds for every reading."""
    rows: list[dict[str, Any]] = []
    for batch in reading:
        assert batch.schema == reading.schema
        assert batch.num_rows > 0
        batch.validate(full=True)
        rows += batch.to_pylist()
    assert all(field.type == pa.utf8() for field in list(reading.schema)[3:])
    assert [row["_ordinal"] for row in rows] == list(range(len(rows)))
    assert all(row["_position"] for row in rows)
    rejected = [fault for fault in reading.faults if fault.code == "ROW_REJECT"]
    assert reading.received == len(rows) + len(rejected)
    assert all(fault.message and fault.hint and fault.position and fault.row for fault in rejected)
    return rows, reading.faults


samples = pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES)
interchanges = pytest.mark.parametrize("sample", [SAMPLES[name] for name in INTERCHANGES], ids=INTERCHANGES)


@samples
def test_the_same_bytes_give_the_same_rows(sample: Sample, tmp_path: Path) -> None:
    first = outcome(read(request(tmp_path / "a", sample), sample))
    assert (len(first[0]), len(first[1])) == (sample.rows, sample.faults)
    assert outcome(read(request(tmp_path / "b", sample), sample)) == first
    assert set(sample.columns) <= set(read(request(tmp_path / "c", sample), sample).columns)


@samples
def test_a_row_stands_where_its_position_says(sample: Sample, tmp_path: Path) -> None:
    rows, faults = outcome(read(request(tmp_path / "a", sample), sample))
    if sample.place is None:
        assert len({row["_position"] for row in rows} | {fault.position for fault in faults}) == len(rows) + len(faults)
        return
    for row in rows:
        assert re.split(r"[\r\n]", row[sample.seen] or "")[0] in sample.place(sample.content, row["_position"])
    for fault in faults if sample.place is line else ():
        assert sample.place(sample.content, fault.position) == next(iter(fault.row.values()))


@samples
def test_what_its_bytes_look_like_is_recognised(sample: Sample) -> None:
    assert formats.named(sample.format).sniff(sample.content[:4096], sample.name)


@samples
def test_a_file_beyond_a_limit_is_refused_with_a_hint(sample: Sample, tmp_path: Path) -> None:
    bounds = {"file_bytes_max": 1, "rows_per_file_max": 1} | ({"faults_per_file_max": 0} if sample.faults else {})
    for bound, value in bounds.items():
        with pytest.raises(FileError, match=bound) as caught:
            outcome(read(request(tmp_path / "a", sample, limits=Limits(**{bound: value})), sample))
        assert caught.value.hint


@samples
def test_an_empty_file_is_refused(sample: Sample, tmp_path: Path) -> None:
    with pytest.raises(FileError) as caught:
        outcome(read(request(tmp_path / "a", sample, b""), sample))
    assert caught.value.cause
    assert caught.value.hint


@samples
def test_options_that_it_does_not_know_are_reported(sample: Sample) -> None:
    with pytest.raises(HouseError, match="colour"):
        formats.check_options(formats.named(sample.format), {**sample.options, "colour": "red"}, sample.format)


@pytest.mark.parametrize("sample", [one for one in SAMPLES.values() if one.columns], ids=lambda one: one.format)
def test_a_column_that_is_no_path_is_reported(sample: Sample, tmp_path: Path) -> None:
    with pytest.raises(HouseError) as caught:
        outcome(read(request(tmp_path / "a", sample, columns=("[",)), sample))
    assert caught.value.hint


@interchanges
def test_units_are_read_by_their_ordinals(sample: Sample, tmp_path: Path) -> None:
    asked = request(tmp_path / "a", sample)
    found = units(asked, sample)
    assert len(found.units) == sample.units
    assert found.faults == ()
    assert all(unit.kind and not unit.faults for unit in found.units)
    rows, _ = outcome(read(asked, sample))
    assert {row["_unit"] for row in rows} == set(range(sample.units))

    def texts(some: list[dict[str, Any]]) -> list[Any]:
        return [[row["_position"], row["_unit"], *(row[column] for column in sample.columns)] for row in some]

    for wanted in ({0}, {1}, {0, 1}, set()):
        chosen, _ = outcome(read(request(tmp_path / "a", sample, units=frozenset(wanted)), sample))
        assert texts(chosen) == texts([row for row in rows if row["_unit"] in wanted])


@pytest.mark.parametrize(
    "sample", [one for one in SAMPLES.values() if one.end is not None], ids=lambda one: one.name + one.format
)
def test_a_file_that_is_cut_off_is_never_taken_for_a_whole_one(sample: Sample, tmp_path: Path) -> None:
    assert sample.end is not None
    for length in range(1, len(sample.content), max(1, len(sample.content) // 60)):
        content = sample.content[:length]
        if re.search(sample.end, content):
            continue
        asked = request(tmp_path / "a", sample, content)
        try:
            envelope = units(asked, sample)
            _, faults = outcome(read(asked, sample))
        except FileError as error:
            assert error.hint
            continue
        of_units = [fault for unit in envelope.units for fault in unit.faults]
        assert [*of_units, *envelope.faults, *faults[sample.faults :]], content


# --- damaged files ------------------------------------------------------------------------------------

TOKENS = [
    b'"',
    b"'",
    b"\n",
    b"\r",
    b"\r\n",
    b"<",
    b">",
    b"&#0;",
    b"<!DOCTYPE x>",
    b"~",
    b"*",
    b"+",
    b":",
    b"?",
    b",",
    b"/",
    b"\0",
    b"\x1a",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b"\x85",
    b"{",
    b"}",
    b"[",
    b"]",
    b"\\ud800",
    b"-1",
    b"0",
    b"99999999999999999999",
    b"4294967295",
    b"1e999999",
    b"1e-9",
    b"NaN",
    b"\xf0\x9f\x98\x80",
]
place = st.floats(0, 1)
change = st.one_of(
    st.tuples(st.just("put"), place, st.integers(0, 6), st.binary(max_size=4) | st.sampled_from(TOKENS)),
    st.tuples(st.just("repeat"), place, st.integers(1, 80), st.integers(1, 50)),
    st.tuples(st.just("move"), place, st.integers(1, 80), place),
    st.tuples(st.just("end"), place, st.just(0), st.just(0)),
)


def changed(content: bytes, changes: list[tuple[str, float, int, Any]]) -> bytes:
    for kind, where, length, what in changes:
        at = int(where * len(content))
        piece, rest = content[at : at + length], content[:at] + content[at + length :]
        if kind == "put":
            content = rest[:at] + what + rest[at:]
        elif kind == "repeat":
            content = content[:at] + piece * what + content[at:]
        elif kind == "move":
            to = int(what * len(rest))
            content = rest[:to] + piece + rest[to:]
        else:
            content = content[:at]
    return content


def damaged(content: bytes, changes: list[tuple[str, float, int, Any]], part: float) -> bytes:
    """The file with these changes, or with them in one part of its zip, which then has true checksums."""
    if not content.startswith(b"PK") or part < 0.2:
        return changed(content, changes)
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as archive, zipfile.ZipFile(target, "w") as made_:
        names = archive.namelist()
        chosen = names[min(int((part - 0.2) / 0.8 * len(names)), len(names) - 1)]
        for name in names:
            data = archive.read(name)
            made_.writestr(name, changed(data, changes) if name == chosen else data)
    return target.getvalue()


@contextmanager
def bounded() -> Iterator[None]:
    """Ends what takes too long, and refuses the memory that no reader may take, as the process that reads does."""

    def hangs(*_: Any) -> None:
        pytest.fail(f"nothing came of it in {CPU_S_MAX} s of processor time")

    # The first allocation of a process reserves more than any reader takes.
    pa.allocate_buffer(1 << 20)
    data = int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_DATA)
    handler = signal.signal(signal.SIGPROF, hangs)
    signal.setitimer(signal.ITIMER_PROF, CPU_S_MAX)
    resource.setrlimit(resource.RLIMIT_DATA, (data + MEMORY_BYTES, before[1]))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, handler)
        resource.setrlimit(resource.RLIMIT_DATA, before)


def result(path: Path, sample: Sample, content: bytes) -> Any:
    """What a reader makes of a file: its units, rows and faults, or why it refuses it."""
    asked = request(path, sample, content)
    try:
        envelope = units(asked, sample)
        rows, faults = outcome(read(asked, sample))
    except HouseError as error:
        assert error.hint
        assert error.cause
        return str(error)
    assert not sample.units or {row["_unit"] for row in rows} <= {unit.ordinal for unit in envelope.units}
    for fault in (*envelope.faults, *(fault for unit in envelope.units for fault in unit.faults)):
        assert fault.message
        assert fault.hint
    return envelope, rows, faults


@samples
@settings(max_examples=MUTATIONS, deadline=None, suppress_health_check=list(HealthCheck))
@given(changes=st.lists(change, min_size=1, max_size=4), part=place)
def test_damaged_files_are_read_or_refused_and_never_break_the_reader(
    sample: Sample, changes: list[tuple[str, float, int, Any]], part: float, tmp_path: Path
) -> None:
    content = damaged(sample.content, changes, part)
    with bounded():
        assert result(tmp_path / "a", sample, content) == result(tmp_path / "a", sample, content)
