from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.errors import FileError, HouseError
from gateway.formats import forget
from gateway.formats.edi import edifact, interchange, octets
from gateway.formats.edi import rows as windows
from gateway.formats.edi.paths import parse_edifact
from gateway.formats.edi.segments import Delimiters, Segments, tokenize
from gateway.home import Home, open_home
from gateway.once import run_once
from gateway.reading import Envelope, ReadRequest
from gateway.settings import Limits
from tests.conftest import NOW, case

UNB = "UNB+UNOC:3+4012345000009:14+4099999000003:14+261101:0600+77'"
STOCK = [
    "UNH+1+INVRPT:D:96A:UN:EAN004",
    "BGM+35+STK1+9",
    "DTM+366:202611010500:203",
    "NAD+WH+DC-EU::92",
    "LIN+1++4000000000017:EN",
    "PIA+5+SKU-1:SA",
    "QTY+145:120:PCE",
    "LOC+18+BIN-1::92",
    "QTY+124:3",
    "LIN+2++4000000000024:EN",
    "QTY+145:7,5",
    "CNT+2:2",
    "UNT+13+1",
]
STOCK_PATHS = (
    "BGM/02",
    "DTM[366]/01-2",
    "NAD[WH]/02",
    "LIN/01",
    "LIN/03",
    "PIA/02",
    "QTY/01-2",
    "LOC[18]/02",
    "CNT[2]/01-2",
    "UNT/02",
    "UNB/05",
)


def message(*lines: str) -> str:
    return "".join(line + "'" for line in lines)


def write(path: Path, content: str | bytes) -> ReadRequest:
    forget()
    path.write_bytes(content.encode("latin-1") if isinstance(content, str) else content)
    return ReadRequest(path, path.name, Limits())


def units(path: Path, content: str | bytes) -> Envelope:
    return edifact.units(write(path, content))


def rows(path: Path, content: str | bytes, each: str, *columns: str, **options: Any) -> list[dict[str, Any]]:
    request = write(path, content)
    reading = edifact.read(ReadRequest(path, path.name, request.limits, options, each, columns))
    return [row for batch in reading for row in batch.to_pylist()]


def cells(found: list[dict[str, Any]]) -> list[list[Any]]:
    return [list(row.values())[3:] for row in found]


def reported(envelope: Envelope) -> list[str]:
    return [fault.message for unit in envelope.units for fault in unit.faults] + [f.message for f in envelope.faults]


def respelled(text: str, una: str) -> str:
    """The text, with a UNA before it and its service characters in it."""
    return una + text.translate(str.maketrans(":+?'", una[3] + una[4] + una[6] + una[8]))


# --- rows ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("una", ["UNA:+.? '", "UNA:|.? '", "UNA=*.? ~", "UNA\x1f\x1d.\x15 \x1c", "UNA:+.? \n"])
@pytest.mark.parametrize("line_end", ["", "\r\n"])
def test_loops_inherit_and_never_leak(tmp_path: Path, una: str, line_end: str) -> None:
    if una[8] == "\n":
        line_end = ""
    text = respelled(UNB + message(*STOCK) + "UNZ+1+77'", una).replace(una[8], una[8] + line_end)
    found = rows(tmp_path / "a.edi", text, "LIN/QTY", *STOCK_PATHS)
    head, tail = ["STK1", "202611010500", "DC-EU"], ["2", "1", "77"]
    assert cells(found) == [
        [*head, "1", "4000000000017", "SKU-1", "120", "BIN-1", *tail],
        [*head, "1", "4000000000017", "SKU-1", "3", None, *tail],
        [*head, "2", "4000000000024", None, "7,5", None, *tail],
    ]
    assert [row["_position"] for row in found] == ["segment 9", "segment 11", "segment 13"]


def test_without_una_the_default_service_characters_hold(tmp_path: Path) -> None:
    text = UNB + message("UNH+1+X:D:96A:UN", "FTX+AAI+++it?'s 50?+1?: why??", "UNT+3+1") + "UNZ+1+77'"
    assert cells(rows(tmp_path / "a.edi", text, "UNH", "FTX/04")) == [["it's 50+1: why?"]]


