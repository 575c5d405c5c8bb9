"""Events that the ledger holds under another key than their mapping has now are not counted a second time."""

from __future__ import annotations

from decimal import Decimal
from itertools import permutations

import pytest

from gateway.home import Home
from gateway.transports.transport import Drop
from tests.conftest import MAPPINGS, NOW, case, taken

LINES = """
feed = "bank.lines"
partner = "bank"
[file]
match = ["*.csv"]
format = "delimited"
[[record]]
type = "bank_line"
key = ["account", "bank_ref", "amount", "remittance"]
[record.fields]
account = { constant = "1" }
statement_id = { constant = "2026-11" }
bank_ref = "ref"
booking_date = "day"
amount = "amount"
currency = { constant = "EUR" }
direction = { constant = "CRDT" }
status = { constant = "BOOK" }
remittance = "text"
_text = { expr = "case when bank_ref is null then remittance end" }
"""
NEW = LINES.replace('"remittance"]', '"_text"]\nknown_by = ["bank_ref", "account", "amount"]')
HEAD = "ref,day,amount,text\n"
FIRST = HEAD + "R1,2026-11-02,10.00,one\nR2,2026-11-02,5.00,red\nR2,2026-11-02,5.00,blue\n,2026-11-02,7.00,no ref\n"
FILES = {
    "again": FIRST + "R3,2026-11-03,1.00,new\n",
    "changed": HEAD + "R1,2026-11-04,10.00,ONE\n",
    "blue": HEAD + "R2,2026-11-02,5.00,blue\n",
}


def take(gateway: Home, partner: str, mapping: str, *contents: bytes) -> list[tuple[int, int]]:
    """Take files, each in a commit of its own, under a mapping: the accepted and the duplicate rows of each."""
    path = gateway.folder / "mappings" / partner / "feed.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(mapping)
    gateway = gateway.reloaded(gateway.settings)
    assert [fault for fault in gateway.library.faults if partner in fault.file] == []
    found: list[tuple[int, int]] = []
    for content in contents:
        dropped = gateway.folder / "feed.csv"
        dropped.write_bytes(content)
        [receipt] = taken(gateway, [Drop(partner, "feed.csv", dropped, NOW, "folder")])
        found += [(file.accepted, file.duplicate) for file in receipt.files]
    return found


@pytest.mark.parametrize("order", [("again", "changed", "blue"), ("blue", "changed", "again")])
def test_a_key_that_changes_counts_no_line_twice_in_any_order(gateway: Home, order: tuple[str, ...]) -> None:
    assert take(gateway, "bank", LINES, FIRST.encode()) == [(4, 0)]
    counts = dict(zip(order, take(gateway, "bank", NEW, *(FILES[name].encode() for name in order)), strict=True))
    assert counts == {"blue": (0, 1), "changed": (1, 0), "again": (1, 4) if order[0] == "again" else (2, 3)}
    found = gateway.lake.con.execute("select bank_ref, amount from bank_line_current order by all").fetchall()
    assert found == [(ref, Decimal(amount)) for ref, amount in (("R1", 10), ("R2", 5), ("R2", 5), ("R3", 1), (None, 7))]


def test_table_06_a_return_with_another_day_is_one_unit_whatever_key_it_was_taken_under(gateway: Home) -> None:
    folder = case("table-06-fba-return-two-dates")
    first, second = ((folder / f"returns-{number}.txt").read_bytes() for number in (1, 2))
    pack = (gateway.folder / "mappings" / "standard" / "amazon" / "fba-returns.toml").read_text()
    own = pack.replace("standard.amazon.fba-returns", "seller.returns").replace('"standard"', '"seller"')
    before = own.replace('"_day"]', '"return-date"]')
    before = "\n".join(line for line in before.splitlines() if not line.startswith(("known_by", "once")))
    assert take(gateway, "seller", before, first) == [(1, 0)]
    # Another day, however far away, is the same return.
    second = second.replace(b"2026-08-03", b"2026-11-03")
    again = [content + b"\n" * number for number, content in enumerate((second, second, first, second, first))]
    assert take(gateway, "seller", own, *again) == [(1, 0), (0, 1), (1, 0), (1, 0), (1, 0)]
    con = gateway.lake.con
    assert con.execute("select location, status, qty from stock where qty <> 0 order by all").fetchall() == [
        ("CUSTOMER", "CUSTOMER", Decimal(-1)),
        ("FBA-US", "AVAILABLE", Decimal(1)),
    ]
    stages = "select stage, occurred_at::date::varchar from return_event_current order by all"
    assert con.execute(stages).fetchall() == [("DISPOSITIONED", "2026-08-01"), ("RECEIVED", "2026-08-01")]


