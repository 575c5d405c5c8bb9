"""The dates of DTM, whose format is named beside the value: "20260109:102", "20260101-20260109:RD8".

In EDIFACT the text is the composite C507 without its qualifier, as the path `DTM[137]/2380:2379` gives it, with the
code of data element 2379; in X12 it is DTM06 with DTM05, as `DTM[010]/06:05` gives it, with the code of data element
1250. Of a week, a month or a period the last day counts: what is promised for it may still come on that day.
"""

from __future__ import annotations

from gateway.mapping.compiler.date_words import ZONE_SHAPE, minutes_of
from gateway.sql import literal

POINTS = {
    "2": "%d%m%y",
    "3": "%m%d%y",
    "101": "%y%m%d",
    "102": "%Y%m%d",
    "105": "%y%j",
    "201": "%y%m%d%H%M",
    "202": "%y%m%d%H%M%S",
    "203": "%Y%m%d%H%M",
    "204": "%Y%m%d%H%M%S",
}
"""Codes of 2379 for a day or an instant → its tokens."""

X12_POINTS = {
    "D6": "%y%m%d",
    "D8": "%Y%m%d",
    "DB": "%m%d%Y",
    "TT": "%m%d%y",
    "TU": "%y%j",
    "DT": "%Y%m%d%H%M",
    "TR": "%d%m%y%H%M",
    "RTS": "%Y%m%d%H%M%S",
}
"""Codes of 1250 for a day or an instant → its tokens."""

ZONED = {"301": "%y%m%d%H%M", "302": "%y%m%d%H%M%S", "303": "%Y%m%d%H%M", "304": "%Y%m%d%H%M%S"}
"""Codes for an instant that has its zone behind it, as "+01" or "CET"."""

ZONE = f"([+-][0-9]{{2}}(:?[0-9]{{2}})?|{ZONE_SHAPE})"

_MONTH = "{} + interval 1 month - interval 1 day"
PERIODS = {
    "602": ("%Y", "{} + interval 1 year - interval 1 day", "{}"),
    "609": ("%y%m", _MONTH, "{}"),
    "610": ("%Y%m", _MONTH, "{}"),
    "615": ("%G%V%u", "{}", "'20' || {} || '7'"),
    "616": ("%G%V%u", "{}", "{} || '7'"),
    "702": ("%G%V%u", "{}", "right({}, 6) || '7'"),
    "716": ("%G%V%u", "{}", "right({}, 6) || '7'"),
    "713": ("%y%m%d%H%M", "{}", "right({}, 10)"),
    "715": ("%G%V%u", "{}", "'20' || right({}, 4) || '7'"),
    "706": ("%Y%m", _MONTH, "right({}, 6)"),
    "710": ("%Y%m", _MONTH, "right({}, 6)"),
    "711": ("%Y%m%d", "{}", "right({}, 8)"),
    "717": ("%y%m%d", "{}", "right({}, 6)"),
    "718": ("%Y%m%d", "{}", "right({}, 8)"),
    "719": ("%Y%m%d%H%M", "{}", "right({}, 12)"),
}
"""Codes for a period → tokens, SQL of its last day from the parsed text, SQL of the text that is parsed."""

PERIOD_SHAPES = {
    "602": "[0-9]{4}",
    "713": "[0-9]{10}-?[0-9]{10}",
    "715": "[0-9]{4}-?[0-9]{4}",
    "609": "[0-9]{4}",
    "610": "[0-9]{6}",
    "615": "[0-9]{4}",
    "616": "[0-9]{6}",
    "702": "[0-9]{6}-?[0-9]{6}",
    "716": "[0-9]{6}-?[0-9]{6}",
    "706": "[0-9]{6}-?[0-9]{6}",
    "710": "[0-9]{6}-?[0-9]{6}",
    "711": "[0-9]{8}-?[0-9]{8}",
    "717": "[0-9]{6}-?[0-9]{6}",
    "718": "[0-9]{8}-?[0-9]{8}",
    "719": "[0-9]{12}-?[0-9]{12}",
}

X12_PERIODS = {
    "CM": ("%Y%m", _MONTH, "{}"),
    "YM": ("%y%m", _MONTH, "{}"),
    "TQ": ("%m%y", _MONTH, "{}"),
    "MCY": ("%m%Y", _MONTH, "{}"),
    "RD5": ("%Y%m", _MONTH, "right({}, 6)"),
    "RMY": ("%y%m", _MONTH, "right({}, 4)"),
    "RD": ("%m%d%Y", "{}", "right({}, 8)"),
    "RD6": ("%y%m%d", "{}", "right({}, 6)"),
    "RD8": ("%Y%m%d", "{}", "right({}, 8)"),
    "DTD": ("%Y%m%d", "{}", "right({}, 8)"),
    "DDT": ("%Y%m%d%H%M", "{}", "right({}, 12)"),
    "RDT": ("%Y%m%d%H%M", "{}", "right({}, 12)"),
    "DTS": ("%Y%m%d%H%M%S", "{}", "right({}, 14)"),
}
"""Codes of 1250 for a period, as `PERIODS` has them."""

X12_PERIOD_SHAPES = {
    "CM": "[0-9]{6}",
    "YM": "[0-9]{4}",
    "TQ": "[0-9]{4}",
    "MCY": "[0-9]{6}",
    "RD5": "[0-9]{6}-[0-9]{6}",
    "RMY": "[0-9]{4}-[0-9]{4}",
    "RD": "[0-9]{8}-[0-9]{8}",
    "RD6": "[0-9]{6}-[0-9]{6}",
    "RD8": "[0-9]{8}-[0-9]{8}",
    "DTD": "[0-9]{12}-[0-9]{8}",
    "DDT": "[0-9]{8}-[0-9]{12}",
    "RDT": "[0-9]{12}-[0-9]{12}",
    "DTS": "[0-9]{14}-[0-9]{14}",
}


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


def x12_instants(text: str) -> list[tuple[str, str, str]]:
    """As `instants`, for the codes of X12. None of them names a zone, and the code cannot be missing (note P0506 of
    DTM)."""
    points = [
        (f"{_digits(tokens)}:{code}", f"try_strptime({_value(text)}, {literal(tokens)})", "")
        for code, tokens in X12_POINTS.items()
    ]
    periods = [
        (
            f"{X12_PERIOD_SHAPES[code]}:{code}",
            last.format(f"try_strptime({part.format(_value(text))}, {literal(tokens)})"),
            "",
        )
        for code, (tokens, last, part) in X12_PERIODS.items()
    ]
    return points + periods


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
