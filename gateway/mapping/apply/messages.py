"""What a defective cell is called, in words for the people who sent it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

from gateway.mapping.compiler import amounts, date_order, date_words, dates, written_currencies
from gateway.mapping.compiler.sources import SHORTENED
from gateway.mapping.compiler.targets import Target
from gateway.mapping.compiler.values import NUMBERS
from gateway.mapping.language.spec import FieldSpec, SignRule
from gateway.model.status import MOVES
from gateway.reading import cell_parts
from gateway.whitespace import INVISIBLE, shown

_SHOWN_MAX = 200
_LISTED_MAX = 30
_CELLS_MAX = 5

_WHAT = {
    "decimal": "a number",
    "rate": "a number",
    "integer": "a whole number",
    "date": "a date",
    "datetime": "a date and time",
    "boolean": "yes or no",
    "currency": "a currency",
    "code": "a known code",
    "text": "a text",
}
_REPLACEMENTS = {
    "decimal": "the number",
    "rate": "the price or rate",
    "integer": "a whole number",
    "date": "the date",
    "datetime": "the date and time",
    "boolean": "yes or no",
    "currency": "a currency code",
    "code": "one of these codes",
}


@dataclass(frozen=True, slots=True)
class Defect:
    """A field of a row that cannot be accepted.

    column, value  the source column and its text
    missing        it is blank and required (else there is something that cannot be read)
    origin, made   for inventory movements: the status of origin, and the field's value as mapped
    cells          of a computed field: the source columns that it is made from, with their texts
    mark           the text is the one that should say which sign the number has
    """

    target: Target
    column: str
    value: str
    missing: bool
    origin: str = ""
    made: str = ""
    cells: tuple[tuple[str, str], ...] = ()
    mark: bool = False


def describe(defect: Defect) -> tuple[str, str]:
    """(message, hint) for the sender: what is wrong with the value, and how to fix it."""
    target, spec = defect.target, defect.target.spec
    what, fix, _ = cell_parts(defect.value)
    if what:
        return f"{defect.column}: {what}", fix
    cell = f'{defect.column}: "{_short(defect.value)}"'
    if re.fullmatch(SHORTENED, text := defect.value.strip(INVISIBLE)):
        shortened = "is a number that a spreadsheet shortened: its last digits are lost"
        instead = "is what a spreadsheet shows instead of a value, of one that is too wide or of an error"
        return (
            f"{cell} {instead if text.startswith('#') else shortened}",
            "Send the file as the system wrote it, or set the column's format to text before it is filled.",
        )
    if defect.mark and isinstance(spec.sign, SignRule):
        return _unsigned(defect, spec.sign)
    if defect.made and target.name in ("to_status", "qty"):
        return _movement(defect)
    if spec.expr is not None:
        return _computed(defect)
    if spec.lookup is not None and defect.value.replace("/", "").strip():
        return (
            f"{cell} is not in the lookup {spec.lookup}, which gives {target.name}{_allowed(target)}",
            f"Correct the code, or add it to mappings/lookups/{spec.lookup}.csv.",
        )
    if spec.constant == "":  # Its default is that of the partner, who has none.
        return (
            f"{target.name}: no column states it, and the partner's settings have none",
            f"Add {target.name} below [partners] of this partner in config.toml, and replay the file.",
        )
    if defect.missing or not defect.value.strip():
        other = ", or give the field a `default` in the mapping" if target.kind == "currency" else ""
        return (
            f"{defect.column}: is blank, but {target.name} is required",
            f"Fill in {defect.column} and send the row again{other}.",
        )
    if spec.map is not None:
        known = ", ".join(list(spec.map)[:_LISTED_MAX])
        return f"{cell} is not a known code for {target.name}", f"Use one of: {known}; or add it to the mapping."
    if target.kind in NUMBERS and spec.decimal == "auto" and _ambiguous(defect.value):
        return _two_readings(defect)
    if written := _other_currency(defect):
        return (
            f"{cell} says {written}, which is not the currency of the row, or no amount of money is expected here",
            "Correct the amount or the currency, and send the row again.",
        )
    if target.kind in ("date", "datetime") and (said := _two_days(defect)):
        return said
    return (
        f"{cell} is not {_WHAT[target.kind]}{_above(target)} (expected {expected(target)})",
        f"Replace it by {_REPLACEMENTS.get(target.kind, 'a value')} and send the row again{_allowed(target)}.",
    )


def dropped(target: Target) -> tuple[str, str]:
    """(what is wrong with a text that costs only its field, hint)."""
    return (
        f"is not {_WHAT[target.kind]} (expected {expected(target)}): {target.name} stays empty",
        f"Ask the sender to correct it. The rows count without {target.name}.",
    )


def _computed(defect: Defect) -> tuple[str, str]:
    """A field that a formula makes of several cells: these are shown, and not the formula."""
    target, more = defect.target, len(defect.cells) - _CELLS_MAX
    cells = [f'{column} "{_short(text)}"' if text.strip() else f"{column} (blank)" for column, text in defect.cells]
    made = f" from {', '.join(cells[:_CELLS_MAX])}{f' and {more} more' if more > 0 else ''}" if cells else ""
    if defect.missing:
        message = f"{shown_name(target)}: is required, and nothing can be made{made}"
    else:
        wanted = f" (expected {expected(target)})" if target.kind != "text" else ""
        message = f"{shown_name(target)}: {_WHAT[target.kind]} cannot be made{made}{wanted}"
    return message, f"Check {'these cells' if cells else 'the row'} and send the row again."


def _unsigned(defect: Defect, sign: SignRule) -> tuple[str, str]:
    """A mark beside a number that does not say whether it is negative."""
    known = f"{', '.join(sign.positive)} (positive) or {', '.join(sign.negative)} (negative)"
    said = f'"{_short(defect.value)}"' if defect.value.strip() else "a blank"
    return (
        f"{defect.column}: {said} does not say which sign {shown_name(defect.target)} has (expected {known})",
        f"Correct {defect.column}, or add the code to `positive` or `negative` of the mapping.",
    )


def shown_name(target: Target) -> str:
    """What a field is called in messages: a helper's name without the mark of one."""
    return target.name.lstrip("_")


