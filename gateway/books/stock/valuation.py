"""Moving average cost: what each movement of stock is worth.

The movements of an item are gone through in the order in which they happened, whichever order they arrived
in, and what they are worth now is compared with what was posted: the difference is posted. So a late or
corrected receipt trues up the issues behind it, and replaying in any order ends in the same balances.

Value is kept in pools, one for each item and account role; the last unit of a pool takes the residue, so that no units
are worth nothing. What leaves a pool that has not enough is valued provisionally, and takes the cost of the units that
cover it when they come: it is never averaged into the units that stay.
Integers only: values in 1/10,000 of the currency, quantities in 1/10,000 of the unit.
"""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import NamedTuple

from gateway.model.status import OUTSIDE


class Movement(NamedTuple):
    """A movement to be valued; `qty` in 1/10,000 units, costs in 1/1,000,000 of the currency for one unit."""

    record_id: str
    from_status: str
    to_status: str
    debit_role: str
    credit_role: str
    qty: int
    order_id: str | None
    unit_cost: int | None


class Valued(NamedTuple):
    """What a movement is worth: `value` in 1/10,000 of the currency, `unit_cost` in 1/1,000,000."""

    record_id: str
    value: int
    unit_cost: int
    basis: str


@dataclass(slots=True)
class Shortage:
    """Units of a movement that its pool did not have, with their provisional value."""

    movement: int
    qty: int
    value: int


@dataclass(slots=True)
class Pool:
    """Units and their value in one role; below zero both are those of the shortages.

    last  number of the movement that left it last
    """

    qty: int = 0
    value: int = 0
    short: deque[Shortage] = field(default_factory=deque)
    last: int | None = None


