"""A currency that is written beside an amount, as a sign or an ISO 4217 code: it is taken off, and must be the
row's."""

from __future__ import annotations

import re
from functools import cache

from gateway.sql import literal, one_of

_DOLLARS = "USD CAD AUD NZD HKD SGD MXN TWD ARS CLP COP BSD BBD BMD BND BZD FJD GYD JMD KYD LRD NAD SBD SRD TTD XCD"
SIGNS = {
    "€": "EUR",
    "£": "GBP EGP FKP GIP LBP SHP SYP",
    "¥": "JPY CNY",
    "￥": "JPY CNY",
    "円": "JPY",
    "元": "CNY",
    "₹": "INR",
    "₽": "RUB",
    "₺": "TRY",
    "₩": "KRW KPW",
    "₪": "ILS",
    "฿": "THB",
    "₫": "VND",
    "₱": "PHP",
    "₴": "UAH",
    "₦": "NGN",
    "₸": "KZT",
    "$": _DOLLARS,
    "US$": "USD",
    "CA$": "CAD",
    "C$": "CAD",
    "A$": "AUD",
    "AU$": "AUD",
    "NZ$": "NZD",
    "HK$": "HKD",
    "S$": "SGD",
    "SG$": "SGD",
    "MX$": "MXN",
    "NT$": "TWD",
    "R$": "BRL",
    "CN¥": "CNY",
    "JP¥": "JPY",
    "zł": "PLN",
    "Kč": "CZK",
    "Ft": "HUF",
    "CDN$": "CAD",
    "TL": "TRY",
    "Euro": "EUR",
    "kr": "SEK NOK DKK ISK",
    "kr.": "SEK NOK DKK ISK",
    "lei": "RON MDL",
    "Rs": "INR PKR LKR NPR MUR",
    "Rs.": "INR PKR LKR NPR MUR",
    "Fr.": "CHF",
    "SFr.": "CHF",
    "RM": "MYR",
    "Rp": "IDR",
}
"""Signs, each with the currencies that are written so."""

WITHOUT_DECIMALS = [
    "BIF",
    "CLP",
    "DJF",
    "GNF",
    "ISK",
    "JPY",
    "KMF",
    "KRW",
    "PYG",
    "RWF",
    "UGX",
    "UYI",
    "VND",
    "VUV",
    "XAF",
    "XOF",
    "XPF",
]
"""Currencies without a minor unit (ISO 4217, list one)."""

_SPACED = {f"{sign[:-1]} $": own for sign, own in SIGNS.items() if sign.endswith("$") and len(sign) > 1}
"""The same with a blank before the dollar sign, as eBay writes them: "US $5.00"."""

_MARKS_MAX = 3
"""Marks of currencies beside one amount, two of them in front: "CAD $5.00", "US $5.00 USD"."""


@cache
def codes() -> tuple[str, ...]:
    """ISO 4217 codes, those of past currencies included."""
    from babel.core import get_global

    return tuple(sorted(get_global("all_currencies")))


@cache
def _written() -> str:
    signs = sorted((*SIGNS, *_SPACED), key=len, reverse=True)
    return f"(?i:{'|'.join([*map(re.escape, signs), *codes()])})"


BEHIND = f"(?: ?(?:{_written()}))?"
"""A currency behind the digits, or none."""


def removed(text: str) -> str:
    """SQL of a text without the currency in front of its digits (a sign may precede it) or behind them."""
    mark = _written()
    front = f"regexp_replace({text}, {literal(rf'^([-+(]?) ?{mark}(?: ?{mark})? ?')}, '\\1')"
    return f"regexp_replace({front}, {literal(rf'([0-9.,)-]) ?{mark} ?([-+)]?)$')}, '\\1\\2')"


def marks(text: str) -> str:
    """SQL: all currencies that are written in a text, as a list."""
    return f"regexp_extract_all(upper({text}), {literal(f'({_written()})')}, 1)"


def is_other(marks: str, currency: str) -> str:
    """SQL: one of the currencies that are written in a text is not that of the row."""
    same = [f"{sign.upper()}/{code}" for sign, own in (SIGNS | _SPACED).items() for code in own.split()]
    others = []
    for number in range(1, _MARKS_MAX + 1):
        mark = f"list_extract({marks}, {number})"
        sign_of_row = one_of(f"concat({mark}, chr(47), {currency})", same)
        others.append(f"coalesce({mark} <> {currency} and not {sign_of_row}, false)")
    return f"({' or '.join(others)})"


def has_no_decimals(text: str, currency: str) -> str:
    """SQL: an amount is of a currency without decimals, by what is written in its text or by the row's currency."""
    own = [sign for sign, code in SIGNS.items() if code in WITHOUT_DECIMALS]
    marks = "|".join(re.escape(mark) for mark in (*own, *WITHOUT_DECIMALS))
    return f"(regexp_matches({text}, {literal(marks)}) or coalesce({one_of(currency, WITHOUT_DECIMALS)}, false))"


def of_one(text: str) -> str:
    """SQL of the currency that a sign alone stands for, NULL where it is no sign or that of several."""
    own = {sign.upper(): code for sign, code in (SIGNS | _SPACED).items() if len(code) == 3}
    cases = " ".join(f"when {literal(sign)} then {literal(code)}" for sign, code in own.items())
    return f"case upper({text}) {cases} end"


def in_text(text: str) -> str:
    """The currency that is written in a text, "" where none is; of several marks the longest, which says most."""
    return max(re.findall(f"(?<![A-Za-z])({_written()})(?![A-Za-z])", text), key=len, default="")


def without(text: str) -> str:
    """A text without the currencies that are written in it."""
    for _ in range(_MARKS_MAX):
        text = text.replace(in_text(text), "").strip()
    return text
