"""Rows of totals and running balances: what they state must agree with the rows."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from itertools import pairwise

from gateway.sql import identifier, literal
from gateway.suggest.draft import Line, inline
from gateway.suggest.look import Seen
from gateway.suggest.shapes import BLANKS

BALANCED_MIN = 2
"""So many rows must carry a balance on to the next for it to be a running balance."""


def condition(column: str, word: str) -> str:
    """The condition of rows whose column begins with that word."""
    beginning = literal(f"{word.casefold().split()[0]}%")
    return f"lower({identifier(column)}) like {beginning}"


RULE = "total row"
"""The name of the rule that leaves rows of totals out, and of the tie-outs with them."""
FOOTER = "footer"
_UNNUMBERED = re.compile("[^0-9]+")


def words(seen: Seen) -> str:
    """What rows of totals and footers say, for people; "" without any."""
    found = ", ".join(dict.fromkeys([*(word for _, word, _ in seen.totals), *(text for _, text in seen.footers)]))
    return f"the last rows: {found}" if found else ""


def rules(seen: Seen) -> list[dict[str, str]]:
    """The rules that leave rows of totals and footers out, as the language says them; none where there are none."""
    conditions = {
        RULE: dict.fromkeys(condition(column, word) for column, word, _ in seen.totals),
        FOOTER: dict.fromkeys(_begins(column, text) for column, text in seen.footers),
    }
    return [{"name": name, "when": " or ".join(found)} for name, found in conditions.items() if found]


def _begins(column: str, text: str) -> str:
    """The condition of footers: they begin as that one does, up to its first number, as of a day or a version."""
    found = _UNNUMBERED.match(text)
    return f"starts_with({identifier(column)}, {literal(found[0].rstrip() if found else text)})"


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
            if made(seen, row, source, decimal):
                why = f"the rows of the sample make {row[source]}"
                lines += helpers(name, source, decimal, condition(column, word), why)
                ties.append({"name": f"{RULE}, {source}", "sum": name, "equals": f"sum(_{name}_stated)"})
    return lines, ties


def made(seen: Seen, row: Mapping[str, str], column: str, decimal: str) -> bool:
    """Whether the rows make the number in that column of the row of totals."""
    values = [number(value, decimal) for value in seen.values(column) if value and value.casefold() not in BLANKS]
    total = number(row[column], decimal)
    return total is not None and None not in values and bool(values) and sum(filter(None, values)) == total


def helpers(name: str, column: str, decimal: str, condition: str, why: str) -> list[Line]:
    """Helper fields with the number of each row, and with that of the rows of totals."""
    spec = {"from": column, "type": "decimal"} | ({"decimal": decimal} if decimal else {})
    expression = f"case when {condition} then _{name}_of_row end"
    stated = Line(f"_{name}_stated", inline({"expr": expression, "type": "decimal"}), "sure", why)
    return [Line(f"_{name}_of_row", inline(spec)), stated]


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
