"""What a partner gets back for its files: the right answer, once, whatever happens, and readable by others."""

from __future__ import annotations

import csv
import io
import random
import re
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from gateway.answers import compose
from gateway.answers import edifact_acknowledgements as answers_of_edifact
from gateway.answers import write as acknowledgement_files
from gateway.answers import x12_acknowledgements as answers_of_x12
from gateway.answers.envelopes import Findings, interchanges
from gateway.answers.interchange import Group, Interchange, Message
from gateway.books.reconcile import Outcome
from gateway.daemon import Daemon
from gateway.errors import Fault, FileError, HouseError
from gateway.formats.edi import edifact, x12
from gateway.home import Home, open_home
from gateway.intake.again import again
from gateway.intake.take import Intake
from gateway.ledger import verify
from gateway.once import run_books, run_once
from gateway.outgoing import outbox
from gateway.reading import ReadRequest
from gateway.settings import Limits
from gateway.synthetic.edi import interchange
from gateway.transports import build
from gateway.transports.deliveries import Deliveries
from tests.conftest import NOW, case, corpus, reconcile_only
from tests.processes import process_of

Put = Callable[[str, str, bytes | str], Path]

DAY = date(2026, 11, 20)
ITEMS = "sku,description,uom,standard_cost,cost_currency\nSKU-1,Item 1,EA,1.50,USD\n"
EVERYTHING = 'x12 = "997"\nta1 = true\nedifact = "contrl"\napplication = "824"\nfeedback = "csv"\n'
STOCK = [
    "UNH+1+INVRPT:D:96A:UN:EAN004",
    "BGM+35+STK1+9",
    "DTM+366:202611010500:203",
    "NAD+WH+DC-EU::92",
    "LIN+1++4000000000017:EN",
    "PIA+5+SKU-1:SA",
    "QTY+145:120:PCE",
    "CNT+2:1",
    "UNT+9+1",
]
UNB = "UNB+UNOC:3+4012345000009:14:ROUTE?+1+4099999000003:14+261101:0600+77'"


@pytest.fixture(autouse=True)
def _without_books(monkeypatch: pytest.MonkeyPatch) -> None:
    """The books are not what these tests are about."""
    monkeypatch.setattr("gateway.once.run_books", lambda home: Outcome())
    monkeypatch.setattr("gateway.once.write_workbooks", lambda *_, **__: [])


def shipment(number: int, units: str = "3", day: str = "20261105") -> list[str]:
    """The body of a 945 of one line."""
    return [
        f"W06*F*114-{number:07d}-0000001*{day}*S{number:08d}",
        "N1*SF*3PL East*92*3PL-E",
        "LX*1",
        f"W12*CC*{units}*{units}*0*EA**VN*SKU-1",
        f"W03*{units}*1*LB",
    ]


def shipments(control: int, *numbers: int) -> bytes:
    return interchange("945", "SW", DAY, control, [shipment(number) for number in numbers or (control,)])


def stock(good: str, damaged: str) -> list[str]:
    """The body of an 846 with these quantities of SKU-1."""
    head = ["BIA*00*SI*STK1*20261120*2300", "N1*WH*3PL East*92*3PL-E"]
    return [*head, "LIN*1*VN*SKU-1", f"QTY*33*{good}*EA", f"QTY*74*{damaged}*EA", "CTT*1"]


def message(*lines: str) -> str:
    return "".join(f"{line}'" for line in lines)


@contextmanager
def answering(home: Path, agreed: str = EVERYTHING) -> Iterator[Home]:
    """A gateway whose partners 3pl-east (X12) and 3pl-eu (EDIFACT) have agreed so."""
    config = home / "config.toml"
    if "acknowledge" not in config.read_text():
        mapping = home / "mappings" / "3pl-eu" / "INVRPT.toml"
        mapping.parent.mkdir()
        mapping.write_text('based_on = "standard/edifact/INVRPT-D96A"\nfeed = "3pl-eu.INVRPT"\npartner = "3pl-eu"\n')
        config.write_text(
            f"{config.read_text()}\n[partners.3pl-east.acknowledge]\n{agreed}\n"
            '[partners.3pl-eu]\nentity = "EU"\nsenders = ["14/4012345000009"]\n'
            f"[partners.3pl-eu.acknowledge]\n{agreed.replace('824', 'aperak')}\n"
        )
    with open_home(home, now=NOW) as gateway:
        yield gateway


def answers_of(gateway: Home, partner: str = "3pl-east") -> dict[str, str]:
    """Name → content of what stands in the partner's outbound folder."""
    folder = gateway.folder / "outbound" / partner
    return {
        path.name: path.read_text(encoding="latin-1") for path in sorted(folder.glob("*")) if path.suffix != ".xlsx"
    }


def answers(gateway: Home) -> list[tuple[Any, ...]]:
    """(kind, answered file, interchange, verdict) of everything that was composed, in order."""
    return gateway.lake.con.execute(
        """select kind, answers, interchange, verdict from acknowledgement_sent where state = 'COMPOSED'
        order by partner, series desc, control_no"""
    ).fetchall()


def said(gateway: Home, file: str, kind: str, partner: str = "3pl-east") -> list[str]:
    """The texts of the answers of a kind to a file, as they stand in the partner's outbound folder."""
    names = gateway.lake.con.execute(
        """select name from acknowledgement_sent where state = 'COMPOSED' and answers = ? and kind = ? and partner = ?
        order by control_no""",
        [file, kind, partner],
    ).fetchall()
    return [(gateway.folder / "outbound" / partner / name).read_text(encoding="latin-1") for (name,) in names]