def test_level_b_separators_without_una(tmp_path: Path) -> None:
    text = (UNB + message(*STOCK) + "UNZ+1+77'").translate(str.maketrans(":+'", "\x1f\x1d\x1c")).replace("UNOC", "UNOB")
    assert len(rows(tmp_path / "a.edi", text, "LIN/QTY", "QTY/01-2")) == 3
    assert edifact.sniff(text.encode(), "a.edi")


@pytest.mark.parametrize(
    ("una", "version", "phones"),
    [
        ("", "4", ["1", "2", "3"]),  # '*' repeats from version 4 on
        ("", "3", ["1*2*3", "", ""]),  # and stands for itself before
        ("UNA:+.? '", "4", ["1*2*3", "", ""]),  # a space in UNA: not in use
        ("UNA:+.?*'", "4", ["1", "2", "3"]),
        ("UNA:+.?*'", "3", ["1*2*3", "", ""]),  # below version 4 the place in UNA is reserved
        ("UNA:+.?*'", "2", ["1*2*3", "", ""]),
    ],
)
def test_repetitions(tmp_path: Path, una: str, version: str, phones: list[str]) -> None:
    text = una + UNB.replace("UNOC:3", f"UNOC:{version}") + message("UNH+1+X:D:96A:UN", "COM+1*2*3+z", "UNT+3+1")
    found = cells(rows(tmp_path / "a.edi", text, "UNH", "COM/01", "COM/01*2", "COM/01*3", "COM/01*4", "COM/02"))
    assert found == [[*phones, "", "z"]]


def test_below_version_4_an_asterisk_is_data() -> None:
    request = ReadRequest(
        case("edi-87-edifact-una-repetition-in-syntax-3") / "in.edi",
        "a.edi",
        Limits(),
        each="LIN",
        columns=("BGM/1004", "IMD/7008"),
    )
    found = [row for batch in edifact.read(request) for row in batch.to_pylist()]
    assert cells(found) == [["PO*77", "BOARD 10*20*3 CM"]]


def test_of_two_messages_with_one_number_the_later_is_set_aside(tmp_path: Path) -> None:
    one = message("UNH+1+X:D:96A:UN", "BGM+1", "UNT+3+1")
    envelope = units(tmp_path / "a.edi", UNB + one + one + "UNZ+2+77'")
    assert envelope.faults == ()
    assert [[fault.column for fault in unit.faults] for unit in envelope.units] == [[], ["UNH 0062"]]


def test_levels_that_are_missing_are_not_taken_from_the_loop_before(tmp_path: Path) -> None:
    body = ["UNH+1+INVRPT:D:01B:UN", "LIN+1", "INV+1", "QTY+1:5", "LIN+2", "QTY+1:6", "UNT+7+1"]
    found = cells(rows(tmp_path / "a.edi", UNB + message(*body), "LIN/INV/QTY", "LIN/01", "INV/01", "QTY/01-2"))
    assert found == [["1", "1", "5"], ["2", None, "6"]]


def test_nested_packages_of_a_despatch_advice(tmp_path: Path) -> None:
    body = [
        "UNH+1+DESADV:D:96A:UN",
        "CPS+1",
        "PAC+1",
        "GIN+BJ+P1",
        "CPS+2+1",
        "PAC+2",
        "GIN+BJ+P2",
        "LIN+1",
        "QTY+12:4",
        "LIN+2",
        "QTY+12:5",
        "CPS+3+1",
        "LIN+3",
        "QTY+12:6",
        "UNT+15+1",
    ]
    found = rows(tmp_path / "a.edi", UNB + message(*body), "CPS/LIN", "CPS/01", "PAC/01", "GIN[BJ]/02", "QTY[12]/01-2")
    assert cells(found) == [["2", "2", "P2", "4"], ["2", "2", "P2", "5"], ["3", None, None, "6"]]


def test_uns_d_does_not_begin_the_summary(tmp_path: Path) -> None:
    body = ["UNH+1+ORDERS:D:96A:UN", "BGM+220+A", "UNS+D", "LIN+1", "MOA+203:1", "UNS+S", "MOA+86:9", "UNT+8+1"]
    found = rows(tmp_path / "a.edi", UNB + message(*body), "LIN", "BGM/02", "MOA[86]/01-2", "MOA/01-2")
    assert cells(found) == [["A", "9", "1"]]


