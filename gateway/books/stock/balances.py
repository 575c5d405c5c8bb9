"""Stock in units as a view over the movements, and its value posted to the journal.

`run` values every item that something new is known about and posts the difference to what was posted before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

import duckdb
import pyarrow as pa

from gateway.books.posting import entries
from gateway.books.posting.rules import Rule, Rules
from gateway.books.stock.valuation import ItemCost, Movement, Valued
from gateway.ledger.commit import Commit
from gateway.settings import Hold
from gateway.sql import instant

STOCK_VIEW = """
create or replace temp view stock as
with moved as (
    select entity, to_location as location, sku, to_status as status, qty, occurred_at from inventory_movement
    union all
    select entity, from_location, sku, from_status, -qty, occurred_at from inventory_movement),
summed as (
    select entity, location, sku, status, sum(qty) as qty, max(occurred_at) as last_moved_at
    from moved group by all having sum(qty) <> 0),
judged as (
    select s.*, (select min(h.reason) from hold_config h
                 where s.location = coalesce(h.location, s.location) and s.sku = coalesce(h.sku, s.sku)
                   and cast(now() as date) between h.since and coalesce(h.until, date '9999-12-31')) as held
    from summed s)
select *, case when status = 'AVAILABLE' and held is null then qty else 0 end as available from judged"""
HOLDS = "hold_config (hold_no integer, location varchar, sku varchar, since date, until date, reason varchar)"

_MINOR = {0: 10_000, 2: 100, 3: 10}


def create_views(con: duckdb.DuckDBPyConnection) -> None:
    """Make the view `stock`: entity, location, sku, status, qty, last_moved_at, held, available.

    held       why the units may not be sold for a time, null if they may
    available  units that may be sold: AVAILABLE and not held
    """
    con.execute(f"create temp table if not exists {HOLDS}")
    con.execute(STOCK_VIEW)


def hold(con: duckdb.DuckDBPyConnection, holds: Sequence[Hold]) -> None:
    """Lay the holds of the configuration into the connection; movements post as ever."""
    con.execute(f"create or replace temp table {HOLDS}")
    for number, one in enumerate(holds):
        con.execute(
            "insert into hold_config values (?, ?, ?, ?, ?, ?)",
            [number, one.location or None, one.sku or None, one.since, one.until, one.reason],
        )


def run(commit: Commit, con: duckdb.DuckDBPyConnection, rules: Rules, since: datetime | None) -> int:
    """Value the items touched since that instant (None: all) and post the differences.

    Adds rows to stock_value, journal_line and journal_source within the commit.
    Returns the number of movements whose value changed.
    """
    _touched(con, since)
    _movements(con, rules)
    _desired(con)
    _differences(con)
    changed = int(con.execute("select count(*) from _value_new").fetchone()[0])  # type: ignore[index]
    if changed:
        posted = _post(con, rules)
        posted.write(commit)
        commit.insert(
            "stock_value",
            f"""select v.record_id, v.entity, v.sku, v.occurred_at, v.qty, v.debit_role, v.credit_role, v.value,
                       v.unit_cost, v.basis, s.entry_id, {_at(commit)} as recorded_at
                from _value_new v
                left join (select distinct record_id, entry_id from ({posted.sources})) s using (record_id)""",
        )
        posted.drop()
    return changed


def _at(commit: Commit) -> str:
    return instant(commit.at)


def _touched(con: duckdb.DuckDBPyConnection, since: datetime | None) -> None:
    """Items with a new movement, or whose master data is new."""
    after = "true" if since is None else f"recorded_at > {instant(since)}"
    con.execute(
        f"""create or replace temp table _value_items as
        select distinct entity, sku from inventory_movement where {after}
        union
        select distinct m.entity, m.sku from inventory_movement m
        where m.sku in (select sku from item where {after})"""
    )


def _movements(con: duckdb.DuckDBPyConnection, rules: Rules) -> None:
    """Movements in force of the touched items, with the roles that their value moves between."""
    roles = [(name, role) for name, role in rules.posting.stock.roles.items()]
    cases = " ".join(f"when '{name}' then '{role}'" for name, role in roles)
    opening = " ".join(
        f"when type = 'OPENING' and {{side}} = '{name}' then '{role}'"
        for name, role in rules.posting.stock.opening.items()
    )

    def role_of(side: str) -> str:
        return f"case {opening.format(side=side)} else case {side} {cases} end end" if opening else (
            f"case {side} {cases} end"
        )  # fmt: skip

    con.execute(
        f"""create or replace temp table _value_moves as
        select m.record_id, m.entity, m.sku, m.occurred_at, m.qty, m.from_status, m.to_status, m.type,
               {role_of("m.to_status")} as debit_role, {role_of("m.from_status")} as credit_role,
               m.order_id, m.unit_cost, m.file_id, m.channel
        from inventory_movement m semi join _value_items t on t.entity = m.entity and t.sku = m.sku
        where m.reversal_of is null
          and m.record_id not in (select reversal_of from inventory_movement where reversal_of is not null)"""
    )


def _desired(con: duckdb.DuckDBPyConnection) -> None:
    """What each of these movements is worth, by moving average in the order of the events."""
    reader = con.execute(
        """select v.record_id, v.entity, v.sku, v.from_status, v.to_status, v.debit_role, v.credit_role,
                  cast(v.qty * 10000 as bigint) as qty, v.order_id,
                  cast(v.unit_cost * 1000000 as bigint) as unit_cost,
                  cast(i.std_unit_cost * 1000000 as bigint) as standard, f.functional
           from _value_moves v
           left join (select sku, max(std_unit_cost) as std_unit_cost from item_current group by sku) i
                  on i.sku = v.sku
           left join entity_config f on f.entity = v.entity
           order by v.entity, v.sku, v.occurred_at, v.record_id"""
    ).to_arrow_table()
    valued = list(_value_all(reader))
    table = pa.table(
        {
            "record_id": pa.array([v.record_id for v in valued], pa.utf8()),
            "value": pa.array([v.value for v in valued], pa.int64()),
            "unit_cost": pa.array([v.unit_cost for v in valued], pa.int64()),
            "basis": pa.array([v.basis for v in valued], pa.utf8()),
        }
    )
    con.register("_valued", table)
    con.execute(
        """create or replace temp table _value_desired as
        select record_id, cast(value as decimal(18,0)) * 0.0001::decimal(5,4) as value,
               cast(unit_cost as decimal(18,0)) * 0.000001::decimal(7,6) as unit_cost, basis from _valued"""
    )
    con.unregister("_valued")


def _value_all(table: pa.Table) -> Iterator[Valued]:
    columns = {name: table.column(name).to_pylist() for name in table.column_names}
    start, rows = 0, table.num_rows
    for end in range(1, rows + 1):
        same = end < rows and all(columns[k][end] == columns[k][start] for k in ("entity", "sku"))
        if same:
            continue
        cost = ItemCost(columns["standard"][start], _minor(columns["functional"][start]))
        yield from cost.run(
            [
                Movement(
                    columns["record_id"][n], columns["from_status"][n], columns["to_status"][n],
                    columns["debit_role"][n], columns["credit_role"][n], columns["qty"][n],
                    columns["order_id"][n], columns["unit_cost"][n],
                )
                for n in range(start, end)
            ]
        )  # fmt: skip
        start = end


def _minor(currency: str | None) -> int:
    """The smallest coin of a currency in 1/10,000."""
    from babel.numbers import get_currency_precision

    return _MINOR.get(get_currency_precision(currency or "USD"), 100)


def _differences(con: duckdb.DuckDBPyConnection) -> None:
    """What is worth something else than was posted; a movement no longer in force is worth nothing."""
    con.execute(
        """create or replace temp table _value_new as
        with posted as (
            select p.record_id, p.entity, p.sku, any_value(p.occurred_at) as occurred_at, any_value(p.qty) as qty,
                   any_value(p.debit_role) as debit_role, any_value(p.credit_role) as credit_role,
                   sum(p.value) as value
            from stock_value p semi join _value_items t on t.entity = p.entity and t.sku = p.sku
            group by p.record_id, p.entity, p.sku)
        select coalesce(m.record_id, p.record_id) as record_id, coalesce(m.entity, p.entity) as entity,
               coalesce(m.sku, p.sku) as sku, coalesce(m.occurred_at, p.occurred_at) as occurred_at,
               coalesce(m.qty, p.qty) as qty, coalesce(m.debit_role, p.debit_role) as debit_role,
               coalesce(m.credit_role, p.credit_role) as credit_role,
               cast(coalesce(d.value, 0) - coalesce(p.value, 0) as decimal(18,4)) as value,
               cast(d.unit_cost as decimal(18,6)) as unit_cost, coalesce(d.basis, 'AVERAGE') as basis,
               m.channel, coalesce(m.type, 'TAKEN BACK') as type
        from (_value_moves m join _value_desired d using (record_id))
        full join posted p on p.record_id = m.record_id
        where p.record_id is null or coalesce(d.value, 0) <> p.value"""
    )


def _post(con: duckdb.DuckDBPyConnection, rules: Rules) -> entries.Entries:
    """One entry for each entity, kind of movement, pair of roles and day."""
    posted = entries.Entries(con, rules, "_stock")
    # Posting the same difference twice must make two entries, so the id covers what was posted before.
    con.execute(
        """create or replace temp table _value_salt as
        select md5(concat_ws('|', (select count(*) from stock_value), sum(value), min(record_id), max(record_id)))
               as salt from _value_new"""
    )
    pairs = con.execute(
        """select distinct debit_role, credit_role from _value_new
        where debit_role <> credit_role and value <> 0 order by all"""
    ).fetchall()
    for number, (debit, credit) in enumerate(pairs):
        con.execute(
            f"""create or replace temp view _value_pair_{number} as
            select v.record_id, 1 as sign, v.entity, v.channel, f.functional as currency, '' as file_id,
                   (select salt from _value_salt) as salt, v.type as kind, v.occurred_at, v.value
            from _value_new v left join entity_config f on f.entity = v.entity
            where v.debit_role = '{debit}' and v.credit_role = '{credit}'"""
        )
        rule = Rule(
            name=f"stock-{debit}-{credit}", on="stock_value", document="kind", date="occurred_at",
            granularity="document-day", amount="value", debit=debit, credit=credit,
            memo="Stock at moving average",
        )  # fmt: skip
        columns = ("kind", "occurred_at", "value")
        posted.apply(rule, f"_value_pair_{number}", columns)
    return posted
