"""Documents for partners from the ledger: the right lines, once, whatever happens, readable by others."""

from __future__ import annotations

import random
import re
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from gateway import settings as configuration
from gateway.answers import x12_acknowledgements as answers_of
from gateway.answers.envelopes import Findings, interchanges
from gateway.books.reconcile import Outcome
from gateway.daemon import Daemon
from gateway.dispatch import Dispatch
from gateway.documents import schedule
from gateway.errors import HouseError
from gateway.formats.edi import edifact, x12
from gateway.home import Home, open_home
from gateway.intake.attempt import attempt
from gateway.intake.take import Intake
from gateway.ledger import verify
from gateway.mapping.library import load
from gateway.once import run_once
from gateway.outgoing import outbox
from gateway.reading import ReadRequest
from gateway.settings import Limits, Send
from gateway.transports import build
from tests.conftest import reconcile_only
from tests.processes import process_of

Put = Callable[[str, str, bytes | str], Path]
ROOT = Path(__file__).parents[2] / "mappings"
NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)
WHO = 'partner = "3pl-east"\nsender = "ZZ/GATEWAY"\nreceiver = "ZZ/3PLEAST"\n'
STOCK = f'[[send]]\nname = "stock"\ndocument = "846"\n{WHO}locations = ["DC1"]\nstatuses = ["AVAILABLE", "DAMAGED"]\n'
REPORT = STOCK.replace('"stock"', '"report"').replace('"846"', '"INVRPT"').replace("ZZ/", "14/") + 'names = "GTIN"\n'
ORDERS = f'[[send]]\nname = "orders"\ndocument = "940"\n{WHO}locations = ["3PL-E"]\nsince = 2026-11-01\n'
TRANSFERS = ORDERS.replace('"orders"', '"transfers"').replace('"940"', '"943"')
RETURNS = f'[[send]]\nname = "returns"\ndocument = "180"\n{WHO}names = "VENDOR"\nsince = 2026-11-01\n'
ITEMS = "sku,name,uom,safety-stock\nSKU-1,Mug,EA,20\nSKU-2,Lamp,EA,\nSKU-3,Vase,EA,\n"
ALIASES = (
    "partner,id-type,external-id,sku,pack-qty,valid-from,valid-to\n,3PL,E1,SKU-1,1,,\n,3PL,E2-3,SKU-2,3,,\n"
    ",3PL,E4,SKU-4,1,,\n,GTIN,4000000000017,SKU-1,1,,\n,GTIN,4000000000024,SKU-2,1,,\n,VENDOR,V-1,SKU-1,1,,\n"
)
HEAD = {
    "orders": "order,line,ordered,status,promise,sku,qty,location,name,street,city,region,postcode,country",
    "transfers": "no,line,at,sku,qty,from,to,lot",
    "advices": "asn,line,po,supplier,to,shipped,eta,sku,qty",
    "returns": "rma,order,line,sku,qty,reason,disposition,at,location",
    "opening": "sku,location,status,qty",
}
MAPPINGS = {
    "orders": (
        "order_line",
        '["order_id", "line_no"]',
        """
order_id = "order"
line_no = "line"
ordered_at = "ordered"
channel = { constant = "amazon-us" }
order_status = "status"
promise_at = "promise"
sku = "sku"
qty = "qty"
list_amount = { constant = "0" }
currency = { constant = "USD" }
location = "location"
ship_to_name = "name"
ship_to_street = "street"
ship_to_city = "city"
ship_to_region = "region"
ship_to_postcode = "postcode"
ship_to_country = "country"
""",
    ),
    "transfers": (
        "inventory_movement",
        '["document_no", "document_line"]',
        """
document_no = "no"
document_line = "line"
document_type = { constant = "TRANSFER" }
occurred_at = "at"
sku = "sku"
qty = "qty"
from_location = "from"
from_status = { constant = "AVAILABLE" }
to_location = "to"
to_status = { constant = "XFER_TRANSIT" }
type = { constant = "TRANSFER" }
lot = "lot"
""",
    ),
    "advices": (
        "asn_line",
        '["asn", "line_no"]',
        """
asn = "asn"
line_no = "line"
po = "po"
supplier = "supplier"
location = "to"
shipped_at = "shipped"
eta = "eta"
sku = "sku"
qty = "qty"
""",
    ),
    "returns": (
        "return_event",
        '["rma", "line_no"]',
        """
stage = { constant = "AUTHORISED" }
rma = "rma"
order_id = "order"
line_no = "line"
sku = "sku"
qty = "qty"
reason = "reason"
disposition = "disposition"
occurred_at = "at"
location = "location"
""",
    ),
    "opening": (
        "inventory_movement",
        '["sku", "to_location", "to_status"]',
        """
occurred_at = { constant = "2026-11-01" }
sku = "sku"
from_location = { constant = "ADJUST" }
from_status = { constant = "ADJUST" }
to_location = "location"
to_status = "status"
qty = "qty"
type = { constant = "OPENING" }
""",
    ),
}


