"""A version that replaces its document: what the ledger then holds is what it would hold had only that version come."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import NamedTuple

import pytest

from gateway import init as homes
from gateway.home import Home, open_home
from gateway.model import MAPPABLE
from gateway.once import run_once
from tests.conftest import NOW

pytestmark = pytest.mark.usefixtures("without_workbooks")

STANDARD = Path(__file__).parents[1] / "mappings" / "standard"


class Case(NamedTuple):
    """The sample of a pack; the begin of its last line; what says of its second version that it replaces the first."""

    pack: str
    sample: str
    line: str
    says: tuple[str, str]


CASES = (
    Case("x12/180", "180.edi", "BLI", ("BGN*11", "BGN*05")),
    Case("x12/846", "846.edi", "LIN", ("BIA*00", "BIA*05")),
    Case("x12/850", "850.edi", "PO1", ("BEG*00", "BEG*05")),
    Case("x12/856", "856.edi", "HL", ("BSN*00", "BSN*05")),
    Case("x12/856-supplier", "856-supplier.edi", "HL", ("BSN*00", "BSN*05")),
    Case("x12/861", "861.edi", "RCD", ("*00*1~", "*05*1~")),
    Case("x12/867", "867.edi", "PTD*IB", ("BPT*00", "BPT*05")),
    Case("x12/947", "947.edi", "W19*CR", ("*ADJ-9001", "*ADJ-9001*ADJ-9001*05")),
    Case("edifact/ORDERS", "ORDERS.edi", "LIN", ("+9'", "+5'")),
    Case("edifact/DESADV", "DESADV.edi", "LIN", ("+9'", "+5'")),
    Case("edifact/RECADV", "RECADV.edi", "LIN", ("+9'", "+5'")),
    Case("edifact/INVRPT", "INVRPT.edi", "LIN", ("+9'", "+5'")),
    Case(
        "ubl/receipt-advice", "receipt-advice.xml", "cac:ReceiptLine", ("<cbc:IssueDate>", "{Revised}<cbc:IssueDate>")
    ),
    Case("ubl/despatch-advice", "despatch-advice.xml", "cac:DespatchLine", ("<cbc:IssueDate>", "{5}<cbc:IssueDate>")),
    Case("ubl/order", "order.xml", "cac:OrderLine", ("<cbc:IssueDate>", "{Revised}<cbc:IssueDate>")),
    Case("gs1/receiving-advice", "receiving-advice.xml", "receivingAdviceLineItem", ("<receivingDateTime>", "")),
    Case("cxml/order-request", "order-request.xml", "ItemOut", ('type="new"', 'type="Update"')),
    Case("cxml/ship-notice", "ship-notice.xml", "ShipNoticeItem", ('operation="new"', 'operation="update"')),
)


if os.environ.get("DOCUMENTS") != "all":
    CASES = tuple(one for one in CASES if one.pack in {"x12/850", "x12/861", "edifact/DESADV", "gs1/receiving-advice"})


def versions(case: Case) -> tuple[str, str]:
    """The document of the sample, and a version without its last line that says that it replaces it."""
    text = (STANDARD / Path(case.pack).parent / "samples" / case.sample).read_text(encoding="utf-8")
    if case.sample.endswith(".xml"):
        *before, last = re.finditer(rf"\s*<{case.line}[ >].*?</{case.line}>", text, re.S)
        assert before
        return text, _saying(case, text[: last.start()] + text[last.end() :])
    end, element = ("~", "*") if case.pack.startswith("x12") else ("'", "+")
    segments = [one.strip() for one in re.split(rf"(?<!\?){end}", text) if one.strip() and not one.startswith("UNA")]
    first = _interchange(segments, element, end, "1")
    return first, _saying(case, _interchange(segments, element, end, "2", without=case.line))


def _saying(case: Case, text: str) -> str:
    said = re.sub(r"\{(\w+)\}", r"<cbc:DocumentStatusCode>\1</cbc:DocumentStatusCode>", case.says[1])
    if case.pack.startswith("gs1"):
        said = "<documentActionCode>CHANGE_BY_REFRESH</documentActionCode>" + case.says[0]
    assert case.says[0] in text
    return (
        text.replace(case.says[0], said, 1).replace(">1,318.80<", ">958.80<").replace(">1318.80<", ">958.80<")
    )  # The totals of orders.


def _interchange(segments: list[str], element: str, end: str, number: str, without: str = "") -> str:
    """The first set or message alone, its last line of that name left out, with counts that are true."""
    last = next(n for n, one in enumerate(segments) if one.startswith(("SE" + element, "UNT" + element)))
    head = [one for one in segments[:last] if not one.startswith("AMT" + element)]
    gone = 0
    if without:
        cut = max(n for n, one in enumerate(head) if one.startswith(without + element))
        summary = next((n for n in range(cut, len(head)) if head[n].startswith(("CTT", "CNT"))), len(head))
        gone = sum(one.startswith(without.split(element, maxsplit=1)[0] + element) for one in head[cut:summary])
        head = head[:cut] + head[summary:]
    begin = next(n for n, one in enumerate(head) if one.startswith(("ST" + element, "UNH" + element)))
    head = [re.sub(r"^(CTT\*)(\d+).*|^(CNT\+2:)(\d+)", lambda one: _fewer(one, gone), one) for one in head]
    trailer = segments[last].split(element)
    trailer[1] = str(len(head) - begin + 1)
    whole = [*head, element.join(trailer)]
    for one in segments[last:]:
        if one.startswith("GE*"):
            whole.append(re.sub(r"\*\d+\*", "*1*", one, count=1))
    whole.append(re.sub(r"([*+])\d+", r"\g<1>1", segments[-1], count=1))
    return "".join(one + end + "\n" for one in whole).replace(_control(segments[0], element), f"{number:0>9}")


def _control(header: str, element: str) -> str:
    return header.split(element)[13 if header.startswith("ISA") else 5]


def _fewer(count: re.Match[str], fewer: int) -> str:
    head, number = (count[1], count[2]) if count[1] else (count[3], count[4])
    return f"{head}{int(number) - fewer}"


def held(gateway: Home, partner: str) -> dict[str, list[tuple[object, ...]]]:
    """Table → what holds now of a partner, without what leads to its files."""
    found = {}
    for name, table in MAPPABLE.items():
        own = "and reversal_of is null" if table.column("reversal_of") else ""
        columns = ", ".join(f'cast("{column.name}" as varchar)' for column in table.columns)
        rows = gateway.lake.con.execute(
            f"""select {columns} from "{table.present}"
            where partner = '{partner}' {own} order by all"""
        ).fetchall()
        found |= {name: rows} if rows else {}
    return found


def sender(text: str) -> str:
    if text.startswith("ISA"):
        parts = text.split("*")
        return f"{parts[5]}/{parts[6].strip()}"
    found = re.match(r"UNB\+[^+]+\+(\w+):(\w+)", text)
    return f"{found[2]}/{found[1]}" if found else "ZZ/NOBODY"


def partner_of(kind: str, case: Case) -> str:
    return f"{kind}-{case.pack.replace('/', '-').lower()}"


def give(home: Path, texts: dict[Case, tuple[str, str]], kind: str, version: int) -> None:
    for case, text in texts.items():
        folder = home / "inbound" / partner_of(kind, case)
        (folder / f"{version}-{case.sample}").write_text(text[version], encoding="utf-8")


def test_a_document_that_is_taken_back_leaves_no_line_and_one_that_nobody_knows_is_reported(tmp_path: Path) -> None:
    home = tmp_path / "home"
    homes.lay_down(home, examples=False)
    ubl, advice = (STANDARD / "ubl" / "samples", (STANDARD / "x12" / "samples" / "945.edi").read_text())
    with (home / "config.toml").open("a", encoding="utf-8") as settings:
        for partner, pack in (("buyer", "ubl/order"), ("early", "ubl/order"), ("depot", "x12/945")):
            settings.write(f'\n[partners.{partner}]\nentity = "US"\nsenders = ["ZZ/3PLEAST"]\n')
            own = home / "mappings" / partner / "feed.toml"
            own.parent.mkdir()
            own.write_text(f'based_on = "standard/{pack}"\nfeed = "{partner}.feed"\npartner = "{partner}"\n')
            (home / "inbound" / partner).mkdir(parents=True)
    other = advice.replace("000004501", "000004502")
    with open_home(home, now=NOW) as gateway:

        def taken(**given: str) -> dict[str, dict[str, int]]:
            for partner, text in given.items():
                (home / "inbound" / partner / f"order-{len(text)}.xml").write_text(text, encoding="utf-8")
            states = {(file.state, file.reason) for file in run_once(gateway).files}
            assert states == {("ACCEPTED", "")}
            return {one: {table: len(rows) for table, rows in held(gateway, one).items()} for one in given}

        order, change, cancelled = ((ubl / f"order{kind}.xml").read_text() for kind in ("", "-change", "-cancellation"))
        assert taken(buyer=order, early=cancelled, depot=advice) == {
            "buyer": {"order_line": 2},
            "early": {},
            "depot": {"shipment_line": 7, "inventory_movement": 6},
        }
        replaced = re.sub(r"(W06[^~]*SH-880001[^~]*)~", r"\1******RX~", other).replace(
            "W12*CC*2*2*0*EA**VN*E00001~\n", ""
        )
        replaced = replaced.replace("LX*1~\nMAN*CP*1Z999AA10123456784~\n", "").replace("W03*8*", "W03*6*")
        assert taken(buyer=change, depot=replaced.replace("SE*22*", "SE*19*")) == {
            "buyer": {"order_line": 2},
            "depot": {"shipment_line": 6, "inventory_movement": 5},
        }
        lines = (
            "select line_no, cast(qty as int), order_status from order_line_current where partner = 'buyer' order by 1"
        )
        assert gateway.lake.con.execute(lines).fetchall() == [("10", 60, "OPEN"), ("20", 8, "CANCELLED")]
        deleted = advice.replace("000004501", "000004503")
        deleted = deleted.replace("SH-880001**PO-4711~", "SH-880001**PO-4711******3~")
        deleted = deleted.replace("SH-880002~", "SH-880002********3~")
        assert taken(buyer=cancelled, depot=deleted) == {"buyer": {}, "depot": {}}
        doubts = (
            "select distinct f.partner, f.code from fault f join file using (file_id) where f.code not like '%UNKNOWN'"
        )
        assert gateway.lake.con.execute(doubts).fetchall() == [("early", "ROW_DOUBTFUL")]


def test_a_document_that_is_replaced_by_fewer_lines_is_what_the_last_version_says(tmp_path: Path) -> None:
    home = tmp_path / "home"
    homes.lay_down(home, examples=False)
    texts = {case: versions(case) for case in CASES}
    senders = sorted({sender(text) for text, _ in texts.values()})
    with (home / "config.toml").open("a", encoding="utf-8") as settings:
        for case in CASES:
            for kind in ("old", "new"):
                partner = partner_of(kind, case)
                settings.write(f'\n[partners.{partner}]\nentity = "US"\nsenders = {json.dumps(senders)}\n')
                own = home / "mappings" / partner / "feed.toml"
                own.parent.mkdir()
                own.write_text(f'based_on = "standard/{case.pack}"\nfeed = "{partner}.feed"\npartner = "{partner}"\n')
                (home / "inbound" / partner).mkdir(parents=True)
    with open_home(home, now=NOW) as gateway:
        give(home, texts, "old", 0)
        first = run_once(gateway).files
        before = {case: held(gateway, partner_of("old", case)) for case in CASES}
        give(home, texts, "old", 1)
        give(home, texts, "new", 1)
        second = run_once(gateway).files
        assert {(file.name, file.state, file.reason) for file in (*first, *second) if file.state != "ACCEPTED"} == set()
        for case in CASES:
            old, new = (held(gateway, partner_of(kind, case)) for kind in ("old", "new"))
            differ = {name: {*old.get(name, [])} ^ {*new.get(name, [])} for name in {*old, *new}}
            assert not any(differ.values()), (case.pack, differ)
            assert {table: len(rows) for table, rows in old.items()} != {
                table: len(rows) for table, rows in before[case].items()
            }, case.pack
        codes = gateway.lake.con.execute(
            "select distinct code, message from fault where code = 'LINE_MISSING'"
        ).fetchall()
        assert codes == []
