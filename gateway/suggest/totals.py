"""Rows of totals and running balances: what they state must agree with the rows."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from itertools import pairwise

from gateway.sql import literal
from gateway.suggest.draft import Line, inline, shown
from gateway.suggest.look import Seen

BALANCED_MIN = 2
"""So many rows must carry a balance on to the next for it to be a running balance."""


def condition(column: str, word: str) -> str:
    """The condition of rows whose column begins with that word."""
    beginning = literal(f"{word.casefold().split()[0]}%")
    return f"lower({quoted_column(column)}) like {beginning}"


def quoted_column(column: str) -> str:
    """A source column in an expression."""
    return '"' + column.replace('"', '""') + '"'


def ignore(seen: Seen) -> Line | None:
    """The rule that leaves rows of totals out."""
    words = ", ".join(dict.fromkeys(word for _, word, _ in seen.totals))
    return Line("ignore", shown(rules(seen)), "likely", f"the last rows: {words}") if seen.totals else None


def rules(seen: Seen) -> list[dict[str, str]]:
    """The rule that leaves rows of totals out, as the language says it."""
    conditions = dict.fromkeys(condition(column, word) for column, word, _ in seen.totals)
    return [{"name": "total row", "when": " or ".join(conditions)}]


def number(text: str, decimal: str) -> Decimal | None:
    """The number that a cell states, None where it states none."""
    digits = "".join(mark for mark in text if mark.isdigit() or mark in ".,-−")
    digits = digits.replace("−", "-")
    if decimal == "comma":
        digits = digits.replace(".", "").replace(",", ".")
    else:
        digits = digits.replace(",", "")
    if digits.endswith("-"):
        digits = "-" + digits[:-1]
    try:
        return Decimal(digits) if digits else None
    except InvalidOperation:
        return None


def stated(seen: Seen, numbers: Sequence[tuple[str, str, str]]) -> tuple[list[Line], list[dict[str, str]]]:
    """(helper fields, tie-outs) for the figures of a row of totals that the rows make.

    numbers  (field, column, decimal) of the fields that are numbers
    """
    lines, ties = list[Line](), list[dict[str, str]]()
    for column, word, cells in seen.totals[:1]:
        row = dict(zip(seen.columns, cells, strict=True))
        for name, source, decimal in numbers:
            total = number(row[source], decimal)
            values = [number(value, decimal) for value in seen.values(source) if value]
            if total is None or None in values or not values or sum(filter(None, values)) != total:
                continue
            spec = {"from": source, "type": "decimal"} | ({"decimal": decimal} if decimal else {})
            lines.append(Line(f"_{name}_of_row", inline(spec)))
            expression = f"case when {condition(column, word)} then _{name}_of_row end"
            why = f"the rows of the sample make {row[source]}"
            lines.append(Line(f"_{name}_stated", inline({"expr": expression, "type": "decimal"}), "sure", why))
            ties.append({"name": f"total row, {source}", "sum": name, "equals": f"sum(_{name}_stated)"})
    return lines, ties


def balance(
    seen: Seen, column: str, decimal: str, amounts: Sequence[Decimal | None]
) -> tuple[list[Line], list[dict[str, str]]]:
    """(helper field, tie-out) of a running balance, where each row's balance is the last one's and its amount."""
    found = [number(value, decimal) for value in seen.values(column)]
    pairs = [
        (balance, amount)
        for balance, amount in zip(found, amounts, strict=True)
        if balance is not None and amount is not None
    ]
    steps = list(pairwise(pairs))
    rising = all(later[0] == earlier[0] + later[1] for earlier, later in steps)
    falling = all(earlier[0] == later[0] + earlier[1] for earlier, later in steps)
    if len(steps) < BALANCED_MIN or not (rising or falling):
        return [], []
    first, last = ("first", "last") if rising else ("last", "first")
    spec = {"from": column, "type": "decimal"} | ({"decimal": decimal} if decimal else {})
    equals = f"{last}(_balance) - {first}(_balance) + {first}(amount)"
    why = "every balance is the one before it and the amount" if rising else "the newest row stands above"
    return [Line("_balance", inline(spec), "sure", why)], [
        {"name": "running balance", "sum": "amount", "equals": equals}
    ]
