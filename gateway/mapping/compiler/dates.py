"""Text → date or instant, as SQL. Shape first, then the calendar: 30 February, 24:61 and `2025-2-3` are
not read; neither is a local time that the clocks skipped.
"""

from __future__ import annotations

import re

from gateway.mapping.compiler import dtm_dates
from gateway.mapping.language.spec import FieldSpec
from gateway.sql import literal

TOKENS = {
    "%Y": "[1-9][0-9]{3}", "%y": "[0-9]{2}", "%m": "(0[1-9]|1[0-2])", "%d": "(0[1-9]|[12][0-9]|3[01])",
    "%H": "([01][0-9]|2[0-3])", "%I": "(0[1-9]|1[0-2])", "%M": "[0-5][0-9]", "%S": "[0-5][0-9]",
    "%f": "[0-9]{1,6}", "%b": "[A-Za-z]{3}", "%B": "[A-Za-z]+", "%p": "[AaPp][Mm]", "%j": "[0-3][0-9]{2}",
    "%-d": "[0-9]{1,2}", "%-m": "[0-9]{1,2}", "%-H": "[0-9]{1,2}", "%-I": "[0-9]{1,2}",
    "%z": "[+-][0-9]{2}(:?[0-9]{2})?",
}  # fmt: skip
"""Tokens of `formats`, each with the shape that it demands."""

NAMED = {"ymd": "%Y%m%d", "yymmdd": "%y%m%d", "ymdhm": "%Y%m%d%H%M", "ymdhms": "%Y%m%d%H%M%S"}
"""Formats that have a name of their own, beside `iso` and `dtm`."""

DTM = "dtm"
"""The format is named beside the value, as in EDIFACT's DTM."""

_DAY = "[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}"
_FULL_TIME = "(([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]|24:00:00)"
_TIME = r"(([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,9})?)?|24:00:00(\.0{1,9})?)"
_OFFSET = "[+-]([01][0-9]|2[0-3])(:?[0-5][0-9])?"
_UTC = "( ?UTC| ?GMT|[Zz])"


def shape(form: str) -> str:
    """The regular expression of a date format. Raises ValueError naming an unknown token."""
    pattern, rest = "", NAMED.get(form, form)
    while rest:
        token = next((t for t in TOKENS if rest.startswith(t)), None)
        if token is None and rest.startswith("%"):
            raise ValueError(f"unknown token {rest[:2]}; use {', '.join(sorted(TOKENS))}")
        pattern += TOKENS[token] if token else re.escape(rest[0]).replace("\\ ", " ")
        rest = rest[len(token) if token else 1 :]
    return pattern


def day(text: str, spec: FieldSpec) -> str:
    """SQL for a date: the day as written, or in `timezone` where the text is an instant and one is declared."""
    branches = []
    for form in spec.formats or ("iso",):
        if form == DTM:
            branches += [(fits, f"cast({local} as date)") for fits, local, _ in dtm_dates.instants(text)]
            continue
        if form != "iso":
            value = f"try_strptime({text}, {literal(_tokens(form))})"
            branches.append((shape(form), f"cast({value} as date)"))
            continue
        branches.append((_DAY, f"try_cast({text} as date)"))
        midnight = rf"{_DAY}[T ]24:00:00(\.0{{1,9}})?({_UTC}| ?{_OFFSET})?"
        if spec.timezone:
            zoned = f"{_DAY}[T ]{_TIME}({_UTC}| ?{_OFFSET})"
            branches.append((zoned, f"cast(timezone({literal(spec.timezone)}, {instant(text, spec)}) as date)"))
        branches.append((midnight, f"try_cast(left({text}, 10) as date) + 1"))
        branches.append((f"{_DAY}([T ]{_TIME})?({_UTC}| ?{_OFFSET})?", f"try_cast(left({text}, 10) as date)"))
    return _choose(text, branches)


def instant(text: str, spec: FieldSpec) -> str:
    """SQL for an instant, in the zone that the text names, else in `timezone`, else UTC.

    A local time that occurs twice (clocks set back) is taken as the later one, in standard time.
    """
    zone = spec.timezone or "UTC"
    branches = []
    for form in spec.formats or ("iso",):
        if form == "iso":
            branches += _iso(text, zone)
            continue
        if form == DTM:
            branches += [(fits, _shift(local, ahead) if ahead else _local(local, zone))
                         for fits, local, ahead in dtm_dates.instants(text)]  # fmt: skip
            continue
        parsed = f"try_strptime({text}, {literal(_tokens(form))})"
        if "%z" in form:
            branches.append((shape(form), f"cast({parsed} as timestamptz)"))
        else:
            branches.append((shape(form), _local(parsed, "UTC" if _says_utc(form) else zone)))
    return _choose(text, branches)


def _tokens(form: str) -> str:
    return NAMED.get(form, form)


def _says_utc(form: str) -> bool:
    return form.endswith(("UTC", "GMT", "%SZ", "%MZ", "%fZ"))


def _iso(text: str, zone: str) -> list[tuple[str, str]]:
    # The usual notation first: it needs no regular expression to take it apart.
    plain = _local(f"try_cast({text} as timestamp)", "UTC")
    stamp = f"try_cast(regexp_replace({text}, '{_UTC}$', '') as timestamp)"
    return [
        (f"{_DAY}[T ]{_FULL_TIME}( UTC|Z)", plain),
        (f"{_DAY}[T ]{_TIME}{_UTC}", _local(stamp, "UTC")),
        (f"{_DAY}([T ]{_TIME})?", _local(f"try_cast({text} as timestamp)", zone)),
        (f"{_DAY}[T ]{_TIME} ?{_OFFSET}", _shifted(text)),
    ]


def _shifted(text: str) -> str:
    """An instant that states its distance from UTC."""
    form = "'^(.*[0-9]) ?([+-])([0-9]{2}):?([0-9]{2})?$'"

    def part(number: int) -> str:
        return f"regexp_extract({text}, {form}, {number})"

    minutes = f"(cast({part(3)} as bigint) * 60 + coalesce(try_cast({part(4)} as bigint), 0))"
    return _shift(f"try_cast({part(1)} as timestamp)", f"{minutes} * case {part(2)} when '-' then -1 else 1 end")


def _shift(local: str, minutes: str) -> str:
    """The instant of a local time that is so many minutes ahead of UTC."""
    return f"make_timestamptz(epoch_us({local}) - {minutes} * 60000000)"


def _local(stamp: str, zone: str) -> str:
    if zone.upper() in ("UTC", "GMT", "ETC/UTC"):
        return f"make_timestamptz(epoch_us({stamp}))"
    there = f"timezone({literal(zone)}, {stamp})"
    # A time that the clocks skipped comes back as another one.
    return f"case when timezone({literal(zone)}, {there}) = {stamp} then {there} end"


def _choose(text: str, branches: list[tuple[str, str]]) -> str:
    whens = " ".join(f"when regexp_full_match({text}, {literal(shape)}) then {value}" for shape, value in branches)
    return f"case {whens} end"