@pytest.mark.parametrize(
    ("named", "numbered"),
    [
        ("QTY[145]/6060", "QTY[145]/01-2"),
        ("C186[145]/6060", "QTY[145]/01-2"),
        ("LIN/7140", "LIN/03-1"),
        ("BGM/1004", "BGM/02-1"),
        ("NAD[WH]>LOC[18]/3225", "NAD[WH]>LOC[18]/02-1"),
        ("UNH/0054", "UNH/02-3"),
    ],
)
def test_data_elements_may_be_named(named: str, numbered: str) -> None:
    assert parse_edifact(named) == parse_edifact(numbered)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("QTY+145", "QTY"),
        ("QTY/7140", "QTY has 6063, 6060, 6411"),
        ("C212/7140", "LIN, PIA"),
        ("XYZ/7140", "XYZ/02-1"),
        ("C999/7140", "no segment"),
    ],
)
def test_a_path_that_is_none_gives_the_fix(path: str, message: str) -> None:
    with pytest.raises(HouseError, match=message):
        parse_edifact(path)


# --- character sets ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("syntax", "encoded"),
    [
        ("UNOC", "Grün"),
        ("UNOE", "Склад"),
        ("UNOF", "Αθήνα"),
        ("UNOK", "İzmir"),
        ("UNOW", "Grün 倉庫"),
        ("UNOY", "Склад"),
    ],
)
def test_the_character_set_that_unb_names(tmp_path: Path, syntax: str, encoded: str) -> None:
    text = UNB.replace("UNOC", syntax) + message("UNH+1+X:D:96A:UN", f"FTX+AAI+++{encoded}+end", "UNT+3+1")
    content = text.encode(edifact.CHARSETS[syntax])
    assert cells(rows(tmp_path / "a.edi", content, "UNH", "FTX/04", "FTX/05")) == [[encoded, "end"]]


@pytest.mark.parametrize("codec", ["utf-8", "cp1252"])
def test_more_than_ascii_in_unoa_is_read_as_it_is_meant(tmp_path: Path, codec: str) -> None:
    text = UNB.replace("UNOC", "UNOA") + message("UNH+1+X:D:96A:UN", "FTX+AAI+++Grün 5 €", "UNT+3+1") + "UNZ+1+77'"
    assert cells(rows(tmp_path / "a.edi", text.encode(codec), "UNH", "FTX/04")) == [["Grün 5 €"]]


def test_a_mapping_may_name_the_encoding(tmp_path: Path) -> None:
    text = UNB + message("UNH+1+X:D:96A:UN", "FTX+AAI+++Grün", "UNT+3+1") + "UNZ+1+77'"
    assert cells(rows(tmp_path / "a.edi", text.encode(), "UNH", "FTX/04", encoding="utf-8")) == [["Grün"]]
    with pytest.raises(HouseError, match="latin-1"):
        rows(tmp_path / "a.edi", text, "UNH", "FTX/04", encoding="klingon")


def test_bytes_that_are_not_in_the_character_set_set_their_message_aside(tmp_path: Path) -> None:
    good = message("UNH+2+X:D:96A:UN", "FTX+AAI+++fine", "UNT+3+2")
    text = UNB.replace("UNOC", "UNOW") + message("UNH+1+X:D:96A:UN", "FTX+AAI+++Gr\xfcn", "UNT+3+1") + good
    envelope = units(tmp_path / "a.edi", text + "UNZ+2+77'")
    assert [len(unit.faults) for unit in envelope.units] == [1, 0]
    assert "segment FTX has bytes that are not in the character set" in reported(envelope)[0]


def test_ebcdic(tmp_path: Path) -> None:
    content = (UNB + message(*STOCK) + "UNZ+1+77'").encode("cp037")
    assert edifact.sniff(content, "a.edi")
    assert len(rows(tmp_path / "a.edi", content, "LIN/QTY", "QTY/01-2")) == 3


# --- envelopes -----------------------------------------------------------------------------------------------


