"""Purchases: receipts with their order, prices of orders, and what invoices bill for each item of an order.

A receipt answers the order that its receipt line names (`receipt_line` of the same document, by line, else by item),
else the order whose number is that of its order or document. Orders and invoices meet receipts by order and item, and
by line where an order has several lines of the item and everybody names theirs. Prices and amounts in another currency
are converted at the rate of the day of the receipt and of the invoice.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

import duckdb
import pyarrow as pa

from gateway.books.coins import coin, divide
from gateway.books.posting.rates import lay_rates
from gateway.books.posting.reference import ENTITIES
from gateway.books.procurement import purchase_rows
from gateway.books.procurement.matching import Billed, Receipt, spread
from gateway.books.procurement.purchase_rows import BilledRow, PriceRow, ReceiptRow
from gateway.sql import lay

_RATE = 10**12
_ASKED, _RATES = "_purchase_days", "_purchase_rates"
_DAYS = pa.schema([("currency", pa.utf8()), ("functional", pa.utf8()), ("day", pa.date32())])


class Key(NamedTuple):
    """What receipts and invoices have in common; `line` is "" where it does not matter."""

    entity: str
    po: str
    sku: str
    line: str = ""


class Ordered(NamedTuple):
    """What an order says of an item: the price, and its currency."""

    price: int
    currency: str


@dataclass(slots=True)
class Purchases:
    """Receipts and invoices by their key, and what orders say.

    rates     (currency, functional currency, day) → functional units for one, in 1/10^12
    rows      line of an invoice that is no tax → as it stands
    unplaced  those that name no order and item, or that no rate converts
    """

    receipts: dict[Key, list[Receipt]] = field(default_factory=lambda: defaultdict(list))
    billed: dict[Key, list[Billed]] = field(default_factory=lambda: defaultdict(list))
    prices: dict[tuple[str, str], list[PriceRow]] = field(default_factory=lambda: defaultdict(list))
    functional: dict[str, str] = field(default_factory=dict)
    rates: dict[tuple[str, str, date], int] = field(default_factory=dict)
    rows: dict[str, BilledRow] = field(default_factory=dict)
    unplaced: set[str] = field(default_factory=set)

    def ordered(self, key: Key, line: str) -> Ordered | None:
        """The price of an item: that of the order's line, else of all its lines of the item by their units."""
        of_order = [one for one in self.prices.get((key.entity, key.po), ()) if one.sku in (key.sku, None)]
        found = [one for one in of_order if one.line == line] or [one for one in of_order if one.sku == key.sku]
        currencies = {one.currency or self.functional.get(key.entity, "") for one in found}
        if len(currencies) != 1:
            return None
        units = sum(one.qty for one in found)
        total = sum(one.price * (one.qty if units else 1) for one in found)
        return Ordered(divide(total, units or len(found)), currencies.pop())

    def converted(self, entity: str, number: int, currency: str, day: date, minor: int = 1) -> int | None:
        """A price or an amount in the entity's currency, at coins of `minor`; None where there is no rate."""
        ours = self.functional.get(entity, "")
        if currency == ours:
            return number
        rate = self.rates.get((currency, ours, day))
        return None if rate is None else divide(number * rate, _RATE * minor) * minor

    def minor(self, entity: str) -> int:
        """The smallest coin of the entity's currency."""
        return coin(self.functional.get(entity))


def gather(con: duckdb.DuckDBPyConnection, items: str) -> Purchases:
    """Everything about these items. `items` is a relation of (entity, sku), "" for all."""
    found = Purchases(functional=dict(con.execute(f"select entity, functional from {ENTITIES}").fetchall()))
    for row in purchase_rows.prices(con, items):
        found.prices[row.entity, row.po].append(row)
    receipts, lines = purchase_rows.receipts(con, items), purchase_rows.billed(con, items)
    _learn_rates(con, found, receipts, lines)
    billed = _net(found, lines)
    by_line = _by_line(found, receipts, [line for line, _ in billed])
    for receipt in receipts:
        key = _key(receipt.entity, receipt.po, receipt.sku, receipt.line, by_line)
        found.receipts[key].append(_receipt(found, key, receipt))
    for line, amount in billed:
        key = _key(line.entity, line.po, line.item or "", line.po_line, by_line)
        found.billed[key].append(Billed(line.record_id, line.invoice, line.corrects, line.qty, amount))
    return found