RETURNS = "return-date\torder-id\tsku\tquantity\tdetailed-disposition\treason\tlicense-plate-number\n"
UNIT = "2026-08-0{}T10:00:00+00:00\t{}\tMUG\t1\tSELLABLE\tUNWANTED_ITEM\t{}\n"


def test_a_return_that_a_file_reports_twice_is_one_unit_if_it_has_a_licence_plate(gateway: Home) -> None:
    pack = (gateway.folder / "mappings" / "standard" / "amazon" / "fba-returns.toml").read_text()
    own = pack.replace("standard.amazon.fba-returns", "seller.returns").replace('"standard"', '"seller"')
    # LPN1 twice, the second time with another day; LPN2 of another order; two units without a plate.
    units = [(1, "1", "LPN1"), (3, "1", "LPN1"), (1, "2", "LPN2"), (1, "3", ""), (1, "3", "")]
    first = RETURNS + "".join(UNIT.format(*unit) for unit in units)
    later = RETURNS + "".join(UNIT.format(*unit) for unit in [(3, "1", "LPN1"), (3, "1", "LPN1"), (1, "2", "LPN2")])
    assert take(gateway, "seller", own, first.encode(), later.encode()) == [(4, 1), (0, 3)]
    stages = (
        "select order_id, lpn, occurred_at::date::varchar from return_event_current where stage = 'RECEIVED' "
        "order by all"
    )
    assert gateway.lake.con.execute(stages).fetchall() == [
        ("1", "LPN1", "2026-08-03"),
        ("2", "LPN2", "2026-08-01"),
        ("3", None, "2026-08-01"),
        ("3", None, "2026-08-01"),
    ]
    stock = "select sum(qty) from stock where status = 'AVAILABLE'"
    assert gateway.lake.con.execute(stock).fetchone() == (Decimal(4),)


DISPOSITIONS = {
    "SELLABLE": [("CUSTOMER", -1), ("AVAILABLE", 1)],
    "DEFECTIVE": [("CUSTOMER", -1), ("QUARANTINE", 1)],
    "DAMAGED": [],
}


def test_a_return_whose_disposition_is_corrected_is_in_stock_as_it_was_reported_last(gateway: Home) -> None:
    """A unit for each order of the dispositions, each of another SKU."""
    pack = (gateway.folder / "mappings" / "standard" / "amazon" / "fba-returns.toml").read_text()
    own = pack.replace("standard.amazon.fba-returns", "seller.returns").replace('"standard"', '"seller"')
    orders = [*permutations(DISPOSITIONS)][::2]
    assert len(orders) == 3

    def reported(place: int, day: int = 1) -> str:
        return "".join(
            UNIT.format(day, number, f"LPN{number}").replace("SELLABLE", order[place]).replace("MUG", f"MUG-{number}")
            for number, order in enumerate(orders)
        )

    def in_stock(place: int) -> list[tuple[str, str, Decimal]]:
        wanted = [(number, found) for number, order in enumerate(orders) for found in DISPOSITIONS[order[place]]]
        return sorted((f"?MUG-{number}", status, Decimal(qty)) for number, (status, qty) in wanted)

    stock = "select sku, status, qty from stock where qty <> 0"
    take(gateway, "seller", own, *((RETURNS + reported(place)).encode() for place in range(len(DISPOSITIONS))))
    assert sorted(gateway.lake.con.execute(stock).fetchall()) == in_stock(-1)
    sellable = reported(0).replace("DEFECTIVE", "SELLABLE").replace("DAMAGED", "SELLABLE")
    take(gateway, "seller", own, (RETURNS + sellable + reported(0, day=2)).encode())
    assert sorted(gateway.lake.con.execute(stock).fetchall()) == in_stock(0)


def test_a_settlement_of_adyen_that_is_made_again_with_other_times_restates_its_lines(gateway: Home) -> None:
    folder = MAPPINGS / "standard" / "adyen"
    pack = (folder / "settlement-detail.toml").read_text()
    own = pack.replace("standard.adyen", "shop.adyen").replace('"standard"', '"shop"')
    first = (folder / "samples" / "settlement_detail_report_batch_41.csv").read_text()
    again = first.replace(",2026-11-01 1", ",2026-11-02 1")  # three payments, another day
    assert take(gateway, "shop", own, first.encode(), again.encode()) == [(8, 0), (3, 5)]
    lines = (
        "select count(*), sum(amount), count(*) filter (posted_at::date = date '2026-11-02') from "
        "settlement_line_current"
    )
    assert gateway.lake.con.execute(lines).fetchone() == (16, Decimal("141.88"), 16)
