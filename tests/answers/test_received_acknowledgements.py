"""What partners say of what they got: accepted closes it, and what is rejected, overdue or unknown is an exception."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from gateway.answers import edifact_acknowledgements as contrl_of
from gateway.answers import x12_acknowledgements as answers_of
from gateway.answers.envelopes import Findings, interchanges
from gateway.errors import Fault
from gateway.formats.edi import edifact, x12
from gateway.home import Home, open_home
from gateway.ledger import verify
from gateway.once import run_once
from gateway.reading import ReadRequest
from gateway.settings import Limits
from gateway.synthetic.edi import interchange
from tests.conftest import reconcile_only

Put = Callable[[str, str, bytes | str], Path]
DAY = date(2026, 11, 20)
AGREED = {
    "3pl-east": 'x12 = "997"\napplication = "824"\nexpect = "997"\nwithin_h = 12\n',
    "3pl-eu": 'application = "aperak"\nexpect = "contrl"\n',
}
STOCK = "".join(
    f"{line}'"
    for line in (
        "UNB+UNOC:3+4012345000009:14+4099999000003:14+261101:0600+77",
        "UNH+1+INVRPT:D:96A:UN:EAN004",
        "BGM+35+STK1+9",
        "DTM+366:202611010500:203",
        "NAD+WH+DC-EU::92",
        "LIN+1++4000000000017:EN",
        "PIA+5+SKU-1:SA",
        "QTY+145:many:PCE",
        "CNT+2:1",
        "UNT+9+1",
        "UNZ+1+77",
    )
)


@pytest.fixture(autouse=True)
def _without_workbooks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.once.write_workbooks", lambda *_, **__: [])


@contextmanager
def agreed(home: Path, hours: float = 0) -> Iterator[Home]:
    """A gateway so many hours from now, whose partners answer what they get."""
    config = home / "config.toml"
    if "acknowledge" not in config.read_text():
        reconcile_only(home, "j")
        config.write_text(
            f"{config.read_text()}\n[partners.3pl-east.acknowledge]\n{AGREED['3pl-east']}\n"
            '[partners.3pl-eu]\nentity = "EU"\nsenders = ["14/4012345000009"]\n'
            f"[partners.3pl-eu.acknowledge]\n{AGREED['3pl-eu']}\n"
        )
        for partner, *packs in (
            ("3pl-east", "x12/997", "x12/TA1"),
            ("3pl-eu", "edifact/CONTRL", "edifact/INVRPT-D96A"),
            ("eu-bank", "edifact/BANSTA", "iso20022/pain.002"),
        ):
            for pack in packs:
                mapping = home / "mappings" / partner / f"{pack.rpartition('/')[2]}.toml"
                mapping.parent.mkdir(exist_ok=True)
                mapping.write_text(
                    f'based_on = "standard/{pack}"\nfeed = "{partner}.{mapping.stem}"\npartner = "{partner}"\n'
                )
    with open_home(home, now=datetime.now(UTC) + timedelta(hours=hours)) as gateway:
        yield gateway


def advised(gateway: Home, drop: Put, *, test: bool = False) -> Path:
    """The 824 that goes to 3pl-east for a row that was rejected."""
    lines = ["BIA*00*SI*STK1*20261120*2300", "N1*WH*3PL East*92*3PL-E", "LIN*1*VN*SKU-1", "QTY*33*many*EA", "CTT*1"]
    content = interchange("846", "IB", DAY, 20, [lines])
    drop("3pl-east", "stock.edi", content.replace(b"*0*P*>", b"*0*T*>") if test else content)
    run_once(gateway)
    return next((gateway.folder / "outbound" / "3pl-east").glob("824-*.edi"), Path())


def answer(path: Path, number: int, *errors: Fault) -> str:
    """What the partner's gateway says of a file of ours, these errors in its first set."""
    module = x12 if path.read_bytes().startswith(b"ISA") else edifact
    request = ReadRequest(path, path.name, Limits())
    [got] = interchanges(request, Findings(module.units(request).units))
    got.groups[0].messages[0].errors = errors
    if module is edifact:
        return contrl_of.contrl(got, datetime.now(UTC)).text(number)
    [draft] = answers_of.functional(got, "997", datetime.now(UTC))
    return draft.text(number)


