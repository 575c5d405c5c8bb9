"""Amounts at the decimals of their currency."""

from __future__ import annotations

from functools import cache

from gateway.sql import words


def rounded_money(amount: str, currency: str) -> str:
    """SQL of an amount at the decimals of a currency, half away from zero; two where the currency is not known."""
    # Each case has the same type: of several the database takes one with too few decimals.
    cases = " ".join(
        f"when {currency} in ({words(codes)}) then cast(round({amount}, {digits}) as decimal(18,4))"
        for digits, codes in _others().items()
    )
    return f"case {cases} else cast(round({amount}, 2) as decimal(18,4)) end"


@cache
def _others() -> dict[int, list[str]]:
    """Decimals (0 to 4) → currencies that have so many, but for two (CLDR)."""
    from babel.core import get_global

    found: dict[int, list[str]] = {}
    for code, (digits, *_) in sorted(get_global("currency_fractions").items()):
        if digits != 2 and code != "DEFAULT":
            found.setdefault(min(digits, 4), []).append(code)
    return found
