"""What each movement of stock is worth, by moving average or first in, first out.

The movements of an item are gone through in the order in which they happened, whichever order they arrived
in, and what they are worth now is compared with what was posted: the difference is posted. So a late or
corrected receipt trues up the issues behind it, and replaying in any order ends in the same balances.

Value is kept in pools, one for each item and account role; the last unit of a pool takes the residue, so that no units
are worth nothing. By first in, first out a pool has layers, one for each movement that came in, and the oldest leaves
first. What leaves a pool that has not enough is valued provisionally, and takes the cost of the units that
cover it when they come: it is never averaged into the units that stay. What changes by that goes where the units went:
to those that are still there, else out of the empty pool by the way that leads to units or out of our stock. Units that
customers send back are worth what their order was issued at, and change with it.
Integers only: values in 1/10,000 of the currency, quantities in 1/10,000 of the unit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from gateway.books.coins import at_cost, divide, share_of
from gateway.books.stock.issues import Issues, Part
from gateway.books.stock.pools import Layer, Pool, Shortage
from gateway.model.status import OUTSIDE

_OUT = ""
"""Where a way out of our stock leads."""


class Movement(NamedTuple):
    """A movement to be valued; `qty` in 1/10,000 units, costs in 1/1,000,000 of the currency for one unit.

    order_id   of an issue or a return, the customer's order
    unit_cost  cost that the movement states itself
    standard   standard cost of its day, used where nothing better is known
    value      what an order or an invoice says that a receipt cost, in 1/10,000 of the currency
    basis      which of them says it; MISSING where its cost is known only in a currency without a rate
    """

    record_id: str
    from_status: str
    to_status: str
    debit_role: str
    credit_role: str
    qty: int
    order_id: str | None
    unit_cost: int | None
    standard: int | None = None
    value: int | None = None
    basis: str | None = None


class Valued(NamedTuple):
    """What a movement is worth: `value` in 1/10,000 of the currency, `unit_cost` in 1/1,000,000."""

    record_id: str
    value: int
    unit_cost: int
    basis: str


@dataclass(slots=True)
class ItemCost:
    """Goes through the movements of one item in time order.

    minor        1/10,000 of the currency in its smallest coin (100 for cents): values are rounded to it
    written_off  statuses whose units hold no value: it is lost when they come in
    exits        (pool, pool or "" for out of our stock) → the last movement from the one to the other
    covers       movement → the movements that took its units, with how many: shortages that they covered, and what left
                 a layer
    fifo         first in, first out instead of moving average
    """

    minor: int = 100
    written_off: frozenset[str] = frozenset()
    fifo: bool = False
    pools: dict[str, Pool] = field(default_factory=lambda: defaultdict(Pool))
    exits: dict[tuple[str, str], int] = field(default_factory=dict)
    covers: dict[int, list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))
    issues: Issues = field(default_factory=Issues)
    last_cost: int | None = None
    movements: list[Movement] = field(default_factory=list)
    valued: list[Valued] = field(default_factory=list)
    _worthless: frozenset[str] = frozenset(OUTSIDE)

    def __post_init__(self) -> None:
        self._worthless |= self.written_off

    def run(self, movements: list[Movement]) -> list[Valued]:
        """Value them in the given order. Movements that were taken back, and their reversals, are left out."""
        self.movements = movements
        for number, movement in enumerate(movements):
            self.valued.append(self._value(number, movement))
            # A change of status within a role moves no value: it can make neither a shortage nor a gain.
            if movement.debit_role != movement.credit_role:
                self._leave(number, movement)
                self._arrive(number, movement)
        return self.valued

    # --- what a movement is worth when it happens -----------------------------------------------------

    def _value(self, number: int, movement: Movement) -> Valued:
        found = movement.from_status in OUTSIDE and movement.to_status in self.written_off
        if found or movement.from_status in self.written_off:
            return Valued(movement.record_id, 0, 0, "WRITTEN_OFF")
        if movement.from_status not in OUTSIDE:
            return self._outgoing(movement)
        if movement.value is not None:
            cost = divide(movement.value * 1_000_000, movement.qty)
            return Valued(movement.record_id, movement.value, cost, movement.basis or "RECEIPT")
        if movement.unit_cost is not None:
            value = at_cost(movement.qty, movement.unit_cost, self.minor)
            return Valued(movement.record_id, value, movement.unit_cost, "RECEIPT")
        if movement.from_status == "CUSTOMER":
            return self._returned(number, movement)
        cost, basis = self._assumed(movement)
        return Valued(movement.record_id, at_cost(movement.qty, cost, self.minor), cost, movement.basis or basis)

    def _returned(self, number: int, movement: Movement) -> Valued:
        """Units come back at what their order was issued at; those of no known order at what all that is out cost."""
        parts = self.issues.came_back(number, movement.order_id, movement.qty)
        value = sum(self._share(part, self.valued[part.issue].value) for part in parts)
        rest, basis = movement.qty - sum(part.qty for part in parts), "ISSUE"
        if any(self.valued[part.issue].basis == "MISSING" for part in parts):
            basis = "MISSING"
        if rest:
            out = self.issues.qty - (movement.qty - rest)
            cost, assumed = (
                (divide((self.issues.value - value) * 1_000_000, out), "ISSUE") if out > 0 else self._assumed(movement)
            )
            value += at_cost(rest, cost, self.minor)
            basis = assumed if basis == "ISSUE" else basis
        self.issues.qty -= movement.qty
        self.issues.value -= value
        return Valued(movement.record_id, value, divide(value * 1_000_000, movement.qty), basis)

    def _assumed(self, movement: Movement) -> tuple[int, str]:
        """(cost of a unit, basis) of what comes in and says nothing of its cost.

        A purchase has the standard cost; without one it counts as unknown, whatever the last one cost.
        """
        bought = movement.from_status == "SUPPLIER"
        average = None if bought else self._average(movement.debit_role)
        if average is not None:
            return average, "AVERAGE"
        if movement.standard is not None:
            return movement.standard, "STANDARD"
        if self.last_cost is not None:
            return self.last_cost, "MISSING" if bought else "AVERAGE"
        return 0, "MISSING"

    def _outgoing(self, movement: Movement) -> Valued:
        pool = self.pools[movement.credit_role]
        if movement.qty == pool.qty:
            cost = divide(pool.value * 1_000_000, pool.qty) if pool.qty else 0
            return Valued(movement.record_id, pool.value, cost, self._method)
        if self.fifo and pool.qty > 0:
            return self._oldest(pool, movement)
        average, basis = self._average(movement.credit_role), "AVERAGE"
        if average is None:
            average = self.last_cost
        if average is None:
            average, basis = movement.standard, "STANDARD"
        if average is None:
            average, basis = 0, "MISSING"
        return Valued(movement.record_id, at_cost(movement.qty, average, self.minor), average, basis)

    def _oldest(self, pool: Pool, movement: Movement) -> Valued:
        """The oldest layers leave; units that are not there cost as much as the last ones that came."""
        left, value = movement.qty, 0
        for layer in pool.layers:
            qty = min(left, layer.qty)
            value += layer.value if qty == layer.qty else share_of(layer.value, qty, layer.qty, self.minor)
            left -= qty
            if not left:
                break
        value += at_cost(left, self.last_cost or 0, self.minor)
        return Valued(movement.record_id, value, divide(value * 1_000_000, movement.qty), self._method)

    @property
    def _method(self) -> str:
        return "FIFO" if self.fifo else "AVERAGE"

    def _average(self, role: str) -> int | None:
        pool = self.pools.get(role)
        if pool is None or pool.qty <= 0:
            return None
        # The average of a pool of 1/10,000 units and 1/10,000 money is money for one unit.
        return divide(pool.value * 1_000_000, pool.qty)

    # --- pools ----------------------------------------------------------------------------------------

    def _leave(self, number: int, movement: Movement) -> None:
        """Take units and value from the pool; what it has not is a shortage."""
        value = self.valued[number].value
        if movement.to_status == "CUSTOMER":
            self.issues.left(number, movement.order_id, movement.qty, value)
        if movement.from_status in self._worthless:
            return
        role, qty = movement.credit_role, movement.qty
        pool = self.pools[role]
        if qty > pool.qty:
            # The units that are there take the whole value of the pool with them.
            there, worth = (pool.qty, pool.value) if pool.qty > 0 else (0, 0)
            pool.short.append(Shortage(number, qty - there, value - worth))
        if self.fifo:
            self._take_layers(number, pool, qty)
        pool.qty -= qty
        pool.value -= value
        self.exits[role, _OUT if movement.to_status in self._worthless else movement.debit_role] = number

    def _take_layers(self, number: int, pool: Pool, left: int) -> None:
        while left and pool.layers:
            layer = pool.layers[0]
            qty = min(left, layer.qty)
            taken = layer.value if qty == layer.qty else share_of(layer.value, qty, layer.qty, self.minor)
            layer.qty, layer.value, left = layer.qty - qty, layer.value - taken, left - qty
            self.covers[layer.movement].append((number, qty))
            if not layer.qty:
                pool.layers.popleft()

    def _arrive(self, number: int, movement: Movement) -> None:
        """Put units and value into the pool; they cover its shortages first, the oldest before the others."""
        if movement.to_status in self._worthless:
            return
        value = self.valued[number].value
        pool, left, worth = self.pools[movement.debit_role], movement.qty, value
        pool.qty += movement.qty
        pool.value += value
        if movement.qty:
            self.last_cost = divide(value * 1_000_000, movement.qty)
        while left and pool.short:
            shortage = pool.short[0]
            qty = min(left, shortage.qty)
            share = worth if qty == left else share_of(worth, qty, left, self.minor)
            provisional = (
                shortage.value if qty == shortage.qty else share_of(shortage.value, qty, shortage.qty, self.minor)
            )
            shortage.qty, shortage.value = shortage.qty - qty, shortage.value - provisional
            left, worth = left - qty, worth - share
            if not shortage.qty:
                pool.short.popleft()
            self.covers[number].append((shortage.movement, qty))
            self._correct(shortage.movement, share - provisional, known=not shortage.qty)
        if self.fifo and left:
            pool.layers.append(Layer(number, left, worth + pool.loose))
            pool.loose = 0

    # --- what is known later --------------------------------------------------------------------------

    def _correct(self, number: int, difference: int, *, known: bool) -> None:
        """Change the value of a movement by a difference, and of what carried its units on and brought them back.

        What a movement covered and what it brought back are followed once: units that cover the very issue that they
        come from have no cost of their own.
        """
        waiting, followed = [(number, difference)], set()
        while waiting:
            one, difference = waiting.pop()
            before = self.valued[one].value
            self._change(one, difference, known=known and one == number)
            waiting += [
                (back, self._share(part, before + difference) - self._share(part, before))
                for back, part in self.issues.returns.get(one, ())
                if back not in followed
            ]
            if difference:
                rest = difference
                for short, share in self._covered(one, difference) if one not in followed else ():
                    waiting.append((short, share))
                    rest -= share
                self._pass_on(one, rest)
            followed.add(one)

    def _covered(self, number: int, difference: int) -> Iterator[tuple[int, int]]:
        """The movements that took the units of a movement, each with its share of the difference."""
        before, whole = 0, self.movements[number].qty
        for short, qty in self.covers.get(number, ()):
            share = share_of(difference, before + qty, whole, self.minor) - share_of(
                difference, before, whole, self.minor
            )
            before += qty
            yield short, share

    def _pass_on(self, number: int, difference: int) -> None:
        """What a movement brought into a pool is worth more: so are the units there, else what left the pool last."""
        role = self._pool_of(self.movements[number])
        if role == _OUT or not difference:
            return
        if not self.pools[role].qty:
            for one in self._way_out(role, frozenset((role,))):
                self._change(one, difference, known=False)
                number, role = one, self._pool_of(self.movements[one])
        if role != _OUT and self.pools[role].qty < 0:
            # Units that are not there cannot be worth more: what covers them settles it.
            self.pools[role].short[-1].value -= difference
        elif role != _OUT and self.fifo:
            self.pools[role].add_value(number, difference)

    def _way_out(self, role: str, seen: frozenset[str]) -> list[int]:
        """The way from an empty pool out of our stock or to units, else to shortages; each time the last one taken."""
        exits = sorted(((n, to) for (origin, to), n in self.exits.items() if origin == role), reverse=True)
        for number, to in exits:
            if to == _OUT or self.pools[to].qty > 0:
                return [number]
        for number, to in exits:
            way = [] if to in seen or self.pools[to].qty else self._way_out(to, seen | {to})
            if way:
                return [number, *way]
        return [number for number, to in exits if self.pools[to].qty][:1]

    def _change(self, number: int, difference: int, *, known: bool) -> None:
        """Add the difference to the value of a movement, and to what it came to, and take it from where it left."""
        movement, valued = self.movements[number], self.valued[number]
        value = valued.value + difference
        cost, basis = divide(value * 1_000_000, movement.qty), self._method if known else valued.basis
        if basis == "MISSING" and number in self.issues.parts:
            missing = any(self.valued[part.issue].basis == "MISSING" for part in self.issues.parts[number])
            basis = basis if missing else "ISSUE"
        self.valued[number] = Valued(valued.record_id, value, cost, basis)
        if movement.from_status not in self._worthless:
            self.pools[movement.credit_role].value -= difference
        self.issues.value += difference * ((movement.to_status == "CUSTOMER") - (movement.from_status == "CUSTOMER"))
        if movement.to_status not in self._worthless:
            self.pools[movement.debit_role].value += difference

    def _pool_of(self, movement: Movement) -> str:
        """The pool that a movement goes to, "" where that is none of ours."""
        return _OUT if movement.to_status in self._worthless else movement.debit_role

    # --- rounding -------------------------------------------------------------------------------------

    def _share(self, part: Part, value: int) -> int:
        """What a part of an issue of that value is worth: all parts of it together make the value."""
        whole = self.movements[part.issue].qty
        return share_of(value, part.before + part.qty, whole, self.minor) - share_of(
            value, part.before, whole, self.minor
        )
