from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.errors import FileError, HouseError
from gateway.formats import forget
from gateway.formats.edi import x12
from gateway.reading import Envelope, ReadRequest
from gateway.settings import Limits
from tests.conftest import case

ISA = "ISA*00*          *00*          *ZZ*ACME           *ZZ*GATEWAY        *261101*1200*U*00401*000000007*0*P*>"
BODY = [
    "GS*SW*ACME*GATEWAY*20261101*1200*7*X*004010",
    "ST*945*0001",
    "W06*F*ORDER1*20261101*S1",
    "N1*SF*East*92*E1",
    "N1*ST*Jane*92*C9",
    "LX*1",
    "W12*CC*5*4*1*EA**VN*SKU-1",
    "N9*LT*LOT7",
    "W12*CC*1*1**EA**VN*SKU-2",
    "LX*2",
    "W12*CC*2*2**EA**VN*SKU-3",
    "W03*7",
    "SE*12*0001",
    "GE*1*7",
    "IEA*1*000000007",
]


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
        "945",
        "ZZ/ACME",
        "004010",
        "000000007",
        (),
    )
    assert envelope.faults == ()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ((13, "SE*99*0001"), "SE01 states 99"),
        ((13, "SE*12*0002"), "SE02 is 0002, ST02 is 0001"),
        ((14, "GE*2*7"), "GE01 states 2 sets, there are 1"),
        ((14, "GE*1*8"), "GE02 is 8, GS06 is 7"),
        ((15, "IEA*3*000000007"), "IEA01 states 3 groups, there are 1"),
        ((15, "IEA*1*000000008"), "IEA02 is 000000008, ISA13 is 000000007"),
    ],
)
def test_wrong_counts_are_reported(tmp_path: Path, change: tuple[int, str], message: str) -> None:
    segments = [ISA, *BODY]
    segments[change[0]] = change[1]
    envelope = x12.units(write(tmp_path / "a.edi", segments))
    faults = [*envelope.faults, *(fault for unit in envelope.units for fault in unit.faults)]
    assert any(message in fault.message for fault in faults)


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
    with pytest.raises(HouseError, match="W12/08"):
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
    except HouseError as error:
        assert str(error)


# --- what senders do -----------------------------------------------------------------------------------------


def content(path: Path, data: bytes) -> ReadRequest:
    forget()
    path.write_bytes(data)
    return ReadRequest(path, path.name, Limits())


def reported(envelope: Envelope) -> list[str]:
    return [fault.message for unit in envelope.units for fault in unit.faults] + [f.message for f in envelope.faults]


def text(*segments: str, terminator: str = "~") -> bytes:
    return "".join(segment + terminator for segment in segments).encode()


WHOLE = text(ISA, *BODY)
SKUS = ["SKU-1", "SKU-2", "SKU-3"]


@pytest.mark.parametrize("codec", ["cp037", "cp500"])
@pytest.mark.parametrize("terminator", [b"\x15", b"\x25", "~".encode("cp037")])
def test_ebcdic(tmp_path: Path, codec: str, terminator: bytes) -> None:
    data = WHOLE.decode().replace("East", "Süd!").encode(codec).replace("~".encode(codec), terminator)
    request = content(tmp_path / "a.edi", data)
    assert x12.sniff(data[:4096], "a.edi")
    assert reported(x12.units(request)) == []
    reading = x12.read(ReadRequest(request.path, "a", Limits(), {"encoding": codec}, "LX/W12", ("W12/08", "N1[SF]/02")))
    assert [list(row.values())[3:] for batch in reading for row in batch.to_pylist()] == [[s, "Süd!"] for s in SKUS]


@pytest.mark.parametrize("width", [40, 80, 106, 107, 108])
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_lines_of_one_width(tmp_path: Path, width: int, line_end: bytes) -> None:
    lines = [WHOLE[n : n + width] for n in range(0, len(WHOLE), width)]
    request = content(tmp_path / "a.edi", line_end.join(lines) + line_end)
    assert reported(x12.units(request)) == []
    assert [row["W12/08"] for row in rows(request, "LX/W12", "W12/08")] == SKUS


