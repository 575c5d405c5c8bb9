"""The dates of DTM by the code of their format, and what one costs that cannot be read."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest

from gateway.home import Home
from gateway.mapping.compiler import dates
from gateway.mapping.language.spec import FieldSpec
from tests.conftest import MAPPINGS, case, tried

SPEC = FieldSpec.model_validate({"constant": "", "formats": ["dtm"], "timezone": "Europe/Berlin"})


@pytest.mark.parametrize(
    ("text", "day", "instant"),
    [
        ("20260109:102", date(2026, 1, 9), "2026-01-08 23:00"),
        ("260109:101", date(2026, 1, 9), "2026-01-08 23:00"),
        ("090126:2", date(2026, 1, 9), "2026-01-08 23:00"),
        ("2601090615:201", date(2026, 1, 9), "2026-01-09 05:15"),
        ("202601090615:203", date(2026, 1, 9), "2026-01-09 05:15"),
        ("20260109061530:204", date(2026, 1, 9), "2026-01-09 05:15"),
        ("202601090615+03:303", date(2026, 1, 9), "2026-01-09 03:15"),
        ("202601090615-0530:303", date(2026, 1, 9), "2026-01-09 11:45"),
        ("20260109061500UTC:304", date(2026, 1, 9), "2026-01-09 06:15"),
        ("202601090615CET:303", date(2026, 1, 9), "2026-01-09 05:15"),
        ("202601090615IST:303", None, None),
        ("26009:105", date(2026, 1, 9), "2026-01-08 23:00"),
        # Of a period the last day counts. Week 3 of 2026 ends on 18 January (ISO 8601).
        ("202602:610", date(2026, 2, 28), "2026-02-27 23:00"),
        ("202603:616", date(2026, 1, 18), "2026-01-17 23:00"),
        ("2026010920260115:718", date(2026, 1, 15), "2026-01-14 23:00"),
        ("20260109-20260115:718", date(2026, 1, 15), "2026-01-14 23:00"),
        ("26022603:715", date(2026, 1, 18), "2026-01-17 23:00"),
        ("2601090600-2601151200:713", date(2026, 1, 15), "2026-01-15 11:00"),
        ("2026:602", date(2026, 12, 31), "2026-12-30 23:00"),
        ("202601-202603:710", date(2026, 3, 31), "2026-03-30 22:00"),
        ("20260109", date(2026, 1, 9), "2026-01-08 23:00"),
        ("20260109:203", date(2026, 1, 9), "2026-01-08 23:00"),
        ("20260230:102", None, None),
        ("202654:616", None, None),
        ("20260109:999", None, None),
        ("202601090615ABC:303", None, None),
    ],
)
def test_a_date_is_read_by_the_code_beside_it(reader: Home, text: str, day: date | None, instant: str | None) -> None:
    moment = f"strftime({dates.instant('v', SPEC)}, '%Y-%m-%d %H:%M')"
    query = f"select {dates.day('v', SPEC)}, {moment} from (select '{text}' as v)"
    assert reader.lake.con.execute(query).fetchone() == (day, instant)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("20260109:D8", date(2026, 1, 9)),
        ("260109:D6", date(2026, 1, 9)),
        ("01092026:DB", date(2026, 1, 9)),
        ("010926:TT", date(2026, 1, 9)),
        ("26009:TU", date(2026, 1, 9)),
        ("202601090615:DT", date(2026, 1, 9)),
        ("0901260615:TR", date(2026, 1, 9)),
        ("20260109061530:RTS", date(2026, 1, 9)),
        ("202602:CM", date(2026, 2, 28)),
        ("2602:YM", date(2026, 2, 28)),
        ("0226:TQ", date(2026, 2, 28)),
        ("022026:MCY", date(2026, 2, 28)),
        ("202601-202602:RD5", date(2026, 2, 28)),
        ("2601-2602:RMY", date(2026, 2, 28)),
        ("01092026-01152026:RD", date(2026, 1, 15)),
        ("260109-260115:RD6", date(2026, 1, 15)),
        ("20260109-20260115:RD8", date(2026, 1, 15)),
        ("202601090615-20260115:DTD", date(2026, 1, 15)),
        ("20260109-202601150615:DDT", date(2026, 1, 15)),
        ("202601090615-202601150615:RDT", date(2026, 1, 15)),
        ("20260109061530-20260115061530:DTS", date(2026, 1, 15)),
        ("202611:D6", None),
        ("20260109:RD8", None),
        ("20260109", None),
        ("0615:TM", None),
    ],
)
def test_a_date_of_x12_is_read_by_the_code_beside_it(reader: Home, text: str, day: date | None) -> None:
    spec = SPEC.model_copy(update={"formats": ("dtp",)})
    query = f"select {dates.day('v', spec)} from (select '{text}' as v)"
    assert reader.lake.con.execute(query).fetchone() == (day,)


ORDER = (
    "ST*850*0001",
    "BEG*00*SA*PO1**20260101",
    "CUR*BY*USD",
    "DTM*010****RD8*20260109-20260115",
    "DTM*038*20260120",
    "PO1*1*5*EA*2.00**VN*A",
    "CTT*1",
)


def test_a_period_of_an_order_counts_to_its_last_day(reader: Home, tmp_path: Path) -> None:
    """DTM02 is not there (note R020305): DTM05 and DTM06 say that it is shipped from 9 to 15 January."""
    body = "~".join((*ORDER, f"SE*{len(ORDER) + 1}*0001"))
    head = "ISA*00*          *00*          *ZZ*A              *ZZ*B              *260101*0000*U*00401*000000001*0*P*>"
    path = tmp_path / "order.edi"
    path.write_text(f"{head}~GS*PO*A*B*20260101*0000*1*X*004010~{body}~GE*1*1~IEA*1*000000001~")
    [line] = tried(reader, MAPPINGS / "standard/x12/850.toml", path)["records"]["order_line"]
    assert line["promise_at"][:10] == "2026-01-15"


def test_orders_are_read_whatever_the_format_of_their_dates(reader: Home, tmp_path: Path) -> None:
    orders = MAPPINGS / "standard/edifact/ORDERS.toml"
    result = tried(reader, orders, case("edi-144-edifact-dtm-formats") / "in.edi")
    found = {r["order_id"]: (r["ordered_at"], r["promise_at"]) for r in result["records"]["order_line"]}
    assert {key: tuple(at and at[5:16].replace("T", " ") for at in value) for key, value in found.items()} == {
        "P303": ("01-09 05:15", None),
        "P101": ("01-09 00:00", None),
        "P610": ("01-09 00:00", "03-31 00:00"),
        "P616": ("01-09 00:00", "01-18 00:00"),
        "P718": ("01-09 00:00", "01-15 00:00"),
        "P204": ("01-09 00:00", "01-15 12:00"),
    }
    assert (result["counts"]["rejected"], result["held"]) == (0, False)
    # A promise that cannot be read costs the promise, and is reported; the order's own date costs the order.
    odd = tmp_path / "odd.edi"
    shutil.copy(case("edi-144-edifact-dtm-formats") / "in.edi", odd)
    odd.chmod(0o600)
    odd.write_bytes(odd.read_bytes().replace(b"202603:610", b"next week:610").replace(b"260109:101", b"monday:101"))
    result = tried(reader, orders, odd)
    assert {r["order_id"]: r["promise_at"] for r in result["records"]["order_line"]}["P610"] is None
    faults = {fault["code"]: fault for fault in result["faults"] if fault["code"] in ("ROW_REJECT", "FIELD_UNREAD")}
    assert {code: fault["value"] for code, fault in faults.items()} == {
        "ROW_REJECT": "monday:101",
        "FIELD_UNREAD": "next week:610",
    }
    assert "2379" in faults["FIELD_UNREAD"]["message"]