def test_units(tmp_path: Path) -> None:
    head = "UNB+UNOC:3+4012345000009:14:ROUTE+4099999000003:14+261101:0600+77++++++1'"
    envelope = units(tmp_path / "a.edi", head + message(*STOCK) + "UNZ+1+77'")
    [unit] = envelope.units
    assert (unit.kind, unit.sender, unit.receiver, unit.version, unit.interchange, unit.control, unit.test) == (
        "INVRPT",
        "14/4012345000009",
        "14/4099999000003",
        "D96A:EAN004",
        "77",
        "1",
        True,
    )
    assert (unit.position, reported(envelope)) == ("segment 2", [])


def test_groups(tmp_path: Path) -> None:
    group = "UNG+INVRPT+A+B+261101:0600+G1+UN+D:96A'" + message(*STOCK) + "UNE+1+G1'"
    envelope = units(tmp_path / "a.edi", UNB + group + group.replace("G1", "G2") + "UNZ+2+77'")
    assert [unit.group for unit in envelope.units] == ["G1", "G2"]
    assert reported(envelope) == []


def test_interactive(tmp_path: Path) -> None:
    text = (
        "UNA:+./*'UIB+UNOA:0++D1+++SENDER:D+RECIPIENT:P+20261101:120000'UIH+SCRIPT:010:006:NEWRX+110072'"
        "PVD+PC+1/'2'UIT+110072+3'UIH+SCRIPT:010:006:NEWRX+2'UIT'UIZ++2'"
    )
    envelope = units(tmp_path / "a.edi", text)
    assert [(u.kind, u.version, u.sender, u.control) for u in envelope.units] == [
        ("SCRIPT", "010006:NEWRX", "D/SENDER", "110072"),
        ("SCRIPT", "010006:NEWRX", "D/SENDER", "2"),
    ]
    assert reported(envelope) == []
    assert cells(rows(tmp_path / "a.edi", text, "UIH", "PVD/02", "UIB/06-1")) == [["1'2", "SENDER"], [None, "SENDER"]]


@pytest.mark.parametrize(
    ("wrong", "right", "message"),
    [
        ("UNT+13+1'", "UNT+12+1'", "message INVRPT 1: UNT 0074 states 12 segments, there are 13"),
        ("UNT+13+1'", "UNT+13+2'", "message INVRPT 1: UNT 0062 is 2, UNH 0062 is 1"),
        ("UNT+13+1'", "", "message INVRPT 1: UNT is missing, the message is cut off"),
        ("UNH+1+", "UNX+1+", "UNT ends a message that did not begin"),
        ("UNZ+1+77'", "UNZ+3+77'", "interchange 77: UNZ 0036 states 3 messages, there are 1"),
        ("UNZ+1+77'", "UNZ+1+78'", "interchange 77: UNZ 0020 is 78, UNB 0020 is 77"),
        ("UNZ+1+77'", "UNZ'", "interchange 77: UNZ 0036 states no number of messages, there are 1"),
        ("UNZ+1+77'", "UNZ+" + "9" * 5000 + "+77'", "messages, there are 1"),
        ("UNZ+1+77'", "", "interchange 77: UNZ is missing, the interchange is cut off"),
        ("UNZ+1+77'", "BGM+1'UNZ+1+77'", 'segment "BGM" is outside any message'),
        ("UNZ+1+77'", "UNE+1+5'UNZ+1+77'", "UNE ends a group that did not begin"),
        ("UNH+1+", "UNG+A+B+C+D+G1'UNH+1+", "group G1: UNE is missing"),
        ("BGM+35", "UNO+1'BGM+35", "a package (UNO) holds an object"),
    ],
)
def test_what_is_wrong_is_reported(tmp_path: Path, wrong: str, right: str, message: str) -> None:
    text = (UNB + "".join(line + "'" for line in STOCK) + "UNZ+1+77'").replace(wrong, right)
    assert any(message in text for text in reported(units(tmp_path / "a.edi", text)))


def test_the_same_interchange_twice_is_reported(tmp_path: Path) -> None:
    text = UNB + message(*STOCK) + "UNZ+1+77'"
    assert reported(units(tmp_path / "a.edi", text + "\r\n" + text)) == [
        "interchange 77 of 14/4012345000009 occurs twice in this file"
    ]


