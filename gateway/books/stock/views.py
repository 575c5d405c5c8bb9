"""Stock in units: a view over the movements, and the holds that keep units from sale."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from gateway.settings import Hold

HOLDS = "hold_config"
"""Relation: the holds of the configuration, with the columns of `_HOLD_COLUMNS`."""

_HOLD_COLUMNS = "hold_no integer, location varchar, sku varchar, since date, until date, reason varchar"
_STOCK_VIEW = f"""
create or replace temp view stock as
with moved as (
    select entity, to_location as location, sku, to_status as status, qty, occurred_at from inventory_movement
    union all
    select entity, from_location, sku, from_status, -qty, occurred_at from inventory_movement),
summed as (
    select entity, location, sku, status, sum(qty) as qty, max(occurred_at) as last_moved_at
    from moved group by all having sum(qty) <> 0),
judged as (
    select s.*, (select min(h.reason) from {HOLDS} h
                 where s.location = coalesce(h.location, s.location) and s.sku = coalesce(h.sku, s.sku)
                   and cast(now() as date) between h.since and coalesce(h.until, date '9999-12-31')) as held
    from summed s)
select *, case when status = 'AVAILABLE' and held is null then qty else 0 end as available from judged"""


def create_views(con: duckdb.DuckDBPyConnection) -> None:
    """Make the view `stock`: entity, location, sku, status, qty, last_moved_at, held, available.

    held       why the units may not be sold for a time, null if they may
    available  units that may be sold: AVAILABLE and not held
    """
    con.execute(f"create temp table if not exists {HOLDS} ({_HOLD_COLUMNS})")
    con.execute(_STOCK_VIEW)


def hold(con: duckdb.DuckDBPyConnection, holds: Sequence[Hold]) -> None:
    """Lay the holds of the configuration into the connection; movements post as ever."""
    con.execute(f"create or replace temp table {HOLDS} ({_HOLD_COLUMNS})")
    for number, one in enumerate(holds):
        con.execute(
            f"insert into {HOLDS} values (?, ?, ?, ?, ?, ?)",
            [number, one.location or None, one.sku or None, one.since, one.until, one.reason],
        )
