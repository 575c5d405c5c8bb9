"""An order's amount with tax: `list_amount` is without, so the draft takes the tax out, or says that it is in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from gateway.suggest import fields
from gateway.suggest.assign import Assignment
from gateway.suggest.draft import Line, inline
from gateway.suggest.fields import Habits
from gateway.suggest.look import Seen
from gateway.suggest.words import meant

AMOUNT, TAX, HELPER = "list_amount", "tax_amount", "_gross"


def without_tax(
    seen: Seen, found: Assignment, own: Habits, lines: Sequence[Line], ties: Sequence[Mapping[str, Any]]
) -> tuple[list[Line], list[dict[str, Any]]]:
    """The lines and tie-outs of a record, where the name of the amount's column says that tax is in it.

    A row of totals states the sum with tax: it is compared with that.
    """
    amount = found.choices.get(AMOUNT)
    if amount is None or "gross" not in meant(seen.labels.get(amount.column, amount.column)):
        return list(lines), [dict(tie) for tie in ties]
    if TAX not in found.choices:
        why = f"{amount.column} is with tax, and {AMOUNT} is without: no column states the tax to take out of it"
        return [replace(one, certainty="guess", why=why) if one.key == AMOUNT else one for one in lines], [
            *map(dict, ties)
        ]
    spec = {"from": amount.column, "type": "decimal"} | fields.decimal_of(seen.shapes[amount.column], own)
    net = inline({"expr": f"{HELPER} - coalesce({TAX}, 0)"})
    line = Line(AMOUNT, net, "likely", f"{amount.column} is with tax, and the field is without")
    changed = [line if one.key == AMOUNT else one for one in lines]
    return [*changed, Line(HELPER, inline(spec))], [
        dict(tie) | ({"sum": HELPER} if tie["sum"] == AMOUNT else {}) for tie in ties
    ]