def test_several_interchanges_each_with_its_own_service_characters(tmp_path: Path) -> None:
    whole = UNB + message(*STOCK) + "UNZ+1+77'"
    other = respelled(whole.replace("77", "78"), "UNA=*,! ~")
    text = whole + "\r\n" + other + whole.replace("77", "79")
    assert reported(units(tmp_path / "a.edi", text)) == []
    found = rows(tmp_path / "a.edi", text, "LIN/QTY", "UNB/05")
    assert [(row["_unit"], row["UNB/05"]) for row in found] == [(n // 3, str(77 + n // 3)) for n in range(9)]
    assert [row["_ordinal"] for row in found] == list(range(9))


def test_a_cut_off_interchange_and_its_whole_neighbours(tmp_path: Path) -> None:
    whole = UNB + message(*STOCK) + "UNZ+1+77'"
    for place in (whole.find("UNT") + 2, whole.find("QTY+145:7") + 6):
        envelope = units(tmp_path / "a.edi", whole.replace("77", "76") + whole[:place])
        assert [len(unit.faults) for unit in envelope.units] == [0, 1]
        assert [f.message for f in envelope.faults] == [
            "interchange 77: the file ends in the middle of a segment",
            "interchange 77: UNZ is missing, the interchange is cut off",
        ]
    assert reported(units(tmp_path / "a.edi", whole[:-1])) == []  # the very last terminator is often left out


def test_an_interchange_may_be_empty(tmp_path: Path) -> None:
    assert units(tmp_path / "a.edi", UNB + "UNZ+0+77'") == Envelope(())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"UNA:+.? 'UNH+1+X'", 'expected the interchange header UNB behind UNA, found "UNH'),
        (b"hello", "expected the interchange header UNB"),
        (UNB.encode() + b"UNZ+0+77'garbage", 'found "garbage"'),
        (b"UNB*UNOA:1*A*B'", 'UNB is followed by "*"'),
        (b"UNA++.? 'UNB+UNOA:1+A'", "not five different ASCII characters"),
        (b"\xff\xfeU\0N\0", 'expected the interchange header UNB, found "UN"'),
        (b"", "empty"),
    ],
)
def test_what_is_no_interchange_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(FileError) as error:
        units(tmp_path / "a.edi", content)
    assert message in (error.value.cause or "")
    assert error.value.hint


def test_a_file_without_terminators_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.edi").write_bytes(UNB.encode()[:-1] + b"+x" * 20_000)
    request = ReadRequest(tmp_path / "a.edi", "a.edi", Limits(edi_segment_bytes_max=10_000))
    with pytest.raises(FileError, match='no segment terminator "\'" within'):
        edifact.units(request)


def test_limits_of_segments_and_units(tmp_path: Path) -> None:
    text = UNB + message("UNH+1+X:D:96A:UN", "FTX" + "+x" * 60, "UNT+3+1", "UNH+2+X:D:96A:UN", "UNT+2+2") + "UNZ+2+77'"
    (tmp_path / "a.edi").write_text(text)
    envelope = edifact.units(ReadRequest(tmp_path / "a.edi", "a.edi", Limits(edi_elements_per_segment_max=50)))
    assert [len(unit.faults) for unit in envelope.units] == [1, 0]
    assert reported(envelope) == ["segment FTX has 60 elements, more than edi_elements_per_segment_max"]
    with pytest.raises(FileError, match="edi_units_per_file_max"):
        edifact.units(ReadRequest(tmp_path / "a.edi", "a.edi", Limits(edi_units_per_file_max=1)))


@pytest.mark.parametrize(
    ("head", "yes"),
    [
        (b"UNA:+.? '\r\nUNB+", True),
        (b"\xef\xbb\xbf UNB+UNOC", True),
        (b"UIB+UNOA", True),
        (b"UNH+1+", True),
        (b"UNA:+.? 'BGM+1", True),
        (b"UNABLE to read,1", False),
        (b"UNBELIEVABLE", False),
        (b"ISA*00*", False),
        (b"", False),
    ],
)
def test_sniff(head: bytes, yes: bool) -> None:
    assert edifact.sniff(head, "a.edi") is yes


# --- any service characters, any size ------------------------------------------------------------------------

piece = st.text(alphabet=st.sampled_from("ab1 :+'?*|~^!\u00e4"), max_size=4)
elements = st.lists(st.lists(st.lists(piece, min_size=1, max_size=3), min_size=1, max_size=3), max_size=4)
tables = st.lists(st.tuples(st.sampled_from(["LIN", "QTY", "FTX", "DTM"]), elements), min_size=1, max_size=8)


