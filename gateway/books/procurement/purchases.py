"""What the ledger has of purchases: receipts with their order, prices of orders, and lines of invoices.

A receipt answers the order that its receipt line names (`receipt_line` of the same document, by line, else by item),
else the order whose number is that of its order or document. Orders and invoices meet receipts by order, line and item;
the line counts only where an order has several lines of an item and everybody names theirs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import duckdb

from gateway.books.coins import coin, divide
from gateway.books.movements import IN_FORCE
from gateway.books.posting.reference import ENTITIES
from gateway.books.procurement.matching import Billed, Receipt, spread
from gateway.sql import instant

_UNITS, _MONEY, _PRICE = 10_000, 10_000, 1_000_000
_DOCUMENT = "entity, partner, supplier, document_kind, invoice_no"
"""What identifies an invoice or a credit note."""
_KNOWN = "not starts_with({sku}, '?')"
_ITEM_OF_LINE = f"""(select entity, po, line_no as po_line, min(sku) as said from purchase_order_line_current
    where {_KNOWN.format(sku="sku")} group by all having count(distinct sku) = 1)"""
_BILLED = f"""(select l.*, case when {_KNOWN.format(sku="l.sku")} then l.sku else coalesce(o.said, l.sku) end as item
    from supplier_invoice_line_current l left join {_ITEM_OF_LINE} o using (entity, po, po_line))"""
"""Lines of invoices with their `item`: an unknown name is that of the order's line."""


class Key(NamedTuple):
    """What receipts and invoices have in common; `line` is "" where it does not matter."""

    entity: str
    po: str
    sku: str
    line: str = ""


class Price(NamedTuple):
    """A line of an order: units and the price of one in a currency, None if it is that of the entity."""

    line: str
    sku: str | None
    qty: int
    price: int
    currency: str | None


class Ordered(NamedTuple):
    """What an order says of an item: the price, and the currency."""

    price: int
    currency: str


@dataclass(slots=True)
class Purchases:
    """Receipts and invoices by their key, and what orders say.

    unplaced  lines of invoices that name no order and item, or that are in another currency: record → amount
    """

    receipts: dict[Key, list[Receipt]] = field(default_factory=lambda: defaultdict(list))
    billed: dict[Key, list[Billed]] = field(default_factory=lambda: defaultdict(list))
    prices: dict[tuple[str, str], list[Price]] = field(default_factory=lambda: defaultdict(list))
    functional: dict[str, str] = field(default_factory=dict)
    goods: dict[str, int] = field(default_factory=dict)
    unplaced: dict[str, int] = field(default_factory=dict)

    def ordered(self, key: Key, line: str | None = None) -> Ordered | None:
        """The price of an item: that of the order's line, else of all its lines of the item by their units."""
        ours = self.functional.get(key.entity, "")
        line = key.line if line is None else line
        of_order = [one for one in self.prices.get((key.entity, key.po), ()) if one.sku in (key.sku, None)]
        found = [one for one in of_order if one.line == line] or [one for one in of_order if one.sku == key.sku]
        currencies = {one.currency or ours for one in found}
        if len(currencies) != 1:
            return None
        units = sum(one.qty for one in found)
        total = sum(one.price * (one.qty if units else 1) for one in found)
        return Ordered(divide(total, units or len(found)), currencies.pop())

    def price(self, key: Key, line: str) -> int | None:
        """The order's price of a receipt, None where it is not known in the entity's currency."""
        ordered = self.ordered(key, line)
        return ordered.price if ordered and ordered.currency == self.functional.get(key.entity) else None

    def minor(self, entity: str) -> int:
        """The smallest coin of the entity's currency."""
        return coin(self.functional.get(entity))


