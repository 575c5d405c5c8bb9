"""Payouts that arrive in another currency: a deposit that names the settlement, near the rate of its day.

P5 the deposit names the settlement in another currency, and is within the tolerance of the rate. Each side posts in its
own currency against exchange differences, where what the bank's rate gave or took is left.
"""

from __future__ import annotations

from gateway.books.posting.rates import lay_rates
from gateway.books.reconcile.tables import ToPost, Working
from gateway.books.reconcile.words import whole
from gateway.sql import has_rows

PASS = "P5"
ON = "payout_exchange"
OUT_OF_BAND = "FX_OUT_OF_BAND"
OPEN, STANDING = "_exchanges_open", "_exchanges_standing"
"""Relations (settlement, bank, due, within, arrived): pairs that name one another and are open; those of standing
matches. `due` is the payout at the rate of the day, in the currency of the deposit; `arrived` says what came."""
_RATES = "_exchange_rates"


def posts(working: Working) -> bool:
    """Whether the posting rules know of such payouts; those of an older home do not, and nothing is matched so."""
    return any(rule.on == ON for rule in working.recon.rules.posting.rule)


def judge_standing(working: Working, pairs: str) -> None:
    """Make the relation of standing matches. `pairs`: SELECT of settlement, bank of matches by this pass."""
    _judge(working, STANDING, pairs)


def find(working: Working, payouts: str, deposits: str, found: str) -> None:
    """Add to `found` the open payouts and deposits that name one another alone, within the tolerance.

    payouts, deposits  relations of what is open
    found              relation (settlement, bank, pass, why) of the matches of this run
    """
    named = f"""select p.record_id as settlement, d.record_id as bank from {payouts} p join {deposits} d
          on d.entity = p.entity and d.currency <> p.currency and (d.amount > 0) = (p.total > 0)
         and {whole("d.words", "p.reference")}
        where p.record_id not in (select settlement from {found}) and d.record_id not in (select bank from {found})
        qualify count(*) over (partition by p.record_id) = 1 and count(*) over (partition by d.record_id) = 1"""
    _judge(working, OPEN, named if posts(working) else f"select * from ({named}) where false")
    working.con.execute(
        f"""insert into {found}
        select settlement, bank, '{PASS}',
               'the deposit names the settlement, in another currency at the rate of its day'
        from {OPEN} where within"""
    )


def _judge(working: Working, into: str, pairs: str) -> None:
    con, share = working.con, working.recon.config.tolerance.payout_rate
    con.execute(f"create or replace temp table {into}_asked as {pairs}")
    # Where there are none, as mostly, their records are not looked for.
    none = "" if has_rows(con, f"{into}_asked") else "limit 0"
    con.execute(
        f"""create or replace temp table {into}_pairs as
        select x.settlement, x.bank, p.total, d.amount, p.currency, d.currency as functional, d.booking_date as day
        from {into}_asked x join _all_payouts p on p.record_id = x.settlement
        join _all_deposits d on d.record_id = x.bank
        where d.entity = p.entity and {whole("d.words", "p.reference")} {none}"""
    )
    lay_rates(con, f"select currency, functional, day from {into}_pairs", _RATES)
    con.execute(
        f"""create or replace temp table {into} as
        select settlement, bank, cast(round(total * rate, 4) as decimal(18,4)) as due,
               abs(amount - total * rate) <= abs(total * rate) * {share} as within,
               amount || ' ' || functional || ' on ' || day || ', where the rate ' || rate || ' makes '
                   || cast(round(total * rate, 4) as decimal(18,4)) || ' and ' || 100 * {share}
                   || ' % are let pass' as arrived
        from {into}_pairs join {_RATES} using (currency, functional, day)"""
    )


def to_post(working: Working, moved: str) -> None:
    """Give the posting rules both sides of what is matched, and with sign −1 of what is taken back.

    moved  relation of settlement, bank, sign, salt, by this pass
    """
    sides = " union all ".join(
        f"""select m.settlement as record_id, m.sign, p.entity, p.channel, {of}.currency, '' as file_id, m.salt,
                   p.settlement_id, d.booking_date, '{side}' as side, {of}.{amount} as amount
            from {moved} m join settlement p on p.record_id = m.settlement join bank_line d on d.record_id = m.bank"""
        for side, of, amount in (("BANK", "d", "amount"), ("PAYOUT", "p", "total"))
    )
    working.con.execute(f"create or replace temp table _{ON} as {sides}")
    if has_rows(working.con, f"_{ON}"):
        working.to_post.append(ToPost(ON, f"_{ON}", ("settlement_id", "booking_date", "side", "amount")))
