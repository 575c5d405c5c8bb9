"""The smallest coin of a currency, to which amounts are rounded."""

from __future__ import annotations


def digits(currency: str | None) -> int:
    """Decimals of amounts in a currency: 2 for dollars, 0 for yen, 3 for dinars (CLDR)."""
    from babel.numbers import get_currency_precision

    return int(get_currency_precision(currency or "USD"))


def coin(currency: str | None) -> int:
    """The smallest coin in 1/10,000 of the currency: 100 for cents, 10,000 for yen, 10 for fils."""
    return int(10 ** max(4 - digits(currency), 0))