@pytest.mark.parametrize("terminator", ["\x1c", "\x1d", "\r\n", "\r", "\x85"])
def test_terminators(tmp_path: Path, terminator: str) -> None:
    data = WHOLE.decode().replace("~", terminator).replace("East", "Süd").encode("latin-1")
    request = content(tmp_path / "a.edi", data)
    assert reported(x12.units(request)) == []
    found = rows(request, "LX/W12", "W12/08", "N1[SF]/02")
    assert [(row["W12/08"], row["N1[SF]/02"]) for row in found] == [(sku, "Süd") for sku in SKUS]


PADDED = {
    "a blank before each terminator": WHOLE.replace(b"~", b" ~"),
    "blanks behind each terminator": WHOLE.replace(b"~", b"~      "),
    "records of 80 bytes": b"".join(
        part.ljust(-(-len(part) // 80) * 80) for part in WHOLE.replace(b"~", b"~\0").split(b"\0")
    ),
    "blanks, then a line end as terminator": WHOLE.replace(b"~", b"   \r\n"),
    "a line end behind each terminator": WHOLE.replace(b"~", b" ~ \r\n"),
    "each terminator twice": WHOLE.replace(b"~", b"~~"),
    "a terminator of two bytes": WHOLE.decode().replace("~", "§").replace("East", "Süç").encode(),
}


@pytest.mark.parametrize("data", PADDED.values(), ids=PADDED)
@pytest.mark.parametrize("encoding", ["", "cp037", "utf-16"])
def test_what_is_filled_up_around_terminators(tmp_path: Path, data: bytes, encoding: str) -> None:
    if encoding:
        data = data.decode().replace("\r\n", "\x85" if encoding == "cp037" else "\r\n").encode(encoding)
    request = content(tmp_path / "a.edi", data)
    assert x12.sniff(data[:4096], "a.edi")
    assert reported(x12.units(request)) == []
    assert [row["W12/08"].strip() for row in rows(request, "LX/W12", "W12/08")] == SKUS


def test_a_terminator_of_two_bytes_is_found_at_the_border_of_what_was_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = PADDED["a terminator of two bytes"]
    for size in range(len(data) - 20, len(data)):
        monkeypatch.setattr("gateway.formats.edi.octets.HEADER_BYTES", size)
        forget()
        assert reported(x12.units(content(tmp_path / "a.edi", data))) == []


def test_a_blank_before_the_terminator_of_the_isa() -> None:
    request = ReadRequest(case("edi-71-x12-blank-before-terminator") / "in.edi", "a.edi", Limits())
    assert reported(x12.units(request)) == []
    assert [row["PO1/07"] for row in rows(request, "PO1", "PO1/07")] == ["ABC-1", "ABC-2"]


WITHOUT_ISA16 = ISA[:-1]
ODD_ISAS = [
    ISA.replace("          ", ""),  # blanks trimmed
    ISA.replace("ACME           ", "ACME"),
    ISA.replace("GATEWAY        ", "GATEWAY AND SOME MORE   "),
    WITHOUT_ISA16,
    ISA[:-1] + "U",  # no component separator in use
]


@pytest.mark.parametrize(
    ("isa", "terminator"),
    # Without ISA16 and with a line end as terminator nothing would show where the ISA ends.
    [(i, t) for i in ODD_ISAS for t in ("~", "~\r\n", "\n") if (i, t) != (WITHOUT_ISA16, "\n")],
)
def test_an_isa_of_wrong_widths_still_serves(tmp_path: Path, isa: str, terminator: str) -> None:
    request = content(tmp_path / "a.edi", text(isa, *BODY, terminator=terminator))
    assert reported(x12.units(request)) == []
    assert [row["W12/08"] for row in rows(request, "LX/W12", "W12/08")] == SKUS


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty"),
        (text("ISA*00*too*short"), "fewer than 16 elements"),
        (WHOLE.replace(b"*", b"\n"), "a line ends behind ISA"),
        (text(ISA.replace("*ZZ*", "*"), *BODY), "no GS, TA1 or IEA follows"),
        (ISA.encode(), "ends within the ISA"),
        (WHOLE + b"and more", 'begins with ISA, found "and more"'),
        (WHOLE.replace(b"*", b"\xa6"), "not an ASCII character"),
    ],
)
def test_what_is_no_interchange_is_refused(tmp_path: Path, data: bytes, message: str) -> None:
    request = content(tmp_path / "a.edi", data)
    with pytest.raises(FileError) as error:
        x12.units(request)
    assert message in (error.value.cause or "")
    assert error.value.hint


