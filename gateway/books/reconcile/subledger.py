"""g. Value of stock by item against the accounts of the general ledger; costs and rates that are missing."""

from __future__ import annotations

import duckdb

from gateway.books.reconcile.tables import Recon


def run(con: duckdb.DuckDBPyConnection, recon: Recon) -> None:
    """Compare each stock role's value with its account, and list what was issued without a cost."""
    del recon
    con.execute(
        """insert into recon_detail
        with moved as (
            select entity, debit_role as role, value from stock_value where debit_role <> credit_role
            union all select entity, credit_role, -value from stock_value where debit_role <> credit_role),
        sub as (select entity, role, sum(value) as value from moved where starts_with(role, 'stock_') group by all),
        gl as (
            select entity, role, min(account) as account, sum(functional_amount) as value from journal_line
            where starts_with(role, 'stock_') group by all)
        select 'g', coalesce(s.entity, g.entity), null, null, null, null, coalesce(s.role, g.role), g.account, null,
               f.functional, null, null, coalesce(s.value, 0), coalesce(g.value, 0),
               case when coalesce(s.value, 0) = coalesce(g.value, 0) then 'MATCHED' else 'OPEN' end,
               case when coalesce(s.value, 0) = coalesce(g.value, 0) then null else 'GL_SUBLEDGER_DIFF' end,
               coalesce(s.entity, g.entity) || '|' || coalesce(s.role, g.role), null, null, g.account
        from sub s full join gl g on g.entity = s.entity and g.role = s.role
        left join entity_config f on f.entity = coalesce(s.entity, g.entity)"""
    )
    con.execute(
        """insert into recon_exception
        with newest as (
            select record_id, sku, entity, arg_max(basis, recorded_at) as basis, min(qty) as qty,
                   min(occurred_at) as occurred_at, min(debit_role) as debit_role
            from stock_value group by record_id, sku, entity)
        select 'g', 'COST_MISSING', entity || '|' || sku, entity, null, null, null, sku, null,
               cast(min(occurred_at) as date), null, sum(qty), null, null, null, sum(qty), null,
               sku || ': ' || sum(qty) || ' units moved without a known cost', null, null
        from newest where basis = 'MISSING' and sku not like '?%' group by entity, sku"""
    )
    con.execute(
        """insert into recon_exception
        select 'g', 'RATE_MISSING', l.entity || '|' || l.currency, l.entity, null, null, null, null, null, min(l.date),
               null, null, null, null, sum(l.debit), null, l.currency,
               'No rate from ' || l.currency || ' into the currency of ' || l.entity, null, null
        from journal_line l where l.functional_amount is null group by l.entity, l.currency"""
    )