@dataclass(slots=True)
class ItemCost:
    """Goes through the movements of one item in time order.

    standard     cost of the item master in 1/1,000,000, used where nothing better is known
    minor        1/10,000 of the currency in its smallest coin (100 for cents): values are rounded to it
    written_off  statuses whose units hold no value: it is lost when they come in
    """

    standard: int | None
    minor: int = 100
    written_off: frozenset[str] = frozenset()
    pools: dict[str, Pool] = field(default_factory=lambda: defaultdict(Pool))
    issued: dict[str, int] = field(default_factory=dict)
    last_cost: int | None = None
    movements: list[Movement] = field(default_factory=list)
    valued: list[Valued] = field(default_factory=list)

    def run(self, movements: list[Movement]) -> list[Valued]:
        """Value them in the given order. Movements that were taken back, and their reversals, are left out."""
        self.movements = movements
        for number, movement in enumerate(movements):
            self.valued.append(self._value(movement))
            # A change of status within a role moves no value: it can make neither a shortage nor a gain.
            if movement.debit_role != movement.credit_role:
                self._leave(number, movement)
                self._arrive(number, movement)
        return self.valued

    def _value(self, movement: Movement) -> Valued:
        found = movement.from_status in OUTSIDE and movement.to_status in self.written_off
        if found or movement.from_status in self.written_off:
            return Valued(movement.record_id, 0, 0, "WRITTEN_OFF")
        if movement.from_status in OUTSIDE:
            return self._incoming(movement)
        return self._outgoing(movement)

    def _incoming(self, movement: Movement) -> Valued:
        cost, basis = movement.unit_cost, "RECEIPT"
        if cost is None and movement.from_status == "CUSTOMER":
            cost, basis = self.issued.get(movement.order_id or ""), "ISSUE"
        if cost is None and movement.from_status != "SUPPLIER":
            cost, basis = self._average(movement.debit_role), "AVERAGE"
        if cost is None:
            cost, basis = self.standard, "STANDARD"
        if cost is None:
            cost, basis = self.last_cost, "AVERAGE"
        if cost is None:
            cost, basis = 0, "MISSING"
        return Valued(movement.record_id, self._round(movement.qty * cost), cost, basis)

    def _outgoing(self, movement: Movement) -> Valued:
        pool = self.pools[movement.credit_role]
        if movement.qty == pool.qty:
            cost = _divide(pool.value * 1_000_000, pool.qty) if pool.qty else 0
            valued = Valued(movement.record_id, pool.value, cost, "AVERAGE")
        else:
            average = self._average(movement.credit_role)
            basis = "AVERAGE"
            if average is None:
                average, basis = self.last_cost, "AVERAGE"
            if average is None:
                average, basis = self.standard, "STANDARD"
            if average is None:
                average, basis = 0, "MISSING"
            valued = Valued(movement.record_id, self._round(movement.qty * average), average, basis)
        return valued

    def _average(self, role: str) -> int | None:
        pool = self.pools.get(role)
        if pool is None or pool.qty <= 0:
            return None
        # The average of a pool of 1/10,000 units and 1/10,000 money is money for one unit.
        return _divide(pool.value * 1_000_000, pool.qty)

    def _round(self, product: int) -> int:
        """1/10,000 units × 1/1,000,000 money → 1/10,000 money, HALF_UP at the smallest coin."""
        return _divide(product, 1_000_000 * self.minor) * self.minor

    def _leave(self, number: int, movement: Movement) -> None:
        """Take units and value from the pool; what it has not is a shortage."""
        value, unit_cost = self.valued[number].value, self.valued[number].unit_cost
        if movement.to_status == "CUSTOMER" and movement.order_id:
            self.issued[movement.order_id] = unit_cost
        if not self._holds_value(movement.from_status):
            return
        pool = self.pools[movement.credit_role]
        short = movement.qty - max(pool.qty, 0)
        if short > 0:
            # The units that are there take the whole value of the pool with them.
            pool.short.append(Shortage(number, short, value - (pool.value if pool.qty > 0 else 0)))
        pool.qty -= movement.qty
        pool.value -= value
        pool.last = number

    def _arrive(self, number: int, movement: Movement) -> None:
        """Put units and value into the pool; they cover its shortages first, the oldest before the others."""
        if not self._holds_value(movement.to_status):
            return
        value = self.valued[number].value
        pool, left, worth = self.pools[movement.debit_role], movement.qty, value
        pool.qty += movement.qty
        pool.value += value
        if movement.qty:
            self.last_cost = _divide(value * 1_000_000, movement.qty)
        while left and pool.short:
            shortage = pool.short[0]
            qty = min(left, shortage.qty)
            share = worth if qty == left else self._part(worth, qty, left)
            provisional = shortage.value if qty == shortage.qty else self._part(shortage.value, qty, shortage.qty)
            shortage.qty, shortage.value = shortage.qty - qty, shortage.value - provisional
            left, worth = left - qty, worth - share
            if not shortage.qty:
                pool.short.popleft()
            self._correct(shortage.movement, share - provisional, known=not shortage.qty)

    def _correct(self, number: int, difference: int, *, known: bool) -> None:
        """Change the value of a movement, and of those that carried its units on, by a difference."""
        first = number
        for _ in range(len(self.movements)):
            movement, valued = self.movements[number], self.valued[number]
            value = valued.value + difference
            cost = _divide(value * 1_000_000, movement.qty)
            basis = "AVERAGE" if known and number == first else valued.basis
            self.valued[number] = Valued(valued.record_id, value, cost, basis)
            if movement.to_status == "CUSTOMER" and movement.order_id:
                self.issued[movement.order_id] = cost
            self.pools[movement.credit_role].value -= difference
            if not self._holds_value(movement.to_status):
                return
            pool = self.pools[movement.debit_role]
            pool.value += difference
            if pool.qty > 0 or pool.last is None:
                return
            number = pool.last

    def _holds_value(self, status: str) -> bool:
        return status not in OUTSIDE and status not in self.written_off

    def _part(self, value: int, qty: int, whole: int) -> int:
        """The share of some units in a value, at the smallest coin."""
        return _divide(value * qty, whole * self.minor) * self.minor


def _divide(numerator: int, denominator: int) -> int:
    """Integer division, half away from zero."""
    if denominator < 0:
        numerator, denominator = -numerator, -denominator
    whole = (2 * abs(numerator) + denominator) // (2 * denominator)
    return whole if numerator >= 0 else -whole