def answers_to(gateway: Home, file: str) -> list[tuple[Any, ...]]:
    """(kind, interchange, verdict) of what answers a file, in order."""
    return [(kind, control, verdict) for kind, name, control, verdict in answers(gateway) if name == file]


def body(text: str, *tags: str) -> list[str]:
    """Segments with these tags."""
    return [segment for segment in re.split("[~']", text) if segment.split("*")[0].split("+")[0] in tags]


def read_by_itself(path: Path) -> Interchange:
    """The one interchange of a file with what its reader has against it."""
    module = x12 if path.read_bytes().startswith(b"ISA") else edifact
    request = ReadRequest(path, path.name, Limits())
    found = module.units(request)
    [received] = interchanges(request, Findings(found.units, found.faults))
    return received


def check(folder: Path) -> None:
    """Every EDI file there is read by our own readers without a fault."""
    for path in folder.glob("*.edi"):
        module = x12 if path.read_bytes().startswith(b"ISA") else edifact
        envelope = module.units(ReadRequest(path, path.name, Limits()))
        assert envelope.faults == () and envelope.units, path.name
        assert [unit.faults for unit in envelope.units] == [()] * len(envelope.units)


# --- X12 ----------------------------------------------------------------------------------------------


def test_a_file_whose_envelopes_cannot_be_read_for_its_answer_is_set_aside_alone(
    home: Path, drop: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(request: ReadRequest, found: Findings) -> list[Interchange]:
        if request.name == "945-2.edi":
            raise FileError(request.name, "it takes too much", "Look at it.")
        return interchanges(request, found)

    monkeypatch.setattr(compose, "interchanges", read)
    with answering(home, 'x12 = "997"\n') as gateway:
        drop("master-data", "items.csv", ITEMS)
        for number in (1, 2, 3):
            drop("3pl-east", f"945-{number}.edi", shipments(number))
        run_once(gateway)
        states = dict(gateway.lake.con.execute("select name, state from file where feed <> 'items'").fetchall())
        assert {name: states[name] for name in sorted(states) if name.startswith("945")} == {
            "945-1.edi": "ACCEPTED",
            "945-2.edi": "QUARANTINED",
            "945-3.edi": "ACCEPTED",
        }
        assert sum(content.count("ST*997*") for content in answers_of(gateway).values()) == 2


def test_a_good_file_is_accepted(home: Path, drop: Put) -> None:
    with answering(home) as gateway:
        drop("master-data", "items.csv", ITEMS)
        drop("3pl-east", "good.edi", shipments(7, 1, 2))
        done = run_once(gateway)
        assert [path.name for path in done.acknowledgements] == [
            "feedback-000000001.csv",
            "ta1-000000001.edi",
            "997-000000002.edi",
        ]
        found = answers_of(gateway)
        assert body(found["ta1-000000001.edi"], "TA1") == ["TA1*000000007*261120*2300*A*000"]
        text = found["997-000000002.edi"]
        assert text.startswith("ISA*00*          *00*          *ZZ*GATEWAY        *ZZ*3PLEAST        *")
        assert text.split("~")[0].endswith("*U*00401*000000002*0*P*>")
        assert body(text, "GS")[0].startswith("GS*FA*GATEWAY*3PLEAST*") and text.split("~")[1].endswith("*2*X*004010")
        assert text.split("~")[2:-3] == [
            "ST*997*0001",
            "AK1*SW*7",
            "AK2*945*0001",
            "AK5*A",
            "AK2*945*0002",
            "AK5*A",
            "AK9*A*2*2*2",
            "SE*8*0001",
        ]
        assert verify.verify(gateway.lake) == []
        check(home / "outbound" / "3pl-east")


def test_each_file_of_a_pass_is_answered_for_itself(home: Path, drop: Put) -> None:
    """What is wrong with its envelopes, what its mapping rejected, and nothing to what is an answer itself."""
    sets = shipments(8, 11, 12, 13, 14).replace(b"SE*7*0002", b"SE*9*0002").replace(b"SE*7*0003", b"SE*7*3333")
    sent = shipments(14).decode().splitlines()
    with answering(home) as gateway:
        drop("master-data", "items.csv", ITEMS)
        drop("3pl-east", "set.edi", sets)
        drop("3pl-east", "stock.edi", interchange("846", "IB", DAY, 20, [stock("5", "1"), stock("7", "many")]))
        drop("3pl-east", "date.edi", interchange("945", "SW", DAY, 10, [shipment(5), shipment(6, day="20261345")]))
        drop("3pl-east", "tie.edi", shipments(16).replace(b"W03*3", b"W03*4"))
        drop("3pl-east", "997.edi", interchange("997", "FA", DAY, 13, [["AK1*SW*1", "AK9*A*1*1*1"]]))
        drop("3pl-east", "ta1.edi", "\n".join([sent[0], "TA1*000000001*261120*2300*A*000~", "IEA*0*000000014~"]))
        drop("3pl-eu", "contrl.edi", UNB + message("UNH+1+CONTRL:D:3:UN", "UCI+1+A+B+7", "UNT+3+1") + "UNZ+1+77'")
        run_once(gateway)
        assert {name for _, name, *_ in answers(gateway)} == {"set.edi", "stock.edi", "date.edi", "tie.edi"}
        check(home / "outbound" / "3pl-east")
        _of_the_set(gateway)
        _of_rejected_rows(gateway)
        _of_the_header(gateway)
        _of_what_does_not_tie_out(gateway)


def _of_the_set(gateway: Home) -> None:
    """A broken set is rejected and its neighbours are accepted."""
    [text] = said(gateway, "set.edi", "997")
    assert body(text, "AK2", "AK5", "AK9") == [
        "AK2*945*0001",
        "AK5*A",
        "AK2*945*0002",
        "AK5*R*4",
        "AK2*945*0003",
        "AK5*R*3",
        "AK2*945*0004",
        "AK5*A",
        "AK9*P*4*4*2",
    ]


def _of_rejected_rows(gateway: Home) -> None:
    """They are advised with place, element and text."""
    assert answers_to(gateway, "stock.edi")[1:3] == [
        ("997", "000000020", "ACCEPTED"),
        ("824", "000000020", "PARTLY"),
    ]
    [text] = said(gateway, "stock.edi", "824")
    assert body(text, "OTI") == ["OTI*TE*TN*000000020-20-0002*3PLEAST*GATEWAY*20261120*2300*20*0002*846*004010"]
    [ted] = body(text, "TED")
    assert ted.startswith('TED*848*QTY/02: "many" is not') and ted.endswith("*QTY*6*2**many")
    assert "".join(note[5:] for note in body(text, "NTE")).startswith('QTY/02: "many" is not a number')


def _of_the_header(gateway: Home) -> None:
    """A fault in the header of a set names the segment of the header."""
    [text] = said(gateway, "date.edi", "824")
    assert [segment.split("*")[1] for segment in body(text, "OTI")] == ["TR", "TR"]
    assert body(text, "TED")[1].endswith("*W06*2*3**20261345")


def _of_what_does_not_tie_out(gateway: Home) -> None:
    """It is accepted as syntax and rejected as business."""
    assert [(kind, verdict) for kind, _, verdict in answers_to(gateway, "tie.edi")] == [
        ("TA1", "ACCEPTED"),
        ("997", "ACCEPTED"),
        ("824", "REJECTED"),
        ("FEEDBACK", "REJECTED"),
    ]
    [text] = said(gateway, "tie.edi", "824")
    assert body(text, "OTI")[0].startswith("OTI*TR*TN*000000016-16*")
    assert body(text, "TED")[0].startswith("TED*010*units shipped (W03)")
    assert "release" not in text


def test_a_segment_that_cannot_be_read_is_reported_with_its_place_and_element(home: Path, drop: Put) -> None:
    long = shipments(8, 1, 2).replace(b"LX*1~", b"LX*1" + b"*" * 40 + b"~", 1)
    with answering(home, 'x12 = "999"') as gateway:
        limits = gateway.settings.limits.model_copy(update={"edi_elements_per_segment_max": 30})
        gateway.settings = gateway.settings.model_copy(update={"limits": limits})
        drop("3pl-east", "set.edi", long)
        run_once(gateway)
        assert body(answers_of(gateway)["999-000000001.edi"], "ST", "AK1", "IK3", "IK4", "IK5", "AK9") == [
            "ST*999*0001*005010",
            "AK1*SW*8*004010",
            "IK3*LX*4**8",
            "IK4*31**3",
            "IK5*R*5",
            "IK5*A",
            "AK9*P*2*2*1",
        ]


@pytest.mark.parametrize(
    ("kind", "version", "judged", "code"),
    [("997", "004010", "AK5", "23"), ("999", "004010", "IK5", "23"), ("997", "003060", "AK5", "7")],
)
def test_the_second_of_two_sets_with_one_number_is_rejected(
    tmp_path: Path, kind: str, version: str, judged: str, code: str
) -> None:
    path = tmp_path / "a.edi"
    path.write_bytes(
        (case("edi-105-ack-same-st02-twice") / "in.edi").read_bytes().replace(b"*X*004010~", f"*X*{version}~".encode())
    )
    [draft] = answers_of_x12.functional(read_by_itself(path), kind, NOW)
    assert body(draft.text(1), judged, "AK9") == [f"{judged}*A", f"{judged}*R*{code}", "AK9*P*2*2*1"]


def test_leading_zeros_are_no_error_of_an_envelope() -> None:
    received = read_by_itself(case("edi-76-x12-leading-zeros") / "in.edi")
    assert body(answers_of_x12.ta1(received, NOW).text(1), "TA1")[0].endswith("*A*000")
    [draft] = answers_of_x12.functional(received, "997", NOW)
    assert body(draft.text(1), "AK1", "AK5", "AK9") == ["AK1*PO*000101", "AK5*A", "AK9*A*1*1*1"]


def test_a_set_in_a_group_of_another_kind_is_rejected_with_its_code(tmp_path: Path) -> None:
    path = tmp_path / "a.edi"
    path.write_bytes(shipments(8).replace(b"GS*SW*", b"GS*PO*"))
    received = read_by_itself(path)
    [draft] = answers_of_x12.functional(received, "997", NOW)
    assert body(draft.text(1), "AK1", "AK5", "AK9") == ["AK1*PO*8", "AK5*R*6", "AK9*R*1*1*0"]
    [fault] = next(received.messages).errors
    assert "a 945 does not belong into a group PO (GS01), but into SW" in fault.message


@pytest.mark.parametrize(
    ("number", "ta1", "answer"),
    [
        ("ISA*13", "R*018", ["AK5*R", "AK9*R*1*1*0"]),
        ("GS*6", "A*000", ["AK5*R", "AK9*R*1*1*0*6"]),
        ("ST*2", "A*000", ["AK5*R*7", "AK9*R*1*1*0"]),
    ],
)
def test_what_has_no_number_is_not_accepted(tmp_path: Path, number: str, ta1: str, answer: list[str]) -> None:
    tag, place = number.split("*")
    ends = {"ISA": "IEA", "GS": "GE", "ST": "SE"}
    segments = [line.split("*") for line in shipments(8).decode().split("~")]
    for segment in segments:
        if segment[0].strip() in (tag, ends[tag]):
            segment[int(place) if segment[0].strip() == tag else 2] = ""
    path = tmp_path / "a.edi"
    path.write_text("~".join(map("*".join, segments)))
    received = read_by_itself(path)
    assert body(answers_of_x12.ta1(received, NOW).text(1), "TA1")[0].endswith(f"*{ta1}")
    [draft] = answers_of_x12.functional(received, "997", NOW)
    assert body(draft.text(1), "AK5", "AK9") == answer


@pytest.mark.parametrize(
    ("lines", "answer"),
    [
        (
            ["UNH+1+X:D:96A:UN", "BGM+1", "UNT+3+1", "UNH+1+X:D:96A:UN", "UNT+2+1", "UNZ+2+77"],
            [
                "UCI+77+4012345000009:14:ROUTE?+1+4099999000003:14+7",
                "UCM+1+X:D:96A:UN+7",
                "UCM+1+X:D:96A:UN+4+26+UNH+2",
            ],
        ),
        (
            ["XYZ+1", "UNH+1+X:D:96A:UN", "UNT+2+1", "UNZ+1+77"],
            ["UCI+77+4012345000009:14:ROUTE?+1+4099999000003:14+4+33"],
        ),
        (
            ["UNH+1+X:D:96A:UN", "UNT+2+1", "UNT+2+1", "UNZ+1+77"],
            ["UCI+77+4012345000009:14:ROUTE?+1+4099999000003:14+4+13+UNH"],
        ),
        (
            ["UNG+X+A+B++5+UN", "UNH+1+X:D:96A:UN", "UNT+2+1", "UNE+1+5", "UNG+X+A+B++5+UN", "UNE+0+5", "UNZ+2+77"],
            [
                "UCI+77+4012345000009:14:ROUTE?+1+4099999000003:14+7",
                "UCF+5+A+B+7",
                "UCM+1+X:D:96A:UN+7",
                "UCF+5+A+B+4+26+UNG+6",
            ],
        ),
        (
            ["UNH++X:D:96A:UN", "UNT+2+", "UNZ+1+77"],
            ["UCI+77+4012345000009:14:ROUTE?+1+4099999000003:14+7", "UCM++X:D:96A:UN+4+13+UNH+2"],
        ),
    ],
)
def test_contrl_names_the_cause(tmp_path: Path, lines: list[str], answer: list[str]) -> None:
    path = tmp_path / "a.edi"
    path.write_text(UNB + message(*lines))
    text = answers_of_edifact.contrl(read_by_itself(path), NOW).text(1)
    assert body(text, "UCI", "UCF", "UCM", "UCS") == answer


def test_contrl_names_characters_that_are_not_in_the_character_set(tmp_path: Path) -> None:
    text = answers_of_edifact.contrl(read_by_itself(case("edi-127-ctl-bad-character") / "in.edi"), NOW).text(1)
    assert body(text, "UCM", "UCS", "UCD") == ["UCM+1+ORDERS:D:96A:UN:EAN008+4", "UCS+8+21"]
    path = tmp_path / "a.edi"
    path.write_bytes(
        (UNB.replace("UNOC:3", "UNOY:4") + message("UNH+1+X\xff:D:96A:UN", "UNT+2+1", "UNZ+1+77")).encode("latin-1")
    )
    text = answers_of_edifact.contrl(read_by_itself(path), NOW).text(1)
    assert body(text, "UCI", "UCM") == [
        "UCI+77+4012345000009:14:ROUTE?+1+4099999000003:14+7",
        "UCM+1+X.:D:96A:UN+4+21+UNH",
    ]


def test_an_interchange_with_a_wrong_envelope_is_rejected_by_ta1_alone(home: Path, drop: Put) -> None:
    wrong = {
        31: ("IEA*1*000000031~", "", "023"),
        32: ("IEA*1*", "IEA*2*", "021"),
        33: ("IEA*1*000000033", "IEA*1*000000040", "001"),
        34: ("IEA*", "XYZ*1~\nIEA*", "022"),
    }
    with answering(home) as gateway:
        for control, (old, new, _) in wrong.items():
            drop("3pl-east", f"{control}.edi", shipments(control).decode().replace(old, new))
        run_once(gateway)
        for control, (*_, code) in wrong.items():
            answered = [answer for answer in answers_to(gateway, f"{control}.edi") if answer[0] != "FEEDBACK"]
            assert answered == [("TA1", f"{control:09}", "REJECTED")]
            [text] = said(gateway, f"{control}.edi", "TA1")
            assert body(text, "TA1") == [f"TA1*{control:09}*261120*2300*R*{code}"]


def test_without_ta1_the_997_says_everything(home: Path, drop: Put) -> None:
    """A wrong envelope is rejected, a kind of set that nobody maps is not supported, a test is answered by a test, and
    each interchange of a file has an answer of its own; a sender that is not the partner's gets none."""
    with answering(home, 'x12 = "997"') as gateway:
        drop("3pl-east", "cut.edi", shipments(9).replace(b"IEA*1*000000009~", b""))
        drop("3pl-east", "group.edi", shipments(10).replace(b"GE*1*10", b"GE*5*11"))
        drop("3pl-east", "order.edi", interchange("850", "PO", DAY, 12, [["BEG*00*SA*1**20261101"]]))
        drop("3pl-east", "test.edi", shipments(15).replace(b"*0*P*>", b"*0*T*>"))
        drop("3pl-east", "two.edi", shipments(7) + shipments(8).replace(b"SE*7", b"SE*8"))
        drop("3pl-east", "other.edi", shipments(17).replace(b"3PLEAST ", b"OTHERS  "))
        run_once(gateway)
        for name, wanted in {
            "cut.edi": ["AK5*R", "AK9*R*1*1*0"],
            "group.edi": ["AK5*R", "AK9*R*5*1*0*5*4"],
            "order.edi": ["AK5*R*1", "AK9*R*1*1*0"],
        }.items():
            [text] = said(gateway, name, "997")
            assert body(text, "AK5", "AK9") == wanted
        [text] = said(gateway, "test.edi", "997")
        assert "*0*T*>~GS*FA*" in text
        assert answers_to(gateway, "two.edi") == [("997", "000000007", "ACCEPTED"), ("997", "000000008", "REJECTED")]
        assert answers_to(gateway, "other.edi") == []


def test_ta1_rejects_an_interchange_the_second_time_and_one_of_another_sender(home: Path, drop: Put) -> None:
    with answering(home, 'x12 = "997"\nta1 = true') as gateway:
        drop("3pl-east", "twice.edi", shipments(9) + shipments(9))
        drop("3pl-east", "other.edi", shipments(7).replace(b"3PLEAST ", b"OTHERS  "))
        run_once(gateway)
        assert [body(text, "TA1")[0][-5:] for text in said(gateway, "twice.edi", "TA1")] == ["A*000", "R*025"]
        assert answers_to(gateway, "other.edi") == [("TA1", "000000007", "REJECTED")]
        [text] = said(gateway, "other.edi", "TA1")
        assert body(text, "TA1") == ["TA1*000000007*261120*2300*R*006"]


@pytest.mark.parametrize("together", [True, False])
def test_a_control_number_that_comes_again_with_other_content_is_noted(
    home: Path, drop: Put, together: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    monkeypatch.setattr("gateway.once.write_workbooks", lambda *_, **__: [])
    reconcile_only(home, "j")
    other = shipments(9, 1).replace(b"000000009", b"        9")
    with answering(home, "ta1 = true") as gateway:
        for name, content in (("first.edi", shipments(9, 1)), ("other.edi", shipments(9, 2)), ("again.edi", other)):
            drop("3pl-east", name, content)
            if not together:
                run_once(gateway)
        run_once(gateway)
        notes = sorted(body(text, "TA1")[0][-5:] for text in answers_of(gateway).values())
        assert notes == ["A*000", "E*025", "E*025"]
        query = "select business_key, message from exception where code = 'CONTROL_REUSED' and status = 'OPEN'"
        [(key, message)] = gateway.lake.con.execute(query).fetchall()
        assert key == "3pl-east|ZZ/3PLEAST > ZZ/GATEWAY: 9" and "again.edi, first.edi, other.edi" in message


def test_a_control_number_of_a_file_that_was_held_is_not_used_yet(home: Path, drop: Put) -> None:
    """What was held counted for nothing: a correction may have its number, and so may the file itself when it is
    taken."""
    with answering(home, "ta1 = true") as gateway:
        drop("3pl-east", "first.edi", shipments(9, 1).replace(b"W03*", b"W03*1"))
        drop("3pl-east", "alone.edi", shipments(10, 2).replace(b"W03*", b"W03*1"))
        held = {file.name: file for file in run_once(gateway).files}
        [released] = again(gateway, held["alone.edi"].file_id, force=True)
        assert ({file.state for file in held.values()}, released.state) == ({"HELD"}, "RELEASED")
        drop("3pl-east", "right.edi", shipments(9, 1))
        run_once(gateway)
        assert {body(text, "TA1")[0][-5:] for text in answers_of(gateway).values()} == {"A*000"}
        run_books(gateway)
        reused = "select count(*) from exception where code = 'CONTROL_REUSED'"
        assert gateway.lake.con.execute(reused).fetchone() == (0,)


def test_a_control_number_of_an_earlier_file_is_noted_whatever_the_document(home: Path, drop: Put) -> None:
    order = (case("edi-113-ack-same-isa13-in-another-file") / "in.edi").read_bytes().replace(b"SENDERX", b"3PLEAST")
    mapping = home / "mappings" / "3pl-east" / "850.toml"
    mapping.write_text('based_on = "standard/x12/850"\nfeed = "3pl-east.850"\npartner = "3pl-east"\n')
    with answering(home, "ta1 = true") as gateway:
        drop("3pl-east", "ours.edi", order.replace(b"ABC-1*UP*012345678905", b"ABC-9*UP*012345678905"))
        run_once(gateway)
        drop("3pl-east", "in.edi", order)
        run_once(gateway)
        assert [body(text, "TA1")[0][-5:] for text in answers_of(gateway).values()] == ["A*000", "E*025"]


def test_x12_text_holds_no_character_that_separates() -> None:
    assert answers_of_x12.clean("a*b~c>d^e\nf\u00e9  g") == "a b c d e f g"


# --- feedback -----------------------------------------------------------------------------------------


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.encode("latin-1").decode("utf-8-sig"))))


