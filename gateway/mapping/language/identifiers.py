"""Check digits of identifiers. A wrong one is reported, and its row still counts: goods and money have moved.

What knows the identifiers is imported when the first one is checked: most runs of the program check none.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import import_module
from typing import Literal, get_args

Check = Literal["gtin", "gln", "sscc", "iban", "bic", "isin", "lei"]

_NAMES = {"gtin": "GTIN", "gln": "GLN", "sscc": "SSCC", "iban": "IBAN", "bic": "BIC", "isin": "ISIN", "lei": "LEI"}


def _gs1(text: str, *lengths: int) -> bool:
    from stdnum import ean

    return text.isascii() and text.isdigit() and len(text) in lengths and ean.calc_check_digit(text[:-1]) == text[-1]


def _iban(text: str) -> bool:
    """Accounts of countries without IBAN stand in the same place, and have no check digits that all banks share."""
    return re.match("[A-Z]{2}[0-9]{2}", text.upper()) is None or _valid("iban", text)


def _valid(kind: str, text: str) -> bool:
    return bool(import_module(f"stdnum.{kind}").is_valid(text))


_HOLDS: dict[Check, Callable[[str], bool]] = {
    "gtin": lambda text: _gs1(text, 8, 12, 13, 14),
    "gln": lambda text: _gs1(text, 13),
    "sscc": lambda text: _gs1(text, 18),
    "iban": _iban,
    "bic": lambda text: _valid("bic", text),
    "isin": lambda text: _valid("isin", text),
    "lei": lambda text: _valid("lei", text),
}
assert set(_HOLDS) == set(_NAMES) == set(get_args(Check))


def wrong(check: Check, text: str) -> str:
    """ "" or what is wrong with an identifier."""
    return "" if _HOLDS[check](text) else f"is not a valid {_NAMES[check]}: its length or check digit is wrong"
