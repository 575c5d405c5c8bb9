"""Moving average by hand, and what holds for every history: no value without units, and nothing lost between roles."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.books.stock.valuation import ItemCost, Movement
from gateway.model.status import OUTSIDE

PLACES = {
    "SUPPLIER": "grni",
    "CUSTOMER": "cogs",
    "AVAILABLE": "sellable",
    "RESERVED": "sellable",
    "XFER_TRANSIT": "transit",
    "QUARANTINE": "inspection",
    "SCRAP": "write-down",
}
"""Status → role."""
Step = tuple[str, str, int, str | None]
"""From, to, units, cost of a unit."""


def millionths(cost: str | None) -> int | None:
    return None if cost is None else int(Decimal(cost) * 1_000_000)


def history(steps: list[Step], standard: str | None = "4.00", order: str = "O") -> list[Movement]:
    return [
        Movement(
            f"m{number}",
            source,
            target,
            PLACES[target],
            PLACES[source],
            qty * 10_000,
            order,
            millionths(cost),
            millionths(standard),
        )
        for number, (source, target, qty, cost) in enumerate(steps)
    ]


def values(steps: list[Step], standard: str | None = "4.00", minor: int = 100, *, fifo: bool = False) -> list[str]:
    """What each movement is worth, with two decimals."""
    return [
        f"{Decimal(valued.value) / 10_000:.2f}" for valued in ItemCost(minor, fifo=fifo).run(history(steps, standard))
    ]


def buy(qty: int, cost: str | None = None) -> Step:
    return "SUPPLIER", "AVAILABLE", qty, cost


def sell(qty: int) -> Step:
    return "AVAILABLE", "CUSTOMER", qty, None


def back(qty: int) -> Step:
    return "CUSTOMER", "QUARANTINE", qty, None


BY_HAND: dict[str, tuple[list[Step], list[str]]] = {
    # 10 × 2.00 + 10 × 3.00 = 50.00 for 20: 2.50 a unit.
    "the average of two receipts": ([buy(10, "2.00"), buy(10, "3.00"), sell(5)], ["20.00", "30.00", "12.50"]),
    # 1.00 for 3: 0.33, then 0.67 for 2: 0.34 (HALF_UP of 0.335), then what is left.
    "the last unit takes the residue": (
        [buy(1, "1.00"), buy(2, "0.00"), sell(1), sell(1), sell(1)],
        ["1.00", "0.00", "0.33", "0.34", "0.33"],
    ),
    "a receipt without a cost has the standard": ([buy(3), sell(1)], ["12.00", "4.00"]),
    # Provisionally 5 × 4.00 = 20.00; the five units cost 30.00 when they come.
    "sold before it came": ([sell(5), buy(5, "6.00")], ["30.00", "30.00"]),
    # 2 × 6.00 + 3 × 7.00 = 33.00; the other seven are worth 49.00, 7.00 each.
    "sold before it came, covered by two receipts": (
        [sell(5), buy(2, "6.00"), buy(10, "7.00"), sell(1)],
        ["33.00", "12.00", "70.00", "7.00"],
    ),
    # One unit is there at 5.00; the two others cost 9.00 each.
    "more sold than there was": ([buy(1, "5.00"), sell(3), buy(2, "9.00")], ["5.00", "23.00", "18.00"]),
    # The oldest shortage first: 1 × 6.00; then 1 × 8.00.
    "two sales before it came": ([sell(1), sell(1), buy(1, "6.00"), buy(1, "8.00")], ["6.00", "8.00", "6.00", "8.00"]),
    "what never came keeps the standard": ([sell(2)], ["8.00"]),
    # The cost goes through transit to the customer.
    "moved on and sold before it came": (
        [("AVAILABLE", "XFER_TRANSIT", 5, None), ("XFER_TRANSIT", "CUSTOMER", 5, None), buy(5, "6.00")],
        ["30.00", "30.00", "30.00"],
    ),
    # 4 × 2.00 = 8.00 out at 2.00; a dearer receipt later changes nothing: two come back at 2.00 each.
    "a return comes back at the cost of its sale": (
        [buy(10, "2.00"), sell(4), buy(10, "8.00"), ("CUSTOMER", "QUARANTINE", 2, None)],
        ["20.00", "8.00", "80.00", "4.00"],
    ),
    # Two shipments of an order, at 2.00 and 8.00: what comes back takes all of their cost with it, and no more.
    "two shipments at two costs come back at theirs": (
        [buy(1, "2.00"), sell(1), buy(1, "8.00"), sell(1), back(1), back(1)],
        ["2.00", "2.00", "8.00", "8.00", "2.00", "8.00"],
    ),
    "two shipments at two costs come back together": (
        [buy(1, "2.00"), sell(1), buy(1, "8.00"), sell(1), back(2)],
        ["2.00", "2.00", "8.00", "8.00", "10.00"],
    ),
    # 10.00 for three: 3.33 and 3.34 (6.67 of two) and what is left, as the units of an issue that cannot be divided.
    "an issue comes back in parts that make it whole": (
        [buy(3, "3.333333"), sell(3), back(1), back(1), back(1)],
        ["10.00", "10.00", "3.33", "3.34", "3.33"],
    ),
    # The sale is provisionally worth 5 × 4.00, so that 8.00 come back; in truth 5 × 6.00, and 12.00.
    "a return of what was sold before it came": ([sell(5), back(2), buy(5, "6.00")], ["30.00", "12.00", "30.00"]),
    # One is there at 10.00, the other costs 12.00 when it comes: the averages are 10 and 12, never 14 or 20.
    "purchases at 10 and 12 around stock below zero": (
        [buy(1, "10.00"), sell(2), buy(2, "12.00"), sell(1)],
        ["10.00", "22.00", "24.00", "12.00"],
    ),
    # The five of the transfer were not there either: the purchase covers them, and they have covered the sale.
    "there and back before it came": (
        [sell(5), ("AVAILABLE", "XFER_TRANSIT", 5, None), ("XFER_TRANSIT", "AVAILABLE", 5, None), buy(5, "6.00")],
        ["30.00", "30.00", "30.00", "30.00"],
    ),
    # Reserving units that are not there is no sale: the receipt covers the sale alone.
    "a change of status moves no value": (
        [sell(2), ("AVAILABLE", "RESERVED", 3, None), buy(5, "6.00"), sell(3)],
        ["12.00", "12.00", "30.00", "18.00"],
    ),
}


@pytest.mark.parametrize(("steps", "expected"), BY_HAND.values(), ids=BY_HAND)
def test_values_by_hand(steps: list[Step], expected: list[str]) -> None:
    assert values(steps) == expected


BY_LAYERS: dict[str, tuple[list[Step], list[str]]] = {
    # 10 × 2.00, then 2 × 3.00 of the second purchase; eight of it are left.
    "the oldest leaves first": (
        [buy(10, "2.00"), buy(10, "3.00"), sell(12), sell(8)],
        ["20.00", "30.00", "26.00", "24.00"],
    ),
    # 10.00 for three: 3.33, then 3.34 of what is left, and the rest.
    "the last unit of a layer takes its residue": (
        [buy(3, "3.333333"), buy(1, "9.00"), sell(1), sell(1), sell(2)],
        ["10.00", "9.00", "3.33", "3.34", "12.33"],
    ),
    # One is there at 5.00, two cost 9.00 each when they come; the third of them is left.
    "more sold than there was": (
        [buy(1, "5.00"), sell(3), buy(3, "9.00"), sell(1)],
        ["5.00", "23.00", "27.00", "9.00"],
    ),
    # The transfer takes 2 × 2.00 and 1 × 3.00, which are one layer where they come back, behind the one that stayed.
    "moved and back": (
        [
            buy(2, "2.00"),
            buy(2, "3.00"),
            ("AVAILABLE", "XFER_TRANSIT", 3, None),
            ("XFER_TRANSIT", "AVAILABLE", 3, None),
            sell(2),
        ],
        ["4.00", "6.00", "7.00", "7.00", "5.33"],
    ),
    "a return is a new layer at the cost of its sale": (
        [buy(2, "2.00"), sell(2), buy(2, "8.00"), back(1), ("QUARANTINE", "AVAILABLE", 1, None), sell(2), sell(1)],
        ["4.00", "4.00", "16.00", "2.00", "2.00", "16.00", "2.00"],
    ),
    # The five on their way were not there: they take the cost of the purchase with them, and so does what took them.
    "moved on and sold before it came": (
        [("AVAILABLE", "XFER_TRANSIT", 5, None), ("XFER_TRANSIT", "CUSTOMER", 3, None), buy(5, "6.00")],
        ["30.00", "18.00", "30.00"],
    ),
}


@pytest.mark.parametrize(("steps", "expected"), BY_LAYERS.values(), ids=BY_LAYERS)
def test_layers_by_hand(steps: list[Step], expected: list[str]) -> None:
    assert values(steps, fifo=True) == expected


def test_what_was_issued_without_a_cost_is_known_once_it_came() -> None:
    sold, _ = ItemCost().run(history([sell(2), buy(2, "3.00")], None))
    assert (sold.value, sold.unit_cost, sold.basis) == (60_000, 3_000_000, "AVERAGE")
    [alone] = ItemCost().run(history([sell(2)], None))
    assert (alone.value, alone.basis) == (0, "MISSING")


def test_what_comes_back_of_an_issue_without_a_cost_is_known_with_it() -> None:
    steps = [sell(2), back(1)]
    assert [(one.value, one.basis) for one in ItemCost().run(history(steps, None))] == [(0, "MISSING"), (0, "MISSING")]
    known = ItemCost().run(history([*steps, buy(2, "6.00")], None))
    assert [(one.value, one.basis) for one in known] == [(120_000, "AVERAGE"), (60_000, "ISSUE"), (120_000, "RECEIPT")]


def test_a_return_of_no_known_order_costs_what_is_with_customers_on_average() -> None:
    """4 × 2.00 and 1 × 7.00 went out: 15.00 for five. One of order A is back at 2.00, so that 13.00 are left for four;
    nobody says of which order the next two come: 6.50 of it. The standard of 4.00 has no part in it."""
    steps = [buy(4, "2.00"), sell(4), buy(1, "7.00"), sell(1), back(1), back(2)]
    orders = ["", "A", "", "B", "A", None]
    moves = [move._replace(order_id=order) for move, order in zip(history(steps), orders, strict=True)]
    assert [one.value for one in ItemCost().run(moves)][-2:] == [20_000, 65_000]


def test_a_purchase_without_any_cost_is_provisional() -> None:
    """It counts as unknown, at the cost of the last one, until somebody says what it cost."""
    bought = ItemCost().run(history([buy(1, "5.00"), buy(2)], None))[-1]
    assert (bought.value, bought.basis) == (100_000, "MISSING")
    told = [move._replace(value=70_000, basis="INVOICE") for move in history([buy(2)], None)]
    assert ItemCost().run(told) == [("m0", 70_000, 3_500_000, "INVOICE")]


def test_values_are_whole_coins_of_the_currency() -> None:
    """100 yen for three: 33, 34 (of 67 for two, HALF_UP), 33."""
    assert values([buy(1, "100"), buy(2, "0"), sell(1), sell(1), sell(1)], minor=10_000)[2:] == [
        "33.00",
        "34.00",
        "33.00",
    ]


steps = st.lists(
    st.tuples(
        st.sampled_from(sorted(PLACES)),
        st.sampled_from(sorted(PLACES)),
        st.integers(1, 6),
        st.sampled_from([None, "1.00", "2.37", "9.99"]),
    ).filter(lambda step: not {step[0], step[1]} <= {*OUTSIDE}),
    max_size=14,
)


@settings(max_examples=400, deadline=None)
@given(steps, st.booleans())
def test_no_units_have_no_value_and_nothing_is_lost(given_steps: list[Step], fifo: bool) -> None:
    cost = ItemCost(written_off=frozenset({"SCRAP"}), fifo=fifo)
    movements = history(given_steps)
    units: dict[str, int] = defaultdict(int)
    worth: dict[str, int] = defaultdict(int)
    for movement, valued in zip(movements, cost.run(movements), strict=True):
        for role, sign in ((movement.debit_role, 1), (movement.credit_role, -1)):
            units[role] += sign * movement.qty
            worth[role] += sign * valued.value
        assert valued.value % 100 == 0
        assert not valued.value or movement.from_status != "SCRAP"
    for role in ("sellable", "transit", "inspection"):
        assert (units[role], worth[role]) == (cost.pools[role].qty, cost.pools[role].value)
        assert units[role] or not worth[role], f"{role} has no units, and is worth {worth[role]}"
        if fifo and units[role] >= 0:
            assert worth[role] == sum(layer.value for layer in cost.pools[role].layers)
            assert units[role] == sum(layer.qty for layer in cost.pools[role].layers)
    assert sum(worth.values()) == 0


@settings(max_examples=60, deadline=None)
@given(st.permutations([buy(4, "3.00"), buy(3, "3.00"), sell(2), sell(5)]))
def test_at_one_cost_the_order_does_not_matter(given_steps: list[Step]) -> None:
    """Four and three units at 3.00, seven sold: whatever came first, each is worth 3.00."""
    assert values(given_steps, standard="8.00") == [f"{3 * qty}.00" for _, _, qty, _ in given_steps]
