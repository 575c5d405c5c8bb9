"""What the ledger says of purchases, row by row, in whole numbers: receipts, prices of orders, lines of invoices.

Quantities in 1/10,000 units, amounts in 1/10,000 of the currency, prices in 1/1,000,000 of it for one unit.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import NamedTuple

import duckdb

from gateway.books.movements import IN_FORCE
from gateway.books.posting.reference import ENTITIES
from gateway.sql import has_rows, instant

_UNITS, _MONEY, _PRICE = 10_000, 10_000, 1_000_000
_KNOWN = "not starts_with({sku}, '?')"
_ITEM_OF_LINE = f"""(select entity, po, line_no as po_line, min(sku) as said from purchase_order_line_current
    where {_KNOWN.format(sku="sku")} group by all having count(distinct sku) = 1)"""
_BILLED = f"""(select l.*, case when {_KNOWN.format(sku="l.sku")} then l.sku else coalesce(o.said, l.sku) end as item
    from supplier_invoice_line_current l left join {_ITEM_OF_LINE} o using (entity, po, po_line))"""
"""Lines of invoices with their `item`: an unknown name is that of the order's line."""


class ReceiptRow(NamedTuple):
    """Units that came from a supplier, with order and line as far as they are known; `own` is the movement's cost."""

    record_id: str
    entity: str
    sku: str
    po: str
    line: str
    day: date
    qty: int
    own: int | None


class PriceRow(NamedTuple):
    """The newest price of a line of an order; `sku` is None where the order names no item of ours."""

    entity: str
    po: str
    line: str
    sku: str | None
    qty: int
    price: int
    currency: str | None


class BilledRow(NamedTuple):
    """A line of an invoice or a credit note that is no tax. The first five identify the document."""

    entity: str
    partner: str
    supplier: str
    document_kind: str
    invoice: str
    record_id: str
    kind: str
    line_no: str | None
    item: str | None
    po: str
    po_line: str
    corrects: str
    qty: int
    amount: int
    currency: str
    day: date


def touched(since: datetime | None) -> str:
    """SELECT of (entity, sku) of which orders, receipt lines, invoices or rates since an instant (None: all) say
    something."""
    after = "true" if since is None else f"recorded_at > {instant(since)}"
    orders = f"select entity, po from purchase_order_line where {after}"
    foreign = f"""join {ENTITIES} e using (entity) where currency <> functional
        and exists (select 1 from fx_rate where {after})"""
    parts = [
        f"""select entity, sku from {table} where {after} or record_id in (
            select supersedes from {table} where {after} and supersedes is not null)"""
        for table in ("purchase_order_line", "receipt_line", "supplier_invoice_line")
    ]
    parts += [
        f"""select entity, item from {_BILLED} where (entity, partner, invoice_no) in (
            select entity, partner, invoice_no from supplier_invoice_line where {after})""",
        f"select entity, item from {_BILLED} where (entity, po) in ({orders})",
        f"select entity, sku from receipt_line_current where (entity, po) in ({orders})",
        f"select entity, item from {_BILLED} {foreign}",
        f"select entity, sku from purchase_order_line_current {foreign}",
    ]
    return f"select distinct entity, sku from ({' union all '.join(parts)}) where sku is not null"


def any_known(con: duckdb.DuckDBPyConnection) -> bool:
    """Whether there is an order or an invoice at all."""
    return has_rows(con, "purchase_order_line", "supplier_invoice_line")


def receipts(con: duckdb.DuckDBPyConnection, items: str) -> list[ReceiptRow]:
    """Receipts in the order of the events.

    items  relation of (entity, sku) that they are of, "" for all; so in the functions below
    """
    scope = f"semi join {items} t on t.entity = m.entity and t.sku = m.sku" if items else ""
    return [
        ReceiptRow(*row)
        for row in con.execute(
            f"""with moved as (
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
            select m.record_id, m.entity, m.sku, coalesce(s.po, a.po, o.po, d.po, '') as po,
                   coalesce(s.line_no, a.line_no, m.document_line, '') as line,
                   cast(m.occurred_at at time zone coalesce(e.timezone, 'UTC') as date),
                   cast(m.qty * {_UNITS} as bigint), cast(m.unit_cost * {_PRICE} as bigint)
            from moved m left join {ENTITIES} e on e.entity = m.entity
            left join said s on s.entity = m.entity and s.partner = m.partner and s.receipt_no = m.document_no
                 and s.sku = m.sku and s.line_no = m.document_line
            left join alone a on a.entity = m.entity and a.partner = m.partner and a.receipt_no = m.document_no
                 and a.sku = m.sku
            left join known o on o.entity = m.entity and o.po = m.order_id
            left join known d on d.entity = m.entity and d.po = m.document_no
            order by m.occurred_at, m.record_id"""
        ).fetchall()
    ]


def prices(con: duckdb.DuckDBPyConnection, items: str) -> list[PriceRow]:
    """Prices of orders: as it was ordered, else as the supplier answers."""
    scope = f"and (sku is null or starts_with(sku, '?') or (entity, sku) in (select entity, sku from {items}))"
    return [
        PriceRow(*row)
        for row in con.execute(
            f"""select entity, po, coalesce(line_no, '') as line,
                   case when {_KNOWN.format(sku="sku")} then sku end as item,
                   cast(greatest(coalesce(qty, 0), 0) * {_UNITS} as bigint), cast(unit_cost * {_PRICE} as bigint),
                   currency
            from purchase_order_line_current where unit_cost is not null {scope if items else ""}
            qualify row_number() over (partition by entity, po, line, item
                                       order by stage = 'ORDERED' desc, stated_at desc, record_id desc) = 1"""
        ).fetchall()
    ]


def billed(con: duckdb.DuckDBPyConnection, items: str) -> list[BilledRow]:
    """All lines of the documents with one of the items, in the order of the documents' dates."""
    scope = f"""where (entity, partner, coalesce(supplier, ''), document_kind, invoice_no) in (
        select entity, partner, coalesce(supplier, ''), document_kind, invoice_no
        from lines semi join {items} t on t.entity = lines.entity and t.sku = lines.item)"""
    return [
        BilledRow(*row)
        for row in con.execute(
            f"""with lines as (select * from {_BILLED} where line_kind <> 'TAX' and amount is not null)
            select entity, partner, coalesce(supplier, ''), document_kind, invoice_no, record_id, line_kind, line_no,
                   item, coalesce(po, ''), coalesce(po_line, ''), coalesce(corrects, ''),
                   cast(coalesce(qty, 0) * {_UNITS} as bigint), cast(amount * {_MONEY} as bigint), currency,
                   invoice_date
            from lines {scope if items else ""} order by invoice_date, invoice_no, line_no, record_id"""
        ).fetchall()
    ]
