"""Functional amounts, trued up: what lines should be worth in the entity's currency, less what they were posted with.

A line is converted when it is posted, if its rate is known. A rate that comes later, or another one for the same day,
posts the difference: lines without an amount in their currency. Converted are sums of what belongs together (`unit_id`:
a document's day, class or record), not entry by entry, so that the order of arrival makes no difference.
"""

from __future__ import annotations

from datetime import datetime
from functools import partial

import duckdb

from gateway.books import derived
from gateway.books.derived import Derivation
from gateway.books.isolation import Step, again
from gateway.books.posting.dimensions import DIMENSIONS
from gateway.books.posting.entries import Entries
from gateway.books.posting.functional import ROUNDING, rounded
from gateway.books.posting.rates import lay_rates
from gateway.books.posting.reference import ACCOUNTS, ENTITIES, RATE_SOURCES
from gateway.books.posting.rules import PostingRules
from gateway.ledger.commit import Commit
from gateway.sql import instant, literal

RULE = "functional-amount"
MISSING = "RATE_MISSING"
_ABOUT = ("document", "channel", *DIMENSIONS)
_TOUCHED, _LINES, _RATES, _DESIRED = (
    "_functional_touched",
    "_functional_lines",
    "_functional_rates",
    "_functional_desired",
)

FUNCTIONAL_VALUE = Derivation(
    table="functional_value",
    key=("unit_id", "day", "role", *_ABOUT),
    measures=("functional_amount",),
    carried=("entity", "currency"),
    scope=("unit_id",),
    unposted={"rate": "null"},
)

FOREIGN = f"""select coalesce(l.unit_id, l.entry_id) as unit_id, l.entry_id, l.line_no, l.role, l.entity, l.date as day,
        l.currency, f.functional, f.digits, l.debit - l.credit as amount, l.functional_amount, l.recorded_at,
        {", ".join(f"coalesce(l.{name}, '') as {name}" for name in _ABOUT)}
    from journal_line l join {ENTITIES} f on f.entity = l.entity
    where l.currency <> f.functional and l.rule <> '{RULE}'"""
"""SELECT of the lines in another currency than their entity's."""

STEP = Step(
    "functional",
    "Functional amounts",
    """select distinct entity || '|' || currency as unit, 0::double as size, currency || ' of ' || entity as what,
        entity, null::varchar as partner, null::varchar as sku, currency as document, null::varchar as file_id,
        null::varchar as "position" from journal_line""",
)


def run(
    commit: Commit, con: duckdb.DuckDBPyConnection, rules: PostingRules, since: datetime | None, without: str = ""
) -> int:
    """Post what the functional amounts touched since that instant (None: all) should be beyond what they are.

    Touched are new lines, lines of days whose rate may be another one by now, and those that had none. Currencies of
    entities in the relation `without` (unit) stay as they were. Returns the number of amounts that changed.
    """
    after = "true" if since is None else f"recorded_at > {instant(since)}"
    left_out = f"and entity || '|' || currency not in (select unit from {without})" if without else ""
    con.execute(
        f"""create or replace temp table {_TOUCHED} as
        with rated as (
            select distinct day + old as day
            from (select distinct day from fx_rate where {after}) cross join (
                select unnest(range(max(days) + 1))::integer as old from {RATE_SOURCES}))
        select distinct unit_id from ({FOREIGN})
        where ({after} or day in (select day from rated)
            or (entity, currency) in (
                select (entity, currency) from exception where code = '{MISSING}' and status = 'OPEN')
            or entity || '|' || currency in (select unit from ({again(STEP.name)}))) {left_out}"""
    )
    return derived.run(commit, con, rules, FUNCTIONAL_VALUE, partial(_desired, con), _TOUCHED, _post)


def _desired(con: duckdb.DuckDBPyConnection) -> str:
    """Relation of what must be posted beside the functional amounts that the lines themselves have."""
    con.execute(
        f"create or replace temp table {_LINES} as select * from ({FOREIGN}) semi join {_TOUCHED} using (unit_id)"
    )
    lay_rates(con, f"select currency, functional, day from {_LINES}", _RATES)
    key = ", ".join(FUNCTIONAL_VALUE.key)
    bare = ", ".join(f"'' as {name}" for name in _ABOUT[1:])
    con.execute(
        f"""create or replace temp table {_DESIRED} as
        with worth as (
            select {key}, entity, currency, min(r.rate) as rate,
                   {rounded("sum(amount) * coalesce(min(r.rate), 0)", "min(digits)")} as due,
                   sum(coalesce(functional_amount, 0)) as has
            from {_LINES} l left join {_RATES} r using (currency, functional, day)
            group by {key}, entity, currency),
        whole as (
            from worth
            union all by name
            select unit_id, {literal(ROUNDING)} as role, min(document) as document, {bare}, entity, day, currency,
                   null as rate, -sum(due) as due, 0 as has
            from worth group by unit_id, entity, day, currency)
        select {key}, entity, currency, min(rate) as rate, sum(due) - sum(has) as functional_amount
        from whole group by {key}, entity, currency having sum(due) <> sum(has)"""
    )
    return _DESIRED


def _post(entries: Entries, new: str) -> str:
    """An entry for each unit and day on which it posted, of lines without an amount in their currency."""
    key = ", ".join(f"n.{name}" for name in FUNCTIONAL_VALUE.key)
    about = ", ".join(f"nullif(n.{name}, '') as {name}" for name in _ABOUT[1:])
    same = " and ".join(f"s.{name} = coalesce(n.{name}, '')" for name in ("role", *_ABOUT))
    day = entries.days.sql("n.entity", "n.day")
    entries.con.execute(
        f"""insert into {entries.lines} by name
        with ids as (
            select unit_id, day, 'E' || left(md5(concat_ws('|', {literal(RULE)}, unit_id,
                       bit_xor(md5_number_lower(posting)), bit_xor(md5_number_upper(posting)))), 20) as entry_id
            from {new} group by unit_id, day)
        select i.entry_id, row_number() over (
                   partition by i.entry_id order by n.functional_amount < 0, c.account, {key}) as line_no,
               n.entity, {day} as date, strftime({day}, '%Y-%m') as period, n.day as event_day, n.document,
               {literal(RULE)} as rule,
               {literal(entries.rules.version)} as rule_version, 'POSTED' as status, c.account, n.role, 0 as debit,
               0 as credit, n.currency, n.functional_amount, n.rate, {about}, '' as file_id, n.unit_id,
               'Functional amounts at the rate of the day' as memo
        from {new} n join ids i using (unit_id, day) join {ACCOUNTS} c using (role) where n.functional_amount <> 0"""
    )
    entries.link(
        f"""select distinct n.entry_id, n.line_no, s.record_id from {entries.lines} n
        join (select l.*, j.record_id from {_LINES} l join journal_source j using (entry_id, line_no)) s
          on s.unit_id = n.unit_id and s.day = n.event_day and (n.role = {literal(ROUNDING)} or ({same}))"""
    )
    listed = ", ".join((*FUNCTIONAL_VALUE.key, *FUNCTIONAL_VALUE.carried, *FUNCTIONAL_VALUE.measures))
    return f"select {listed}, rate from {new}"