def test_an_isa16_that_is_the_element_separator_means_no_components(tmp_path: Path) -> None:
    request = content(tmp_path / "a.edi", text(ISA[:-1] + "*", *BODY))
    assert reported(x12.units(request)) == []
    assert [row["W12/08"] for row in rows(request, "LX/W12", "W12/08")] == SKUS


def test_the_last_terminator_may_be_left_out(tmp_path: Path) -> None:
    for end in (b"", b"\r\n", b"\x1a"):
        assert reported(x12.units(content(tmp_path / "a.edi", WHOLE[:-1] + end))) == []


def test_components_and_repetitions(tmp_path: Path) -> None:
    isa = ISA.replace("*U*00401*", "*^*00501*")
    body = [BODY[0], "ST*837*1", "SV1*HC>99213>25^HC>2*x>y", "HI*BK>1^BF>2>3", "SE*4*1", "GE*1*7", BODY[-1]]
    request = content(tmp_path / "a.edi", text(isa, *body))
    [row] = rows(
        request,
        "ST",
        "SV1/01",
        "SV1/01-2",
        "SV1/01*2",
        "SV1/01*2-2",
        "SV1/01*3",
        "SV1/02",
        "HI/01*2-3",
        "HI[01-1=BK]/01-2",
        "HI[BK>1^BF>2>3]/01-1",
    )
    assert list(row.values())[3:] == ["HC>99213>25^HC>2", "99213", "HC>2", "2", "", "x>y", "3", "1", "BK"]
    [older] = rows(content(tmp_path / "a.edi", text(ISA, *body)), "ST", "SV1/01-3", "SV1/01*2")
    assert list(older.values())[3:] == ["25^HC", ""]  # before 00402 there are no repetitions


def test_interchange_acknowledgements_are_units(tmp_path: Path) -> None:
    segments = [ISA, "TA1*000000009*261101*1200*A*000", "TA1*000000010*261101*1200*R*006", *BODY]
    request = content(tmp_path / "a.edi", text(*segments))
    envelope = x12.units(request)
    assert [(u.ordinal, u.kind, u.control, u.sender) for u in envelope.units] == [
        (0, "TA1", "000000009", "ZZ/ACME"),
        (1, "TA1", "000000010", "ZZ/ACME"),
        (2, "945", "0001", "ZZ/ACME"),
    ]
    assert reported(envelope) == []
    found = rows(request, "TA1", "TA1/01", "TA1/04", "ISA/06", "W06/02")
    assert [list(row.values())[2:] for row in found] == [
        [0, "000000009", "A", "ACME           ", None],
        [1, "000000010", "R", "ACME           ", None],
    ]
    assert [row["_unit"] for row in rows(request, "LX/W12", "W12/08")] == [2, 2, 2]


def test_ta1_alone(tmp_path: Path) -> None:
    envelope = x12.units(content(tmp_path / "a.edi", text(ISA, "TA1*000000009*261101*1200*A*000", "IEA*0*000000007")))
    assert ([unit.kind for unit in envelope.units], reported(envelope)) == (["TA1"], [])


@pytest.mark.parametrize("kind", ["997", "999"])
def test_functional_acknowledgements(tmp_path: Path, kind: str) -> None:
    body = [
        "GS*FA*A*B*20261101*1200*7*X*005010",
        f"ST*{kind}*1",
        "AK1*SW*7",
        "AK2*945*1",
        "AK5*A",
        "AK2*945*2",
        "AK5*R*5",
        "AK9*P*2*2*1",
        "SE*8*1",
        "GE*1*7",
        BODY[-1],
    ]
    request = content(tmp_path / "a.edi", text(ISA, *body))
    assert [(unit.kind, unit.version) for unit in x12.units(request).units] == [(kind, "005010")]
    found = rows(request, "AK2", "AK1/02", "AK2/02", "AK5/01", "AK9/01")
    assert [list(row.values())[3:] for row in found] == [["7", "1", "A", "P"], ["7", "2", "R", "P"]]


