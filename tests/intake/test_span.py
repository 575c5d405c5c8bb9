"""An event that gets a day far away takes the place of the one before, in stock and in the journal."""

from __future__ import annotations

from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest

from gateway.home import Home
from gateway.intake import span
from gateway.intake.result import FileResult
from gateway.transports.transport import Drop
from tests.conftest import NOW, taken
from tests.mapping_texts import write_delimited

MOVES = {
    "occurred_at": "day",
    "type": "=RECEIPT",
    "sku": "sku",
    "qty": "qty",
    "document_no": "ref",
    "from_location": "=SUPPLIER",
    "from_status": "=SUPPLIER",
    "to_location": "=SHED",
    "to_status": "=AVAILABLE",
}
LINES = {
    "account": "=1",
    "statement_id": "=2026",
    "bank_ref": "ref",
    "booking_date": "day",
    "amount": "amount",
    "currency": "=USD",
    "direction": "=CRDT",
    "status": "=BOOK",
}


@pytest.fixture
def gateway(gateway: Home) -> Home:
    write_delimited(gateway.folder, "shed.moves", "inventory_movement", ["ref"], MOVES)
    write_delimited(gateway.folder, "purse.lines", "bank_line", ["bank_ref"], LINES)
    return gateway.reloaded(gateway.settings)


def take(gateway: Home, feed: str, number: int, *rows: object) -> FileResult:
    partner, name = feed.split(".")
    path = gateway.folder / f"{name}-{number}.csv"
    head = "ref,day,sku,qty" if partner == "shed" else "ref,day,amount"
    path.write_text("\n".join([head, *map(str, rows), ""]))
    [receipt] = taken(gateway, [Drop(partner, path.name, path, NOW, "folder")])
    return receipt.files[0]


def asked(gateway: Home, sql: str) -> list[tuple[Any, ...]]:
    return gateway.lake.con.execute(sql).fetchall()


def test_a_day_far_away_is_the_same_event_in_any_order(gateway: Home) -> None:
    orders = list(permutations([("2026-02-10", 1), ("2026-05-20", 2), ("2026-11-02", 4)]))
    for place in range(3):
        moves = [f"M{n},{order[place][0]},SKU-{n},{order[place][1]}" for n, order in enumerate(orders)]
        lines = [f"B{n},{order[place][0]},{order[place][1]}.00" for n, order in enumerate(orders)]
        for feed, rows in (("shed.moves", moves), ("purse.lines", lines)):
            found = take(gateway, feed, place, *rows)
            assert (found.accepted, found.duplicate, found.rejected) == (6, 0, 0)
    last = [(Decimal(order[-1][1]),) for order in orders]
    assert asked(gateway, "select qty from stock where status = 'AVAILABLE' order by sku") == last
    current = "select amount from bank_line_current where booking_date::varchar = '{}' order by bank_ref"
    for day, amount in {order[-1] for order in orders}:
        assert asked(gateway, current.format(day)) == [(Decimal(amount),)] * 2
    total = sum(amount for (amount,) in last)
    booked = "select sum(debit) - sum(credit) from journal_line where role = 'bank'"
    assert asked(gateway, "select sum(amount) from bank_line_current") == asked(gateway, booked) == [(total,)]
    assert take(gateway, "purse.lines", 3, *lines[:2]).duplicate == 2
    # What got a day more than half a year away may be another event under a number that was used again.
    doubts = asked(gateway, "select feed, position, message from fault where code = 'ROW_DOUBTFUL' order by all")
    assert len(doubts) == 8
    assert doubts[0] == (
        "purse.lines",
        "line 3",
        "it takes the place of the record of 2026-02-10 with the same key (lines-0.csv, line 3)",
    )


def test_records_of_an_event_that_all_count_become_one(gateway: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """As earlier programs left them, which did not look for days far away."""
    with monkeypatch.context() as patched:
        patched.setattr(span, "_far_days", lambda *_: [])
        for number, day in enumerate(("2026-02-10", "2026-11-02")):
            take(gateway, "shed.moves", number, f"M1,{day},CUP,3")
            take(gateway, "purse.lines", number, f"B1,{day},3.00", f"B2,{day},2.00")
    stock = "select qty from stock where status = 'AVAILABLE'"
    booked = "select sum(debit) - sum(credit) from journal_line where role = 'bank'"
    assert (asked(gateway, stock), asked(gateway, booked)) == ([(Decimal(6),)], [(Decimal(10),)])
    take(gateway, "shed.moves", 2, "M1,2026-11-02,CUP,4")
    found = take(gateway, "purse.lines", 2, "B1,2026-11-02,3.00", "B2,2026-06-01,1.00")
    assert (found.accepted, found.duplicate) == (2, 0)  # B1 stays and takes the other back
    assert (asked(gateway, stock), asked(gateway, booked)) == ([(Decimal(4),)], [(Decimal(4),)])
    assert asked(gateway, "select bank_ref, amount from bank_line_current order by 1") == [("B1", 3), ("B2", 1)]


def test_a_key_that_holds_its_day_is_not_looked_for_on_others(gateway: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    write_delimited(gateway.folder, "purse.lines", "bank_line", ["bank_ref", "booking_date"], LINES)
    gateway = gateway.reloaded(gateway.settings)
    take(gateway, "purse.lines", 0, "B1,2026-02-10,3.00")
    monkeypatch.setattr(span, "_far_days", lambda *_: pytest.fail("the history was read"))
    assert take(gateway, "purse.lines", 1, "B1,2026-11-02,3.00").accepted == 1
    assert asked(gateway, "select count(*) from bank_line_current") == [(2,)]