@pytest.fixture(scope="session")
def _stocked(laid_down: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with items and aliases, and a partner `own` with a feed for each kind of row."""
    home = Path(shutil.copytree(laid_down, tmp_path_factory.mktemp("stocked") / "home"))
    reconcile_only(home, "j")
    settings = home / "config.toml"
    settings.write_text(f'{settings.read_text()}\n[partners.own]\nentity = "US"\n')
    for name, (table, key, fields) in MAPPINGS.items():
        path = home / "mappings" / "own" / f"{name}.toml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(
            f'feed = "own.{name}"\npartner = "own"\n[file]\nmatch = ["{name}*"]\nformat = "delimited"\n'
            f'[[record]]\ntype = "{table}"\nkey = {key}\n[record.fields]{fields}'
        )
    for name, text in (("items.csv", ITEMS), ("aliases.csv", ALIASES)):
        (home / "inbound" / "master-data" / name).write_text(text)
    with open_home(home, now=NOW) as gateway, pytest.MonkeyPatch.context() as patch:
        patch.setattr("gateway.once.run_books", lambda home: Outcome())
        patch.setattr("gateway.once.write_workbooks", lambda *_, **__: [])
        assert [file.state for file in run_once(gateway).files] == ["ACCEPTED", "ACCEPTED"]
    return home


@pytest.fixture
def home(tmp_path: Path, _stocked: Path, without_workbooks: None) -> Path:
    return Path(shutil.copytree(_stocked, tmp_path / "home"))


@contextmanager
def sending(home: Path, *sends: str, now: datetime = NOW) -> Iterator[Home]:
    """A gateway that sends 3pl-east these documents too."""
    settings = home / "config.toml"
    settings.write_text("\n".join([settings.read_text(), *sends]))
    with open_home(home, now=now) as gateway:
        yield gateway


def given(drop: Put, kind: str, *rows: str, name: str = "") -> None:
    drop("own", name or f"{kind}.csv", "\n".join([HEAD[kind], *rows]) + "\n")


def sent_to_east(home: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted((home / "outbound" / "3pl-east").glob("*.edi"))}


def segments(text: str) -> list[str]:
    return re.split("[~']", text)[2:-3]


def read_back(gateway: Home, home: Path, name: str, pack: str) -> list[dict[str, Any]]:
    """The rows that the standard pack makes of a file of ours."""
    found, faults = load.load_file(ROOT / "standard" / f"{pack}.toml", ROOT)
    assert found is not None and faults == []
    outcome = attempt(gateway, found, home / "outbound" / "3pl-east" / name)
    assert not outcome["held"] and outcome["faults"] == []
    [rows] = outcome["records"].values()
    return list(rows)


def picked(rows: list[dict[str, Any]], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row.get(name) for name in names) for row in rows]


def exceptions(gateway: Home) -> list[tuple[Any, ...]]:
    return gateway.lake.con.execute(
        "select code, business_key from exception where reconciliation = 'j' and status = 'OPEN' order by all"
    ).fetchall()


# --- stock --------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("without_books")
def test_stock_is_sent_and_our_own_reader_finds_the_same(home: Path, drop: Put) -> None:
    """To the 846 of one location; to the INVRPT of the second, under GTINs; to the third what can be sold: less the
    safety stock, and never below nothing."""
    safe = STOCK.replace('"stock"', '"safe"').replace("DC1", "DC4") + "less_safety = true\n"
    with sending(home, STOCK, REPORT.replace("DC1", "DC3"), safe) as gateway:
        given(
            drop,
            "opening",
            "SKU-1,DC1,AVAILABLE,120",
            "SKU-1,DC1,DAMAGED,3",
            "SKU-2,DC1,AVAILABLE,10",
            "SKU-1,DC2,AVAILABLE,99",
            "SKU-1,DC3,AVAILABLE,120.5",
            "SKU-2,DC3,DAMAGED,2",
            "SKU-1,DC4,AVAILABLE,12",
            "SKU-2,DC4,AVAILABLE,6",
        )
        done = run_once(gateway)
        names = ["846-000000001.edi", "846-000000002.edi", "invrpt-000000001.edi"]
        assert sorted(path.name for path in done.acknowledgements) == names
        text, safe, report = sent_to_east(home).values()
        assert text.startswith("ISA*00*          *00*          *ZZ*GATEWAY        *ZZ*3PLEAST        *")
        assert segments(text) == [
            "ST*846*0001",
            "BIA*00*SI*1-1*20261120*0800",
            "N1*WH**92*DC1",
            "LIN*1*VN*E1",
            "QTY*33*120*EA",
            "QTY*74*3*EA",
            "LIN*2*VN*E2-3",
            "QTY*33*3*CA",
            "QTY*74*0*CA",
            "CTT*2",
            "SE*11*0001",
        ]
        rows = read_back(gateway, home, "846-000000001.edi", "x12/846")
        assert picked(rows, "location", "sku", "status", "qty", "as_of") == [
            ("DC1", "SKU-1", "AVAILABLE", "120.0000", "2026-11-20T08:00:00+00:00"),
            ("DC1", "SKU-1", "DAMAGED", "3.0000", "2026-11-20T08:00:00+00:00"),
            ("DC1", "SKU-2", "AVAILABLE", "9.0000", "2026-11-20T08:00:00+00:00"),
            ("DC1", "SKU-2", "DAMAGED", "0.0000", "2026-11-20T08:00:00+00:00"),
        ]
        assert verify.verify(gateway.lake) == []
        assert report.startswith("UNB+UNOC:3+GATEWAY:14+3PLEAST:14+")
        rows = read_back(gateway, home, "invrpt-000000001.edi", "edifact/INVRPT")
        assert picked(rows, "location", "sku", "status", "qty") == [
            ("DC3", "SKU-1", "AVAILABLE", "120.5000"),
            ("DC3", "SKU-1", "DAMAGED", "0.0000"),
            ("DC3", "SKU-2", "AVAILABLE", "0.0000"),
            ("DC3", "SKU-2", "DAMAGED", "2.0000"),
        ]
        assert [s for s in segments(safe) if s.startswith("QTY*33")] == ["QTY*33*0*EA", "QTY*33*2*CA"]


@pytest.mark.usefixtures("without_books")
def test_stock_is_sent_once_each_time_its_schedule_comes(home: Path, drop: Put) -> None:
    with sending(home, STOCK) as gateway:
        given(drop, "opening", "SKU-1,DC1,AVAILABLE,12")
        run_once(gateway)
        assert run_once(gateway).acknowledgements == []
    with sending(home, now=datetime(2026, 11, 21, 5, 59, tzinfo=UTC)) as gateway:
        assert run_once(gateway).acknowledgements == []
    with sending(home, now=datetime(2026, 11, 21, 6, 0, tzinfo=UTC)) as gateway:
        assert [path.name for path in run_once(gateway).acknowledgements] == ["846-000000002.edi"]
        assert run_once(gateway).acknowledgements == []


@pytest.mark.usefixtures("without_books")
def test_a_clock_that_was_years_ahead_does_not_silence_a_schedule(home: Path, drop: Put) -> None:
    with sending(home, STOCK, now=at("2036-01-01 12:00")) as gateway:
        given(drop, "opening", "SKU-1,DC1,AVAILABLE,12")
        dispatch = Dispatch(gateway)
        assert [path.name for path in run_once(gateway).acknowledgements] == ["846-000000001.edi"]
        dispatch.write()
        gateway._now = at("2026-11-21 12:00")
        assert dispatch.is_due()
        assert [path.name for path in dispatch.write()] == ["846-000000002.edi"]
        assert not dispatch.is_due() and dispatch.write() == []


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("every", "zone", "now", "slot"),
    [
        ("day", "UTC", "2026-11-20 05:59", "2026-11-19 06:00"),
        ("day", "UTC", "2026-11-20 06:00", "2026-11-20 06:00"),
        ("day", "Europe/Berlin", "2026-11-20 05:00", "2026-11-20 05:00"),
        ("day", "Europe/Berlin", "2026-07-20 04:30", "2026-07-20 04:00"),
        ("day", "Pacific/Auckland", "2026-11-20 16:59", "2026-11-19 17:00"),
        ("hour", "Asia/Kolkata", "2026-11-20 07:45", "2026-11-20 07:30"),
        ("hour", "UTC", "2026-11-20 07:59", "2026-11-20 07:00"),
    ],
)
def test_a_schedule_is_in_the_time_of_its_place(every: str, zone: str, now: str, slot: str) -> None:
    send = configuration.parse(
        {
            "entities": {"US": {"currency": "USD"}},
            "partners": {"a": {"entity": "US"}},
            "send": [
                {
                    "name": "s",
                    "partner": "a",
                    "document": "846",
                    "sender": "ZZ/A",
                    "receiver": "ZZ/B",
                    "locations": ["X"],
                    "every": every,
                    "timezone": zone,
                }
            ],
        }
    ).send[0]
    assert isinstance(send, Send)
    assert schedule.slot(send, at(now)) == at(slot)


# --- orders, transfers, returns -----------------------------------------------------------------------

ORDER = "W-1,{line},2026-11-19,OPEN,2026-11-22,{sku},{qty},3PL-E,Jane Example,1 Sample Street,Springfield,IL,62701,US"


@pytest.mark.usefixtures("without_books")
def test_orders_transfers_advices_and_returns_are_sent_once_with_all_their_lines(home: Path, drop: Put) -> None:
    """Transfers and advices to the warehouse that gets them."""
    with sending(home, ORDERS, TRANSFERS, RETURNS) as gateway:
        given(
            drop,
            "orders",
            ORDER.format(line=1, sku="SKU-1", qty=24),
            ORDER.format(line=2, sku="SKU-2", qty=6),
            ORDER.format(line=1, sku="SKU-1", qty=1).replace("W-1", "W-2").replace("3PL-E", "DC1"),
            ORDER.format(line=1, sku="SKU-1", qty=1).replace("W-1", "W-3").replace("OPEN", "HELD"),
            ORDER.format(line=1, sku="SKU-1", qty=1).replace("W-1", "W-4").replace("11-19", "10-31"),
        )
        given(
            drop,
            "transfers",
            "TR-1,1,2026-11-19,SKU-1,12,DC1,3PL-E,L-7",
            "TR-1,2,2026-11-19,SKU-2,9,DC1,3PL-E,",
            "TR-2,1,2026-11-19,SKU-1,5,3PL-E,DC1,",
        )
        given(drop, "advices", "ASN-1,1,PO-7,Mugs Ltd,3PL-E,2026-11-18,2026-11-25,SKU-1,40")
        given(
            drop,
            "returns",
            "RMA-1,W-1,1,SKU-1,2,DEFECTIVE,REPAIR,2026-11-19,DC1",
            "RMA-2,W-2,1,SKU-1,1,DOES_NOT_FIT,,2026-11-19,DC1",
        )
        run_once(gateway)
        assert segments(sent_to_east(home)["940-000000001.edi"]) == [
            "ST*940*0001",
            "W05*N*W-1",
            "N1*WH**92*3PL-E",
            "N1*ST*Jane Example",
            "N3*1 Sample Street",
            "N4*Springfield*IL*62701*US",
            "G62*04*20261119",
            "G62*10*20261122",
            "LX*1",
            "W01*24*EA**VN*E1",
            "G69*Mug",
            "N9*LI*1",
            "LX*2",
            "W01*2*CA**VN*E2-3",
            "G69*Lamp",
            "N9*LI*2",
            "W76*26",
            "SE*18*0001",
        ]
        names = ("order_id", "line_no", "sku", "qty", "location", "promise_at", "order_status")
        assert picked(read_back(gateway, home, "940-000000001.edi", "x12/940"), *names) == [
            ("W-1", "1", "SKU-1", "24.0000", "3PL-E", "2026-11-22T00:00:00+00:00", "OPEN"),
            ("W-1", "2", "SKU-2", "6.0000", "3PL-E", "2026-11-22T00:00:00+00:00", "OPEN"),
        ]
        assert segments(sent_to_east(home)["943-000000002.edi"]) == [
            "ST*943*0001",
            "W06*F*ASN-1*20261118*PO-7",
            "N1*SF**92*Mugs Ltd",
            "N1*ST**92*3PL-E",
            "G62*17*20261125",
            "W27*ZZ",
            "W04*40*EA**VN*E1",
            "G69*Mug",
            "N9*LI*1",
            "W03*40",
            "SE*11*0001",
            "ST*943*0002",
            "W06*F*TR-1*20261119",
            "N1*SF**92*DC1",
            "N1*ST**92*3PL-E",
            "W27*ZZ",
            "W04*12*EA**VN*E1",
            "G69*Mug",
            "N9*LI*1",
            "N9*LT*L-7",
            "W04*3*CA**VN*E2-3",
            "G69*Lamp",
            "N9*LI*2",
            "W03*15",
            "SE*14*0002",
        ]
        names = ("document_no", "document_line", "sku", "qty", "from_location", "to_location", "lot")
        assert picked(read_back(gateway, home, "943-000000002.edi", "x12/943"), *names)[1:] == [
            ("TR-1", "1", "SKU-1", "12.0000", "DC1", "3PL-E", "L-7"),
            ("TR-1", "2", "SKU-2", "9.0000", "DC1", "3PL-E", None),
        ]
        names = ("rma", "order_id", "line_no", "sku", "qty", "reason", "disposition", "stage", "location")
        assert picked(read_back(gateway, home, "180-000000003.edi", "x12/180"), *names) == [
            ("RMA-1", "W-1", "1", "SKU-1", "2.0000", "DEFECTIVE", "REPAIR", "AUTHORISED", "DC1"),
            ("RMA-2", "W-2", "1", "SKU-1", "1.0000", "DOES_NOT_FIT", "RETURN", "AUTHORISED", "DC1"),
        ]
        assert run_once(gateway).acknowledgements == []
        given(drop, "orders", ORDER.format(line=1, sku="SKU-1", qty=5).replace("W-1", "W-9"), name="orders-2.csv")
        run_once(gateway)
        assert (
            "W05*N*W-9" in sent_to_east(home)["940-000000004.edi"]
            and "W-1~" not in sent_to_east(home)["940-000000004.edi"]
        )


def test_lines_that_cannot_be_sent_wait_as_exceptions_and_the_others_go(home: Path, drop: Put) -> None:
    with sending(home, ORDERS) as gateway:
        given(
            drop,
            "orders",
            ORDER.format(line=1, sku="SKU-1", qty=24),
            ORDER.format(line=2, sku="SKU-3", qty=1),
            ORDER.format(line=3, sku="SKU-2", qty=7),
            ORDER.format(line=4, sku="SKU-4", qty=1),
            ORDER.format(line="5*", sku="SKU-1", qty=1),
        )
        run_once(gateway)
        assert [s for s in segments(sent_to_east(home)["940-000000001.edi"]) if s.startswith(("N9", "W76"))] == [
            "N9*LI*1",
            "W76*24",
        ]
        assert exceptions(gateway) == [
            ("SEND_NO_ALIAS", "orders|SKU-3"),
            ("SEND_NO_UNIT", "orders|SKU-2|W-1|3"),
            ("SEND_NO_UNIT", "orders|SKU-4"),
            ("SEND_UNWRITABLE", "orders|SKU-1|W-1|5*"),
        ]
        drop("master-data", "aliases-2.csv", ALIASES.splitlines()[0] + "\n3pl-east,3PL,E3,SKU-3,1,,\n")
        run_once(gateway)
        assert "W01*1*EA**VN*E3" in sent_to_east(home)["940-000000002.edi"]
        assert ("SEND_NO_ALIAS", "orders|SKU-3") not in exceptions(gateway)


def test_an_order_that_changes_after_it_was_sent_is_an_exception_and_not_sent_again(home: Path, drop: Put) -> None:
    with sending(home, ORDERS) as gateway:
        given(drop, "orders", ORDER.format(line=1, sku="SKU-1", qty=24))
        run_once(gateway)
        given(drop, "orders", ORDER.format(line=1, sku="SKU-1", qty=20), name="orders-2.csv")
        assert run_once(gateway).acknowledgements == []
        assert exceptions(gateway) == [("SEND_CHANGED", "orders|W-1|1")]
        given(drop, "orders", ORDER.format(line=1, sku="SKU-1", qty="24.0"), name="orders-3.csv")
        run_once(gateway)
        assert exceptions(gateway) == []


@pytest.mark.usefixtures("without_books")
def test_a_test_is_marked_and_what_was_sent_as_a_test_is_sent_again_in_earnest(home: Path, drop: Put) -> None:
    with sending(home, ORDERS + "test = true\n") as gateway:
        given(drop, "orders", ORDER.format(line=1, sku="SKU-1", qty=24))
        run_once(gateway)
        assert "*0*T*>~GS*OW*" in sent_to_east(home)["940-000000001.edi"]
    settings = home / "config.toml"
    settings.write_text(settings.read_text().replace("test = true", "test = false"))
    with sending(home) as gateway:
        run_once(gateway)
        assert "*0*P*>~GS*OW*" in sent_to_east(home)["940-000000002.edi"]


# --- what the partner says of it ----------------------------------------------------------------------


def test_a_997_closes_what_was_sent_and_without_it_it_is_overdue(home: Path, drop: Put) -> None:
    agreement = '[partners.3pl-east.acknowledge]\nexpect = "997"\n'
    with sending(home, ORDERS, agreement, now=datetime.now(UTC)) as gateway:
        mapping = home / "mappings" / "3pl-east" / "997.toml"
        mapping.write_text('based_on = "standard/x12/997"\nfeed = "3pl-east.997"\npartner = "3pl-east"\n')
        given(drop, "orders", ORDER.format(line=1, sku="SKU-1", qty=24))
        run_once(gateway)
    with sending(home, now=datetime.now(UTC) + timedelta(hours=25)) as gateway:
        run_once(gateway)
        assert exceptions(gateway) == [("ACK_OVERDUE", "3pl-east|x12|1")]
        path = home / "outbound" / "3pl-east" / "940-000000001.edi"
        request = ReadRequest(path, path.name, Limits())
        [got] = interchanges(request, Findings(x12.units(request).units))
        [draft] = answers_of.functional(got, "997", NOW)
        drop("3pl-east", "997.edi", draft.text(500).replace("AK9*A*1*1*1", "AK9*A*1*0*0"))
        run_once(gateway)
        assert exceptions(gateway) == [("ACK_REJECTED", "3pl-east|x12|1")]
        drop("3pl-east", "997-2.edi", draft.text(501))
        run_once(gateway)
        assert exceptions(gateway) == []


# --- once, whatever happens ---------------------------------------------------------------------------


def once(home: Path) -> None:
    """A pass without the books, in a process of its own."""
    from gateway import once as passes

    passes.run_books = lambda home: Outcome()
    with sending(home) as gateway:
        run_once(gateway)


def catalog_time(home: Path) -> int:
    """When the ledger's catalog or its log was written to last, in nanoseconds."""
    return max(path.stat().st_mtime_ns for path in (home / "ledger").glob("catalog.sqlite*"))


@pytest.mark.usefixtures("without_books")
def test_killed_at_any_instant_each_order_is_sent_once(home: Path, drop: Put) -> None:
    with sending(home, ORDERS):
        pass
    for number in range(20):
        row = ORDER.format(line=1, sku="SKU-1", qty=1).replace("W-1", f"W-{number}")
        given(drop, "orders", row, name=f"orders-{number}.csv")
    settings = home / "config.toml"
    settings.write_text(f"{settings.read_text()}\n[limits]\nfiles_per_commit_max = 2\n")
    draw = random.Random(2)
    killed = 0
    for _ in range(4):
        before = catalog_time(home)
        process = process_of(once, home)
        process.start()
        # From the first commit on it is at work, however fast or slow the machine is.
        while process.is_alive() and catalog_time(home) == before:
            time.sleep(0.005)
        process.join(draw.uniform(0.0, 0.4))
        killed += process.is_alive()
        process.kill()
        process.join()
    assert killed, "no kill fell into the work"
    with sending(home) as gateway:
        run_once(gateway)
        found = sent_to_east(home)
        orders = Counter(re.findall(r"W05\*N\*([^~]+)~", "".join(found.values())))
        assert orders == {f"W-{number}": 1 for number in range(20)}
        assert list(found) == [f"940-{number:09d}.edi" for number in range(1, len(found) + 1)]
        assert verify.verify(gateway.lake) == []


@pytest.mark.usefixtures("without_books")
def test_what_was_composed_before_a_crash_is_written_afterwards_as_it_was(
    home: Path, drop: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with sending(home, ORDERS) as gateway:
        given(drop, "orders", ORDER.format(line=1, sku="SKU-1", qty=24))
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(outbox, "write", crash)
            run_once(gateway)
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr("gateway.documents.compose.write_atomically", crash)
            run_once(gateway)
        assert sent_to_east(home) == {}
    with sending(home) as gateway:
        assert [path.name for path in run_once(gateway).acknowledgements] == ["940-000000001.edi"]
        assert run_once(gateway).acknowledgements == []


@pytest.mark.usefixtures("without_books")
def test_the_daemon_sends_stock_when_its_schedule_comes_without_any_file(home: Path, drop: Put) -> None:
    with sending(home, STOCK) as gateway:
        given(drop, "opening", "SKU-1,DC1,AVAILABLE,12")
        run_once(gateway)
        daemon = Daemon(Intake(gateway), [build(home, gateway.settings, gateway.lake.folder)[0]])
        daemon._answer()
        daemon._answer()
        assert list(sent_to_east(home)) == ["846-000000001.edi"]
        gateway._now = datetime(2026, 11, 21, 6, 1, tzinfo=UTC)
        daemon._answer()
        daemon._answer()
        assert list(sent_to_east(home)) == ["846-000000001.edi", "846-000000002.edi"]


# --- settings -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"locations": []}, "Fix: name the `locations`"),
        ({"document": "940"}, "a 940 needs `since`. Fix: add the first day"),
        ({"timezone": "Mars/Base"}, "there is no time zone"),
        ({"version": "D96A"}, "cannot be written"),
        ({"partner": "nobody"}, '"nobody" is not one of'),
        ({"sender": "GATEWAY"}, "`send[1].sender`"),
    ],
)
def test_a_wrong_setting_is_reported(change: dict[str, Any], said: str) -> None:
    send = {"name": "s", "partner": "a", "document": "846", "sender": "ZZ/A", "receiver": "ZZ/B", "locations": ["X"]}
    raw = {"entities": {"US": {"currency": "USD"}}, "partners": {"a": {"entity": "US"}}, "send": [{**send, **change}]}
    with pytest.raises(HouseError, match=re.escape(said)):
        configuration.parse(raw)


