"""The smallest coin of a currency, and how whole numbers of it are rounded and divided."""

from __future__ import annotations


def digits(currency: str | None) -> int:
    """Decimals of amounts in a currency: 2 for dollars, 0 for yen, 3 for dinars (CLDR)."""
    from babel.numbers import get_currency_precision

    return int(get_currency_precision(currency or "USD"))


def coin(currency: str | None) -> int:
    """The smallest coin in 1/10,000 of the currency: 100 for cents, 10,000 for yen, 10 for fils."""
    return int(10 ** max(4 - digits(currency), 0))


def divide(numerator: int, denominator: int) -> int:
    """Integer division, half away from zero."""
    if denominator < 0:
        numerator, denominator = -numerator, -denominator
    whole = (2 * abs(numerator) + denominator) // (2 * denominator)
    return whole if numerator >= 0 else -whole


def share_of(value: int, qty: int, whole: int, minor: int) -> int:
    """The share of `qty` of `whole` units in a value, at coins of `minor`. Differences of running totals of it make the
    value exactly."""
    return divide(value * qty, whole * minor) * minor


def at_cost(qty: int, cost: int, minor: int) -> int:
    """1/10,000 units × 1/1,000,000 money for a unit → 1/10,000 money, HALF_UP at coins of `minor`."""
    return divide(qty * cost, 1_000_000 * minor) * minor
