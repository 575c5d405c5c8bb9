"""Pools of stock: units of one item in one account role, with what they are worth.

Quantities in 1/10,000 units, values in 1/10,000 of the currency.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field


@dataclass(slots=True)
class Shortage:
    """Units of a movement that its pool did not have, with their provisional value."""

    movement: int
    qty: int
    value: int


@dataclass(slots=True)
class Layer:
    """What is left in a pool of the units that a movement brought."""

    movement: int
    qty: int
    value: int


@dataclass(slots=True)
class Pool:
    """Units and their value in one role; below zero both are those of the shortages.

    layers  of an item that is valued first in, first out; together they are the pool
    loose   value that came while a layer was in the making
    """

    qty: int = 0
    value: int = 0
    short: deque[Shortage] = field(default_factory=deque)
    layers: deque[Layer] = field(default_factory=deque)
    loose: int = 0

    def add_value(self, movement: int, difference: int) -> None:
        """The units that a movement brought are worth more; where none of them is left, the oldest ones are."""
        layer = next((one for one in self.layers if one.movement == movement), self.layers[0] if self.layers else None)
        if layer is None:
            self.loose += difference
        else:
            layer.value += difference
