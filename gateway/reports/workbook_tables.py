"""The figures of the workbooks, queried from the ledger as Arrow tables."""

from __future__ import annotations

import duckdb
import pyarrow as pa

from gateway.books.reconcile.registry import Reconciliation, Registry
from gateway.books.reconcile.tables import Working
from gateway.books.rules import tie_sql
from gateway.reports.book_data import BookData, BookRun, Shown
from gateway.sql import instant, literal

# What is external, book and open of each reconciliation, and what the book side must be in the general ledger.
_SUMMARY = """
with sides as (
    select d.reconciliation, d.entity, case when r.unit = 'units' then 'units' else coalesce(d.currency, '') end as unit,
           d.state, case when r.unit = 'units' then d.external_qty else d.external_amount end as external,
           case when r.unit = 'units' then d.book_qty else d.book_amount end as book
    from {detail} d join {titles} on r.reconciliation = d.reconciliation),
sums as (
    select reconciliation, entity, unit, sum(coalesce(external, 0)) as external, sum(coalesce(book, 0)) as book,
           sum(coalesce(book, 0)) filter (state = 'MATCHED') as matched,
           coalesce(sum(coalesce(external, 0) - coalesce(book, 0)) filter (state <> 'MATCHED'), 0) as open
    from sides group by all),
ledger as ({ties})
select s.reconciliation, r.title, s.entity, s.unit, s.external, s.book, coalesce(s.matched, 0) as matched, s.open,
       s.external - s.book - s.open as "check", l.account as ledger_account, l.amount as ledger_amount,
       cast(null as decimal(18,4)) as tie, l.basis as tie_basis
from sums s join {titles} on r.reconciliation = s.reconciliation
left join ledger l on l.reconciliation = s.reconciliation and l.entity = s.entity and l.unit = s.unit
order by all"""


def _summary(registry: Registry, detail: str) -> str:
    rows = ", ".join(
        f"({literal(one.letter)}, {literal(one.title)}, {literal(one.unit)})" for one in registry.reconciliations
    )
    ties = " union all ".join(_tie(one) for one in registry.reconciliations if one.tie)
    nothing = """select '' as reconciliation, '' as entity, '' as unit, '' as account, 0.0::decimal(18,4) as amount,
        '' as basis where false"""
    return _SUMMARY.format(
        titles=f"(values {rows}) r(reconciliation, title, unit)", ties=ties or nothing, detail=detail
    )


def _tie(one: Reconciliation) -> str:
    if one.tie is None:
        raise ValueError(f"{one.letter} has no tie")
    amount = "debit - credit" if one.tie.amount == "amount" else "functional_amount"
    return f"""select {literal(one.letter)} as reconciliation, entity, currency as unit,
               string_agg(distinct account, ', ' order by account) as account, sum({amount}) as amount,
               {literal(one.tie.basis)} as basis
        from journal_line where {tie_sql(one)} group by entity, currency"""


EXCEPTIONS = """
select e.* exclude ("position", file_id), f.name as source_file, e."position", e.file_id
from exception e left join file_name f on f.file_id = e.file_id
where status = 'OPEN' order by severity, due_at, code, business_key"""

DETAIL = """
select d.* exclude (file_id, "position"), e.exception_id, f.name as source_file, d."position"
from {detail} d
left join (select * from exception where status = 'OPEN') e
       on e.reconciliation = d.reconciliation and e.code = d.code and e.business_key = d.business_key
left join file_name f on f.file_id = d.file_id
order by d.reconciliation, d.state desc, d.location, d.sku, d.bucket, d.document, d.event_date"""

MATCHES = """
select m.match_id, m.reconciliation, m."pass", m.rule, m.status, m.side, m.record_id, r.entity, r.document,
       r.event_date, m.amount, r.currency, m.difference, m.explanation, f.name as source_file, r."position"
from match_state m left join {matched} r using (reconciliation, side, record_id)
left join file_name f on f.file_id = r.file_id
where m.status <> 'REVERSED' order by m.match_id, m.side, m.record_id"""

