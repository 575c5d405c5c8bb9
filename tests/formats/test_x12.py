from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.config import Limits
from gateway.errors import FileError, GatewayError
from gateway.formats import forget, x12
from gateway.formats.contract import ReadRequest

ISA = "ISA*00*          *00*          *ZZ*ACME           *ZZ*GATEWAY        *261101*1200*U*00401*000000007*0*P*>"
BODY = [
    "GS*SW*ACME*GATEWAY*20261101*1200*7*X*004010", "ST*945*0001", "W06*F*ORDER1*20261101*S1", "N1*SF*East*92*E1",
    "N1*ST*Jane*92*C9", "LX*1", "W12*CC*5*4*1*EA**VN*SKU-1", "N9*LT*LOT7", "W12*CC*1*1**EA**VN*SKU-2",
    "LX*2", "W12*CC*2*2**EA**VN*SKU-3", "W03*7", "SE*12*0001", "GE*1*7", "IEA*1*000000007",
]  # fmt: skip


def write(path: Path, segments: list[str], terminator: str = "~\n", element: str = "*") -> ReadRequest:
    text = terminator.join(segments) + terminator
    path.write_bytes(text.replace("*", element).encode())
    return ReadRequest(path, path.name, Limits())


def rows(request: ReadRequest, each: str, *columns: str) -> list[dict[str, Any]]:
    reading = x12.read(ReadRequest(request.path, request.name, request.limits, {}, each, columns))
    return [row for batch in reading for row in batch.to_pylist()]


@pytest.mark.parametrize(
    ("terminator", "element"), [("~", "*"), ("~\r\n", "|"), ("\n", "*"), ("\x15", "+"), ("'", "^")]
)
def test_loops_inherit_and_never_leak(tmp_path: Path, terminator: str, element: str) -> None:
    request = write(tmp_path / "a.edi", [ISA, *BODY], terminator, element)
    found = rows(request, "LX/W12", "W06/02", "LX/01", "W12/08", "N9[LT]/02", "N1[ST]/04", "W03/01", "ISA/13", "W12/04")
    assert [list(row.values())[3:] for row in found] == [
        ["ORDER1", "1", "SKU-1", "LOT7", "C9", "7", "000000007", "1"],
        ["ORDER1", "1", "SKU-2", None, "C9", "7", "000000007", ""],
        ["ORDER1", "2", "SKU-3", None, "C9", "7", "000000007", ""],
    ]
    assert [row["_position"] for row in found] == ["segment 8", "segment 10", "segment 12"]


def test_units_and_counts(tmp_path: Path) -> None:
    envelope = x12.units(write(tmp_path / "a.edi", [ISA, *BODY]))
    [unit] = envelope.units
    assert (unit.kind, unit.sender, unit.version, unit.interchange, unit.faults) == (
        "945", "ZZ/ACME", "004010", "000000007", (),
    )  # fmt: skip
    assert envelope.faults == ()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ((13, "SE*99*0001"), "SE01 says 99"),
        ((13, "SE*12*0002"), "SE02 is 0002, ST02 is 0001"),
        ((14, "GE*2*7"), "GE01 says 2 sets, there are 1"),
        ((14, "GE*1*8"), "GE02 is 8, GS06 is 7"),
        ((15, "IEA*3*000000007"), "IEA01 says 3 groups, there are 1"),
        ((15, "IEA*1*000000008"), "IEA02 is 000000008, ISA13 is 000000007"),
    ],
)
def test_wrong_counts_are_told(tmp_path: Path, change: tuple[int, str], message: str) -> None:
    segments = [ISA, *BODY]
    segments[change[0]] = change[1]
    envelope = x12.units(write(tmp_path / "a.edi", segments))
    told = [fault.message for unit in envelope.units for fault in unit.faults] + [f.message for f in envelope.faults]
    assert any(message in text for text in told)


def test_a_cut_off_interchange(tmp_path: Path) -> None:
    request = write(tmp_path / "a.edi", [ISA, *BODY])
    whole = request.path.read_bytes()
    request.path.write_bytes(whole[: whole.find(b"SKU-3")])
    envelope = x12.units(request)
    assert {"SE is missing" in fault.message for fault in envelope.units[0].faults} == {True}
    assert any("IEA is missing" in fault.message for fault in envelope.faults)


def test_several_interchanges_with_other_delimiters(tmp_path: Path) -> None:
    first = write(tmp_path / "a.edi", [ISA, *BODY]).path.read_bytes()
    second = write(tmp_path / "b.edi", [ISA, *BODY], "\n", "|").path.read_bytes()
    (tmp_path / "c.edi").write_bytes(first + b"\r\n" + second)
    request = ReadRequest(tmp_path / "c.edi", "c.edi", Limits())
    assert [unit.ordinal for unit in x12.units(request).units] == [0, 1]
    assert [row["_unit"] for row in rows(request, "LX/W12", "W12/08")] == [0, 0, 0, 1, 1, 1]


def test_not_x12(tmp_path: Path) -> None:
    (tmp_path / "a.edi").write_bytes(b"UNB+UNOA:1")
    with pytest.raises(FileError, match="ISA"):
        x12.units(ReadRequest(tmp_path / "a.edi", "a.edi", Limits()))


def test_a_path_that_is_none_shows_the_syntax(tmp_path: Path) -> None:
    with pytest.raises(GatewayError, match="W12/08"):
        rows(write(tmp_path / "a.edi", [ISA, *BODY]), "LX/W12", "W12.08")


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 400), st.binary(max_size=3))
def test_mutations_are_read_or_refused(tmp_path: Path, place: int, put: bytes) -> None:
    path = tmp_path / "m.edi"
    whole = ("~\n".join([ISA, *BODY]) + "~\n").encode()
    path.write_bytes(whole[:place] + put + whole[place + 1 :])
    request = ReadRequest(path, "m.edi", Limits())
    forget()
    try:
        x12.units(request)
        rows(request, "LX/W12", "W12/08", "N1[SF]/04")
    except GatewayError as error:
        assert str(error)
