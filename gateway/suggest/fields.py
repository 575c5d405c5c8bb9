"""A column and its shape → how a mapping reads it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.model import MAPPABLE
from gateway.suggest import codes
from gateway.suggest.assign import Assignment, Certainty, Choice, kind_of
from gateway.suggest.draft import Line, inline
from gateway.suggest.shapes import Shape

CODES_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Habits:
    """How a file writes numbers and days, from all its columns together.

    decimal  point, comma, auto, or "" where no number has a fraction
    order    "dm" or "md" where a date shows it, "" where none does
    """

    decimal: str = ""
    order: str = ""


def habits(shapes: Mapping[str, Shape]) -> Habits:
    """The habits that the columns show."""
    marks = Counter(shape.decimal for shape in shapes.values() if shape.decimal in ("point", "comma"))
    decimal = "auto" if len(marks) > 1 else next(iter(marks), "")
    orders = {_order(shape.formats[0]) for shape in shapes.values() if shape.timely and len(_orders(shape)) == 1}
    orders.discard("")
    return Habits(decimal, orders.pop() if len(orders) == 1 else "")


def _orders(shape: Shape) -> set[str]:
    return {_order(form) for form in shape.formats}


def _order(form: str) -> str:
    day, month = (form.replace("%-", "%").find(token) for token in ("%d", "%m"))
    return "" if min(day, month) < 0 or form.startswith("%Y") else ("dm" if day < month else "md")


def line_of(assignment: Assignment, name: str, shape: Shape, own: Habits) -> Line:
    """The line of a field that a column states."""
    choice = assignment.choices[name]
    spec, doubt = spec_of(assignment.table, name, choice.column, shape, own)
    certainty: Certainty = "guess" if doubt else choice.certainty
    return Line(name, inline(spec), certainty, "; ".join(part for part in (choice.why, doubt) if part))


def spec_of(table: str, name: str, column: str, shape: Shape, own: Habits) -> tuple[dict[str, Any], str]:
    """(the field as the language says it, what is open about it)."""
    spec: dict[str, Any] = {"from": column}
    doubt = ""
    kind = kind_of(table, name)
    if kind in ("number", "whole"):
        decimal, doubt = number_of(shape, own)
        spec |= {"decimal": decimal} if decimal and kind == "number" else {}
    elif kind == "date":
        form, doubt = format_of(shape, own)
        spec |= {"formats": [form]} if form and form != "iso" else {}
    elif name == "gtin" and shape.check == "gtin":
        spec["check"] = "gtin"
    elif name == "account" and shape.check == "iban":
        spec["check"] = "iban"
    else:
        known, doubt = codes_of(table, name, shape)
        spec |= {"map": known} if known else {}
    if shape.blanks:
        spec["blank"] = list(shape.blanks)
    return spec, doubt


def number_of(shape: Shape, own: Habits) -> tuple[str, str]:
    """(decimal of a column of numbers, what is open): what its values show, else the file's other numbers."""
    mark = shape.decimal if shape.decimal in ("point", "comma") else own.decimal
    if shape.decimal == "both" and not own.decimal:
        return "auto", f"{shape.values[0]} can be read both ways"
    return ("" if mark == "point" else mark), ""


def decimal_of(shape: Shape, own: Habits) -> dict[str, str]:
    """`decimal` of a column of numbers, {} where it is a point or none has a fraction."""
    mark = number_of(shape, own)[0]
    return {"decimal": mark} if mark else {}


def format_of(shape: Shape, own: Habits) -> tuple[str, str]:
    """(format of a column of days, what is open): where day and month may be either, as in the file's other dates."""
    if not shape.formats:
        return "", ""
    if len(_orders(shape)) < 2:
        return shape.formats[0], ""
    wanted = own.order or ("dm" if own.decimal == "comma" else "md")
    form = next((one for one in shape.formats if _order(one) == wanted), shape.formats[0])
    return form, "" if own.order else "day or month first? No date of the file says so"


def codes_of(table: str, name: str, shape: Shape) -> tuple[dict[str, str], str]:
    """(the partner's codes with ours, what is open) of a field with fixed values."""
    column = MAPPABLE[table].column(name)
    if column is None or not column.values:
        return {}, ""
    found = {value: codes.ours(table, name, value) for value in shape.values}
    unknown = [value for value, ours in found.items() if not ours]
    doubt = f"codes to add: {', '.join(unknown[:CODES_SHOWN])}; rows with them are rejected" if unknown else ""
    known = {value: ours for value, ours in found.items() if ours}
    return (known if unknown or any(value != ours for value, ours in known.items()) else {}), doubt


def pair_of(assignment: Assignment, shapes: Mapping[str, Shape], own: Habits) -> dict[str, Any]:
    """credit and debit of an amount that stands in two columns, {} where it does not."""
    sides = {side: assignment.choices.get(name) for side, name in (("credit", "paid_in"), ("debit", "paid_out"))}
    if assignment.table == "opening_balance":  # Debit is positive there.
        sides = {"credit": sides["debit"], "debit": sides["credit"]}
    given = {side: choice.column for side, choice in sides.items() if isinstance(choice, Choice)}
    if len(given) < 2:
        return {}
    marks = [number_of(shapes[column], own)[0] for column in given.values()]
    decimal = next((mark for mark in marks if mark), "")
    return given | ({"decimal": decimal} if decimal else {})


def both_directions(pair: Mapping[str, Any], debit: Shape, certainty: Certainty) -> list[Line]:
    """The amount of two columns: credit less debit, or their sum where what went out is written with its minus."""
    if not debit.values or not all(value.strip()[0] in "-−(" or value.strip()[-1] == "-" for value in debit.values):
        return [Line("amount", inline(pair), certainty, "one column for each direction")]
    decimal = {"decimal": pair["decimal"]} if "decimal" in pair else {}
    names = {"_paid_in": pair["credit"], "_paid_out": pair["debit"]}
    lines = [Line(name, inline({"from": column, "type": "decimal"} | decimal)) for name, column in names.items()]
    total = inline({"expr": "coalesce(_paid_in, 0) + coalesce(_paid_out, 0)"})
    return [Line("amount", total, "likely", f"{pair['debit']} has its minus"), *lines]