def exceptions(gateway: Home) -> list[tuple[str, str]]:
    """(code, document) of what is open in j."""
    return gateway.lake.con.execute(
        "select code, document from exception where reconciliation = 'j' and status = 'OPEN' order by all"
    ).fetchall()


def message_of(gateway: Home, code: str) -> str:
    row = gateway.lake.con.execute("select message from exception where code = ?", [code]).fetchone()
    assert row is not None
    return str(row[0])


def state(gateway: Home) -> list[tuple[str, str]]:
    """(document, state) of what was sent and is awaited or answered."""
    return gateway.lake.con.execute(
        "select document, state from recon_detail where reconciliation = 'j' order by all"
    ).fetchall()


def test_what_is_accepted_in_time_raises_nothing(home: Path, drop: Put) -> None:
    with agreed(home) as gateway:
        sent = advised(gateway, drop)
        assert state(gateway) == [("824-000000002.edi", "TIMING")]
        drop("3pl-east", "997.edi", answer(sent, 900))
        run_once(gateway)
        assert state(gateway) == [("824-000000002.edi", "MATCHED")] and exceptions(gateway) == []
    with agreed(home, 100) as gateway:
        run_once(gateway)
        assert exceptions(gateway) == []


def test_what_is_not_acknowledged_in_time_is_overdue_until_it_is(home: Path, drop: Put) -> None:
    with agreed(home) as gateway:
        sent = advised(gateway, drop)
    with agreed(home, 11) as gateway:
        run_once(gateway)
        assert exceptions(gateway) == []
    with agreed(home, 13) as gateway:
        run_once(gateway)
        assert exceptions(gateway) == [("ACK_OVERDUE", sent.name)]
        drop("3pl-east", "997.edi", answer(sent, 900))
        run_once(gateway)
        assert exceptions(gateway) == []
        life = gateway.lake.con.execute(
            "select event from exception_event where code = 'ACK_OVERDUE' order by version"
        ).fetchall()
        assert life == [("OPENED",), ("CLOSED",)]
        assert verify.verify(gateway.lake) == []


def test_a_rejection_says_what_and_where_and_a_later_acceptance_closes_it(home: Path, drop: Put) -> None:
    wrong = Fault("FILE_REJECT", "", position="segment 6", column="TED/02")
    with agreed(home) as gateway:
        sent = advised(gateway, drop)
        drop("3pl-east", "997.edi", answer(sent, 900, wrong))
        run_once(gateway)
        assert exceptions(gateway) == [("ACK_REJECTED", sent.name)]
        assert "set 0001 TED 4 2 3" in message_of(gateway, "ACK_REJECTED")
        # Another group of the same number is another group: it neither closes this one nor hides behind it.
        drop("3pl-east", "other.edi", answer(sent, 901).replace("AK1*AG*2", "AK1*SH*2"))
        run_once(gateway)
        assert exceptions(gateway) == [("ACK_REJECTED", sent.name), ("ACK_UNKNOWN", "SH 2")]
        drop("3pl-east", "997-again.edi", answer(sent, 902))
        run_once(gateway)
        assert exceptions(gateway) == [("ACK_UNKNOWN", "SH 2")]


def test_an_interchange_that_ta1_rejects_is_rejected_and_what_was_never_sent_is_reported(home: Path, drop: Put) -> None:
    with agreed(home) as gateway:
        sent = advised(gateway, drop)
        lines = answer(sent, 900).split("~")
        drop("3pl-east", "ta1.edi", f"{lines[0]}~TA1*000000002*261120*0800*R*006~IEA*0*000000900~")
        drop("3pl-east", "other.edi", answer(sent, 901).replace("AK1*AG*2", "AK1*AG*77"))
        drop("3pl-east", "kind.edi", answer(sent, 902).replace("AK1*AG*2", "AK1*SH*2"))
        run_once(gateway)
        assert exceptions(gateway) == [
            ("ACK_REJECTED", sent.name),
            ("ACK_UNKNOWN", "AG 77"),
            ("ACK_UNKNOWN", "SH 2"),
        ]


def test_answers_and_tests_are_not_awaited(home: Path, drop: Put) -> None:
    with agreed(home) as gateway:
        advised(gateway, drop, test=True)
        drop("3pl-east", "good.edi", interchange("847", "IB", DAY, 21, [["BIA*00*SI*1*20261120"]]))
        run_once(gateway)
        assert sorted(path.name[:3] for path in (home / "outbound" / "3pl-east").iterdir()) == ["824", "997", "997"]
    with agreed(home, 100) as gateway:
        run_once(gateway)
        assert exceptions(gateway) == []


