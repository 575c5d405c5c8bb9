"""A reconciliation that is declared in full: its sides are matched by its passes, and what stays open is told apart."""

from __future__ import annotations

from gateway.books.reconcile.passes import match
from gateway.books.reconcile.registry import Open, Reconciliation
from gateway.books.reconcile.sides import items
from gateway.books.reconcile.tables import Working
from gateway.sql import literal


def run(working: Working, reconciliation: Reconciliation) -> None:
    """Add the reconciliation's lines and exceptions."""
    external, book, rest = reconciliation.external, reconciliation.book, reconciliation.open
    if external is None or book is None or rest is None:
        raise ValueError(f"{reconciliation.letter} is no declared reconciliation")
    con = working.con
    prefix = f"_declared_{reconciliation.letter}"
    theirs = items(con, reconciliation, external, f"{prefix}_external")
    ours = items(con, reconciliation, book, f"{prefix}_book")
    pairs = match(con, theirs, ours, reconciliation.passes, f"{prefix}_pairs")
    _matched(working, reconciliation, theirs, ours, pairs)
    _open(working, reconciliation, rest, theirs, ours, pairs)
    working.exceptions_from_detail(reconciliation, _message(reconciliation, rest))


def _columns(reconciliation: Reconciliation) -> tuple[str, str]:
    """Names of the external and book columns of the unit."""
    return ("external_qty", "book_qty") if reconciliation.unit == "units" else ("external_amount", "book_amount")


def _matched(working: Working, reconciliation: Reconciliation, theirs: str, ours: str, pairs: str) -> None:
    """One line for each group that a pass matched."""
    theirs_as, ours_as = _columns(reconciliation)
    working.add_detail(
        reconciliation,
        f"""with grouped as (
            select p.grp, min(p.pass) as pass, sum(x.amount) as theirs, sum(b.amount) as ours,
                   min(coalesce(x.entity, b.entity)) as entity, min(x.partner) as partner,
                   min(coalesce(x.channel, b.channel)) as channel, min(coalesce(x.document, b.document)) as document,
                   min(coalesce(x.day, b.day)) as event_date, min(nullif(coalesce(x.currency, b.currency), '')) as currency,
                   min(x.file_id) as file_id, arg_min(x."position", x.item) as "position", min(b.document) as booked
            from {pairs} p left join {theirs} x on x.item = p.external left join {ours} b on b.item = p.book
            group by p.grp)
        select entity, partner, channel, document, event_date, currency,
               theirs as {theirs_as}, ours as {ours_as},
               case when theirs = ours then 'MATCHED' else 'WITHIN_TOLERANCE' end as state, grp as business_key,
               file_id, "position", pass || ': ' || coalesce(booked, document) as book_reference
        from grouped""",
    )


def _open(
    working: Working, reconciliation: Reconciliation, rest: Open, theirs: str, ours: str,
    pairs: str,
) -> None:  # fmt: skip
    """What no pass matched, key by key: on both sides with a difference, or on one side alone."""
    theirs_as, ours_as = _columns(reconciliation)

    def sums(side: str, relation: str) -> str:
        return f"""select entity, currency, k, sum(amount) as amount, min(day) as day, min(document) as document,
                   min(partner) as partner, min(channel) as channel, min(file_id) as file_id,
                   arg_min("position", item) as "position" from {relation}
            where item not in (select {side} from {pairs} where {side} is not null) group by all"""

    working.add_detail(
        reconciliation,
        f"""with x as ({sums("external", theirs)}), b as ({sums("book", ours)}),
        keyed as (
            select coalesce(x.entity, b.entity) as entity, coalesce(x.partner, b.partner) as partner,
                   coalesce(x.channel, b.channel) as channel, coalesce(x.document, b.document) as document,
                   coalesce(x.day, b.day) as day, nullif(coalesce(x.currency, b.currency), '') as currency,
                   x.amount as theirs, b.amount as ours, coalesce(x.k, b.k) as k,
                   coalesce(x.file_id, b.file_id) as file_id, coalesce(x."position", b."position") as "position",
                   case when b.k is null then {literal(rest.external)} when x.k is null then {literal(rest.book)}
                        else {literal(rest.differs)} end as code
            from x full join b
              on x.entity is not distinct from b.entity and x.currency = b.currency and x.k = b.k),
        judged as (
            select *, (theirs is null or ours is null)
                      and day + {rest.after_days} >= cast({working.recon.now_sql} as date) as young from keyed)
        select entity, partner, channel, document, day as event_date,
               currency, theirs as {theirs_as}, ours as {ours_as}, case when young then 'TIMING' else 'OPEN' end as state,
               case when not young then code end as code,
               concat_ws('|', entity, currency, replace(k, chr(31), '|')) as business_key, file_id, "position"
        from judged""",
    )


def _message(reconciliation: Reconciliation, rest: Open) -> str:
    """SQL of the message of an open line."""
    theirs, ours = _columns(reconciliation)
    unit = "' ' || currency" if reconciliation.unit == "money" else "' units'"
    titles = {code: literal(meaning.title) for code, meaning in reconciliation.codes.items()}
    return f"""case code when {literal(rest.external)} then {titles[rest.external]} || ': ' || document || ', ' || {theirs} || {unit}
        when {literal(rest.book)} then {titles[rest.book]} || ': ' || document || ', ' || {ours} || {unit}
        else {titles[rest.differs]} || ': ' || document || ', theirs ' || {theirs} || ', ours ' || {ours} || {unit} end"""