def touched(since: datetime | None) -> str:
    """SELECT of (entity, sku) of which orders, receipt lines or invoices since an instant (None: all) say something."""
    after = "true" if since is None else f"recorded_at > {instant(since)}"
    parts = [
        f"""select entity, sku from {table} where {after} or record_id in (
            select supersedes from {table} where {after} and supersedes is not null)"""
        for table in ("purchase_order_line", "receipt_line", "supplier_invoice_line")
    ]
    documents = f"""select entity, item as sku from {_BILLED} where (entity, partner, invoice_no) in (
        select entity, partner, invoice_no from supplier_invoice_line where {after})"""
    orders = f"select entity, po from purchase_order_line where {after}"
    parts += [
        documents,
        f"select entity, item as sku from {_BILLED} where (entity, po) in ({orders})",
        f"select entity, sku from receipt_line_current where (entity, po) in ({orders})",
    ]
    return f"select distinct entity, sku from ({' union all '.join(parts)}) where sku is not null"


def any_known(con: duckdb.DuckDBPyConnection) -> bool:
    """Whether there is an order or an invoice at all: most of what follows is for them."""
    row = con.execute("select exists(from purchase_order_line) or exists(from supplier_invoice_line)").fetchone()
    return bool(row and row[0])


def gather(con: duckdb.DuckDBPyConnection, items: str) -> Purchases:
    """Everything about these items. `items` is a relation of (entity, sku), "" for all."""
    found = Purchases(functional=dict(con.execute(f"select entity, functional from {ENTITIES}").fetchall()))
    for entity, po, line, sku, qty, price, currency in con.execute(_prices_sql(items)).fetchall():
        found.prices[entity, po].append(Price(line, sku, qty, price, currency))
    receipts = con.execute(_receipts_sql(items)).fetchall()
    billed = _net(found, con.execute(_billed_sql(items)).fetchall())
    by_line = _by_line(found, [row[1:5] for row in receipts], [row[1:5] for row in billed])
    for record_id, entity, sku, po, line, qty, own in receipts:
        key = Key(entity, po or "", sku, line if (entity, po, sku) in by_line else "")
        price, basis = (own, "RECEIPT") if own is not None else (found.price(key, line), "ORDER")
        found.receipts[key].append(Receipt(record_id, qty, price, basis))
    for record_id, entity, sku, po, line, invoice, corrects, qty, amount in billed:
        key = Key(entity, po, sku, line if (entity, po, sku) in by_line else "")
        found.billed[key].append(Billed(record_id, invoice, corrects, qty, amount))
    return found


def _by_line(
    found: Purchases, receipts: Iterable[Sequence[Any]], billed: Iterable[Sequence[Any]]
) -> set[tuple[str, str, str]]:
    """(entity, order, item) of which the lines count."""
    lines: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for (entity, po), prices in found.prices.items():
        for one in prices:
            lines[entity, po, one.sku or ""].add(one.line)
    several = {key for key, names in lines.items() if len(names) > 1}
    for entity, sku, po, line in (*receipts, *billed):
        if line not in lines.get((entity, po, sku), ()):
            several.discard((entity, po, sku))
    return several


def _net(found: Purchases, rows: Sequence[Sequence[Any]]) -> list[tuple[Any, ...]]:
    """Lines of goods with their share of the allowances and charges of their document, which make their cost too."""
    documents: dict[tuple[Any, ...], list[Sequence[Any]]] = defaultdict(list)
    for row in rows:
        documents[tuple(row[:5])].append(row[5:])
    net = []
    for (entity, *_, invoice), lines in documents.items():
        goods = [line for line in lines if line[1] == "GOODS"]
        amounts, minor = [line[-2] for line in goods], coin(lines[0][-1])
        for record_id, kind, line_no, *_, amount, _ in lines:
            if kind == "GOODS":
                found.goods[record_id] = amount
                continue
            own = [line_no is not None and line[2] == line_no for line in goods]
            weights = [abs(line[-2]) if one or not any(own) else 0 for line, one in zip(goods, own, strict=True)]
            shares = spread(amount, weights, minor)
            amounts = [before + share for before, share in zip(amounts, shares, strict=True)] if shares else amounts
            if not shares:
                found.unplaced[record_id] = amount
        for line, amount in zip(goods, amounts, strict=True):
            record_id, _, _, item, po, po_line, corrects, qty, _, currency = line
            if po and item and currency == found.functional.get(entity):
                net.append((record_id, entity, item, po, po_line, invoice, corrects or "", qty, amount))
            else:
                found.unplaced[record_id] = amount
    return net


