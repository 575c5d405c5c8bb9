"""What the general ledger outside says of each account at the end of a day, against the journal until then.

Every day that was stated is compared, so that a late posting into a day that agreed is seen. An account that the
journal has and a statement leaves out is compared with nothing.
"""

from __future__ import annotations

from gateway.books.reconcile.registry import Reconciliation
from gateway.books.reconcile.tables import Working, source

CODES = ("GL_BALANCE_DIFF",)
_SAME = "entity, account, currency, day"


def run(working: Working, block: Reconciliation) -> None:
    """Compare account by account, and make an exception of each that differs."""
    # Of the journal the days are summed first: a balance is the sum of those until the day that is stated.
    working.add_detail(
        block,
        f"""with stated as (
            select {_SAME}, sum(amount) as amount, min(partner) as partner, {source()}
            from gl_balance_current group by {_SAME}),
        days as (select distinct entity, day from stated),
        moved as (
            select entity, account, currency, date, sum(debit - credit) as amount from journal_line
            where status = 'POSTED' and entity in (select entity from days) group by all),
        book as (
            select m.entity, m.account, m.currency, d.day, sum(m.amount) as amount
            from moved m join days d on d.entity = m.entity and m.date <= d.day group by all having sum(m.amount) <> 0)
        select entity, currency, s.partner, account as bucket, account as document, day as event_date,
               s.amount as external_amount, b.amount as book_amount,
               case when coalesce(s.amount, 0) = coalesce(b.amount, 0) then 'MATCHED' else 'OPEN' end as state,
               case when coalesce(s.amount, 0) <> coalesce(b.amount, 0) then 'GL_BALANCE_DIFF' end as code,
               concat_ws('|', account, currency, day) as business_key, file_id, "position",
               account as book_reference
        from stated s full join book b using ({_SAME})""",
    )
    working.exceptions_from_detail(
        block,
        """'Account ' || document || ' on ' || event_date || ': the general ledger says '
            || coalesce(external_amount || ' ' || currency, 'nothing') || ', the journal '
            || coalesce(book_amount || ' ' || currency, 'nothing')""",
    )
