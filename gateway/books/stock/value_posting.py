"""The value of stock, posted to the journal.

Every item that something new is known about is valued, and the difference to what was posted before is posted.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import partial

import duckdb
import pyarrow as pa

from gateway.books import derived
from gateway.books.coins import coin
from gateway.books.derived import Derivation
from gateway.books.isolation import Step, again
from gateway.books.movements import IN_FORCE
from gateway.books.posting.entries import Entries
from gateway.books.posting.lines import POSTING
from gateway.books.posting.reference import ENTITIES
from gateway.books.posting.rules import PostingRules, Rule, StockRoles
from gateway.books.procurement import purchase_rows
from gateway.books.procurement.receipt_costs import lay_costs
from gateway.books.stock.valuation import ItemCost, Movement, Valued
from gateway.ledger.commit import Commit
from gateway.model.status import OUTSIDE
from gateway.sql import instant, lay, literal, words

_VALUED = pa.schema([("record_id", pa.utf8()), ("value", pa.int64()), ("unit_cost", pa.int64()), ("basis", pa.utf8())])
_AWAY = words(OUTSIDE)
_STAGES = {
    "CUSTOMER": 6,
    "RETURN_TRANSIT": 7,
    "RETURN_PENDING_INSPECTION": 8,
    "QUARANTINE": 9,
    "REFURBISH": 9,
    "IN_TRANSIT": 1,
    "RECEIVING": 2,
    "XFER_TRANSIT": 4,
}
"""Status that units leave → its place among the movements of one instant. Many partners report days: what is bought
comes in before anything else, a transfer leaves before it arrives, what is returned comes back after it was sold and
before somebody decides about it."""
_WITHIN_AN_INSTANT = f"""case {" ".join(f"when v.from_status = '{name}' then {n}" for name, n in _STAGES.items())}
    when v.from_status in ({_AWAY}) then 0 when v.from_status in ('VENDOR_RETURN', 'LIQUIDATE', 'SCRAP') then 10
    when v.to_status in ({_AWAY}) then 5 else 3 end"""
"""What the table does not name is 0 from outside, 3 within the house, 5 on its way out, 10 after all decisions."""

ITEMS, MOVES, STANDARDS, METHODS = "_value_items", "_value_moves", "_value_standards", "_value_methods"
"""Items that something new is known about, their movements in force, their standard costs and their cost methods."""

STOCK_VALUE = Derivation(
    table="stock_value",
    key=("record_id", "debit_role", "credit_role"),
    measures=("value",),
    carried=("entity", "sku", "occurred_at", "qty"),
    scope=("entity", "sku"),
    newest=("basis",),
    restated="(d.basis = 'MISSING') <> (p.basis = 'MISSING')",
    unposted={
        "unit_cost": "null",
        "basis": "'AVERAGE'",
        "channel": "null",
        "type": "'TAKEN BACK'",
    },
)


STEP = Step(
    "stock",
    "Value of stock",
    """select distinct entity || '|' || sku as unit, 0::double as size, sku || ' of '
        || entity as what, entity, null::varchar as partner, sku,
              null::varchar as document, null::varchar as file_id, null::varchar as "position"
                  from inventory_movement""",
)


def run(
    commit: Commit, con: duckdb.DuckDBPyConnection, rules: PostingRules, since: datetime | None, without: str = ""
) -> int:
    """Value the items touched since that instant (None: all) and post the differences.

    Items of the relation `without` stay as they were.

    Adds rows to stock_value, journal_line and journal_source within the commit.
    Returns the number of movements whose value changed.
    """
    _touched(con, since, without)
    return derived.run(commit, con, rules, STOCK_VALUE, partial(_desired, con, rules), ITEMS, _post)


def _touched(con: duckdb.DuckDBPyConnection, since: datetime | None, without: str) -> None:
    """Items with a new movement, whose master data is new, whose returns name their order now, of which orders or
    invoices say something new, or that were left out before."""
    after = "true" if since is None else f"recorded_at > {instant(since)}"
    con.execute(
        f"""create or replace temp table _value_items as
        select distinct entity, sku from inventory_movement where {after}
        union
        select distinct m.entity, m.sku from inventory_movement m
        where m.sku in (select sku from item where {after})
        union
        select distinct entity, sku from return_event where {after} and rma is not null and order_id is not null
        {f"union {purchase_rows.touched(since)}" if purchase_rows.any_known(con) else ""}
        union
        select entity, sku from ({again(STEP.name)}) where sku is not null"""
    )
    if without:
        con.execute(f"delete from {ITEMS} where entity || '|' || sku in (select unit from {without})")


def _movements(con: duckdb.DuckDBPyConnection, rules: PostingRules) -> None:
    """Movements in force of the touched items, with the roles that their value moves between.

    The order of a return is the one that it names, or that of the authorisation that it names.
    """
    stock = rules.posting.stock
    debit, credit = role_sql(stock, "m.to_status", "m.from_status"), role_sql(stock, "m.from_status", "m.to_status")
    con.execute(
        f"""create or replace temp table {MOVES} as
        with authorised as (
            select entity, sku, rma, min(order_id) as order_id from return_event_current semi join {ITEMS}
                using (entity, sku)
            where rma is not null and order_id is not null
            group by all having count(distinct order_id) = 1)
        select m.record_id, m.entity, m.sku, m.occurred_at, m.qty, m.from_status, m.to_status, m.type,
               {debit} as debit_role, {credit} as credit_role,
               coalesce(a.order_id, m.order_id, m.document_no) as order_id, m.unit_cost, m.file_id, m.channel
        from inventory_movement m semi join {ITEMS} t on t.entity = m.entity and t.sku = m.sku
        left join authorised a on m.from_status = 'CUSTOMER' and a.entity = m.entity and a.sku = m.sku
              and a.rma = coalesce(m.order_id, m.document_no)
        where {IN_FORCE}"""
    )


def _methods(con: duckdb.DuckDBPyConnection) -> None:
    """The cost method of the touched items as their master data say it; that of the entity's own before others'."""
    con.execute(
        f"""create or replace temp table {METHODS} as
        select t.entity, i.sku, arg_max(i.cost_method, (i.entity = t.entity, i.recorded_at, i.record_id)) as method
        from item_current i join {ITEMS} t on t.sku = i.sku where i.cost_method is not null group by t.entity, i.sku"""
    )


def _standards(con: duckdb.DuckDBPyConnection) -> None:
    """The standard costs of the touched items, each with the instant `since` when it holds.

    A version of an item holds from the day that it states, else from the day on which it came; the first one always,
    be it the first that came or that of the first day. Days are those of the entity's time zone. Where the entity has
    versions of its own, those of others do not count.
    """
    con.execute(
        f"""create or replace temp table {STANDARDS} as
        with versions as (
            select t.entity, i.sku, i.std_unit_cost, i.record_id, i.recorded_at, i.valid_from,
                   coalesce(e.timezone, 'UTC') as zone
            from item i join {ITEMS} t on t.sku = i.sku left join {ENTITIES} e on e.entity = t.entity
            where i.std_unit_cost is not null and i.withdrawn is not true and i.record_id not in (
                select supersedes from item where withdrawn and supersedes is not null)
            qualify (i.entity = t.entity) = max(i.entity = t.entity) over (partition by t.entity, i.sku)),
        dated as (
            select *, coalesce(valid_from, case when row_number() over (partition by entity, sku
                       order by recorded_at, record_id) = 1 then date '-infinity'
                       else cast(recorded_at at time zone zone as date) end) as day
            from versions),
        of_days as (
            select * from dated
            qualify row_number() over (partition by entity, sku, day order by recorded_at desc, record_id desc) = 1)
        select entity, sku, std_unit_cost, case when row_number() over (partition by entity, sku order by day) = 1
               then timestamptz '-infinity' else cast(day as timestamp) at time zone zone end as since
        from of_days"""
    )


def role_sql(stock: StockRoles, side: str, other: str) -> str:
    """SQL of the role of one side of a movement `m`: that of the most specific rule, else that of its status.

    side, other  SQL of the statuses of this side and of the other one
    """
    cases = []
    for rule in stock.rules:
        asked = [f"{side} = {literal(rule.status)}"]
        asked += [f"m.type = {literal(rule.type)}"] if rule.type else []
        asked += [f"m.reason in ({words(rule.reason)})"] if rule.reason else []
        asked += [f"{other} = {literal(rule.other)}"] if rule.other else []
        cases.append(f"when {' and '.join(asked)} then {literal(rule.role)}")
    cases += [f"when {side} = {literal(status)} then {literal(role)}" for status, role in stock.roles.items()]
    return f"case {' '.join(cases)} end"


def _desired(con: duckdb.DuckDBPyConnection, rules: PostingRules) -> str:
    """Relation of what each movement of the touched items is worth, in the order of the events."""
    _movements(con, rules)
    _standards(con)
    _methods(con)
    costs = lay_costs(con, ITEMS)
    reader = con.execute(
        f"""select v.record_id, v.entity, v.sku, v.from_status, v.to_status, v.debit_role, v.credit_role,
                  cast(v.qty * 10000 as bigint) as qty, v.order_id,
                  cast(v.unit_cost * 1000000 as bigint) as unit_cost,
                  cast(i.std_unit_cost * 1000000 as bigint) as standard, f.functional, y.method,
                  c.value as cost, c.basis
           from {MOVES} v
           left join {costs} c on c.record_id = v.record_id
           left join {METHODS} y on y.entity = v.entity and y.sku = v.sku
           asof left join {STANDARDS} i on i.entity = v.entity and i.sku = v.sku and i.since <= v.occurred_at
           left join {ENTITIES} f on f.entity = v.entity
           order by v.entity, v.sku, v.occurred_at, {_WITHIN_AN_INSTANT}, v.record_id"""
    ).to_arrow_table()
    written_off = frozenset(rules.posting.stock.written_off)
    valued = _value_all(reader, written_off)
    lay(con, "_valued", [(v.record_id, v.value, v.unit_cost, v.basis) for v in valued], _VALUED)
    con.execute(
        f"""create or replace temp view _value_desired as
        select m.record_id, m.debit_role, m.credit_role, m.entity, m.sku, m.occurred_at, m.qty,
               cast(d.value as decimal(18,0)) * 0.0001::decimal(5,4) as value,
               cast(cast(d.unit_cost as decimal(18,0)) * 0.000001::decimal(7,6) as decimal(18,6)) as unit_cost,
               d.basis, m.channel, m.type
        from {MOVES} m join _valued d using (record_id)"""
    )
    return "_value_desired"


def _value_all(table: pa.Table, written_off: frozenset[str]) -> Iterator[Valued]:
    columns = {name: table.column(name).to_pylist() for name in table.column_names}
    start, rows = 0, table.num_rows
    for end in range(1, rows + 1):
        same = end < rows and all(columns[k][end] == columns[k][start] for k in ("entity", "sku"))
        if same:
            continue
        cost = ItemCost(coin(columns["functional"][start]), written_off, columns["method"][start] == "FIFO")
        yield from cost.run(
            [
                Movement(
                    columns["record_id"][n],
                    columns["from_status"][n],
                    columns["to_status"][n],
                    columns["debit_role"][n],
                    columns["credit_role"][n],
                    columns["qty"][n],
                    columns["order_id"][n],
                    columns["unit_cost"][n],
                    columns["standard"][n],
                    columns["cost"][n],
                    columns["basis"][n],
                )
                for n in range(start, end)
            ]
        )
        start = end


def _post(entries: Entries, new: str) -> str:
    """One entry for each entity, file, kind of movement, pair of roles and day; a value within one role needs none."""
    con = entries.con
    pairs = con.execute(
        f"""select distinct debit_role, credit_role from {new}
        where debit_role <> credit_role and value <> 0 order by all"""
    ).fetchall()
    for number, (debit, credit) in enumerate(pairs):
        con.execute(
            f"""create or replace temp view _value_pair_{number} as
            select v.*, f.functional as currency, v.type as kind
            from {new} v left join {ENTITIES} f on f.entity = v.entity
            where v.debit_role = {literal(debit)} and v.credit_role = {literal(credit)}"""
        )
        entries.apply(_rule(debit, credit), f"_value_pair_{number}", ("kind", "occurred_at", "value", POSTING))
    return _posted_sql(entries, new)


def _posted_sql(entries: Entries, new: str) -> str:
    """What was posted of each movement, with the entry that did it."""
    return f"""select v.record_id, v.entity, v.sku, v.occurred_at, v.qty, v.debit_role, v.credit_role, v.value,
                   v.unit_cost, v.basis, s.entry_id
            from {new} v
            left join (select distinct s.record_id, s.entry_id, l.rule from ({entries.sources}) s
                       join (select distinct entry_id, rule from {entries.lines}) l using (entry_id)) s
              on s.record_id = v.record_id and s.rule = concat_ws('-', 'stock', v.debit_role, v.credit_role)"""


def _rule(debit: str, credit: str) -> Rule:
    return Rule(
        name=f"stock-{debit}-{credit}",
        on="stock_value",
        document="kind",
        date="occurred_at",
        granularity="document-day",
        amount="value",
        debit=debit,
        credit=credit,
        memo="Stock at cost",
    )
