"""A column for each status of stock: the draft makes a row of each of their cells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gateway.sql import identifier, literal
from gateway.suggest import codes, fields, remainder, totals
from gateway.suggest.draft import Line, Record, inline
from gateway.suggest.fields import Habits
from gateway.suggest.look import Seen
from gateway.suggest.shapes import Shape

COLUMNS_MIN = 2


def columns(shapes: Mapping[str, Shape]) -> dict[str, str]:
    """Columns of numbers named as a status of stock → the status; {} where there are not several."""
    found = {
        column: codes.stock_status(column) for column, shape in shapes.items() if shape.numeric or shape.kind == "blank"
    }
    found = {column: status for column, status in found.items() if status}
    return found if len(set(found.values())) == len(found) >= COLUMNS_MIN else {}


def _into(seen: Seen) -> list[str]:
    """Names of the columns that are made, none of which the file has."""
    names = (("Status", "Status of stock", "Status column"), ("Units", "Units of stock", "Units column"))
    return [next(name for name in ones if name not in seen.columns) for ones in names]


def lines(seen: Seen, statuses: Mapping[str, str]) -> list[Line]:
    """`repeat` of `[file]`."""
    value = inline({"columns": list(statuses), "into": _into(seen)})
    return [Line("repeat", value, "likely", "columns named as a status: a row of each cell that is filled")]


def rules(seen: Seen, statuses: Mapping[str, str]) -> list[dict[str, str]]:
    """The rule for what is no stock: rows of the sample without any number, and words that stand for nothing."""
    blanks = sorted({word for column in statuses for word in seen.shapes[column].blanks})
    cells = zip(*(seen.values(column) for column in statuses), strict=True)
    if any(not any(row) for row in cells):
        blanks = ["", *blanks]
    within = ", ".join(map(literal, blanks))
    return [{"name": "no units", "when": f"{identifier(_into(seen)[1])} in ({within})"}] if blanks else []


def record(seen: Seen, record: Record, statuses: Mapping[str, str], own: Habits) -> tuple[Record, list[dict[str, Any]]]:
    """The record of a status and its units, and the tie-out with a row of totals that the sample bears out."""
    status, units = _into(seen)
    marks = [fields.number_of(seen.shapes[column], own)[0] for column in statuses]
    decimal = next(filter(None, marks), "")
    spec = {"from": units} | ({"decimal": decimal} if decimal else {})
    kept = [line for line in record.fields if line.key not in ("status", "qty", "source_qualifier")]
    kept += [
        Line("status", inline({"from": status, "map": dict(statuses)}), "likely", "the columns are named so"),
        Line("qty", inline(spec), "likely", "what stands in them"),
        Line("source_qualifier", inline({"from": status})),
    ]
    more, ties = _ties(seen, statuses, units, decimal)
    key = tuple(name for name in remainder.KEYS[record.type] if any(line.key == name for line in kept))
    kept.sort(key=lambda line: (line.todo, line.key.startswith("_")))
    return replace(record, key=key, fields=[*kept, *more]), ties


def _ties(seen: Seen, statuses: Mapping[str, str], units: str, decimal: str) -> tuple[list[Line], list[dict[str, Any]]]:
    """Helper fields and the tie-out, for each status, of totals that every sample bears out."""
    for part in seen.parts or (seen,):
        rows = [dict(zip(part.columns, cells, strict=True)) for _, _, cells in part.totals[:1]]
        if not rows or not all(totals.made(part, rows[0], column, decimal) for column in statuses):
            return [], []
    column, word, _ = seen.totals[0]
    why = "the rows of the sample make it, for each status"
    more = totals.helpers("qty", units, decimal, totals.condition(column, word), why)
    return more, [{"name": totals.RULE, "sum": "qty", "by": ["status"], "equals": "sum(_qty_stated)"}]