JOURNAL = """
with links as (
    select entry_id, line_no, count(*) as records, min(record_id) as record_id from journal_source group by all)
select j.entry_id, j.line_no, j.date, j.period, j.entity, j.document, j.rule, j.account, c.account_name, j.role, j.debit,
       j.credit, j.currency, j.functional_amount, j.sku, j.location, j.order_id, j.settlement_id, j.memo,
       f.name as source_file, case when l.records = 1 then p."position" end as "position", coalesce(l.records, 0) as records
from journal_line j left join chart_role c on c.role = j.role
left join links l on l.entry_id = j.entry_id and l.line_no = j.line_no
left join record_position p on p.record_id = l.record_id
left join file_name f on f.file_id = coalesce(nullif(j.file_id, ''), p.file_id)
where j.status = '{status}' order by j.date, j.entry_id, j.line_no"""

FILES = """
select file_id, name, partner, feed, state, received, accepted, rejected, duplicate, ignored, arrived_at, reason
from file order by arrived_at, partner, name, version"""

KPI = """
select 'Open exceptions' as metric, count(*) as value, count(*) as numerator, null as denominator, 'count' as unit,
       'exception' as source from exception where status = 'OPEN'
union all
select 'Oldest open exception', coalesce(max(date_diff('day', opened_at, {now})), 0), null, null, 'days', 'exception'
from exception where status = 'OPEN'
union all
select 'Inventory accuracy', count(*) filter (state <> 'OPEN') / nullif(count(*), 0)::double,
       count(*) filter (state <> 'OPEN'), count(*), 'ratio', 'recon_detail a' from {detail} where reconciliation = 'a'
union all
select 'Orders settled as shipped', count(*) filter (state = 'MATCHED') / nullif(count(*), 0)::double,
       count(*) filter (state = 'MATCHED'), count(*), 'ratio', 'recon_detail c1' from {detail} where reconciliation = 'c1'
union all
select 'Payouts banked', count(*) filter (state = 'MATCHED') / nullif(count(*), 0)::double,
       count(*) filter (state = 'MATCHED'), count(*), 'ratio', 'recon_detail d' from recon_detail
where reconciliation = 'd' and book_amount is not null
union all
select 'Rows accepted or known', sum(accepted + duplicate + ignored) / nullif(sum(received), 0)::double,
       sum(accepted + duplicate + ignored), sum(received), 'ratio', 'file' from file_state"""


def gather(working: Working, run: BookRun) -> BookData:
    """Everything the workbooks show, of a run of the reconciliations that is filled."""
    con, registry = working.con, working.recon.registry
    _helpers(con)
    now = instant(run.as_of)
    return BookData(
        run=run,
        reconciliations=tuple(
            Shown(one.letter, one.title, one.sheet, one.answers, one.always_shown) for one in registry.reconciliations
        ),
        summary=_table(con, _summary(registry, working.detail)),
        exceptions=_table(con, EXCEPTIONS),
        matches=_table(con, MATCHES.format(matched=working.matched)),
        detail=_table(con, DETAIL.format(detail=working.detail)),
        journal_posted=_table(con, JOURNAL.format(status="POSTED")),
        journal_proposed=_table(con, JOURNAL.format(status="PROPOSED")),
        kpi=_table(con, KPI.format(now=now, detail=working.detail)),
        files=_table(con, FILES),
    )


def _helpers(con: duckdb.DuckDBPyConnection) -> None:
    """Names of files, and where a single record stands."""
    con.execute(
        "create or replace temp table file_name as select file_id, min(name) as name from file group by file_id"
    )
    parts = " union all ".join(
        f'select record_id, file_id, "position" from {table}'
        for table in ("settlement", "settlement_line", "bank_line", "inventory_movement", "shipment_line")
    )
    con.execute(f"create or replace temp view record_position as {parts}")


def _table(con: duckdb.DuckDBPyConnection, sql: str) -> pa.Table:
    return con.execute(sql).to_arrow_table()
