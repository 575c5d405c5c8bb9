"""Reimbursements of open claims: up to what was claimed for the item they close the claim, beyond it they are income.

A claim is open where a rule of stock gave the role `claims` to what left for ADJUST, SINK or CUSTOMER: what left for a
supplier is owed by the supplier. Without a claim a reimbursement stays where its class has put it.
"""

from __future__ import annotations

from gateway.books.posting.reference import CHANNELS, ENTITIES
from gateway.books.settled.payments import LINES

ROLE = "claims"
SCOPE = "concat_ws('|', 'claim', entity, sku)"
"""SQL of the item that a reimbursement, or the value of a movement, is about."""


def desired_sql(items: str) -> str:
    """SELECT of the shares of the reimbursements of the items in the relation `items` (entity, sku), in the entity's
    currency."""
    return f"""with opened as (
            select entity, sku, sum(case when debit_role = '{ROLE}' then value else -value end) as opened
            from stock_value semi join {items} using (entity, sku)
            where (debit_role = '{ROLE}') <> (credit_role = '{ROLE}')
              and record_id in (select record_id from inventory_movement
                                where from_status <> 'SUPPLIER' and to_status <> 'SUPPLIER')
            group by all having opened > 0),
        paid as (
            select s.*, {SCOPE} as scope, sum(amount) over (partition by entity, sku order by posted_at, record_id
                rows between unbounded preceding and current row) as upto
            from {LINES} s semi join {items} using (entity, sku) semi join {CHANNELS} using (channel)
            join {ENTITIES} f using (entity)
            where canonical_class = 'reimbursement' and s.currency = f.functional),
        split as (
            select p.*, least(greatest(upto, 0), opened) - least(greatest(upto - amount, 0), opened) as claimed
            from paid p join opened using (entity, sku))
        select record_id, kind, posted_at as happened_at, 0 as later, scope, entity, channel, settlement_id, order_id,
               case kind when 'CLAIM' then claimed else amount - claimed end as amount, currency
        from split, (values ('CLAIM'), ('CLAIM_EXCESS')) k(kind)"""
