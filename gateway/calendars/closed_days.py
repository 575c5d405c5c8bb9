"""Public holidays of countries ("DE", "DE-BY") and days on which a market or payment system is closed ("XECB")."""

from __future__ import annotations

from collections.abc import Container
from datetime import date
from functools import cache


@cache
def of(code: str) -> Container[date]:
    """The closed days. Raises ValueError for a code that is not known, naming what its country has."""
    import holidays  # Slow to load, and most homes do without.

    country, _, part = code.partition("-")
    if code in holidays.list_supported_financial():
        return holidays.financial_holidays(code)
    parts = holidays.list_supported_countries(include_aliases=False).get(country)
    if parts is None:
        raise ValueError(f'"{code}" is neither a country nor a market whose holidays are known')
    if part and part not in parts:
        raise ValueError(f'"{country}" has no part "{part}"; it has {", ".join(parts) or "none"}')
    return holidays.country_holidays(country, subdiv=part or None)
