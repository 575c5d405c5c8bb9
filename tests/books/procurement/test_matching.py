"""Which units are invoiced, and what they cost: by hand, and that nothing of an invoice is lost."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.books.procurement.matching import Billed, Outcome, Receipt, match, spread


def received(*steps: tuple[int, str | None]) -> list[Receipt]:
    """(units, price of the order)."""
    return [
        Receipt(f"r{n}", qty * 10_000, None if price is None else int(Decimal(price) * 1_000_000), "ORDER")
        for n, (qty, price) in enumerate(steps)
    ]


def billed(*steps: tuple[int, str]) -> list[Billed]:
    """(units, amount); of credit notes below zero, about the first invoice."""
    return [
        Billed(f"i{n}", f"I-{n}", "I-0" if Decimal(amount) < 0 else "", qty * 10_000, int(Decimal(amount) * 10_000))
        for n, (qty, amount) in enumerate(steps)
    ]


def costs(outcome: Outcome) -> list[tuple[str | None, str]]:
    return [(None if one.value is None else f"{Decimal(one.value) / 10_000:.2f}", one.basis) for one in outcome.costs]


def left(outcome: Outcome) -> list[tuple[str, int, str]]:
    return [(record, qty // 10_000, f"{Decimal(amount) / 10_000:.2f}") for record, qty, amount in outcome.open]


BY_HAND: dict[str, tuple[list[Receipt], list[Billed], list[tuple[str | None, str]], list[tuple[str, int, str]]]] = {
    "not invoiced: the order's price": (received((10, "12.00")), [], [("120.00", "ORDER")], []),
    "nobody knows": (received((10, None)), [], [(None, "ORDER")], []),
    "invoiced at another price": (received((10, "12.00")), billed((10, "124.00")), [("124.00", "INVOICE")], []),
    # 6 × 12.40 are invoiced, 4 × 12.00 are not.
    "invoiced in part": (received((10, "12.00")), billed((6, "74.40")), [("122.40", "INVOICE")], []),
    # The other four cost as much as the six, where no order says more.
    "invoiced in part, without an order": (received((10, None)), billed((6, "74.40")), [("124.00", "INVOICE")], []),
    # 20 for 3: the first gets 6.67, the second 13.33; together 20.00.
    "an invoice over two receipts": (
        received((1, "6.00"), (2, "6.00")),
        billed((3, "20.00")),
        [("6.67", "INVOICE"), ("13.33", "INVOICE")],
        [],
    ),
    "each receipt its invoice": (
        received((2, "6.00"), (2, "6.00")),
        billed((2, "12.00"), (2, "14.00")),
        [("12.00", "INVOICE"), ("14.00", "INVOICE")],
        [],
    ),
    "more invoiced than received": (
        received((4, "5.00")),
        billed((6, "30.00")),
        [("20.00", "INVOICE")],
        [("i0", 2, "10.00")],
    ),
    # Two of ten are credited: eight at 12.00 are invoiced, two are not, and cost what was ordered.
    "credited units": (received((10, "11.00")), billed((10, "120.00"), (-2, "-24.00")), [("118.00", "INVOICE")], []),
    "a credited price": (received((10, "11.00")), billed((10, "120.00"), (0, "-10.00")), [("110.00", "INVOICE")], []),
    "credited whole and invoiced anew": (
        received((10, "11.00")),
        billed((10, "120.00"), (-10, "-120.00"), (10, "110.00")),
        [("110.00", "INVOICE")],
        [],
    ),
    "a credit note of no invoice": (
        received((1, "3.00")),
        billed((-1, "-3.00")),
        [("3.00", "ORDER")],
        [("i0", -1, "-3.00")],
    ),
}


@pytest.mark.parametrize(("came", "invoices", "expected", "open_lines"), BY_HAND.values(), ids=BY_HAND)
def test_by_hand(
    came: list[Receipt], invoices: list[Billed], expected: list[tuple[str, str]], open_lines: list[tuple[str, int, str]]
) -> None:
    outcome = match(came, invoices, 100)
    assert costs(outcome) == expected
    assert left(outcome) == open_lines


lines = st.lists(st.tuples(st.integers(-3, 6), st.integers(0, 9_999)), max_size=6).map(
    lambda steps: billed(*((qty, f"{(cents if qty >= 0 else -cents) / 100:.2f}") for qty, cents in steps))
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(1, 5), max_size=5), lines)
def test_every_coin_of_an_invoice_is_in_a_receipt_or_open(units: list[int], invoices: list[Billed]) -> None:
    outcome = match(received(*((qty, "4.00") for qty in units)), invoices, 100)
    assert sum(one.billed for one in outcome.costs) + sum(amount for *_, amount in outcome.open) == sum(
        one.amount for one in invoices
    )
    assert sum(one.billed_qty for one in outcome.costs) + sum(qty for _, qty, _ in outcome.open) == sum(
        one.qty for one in invoices
    )
    assert all(one.value is not None and one.value % 100 == 0 for one in outcome.costs)


def test_a_charge_is_spread_by_amount_to_the_coin() -> None:
    """10.00 over 1 : 1 : 1 is 3.33, 3.34 (of 6.67) and 3.33; over nothing it stays whole."""
    assert spread(100_000, [5, 5, 5], 100) == [33_300, 33_400, 33_300]
    assert spread(100_000, [0, 0], 100) == []
