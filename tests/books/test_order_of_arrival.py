"""Whatever order files come in, and whichever share a commit or a pass: the same balances, and no entry's id comes
twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.books.memory import Books, Row

File = Mapping[str, Sequence[Row]]
"""Table → rows of one file."""
ITEMS: File = {
    "item": [
        {"record_id": f"items.{sku}", "sku": sku, "std_unit_cost": cost}
        for sku, cost in (("CUP", "4.00"), ("POT", "9.00"), ("LID", "1.50"))
    ]
}


def ordered(file: str, sku: str, qty: int, listed: str, order: str = "O-1", **more: Any) -> Row:
    return {
        "record_id": f"{file}.o.{order}.{sku}",
        "order_id": order,
        "sku": sku,
        "qty": qty,
        "list_amount": listed,
    } | more


def shipped(file: str, sku: str, qty: int, hour: int = 9, order: str = "O-1", number: str = "1") -> File:
    """A shipment line and the movement that goes with it."""
    common = {"order_id": order, "sku": sku}
    at = f"2026-11-03T{hour:02}:00:00Z"
    line = common | {"record_id": f"{file}.s.{order}.{sku}.{number}", "shipped_qty": qty, "shipped_at": at}
    move = common | {
        "record_id": f"{file}.m.{order}.{sku}.{number}",
        "qty": qty,
        "type": "SHIP",
        "occurred_at": at,
        "from_status": "AVAILABLE",
        "to_status": "CUSTOMER",
        "to_location": "CUSTOMER",
    }
    return {"shipment_line": [line], "inventory_movement": [move]}


def received(file: str, sku: str, qty: int, cost: str | None, day: int, number: str = "1") -> File:
    row = {
        "record_id": f"{file}.m.{sku}.{number}",
        "sku": sku,
        "qty": qty,
        "type": "RECEIPT",
        "unit_cost": cost,
        "occurred_at": f"2026-11-{day:02}T08:00:00Z",
        "from_status": "SUPPLIER",
        "to_status": "AVAILABLE",
        "from_location": "SUPPLIER",
    }
    return {"inventory_movement": [row]}


def joined(*files: File) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for file in files:
        for table, rows in file.items():
            found.setdefault(table, []).extend(rows)
    return found


ORDER: dict[str, File] = {
    "cup": joined(
        {"order_line": [ordered("cup", "CUP", 2, "30.00", shipping_amount="5.00", tax_amount="2.80")]},
        shipped("cup", "CUP", 2),
    ),
    "pot": joined(
        {"order_line": [ordered("pot", "POT", 1, "25.00", discount_amount="5.00", tax_amount="1.60")]},
        shipped("pot", "POT", 1, 15),
    ),
    "lid": joined({"order_line": [ordered("lid", "LID", 1, "4.00", tax_amount="0.32")]}, shipped("lid", "LID", 1, 16)),
}
"""Three files of one order, all shipped on one day; nothing of them depends on another file."""
BALANCES = {
    "channel_receivable": Decimal("63.72"),  # 30 + 5 + 2.80 + 25 − 5 + 1.60 + 4 + 0.32
    "promotions": Decimal("5.00"),
    "sales": Decimal("-59.00"),
    "shipping_income": Decimal("-5.00"),
    "tax": Decimal("-4.72"),
    "cogs": Decimal("18.50"),  # 2 × 4.00 + 9.00 + 1.50 at standard cost: nothing was ever received
    "stock_sellable": Decimal("-18.50"),
}
PASSES = {
    "one commit": [["cup+pot+lid"]],
    "a commit each, one pass": [["cup", "pot", "lid"]],
    "a pass each": [["cup"], ["pot"], ["lid"]],
    "a pass each, last first": [["lid"], ["pot"], ["cup"]],
    "two and one": [["lid+cup"], ["pot"]],
}
JOURNAL = (
    "select entry_id, line_no, rule, role, debit, credit, date, document, order_id, channel from journal_line "
    "order by all"
)


def deliver(ledger: Books, passes: Sequence[Sequence[str]], files: Mapping[str, File]) -> None:
    for commits in passes:
        for commit in commits:
            ledger.put_all(joined(*(files[name] for name in commit.split("+"))))
        ledger.run()


def test_lines_of_an_order_and_a_day_have_the_same_entries_in_whatever_files_they_come(ledger: Books) -> None:
    journals = {}
    for name, passes in PASSES.items():
        ledger.clear()
        ledger.put_all(ITEMS)
        deliver(ledger, passes, ORDER)
        assert ledger.faults() == [], name
        assert ledger.balances() == BALANCES, name
        journals[name] = ledger.rows(JOURNAL)
    assert all(journal == journals["one commit"] for journal in journals.values()), "ids do not depend on the commit"


def test_lines_of_one_file_that_become_known_in_two_passes_have_an_entry_each(ledger: Books) -> None:
    both = joined(shipped("s", "CUP", 1), shipped("s", "POT", 1))
    ledger.put_all(joined(ITEMS, both, {"order_line": [ordered("o1", "CUP", 1, "15.00")]}))
    ledger.run()
    ledger.put_all({"order_line": [ordered("o2", "POT", 1, "25.00")]})
    ledger.run()
    assert ledger.faults() == []
    assert ledger.balances()["sales"] == Decimal("-40.00")
    assert len(ledger.rows("select distinct entry_id from journal_line where rule = 'shipment'")) == 2


def test_the_same_correction_twice_makes_two_entries(ledger: Books) -> None:
    """15.00 → 12.00 → 15.00 → 12.00: the second reduction is as large as the first, on the same document and day."""
    ledger.put_all(joined(ITEMS, {"order_line": [ordered("o0", "CUP", 1, "15.00")]}, shipped("s", "CUP", 1)))
    ledger.run()
    for number, amount in enumerate(["12.00", "15.00", "12.00"], start=1):
        ledger.put("order_line", [ordered(f"o{number}", "CUP", 1, amount, supersedes=f"o{number - 1}.o.O-1.CUP")])
        ledger.run()
        assert ledger.balances()["sales"] == -Decimal(amount)
    assert ledger.faults() == []
    assert len(ledger.rows("select distinct entry_id from journal_line where rule = 'shipment'")) == 4


def test_a_shipment_taken_back_gives_back_revenue_and_cost(ledger: Books) -> None:
    """Two units were reported, then the line is corrected to one: 30.00 for two is 15.00, cost 8.00 is 4.00."""
    ledger.put_all(joined(ITEMS, {"order_line": [ordered("o", "CUP", 2, "30.00")]}, shipped("s", "CUP", 2)))
    ledger.run()
    corrected = shipped("t", "CUP", 1)
    line, move = dict(corrected["shipment_line"][0]), dict(corrected["inventory_movement"][0])
    line["supersedes"], move["supersedes"] = "s.s.O-1.CUP.1", "s.m.O-1.CUP.1"
    back = dict(shipped("s", "CUP", 2)["inventory_movement"][0]) | {
        "record_id": "s.m.O-1.CUP.1r",
        "type": "REVERSAL",
        "reversal_of": "s.m.O-1.CUP.1",
        "from_status": "CUSTOMER",
        "to_status": "AVAILABLE",
        "from_location": "CUSTOMER",
        "to_location": "DC",
        "file_id": "t",
    }
    ledger.put_all({"shipment_line": [line], "inventory_movement": [back, move]})
    ledger.run()
    found = ledger.balances()
    assert (found["sales"], found["cogs"], found["stock_sellable"]) == (Decimal(-15), Decimal(4), Decimal(-4))
    assert ledger.faults() == []
    assert ledger.rows("select sum(qty) from stock") == [(Decimal(0),)]


@pytest.mark.parametrize("first", ["sale", "receipt"])
def test_a_sale_and_a_receipt_of_one_instant_are_valued_in_whatever_files_they_come(ledger: Books, first: str) -> None:
    """Days instead of times: five units at 6.00 are there before two of them are sold, so these cost 12.00, not
    8.00."""
    ledger.put_all(ITEMS)
    sale, receipt = shipped("a", "CUP", 2, 8), received("z", "CUP", 5, "6.00", 3)
    for file in (sale, receipt) if first == "sale" else (receipt, sale):
        ledger.put_all(file)
        ledger.run()
    assert ledger.balances() == {"cogs": Decimal(12), "stock_sellable": Decimal(18), "grni": Decimal(-30)}
    assert ledger.faults() == []


def test_a_late_receipt_and_its_correction_change_what_was_sold(ledger: Books) -> None:
    """2 sold of 4 at 3.00: 6.00. Four at 5.00 came the day before: 32.00 for 8, 8.00. They cost 4.00: 28.00 for 8,
    7.00."""
    ledger.put_all(joined(ITEMS, received("a", "CUP", 4, "3.00", 1), shipped("b", "CUP", 2)))
    ledger.run()
    assert ledger.balances()["cogs"] == Decimal("6.00")
    ledger.put_all(received("c", "CUP", 4, "5.00", 2))
    ledger.run()
    assert ledger.balances()["cogs"] == Decimal("8.00")
    back = dict(received("c", "CUP", 4, "5.00", 2)["inventory_movement"][0]) | {
        "record_id": "c.m.CUP.1r",
        "type": "REVERSAL",
        "reversal_of": "c.m.CUP.1",
        "from_status": "AVAILABLE",
        "to_status": "SUPPLIER",
        "from_location": "DC",
        "to_location": "SUPPLIER",
    }
    corrected = dict(received("d", "CUP", 4, "4.00", 2)["inventory_movement"][0]) | {"supersedes": "c.m.CUP.1"}
    ledger.put("inventory_movement", [back, corrected])
    ledger.run()
    assert ledger.balances() == {"cogs": Decimal("7.00"), "stock_sellable": Decimal("21.00"), "grni": Decimal("-28.00")}
    assert ledger.faults() == []


HISTORY: dict[str, File] = {
    **ORDER,
    "receipt-1": joined(received("receipt-1", "CUP", 5, "3.00", 1), received("receipt-1", "POT", 2, "8.00", 1)),
    "receipt-2": received("receipt-2", "CUP", 4, "4.20", 2),
    "orders-2": {
        "order_line": [
            ordered("orders-2", "CUP", 3, "10.00", "O-2", tax_amount="0.70"),
            ordered("orders-2", "POT", 1, "24.00", "O-2"),
        ]
    },
    "ship-2a": joined(shipped("ship-2a", "CUP", 1, 10, "O-2"), shipped("ship-2a", "POT", 1, 10, "O-2")),
    "ship-2b": joined(shipped("ship-2b", "CUP", 1, 11, "O-2", "2"), shipped("ship-2b", "CUP", 1, 12, "O-2", "3")),
}
"""Files that do depend on one another: two costs of one item, an order that ships in three parts, shipments first."""
ACCOUNTS = BALANCES | {
    # CUP: 5 at 3.00 and 4 at 4.20 are 31.80 for 9. Two for O-1: 31.80 ÷ 9 × 2 = 7.07; then 24.73 ÷ 7 = 3.53,
    # 21.20 ÷ 6 = 3.53, 17.67 ÷ 5 = 3.53: 17.66 in all. POT: twice 8.00. LID: 1.50 at standard, never received.
    "cogs": Decimal("35.16"),
    "stock_sellable": Decimal("12.64"),  # received 31.80 + 16.00, less the cost of goods
    "grni": Decimal("-47.80"),
    "channel_receivable": Decimal("98.42"),  # 63.72 of O-1, 10.00 + 0.70 + 24.00 of O-2
    "sales": Decimal("-93.00"),
    "tax": Decimal("-5.42"),
}
O2 = {
    ("channel_receivable", "O-2"): Decimal("34.70"),
    ("sales", "O-2"): Decimal("-34.00"),
    ("tax", "O-2"): Decimal("-0.70"),
}
BY_SKU = {"CUP": Decimal("14.14"), "POT": Decimal(0), "LID": Decimal("-1.50")}


def value_by_sku(ledger: Books) -> dict[str, Decimal]:
    """What the stock of each item is worth."""
    return dict(
        ledger.rows(
            """select sku, sum(case when debit_role = 'stock_sellable' then value else -value end)
            from stock_value where 'stock_sellable' in (debit_role, credit_role) group by sku"""
        )
    )


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.permutations(sorted(HISTORY)),
    st.lists(st.sampled_from(["+", " ", "|"]), min_size=len(HISTORY), max_size=len(HISTORY)),
)
def test_any_order_and_any_cut_into_commits_and_passes_end_the_same(
    ledger: Books, names: list[str], cuts: list[str]
) -> None:
    ledger.clear()
    ledger.put_all(ITEMS)
    text = "".join(name + cut for name, cut in zip(names, cuts, strict=True)).strip("+ |")
    deliver(ledger, [part.split() for part in text.split("|")], HISTORY)
    assert ledger.faults() == []
    assert ledger.balances() == ACCOUNTS
    orders = ledger.balances("order_id")
    assert {key: net for key, net in orders.items() if key[1] == "O-2"} == O2
    assert value_by_sku(ledger) == BY_SKU
    assert ledger.rows("select sku, qty from stock where status = 'AVAILABLE' order by sku") == [
        ("CUP", 4),
        ("LID", -1),
    ]
    assert ledger.rows("select sum(qty) from stock") == [(0,)], "units are conserved over all buckets"
    assert ledger.run() == 0, "a further pass has nothing to post"
