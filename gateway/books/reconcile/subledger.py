"""Value of stock by item against the accounts of the general ledger; costs, rates and channels that are missing."""

from __future__ import annotations

from collections.abc import Callable

from gateway.books.currency.true_up import MISSING
from gateway.books.posting import late_channels
from gateway.books.posting.conditions import compile_expression
from gateway.books.posting.reference import CHANNELS, ENTITIES
from gateway.books.posting.sources import columns_of
from gateway.books.reconcile import entered, missing_rates
from gateway.books.reconcile.registry import Reconciliation
from gateway.books.reconcile.tables import Working
from gateway.model import MAPPABLE
from gateway.sql import has_rows, literal

_UNIT = "entity || '|' || {of}"
"""SQL of what can be left out alone: an account, an item or a currency of an entity. It is the key of its exceptions
too."""
UNITS = " union all ".join(
    f"""select {_UNIT.format(of=of)} as unit, max(abs({number}))::double as size,
               '{what} ' || {of} || ' of ' || entity as what, entity, null::varchar as partner,
               {of if of == "sku" else "null::varchar"} as sku, {of} as document, null::varchar as file_id,
               null::varchar as "position"
    from {table} where {of} is not null group by entity, {of}"""
    for table, of, number, what in (
        ("journal_line", "role", "coalesce(functional_amount, 0)", "the account"),
        ("journal_line", "currency", "debit", "the currency"),
        ("stock_value", "debit_role", "value", "the account"),
        ("stock_value", "credit_role", "value", "the account"),
        ("stock_value", "sku", "qty", "the item"),
    )
)
CODES = ("GL_SUBLEDGER_DIFF", "COST_MISSING", MISSING, late_channels.UNKNOWN, *entered.CODES)


def run(working: Working, block: Reconciliation, without: str = "") -> None:
    """Compare each stock role's value with its account, and list what was issued without a cost.

    without  relation (unit) of what is left out, "" for nothing
    """

    def let_in(of: str) -> str:
        return f"{_UNIT.format(of=of)} not in (select unit from {without})" if without else "true"

    if has_rows(working.con, "stock_value", "journal_line"):
        _stock(working, block, let_in)
        missing_rates.run(working, block, let_in("currency"))
    _channels(working, block)
    entered.run(working, block)


def _stock(working: Working, block: Reconciliation, let_in: Callable[[str], str]) -> None:
    working.add_detail(
        block,
        f"""with moved as (
            select entity, debit_role as role, value from stock_value where debit_role <> credit_role
            union all select entity, credit_role, -value from stock_value where debit_role <> credit_role),
        sub as (select entity, role, sum(value) as value from moved
                where starts_with(role, 'stock_') and {let_in("role")} group by all),
        gl as (
            select entity, role, min(account) as account, sum(functional_amount) as value from journal_line
            where starts_with(role, 'stock_') and {let_in("role")} group by all)
        select coalesce(s.entity, g.entity) as entity,
               coalesce(s.role, g.role) as bucket, g.account as document, f.functional as currency,
               coalesce(s.value, 0) as external_amount, coalesce(g.value, 0) as book_amount,
               case when coalesce(s.value, 0) = coalesce(g.value, 0) then 'MATCHED' else 'OPEN' end as state,
               case when coalesce(s.value, 0) = coalesce(g.value, 0) then null else 'GL_SUBLEDGER_DIFF' end as code,
               coalesce(s.entity, g.entity) || '|' || coalesce(s.role, g.role) as business_key,
               g.account as book_reference
        from sub s full join gl g on g.entity = s.entity and g.role = s.role
        left join {ENTITIES} f on f.entity = coalesce(s.entity, g.entity)""",
    )
    working.add_exceptions(
        block,
        f"""with newest as (
            select record_id, sku, entity, arg_max(basis, (recorded_at, basis)) as basis, min(qty) as qty,
                   min(occurred_at) as occurred_at, min(debit_role) as debit_role
            from stock_value where {let_in("sku")} group by record_id, sku, entity)
        select 'COST_MISSING' as code, entity || '|' || sku as business_key, entity,
               sku, cast(min(occurred_at) as date) as event_date, sum(qty) as book_qty, sum(qty) as qty,
               sku || ': ' || sum(qty) || ' units moved without a known cost' as message
        from newest where basis = 'MISSING' and sku not like '?%' group by entity, sku""",
    )


def _channels(working: Working, block: Reconciliation) -> None:
    """Channels that records name and `[channels]` does not: nothing of them that depends on the channel posts."""
    tables = late_channels.rules_by_source(working.recon.rules.posting)
    if not tables or not has_rows(working.con, *tables):
        return
    listed = " union all ".join(
        f"""select entity, channel, {literal(table.replace("_", " "))} as what, count(distinct record_id) as rows,
                   min(cast({compile_expression(rules[0].date, columns_of(table) or {}, {})} as date)) as day
            from {f"{table}_current" if table in MAPPABLE else table} anti join {CHANNELS} using (channel)
            where coalesce(channel, '') <> '' group by entity, channel"""
        for table, rules in tables.items()
    )
    working.add_exceptions(
        block,
        f"""select '{late_channels.UNKNOWN}' as code, channel as business_key, entity, channel,
               min(day) as event_date, sum(rows) as external_qty, sum(rows) as qty,
               'The channel "' || channel || '" is not in config.toml, so these records do not post: '
               || string_agg(rows || ' of ' || what, ', ' order by what, entity)
               || '. Fix: add [channels."' || channel
                   || '"] with `entity` and `revenue`; the next run posts them' as message
        from ({listed}) group by channel, entity""",
    )