def test_feedback_lists_what_was_rejected_and_sums_up(home: Path, drop: Put) -> None:
    with answering(home, 'feedback = "csv"') as gateway:
        drop("master-data", "items.csv", ITEMS)
        drop("3pl-east", "stock.edi", interchange("846", "IB", DAY, 20, [stock("5", "=many"), stock("1", "few")]))
        run_once(gateway)
        first, second, summary = rows_of(answers_of(gateway)["feedback-000000001.csv"])
        assert (first["record"], first["file"], first["position"], first["column"]) == (
            "fault",
            "stock.edi",
            "segment 8",
            "QTY/02",
        )
        assert first["value"] == "'=many", "a spreadsheet must not take it for a formula"
        assert "is not a number" in second["wrong"] and second["fix"]
        assert (summary["record"], summary["received"], summary["accepted"], summary["rejected"]) == (
            "summary",
            "4",
            "2",
            "2",
        )


def test_feedback_is_for_files_of_every_format_and_comes_as_a_workbook_too(home: Path, drop: Put) -> None:
    with answering(home) as gateway:
        config = home / "config.toml"
        agreed = '[partners.master-data.acknowledge]\nfeedback = "xlsx"\n'
        config.write_text(f"{config.read_text()}\n{agreed}")
    with answering(home) as gateway:
        drop("master-data", "items.csv", "sku,length\nSKU-1,5\nSKU-2,long\n")
        drop("master-data", "unknown.bin", b"\x00\x01")
        run_once(gateway)
        assert [(kind, name, verdict) for kind, name, _, verdict in answers(gateway)] == [
            ("FEEDBACK", "items.csv", "PARTLY"),
            ("FEEDBACK", "unknown.bin", "REJECTED"),
        ]
        book = openpyxl.load_workbook(home / "outbound" / "master-data" / "feedback-000000001.xlsx")
        faults = [tuple(row) for row in book["FAULTS"].iter_rows(values_only=True)]
        assert any(row[:4] == ("items.csv", "line 3", "length", "long") for row in faults)
        assert ("items.csv", 2, 1, 1, 0, 0) in list(book["COUNTS"].iter_rows(values_only=True))


