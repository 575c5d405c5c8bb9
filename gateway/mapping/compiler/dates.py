"""Text → date or instant, as SQL. Shape first, then the calendar: 30 February, 24:61 and `2025-2-3` are
not read; neither is a local time that the clocks skipped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from gateway.mapping.compiler import dtm_dates
from gateway.mapping.compiler.date_words import (
    WORD,
    ZONE_SHAPE,
    literal_zone,
    minutes_of,
    months,
    number_of,
    weekdays,
)
from gateway.mapping.language.spec import FieldSpec
from gateway.sql import literal

TOKENS = {
    "%Y": "[1-9][0-9]{3}",
    "%y": "[0-9]{2}",
    "%m": "(?:0[1-9]|1[0-2])",
    "%d": "(?:0[1-9]|[12][0-9]|3[01])",
    "%H": "(?:[01][0-9]|2[0-3])",
    "%I": "(?:0[1-9]|1[0-2])",
    "%M": "[0-5][0-9]",
    "%S": "[0-5][0-9]",
    "%f": "[0-9]{1,6}",
    "%b": "[A-Za-z]{3}",
    "%B": "[A-Za-z]+",
    "%p": "[AaPp][Mm]",
    "%j": "[0-3][0-9]{2}",
    "%-d": "(?:0?[1-9]|[12][0-9]|3[01])",
    "%-m": "(?:0?[1-9]|1[0-2])",
    "%-H": "(?:[01]?[0-9]|2[0-3])",
    "%-I": "(?:0?[1-9]|1[0-2])",
    "%z": "[+-][0-9]{2}(?::?[0-9]{2})?",
    "%a": WORD,
    "%A": WORD,
    "%Z": ZONE_SHAPE,
}
"""Tokens of `formats`, each with the shape that it demands."""

NAMED = {"ymd": "%Y%m%d", "yymmdd": "%y%m%d", "ymdhm": "%Y%m%d%H%M", "ymdhms": "%Y%m%d%H%M%S"}
"""Formats that have a name of their own, beside `iso`, `serial`, `dtm` and `dtp`."""

SERIAL = "serial"
"""A day as spreadsheets count them, from 1900 on, with the time of day as its fraction: 46235.5."""

SERIAL_SHAPE = r"[1-7][0-9]{4}([.][0-9]{1,12})?"

DTM, DTP = "dtm", "dtp"
"""The format is named beside the value, as in DTM of EDIFACT (data element 2379) and of X12 (data element 1250)."""
BY_CODE = {DTM: dtm_dates.instants, DTP: dtm_dates.x12_instants}

_DAY = "[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}"
_FULL_TIME = "(([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]|24:00:00)"
_TIME = r"(([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,9})?)?|24:00(:00(\.0{1,9})?)?)"
_OFFSET = "[+-]([01][0-9]|2[0-3])(:?[0-5][0-9])?"
_UTC = "( ?UTC| ?GMT|[Zz])"
_BLANKS = "[ \u00a0\u2007\u2009\u202f]+"


def shape(form: str) -> str:
    """The regular expression of a date format. Raises ValueError naming an unknown token."""
    last = _midnight(form)
    return f"(?:{_shape(form)}|{_shape(last)})" if last else _shape(form)


def _shape(form: str) -> str:
    if form == SERIAL:
        return SERIAL_SHAPE
    literal_zone(form)
    return "".join(_shapes(_parts(form)))


def _shapes(parts: Sequence[str]) -> list[str]:
    """The regular expression of each part. A number of two digits that stands apart from others may have one."""
    found = []
    for before, part, behind in zip(["", *parts], parts, [*parts[1:], ""], strict=False):
        apart = not (before + behind).isdigit() and not (before.startswith("%") or behind.startswith("%"))
        short = part.replace("%", "%-")
        token = short if apart and short in TOKENS and not before[-1:].isdigit() and not behind[:1].isdigit() else part
        found.append(TOKENS.get(token) or re.escape(part).replace("\\ ", " "))
    return found


def _parts(form: str) -> list[str]:
    """Tokens and the texts between them. Raises ValueError naming an unknown token."""
    parts = [part for part in re.split("(%-?[A-Za-z]|%)", NAMED.get(form, form)) if part]
    unknown = [part for part in parts if part.startswith("%") and part not in TOKENS]
    if unknown:
        raise ValueError(f"unknown token {unknown[0]}; use {', '.join(sorted(TOKENS))}")
    return parts


def tidied(text: str, formats: Sequence[str]) -> str:
    """SQL of a date with one plain blank between its parts, and AM for "a. m.": programs write no-break spaces
    there."""
    if any("  " in form for form in formats):
        return text
    rare = f"strlen({text}) <> length({text}) or contains({text}, '  ')"
    plain = f"case when {rare} then regexp_replace({text}, '{_BLANKS}', ' ', 'g') else {text} end"
    if not any("%p" in form for form in formats):
        return plain
    return f"regexp_replace({plain}, '\\b([AaPp])\\. ?([Mm])\\.', '\\1\\2')"


def _readings(text: str, form: str) -> Iterator[tuple[str, str, str]]:
    """What `_parsed` gives for a format, and for midnight at the end of a day (24:00, ISO 8601) where it has one."""
    fits, local, minutes = _parsed(text, form)
    yield fits, local, minutes
    if last := _midnight(form):
        fits, local, own = _parsed(text, last)
        yield fits, f"({local} + interval 1 day)", own or minutes


def _midnight(form: str) -> str:
    """The format of 24:00, the end of a day, "" where a format has no hour from 0 to 24."""
    hour = re.search("%-?H(:?)%M(:?%S)?", _tokens(form))
    if hour is None:
        return ""
    return _tokens(form).replace(hour[0], f"24{hour[1]}00{(hour[2] or '').replace('%S', '00')}")


def _parsed(text: str, form: str) -> tuple[str, str, str]:
    """(shape, SQL of the local time, SQL of minutes ahead of UTC or "") of a text of that format."""
    if form == SERIAL:
        days = f"try_cast({text} as decimal(30,12))"
        stamp = f"timestamp '1899-12-30' + to_milliseconds(cast(round({days} * 86400000) as bigint))"
        return SERIAL_SHAPE, stamp, ""
    zone = literal_zone(form)
    minutes = f"cast({zone} as bigint)" if zone is not None else ""
    stamp = f"try_strptime({text}, {literal(_tokens(form))})"
    tokens = {part for part in _parts(form) if part.startswith("%")}
    if not tokens & {"%b", "%B", "%a", "%A", "%Z"}:
        return _shape(form), stamp, minutes
    whole, by_words, minutes = _by_words(text, form, minutes)
    english = not tokens & {"%a", "%A", "%Z"}
    return whole, f"coalesce({stamp}, {by_words})" if english else by_words, minutes


def _by_words(text: str, form: str, minutes: str) -> tuple[str, str, str]:
    """The same where words are names of any language, and zones abbreviations: each part is taken out by itself."""
    parts = _parts(form)
    shapes = {"%b": WORD, "%B": WORD}
    whole = "".join(
        f"({shapes.get(part, own)})" if part in TOKENS else own for part, own in zip(parts, _shapes(parts), strict=True)
    )
    cells, names, weekday = [], [], ""
    for number, token in enumerate((part for part in parts if part in TOKENS), start=1):
        cell = f"regexp_extract({text}, {literal(whole)}, {number})"
        if token in ("%b", "%B"):
            cells.append(number_of(cell, months()))
            names.append("%m")
        elif token in ("%a", "%A"):
            weekday = number_of(cell, weekdays())
        elif token == "%Z":
            minutes = minutes_of(cell)
        else:
            cells.append(cell)
            names.append(token)
    stamp = f"try_strptime(concat_ws(' ', {', '.join(cells)}), {literal(' '.join(names))})"
    if weekday:
        # A weekday that is not the date's says that one of the two is wrong.
        stamp = f"case when isodow({stamp}) = cast({weekday} as integer) then {stamp} end"
    return whole, stamp, minutes


def day(text: str, spec: FieldSpec) -> str:
    """SQL for a date: the day as written, or in `timezone` where the text is an instant and one is declared."""
    branches = []
    for form in spec.formats or ("iso",):
        if form in BY_CODE:
            branches += [(fits, f"cast({local} as date)") for fits, local, _ in BY_CODE[form](text)]
            continue
        if form != "iso":
            branches += [(fits, f"cast({local} as date)") for fits, local, _ in _readings(text, form)]
            continue
        branches.append((_DAY, f"try_cast({text} as date)"))
        midnight = rf"{_DAY}[T ]24:00(:00(\.0{{1,9}})?)?({_UTC}| ?{_OFFSET})?"
        if spec.timezone:
            zoned = f"{_DAY}[T ]{_TIME}({_UTC}| ?{_OFFSET}| ?{ZONE_SHAPE})"
            branches.append((zoned, f"cast(timezone({literal(spec.timezone)}, {instant(text, spec)}) as date)"))
        branches.append((midnight, f"try_cast(left({text}, 10) as date) + 1"))
        branches.append(
            (f"{_DAY}([T ]{_TIME})?({_UTC}| ?{_OFFSET}| ?{ZONE_SHAPE})?", f"try_cast(left({text}, 10) as date)")
        )
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
        if form in BY_CODE:
            branches += [
                (fits, _shift(local, ahead) if ahead else _local(local, zone))
                for fits, local, ahead in BY_CODE[form](text)
            ]
            continue
        for fits, local, minutes in _readings(text, form):
            if "%z" in form:
                branches.append((fits, f"cast({local} as timestamptz)"))
            else:
                branches.append((fits, _shift(local, minutes) if minutes else _local(local, zone)))
    return _choose(text, branches)


def _tokens(form: str) -> str:
    return NAMED.get(form, form)


def _iso(text: str, zone: str) -> list[tuple[str, str]]:
    # The usual notation first: it needs no regular expression to take it apart.
    plain = _local(f"try_cast({text} as timestamp)", "UTC")
    stamp = f"try_cast(regexp_replace({text}, '{_UTC}$', '') as timestamp)"
    return [
        (f"{_DAY}[T ]{_FULL_TIME}( UTC|Z)", plain),
        (f"{_DAY}[T ]{_TIME}{_UTC}", _local(stamp, "UTC")),
        (f"{_DAY}([T ]{_TIME})?", _local(f"try_cast({text} as timestamp)", zone)),
        (f"{_DAY}[T ]{_TIME} ?{_OFFSET}", _shifted(text)),
        (f"{_DAY}[T ]{_TIME} ?{ZONE_SHAPE}", _in_zone(text)),
    ]


def _in_zone(text: str) -> str:
    """An instant that names its zone: "2026-08-01 10:00:00 CEST"."""
    local, zone = (f"regexp_extract({text}, '^(.*[0-9]) ?([A-Z]+)$', {n})" for n in (1, 2))
    return _shift(f"try_cast({local} as timestamp)", minutes_of(zone))


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