def _movement(defect: Defect) -> tuple[str, str]:
    if defect.target.name == "qty":
        return (
            f"qty: {_trimmed(defect.made)} must be more than zero, the two statuses say which way the units move",
            "Send a positive quantity, or the opposite movement.",
        )
    targets = ", ".join(b for a, b in MOVES if a == defect.origin) or "nowhere"
    return (
        f"to_status: units may not move from {defect.origin or 'no status'} to {defect.made}",
        f"From {defect.origin} they may go to {targets}.",
    )


def _two_days(defect: Defect) -> tuple[str, str] | None:
    """(message, hint) of a date that a spreadsheet's number stands for, or that can mean two days; None of another."""
    text, formats = defect.value.strip(INVISIBLE), defect.target.spec.formats
    cell = f'{defect.column}: "{_short(text)}"'
    if re.fullmatch(dates.SERIAL_SHAPE, text):
        shown = date(1899, 12, 30) + timedelta(int(text.split(".")[0]))
        return (
            f"{cell} is how a spreadsheet counts days; it stands for {shown}",
            'Format the cells as dates, or add "serial" to `formats` of the mapping.',
        )
    if date_order.readings(text, formats):
        return (
            f"{cell} can mean two days, and the other dates of the column do not say that it is the expected one "
            f"({expected(defect.target)})",
            "Send dates as YYYY-MM-DD, or name only the right order of day and month in `formats`.",
        )
    return None


def _other_currency(defect: Defect) -> str:
    """The currency that is written beside an amount that would be one without it, "" where none is."""
    found, rest = written_currencies.in_text(defect.value), written_currencies.without(defect.value)
    return found if defect.target.kind in NUMBERS and re.fullmatch(r"[-+(]* ?[0-9][0-9.,' ]*[-+)]*", rest) else ""


def _trimmed(number: str) -> str:
    return number.rstrip("0").rstrip(".") if "." in number else number


def _ambiguous(value: str) -> bool:
    return (
        re.fullmatch(amounts.AMBIGUOUS, written_currencies.without(value.strip()).strip("()").rstrip("+-")) is not None
    )


def _two_readings(defect: Defect) -> tuple[str, str]:
    value = written_currencies.without(defect.value)
    digits, decimals = re.sub("[.,]", "", value), re.sub("[.,]", ".", value)
    return (
        f'{defect.column}: "{_short(defect.value)}" is ambiguous: it can mean {digits} or {decimals}, '
        "and no other value of the file decides it",
        'Set decimal = "point" or "comma" in the mapping, or send numbers without thousands separators.',
    )


def expected(target: Target, other: FieldSpec | None = None) -> str:
    """What a value of the field looks like; with `other`, if the mapping said that of the field."""
    spec = other or target.spec
    if target.kind in NUMBERS:
        places = target.type.split(",")[1].rstrip(")") if "," in target.type else "4"
        if spec.scale:
            return f"minor units in digits only, e.g. 123450 for {123450 / 10**spec.scale:.{spec.scale}f}"
        sign = {
            "point": "digits with a decimal point, e.g. 1234.50",
            "comma": "digits with a decimal comma, e.g. 1234,50",
        }
        return sign.get(spec.decimal, "digits with one clear decimal sign, e.g. 1234.50") + (
            f", at most {places} decimals"
        )
    if target.kind in ("date", "datetime"):
        iso = "2026-11-01" if target.kind == "date" else "2026-11-01T10:00:00Z"
        said = {
            "iso": iso,
            "serial": "a spreadsheet's number of the day, e.g. 46327",
            "dtm": "a value and its format (DTM 2379), e.g. 20261101:102",
            "dtp": "a value and its format (DTM05), e.g. 20261101:D8",
        }
        forms = " or ".join(
            said.get(form) or date_words.said(dates.NAMED.get(form, form)) for form in spec.formats or ("iso",)
        )
        zone = f", a time that the clocks of {spec.timezone} have" if spec.timezone else ""
        return forms + (zone if target.kind == "datetime" else "")
    if target.column is not None and target.column.values:
        return f"one of {', '.join(target.column.values[:_LISTED_MAX])}"
    return {
        "currency": "an ISO 4217 code, e.g. USD",
        "integer": "digits only",
        "boolean": "yes, no, true, false, 1, 0",
    }.get(target.kind, "text")


def _above(target: Target) -> str:
    return " above zero" if target.column is not None and target.column.positive else ""


def _allowed(target: Target) -> str:
    """The list of allowed values, where there is one."""
    if target.column is None or not target.column.values:
        return ""
    return f"; allowed: {', '.join(target.column.values[:_LISTED_MAX])}"


def _short(text: str) -> str:
    text = shown(text)
    return text if len(text) <= _SHOWN_MAX else text[: _SHOWN_MAX - 1] + "…"