def test_files_of_a_container_are_answered_one_by_one_and_a_broken_container_by_feedback(home: Path, drop: Put) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as made:
        made.writestr("a.edi", shipments(7))
        made.writestr("b.edi", shipments(8))
    with answering(home, 'x12 = "997"\nfeedback = "csv"') as gateway:
        drop("3pl-east", "day.zip", packed.getvalue())
        drop("3pl-east", "torn.zip", packed.getvalue()[:-60])
        run_once(gateway)
        found = [(kind, control, verdict) for kind, _, control, verdict in answers(gateway)]
        assert found[:2] == [("997", "000000007", "ACCEPTED"), ("997", "000000008", "ACCEPTED")]
        assert found[2:] == [("FEEDBACK", None, said) for said in ("ACCEPTED", "ACCEPTED", "REJECTED")]


# --- EDIFACT ------------------------------------------------------------------------------------------


def test_contrl_accepts_what_is_good_and_names_what_is_wrong_and_where(home: Path, drop: Put) -> None:
    second = message(*STOCK).replace("UNH+1", "UNH+2").replace("UNT+9+1", "UNT+9+3").replace("STK1", "STK2")
    third = message(*STOCK).replace("UNH+1", "UNH+3").replace("UNT+9+1", "UNT+8+3").replace("STK1", "STK3")
    fourth = message("UNH+4+PARTIN:D:96A:UN", "UNT+2+4")
    mixed = UNB + message(*STOCK) + second + third + fourth + "UNZ+4+77'"
    stranger = UNB.replace("4012345000009", "4012345999999")
    wrong = {
        UNB + message(*STOCK): "4+13+UNZ",
        UNB + message(*STOCK) + "UNZ+2+77'": "4+29+UNZ+2",
        UNB + message(*STOCK) + "UNZ+1+70'": "4+28+UNZ+3",
        stranger + message(*STOCK) + "UNZ+1+77'": "4+23+UNB+3",
    }
    with answering(home, 'edifact = "contrl"') as gateway:
        drop("3pl-eu", "good.edi", UNB + message(*STOCK) + "UNZ+1+77'")
        drop("3pl-eu", "mixed.edi", mixed.replace("+77'", "+78'"))
        for control, text in enumerate(wrong, start=81):
            drop("3pl-eu", f"{control}.edi", text.replace("+77'", f"+{control}'"))
        run_once(gateway)
        [text] = said(gateway, "good.edi", "CONTRL", "3pl-eu")
        assert text.startswith("UNB+UNOC:3+4099999000003:14+4012345000009:14:ROUTE?+1+")
        assert text.split("'")[1:-2] == [
            "UNH+1+CONTRL:D:3:UN",
            "UCI+77+4012345000009:14:ROUTE?+1+4099999000003:14+7",
            "UCM+1+INVRPT:D:96A:UN:EAN004+7",
            "UNT+4+1",
        ]
        check(home / "outbound" / "3pl-eu")
        [text] = said(gateway, "mixed.edi", "CONTRL", "3pl-eu")
        assert body(text, "UCM") == [
            "UCM+1+INVRPT:D:96A:UN:EAN004+7",
            "UCM+2+INVRPT:D:96A:UN:EAN004+4+28+UNT+3",
            "UCM+3+INVRPT:D:96A:UN:EAN004+4+29+UNT+2",
            "UCM+4+PARTIN:D:96A:UN+4+17+UNH+3",
        ]
        assert answers_to(gateway, "mixed.edi") == [("CONTRL", "78", "PARTLY")]
        for control, error in enumerate(wrong.values(), start=81):
            [text] = said(gateway, f"{control}.edi", "CONTRL", "3pl-eu")
            assert body(text, "UCI")[0].endswith(f"+4099999000003:14+{error}") and not body(text, "UCM")


