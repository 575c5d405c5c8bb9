"""Units that customers have: what they were issued at, so that they come back at it.

Issues of an order are a queue with quantities: of two shipments at two costs the units come back at theirs, those of
the first shipment first. Quantities in 1/10,000 units, values in 1/10,000 of the currency.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple


class Part(NamedTuple):
    """Units of an issue that came back: the issue's movement, how many of it were back before, and how many are."""

    issue: int
    before: int
    qty: int


@dataclass(slots=True)
class Issues:
    """What of one item is with customers; `qty` and `value` are all of it, whatever order it left for.

    lots     order → its issues and their units, in the order in which they left
    first    order → the first of its issues that is not back as a whole
    back     issue → units of it that are back
    returns  issue → the movements that brought units of it back, with the part that each brought
    parts    return → its parts
    """

    qty: int = 0
    value: int = 0
    lots: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    first: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    back: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    returns: dict[int, list[tuple[int, Part]]] = field(default_factory=lambda: defaultdict(list))
    parts: dict[int, list[Part]] = field(default_factory=dict)

    def left(self, issue: int, order_id: str | None, qty: int, value: int) -> None:
        """Units left for an order, None where nobody says which."""
        self.qty += qty
        self.value += value
        if order_id:
            lots = self.lots.get(order_id)
            if lots is None:
                self.lots[order_id] = [(issue, qty)]
            else:
                lots.append((issue, qty))

    def came_back(self, number: int, order_id: str | None, qty: int) -> list[Part]:
        """The issues of the order that the units of a return come from; together they may be fewer units."""
        parts: list[Part] = []
        order = order_id or ""
        lots = self.lots.get(order, ())
        while qty and self.first[order] < len(lots):
            issue, left = lots[self.first[order]]
            before = self.back[issue]
            units = min(qty, left - before)
            part = Part(issue, before, units)
            parts.append(part)
            self.returns[issue].append((number, part))
            self.back[issue], qty = before + units, qty - units
            if before + units == left:
                self.first[order] += 1
        if parts:
            self.parts[number] = parts
        return parts
