"""Revenue of shipments: posted when the order and its shipment are both known, in whichever order they come.

An order's amounts are spread over its shipped units by running totals, so that the shares of a line that is
shipped in parts add up to its amounts exactly.
"""

from __future__ import annotations

from datetime import datetime

import duckdb

from gateway.books import derived
from gateway.books.derived import Derivation
from gateway.books.posting.entries import Entries
from gateway.books.posting.lines import POSTING
from gateway.books.posting.rules import PostingRules
from gateway.books.posting.sources import DERIVED
from gateway.books.posting.sources import SHIPMENT_AMOUNTS as AMOUNTS
from gateway.ledger.commit import Commit
from gateway.sql import instant

ORDERS = "_earn_orders"
"""Orders that something new is known about."""

SHIPMENT_VALUE = Derivation(
    table="shipment_value",
    key=("record_id",),
    measures=AMOUNTS,
    carried=("entity", "channel", "order_id", "sku", "shipped_at", "qty", "currency"),
    scope=("order_id",),
)


def run(commit: Commit, con: duckdb.DuckDBPyConnection, rules: PostingRules, since: datetime | None) -> int:
    """Post what the orders touched since that instant have earned beyond what was posted.

    Returns the number of shipment lines whose earnings changed.
    """
    after = "true" if since is None else f"recorded_at > {instant(since)}"
    con.execute(
        f"""create or replace temp table {ORDERS} as
        select distinct order_id from order_line where {after}
        union select distinct order_id from shipment_line where {after}"""
    )
    return derived.run(commit, con, rules, SHIPMENT_VALUE, _desired(con), ORDERS, _post)


def _post(entries: Entries, new: str) -> str:
    entries.post("shipment_value", new, (*DERIVED["shipment_value"], POSTING))
    listed = ", ".join((*SHIPMENT_VALUE.key, *SHIPMENT_VALUE.carried, *SHIPMENT_VALUE.measures))
    return f"select {listed} from {new}"


def _desired(con: duckdb.DuckDBPyConnection) -> str:
    """Relation of what each shipped line has earned."""
    shares = ", ".join(
        f"cast(round(o.{name} * least(upto, o.qty) / o.qty, 2) - "
        f"round(o.{name} * least(upto - shipped_qty, o.qty) / o.qty, 2) as decimal(18,4)) as {name}"
        for name in AMOUNTS
    )
    totals = ", ".join(f"sum(coalesce({name}, 0)) as {name}" for name in AMOUNTS)
    con.execute(
        f"""create or replace temp table _earn_desired as
        with shipped as (
            select s.*, sum(shipped_qty) over (
                       partition by s.order_id, s.sku order by shipped_at, record_id) as upto
            from shipment_line_current s semi join {ORDERS} using (order_id)
            where shipped_qty > 0),
        ordered as (
            select order_id, sku, min(channel) as channel, min(currency) as currency, sum(qty) as qty,
                   {totals}
            from order_line_current semi join {ORDERS} using (order_id) group by order_id, sku)
        select s.record_id, s.entity, o.channel, s.order_id, s.sku, s.shipped_at, s.shipped_qty as qty, {shares},
               o.currency
        from shipped s join ordered o using (order_id, sku) where o.qty > 0"""
    )
    return "_earn_desired"