def test_rejected_rows_of_edifact_are_advised_by_aperak(home: Path, drop: Put) -> None:
    wrong = message(*STOCK).replace("QTY+145:120", "QTY+145:many")
    with answering(home) as gateway:
        drop("3pl-eu", "stock.edi", UNB + wrong + "UNZ+1+77'")
        run_once(gateway)
        text = answers_of(gateway, "3pl-eu")["aperak-000000002.edi"]
        assert body(text, "UNH", "BGM", "ERC") == ["UNH+1+APERAK:D:96A:UN", "BGM+313+2-1+9+CA", "ERC+12::ZZZ"]
        assert body(text, "RFF") == ["RFF+ACW:1", "RFF+ACW:1:7"]
        assert '6060 "many"' in text.replace(":", " ")
        check(home / "outbound" / "3pl-eu")


# --- once, whatever happens ---------------------------------------------------------------------------


def test_without_an_agreement_nothing_is_answered(gateway: Home, drop: Put) -> None:
    drop("3pl-east", "good.edi", shipments(7))
    run_once(gateway)
    assert answers(gateway) == [] and not (gateway.folder / "outbound" / "3pl-east").exists()


def test_answers_are_delivered_as_workbooks_are_and_once_though_the_file_comes_again(
    home: Path, drop: Put, tmp_path: Path
) -> None:
    with answering(home) as gateway:
        drop("3pl-east", "good.edi", shipments(7))
        written = run_once(gateway).acknowledgements
        deliveries = Deliveries(home / "outbound", ["3pl-east"], gateway.settings.daemon.ignore, tmp_path / "sent.json")
        assert [delivery.key for delivery in deliveries.waiting()] == [
            "3pl-east/997-000000002.edi",
            "3pl-east/feedback-000000001.csv",
            "3pl-east/ta1-000000001.edi",
        ]
        for path in written:
            path.unlink()
        drop("3pl-east", "again.edi", shipments(7))
        done = run_once(gateway)
        assert [file.state for file in done.files] == ["DUPLICATE"]
        assert done.acknowledgements == [] and answers_of(gateway) == {}


