"""What a channel settled against what was shipped, order by order; settlements that do not foot."""

from __future__ import annotations

from decimal import Decimal

import duckdb

from gateway.books.entered.verdicts import OPENING
from gateway.books.posting.reference import CHANNELS
from gateway.books.reconcile import unknown_amounts
from gateway.books.reconcile.open_faults import open_faults
from gateway.books.reconcile.registry import Reconciliation
from gateway.books.reconcile.tables import Working, source
from gateway.sql import has_rows

NOT_FOOT = "SETTLE_NOT_FOOT"
CODES = (
    "SETTLED_NOT_SHIPPED",
    "SHIPPED_NOT_SETTLED",
    "AMOUNT_MISMATCH",
    "UNMAPPED_LINE",
    "DUP_SETTLE_LINE",
    NOT_FOOT,
    unknown_amounts.PRICE_UNKNOWN,
)
CLEARING = "('principal', 'tax', 'shipping', 'promotion')"


def run(working: Working, block: Reconciliation) -> None:
    """Compare orders of channels whose revenue is made at shipment; list doubled and unmapped lines."""
    if has_rows(working.con, "settlement_line", "shipment_value"):
        _orders(working, block)
    if has_rows(working.con, "shipment_line"):
        unknown_amounts.orders(working, block)
    open_faults(working, block, (NOT_FOOT,))


def _orders(working: Working, block: Reconciliation) -> None:
    _doubled(working.con)
    _compare(working, block)
    working.exceptions_from_detail(
        block,
        """case code when 'SETTLED_NOT_SHIPPED' then 'Order ' || document || ' was settled with ' || external_amount
                || ' ' || currency || ' but never shipped'
           when 'SHIPPED_NOT_SETTLED' then 'Order ' || document || ' was shipped for ' || book_amount || ' ' || currency
                || ' but is not settled in time'
           else 'Order ' || document || ': settled ' || external_amount || ', shipped ' || coalesce(book_amount, 0)
                || ' ' || currency || case when book_amount is null then ' beyond its ' || book_reference else '' end
           end""",
    )
    _doubled_exceptions(working, block)
    _unmapped(working, block)


def _doubled(con: duckdb.DuckDBPyConnection) -> None:
    """Lines of an order item that stand with the same amount in more than one settlement."""
    con.execute(
        f"""create or replace temp table _doubled as
        with lines as (
            select s.* from settlement_line_current s join {CHANNELS} c on c.channel = s.channel
            where c.revenue = 'shipment' and canonical_class in {CLEARING} and coalesce(order_id, '') <> ''),
        several as (
            select channel, order_id from lines group by all having min(settlement_id) <> max(settlement_id)),
        often as (
            select channel, order_id, item_code, amount_type, amount_description, amount, sku
            from lines semi join several using (channel, order_id)
            group by all having min(settlement_id) <> max(settlement_id))
        select l.record_id, l.entity, l.partner, l.channel, l.order_id, l.item_code, l.amount_description, l.amount,
               l.currency, l.sku, l.settlement_id, l.posted_at, l.file_id, l."position", l.canonical_class,
               row_number() over (partition by l.channel, l.order_id, l.item_code, l.amount_type,
                                  l.amount_description, l.amount, l.sku order by l.settlement_id, l.record_id) as n
        from lines l semi join often o
          on o.channel = l.channel and o.order_id = l.order_id and o.item_code is not distinct from l.item_code
         and o.amount_type is not distinct from l.amount_type
         and o.amount_description is not distinct from l.amount_description and o.amount = l.amount
         and o.sku is not distinct from l.sku
        qualify n > 1"""
    )


