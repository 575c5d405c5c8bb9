"""Amounts that a document leaves out and the books miss: shipped orders without a price, invoice lines without an
amount."""

from __future__ import annotations

from gateway.books.posting.reference import CHANNELS
from gateway.books.reconcile.registry import Reconciliation
from gateway.books.reconcile.tables import Working, source

PRICE_UNKNOWN, AMOUNT_UNKNOWN = "PRICE_UNKNOWN", "AMOUNT_UNKNOWN"


def orders(working: Working, block: Reconciliation) -> None:
    """Items of channels whose revenue is made at shipment that were shipped, and whose order states no price."""
    working.add_exceptions(
        block,
        f"""with shipped as (
            select order_id, sku, sum(shipped_qty) as qty, cast(min(shipped_at) as date) as day
            from shipment_line_current where shipped_qty > 0 group by all)
        select '{PRICE_UNKNOWN}' as code, concat_ws('|', o.channel, o.order_id, o.sku) as business_key,
               o.entity, min(o.partner) as partner, o.channel, o.sku, o.order_id as document,
               min(s.day) as event_date, min(s.qty) as book_qty,
               'Order ' || o.order_id || ': ' || o.sku
                   || ' was shipped, and the order states no price, so it has earned '
                   || 'nothing' as message, {source("o")}
        from order_line_current o join shipped s using (order_id, sku) join {CHANNELS} c on c.channel = o.channel
        where c.revenue = 'shipment' and o.list_amount is null group by o.entity, o.channel, o.order_id, o.sku""",
    )


def invoices(working: Working, block: Reconciliation) -> None:
    """Invoices of suppliers with lines that state no amount."""
    working.add_exceptions(
        block,
        f"""select '{AMOUNT_UNKNOWN}' as code, concat_ws('|', partner, invoice_no) as business_key,
               entity, partner, invoice_no as document, min(invoice_date) as event_date,
               min(currency) as currency,
               'Invoice ' || invoice_no || ': ' || count(*) || ' line(s) state no amount, so its total was not compared'
                   as message, {source()}
        from supplier_invoice_line_current where amount is null group by entity, partner, invoice_no""",
    )