@pytest.mark.parametrize(
    ("segment", "hexadecimal"),
    [
        ("BIN*9*a~b*IEA*1", "BIN/02"),
        ("BIN*5*\r\n~\r\n", "BIN/02"),
        ("BDS*AMC*9*~~IEA*1~~", "BDS/03"),
        ("BIN*0*", "BIN/02"),
    ],
)
@pytest.mark.parametrize("line_end", ["", "\r\n"])
def test_binary_data_may_hold_delimiters(tmp_path: Path, segment: str, hexadecimal: str, line_end: str) -> None:
    body = [BODY[0], "ST*841*1", "SPI*00", segment, "N1*ST*behind", "SE*5*1", "GE*1*7", BODY[-1]]
    data = text(ISA, *body, terminator="~" + line_end)
    request = content(tmp_path / "a.edi", data + data.replace(b"000000007", b"000000008"))
    assert reported(x12.units(request)) == []
    found = rows(request, "ST", hexadecimal, "N1[ST]/02", "SPI/01")
    binary = segment.split("*", 2 if hexadecimal == "BIN/02" else 3)[-1]
    assert [list(row.values())[3:] for row in found] == [[binary.encode().hex(), "behind", "00"]] * 2


@pytest.mark.parametrize("length", ["11a", "3", "999999999", "", "9" * 5000])
def test_binary_data_of_untrue_length_set_their_set_aside(tmp_path: Path, length: str) -> None:
    good = ["ST*841*2", "SPI*00", "SE*3*2"]
    body = [BODY[0], "ST*841*1", f"BIN*{length}*BINARY DATA", "SE*3*1", *good, "GE*2*7", BODY[-1]]
    envelope = x12.units(content(tmp_path / "a.edi", text(ISA, *body)))
    assert [len(unit.faults) for unit in envelope.units] == [1, 0]
    assert "the segment does not end after that many bytes" in reported(envelope)[0]


def test_hierarchical_loops_end_with_their_parent(tmp_path: Path) -> None:
    body = [
        BODY[0].replace("GS*SW", "GS*SH"),
        "ST*856*1",
        "HL*1**S",
        "REF*BM*B1",
        "HL*2*1*O",
        "PRF*PO1",
        "HL*3*2*I",
        "LIN**VN*A",
        "HL*4*2*I",
        "LIN**VN*B",
        "HL*5**S",
        "HL*6*5*I",
        "LIN**VN*C",
        "SE*13*1",
        "GE*1*7",
        BODY[-1],
    ]
    request = content(tmp_path / "a.edi", text(ISA, *body))
    assert reported(x12.units(request)) == []
    found = rows(request, "HL[03=S]/HL[03=O]/HL[03=I]", "LIN/03", "PRF/01", "REF[BM]/02", "HL/01")
    assert [list(row.values())[3:] for row in found] == [
        ["A", "PO1", "B1", "3"],
        ["B", "PO1", "B1", "4"],
        ["C", None, None, "6"],
    ]


@pytest.mark.parametrize(
    ("wrong", "right", "message"),
    [
        ("GE*1*7~", "", "group 7: GE is missing"),
        ("GS*SW*ACME*GATEWAY*20261101*1200*7*X*004010~", "", "GE ends a group that did not begin"),
        ("ST*945*0001~", "", "SE ends a set that did not begin"),
        ("SE*12*0001~", "SE*12*0001~N1*ST*x~", 'segment "N1" is outside any set'),
        ("IEA*1*000000007~", "", "interchange 000000007: IEA is missing"),
        ("IEA*1*000000007~", "IEA*1*8~", "IEA02 is 8, ISA13 is 000000007"),
        ("GE*1*7~", "GE*1*70~", "GE02 is 70, GS06 is 7"),
        ("SE*12*0001~", "SE*12*1~", "SE02 is 1, ST02 is 0001"),  # ST02 is no number but text
    ],
)
def test_what_is_wrong_around_the_sets_is_reported(tmp_path: Path, wrong: str, right: str, message: str) -> None:
    envelope = x12.units(content(tmp_path / "a.edi", WHOLE.decode().replace(wrong, right).encode()))
    assert any(message in text for text in reported(envelope))


def test_control_numbers_are_compared_as_numbers(tmp_path: Path) -> None:
    data = WHOLE.decode().replace("IEA*1*000000007~", "IEA*001*7~").replace("*7*X*", "*000007*X*").encode()
    assert reported(x12.units(content(tmp_path / "a.edi", data))) == []
    twice = data + WHOLE.replace(b"*000000007*0*P", b"*7        *0*P")
    assert reported(x12.units(content(tmp_path / "a.edi", twice))) == [
        "interchange 7 of ZZ/ACME occurs twice in this file"
    ]
    assert x12.units(ReadRequest(case("edi-76-x12-leading-zeros") / "in.edi", "a.edi", Limits())).faults == ()