def test_control_numbers_are_never_used_again(home: Path, drop: Put) -> None:
    for control in range(2):
        with answering(home) as gateway:
            drop("3pl-east", f"{control}.edi", shipments(control + 1))
            run_once(gateway)
            for path in (home / "outbound" / "3pl-east").glob("*.edi"):
                path.unlink()
    with answering(home) as gateway:
        found = gateway.lake.con.execute(
            "select partner, series, control_no from acknowledgement_sent where state = 'COMPOSED' order by 2, 3"
        ).fetchall()
    assert [number for _, series, number in found if series == "x12"] == [1, 2, 3, 4]
    assert len(set(found)) == len(found)


def test_what_was_composed_before_a_crash_is_written_afterwards(
    home: Path, drop: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with answering(home) as gateway:
        drop("3pl-east", "good.edi", shipments(7))
        with monkeypatch.context() as patch:
            patch.setattr(acknowledgement_files, "_write", fail)
            done = run_once(gateway)
        assert done.acknowledgements == [] and "No space left" in done.problems[0]
        assert done.files[0].state == "ACCEPTED" and answers_of(gateway) == {}
    with answering(home) as gateway:
        done = run_once(gateway)
        assert done.files == [] and list(answers_of(gateway)) == [
            "997-000000002.edi",
            "feedback-000000001.csv",
            "ta1-000000001.edi",
        ]
        assert run_once(gateway).acknowledgements == []


def test_a_file_that_stands_from_before_a_crash_stays_as_it_is(
    home: Path, drop: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with answering(home) as gateway:
        drop("3pl-east", "good.edi", shipments(7))
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(outbox, "note", crash)
            run_once(gateway)
        paths = sorted((home / "outbound" / "3pl-east").iterdir())
        before = [(path.name, path.stat().st_ino) for path in paths]
    with answering(home) as gateway:
        run_once(gateway)
        paths = sorted((home / "outbound" / "3pl-east").iterdir())
        assert [(path.name, path.stat().st_ino) for path in paths] == before
        assert gateway.lake.con.execute("select count(*) from acknowledgement_sent").fetchone() == (6,)


def once(home: Path) -> None:
    """A pass without the books, in a process of its own."""
    from gateway import once as passes

    passes.run_books = lambda home: Outcome()
    with answering(home) as gateway:
        run_once(gateway)


def test_killed_at_any_instant_each_interchange_is_answered_once(home: Path, drop: Put) -> None:
    controls = range(100, 115)
    for control in controls:
        drop("3pl-east", f"{control}.edi", shipments(control))
    with answering(home):
        pass
    limits = home / "config.toml"
    limits.write_text(f"{limits.read_text()}\n[limits]\nfiles_per_commit_max = 3\n")
    draw = random.Random(1)
    killed = 0
    for _ in range(4):
        process = process_of(once, home)
        process.start()
        process.join(draw.uniform(0.1, 1.5))
        killed += process.is_alive()
        process.kill()
        process.join()
    assert killed, "no kill fell into the work"
    with answering(home) as gateway:
        run_once(gateway)
        found = answers_of(gateway)
        answered = Counter(answer[:3] for answer in answers(gateway) if answer[0] == "997")
        assert answered == {("997", f"{control}.edi", f"{control:09d}"): 1 for control in controls}
        texts = [text for name, text in found.items() if name.startswith("997")]
        assert Counter(body(text, "AK1")[0] for text in texts) == {f"AK1*SW*{control}": 1 for control in controls}
        numbers = [int(re.findall(r"\d{9}", name)[0]) for name in found if name.endswith("edi")]
        assert sorted(numbers) == list(range(1, 2 * len(controls) + 1))
        assert not list((home / "outbound" / "3pl-east").glob(".*"))
        assert verify.verify(gateway.lake) == []


def test_the_daemon_answers_and_tries_again_when_that_fails(
    home: Path, drop: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    with answering(home) as gateway:
        drop("3pl-east", "good.edi", shipments(7))
        lane = build(home, gateway.settings, gateway.lake.folder)[0]
        lane.transport._stillness.still_s = 0.0  # type: ignore[attr-defined]
        daemon = Daemon(Intake(gateway), [lane])
        daemon._answer()
        daemon._take(dict.fromkeys(lane.transport.poll(), lane))
        with monkeypatch.context() as patch:

            def fail() -> list[Path]:
                raise HouseError("write", "outbound", "Check disk space.")

            patch.setattr(daemon._dispatch, "write", fail)
            daemon._answer()
        assert answers_of(gateway) == {}
        daemon._answers_back_off.worked()
        daemon._answer()
        assert len(answers_of(gateway)) == 3


# --- other people's readers ---------------------------------------------------------------------------


def test_pyx12_reads_every_answer_without_an_error(home: Path, drop: Put) -> None:
    reader_of = pytest.importorskip("pyx12.x12file", reason="pyx12 is not installed").X12Reader
    long = b"LX*1" + b"*" * 1000 + b"~"
    with answering(home) as gateway:
        drop("3pl-east", "good.edi", shipments(7, 1, 2))
        drop("3pl-east", "set.edi", shipments(8, 1, 2, 3).replace(b"SE*7*0002", b"SE*9*0002"))
        drop("3pl-east", "long.edi", shipments(9, 1, 2).replace(b"LX*1~", long, 1))
        drop("3pl-east", "group.edi", shipments(10).replace(b"GE*1*10", b"GE*5*11"))
        drop("3pl-east", "stock.edi", interchange("846", "IB", DAY, 20, [stock("7", "many")]))
        run_once(gateway)
    paths = sorted((home / "outbound" / "3pl-east").glob("*.edi"))
    assert Counter(path.name[:3] for path in paths) == {"ta1": 5, "997": 5, "824": 1}
    for path in paths:
        with reader_of(str(path)) as reader:
            assert list(reader) and reader.pop_errors() == [], path.name


CLAIM = ("837", "0021")


def judged(*errors: Fault, refusal: Fault | None = None, group: Sequence[Fault] = (), version: str = "") -> Interchange:
    """A group of one good claim and one with these errors."""
    kind, control = CLAIM
    implementation = version or "004010X098A1"
    messages = [
        Message(kind, "0020", (kind, version), 3),
        Message(kind, control, (kind, version), 20, errors, refusal),
    ]
    sets = Group(2, "HC", ("SENDER",), ("RECEIVER",), "17", implementation, "20261120", "2300", list(group), messages)
    partners = (("SENDER", "ZZ", ""), ("RECEIVER", "ZZ", ""))
    return Interchange("x12", 1, "000000001", *partners, "261120", "2300", "00401", groups=[sets])


JUDGED = [
    judged(),
    judged(Fault("FILE_REJECT", "segment NM1 has 31 elements", position="segment 27", column="NM1/31")),
    judged(Fault("FILE_REJECT", "segment NM1 has 1,001 elements", position="segment 27", column="NM1/1001")),
    judged(Fault("FILE_REJECT", "segment NM1 is too long", position="segment 27", column="NM1")),
    judged(*(Fault("CONTROL_TOTAL", "", position="segment 40", column=column) for column in ("SE01", "SE02"))),
    judged(Fault("CONTROL_TOTAL", "", position="segment 20", column="SE")),
    judged(refusal=Fault("FILE_REJECT", "no mapping names it")),
    judged(group=[Fault("CONTROL_TOTAL", "", position="segment 41", column="GE01", value="3")]),
    judged(group=[Fault("CONTROL_TOTAL", "", position="segment 2", column="GE")]),
]


@pytest.mark.parametrize("received", JUDGED)
@pytest.mark.parametrize("kind", ["997", "999"])
def test_pyx12_finds_each_997_and_999_as_its_standard_says(tmp_path: Path, received: Interchange, kind: str) -> None:
    document = pytest.importorskip("pyx12.x12n_document", reason="pyx12 is not installed")
    params = pytest.importorskip("pyx12.params")
    [draft] = answers_of_x12.functional(received, kind, NOW)
    path = tmp_path / "answer.edi"
    path.write_text(draft.text(12))
    assert document.x12n_document(params.ParamsBase(), str(path), None, None)
    assert x12.units(ReadRequest(path, path.name, Limits())).faults == ()


def test_a_997_of_others_says_the_same_of_the_same_fault() -> None:
    """Of a published 997: segment NM1 of a claim has an error in element 8, the claim is rejected."""
    [sample] = corpus("x12", "staedi__simple997.edi") or [None]
    if sample is None:
        pytest.skip("the public samples are not at hand")
    theirs = body(sample.read_text().replace("\n", ""), "AK2", "AK3", "AK5", "AK9")
    received = judged(Fault("FILE_REJECT", "", position="segment 27", column="NM1/08"))
    del received.groups[0].messages[0]
    [draft] = answers_of_x12.functional(received, "997", NOW)
    assert body(draft.text(1), "AK2", "AK3", "AK5", "AK9") == theirs


@pytest.mark.filterwarnings("ignore:segments.xml not found")
def test_pydifact_reads_contrl_and_aperak_with_the_values_that_were_meant(home: Path, drop: Put) -> None:
    pytest.importorskip("pydifact", reason="pydifact is not installed")
    from pydifact.segmentcollection import Interchange

    with answering(home) as gateway:
        drop("3pl-eu", "stock.edi", UNB + message(*STOCK).replace("145:120", "145:a?'b") + "UNZ+1+77'")
        run_once(gateway)
    for name, tags in (
        ("contrl-000000001.edi", "UCI UCM"),
        ("aperak-000000002.edi", "BGM DTM RFF NAD NAD ERC FTX RFF"),
    ):
        read = Interchange.from_file(str(home / "outbound" / "3pl-eu" / name))
        assert read.recipient == ["4012345000009", "14", "ROUTE+1"]
        [only] = read.get_messages()
        assert [segment.tag for segment in only.segments] == tags.split()
        texts = [" ".join(segment.elements[3]) for segment in only.segments if segment.tag == "FTX"]
        assert all('"a\'b"' in text for text in texts) and len(texts) == tags.count("FTX")