# --- other people's readers ---------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:segments.xml not found")
@pytest.mark.usefixtures("without_books")
def test_our_own_readers_pyx12_and_pydifact_read_every_document_without_an_error(home: Path, drop: Put) -> None:
    with sending(home, STOCK, REPORT, ORDERS, TRANSFERS, RETURNS) as gateway:
        given(drop, "opening", "SKU-1,DC1,AVAILABLE,120", "SKU-2,DC1,DAMAGED,3")
        given(drop, "orders", ORDER.format(line=1, sku="SKU-1", qty=24))
        given(drop, "transfers", "TR-1,1,2026-11-19,SKU-1,12,DC1,3PL-E,L-7")
        given(drop, "returns", "RMA-1,W-1,1,SKU-1,2,DEFECTIVE,REPAIR,2026-11-19,DC1")
        paths = run_once(gateway).acknowledgements
    assert Counter(path.name.split("-")[0] for path in paths) == dict.fromkeys(
        ("846", "invrpt", "940", "943", "180"), 1
    )
    of_x12 = [path for path in paths if not path.name.startswith("invrpt")]
    for path in paths:
        envelope = (x12 if path in of_x12 else edifact).units(ReadRequest(path, path.name, Limits()))
        assert envelope.faults == () and [unit.faults for unit in envelope.units] == [()], path.name
    assert sorted(int(path.stem.split("-")[1]) for path in of_x12) == [1, 2, 3, 4]

    reader_of = pytest.importorskip("pyx12.x12file", reason="pyx12 is not installed").X12Reader
    for path in of_x12:
        with reader_of(str(path)) as reader:
            assert list(reader) and reader.pop_errors() == [], path.name

    segmentcollection = pytest.importorskip("pydifact.segmentcollection", reason="pydifact is not installed")
    [path] = set(paths) - set(of_x12)
    [only] = segmentcollection.Interchange.from_file(str(path)).get_messages()
    quantities = [segment.elements[0] for segment in only.segments if segment.tag == "QTY"]
    assert quantities[0] == ["145", "108", "PCE"] and Decimal(quantities[-1][1]) == 3
