"""The order of a refund or dispute that names only the payment: that of the payment's own line."""

from __future__ import annotations

import duckdb

LINES = "settled_line"
"""View of the settlement lines in force, with the order of their payment where they name none."""
_NAMED = "_settled_named"
_MUTE = """canonical_class in ('refund_principal', 'chargeback', 'chargeback_lost') and coalesce(order_id, '') = ''
    and adjustment_id <> ''"""
"""SQL of lines that name a payment and no order. The payment is the `item_code` of another line of the channel."""


def name_orders(con: duckdb.DuckDBPyConnection) -> None:
    """Make the view of lines, from what the ledger has now."""
    con.execute(
        f"""create or replace temp table {_NAMED} as
        with mute as (
            select record_id, entity, channel, adjustment_id from settlement_line_current where {_MUTE}),
        paid as (
            select entity, channel, item_code as adjustment_id, min(order_id) as paid_order from settlement_line_current
            where order_id <> '' and item_code in (select adjustment_id from mute)
            group by all having min(order_id) = max(order_id))
        select record_id, paid_order from mute join paid using (entity, channel, adjustment_id)"""
    )
    con.execute(
        f"""create or replace temp view {LINES} as
        select s.* replace (coalesce(nullif(s.order_id, ''), n.paid_order) as order_id)
        from settlement_line_current s left join {_NAMED} n using (record_id)"""
    )


def depending_sql(records: str) -> str:
    """SELECT of the lines (record_id) that name a payment among the records of a relation."""
    return f"""select record_id from settlement_line_current where {_MUTE} and adjustment_id in (
        select item_code from settlement_line semi join {records} using (record_id) where order_id <> '')"""