def render(table: list[tuple[str, list[list[list[str]]]]], marks: Delimiters) -> str:
    special = {marks.component, marks.element, marks.repetition, marks.segment, marks.release}

    def released(text: str) -> str:
        return "".join(chr(marks.release) + c if ord(c) in special else c for c in text)

    lines = [
        chr(marks.element).join(
            [
                name,
                *(
                    chr(marks.repetition).join(
                        chr(marks.component).join(map(released, composite)) for composite in element
                    )
                    for element in parts
                ),
            ]
        )
        for name, parts in table
    ]
    return "".join(line + chr(marks.segment) for line in lines)


@settings(max_examples=200, deadline=None)
@given(tables, st.permutations(":+'?*|~^!\x1d"))
def test_what_was_written_is_read_back(table: list[tuple[str, list[list[list[str]]]]], marks: list[str]) -> None:
    delimiters = Delimiters(*(ord(mark) for mark in marks[:5]))
    made = tokenize(render(table, delimiters).encode(), delimiters)
    assert [made.id(n) for n in range(len(made))] == [name for name, _ in table]
    assert made.elements.tolist() == [len(parts) for _, parts in table]
    every = np.arange(len(made))
    for element in range(1, 6):
        for repetition in range(1, 5):
            for component in range(1, 5):
                wanted = [_at(_at(_at(parts, element), repetition), component) or "" for _, parts in table]
                assert made.text(every, element, component, repetition).to_pylist() == wanted


def _at(items: Any, number: int) -> Any:
    return items[number - 1] if items and number <= len(items) else None


