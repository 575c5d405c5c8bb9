"""Opening balances and manual entries that do not post, or do not agree with what else the books begin with."""

from __future__ import annotations

from gateway.books.entered.verdicts import (
    CONTROL,
    DAYS,
    EQUITY,
    INCOMPLETE,
    IS_STOCK,
    MANUAL,
    OPENING,
    UNBALANCED,
    UNKNOWN,
)
from gateway.books.posting.reference import ENTITIES
from gateway.books.reconcile.registry import Reconciliation
from gateway.books.reconcile.tables import Working, source
from gateway.sql import has_rows, literal, words

DIFFERS = "OPENING_DIFFERS"
CODES = (UNKNOWN, UNBALANCED, INCOMPLETE, DAYS, CONTROL, DIFFERS)


def run(working: Working, block: Reconciliation) -> None:
    """Make an exception of what is held, and of opening balances that contradict the stock or one another."""
    if not has_rows(working.con, "opening_balance", "manual_entry"):
        return
    _unknown_accounts(working, block)
    _held(working, block)
    _stock(working, block)
    _equity(working, block)


def _unknown_accounts(working: Working, block: Reconciliation) -> None:
    working.add_exceptions(
        block,
        f"""with named as (
            select entity, partner, account, day, amount, currency, file_id, "position", 'an opening balance' as what
            from ({OPENING}) where role is null
            union all
            select entity, partner, account, day, amount, currency, file_id, "position", 'entry ' || entry
            from ({MANUAL}) where role is null)
        select {literal(UNKNOWN)} as code, partner || '|' || account as business_key, entity, partner,
               account as document, min(day) as event_date,
               'The chart has no account "' || account || '", so these do not post: '
               || array_to_string(list_sort(list_distinct(list(what)))[:5], ', ') || ' (' || count(*) || ' rows). '
               || 'Fix: add it to mappings/chart.toml under a role of your own; the next run posts them' as message,
               {source()}
        from named group by entity, partner, account""",
    )


def _held(working: Working, block: Reconciliation) -> None:
    """Manual entries that are held: out of balance, not whole, of several days, without an approval."""
    more = "abs(min(net)) || ' ' || currency || ' more than"
    net = f"""case when min(net) > 0 then 'debits are ' || {more} credits' else 'credits are ' || {more} debits'
        end"""
    working.add_exceptions(
        block,
        f"""select held as code, concat_ws('|', partner, entry, currency) as business_key, entity, partner,
               entry as document, min(day) as event_date, min(net) as amount, currency,
               'Entry ' || entry || ' does not balance: ' || {net} || '. Nothing of it is posted. '
               || 'Fix: send the whole entry again, in balance in each currency' as message, {source()}
        from ({MANUAL}) where held = {literal(UNBALANCED)} and net <> 0 group by entity, partner, entry, currency, held
        union all by name
        select held as code, concat_ws('|', partner, entry) as business_key, entity, partner, entry as document,
               min(day) as event_date,
               case held when {literal(INCOMPLETE)} then 'Rows of entry ' || entry || ' were rejected. '
                   || 'Nothing of it is posted. Fix: send the whole entry again, with these rows corrected'
               when {literal(DAYS)} then 'Entry ' || entry || ' has lines of ' || count(distinct day)
                   || ' days, from ' || min(day) || ' to ' || max(day)
                   || '. Nothing of it is posted. Fix: send the whole entry again, a number for each day'
               else 'Entry ' || entry || ' of ' || min(person) || ' is on the control account '
                   || min(account) filter (control) || ', and no other person approves it. Nothing of it is posted. '
                   || 'Fix: send the whole entry again with the approval of a second person' end as message, {source()}
        from ({MANUAL}) where held in ({words([INCOMPLETE, DAYS, CONTROL])}) group by entity, partner, entry, held""",
    )


def _stock(working: Working, block: Reconciliation) -> None:
    """Balances of stock accounts against the value of the opening stock, which posts from there."""
    working.add_exceptions(
        block,
        f"""with stated as (
            select o.entity, min(o.partner) as partner, o.role, o.account, f.functional as currency,
                   sum(o.amount) as amount, min(o.day) as day, {source("o")}
            from ({OPENING}) o join {ENTITIES} f on f.entity = o.entity and f.functional = o.currency
            where {IS_STOCK} group by o.entity, o.role, o.account, f.functional),
        valued as (
            select entity, role, sum(value) as value from (
                select entity, debit_role as role, value from stock_value where credit_role = {literal(EQUITY)}
                union all
                select entity, credit_role, -value from stock_value where debit_role = {literal(EQUITY)})
            group by entity, role)
        select {literal(DIFFERS)} as code, 'stock|' || account as business_key, s.entity, partner,
               account as document, day as event_date, s.amount as external_amount, coalesce(v.value, 0) as book_amount,
               s.amount - coalesce(v.value, 0) as amount, currency,
               'The opening balance of account ' || account || ' is ' || s.amount || ' ' || currency
               || ', the opening stock is worth ' || coalesce(v.value, 0) || '. The books go by the stock. '
               || 'Fix: correct the opening stock or the balance' as message, file_id, "position"
        from stated s left join valued v on v.entity = s.entity and v.role = s.role
        where s.amount <> coalesce(v.value, 0)""",
    )
    working.add_exceptions(
        block,
        f"""select {literal(DIFFERS)} as code, concat_ws('|', 'stock', o.account, o.currency) as business_key, o.entity,
               min(o.partner) as partner, o.account as document, min(o.day) as event_date,
               sum(o.amount) as external_amount, 0 as book_amount, sum(o.amount) as amount, o.currency,
               'The opening balance of account ' || o.account || ' is ' || sum(o.amount) || ' ' || o.currency
               || ', and stock is valued in ' || any_value(f.functional order by f.functional)
               || '. It does not post. Fix: state it in ' || any_value(f.functional order by f.functional) as message,
               {source("o")}
        from ({OPENING}) o join {ENTITIES} f on f.entity = o.entity and f.functional <> o.currency
        where {IS_STOCK} group by o.entity, o.account, o.currency""",
    )


def _equity(working: Working, block: Reconciliation) -> None:
    """A stated balance of opening equity that the other balances of its day do not make."""
    working.add_exceptions(
        block,
        f"""select {literal(DIFFERS)} as code, concat_ws('|', partner, entry, currency) as business_key, entity,
               partner, entry as document, min(day) as event_date,
               sum(amount) filter (role = {literal(EQUITY)}) as external_amount,
               -sum(amount) filter (role is distinct from {literal(EQUITY)}) as book_amount, sum(amount) as amount,
               currency, 'The opening balances of ' || entry || ' do not come to zero: ' || sum(amount) || ' '
               || currency || ' is left, and stands on opening equity. '
               || 'Fix: send what is missing, or correct a balance' as message,
               {source()}
        from ({OPENING}) group by entity, partner, entry, currency
        having count(*) filter (role = {literal(EQUITY)}) > 0 and sum(amount) <> 0""",
    )
