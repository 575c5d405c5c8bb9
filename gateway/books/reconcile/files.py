"""Files: rows that could not be read, totals that do not tie, files and senders that nobody knows, what did not
come."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.books.reconcile import late_files, unknown_amounts
from gateway.books.reconcile.registry import Reconciliation
from gateway.books.reconcile.tables import Working, source
from gateway.sql import words

FAULTS = (
    "ROW_REJECT",
    "CONTROL_TOTAL",
    "FILE_REJECT",
    "SENDER_UNKNOWN",
    "CHECK_DIGIT",
    "ROW_DOUBTFUL",
    "FIELD_UNREAD",
    "COLUMN_UNKNOWN",
)
MESSAGES_MAX = 5
PLACES_MAX = 5
"""So many different messages and places an exception of equal faults says; all stand in the list of rejected rows."""
PARTNER_UNKNOWN = "PARTNER_UNKNOWN"
CODES = (*FAULTS, *late_files.CODES, unknown_amounts.AMOUNT_UNKNOWN, "CONTROL_REUSED", PARTNER_UNKNOWN)


def run(working: Working, block: Reconciliation) -> None:
    """Compare what files hold with what became of it; list their open faults, and what is late, missing or unusual."""
    late_files.run(working, block)
    open_faults(working, block, FAULTS)
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


def open_faults(working: Working, block: Reconciliation, codes: Sequence[str]) -> None:
    """Make an exception of the open faults of each code and key."""
    working.add_exceptions(
        block,
        f"""select code, business_key,
               entity, min(partner) as partner, min(name) as document,
               cast(min(arrived_at) as date) as event_date, min(amount) as amount, min(currency) as currency,
               {_message()} as message, {source()}
        from ({open_faults_sql(codes)}) group by code, business_key, entity""",
    )


def _message() -> str:
    """SQL of what is said of equal faults: the first messages; of several rejected rows also how many, and where."""
    first = "list_sort(list_distinct(list(message)))"
    # Shorter texts first: "line 9" comes before "line 10".
    places = 'list_sort(list_distinct(list(struct_pack(n := length("position"), p := "position"))))'
    return f"""array_to_string({first}[:{MESSAGES_MAX}], '; ')
        || case when len({first}) > {MESSAGES_MAX} then '; and ' || (len({first}) - {MESSAGES_MAX})
            || ' more such' else '' end
        || case when code = 'ROW_REJECT' and len({places}) > 1
           then ' (' || len({places}) || ' rows: '
                || array_to_string(list_transform({places}[:{PLACES_MAX}], x -> x.p), ', ')
                || case when len({places}) > {PLACES_MAX} then ', …' else '' end || ')' else '' end"""


def open_faults_sql(codes: Sequence[str]) -> str:
    """SELECT of the open faults of these codes, with name, state and arrival of their file.

    A fault stays open until the file is released or replayed without it, or its successor is accepted. The successor of
    a file is a later one of the same partner with the same name.
    """
    return f"""with newest as (select file_id, max(recorded_at) as at from file where state <> 'DUPLICATE'
        group by file_id),
        present as (
            select f.*, s.name, s.state, s.arrived_at from fault f
            join newest n on n.file_id = f.file_id and f.recorded_at = n.at
            join (select * from file where state <> 'DUPLICATE'
                  qualify row_number() over (partition by file_id order by version desc) = 1) s
              on s.file_id = f.file_id
            where f.code in ({words(list(codes))}))
        select * from present p
        where not (p.state = 'RELEASED' and p.code in ('CONTROL_TOTAL', 'SETTLE_NOT_FOOT'))
          and not exists (
            select 1 from file g where g.partner = p.partner and g.name = p.name and g.file_id <> p.file_id
              and g.state in ('ACCEPTED', 'RELEASED') and g.recorded_at > p.recorded_at)"""
