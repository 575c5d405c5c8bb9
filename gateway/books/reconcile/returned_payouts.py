"""Payouts that came back before a bank statement showed them: they failed, and nothing waits for them."""

from __future__ import annotations

import duckdb

RETURNED = "_payouts_returned"
"""Relation (settlement) of the open payouts that came back."""
DAYS = 60
"""How long after its deposit date a payout may come back."""


def find(con: duckdb.DuckDBPyConnection, payouts: str, found: str) -> None:
    """Make the relation, of the payouts in a relation that no match uses.

    payouts  relation of settlements that no bank line is known for
    found    relation (settlement) of the matches of this run

    Settlements of one number and channel that come to nothing, as a payout and its failure do; and a payout whose
    amount a later line of class `transfer` gives back, the only such pair on both sides.
    """
    con.execute(
        f"""create or replace temp table {RETURNED} as
        with open as (select * from {payouts} where record_id not in (select settlement from {found})),
        nothing as (
            select record_id from open
            window same as (partition by entity, channel, currency, settlement_id)
            qualify count(*) over same > 1 and sum(total) over same = 0),
        pairs as (
            select p.record_id, l.record_id as line from open p join settlement_line_current l
              on l.entity = p.entity and l.channel = p.channel and l.currency = p.currency and l.amount = p.total
             and l.canonical_class = 'transfer'
             and cast(l.posted_at as date) between p.deposit_date and p.deposit_date + {DAYS}
            where p.total > 0 and p.record_id not in (select record_id from nothing)
            qualify count(*) over (partition by p.record_id) = 1 and count(*) over (partition by l.record_id) = 1)
        select record_id as settlement from nothing union select record_id from pairs"""
    )
