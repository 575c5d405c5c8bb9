"""Revenue of shipments: posted when the order and its shipment are both known, in whichever order they come.

An order's amounts are spread over its shipped units by running totals, so that the shares of a line that is
shipped in parts add up to its amounts exactly.
"""

from __future__ import annotations

from datetime import datetime

import duckdb

from gateway.books.posting import entries
from gateway.books.posting.rules import Rules
from gateway.ledger.commit import Commit
from gateway.sql import instant

AMOUNTS = ("list_amount", "discount_amount", "shipping_amount", "tax_amount")


def run(commit: Commit, con: duckdb.DuckDBPyConnection, rules: Rules, since: datetime | None) -> int:
    """Post what the orders touched since that instant have earned beyond what was posted.

    Returns the number of shipment lines whose earnings changed.
    """
    after = "true" if since is None else f"recorded_at > {instant(since)}"
    con.execute(
        f"""create or replace temp table _earn_orders as
        select distinct order_id from order_line where {after}
        union select distinct order_id from shipment_line where {after}"""
    )
    _desired(con)
    _differences(con)
    row = con.execute("select count(*) from _earn_new").fetchone()
    changed = int(row[0]) if row else 0
    if changed:
        commit.insert(
            "shipment_value",
            f"select * exclude (sign, file_id, salt), {instant(commit.at)} as recorded_at from _earn_new",
        )
        posted = entries.Entries(con, rules, "_earn")
        columns = ("order_id", "sku", "shipped_at", "qty", *AMOUNTS)
        posted.post("shipment_value", "_earn_new", columns)
        posted.write(commit)
        posted.drop()
    return changed


def _desired(con: duckdb.DuckDBPyConnection) -> None:
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
            from shipment_line_current s semi join _earn_orders using (order_id)
            where shipped_qty > 0),
        ordered as (
            select order_id, sku, any_value(channel) as channel, any_value(currency) as currency, sum(qty) as qty, {totals}
            from order_line_current semi join _earn_orders using (order_id) group by order_id, sku)
        select s.record_id, s.entity, o.channel, s.order_id, s.sku, s.shipped_at, s.shipped_qty as qty, {shares},
               o.currency
        from shipped s join ordered o using (order_id, sku) where o.qty > 0"""
    )


def _differences(con: duckdb.DuckDBPyConnection) -> None:
    """What is earned beyond what was posted; what a restatement took away comes out negative."""
    posted = ", ".join(f"sum({name}) as {name}" for name in AMOUNTS)
    parts = ", ".join(
        f"cast(coalesce(d.{name}, 0) - coalesce(p.{name}, 0) as decimal(18,4)) as {name}" for name in AMOUNTS
    )
    changed = " or ".join(f"coalesce(d.{name}, 0) <> coalesce(p.{name}, 0)" for name in AMOUNTS)
    keys = ", ".join(
        f"coalesce(d.{name}, p.{name}) as {name}"
        for name in ("record_id", "entity", "channel", "order_id", "sku", "shipped_at", "qty", "currency")
    )
    con.execute(
        f"""create or replace temp table _earn_new as
        with posted as (
            select record_id, any_value(entity) as entity, any_value(channel) as channel, order_id,
                   any_value(sku) as sku, any_value(shipped_at) as shipped_at, any_value(qty) as qty,
                   any_value(currency) as currency, count(*) as times, {posted}
            from shipment_value semi join _earn_orders using (order_id) group by record_id, order_id)
        select {keys}, {parts}, 1 as sign, '' as file_id,
               coalesce(p.times, 0)::varchar as salt
        from _earn_desired d full join posted p on p.record_id = d.record_id
        where p.record_id is null or {changed}"""
    )
