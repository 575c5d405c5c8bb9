"""Lines in another currency than their entity's for whose day there is no rate."""

from __future__ import annotations

from gateway.books.currency.true_up import FOREIGN, MISSING
from gateway.books.posting.rates import lay_rates
from gateway.books.posting.reference import ENTITIES, RATE_SOURCES
from gateway.books.reconcile.registry import Reconciliation
from gateway.books.reconcile.tables import Working

_DAYS, _RATES = "_missing_days", "_missing_rates"


def run(working: Working, block: Reconciliation, let_in: str) -> None:
    """Make an exception of each currency of an entity whose lines wait for a rate; it closes when all have one.

    let_in  SQL condition of the lines that are looked at
    """
    con = working.con
    con.execute(
        f"""create or replace temp table {_DAYS} as
        select entity, currency, functional, day, sum(greatest(amount, 0)) as debit from ({FOREIGN}) where {let_in}
        group by all having count(*) filter (amount <> 0) > 0
        union all
        select entity, currency, null, date, sum(debit) from journal_line
        where functional_amount is null and {let_in} and entity not in (select entity from {ENTITIES}) group by all"""
    )
    lay_rates(con, f"select currency, functional, day from {_DAYS} where functional is not null", _RATES)
    working.add_exceptions(
        block,
        f"""select '{MISSING}' as code, entity || '|' || currency as business_key, entity, min(day) as event_date,
               sum(debit) as amount, currency,
               'No rate from ' || currency || ' into ' || coalesce(min(functional), 'the currency of ' || entity)
               || ' for ' || count(distinct day) || ' days, from ' || min(day) || ' to ' || max(day)
               || ', nor in the ' || (select max(days) from {RATE_SOURCES}) || ' days before each. '
               || 'Fix: send rates of these days; the next run posts the amounts' as message
        from {_DAYS} anti join {_RATES} using (currency, functional, day) group by entity, currency""",
    )
