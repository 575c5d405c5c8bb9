"""The dates of EDIFACT's DTM, whose format is named beside the value (data element 2379): "20260109:102".

The text is the composite C507 without its qualifier, as the path `DTM[137]/2380:2379` gives it. Of a week, a month or
a period the last day counts: what is promised for it may still come on that day.
"""

from __future__ import annotations

from gateway.mapping.compiler.date_words import ZONE_SHAPE, minutes_of
from gateway.sql import literal

POINTS = {
    "2": "%d%m%y", "3": "%m%d%y", "101": "%y%m%d", "102": "%Y%m%d", "105": "%y%j", "201": "%y%m%d%H%M",
    "202": "%y%m%d%H%M%S", "203": "%Y%m%d%H%M", "204": "%Y%m%d%H%M%S",
}  # fmt: skip
"""Codes of 2379 for a day or an instant → its tokens."""

ZONED = {"301": "%y%m%d%H%M", "302": "%y%m%d%H%M%S", "303": "%Y%m%d%H%M", "304": "%Y%m%d%H%M%S"}
"""Codes for an instant that has its zone behind it, as "+01" or "CET"."""

ZONE = f"([+-][0-9]{{2}}(:?[0-9]{{2}})?|{ZONE_SHAPE})"

_MONTH = "{} + interval 1 month - interval 1 day"
PERIODS = {
    "602": ("%Y", "{} + interval 1 year - interval 1 day", "{}"),
    "609": ("%y%m", _MONTH, "{}"), "610": ("%Y%m", _MONTH, "{}"),
    "615": ("%G%V%u", "{}", "'20' || {} || '7'"), "616": ("%G%V%u", "{}", "{} || '7'"),
    "702": ("%G%V%u", "{}", "right({}, 6) || '7'"), "716": ("%G%V%u", "{}", "right({}, 6) || '7'"),
    "713": ("%y%m%d%H%M", "{}", "right({}, 10)"), "715": ("%G%V%u", "{}", "'20' || right({}, 4) || '7'"),
    "706": ("%Y%m", _MONTH, "right({}, 6)"), "710": ("%Y%m", _MONTH, "right({}, 6)"),
    "711": ("%Y%m%d", "{}", "right({}, 8)"), "717": ("%y%m%d", "{}", "right({}, 6)"),
    "718": ("%Y%m%d", "{}", "right({}, 8)"), "719": ("%Y%m%d%H%M", "{}", "right({}, 12)"),
}  # fmt: skip
"""Codes for a period → tokens, SQL of its last day from the parsed text, SQL of the text that is parsed."""

PERIOD_SHAPES = {
    "602": "[0-9]{4}", "713": "[0-9]{10}-?[0-9]{10}", "715": "[0-9]{4}-?[0-9]{4}", "609": "[0-9]{4}", "610": "[0-9]{6}", "615": "[0-9]{4}", "616": "[0-9]{6}", "702": "[0-9]{6}-?[0-9]{6}",
    "716": "[0-9]{6}-?[0-9]{6}", "706": "[0-9]{6}-?[0-9]{6}", "710": "[0-9]{6}-?[0-9]{6}",
    "711": "[0-9]{8}-?[0-9]{8}", "717": "[0-9]{6}-?[0-9]{6}", "718": "[0-9]{8}-?[0-9]{8}",
    "719": "[0-9]{12}-?[0-9]{12}",
}  # fmt: skip


def instants(text: str) -> list[tuple[str, str, str]]:
    """(shape, SQL of the local time, SQL of minutes ahead of UTC or "" where the text names no zone) for each code."""
    found = []
    for code, tokens in POINTS.items():
        found.append((f"{_digits(tokens)}:{code}", f"try_strptime({_value(text)}, {literal(tokens)})", ""))
    for code, tokens in ZONED.items():
        digits = f"regexp_extract({text}, '^[0-9]+')"
        found.append((f"{_digits(tokens)}{ZONE}:{code}", f"try_strptime({digits}, {literal(tokens)})", _minutes(text)))
    for code, (tokens, last, part) in PERIODS.items():
        parsed = f"try_strptime({part.format(_value(text))}, {literal(tokens)})"
        found.append((f"{PERIOD_SHAPES[code]}:{code}", last.format(parsed), ""))
    # Where the code is missing, or names another number of digits than there are, the digits decide.
    for tokens in (POINTS[code] for code in ("102", "203", "204")):
        found.append((f"{_digits(tokens)}(:(102|203|204)?)?", f"try_strptime({_value(text)}, {literal(tokens)})", ""))
    return found


def _digits(tokens: str) -> str:
    """The shape of a text of these tokens: four digits for a year with its century, three for a day of the year."""
    return f"[0-9]{{{sum({'Y': 4, 'j': 3}.get(token, 2) for token in tokens.split('%')[1:])}}}"


def _value(text: str) -> str:
    return f"split_part({text}, ':', 1)"


def _minutes(text: str) -> str:
    """SQL of the minutes that the zone of a text is ahead of UTC: "+01", "+0130", "UTC", "CET"."""
    form = "'([+-])([0-9]{2}):?([0-9]{2})?:[0-9]+$'"
    hours, minutes = (f"coalesce(try_cast(regexp_extract({text}, {form}, {n}) as bigint), 0)" for n in (2, 3))
    stated = f"({hours} * 60 + {minutes}) * case regexp_extract({text}, {form}, 1) when '-' then -1 else 1 end"
    name = f"regexp_extract({text}, '^[0-9]+([A-Z]+)', 1)"
    return f"case when {name} = '' then {stated} else {minutes_of(name)} end"
