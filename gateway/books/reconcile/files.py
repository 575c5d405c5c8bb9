"""Files: rows that could not be read, totals that do not tie, files and senders that nobody knows, what did not
come."""

from __future__ import annotations

from gateway.books.reconcile import late_files, open_faults, unknown_amounts
from gateway.books.reconcile.registry import Reconciliation
from gateway.books.reconcile.tables import Working, source
from gateway.fault_codes import LINE_MISSING, ROW_DOUBLED, ROWS_IGNORED, UNIT_UNKNOWN
from gateway.sql import words

FAULTS = (
    "ROW_REJECT",
    "CONTROL_TOTAL",
    "FILE_REJECT",
    "SENDER_UNKNOWN",
    "CHECK_DIGIT",
    "ROW_DOUBTFUL",
    ROW_DOUBLED,
    LINE_MISSING,
    ROWS_IGNORED,
    "FIELD_UNREAD",
    "COLUMN_UNKNOWN",
    UNIT_UNKNOWN,
)
PARTNER_UNKNOWN = "PARTNER_UNKNOWN"
CODES = (*FAULTS, *late_files.CODES, unknown_amounts.AMOUNT_UNKNOWN, "CONTROL_REUSED", PARTNER_UNKNOWN)


def run(working: Working, block: Reconciliation) -> None:
    """Compare what files hold with what became of it; list their open faults, and what is late, missing or unusual."""
    late_files.run(working, block)
    open_faults.open_faults(working, block, FAULTS)
    unknown_amounts.invoices(working, block)
    _reused_numbers(working, block)
    if len(working.recon.config.entities) > 1:
        _unknown_partners(working, block)
    working.add_detail(
        block,
        """select entity, partner, state as bucket, name as document,
               cast(arrived_at as date) as event_date, received as external_qty,
               accepted + rejected + duplicate + ignored as book_qty,
               case when rejected > 0 or state in ('HELD', 'QUARANTINED') then 'OPEN' else 'MATCHED' end as state,
               partner || '|' || name as business_key, file_id, feed as book_reference
        from file qualify row_number() over (partition by file_id, name, arrived_at order by version desc) = 1""",
    )


def _reused_numbers(working: Working, block: Reconciliation) -> None:
    """Make an exception of each control number of an interchange that a sender used in several files with other
    content."""
    working.add_exceptions(
        block,
        f"""with used as (
            select partner, unnest(string_split(interchanges, chr(10))) as interchange, sha256, name, entity,
                arrived_at,
                   file_id, '' as "position"
            from file where interchanges <> '' and state in ('ACCEPTED', 'RELEASED'))
        select 'CONTROL_REUSED' as code, partner || '|' || interchange as business_key, entity, partner,
               min(name) as document, cast(min(arrived_at) as date) as event_date,
               'Interchange ' || interchange || ' came with different content: '
                   || string_agg(distinct name, ', ' order by name) as message, {source()}
        from used group by entity, partner, interchange having count(distinct sha256) > 1""",
    )


def _unknown_partners(working: Working, block: Reconciliation) -> None:
    """Make an exception of each partner whose entity nobody stated: its rows stand in the books of the first."""
    named = words(list(working.recon.config.partners)) or "''"
    working.add_exceptions(
        block,
        f"""select '{PARTNER_UNKNOWN}' as code, partner as business_key, entity, partner, min(name) as document,
               cast(min(arrived_at) as date) as event_date, sum(accepted) as external_qty, sum(accepted) as qty,
               sum(accepted) || ' rows of "' || partner || '" stand in the books of ' || entity
                   || ', the first of several '
               || 'entities, since config.toml does not name the partner. Fix: add [partners.' || partner
               || '] with its entity; if that is another, have the files sent again as corrections' as message,
                   {source()}
        from (select *, '' as "position" from file_state)
        where state in ('ACCEPTED', 'RELEASED') and accepted > 0 and partner not in ({named})
        group by entity, partner""",
    )
