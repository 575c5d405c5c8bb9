"""Disputes that are lost: what a channel took for them, and did not give back, is a return.

A line of class `chargeback_lost` says so, or time does: a dispute whose newest line is older than
`[tolerance] dispute_days` is lost on that day. A later line opens it again, and what was posted is taken back.
"""

from __future__ import annotations

from gateway.books.posting.reference import CHANNELS
from gateway.books.settled.payments import LINES

CLASSES = "('chargeback', 'chargeback_lost')"
SCOPE = """concat_ws('|', 'dispute', entity, channel, currency,
    coalesce(nullif(order_id, ''), nullif(item_code, ''), nullif(adjustment_id, ''), record_id))"""
"""SQL of the dispute that a line belongs to: that of its order, else of its payment."""


def changing_sql(days: int, today: str) -> str:
    """SELECT of the lines (record_id) of disputes that time alone makes lost, or not lost, as of the SQL of a day."""
    return f"""select record_id from (
            select record_id, sum(amount) over dispute as left_open,
                   bool_or(canonical_class = 'chargeback_lost') over dispute as said,
                   max(cast(posted_at as date)) over dispute + {days} <= {today} as old,
                   bool_or(posted.record_id is not null) over dispute as lost
            from settlement_line_current l left join (
                select record_id from settlement_share where kind = 'DISPUTE_LOST'
                group by record_id having sum(amount) <> 0) posted using (record_id)
            where canonical_class in {CLASSES}
            window dispute as (partition by {SCOPE}))
        where left_open <> 0 and old <> lost and not said"""


def desired_sql(scopes: str, days: int, today: str) -> str:
    """SELECT of the shares of the disputes in the relation `scopes` that are lost: each line's amount, with the other
    sign."""
    return f"""select record_id, 'DISPUTE_LOST' as kind, said_at as happened_at, later, scope, entity, channel,
               settlement_id, order_id, -amount as amount, currency
        from (
            select *, sum(amount) over dispute as left_open,
                   max(posted_at) over dispute as said_at,
                   case when bool_or(canonical_class = 'chargeback_lost') over dispute then 0
                        when max(cast(posted_at as date)) over dispute + {days} <= {today} then {days} end as later
            from (select *, {SCOPE} as scope from {LINES} semi join {CHANNELS} using (channel)
                  where canonical_class in {CLASSES})
            semi join {scopes} using (scope)
            window dispute as (partition by scope))
        where left_open <> 0 and later is not null"""