def _receipts_sql(items: str) -> str:
    """SELECT of record_id, entity, sku, po, line, units and own price of each receipt, in the order of the events."""
    scope = f"semi join {items} t on t.entity = m.entity and t.sku = m.sku" if items else ""
    return f"""with moved as (
            select m.* from inventory_movement m {scope} where m.from_status = 'SUPPLIER' and {IN_FORCE}),
        said as (
            select entity, partner, receipt_no, sku, line_no, min(po) as po from receipt_line_current
                semi join (select distinct entity, sku from moved) using (entity, sku)
            where po is not null group by all),
        alone as (
            select entity, partner, receipt_no, sku, min(po) as po,
                   case when count(distinct line_no) = 1 then min(line_no) end as line_no
            from said group by all having count(distinct po) = 1),
        known as (
            select distinct entity, po from (select entity, po from purchase_order_line_current
                union all select entity, po from supplier_invoice_line_current where po is not null))
        select m.record_id, m.entity, m.sku, coalesce(s.po, a.po, o.po, d.po) as po,
               coalesce(s.line_no, a.line_no, m.document_line, '') as line,
               cast(m.qty * {_UNITS} as bigint), cast(m.unit_cost * {_PRICE} as bigint)
        from moved m
        left join said s on s.entity = m.entity and s.partner = m.partner and s.receipt_no = m.document_no
             and s.sku = m.sku and s.line_no = m.document_line
        left join alone a on a.entity = m.entity and a.partner = m.partner and a.receipt_no = m.document_no
             and a.sku = m.sku
        left join known o on o.entity = m.entity and o.po = m.order_id
        left join known d on d.entity = m.entity and d.po = m.document_no
        order by m.occurred_at, m.record_id"""


def _prices_sql(items: str) -> str:
    """SELECT of the newest price of each line of an order: as it was ordered, else as the supplier answers."""
    scope = f"and (sku is null or starts_with(sku, '?') or (entity, sku) in (select entity, sku from {items}))"
    return f"""select entity, po, coalesce(line_no, '') as line,
               case when {_KNOWN.format(sku="sku")} then sku end as item,
               cast(greatest(coalesce(qty, 0), 0) * {_UNITS} as bigint), cast(unit_cost * {_PRICE} as bigint), currency
        from purchase_order_line_current where unit_cost is not null {scope if items else ""}
        qualify row_number() over (partition by entity, po, line, item
                                   order by stage = 'ORDERED' desc, stated_at desc, record_id desc) = 1"""


def _billed_sql(items: str) -> str:
    """SELECT of the lines without taxes of all documents with one of the items: document, then the line."""
    scope = f"""where (entity, partner, coalesce(supplier, ''), document_kind, invoice_no) in (
        select entity, partner, coalesce(supplier, ''), document_kind, invoice_no
        from billed semi join {items} t on t.entity = billed.entity and t.sku = billed.item)"""
    return f"""with billed as (select * from {_BILLED} where line_kind <> 'TAX' and amount is not null)
        select entity, partner, coalesce(supplier, ''), document_kind, invoice_no, record_id, line_kind, line_no, item,
               po, coalesce(po_line, ''), corrects, cast(coalesce(qty, 0) * {_UNITS} as bigint),
               cast(amount * {_MONEY} as bigint), currency
        from billed {scope if items else ""} order by invoice_date, invoice_no, line_no, record_id"""