def _receipt(found: Purchases, key: Key, row: ReceiptRow) -> Receipt:
    """A receipt with its price; one that the order states in a currency without a rate is missing."""
    if row.own is not None:
        return Receipt(row.record_id, row.qty, row.own, "RECEIPT")
    ordered = found.ordered(key, row.line)
    price = found.converted(key.entity, ordered.price, ordered.currency, row.day) if ordered else None
    return Receipt(row.record_id, row.qty, price, "MISSING" if ordered and price is None else "ORDER")


def _key(entity: str, po: str, sku: str, line: str, by_line: set[tuple[str, str, str]]) -> Key:
    return Key(entity, po, sku, line if (entity, po, sku) in by_line else "")


def _learn_rates(
    con: duckdb.DuckDBPyConnection, found: Purchases, receipts: Iterable[ReceiptRow], billed: Iterable[BilledRow]
) -> None:
    """The rates of the days on which something came or was invoiced in another currency."""
    asked = {(row.currency, found.functional.get(row.entity, ""), row.day) for row in billed}
    for receipt in receipts:
        ours = found.functional.get(receipt.entity, "")
        for price in found.prices.get((receipt.entity, receipt.po), ()):
            asked.add((price.currency or ours, ours, receipt.day))
    lay(con, _ASKED, sorted(one for one in asked if one[1] and one[0] != one[1]), _DAYS)
    if lay_rates(con, f"select currency, functional, day from {_ASKED}", _RATES):
        rows = con.execute(
            f"select currency, functional, day, cast(rate * {_RATE} as hugeint) from {_RATES}"
        ).fetchall()
        found.rates = {(currency, functional, day): int(rate) for currency, functional, day, rate in rows}


def _by_line(
    found: Purchases, receipts: Iterable[ReceiptRow], billed: Iterable[BilledRow]
) -> set[tuple[str, str, str]]:
    """(entity, order, item) of which the lines count."""
    lines: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for prices in found.prices.values():
        for one in prices:
            lines[one.entity, one.po, one.sku or ""].add(one.line)
    several = {key for key, names in lines.items() if len(names) > 1}
    named = [(one.entity, one.po, one.sku, one.line) for one in receipts]
    named += [(one.entity, one.po, one.item or "", one.po_line) for one in billed]
    for entity, po, sku, line in named:
        if line not in lines.get((entity, po, sku), ()):
            several.discard((entity, po, sku))
    return several


def _net(found: Purchases, rows: Sequence[BilledRow]) -> list[tuple[BilledRow, int]]:
    """Lines of goods with what they cost in the entity's currency: with their share of the allowances and charges."""
    documents: dict[tuple[str, ...], list[BilledRow]] = defaultdict(list)
    for row in rows:
        found.rows[row.record_id] = row
        documents[row[:5]].append(row)
    net = []
    for lines in documents.values():
        goods = [line for line in lines if line.kind == "GOODS"]
        amounts = _converted(found, goods, _with_charges(found, goods, lines))
        for line, amount in zip(goods, amounts, strict=True):
            if amount is not None and line.po and line.item:
                net.append((line, amount))
            else:
                found.unplaced.add(line.record_id)
    return net


def _with_charges(found: Purchases, goods: Sequence[BilledRow], lines: Sequence[BilledRow]) -> list[int]:
    """Amounts of the goods of a document, with the allowances and charges of their line or of the whole."""
    amounts, minor = [line.amount for line in goods], coin(lines[0].currency)
    for charge in lines:
        if charge.kind == "GOODS":
            continue
        own = [charge.line_no is not None and line.line_no == charge.line_no for line in goods]
        weights = [line.amount if mine or not any(own) else 0 for line, mine in zip(goods, own, strict=True)]
        shares = spread(charge.amount, weights, minor)
        if shares:
            amounts = [amount + share for amount, share in zip(amounts, shares, strict=True)]
        else:
            found.unplaced.add(charge.record_id)
    return amounts


def _converted(found: Purchases, goods: Sequence[BilledRow], amounts: Sequence[int]) -> list[int | None]:
    """Amounts of a document in the entity's currency; together they are its total, as its entry converts it."""
    if not goods:
        return []
    first = goods[0]
    minor = found.minor(first.entity)

    def converted(amount: int) -> int | None:
        return found.converted(first.entity, amount, first.currency, first.day, minor)

    each, whole = [converted(amount) for amount in amounts], converted(sum(amounts))
    if whole is not None and each[-1] is not None:
        each[-1] += whole - sum(one or 0 for one in each)
    return each