@pytest.fixture
def small_stretches(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    def use(size: int) -> None:
        monkeypatch.setattr(interchange, "STRETCH_BYTES", size)
        for module in (interchange, octets):
            monkeypatch.setattr(module, "HEADER_BYTES", 200)
        forget()

    return use


def long_message(lines: int, number: int = 1) -> str:
    body = [f"UNH+{number}+INVRPT:D:01B:UN", f"BGM+35+STK{number}", "RFF+AA?'B:1", "NAD+WH+DC"]
    for n in range(lines):
        body += [f"LIN+{n}++SKU-{n}:SA", "IMD+F++:::100% cotton?'", "INV+2", f"QTY+145:{n}", f"LOC+18+B{n}", "INV+1"]
        body += [f"QTY+{q}:{n}" for q in range(n % 3)]
    return message(*body, "UNS+S", f"CNT+2:{lines}", f"UNT+{len(body) + 3}+{number}")


@pytest.mark.parametrize("each", ["UNH", "LIN", "LIN/QTY", "LIN/INV/QTY", "INV", "RFF"])
@pytest.mark.parametrize("size", [1, 300, 1_000, 5_000])
def test_the_size_of_stretches_changes_nothing(
    tmp_path: Path, small_stretches: Callable[[int], None], each: str, size: int
) -> None:
    messages = [long_message(lines, n) for n, lines in enumerate((3, 90, 0, 5, 40), start=1)]
    text = UNB + "".join(messages) + "UNZ+5+77'" + UNB.replace("77", "78") + long_message(30) + "UNZ+1+78'"
    paths = (
        "UNB/05",
        "BGM/02",
        "RFF/01-1",
        "LIN/01",
        "INV/01",
        "QTY/01-2",
        "LOC[18]/02",
        "CNT[2]/01-2",
        "UNT/01",
        "count(QTY)",
        "count(QTY[145])",
        "number(LIN)",
        "number(QTY[145])",
        "LIN>QTY/01-2",
    )
    whole = (units(tmp_path / "a.edi", text), rows(tmp_path / "a.edi", text, each, *paths))
    assert reported(whole[0]) == []
    small_stretches(size)
    assert (units(tmp_path / "a.edi", text), rows(tmp_path / "a.edi", text, each, *paths)) == whole


def test_a_message_larger_than_a_stretch_is_never_held_whole(
    tmp_path: Path, small_stretches: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    small_stretches(2_000)
    sizes = []

    def counting(data: bytes, delimiters: Delimiters) -> Segments:
        sizes.append(len(data))
        return tokenize(data, delimiters)

    monkeypatch.setattr(windows, "tokenize", counting)
    monkeypatch.setattr(interchange, "tokenize", counting)
    text = UNB + long_message(2_000) + "UNZ+1+77'"
    found = rows(tmp_path / "a.edi", text, "LIN/INV/QTY", "LIN/01", "BGM/02", "CNT[2]/01-2")
    assert len(text) > 150_000
    assert max(sizes) < 8_000
    assert (found[-1]["LIN/01"], found[-1]["BGM/02"], found[-1]["CNT[2]/01-2"]) == ("1999", "STK1", "2000")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.integers(0, 700),
    st.integers(0, 40),
    st.sampled_from([b"", b"'", b"?", b"UNZ+1+1'", b"UNB+", b"\xff", b"?'UNH+"]),
)
def test_mutations_are_read_or_refused(tmp_path: Path, place: int, cut: int, put: bytes) -> None:
    text = (UNB + message(*STOCK) + long_message(3, 2) + "UNZ+2+77'").encode()
    content = text[:place] + put + text[place + cut :]
    try:
        envelope = units(tmp_path / "m.edi", content)
        found = rows(tmp_path / "m.edi", content, "UNH", "UNH/01")
    except FileError as error:
        assert error.cause
        assert error.hint
        return
    assert len(found) == len(envelope.units)


# --- the whole way -------------------------------------------------------------------------------------------

PACKS = sorted((Path(__file__).parents[3] / "mappings" / "standard" / "edifact").glob("*.toml"))


@pytest.fixture
def gateway_eu(home: Path) -> Home:
    """A gateway whose warehouse 3pl-eu sends EDIFACT."""
    for pack in PACKS:
        mapping = home / "mappings" / "3pl-eu" / pack.name
        mapping.parent.mkdir(exist_ok=True)
        feed = f'feed = "3pl-eu.{pack.stem}"\npartner = "3pl-eu"\n'
        version = '\n[file]\nversion = "D01B"\n' if pack.stem == "INVRPT" else ""
        mapping.write_text(f'based_on = "standard/edifact/{pack.stem}"\n{feed}{version}')
    config = home / "config.toml"
    config.write_text(config.read_text() + '\n[partners.3pl-eu]\nentity = "EU"\nsenders = ["14/4012345000009"]\n')
    with open_home(home, now=NOW) as opened:
        yield opened


@pytest.mark.usefixtures("without_books")
def test_a_message_with_a_wrong_count_is_set_aside_and_its_neighbour_goes_on(
    gateway_eu: Home, drop: Callable[[str, str, bytes | str], Path]
) -> None:
    wrong = message(*STOCK).replace("UNT+13", "UNT+14")
    right = message(*STOCK).replace("UNH+1+", "UNH+2+").replace("UNT+13+1", "UNT+13+2").replace("STK1", "STK2")
    drop("3pl-eu", "stock.edi", UNB + wrong + right + "UNZ+2+77'")
    run_once(gateway_eu)
    con = gateway_eu.lake.con
    assert con.execute(
        "select state, received, accepted, rejected from file_state where partner = '3pl-eu'"
    ).fetchall() == [("ACCEPTED", 4, 3, 1)]
    assert con.execute("select count(*), min(position) from inventory_snapshot").fetchone() == (3, "segment 21")


@pytest.mark.usefixtures("without_books")
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (UNB + "UNZ+0+77'", "the file holds no transaction set"),
        (UNB, "UNZ is missing"),
        (UNB.replace("4012345000009", "4012345999999") + message(*STOCK) + "UNZ+1+77'", "does not send as"),
        (UNB + message("UNH+1+CUSCAR:D:96A:UN", "UNT+2+1") + "UNZ+1+77'", "CUSCAR"),
    ],
)
def test_a_file_of_which_nothing_is_read_says_why(
    gateway_eu: Home, drop: Callable[[str, str, bytes | str], Path], content: str, reason: str
) -> None:
    drop("3pl-eu", "a.edi", content)
    run_once(gateway_eu)
    [(state, reported)] = gateway_eu.lake.con.execute(
        "select state, reason from file_state where partner = '3pl-eu'"
    ).fetchall()
    assert state == "QUARANTINED"
    assert reason in reported
