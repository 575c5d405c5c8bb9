"""The tax in what a processor pays and takes back: it states one amount for goods, shipping and tax together.

Of an order whose tax is known the refunds hold its share of the tax, and with the trigger `settlement` so do the sales.
Shares are running totals of the order, rounded to the smallest coin of the currency, so that a refund in parts ends at
the order's tax. Where shipments make the revenue, no more tax is taken back than they made. A channel that states tax,
shipping or promotions of an order by themselves, or settles it without its tax, has no tax in its goods.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa

from gateway.books.coins import coin
from gateway.books.posting.reference import CHANNELS
from gateway.books.settled.payments import LINES
from gateway.sql import lay

SCOPE = "concat_ws('|', 'tax', entity, order_id)"
"""SQL of the order that a line, or what a shipment earned, is about."""
CLASSES = "('principal', 'refund_principal')"
_APART = "('shipping', 'refund_shipping', 'promotion', 'refund_promotion', 'refund_tax')"
STATING = f"""('tax', 'principal', 'refund_principal', {_APART[1:]}"""
"""Classes of lines that hold tax, or say that the lines of their order do not."""
ORDERS = f"""select entity, order_id from {LINES} join {CHANNELS} using (channel)
        where order_id <> '' and (canonical_class = 'refund_principal'
            or (canonical_class = 'principal' and revenue = 'settlement'))
    union select entity, order_id from settlement_share where kind in ('SALES_TAX', 'REFUND_TAX')"""
"""SELECT of the orders that can have a share, or have one: the lines of most do not ask for any."""
_COINS = "_share_coins"
_COIN_ROWS = pa.schema([("currency", pa.utf8()), ("coin", pa.int64())])


def desired_sql(con: duckdb.DuckDBPyConnection, of: str) -> str:
    """SELECT of the shares of tax of the orders in the relation `of` (entity, order_id)."""
    currencies = con.execute(
        f"select distinct currency from order_line semi join {of} using (entity, order_id)"
    ).fetchall()
    lay(con, _COINS, [(currency, coin(currency)) for (currency,) in currencies], _COIN_ROWS)
    sold = f"({_held('upto')}) - ({_held('upto - moved')})"
    return f"""with {_orders_sql(of)}, {_lines_sql(of)},
        summed as (
            select *, sum(moved) over (partition by entity, channel, order_id, canonical_class
                order by posted_at, record_id rows between unbounded preceding and current row) as upto
            from lines)
        select s.record_id, case canonical_class when 'principal' then 'SALES_TAX' else 'REFUND_TAX' end as kind,
               s.posted_at as happened_at, 0 as later, s.scope, s.entity, s.channel, s.settlement_id, s.order_id,
               cast({sold} as decimal(18,4)) as amount, s.currency
        from summed s join orders o on o.entity = s.entity and o.order_id = s.order_id and o.currency = s.currency
            and (o.channel = s.channel or (o.channels = 1)) and s.goods <> o.gross - o.tax
        join {_COINS} c on c.currency = s.currency
        where canonical_class = 'refund_principal' or s.revenue = 'settlement'"""


def _orders_sql(of: str) -> str:
    """Each order: its tax and its amount with tax, and the most tax that refunds can hold."""
    return f"""ordered as (
            select entity, order_id, channel, min(currency) as currency, sum(coalesce(tax_amount, 0)) as tax,
                   sum(list_amount - coalesce(discount_amount, 0) + coalesce(shipping_amount, 0)
                       + coalesce(tax_amount, 0)) as gross
            from order_line_current semi join {of} using (entity, order_id)
            group by all having min(currency) = max(currency)),
        earned as (
            select entity, order_id, channel, sum(tax_amount) as tax from shipment_value
            semi join {of} using (entity, order_id) group by all),
        orders as (
            select o.*, case c.revenue when 'shipment' then coalesce(e.tax, 0) else o.tax end as most,
                   count(*) over (partition by entity, order_id) as channels
            from ordered o left join earned e using (entity, order_id, channel)
            left join {CHANNELS} c on c.channel = o.channel qualify o.tax > 0 and o.gross > o.tax)"""


def _lines_sql(of: str) -> str:
    """The lines that can hold tax, with the amount that they move and what the order's goods were settled with."""
    return f"""settled as (
            select s.*, {SCOPE} as scope, c.revenue,
                   sum(amount) filter (canonical_class = 'principal' and amount > 0) over whole as goods,
                   count(*) filter (canonical_class in {_APART} or (canonical_class = 'tax' and amount > 0))
                       over whole as apart
            from {LINES} s semi join {of} using (entity, order_id)
            join {CHANNELS} c using (channel)
            window whole as (partition by s.entity, s.channel, s.order_id)),
        lines as (
            select * replace (coalesce(goods, 0) as goods),
                   case canonical_class when 'principal' then amount else -amount end as moved
            from settled where apart = 0 and canonical_class in {CLASSES})"""


def _held(upto: str) -> str:
    """SQL of the tax in so much of an order."""
    # In 1/10,000, since a division of decimals is in floating point in the database.
    tax, gross, amount = (f"cast({of} * 10000 as hugeint)" for of in ("o.tax", "o.gross", f"greatest({upto}, 0)"))
    coins = f"(2 * {tax} * {amount} + {gross} * c.coin) // (2 * {gross} * c.coin) * c.coin"
    share = f"case when {upto} >= o.gross then o.tax else cast({coins} as decimal(18,0)) * 0.0001::decimal(5,4) end"
    return f"case canonical_class when 'principal' then {share} else least({share}, o.most) end"
