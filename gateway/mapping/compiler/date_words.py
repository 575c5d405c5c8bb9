"""Words in dates: months and weekdays in the languages of our partners, abbreviations of time zones, formats for
people."""

from __future__ import annotations

import re
from functools import cache

from gateway.sql import literal

LANGUAGES = ("en", "de", "fr", "es", "it", "nl", "pl", "pt", "sv", "tr")
_MORE_MONTHS = {"sept": 9, "mrz": 3, "mar": 3, "febr": 2}

ZONES = {
    "UTC": 0,
    "GMT": 0,
    "Z": 0,
    "WET": 0,
    "WEST": 60,
    "BST": 60,
    "CET": 60,
    "MEZ": 60,
    "CEST": 120,
    "MESZ": 120,
    "EET": 120,
    "EEST": 180,
    "MSK": 180,
    "EST": -300,
    "EDT": -240,
    "CST": -360,
    "CDT": -300,
    "MST": -420,
    "MDT": -360,
    "PST": -480,
    "PDT": -420,
    "AKST": -540,
    "AKDT": -480,
    "HST": -600,
    "JST": 540,
    "KST": 540,
    "AWST": 480,
    "ACST": 570,
    "ACDT": 630,
    "AEST": 600,
    "AEDT": 660,
    "NZST": 720,
    "NZDT": 780,
}
"""Abbreviations of zones → minutes ahead of UTC. Those of North America as RFC 5322, 4.3 fixes them, the others as the
tz database does; one that means several zones (IST) is not among them."""

AMBIGUOUS_ZONES = ("IST", "AST", "GST", "SST", "ADT", "ECT")
ZONE_SHAPE = f"(?:{'|'.join(sorted(ZONES, key=len, reverse=True))})"
WORD = r"[A-Za-zÀ-ɏ]+\.?"
"""A word of a Latin script. A class of Unicode (`\\p{L}`) costs ten milliseconds to compile, each time it is used."""
_SAID = {
    "%Y": "YYYY",
    "%y": "YY",
    "%m": "MM",
    "%d": "DD",
    "%H": "hh",
    "%I": "hh",
    "%M": "mm",
    "%S": "ss",
    "%f": "ffffff",
    "%b": "Aug",
    "%B": "August",
    "%a": "Sat",
    "%A": "Saturday",
    "%p": "AM",
    "%j": "day of the year",
    "%-d": "D",
    "%-m": "M",
    "%-H": "h",
    "%-I": "h",
    "%z": "+02:00",
    "%Z": "PST",
}


@cache
def months() -> dict[str, int]:
    """Names of months in lower case, without a dot behind abbreviations; those that mean two months left out."""
    return _meanings("get_month_names") | _MORE_MONTHS


@cache
def weekdays() -> dict[str, int]:
    """Names of weekdays in the same way; Monday is 1."""
    return {name: number + 1 for name, number in _meanings("get_day_names").items()}


def _meanings(names_of: str) -> dict[str, int]:
    from babel import dates

    found: dict[str, set[int]] = {}
    for language in LANGUAGES:
        for width in ("wide", "abbreviated"):
            for context in ("format", "stand-alone"):
                for number, name in getattr(dates, names_of)(width, context, language).items():
                    found.setdefault(name.lower().rstrip("."), set()).add(number)
    return {name: numbers.pop() for name, numbers in found.items() if len(numbers) == 1}


def number_of(word: str, meanings: dict[str, int]) -> str:
    """SQL for the number that a word means, as text of two digits; NULL for a word that is none."""
    # One text of all words: a case of two hundred branches takes seconds to plan where several formats have words.
    words, numbers = "|".join(meanings), "|".join(f"{number:02d}" for number in meanings.values())
    place = f"list_position(string_split({literal(words)}, '|'), rtrim(lower({word}), '.'))"
    return f"list_extract(string_split({literal(numbers)}, '|'), {place})"


def minutes_of(zone: str) -> str:
    """SQL for the minutes that the zone of an abbreviation is ahead of UTC."""
    cases = " ".join(f"when {literal(name)} then {minutes}" for name, minutes in ZONES.items())
    return f"cast(case upper({zone}) {cases} end as bigint)"


def literal_zone(form: str) -> int | None:
    """Minutes ahead of UTC of a zone that a format ends with as a text: "%H:%M PST". None where there is none.

    Raises ValueError for an abbreviation that means several zones.
    """
    found = re.search(r"(?<![A-Za-z])([A-Z]{1,4})$", re.sub("%-?[A-Za-z]", "%", form))
    if not found or not re.search("%-?[HIMSfp]", form):
        return None
    if found[1] in AMBIGUOUS_ZONES:
        raise ValueError(f"zone that means several: {found[1]}; write the distance from UTC as %z, or use `timezone`")
    return ZONES.get(found[1])


def said(form: str) -> str:
    """A format in words for people: "DD.MM.YYYY"."""
    return re.sub("%-?[A-Za-z]", lambda token: _SAID.get(token[0], token[0]), form)
