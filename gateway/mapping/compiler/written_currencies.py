"""A currency that is written beside an amount, as a sign or an ISO 4217 code: it is taken off, and must be the row's."""

from __future__ import annotations

import re
from functools import cache

from gateway.sql import literal, one_of

_DOLLARS = "USD CAD AUD NZD HKD SGD MXN TWD ARS CLP COP BSD BBD BMD BND BZD FJD GYD JMD KYD LRD NAD SBD SRD TTD XCD"
SIGNS = {
    "€": "EUR", "£": "GBP EGP FKP GIP LBP SHP SYP", "¥": "JPY CNY", "￥": "JPY CNY", "円": "JPY", "元": "CNY", "₹": "INR",
    "₽": "RUB", "₺": "TRY", "₩": "KRW KPW", "₪": "ILS", "฿": "THB", "₫": "VND", "₱": "PHP", "₴": "UAH", "₦": "NGN", "₸": "KZT",
    "$": _DOLLARS, "US$": "USD", "CA$": "CAD", "C$": "CAD", "A$": "AUD", "AU$": "AUD", "NZ$": "NZD", "HK$": "HKD", "S$": "SGD",
    "SG$": "SGD", "MX$": "MXN", "NT$": "TWD", "R$": "BRL", "CN¥": "CNY", "JP¥": "JPY", "zł": "PLN", "Kč": "CZK", "Ft": "HUF",
    "kr": "SEK NOK DKK ISK", "kr.": "SEK NOK DKK ISK", "lei": "RON MDL", "Rs": "INR PKR LKR NPR MUR", "Rs.": "INR PKR LKR NPR MUR",
    "Fr.": "CHF", "SFr.": "CHF", "RM": "MYR", "Rp": "IDR",
}  # fmt: skip
"""Signs, each with the currencies that are written so."""


@cache
def codes() -> tuple[str, ...]:
    """ISO 4217 codes, those of past currencies included."""
    from babel.core import get_global

    return tuple(sorted(get_global("all_currencies")))


@cache
def _written() -> str:
    signs = sorted(SIGNS, key=len, reverse=True)
    return "|".join([*map(re.escape, signs), *codes()])


BEHIND = f"(?: ?(?:{_written()}))?"
"""A currency behind the digits, or none."""


def removed(text: str) -> str:
    """SQL of a text without the currency in front of its digits (a sign may precede it) or behind them."""
    front = f"regexp_replace({text}, {literal(rf'^([-+(]?) ?(?:{_written()}) ?')}, '\\1')"
    return f"regexp_replace({front}, {literal(rf'([0-9.,)-]) ?(?:{_written()}) ?([-+)]?)$')}, '\\1\\2')"


def found(text: str) -> str:
    """SQL of the currency that is written in a text, "" where none is."""
    return f"regexp_extract({text}, {literal(f'({_written()})')}, 1)"


def is_other(text: str, currency: str) -> str:
    """SQL: the currency that is written in a text is not that of the row."""
    written = found(text)
    same = [f"{sign}/{code}" for sign, own in SIGNS.items() for code in own.split()]
    return f"({written} <> '' and {written} <> {currency} and not {one_of(f'concat({written}, chr(47), {currency})', same)})"


def in_text(text: str) -> str:
    """The currency that is written in a text, "" where none is."""
    known = re.search(f"(?<![A-Za-z])({_written()})(?![A-Za-z])", text)
    return known[1] if known else ""


def without(text: str) -> str:
    """A text without the currency that is written in it."""
    return text.replace(in_text(text), "").strip()
