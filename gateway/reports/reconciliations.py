"""What the reconciliations found: their lines, what these sum to and tie to, and the matches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import duckdb

from gateway.books.reconcile.registry import Reconciliation, Registry
from gateway.books.reconcile.ties import tie_sql
from gateway.reports import files
from gateway.sql import literal, table_of

if TYPE_CHECKING:
    import pyarrow as pa


def summary(con: duckdb.DuckDBPyConnection, registry: Registry, found: str, columns: Sequence[str]) -> pa.Table:
    """Both sides of each reconciliation, entity and unit, and the balance of the ledger that they must equal.

    found    name of a relation with the lines of the reconciliations
    columns  some of: reconciliation, title, entity, unit ("units" or a currency), external, book (sums of all lines),
             matched (book side of the lines that agree to the last digit), open (external − book of all others),
             check (external − book − open: zero, or lines are missing), ledger_account, ledger_amount,
             tie_basis (BOOK: book must be ledger_amount; BALANCE: −open must), tie (what is missing to that)
    """
    rows = ", ".join(
        f"({literal(one.letter)}, {literal(one.title)}, {literal(one.unit)})" for one in registry.reconciliations
    )
    ties = " union all ".join(_tie(one) for one in registry.reconciliations if one.tie)
    return table_of(
        con,
        f"""with titles as (select * from (values {rows}) t(reconciliation, title, unit)),
        sides as (
            select d.reconciliation, r.title, d.entity, d.state,
                   case when r.unit = 'units' then 'units' else coalesce(d.currency, '') end as unit,
                   coalesce(case when r.unit = 'units' then d.external_qty else d.external_amount end, 0) as external,
                   coalesce(case when r.unit = 'units' then d.book_qty else d.book_amount end, 0) as book
            from {found} d join titles r using (reconciliation)),
        sums as (
            select reconciliation, title, entity, unit, sum(external) as external, sum(book) as book,
                   coalesce(sum(book) filter (state = 'MATCHED'), 0) as matched,
                   coalesce(sum(external - book) filter (state <> 'MATCHED'), 0) as open
            from sides group by all),
        ledger as ({ties or _NO_TIE})
        select s.*, s.external - s.book - s.open as "check", l.account as ledger_account, l.amount as ledger_amount,
               case l.basis when 'BALANCE' then -s.open else s.book end - l.amount as tie, l.basis as tie_basis
        from sums s left join ledger l
          on l.reconciliation = s.reconciliation and l.entity = s.entity and l.unit = s.unit
        order by all""",
        columns,
    )


_NO_TIE = """select '' as reconciliation, '' as entity, '' as unit, '' as account, 0.0::decimal(18,4) as amount,
    '' as basis where false"""


def _tie(one: Reconciliation) -> str:
    if one.tie is None:
        raise ValueError(f"{one.letter} has no tie")
    amount = "debit - credit" if one.tie.amount == "amount" else "functional_amount"
    return f"""select {literal(one.letter)} as reconciliation, entity, currency as unit,
               string_agg(distinct account, ', ' order by account) as account, sum({amount}) as amount,
               {literal(one.tie.basis)} as basis
        from journal_line where {tie_sql(one.tie)} group by entity, currency"""


def lines(con: duckdb.DuckDBPyConnection, found: str, columns: Sequence[str]) -> pa.Table:
    """Every line with the exception that is open for it.

    found    name of a relation with the lines of the reconciliations
    columns  some of that relation, and exception_id, source_file (name of the file that the line comes from)
    """
    return table_of(
        con,
        f"""select d.*, e.exception_id, f.name as source_file
        from {found} d
        left join (select reconciliation, code, business_key, entity, exception_id from exception
            where status = 'OPEN') e
               on e.reconciliation = d.reconciliation and e.code = d.code and e.business_key = d.business_key
               and e.entity is not distinct from d.entity
        left join {files.NAMES} f on f.file_id = d.file_id
        order by d.reconciliation, d.state desc, d.location, d.sku, d.bucket, d.document, d.event_date""",
        columns,
    )


def matches(con: duckdb.DuckDBPyConnection, matched: str, columns: Sequence[str]) -> pa.Table:
    """Each side of each match that stands.

    matched  name of a relation with the records that matches consumed: reconciliation, side, record_id, entity,
             document, event_date, currency, file_id, position
    columns  some of the table `match_line` and of that relation, and source_file (name of the record's file)
    """
    return table_of(
        con,
        f"""select m.*, r.* exclude (reconciliation, side, record_id), f.name as source_file
        from match_state m left join {matched} r using (reconciliation, side, record_id)
        left join {files.NAMES} f on f.file_id = r.file_id
        where m.status <> 'REVERSED' order by m.match_id, m.side, m.record_id""",
        columns,
    )
