"""Matches that follow from what is matched now: new ones are committed, and those that no longer hold are taken back.

So the ledger's matches are those of today's records and rules, whatever came first.
"""

from __future__ import annotations

from gateway.books.reconcile.registry import Reconciliation
from gateway.books.reconcile.tables import Working
from gateway.sql import literal

_SAME = "match_id, side, record_id"


def keep(working: Working, block: Reconciliation, external: str, book: str, pairs: str) -> None:
    """Bring the matches of a declared reconciliation in line with its pairs; the name of a match is that of its
    records.

    external, book, pairs  relations of sides.items and of passes.match
    """
    wanted = f"_wanted_{block.letter}"
    working.con.execute(f"create or replace temp table {wanted} as {_wanted_sql(block, external, book, pairs)}")
    working.add_found(
        block,
        f"""with standing as ({working.standing(block)}),
        wanted as (select match_id, "pass", rule, side, record_id, amount, difference, 'CONFIRMED' as status,
            explanation
                   from {wanted})
        select * from wanted
        anti join standing using ({_SAME}, "pass", rule, amount, difference, status, explanation)
        union all by name
        select match_id, "pass", rule, side, record_id, amount, difference, 'REVERSED' as status,
               'its records or the passes no longer make it' as explanation
        from standing anti join wanted using ({_SAME})""",
    )
    working.add_matched(
        block,
        f"""select side, record_id, min(entity) as entity, min(document) as document, min(day) as event_date,
               min(currency) as currency, min(file_id) as file_id, min("position") as "position"
        from {wanted} group by side, record_id""",
    )


def _wanted_sql(block: Reconciliation, external: str, book: str, pairs: str) -> str:
    """A row for each record of a match, with what the workbook shows of it."""
    return f"""with members as (
            select p.grp, p.pass, 'A' as side, i.* from {pairs} p join {external} i on i.item = p.external
            union all by name select p.grp, p.pass, 'B' as side, i.* from {pairs} p join {book} i on i.item = p.book),
        groups as (
            select grp, left(md5(string_agg(side || record_id, '|' order by side, record_id)
                || {literal(f"|{block.letter}")}),
                             16) as match_id,
                   coalesce(sum(amount) filter (side = 'A'), 0) - coalesce(sum(amount) filter (side = 'B'),
                       0) as difference
            from members group by grp)
        select match_id, min(pass) as "pass", {literal(block.slug)} as rule, side, record_id,
               cast(sum(amount) as decimal(18,4)) as amount, cast(min(difference) as decimal(18,4)) as difference,
               {_explanation(block)} as explanation, min(nullif(entity, '')) as entity, min(document) as document,
               min(day) as day, min(nullif(currency, '')) as currency, min(file_id) as file_id,
                   min("position") as "position"
        from members join groups using (grp) group by match_id, side, record_id"""


def _explanation(block: Reconciliation) -> str:
    """SQL: what the pass of a match asked for."""
    cases = " ".join(
        f"when 'P{number}' then {literal(one.in_words())}" for number, one in enumerate(block.passes, start=1)
    )
    return f"case min(pass) {cases} end"
