"""Each settlement's total against the sum of its lines, whichever files they came in.

A file that holds both is compared when it is taken (`tie_out` in its mapping); here they may come in different files.
P1 the lines name the settlement · P2 one amount, one settlement, one group of lines, within the window, unique on both
sides: exports of some partners name a payout differently in each. A settlement that is drawn on a balance has no lines
of its own: together they must not exceed the lines that fill the balance. A file that a person released as it is was
judged by that person.
"""

from __future__ import annotations

import duckdb

from gateway.books.posting.reference import CHANNELS
from gateway.books.reconcile.registry import Reconciliation
from gateway.books.reconcile.tables import Working, source

CODES = ("SETTLE_LINES_DIFFER", "SETTLE_NO_LINES", "SETTLE_NO_HEAD", "SETTLE_OVER_BALANCE")
SAME = "entity, channel, currency, settlement_id"
"""What identifies a settlement, and a group of lines."""
WINDOW_DAYS = 14
"""Distance of a settlement's deposit from the newest of its lines within which an amount alone links them."""


def run(working: Working, block: Reconciliation) -> None:
    """Compare totals with lines, and balances; list lines that nothing pays."""
    _heads_and_lines(working.con)
    _links(working.con)
    _compare(working, block)
    _balances(working, block)
    working.exceptions_from_detail(
        block,
        """case code when 'SETTLE_NO_LINES' then 'Settlement ' || document || ' of ' || book_amount || ' ' || currency
                || ': none of its lines have come'
           when 'SETTLE_NO_HEAD' then 'The lines of ' || document || ' make ' || external_amount || ' ' || currency
                || ', and no settlement pays them'
           when 'SETTLE_OVER_BALANCE' then channel || ' paid out ' || book_amount || ' ' || currency
                || ', more than the lines of the balance make: ' || coalesce(external_amount, 0)
           else 'Settlement ' || document || ' states ' || book_amount || ' ' || currency || ', its lines make '
                || external_amount end""",
    )


def _heads_and_lines(con: duckdb.DuckDBPyConnection) -> None:
    """Both sides, a row for each settlement in a currency."""
    con.execute(
        f"""create or replace temp table _settled_heads as
        select {SAME}, coalesce(drawn_on, 'LINES') as drawn_on, sum(total) as total, max(deposit_date) as day,
               min(partner) as partner, {source()}
        from settlement_current
        where file_id not in (select file_id from file where state = 'RELEASED')
        group by {SAME}, drawn_on"""
    )
    con.execute(
        f"""create or replace temp table _settled_lines as
        select {SAME}, sum(amount) as total, cast(max(posted_at) as date) as day, min(partner) as partner,
               min(feed) as feed, {source()}
        from settlement_line_current group by {SAME}"""
    )


def _links(con: duckdb.DuckDBPyConnection) -> None:
    """Which lines belong to which settlement: by name, then by an amount that is unique on both sides."""
    con.execute(
        f"""create or replace temp table _settled_links as
        select {SAME}, settlement_id as lines_id from (select {SAME} from settlement_current)
        semi join _settled_lines using ({SAME}) group by all"""
    )
    con.execute(
        f"""insert into _settled_links by name
        with heads as (select * from _settled_heads anti join _settled_links using ({SAME})
                       where drawn_on = 'LINES' and total <> 0),
        groups as (select l.* from _settled_lines l anti join _settled_links k
                   on k.entity = l.entity and k.channel = l.channel and k.currency = l.currency
                   and k.lines_id = l.settlement_id),
        pairs as (
            select h.entity, h.channel, h.currency, h.settlement_id, l.settlement_id as lines_id
            from heads h join groups l
              on l.entity = h.entity and l.channel = h.channel and l.currency = h.currency and l.total = h.total
             and abs(date_diff('day', l.day, h.day)) <= {WINDOW_DAYS})
        select * from pairs
        qualify count(*) over (partition by {SAME}) = 1
            and count(*) over (partition by entity, channel, currency, lines_id) = 1"""
    )


def _compare(working: Working, block: Reconciliation) -> None:
    """Settlement by settlement. What is not there yet is in time for `tolerance.settlement_lines_days`.

    Lines without a settlement count only of feeds whose other lines name one: elsewhere they never do.
    """
    days, today = working.recon.config.tolerance.settlement_lines_days, f"cast({working.recon.now_sql} as date)"
    working.add_detail(
        block,
        f"""with linked as (
            select l.* rename (settlement_id as lines_id), k.settlement_id
            from _settled_lines l left join _settled_links k
              on k.entity = l.entity and k.channel = l.channel and k.currency = l.currency
             and k.lines_id = l.settlement_id),
        paired as (
            select h.* exclude (file_id, "position"), l.total as lines, coalesce(l.file_id, h.file_id) as file_id,
                   coalesce(l."position", h."position") as "position"
            from _settled_heads h left join linked l using ({SAME}) where h.drawn_on = 'LINES'
            union all by name
            select * exclude (lines_id, settlement_id, total, feed), lines_id as settlement_id, total as lines
            from linked where settlement_id is null
              and feed in (select feed from linked where settlement_id = lines_id)),
        judged as (
            select p.*, case when coalesce(total, 0) = coalesce(lines, 0) then null when total is null
                then 'SETTLE_NO_HEAD'
                             when lines is null then 'SETTLE_NO_LINES' else 'SETTLE_LINES_DIFFER' end as verdict,
                   day + cast(case when total is null then coalesce(c.settlement_days, 0) else {days} end as integer)
                       >= {today} as young
            from paired p left join {CHANNELS} c using (channel))
        select entity, partner, channel, settlement_id as document, day as event_date, currency,
               lines as external_amount, total as book_amount,
               case when verdict is null then 'MATCHED' when young then 'TIMING' else 'OPEN' end as state,
               case when not young then verdict end as code,
               concat_ws('|', channel, settlement_id, currency) as business_key, file_id, "position"
        from judged""",
    )


def _balances(working: Working, block: Reconciliation) -> None:
    """Of each channel that pays out of a balance: everything that was paid out against all lines of the balance."""
    days, today = working.recon.config.tolerance.settlement_lines_days, f"cast({working.recon.now_sql} as date)"
    working.add_detail(
        block,
        f"""with drawn as (
            select entity, channel, currency, min(partner) as partner, max(day) as day, sum(total) as total, {source()}
            from _settled_heads where drawn_on = 'BALANCE' and day + {days} < {today}
            group by entity, channel, currency),
        filled as (
            select entity, channel, currency, sum(total) as total
            from _settled_lines anti join (select * from _settled_heads where drawn_on = 'LINES') using ({SAME})
            group by entity, channel, currency)
        select d.entity, d.partner, d.channel, 'balance' as document, d.day as event_date, d.currency,
               f.total as external_amount, d.total as book_amount,
               case when coalesce(f.total, 0) >= d.total then 'MATCHED' else 'OPEN' end as state,
               case when coalesce(f.total, 0) < d.total then 'SETTLE_OVER_BALANCE' end as code,
               concat_ws('|', d.channel, 'balance', d.currency) as business_key, d.file_id, d."position"
        from drawn d left join filled f using (entity, channel, currency)""",
    )
