"""The smallest coin of a currency, to which amounts are rounded."""

from __future__ import annotations


def coin(currency: str | None) -> int:
    """The smallest coin in 1/10,000 of the currency: 100 for cents, 10,000 for yen, 10 for fils (CLDR's digits)."""
    from babel.numbers import get_currency_precision

    return int(10 ** max(4 - get_currency_precision(currency or "USD"), 0))