def _compare(working: Working, block: Reconciliation) -> None:
    tolerance = working.recon.config.tolerance.settlement_amount
    working.add_detail(
        block,
        f"""with settled as (
            select s.entity, s.channel, s.order_id, s.currency, sum(s.amount) as amount,
                   min(s.posted_at) as posted_at, min(s.partner) as partner,
                   arg_min(s.file_id, s.record_id) as file_id, arg_min(s."position", s.record_id) as "position"
            from settlement_line_current s join {CHANNELS} c on c.channel = s.channel
            where c.revenue = 'shipment' and canonical_class in {CLEARING} and coalesce(order_id, '') <> ''
              and s.record_id not in (select record_id from _doubled)
            group by all),
        {_brought_forward(tolerance)},
        shipped as (
            select v.entity, v.channel, v.order_id, v.currency, min(v.shipped_at) as shipped_at,
                   sum(list_amount - discount_amount + shipping_amount + tax_amount) as amount,
                   string_agg(distinct v.record_id, ', ' order by v.record_id) as records
            from shipment_value v join {CHANNELS} c on c.channel = v.channel
            where c.revenue = 'shipment' group by all having sum(list_amount) <> 0),
        paired as (
            select coalesce(s.entity, h.entity) as entity, s.partner, coalesce(s.channel, h.channel) as channel,
                   coalesce(s.order_id, h.order_id) as order_id, coalesce(s.currency, h.currency) as currency,
                   s.amount as external, h.amount as book, coalesce(h.shipped_at, s.posted_at) as happened_at,
                   s.file_id, s."position", h.records, h.shipped_at, s.owed
            from beyond s full join shipped h
              on h.entity = s.entity and h.channel = s.channel and h.order_id = s.order_id and h.currency = s.currency),
        judged as (
            select b.*, case when external is not null and book is not null and abs(external - book) <= {tolerance}
                             then null
                             when book is null and owed is null then 'SETTLED_NOT_SHIPPED'
                             when external is null
                                 and shipped_at + to_days(c.settlement_days) >= {working.recon.now_sql}
                             then 'TIMING'
                             when external is null then 'SHIPPED_NOT_SETTLED' else 'AMOUNT_MISMATCH' end as verdict
            from paired b join {CHANNELS} c on c.channel = b.channel)
        select entity, partner, channel, order_id as document,
               cast(happened_at as date) as event_date, currency, external as external_amount,
               book as book_amount,
               case verdict when 'TIMING' then 'TIMING' else case when verdict is null then 'MATCHED' else 'OPEN' end
                   end as state,
               case when verdict = 'TIMING' then null else verdict end as code,
               channel || '|' || order_id as business_key, file_id, "position",
               nullif(concat_ws(', ', left(records, 200), 'opening balance of ' || owed), '') as book_reference
        from judged""",
    )


def _brought_forward(tolerance: Decimal) -> str:
    """Relation `beyond`: what was settled beyond what orders of the time before the books owed, opening balances of the
    receivable by order. One that names no channel is of the first one that settles its order."""
    return f"""brought as (
            select o.entity, o.subledger_key as order_id, o.currency,
                   coalesce(nullif(o.channel, ''), f.channel) as channel, sum(o.amount) as owed
            from ({OPENING}) o join (
                select entity, order_id, currency, min(channel) as channel from settled group by all) f
              on f.entity = o.entity and f.order_id = o.subledger_key and f.currency = o.currency
            where o.role = 'channel_receivable' group by all),
        beyond as (
            select s.* replace (s.amount - coalesce(b.owed, 0) as amount), b.owed
            from settled s left join brought b using (entity, channel, order_id, currency)
            where b.owed is null or abs(s.amount - b.owed) > {tolerance})"""


def _doubled_exceptions(working: Working, block: Reconciliation) -> None:
    working.add_exceptions(
        block,
        f"""select 'DUP_SETTLE_LINE' as code,
               concat_ws('|', channel, order_id, coalesce(item_code, ''), coalesce(amount_description,
                   '')) as business_key,
               entity, min(partner) as partner, channel, min(sku) as sku, order_id as document,
               cast(min(posted_at) as date) as event_date, sum(amount) as external_amount, 0 as book_amount,
               sum(amount) as amount, min(currency) as currency,
               'Order ' || order_id || ' ' || coalesce(amount_description, '') || ' ' || sum(amount)
                   || ' was settled again in ' || string_agg(distinct settlement_id, ', '
                       order by settlement_id) as message,
               {source()}
        from _doubled group by entity, channel, order_id, item_code, amount_description""",
    )


def _unmapped(working: Working, block: Reconciliation) -> None:
    """Codes in suspense: as long as lines of theirs are."""
    working.add_exceptions(
        block,
        """with codes as (
            select entity, partner, feed, channel,
                   concat_ws(' / ', coalesce(txn_type, ''), coalesce(amount_type, ''), coalesce(amount_description,
                       '')) as code,
                   sum(amount) as amount, min(currency) as currency, count(*) as lines,
                   min(cast(posted_at as date)) as day, arg_min(file_id, record_id) as file_id,
                   arg_min("position", record_id) as "position", min(settlement_id) as settlement_id
            from settlement_line_current where canonical_class = 'suspense' group by all)
        select 'UNMAPPED_LINE' as code, channel || '|' || code as business_key, entity,
               partner, channel, settlement_id as document, day as event_date, amount as external_amount,
               0 as book_amount, amount, currency,
               'The code ' || code || ' is in no lookup; ' || amount || ' ' || currency || ' of ' || lines
                   || ' line(s) stand in suspense' as message,
               file_id, "position"
        from codes""",
    )