def test_contrl_answers_what_was_sent_in_edifact_and_that_it_arrived_is_no_answer(home: Path, drop: Put) -> None:
    with agreed(home) as gateway:
        drop("3pl-eu", "stock.edi", STOCK)
        run_once(gateway)
        [sent] = (home / "outbound" / "3pl-eu").glob("aperak-*.edi")
        arrived = answer(sent, 51).replace(":14+7'", ":14+8'")
        assert ":14+8'" in arrived
        drop("3pl-eu", "contrl.edi", arrived)
    with agreed(home, 25) as gateway:
        run_once(gateway)
        assert exceptions(gateway) == [("ACK_OVERDUE", sent.name)]
        wrong = Fault("CONTROL_TOTAL", "", position="segment 9", column="UNT 0074")
        drop("3pl-eu", "contrl-2.edi", answer(sent, 52, wrong))
        run_once(gateway)
        assert exceptions(gateway) == [("ACK_REJECTED", sent.name)]
        assert "set 1 UNT 29" in message_of(gateway, "ACK_REJECTED")
        drop("3pl-eu", "contrl-3.edi", answer(sent, 53))
        run_once(gateway)
        assert exceptions(gateway) == []


def bansta(control: int, day: str, code: str) -> str:
    lines = (
        f"UNB+UNOC:3+KREDBEBB:25+5422331123459:14+261109:0730+{control}",
        "UNH+1+BANSTA:D:96A:UN:EAN001",
        f"BGM+XZ8::17+{control}+9",
        f"DTM+137:{day}:102",
        "LIN+1",
        "RFF+AEK:685432",
        "SEQ++1",
        f"GIS+{code}",
        "UNT+8+1",
        f"UNZ+1+{control}",
    )
    return "".join(f"{line}'" for line in lines)


def pain(control: int, day: str, code: str) -> str:
    head = f"<MsgId>{control}</MsgId><CreDtTm>{day[:4]}-{day[4:6]}-{day[6:]}T08:00:00</CreDtTm>"
    status = f"<OrgnlEndToEndId>685432</OrgnlEndToEndId><TxSts>{code}</TxSts>"
    body = f"<GrpHdr>{head}</GrpHdr><OrgnlPmtInfAndSts><TxInfAndSts>{status}</TxInfAndSts></OrgnlPmtInfAndSts>"
    return f'<Document xmlns="urn:p"><CstmrPmtStsRpt>{body}</CstmrPmtStsRpt></Document>'


def test_a_payment_order_that_the_bank_rejects_is_reported_until_it_is_accepted(home: Path, drop: Put) -> None:
    """By a BANSTA and by a pain.002; the newest of both counts."""
    with agreed(home) as gateway:
        for name, text, wanted in (
            ("status.edi", bansta(1, "20261109", "XD5"), [("ACK_REJECTED", "685432")]),
            ("status-2.edi", bansta(2, "20261110", "53"), []),
            ("pain-002-3.xml", pain(3, "20261111", "RJCT"), [("ACK_REJECTED", "685432")]),
            ("pain-002-4.xml", pain(4, "20261112", "ACSC"), []),
        ):
            drop("eu-bank", name, text)
            run_once(gateway)
            assert exceptions(gateway) == wanted


def test_a_partner_without_an_agreement_is_neither_overdue_nor_unknown(home: Path, drop: Put) -> None:
    with agreed(home) as gateway:
        acknowledge = gateway.settings.partners["3pl-east"].acknowledge.model_copy(update={"expect": "none"})
        partner = gateway.settings.partners["3pl-east"].model_copy(update={"acknowledge": acknowledge})
        gateway.settings = gateway.settings.model_copy(
            update={"partners": {**gateway.settings.partners, "3pl-east": partner}}
        )
        sent = advised(gateway, drop)
        drop("3pl-east", "other.edi", answer(sent, 900).replace("AK1*AG*2", "AK1*AG*77"))
        run_once(gateway)
        assert exceptions(gateway) == [] and state(gateway) == []
        wrong = Fault("FILE_REJECT", "", position="segment 6", column="TED/02")
        drop("3pl-east", "997.edi", answer(sent, 901, wrong))
        run_once(gateway)
        assert exceptions(gateway) == [("ACK_REJECTED", sent.name)]