def test_of_two_sets_with_one_number_the_later_is_set_aside(tmp_path: Path) -> None:
    one = text(*BODY[1:13]).decode()
    data = WHOLE.decode().replace("GE*1*", one + "GE*2*").encode()
    envelope = x12.units(content(tmp_path / "a.edi", data))
    [second] = envelope.units[1].faults
    assert (envelope.units[0].faults, envelope.faults) == ((), ())
    assert (second.message, second.column) == ("set 945 0001: ST02 0001 occurs twice in group 7", "ST02")
    # In a group of its own the number may come again.
    other = WHOLE.decode().replace("IEA*1*", text(*BODY[:-1]).decode().replace("*7", "*8") + "IEA*2*").encode()
    assert reported(x12.units(content(tmp_path / "a.edi", other))) == []
    groups = other.replace(b"*1200*8*", b"*1200*07*").replace(b"GE*1*8", b"GE*1*7")
    [twice] = x12.units(content(tmp_path / "a.edi", groups)).faults
    assert (twice.message, twice.column) == ("group 07: GS06 07 occurs twice in interchange 000000007", "GS06")


def test_a_broken_set_is_set_aside_and_its_neighbours_go_on(tmp_path: Path) -> None:
    other = text(*BODY[1:13]).decode().replace("0001", "0002").replace("SE*12", "SE*11")
    third = other.replace("0002", "0003").replace("SE*11*0003~", "")
    data = WHOLE.decode().replace("GE*1*", other + third + "GE*3*").encode()
    request = content(tmp_path / "a.edi", data)
    envelope = x12.units(request)
    assert [len(unit.faults) for unit in envelope.units] == [0, 1, 1]
    assert envelope.faults == ()
    good = frozenset(unit.ordinal for unit in envelope.units if not unit.faults)
    reading = x12.read(ReadRequest(request.path, "a", Limits(), {}, "LX/W12", ("W12/08",), good))
    assert [row["W12/08"] for batch in reading for row in batch.to_pylist()] == SKUS


def test_empty_interchanges_and_groups(tmp_path: Path) -> None:
    empty = text(ISA, "IEA*0*000000007")
    assert x12.units(content(tmp_path / "a.edi", empty)) == Envelope(())
    group = text(ISA, BODY[0], "GE*0*7", "IEA*1*000000007")
    assert x12.units(content(tmp_path / "a.edi", group)) == Envelope(())


def test_the_same_interchange_twice_is_reported(tmp_path: Path) -> None:
    assert reported(x12.units(content(tmp_path / "a.edi", WHOLE + WHOLE))) == [
        "interchange 000000007 of ZZ/ACME occurs twice in this file"
    ]


words = st.text(alphabet=st.sampled_from("AB1 ü'"), max_size=4)
bodies = st.lists(st.tuples(st.sampled_from(["N1", "REF", "W12"]), st.lists(words, min_size=1, max_size=4)), max_size=6)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(bodies, st.permutations("~*>|^+:!\x1c\x1d\n"), st.sampled_from(["", "\n", "\r\n"]))
def test_what_was_written_is_read_back(
    tmp_path: Path, body: list[tuple[str, list[str]]], marks: list[str], line_end: str
) -> None:
    terminator, element, component = marks[:3]
    if "\n" in marks[1:3] or (terminator == "\n" and line_end):
        return
    lines = [
        BODY[0],
        "ST*945*0001",
        *("*".join([name, *parts]) for name, parts in body),
        f"SE*{len(body) + 2}*0001",
        "GE*1*7",
        BODY[-1],
    ]
    whole = "".join(line.replace("*", element) + terminator + line_end for line in [ISA[:-1] + "\0", *lines])
    request = content(tmp_path / "p.edi", whole.replace("\0", component).encode())
    assert reported(x12.units(request)) == []
    for name in ("N1", "REF", "W12"):
        found = rows(request, name, *(f"{name}/{n:02d}" for n in range(1, 5)))
        wanted = [[*parts, *[""] * (4 - len(parts))] for key, parts in body if key == name]
        assert [list(row.values())[3:] for row in found] == wanted
