"""Each question gets the answer that its rows make; a number leads to its records and their places."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.books.stock import views as stock_views
from gateway.ledger import views
from gateway.model import MAPPABLE, TABLES
from gateway.reports import exceptions, files, journal, stock
from gateway.reports.trace import places, trace
from gateway.sql import identifier

AT = datetime(2026, 11, 2, 8, tzinfo=UTC)
PACKAGE = Path(__file__).parents[2] / "gateway"
Con = duckdb.DuckDBPyConnection


def ledger() -> Con:
    """Every table of the ledger in memory, empty, with the views over them."""
    con = duckdb.connect()
    have = {name: tuple((column.name, column.type) for column in table.all_columns) for name, table in TABLES.items()}
    for name, columns in have.items():
        con.execute(f"create table {name} ({', '.join(f'{identifier(column)} {kind}' for column, kind in columns)})")
    views.create(con, have)
    stock_views.create_views(con)
    return con


@pytest.fixture
def con() -> Iterator[Con]:
    with ledger() as made:
        yield made


def put(con: Con, table: str, *rows: dict[str, Any]) -> None:
    for row in rows:
        names = ", ".join(map(identifier, row))
        con.execute(f"insert into {table} ({names}) values ({', '.join('?' * len(row))})", list(row.values()))


def delivery(file_id: str, **more: Any) -> dict[str, Any]:
    return {
        "file_id": file_id,
        "version": 1,
        "name": f"{file_id}.csv",
        "partner": "amazon-us",
        "feed": "orders",
        "state": "ACCEPTED",
        "sha256": f"sha-{file_id}",
        "recorded_at": AT,
        "arrived_at": AT,
        "received": 10,
        "accepted": 9,
        "rejected": 1,
        "duplicate": 0,
        "ignored": 0,
    } | more


def exception(number: int, **more: Any) -> dict[str, Any]:
    return {
        "exception_id": f"e{number}",
        "version": 1,
        "event": "OPENED",
        "at": AT,
        "reconciliation": "a",
        "code": "QTY_SHORT",
        "business_key": f"k{number}",
        "severity": 2,
        "owner": "IC",
        "opened_at": AT,
        "due_at": AT + timedelta(days=2),
        "amount": None,
        "status": "OPEN",
        "message": "short",
    } | more


def line(entry: str, number: int, debit: str, credit: str, **more: Any) -> dict[str, Any]:
    return {
        "entry_id": entry,
        "line_no": number,
        "entity": "US",
        "date": AT.date(),
        "document": "S-1",
        "rule": "fee",
        "status": "POSTED",
        "account": "1100",
        "role": "receivable",
        "debit": Decimal(debit),
        "credit": Decimal(credit),
        "currency": "USD",
        "file_id": "f1",
    } | more


def test_files_are_counted_in_the_state_that_they_are_in_now(con: Con) -> None:
    put(con, "file", delivery("f1"), delivery("f2", state="HELD", reason="no total"))
    put(con, "file", delivery("f2", version=2, state="RELEASED"), delivery("f3", state="QUARANTINED", partner="ups"))
    assert files.by_state(con) == [
        {"state": "ACCEPTED", "files": 1, "rows": "10"},
        {"state": "QUARANTINED", "files": 1, "rows": "10"},
        {"state": "RELEASED", "files": 1, "rows": "10"},
    ]
    assert [(row["file_id"], row["state"], row["partner"]) for row in files.pending(con)] == [
        ("f3", "QUARANTINED", "ups")
    ]
    assert [row["partner"] for row in files.by_partner(con, AT)] == ["amazon-us", "ups"]
    assert files.by_partner(con, AT + timedelta(seconds=1)) == []
    assert files.received(con, ["name", "state"]).num_rows == 4


def test_open_exceptions_are_those_whose_last_event_left_them_open(con: Con) -> None:
    put(con, "exception_event", exception(1, amount=Decimal("5.50")), exception(2, owner="FS", severity=1, code="X"))
    put(con, "exception_event", exception(3), exception(3, version=2, event="CLOSED", status="CLOSED"))
    assert exceptions.keys(con) == {("QTY_SHORT", "k1"), ("X", "k2")}
    assert exceptions.by_owner(con) == [
        {"severity": 1, "owner": "FS", "count": 1},
        {"severity": 2, "owner": "IC", "count": 1},
    ]
    assert [(row["code"], row["open"], row["amount"]) for row in exceptions.by_code(con)] == [
        ("X", 1, None),
        ("QTY_SHORT", 1, "5.5000"),
    ]
    assert exceptions.open_now(con, ["exception_id", "source_file"]).to_pylist() == [
        {"exception_id": "e2", "source_file": None},
        {"exception_id": "e1", "source_file": None},
    ]


def test_exceptions_of_owners_are_as_severe_and_as_new_as_asked(con: Con) -> None:
    put(con, "exception_event", exception(1), exception(2, owner="FS"), exception(3, severity=4))
    put(con, "exception_event", exception(4), exception(4, version=2, event="CLOSED", status="CLOSED"))
    before, after = AT - timedelta(hours=1), AT + timedelta(hours=1)

    def ids(owners: list[str], severity: int = 4) -> list[str]:
        return [row["exception_id"] for row in exceptions.open_of(con, owners, severity, before)]

    assert (ids(["IC"]), ids(["IC"], 2), ids(["IC", "FS"], 2), ids([exceptions.ALL])) == (
        ["e1", "e3"],
        ["e1"],
        ["e1", "e2"],
        ["e1", "e2", "e3"],
    )
    assert ids([]) == ids(["O'x"]) == []
    assert {row["fresh"] for row in exceptions.open_of(con, ["IC"], 4, before)} == {True}
    assert {row["fresh"] for row in exceptions.open_of(con, ["IC"], 4, after)} == {False}
    assert [row["exception_id"] for row in exceptions.closed_of(con, ["IC"], before)] == ["e4"]
    assert exceptions.closed_of(con, ["FS"], before) == exceptions.closed_of(con, ["IC"], after) == []


@settings(deadline=None, max_examples=20)
@given(st.lists(st.tuples(st.integers(1, 10**9), st.sampled_from(["USD", "EUR"])), max_size=6))
def test_a_balanced_journal_has_a_trial_balance_of_zero(amounts: list[tuple[int, str]]) -> None:
    with ledger() as con:
        for number, (cents, currency) in enumerate(amounts):
            amount = str(Decimal(cents) / 100)
            put(con, "journal_line", line(f"j{number}", 1, amount, "0", currency=currency))
            put(con, "journal_line", line(f"j{number}", 2, "0", amount, currency=currency))
        found = {row["currency"]: row for row in journal.trial_balance(con)}
    assert found.keys() == {currency for _, currency in amounts}
    for currency, row in found.items():
        total = sum((Decimal(cents) / 100 for cents, of in amounts if of == currency), Decimal(0))
        assert (Decimal(row["debit"]), Decimal(row["credit"]), Decimal(row["balance"])) == (total, total, 0)


def test_a_line_names_the_place_of_its_record_and_how_many_there_are(con: Con) -> None:
    put(con, "file", delivery("f1"), delivery("f2"))
    put(con, "settlement_line", *({"record_id": f"r{n}", "file_id": "f2", "position": f"line {n}"} for n in (1, 2, 3)))
    put(con, "journal_line", line("j1", 1, "5", "0", file_id=""), line("j1", 2, "0", "5"), line("j2", 1, "1", "0"))
    put(con, "journal_source", {"entry_id": "j1", "line_no": 1, "record_id": "r1"})
    put(con, "journal_source", *({"entry_id": "j1", "line_no": 2, "record_id": f"r{n}"} for n in (2, 3)))
    con.execute("create table chart as select 'receivable' as role, 'Receivables' as account_name")
    columns = ["entry_id", "line_no", "account_name", "source_file", "position", "records"]
    found = journal.lines(con, "POSTED", "chart", ["settlement_line"], columns).to_pylist()
    assert [tuple(row.values()) for row in found] == [
        ("j1", 1, "Receivables", "f2.csv", "line 1", 1),
        ("j1", 2, "Receivables", "f1.csv", None, 2),
        ("j2", 1, "Receivables", "f1.csv", None, 0),
    ]
    assert journal.lines(con, "PROPOSED", "chart", [], columns).num_rows == 0


def test_a_number_leads_to_its_records_their_file_and_the_place(con: Con) -> None:
    put(con, "file", delivery("f1"))
    put(con, "shipment_line", {"record_id": "r1", "file_id": "f1", "position": "line 7"})
    put(con, "journal_line", line("j1", 1, "5", "0"), line("j1", 2, "0", "5"))
    put(con, "journal_source", {"entry_id": "j1", "line_no": 1, "record_id": "r1"})
    put(con, "exception_event", exception(1, file_id="f1", position="line 9", amount=Decimal(3), currency="USD"))
    put(
        con,
        "match_line",
        {"match_id": "m1", "reconciliation": "d", "side": "A", "record_id": "r1", "status": "CONFIRMED"},
    )

    def found(name: str) -> list[tuple[Any, ...]]:
        return [
            (row["kind"], row["what"], row["record_table"], row["file"], row["position"]) for row in trace(con, name)
        ]

    assert found("j1") == [
        ("journal line", "j1 line 1", "shipment_line", "f1.csv", "line 7"),
        ("journal line", "j1 line 2", None, "f1.csv", None),
    ]
    assert found("e1") == [("exception", "e1 QTY_SHORT", None, "f1.csv", "line 9")]
    assert found("m1") == [("match", "m1 side A", "shipment_line", "f1.csv", "line 7")]
    assert found("r1") == [("record", "r1", "shipment_line", "f1.csv", "line 7")]
    assert found("f1") == [("file", "f1", None, "f1.csv", None)]
    assert found("' or 1 = 1 --") == []
    assert trace(con, "j1")[0]["amount"] == "5.0000" and trace(con, "j1")[0]["sha256"] == "sha-f1"


def test_every_record_has_a_place_whatever_its_table(con: Con) -> None:
    for name in MAPPABLE:
        put(con, name, {"record_id": f"r-{name}", "file_id": "f", "position": "p"})
    assert {table for (table,) in con.execute(f"select record_table from {places()}").fetchall()} == set(MAPPABLE)
    assert con.execute(f"select * from {places([])}").fetchall() == []


def test_stock_is_what_movements_left_in_each_bucket(con: Con) -> None:
    moved = {
        "entity": "US",
        "sku": "S-1",
        "qty": Decimal(5),
        "occurred_at": AT,
        "from_location": "SUPPLIER",
        "from_status": "NONE",
        "to_location": "W1",
        "to_status": "AVAILABLE",
    }
    put(con, "inventory_movement", moved, moved | {"sku": "S-2", "to_status": "DAMAGED"})
    found = {(row["sku"], row["location"], row["status"]): (row["qty"], row["available"]) for row in stock.on_hand(con)}
    assert found["S-1", "W1", "AVAILABLE"] == ("5.0000", "5.0000") and found["S-2", "W1", "DAMAGED"] == (
        "5.0000",
        "0.0000",
    )
    assert [row["sku"] for row in stock.on_hand(con, sku="S-2", location="W1")] == ["S-2"]
    assert stock.on_hand(con, location="O'Hare") == []


@pytest.mark.parametrize(
    "asked",
    [r"from file_state\s+(where|group)", r"status = 'OPEN'[^\n]*group by", r"sum\(debit\)[^;]*from journal_line group"],
)
def test_no_other_module_asks_the_same(asked: str) -> None:
    again = [
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if path.parent.name != "reports" and re.search(asked, path.read_text(encoding="utf-8"), re.DOTALL)
    ]
    allowed = {"intake/set_aside.py"}  # It asks for the file of one id, before it writes the next state of it.
    assert set(again) <= allowed


def test_an_exception_about_stock_leads_to_the_movements_that_make_our_figure(con: Con) -> None:
    """10 came in and 3 went out before the count; 2 went out after it, and 4 to another status, place or item."""
    put(con, "file", delivery("f1"), delivery("f2"))
    place = {"entity": "US", "location": "DC1", "sku": "A"}
    count = {**place, "scope": "FULL", "as_of": AT, "status": "AVAILABLE", "qty": Decimal(6)}
    put(con, "inventory_snapshot", {"record_id": "s1", "file_id": "f2", "position": "line 2", **count})

    def moved(number: int, qty: int, start: str, end: str, at: datetime = AT, sku: str = "A") -> None:
        (here, status), (there, other) = start.split("/"), end.split("/")
        sides = {"from_location": here, "from_status": status, "to_location": there, "to_status": other}
        row = {"record_id": f"m{number}", "file_id": "f1", "position": f"line {number}", "type": "MOVE", "entity": "US"}
        put(con, "inventory_movement", {**row, **sides, "qty": Decimal(qty), "sku": sku, "occurred_at": at})

    moved(1, 10, "ADJUST/ADJUST", "DC1/AVAILABLE", AT - timedelta(days=30))
    moved(2, 3, "DC1/AVAILABLE", "CUSTOMER/CUSTOMER")
    moved(3, 2, "DC1/AVAILABLE", "CUSTOMER/CUSTOMER", AT + timedelta(hours=1))
    moved(4, 4, "ADJUST/ADJUST", "DC1/DAMAGED")
    moved(5, 4, "ADJUST/ADJUST", "DC2/AVAILABLE")
    moved(6, 4, "ADJUST/ADJUST", "DC1/AVAILABLE", sku="B")

    def figures(number: int, code: str) -> tuple[list[tuple[str, str]], Decimal]:
        own = {"business_key": "DC1|A|AVAILABLE", "event_date": AT.date(), "file_id": "f2", "position": "line 2"}
        put(con, "exception_event", exception(number, code=code, qty=Decimal(-1), **place, **own))
        first, *rows = trace(con, f"e{number}")
        assert (first["kind"], first["file"]) == ("exception", "f2.csv")
        assert {(row["kind"], row["record_table"], row["file"]) for row in rows} == {
            ("movement", "inventory_movement", "f1.csv")
        }
        return [(row["what"], row["position"]) for row in rows], sum(
            (Decimal(row["amount"]) for row in rows), Decimal(0)
        )

    both = [("m1 MOVE AVAILABLE", "line 1"), ("m2 MOVE AVAILABLE", "line 2")]
    assert figures(1, "QTY_SHORT") == (both, 7)
    assert figures(2, "NEG_ON_HAND") == ([*both, ("m3 MOVE AVAILABLE", "line 3")], 5)  # as it is now
    assert figures(3, "STATUS_MISMATCH")[1] == 11  # in all statuses
