"""Revenue of shipments: posted when the order and its shipment are both known, in whichever order they come.

An order's amounts are spread over its shipped units by running totals, so that the shares of a line that is
shipped in parts add up to its amounts exactly. Running totals are rounded to the smallest coin of the currency, half
away from zero, in whole numbers; that of the last unit is the amount itself.
"""

from __future__ import annotations

from datetime import datetime
from functools import partial

import duckdb
import pyarrow as pa

from gateway.books import derived
from gateway.books.coins import coin
from gateway.books.derived import Derivation
from gateway.books.isolation import Step, again
from gateway.books.posting.entries import Entries
from gateway.books.posting.lines import POSTING
from gateway.books.posting.rules import PostingRules
from gateway.books.posting.sources import DERIVED
from gateway.books.posting.sources import SHIPMENT_AMOUNTS as AMOUNTS
from gateway.ledger.commit import Commit
from gateway.sql import instant, lay

ORDERS, COINS = "_earn_orders", "_earn_coins"
"""Orders that something new is known about; the smallest coins of their currencies."""
_COINS = pa.schema([("currency", pa.utf8()), ("coin", pa.int64())])

SHIPMENT_VALUE = Derivation(
    table="shipment_value",
    key=("record_id",),
    measures=AMOUNTS,
    carried=("entity", "channel", "order_id", "sku", "shipped_at", "qty", "currency"),
    scope=("order_id",),
)


STEP = Step(
    "revenue",
    "Revenue of shipments",
    """select order_id as unit, 0::double as size, 'order ' || order_id as what, min(entity) as entity,
        min(partner) as partner,
              null::varchar as sku, order_id as document, min(file_id) as file_id, null::varchar as "position"
       from shipment_line group by order_id""",
)


def run(
    commit: Commit, con: duckdb.DuckDBPyConnection, rules: PostingRules, since: datetime | None, without: str = ""
) -> int:
    """Post what the orders touched since that instant have earned beyond what was posted.

    Orders of the relation `without` stay as they were.
    Returns the number of shipment lines whose earnings changed.
    """
    after = "true" if since is None else f"recorded_at > {instant(since)}"
    con.execute(
        f"""create or replace temp table {ORDERS} as
        select distinct order_id from order_line where {after}
        union select distinct order_id from shipment_line where {after}
        union select unit from ({again(STEP.name)}) where unit <> ''"""
    )
    if without:
        con.execute(f"delete from {ORDERS} where order_id in (select unit from {without})")
    return derived.run(commit, con, rules, SHIPMENT_VALUE, partial(_desired, con), ORDERS, _post)


def _post(entries: Entries, new: str) -> str:
    entries.post("shipment_value", new, (*DERIVED["shipment_value"], POSTING))
    listed = ", ".join((*SHIPMENT_VALUE.key, *SHIPMENT_VALUE.carried, *SHIPMENT_VALUE.measures))
    return f"select {listed} from {new}"


def _desired(con: duckdb.DuckDBPyConnection) -> str:
    """Relation of what each shipped line has earned."""
    shares = ", ".join(
        f"cast({_earned(name, 'upto')} - {_earned(name, 'upto - shipped_qty')} as decimal(18,4)) as {name}"
        for name in AMOUNTS
    )
    totals = ", ".join(f"sum(coalesce({name}, 0)) as {name}" for name in AMOUNTS)
    currencies = con.execute(f"select distinct currency from order_line semi join {ORDERS} using (order_id)").fetchall()
    lay(con, COINS, [(currency, coin(currency)) for (currency,) in currencies], _COINS)
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
        from shipped s join ordered o using (order_id, sku) join {COINS} c using (currency) where o.qty > 0"""
    )
    return "_earn_desired"


def _earned(name: str, upto: str) -> str:
    """SQL of the part of an order's amount that the first units have earned: all of it when all units are shipped."""
    # In 1/10,000 of units and money, since a division of decimals is in floating point in the database.
    units, amount = f"cast(least({upto}, o.qty) * 10000 as hugeint)", f"cast(o.{name} * 10000 as hugeint)"
    whole = "(cast(o.qty * 10000 as hugeint) * c.coin)"
    coins = f"(2 * abs({amount}) * {units} + {whole}) // (2 * {whole}) * sign({amount}) * c.coin"
    return f"case when {upto} >= o.qty then o.{name} else cast({coins} as decimal(18,0)) * 0.0001::decimal(5,4) end"
