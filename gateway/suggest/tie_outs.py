"""What a file states of itself, compared with its rows: the figures of a row of totals, and a running balance."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from gateway.model import MAPPABLE
from gateway.suggest import assign, fields, totals
from gateway.suggest.assign import Assignment
from gateway.suggest.draft import Line
from gateway.suggest.fields import Habits
from gateway.suggest.look import Seen


def of(seen: Seen, found: Assignment, own: Habits, pair: Mapping[str, Any]) -> tuple[list[Line], list[dict[str, str]]]:
    """Helper fields and tie-outs that every sample bears out: of the row of totals, and of a running balance."""
    (lines, ties), *others = [_ties_of(one, found, own, pair) for one in seen.parts or (seen,)]
    for more, those in others:
        ties = [tie for tie in ties if tie in those]
        values = [(line.key, line.value) for line in more]
        lines = [line for line in lines if (line.key, line.value) in values]
    return lines, ties


def _ties_of(
    seen: Seen, found: Assignment, own: Habits, pair: Mapping[str, Any]
) -> tuple[list[Line], list[dict[str, str]]]:
    """The same of one file."""
    numbers = [
        (name, choice.column, fields.decimal_of(seen.shapes[choice.column], own).get("decimal", ""))
        for name, choice in found.choices.items()
        if assign.kind_of(found.table, name) == "number" and MAPPABLE[found.table].column(name)
    ]
    lines, ties = totals.stated(seen, numbers)
    if "balance" in found.choices and (pair or "amount" in found.choices):
        column = found.choices["balance"].column
        decimal = fields.decimal_of(seen.shapes[column], own).get("decimal", "")
        amounts = _amounts(seen, found, pair, decimal)
        helpers, tie = totals.balance(seen, column, decimal, amounts)
        return [*lines, *helpers], [*ties, *tie]
    return lines, ties


def _amounts(seen: Seen, found: Assignment, pair: Mapping[str, Any], decimal: str) -> list[Decimal | None]:
    """The amount of every row of the sample: of one column, or of that of each direction."""
    if "amount" in found.choices:
        return [totals.number(cell, decimal) for cell in seen.values(found.choices["amount"].column)]
    sides = [[totals.number(cell, decimal) or 0 for cell in seen.values(pair[side])] for side in ("credit", "debit")]
    return [Decimal(credit) - abs(Decimal(debit)) for credit, debit in zip(*sides, strict=True)]
