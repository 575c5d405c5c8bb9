"""Receipts and invoices of one line of an order: which units are invoiced, and what they cost.

Units are invoiced in the order in which they came, by invoices in the order of their dates, whichever of them arrived
first. Quantities in 1/10,000 units, amounts in 1/10,000 of the currency, prices in 1/1,000,000 of it for one unit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from gateway.books.coins import at_cost, divide, share_of


class Receipt(NamedTuple):
    """Units that came; `price` is that of a unit that is not invoiced yet, None if unknown, `basis` says whose."""

    record_id: str
    qty: int
    price: int | None
    basis: str


class Billed(NamedTuple):
    """A line of an invoice, or of a credit note: then units and amount are below zero.

    invoice   number of the document
    corrects  number of the invoice that a credit note is about, "" if it does not say
    """

    record_id: str
    invoice: str
    corrects: str
    qty: int
    amount: int


class Cost(NamedTuple):
    """What a receipt cost by orders and invoices; `value` is None where neither says. `billed` of it is invoiced."""

    record_id: str
    value: int | None
    basis: str
    billed_qty: int
    billed: int


@dataclass(slots=True)
class Charge:
    """Units that are invoiced at an amount, after credit notes."""

    record_id: str
    invoice: str
    qty: int
    amount: int


@dataclass(slots=True)
class Outcome:
    """Costs of receipts, and what is left of invoices: (record, units, amount) that no receipt explains."""

    costs: list[Cost] = field(default_factory=list)
    open: list[tuple[str, int, int]] = field(default_factory=list)


def match(receipts: Sequence[Receipt], billed: Sequence[Billed], minor: int) -> Outcome:
    """Invoice the units of the receipts, both in the given order.

    minor  1/10,000 of the currency in its smallest coin, to which values are rounded
    """
    found = Outcome()
    charges, found.open = standing(billed, minor)
    average = _average(charges)
    number = used = 0
    for receipt in receipts:
        left, amount = receipt.qty, 0
        while left and number < len(charges):
            charge = charges[number]
            units = min(left, charge.qty - used)
            amount += _between(charge, used, used + units, minor)
            left, used = left - units, used + units
            if used == charge.qty:
                number, used = number + 1, 0
        found.costs.append(_cost(receipt, receipt.qty - left, amount, average, minor))
    for charge in charges[number:]:
        found.open.append((charge.record_id, charge.qty - used, _between(charge, used, charge.qty, minor)))
        used = 0
    return found


def standing(billed: Iterable[Billed], minor: int) -> tuple[list[Charge], list[tuple[str, int, int]]]:
    """(what is invoiced after credit notes, what of credit notes takes nothing back).

    A credit note takes units of the invoice that it names, else the newest; what its amount says beyond the price of
    these units changes the price of the others.
    """
    lines = list(billed)
    charges = [Charge(one.record_id, one.invoice, one.qty, one.amount) for one in lines if one.qty > 0]
    rest = []
    for one in lines:
        if one.qty > 0:
            continue
        named = [charge for charge in charges if charge.invoice == one.corrects] or charges
        left, amount = -one.qty, one.amount
        for charge in reversed(named):
            units = min(left, charge.qty)
            taken = charge.amount if units == charge.qty else share_of(charge.amount, units, charge.qty, minor)
            charge.qty, charge.amount = charge.qty - units, charge.amount - taken
            left, amount = left - units, amount + taken
        others = [charge for charge in named if charge.qty] or [charge for charge in charges if charge.qty]
        if others:
            others[-1].amount, amount = others[-1].amount + amount, 0
        if left or amount:
            rest.append((one.record_id, -left, amount))
    return [charge for charge in charges if charge.qty], rest


def _cost(receipt: Receipt, units: int, amount: int, average: int | None, minor: int) -> Cost:
    """Invoiced units cost what the invoices say; the others their price, or else as much as the invoiced ones."""
    left = receipt.qty - units
    price = average if receipt.price is None else receipt.price
    if left and price is None:
        return Cost(receipt.record_id, None, receipt.basis, units, amount)
    value = amount + (at_cost(left, price, minor) if price is not None else 0)
    basis = "INVOICE" if units or receipt.price is None else receipt.basis
    return Cost(receipt.record_id, value, basis, units, amount)


def _average(charges: Sequence[Charge]) -> int | None:
    units = sum(charge.qty for charge in charges)
    return divide(sum(charge.amount for charge in charges) * 1_000_000, units) if units else None


def _between(charge: Charge, first: int, last: int, minor: int) -> int:
    return share_of(charge.amount, last, charge.qty, minor) - share_of(charge.amount, first, charge.qty, minor)


def spread(amount: int, over: Sequence[int], minor: int) -> list[int]:
    """An amount over lines by these weights; together they make it exactly. Nothing where all weights are zero."""
    whole, before, shares = sum(map(abs, over)), 0, []
    for weight in map(abs, over):
        if whole:
            shares.append(share_of(amount, before + weight, whole, minor) - share_of(amount, before, whole, minor))
        before += weight
    return shares
