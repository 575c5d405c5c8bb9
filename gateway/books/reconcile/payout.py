"""Payouts that settlements announce against deposits on bank statements, and what a settlement below zero charges
against payments.

P1 the deposit names the settlement, amounts equal · P2 it names it, the amount is less · P3 a deposit names
several settlements that together make it · P4 one amount, one deposit, within the window, unique on both
sides · P5 it names it, in another currency at the rate of its day. What is ambiguous is never confirmed, and nothing
is used twice. What came back before it was banked is not waited for. A match is taken back, with its entry, when one
of its records was replaced or no longer names the other.
"""

from __future__ import annotations

import duckdb

from gateway.books.posting.late_channels import rules_by_source
from gateway.books.posting.reference import CHANNELS
from gateway.books.reconcile import exchanged_payouts, returned_payouts
from gateway.books.reconcile.exchanged_payouts import OPEN, OUT_OF_BAND, PASS, STANDING
from gateway.books.reconcile.registry import Reconciliation
from gateway.books.reconcile.returned_payouts import RETURNED
from gateway.books.reconcile.tables import ToPost, Working
from gateway.books.reconcile.words import whole
from gateway.sql import literal

_WHAT = "if(book_amount < 0, 'The charge of settlement ', 'Payout ')"
CODES = ("PAYOUT_NOT_BANKED", "PAYOUT_SHORT", "DEPOSIT_UNKNOWN", OUT_OF_BAND)


def run(working: Working, block: Reconciliation) -> None:
    """Match what is open, then say what is missing, short or unknown."""
    con = working.con
    _open_items(working, block)
    con.execute("create or replace temp table _found (settlement varchar, bank varchar, pass varchar, why varchar)")
    _named(con)
    _grouped(con)
    exchanged_payouts.find(working, "_payouts", "_deposits", "_found")
    returned_payouts.find(con, "_payouts", "_found")
    _amounts(working, f"and p.record_id not in (select settlement from {RETURNED})")
    _amounts(working)
    returned_payouts.find(con, "_payouts", "_found")
    _matches(working, block)
    _consumed(working, block)
    _detail(working, block)


def _open_items(working: Working, block: Reconciliation) -> None:
    """Payouts and deposits that no match uses, and which deposit names which settlement."""
    con, posting = working.con, working.recon.rules.posting
    con.execute(
        f"""create or replace temp view _all_payouts as
        select record_id, entity, partner, channel, settlement_id, total, currency, deposit_date, file_id, "position",
               coalesce(nullif(payout_ref, ''), settlement_id) as reference
        from settlement_current {_known(working)} where total <> 0"""
    )
    con.execute(
        f"""create or replace temp view _all_deposits as
        select record_id, entity, partner, account, statement_id, bank_ref, booking_date, amount, currency, file_id,
               "position", coalesce(end_to_end_ref, '') || ' ' || coalesce(remittance, '') as words, counterparty
        from bank_line_current
        where {posting.condition("bank_line", "may_be_payout")} or {posting.condition("bank_line", "is_payment")}"""
    )
    _gone(working, block)
    used = f"(select record_id from ({_standing(working, block)}))"
    for name in ("payouts", "deposits"):
        con.execute(f"create or replace temp table _{name} as select * from _all_{name} where record_id not in {used}")
    con.execute(
        f"""create or replace temp table _names as
        select p.record_id as settlement, d.record_id as bank, p.total, d.amount, p.deposit_date, d.booking_date
        from _payouts p join _deposits d
          on d.entity = p.entity and d.currency = p.currency and (d.amount > 0) = (p.total > 0)
         and {whole("d.words", "p.reference")}"""
    )


def _known(working: Working) -> str:
    """SQL that leaves only payouts of channels that the settings name, where the rules let the others wait."""
    return (
        f"semi join {CHANNELS} using (channel)" if "settlement" in rules_by_source(working.recon.rules.posting) else ""
    )


def _gone(working: Working, block: Reconciliation) -> None:
    """Make the relation of the ledger's matches that no longer hold."""
    standing = working.standing(block)
    exchanged_payouts.judge_standing(
        working,
        f"""select b.record_id as settlement, a.record_id as bank from ({standing}) b
        join ({standing}) a on a.match_id = b.match_id and a.side = 'A' where b.side = 'B' and b."pass" = '{PASS}'""",
    )
    working.con.execute(
        f"""create or replace temp table _payout_gone as
        with standing as ({standing}),
        pairs as (
            select b.match_id, b.record_id as settlement, a.record_id as bank, b."pass"
            from standing b join standing a on a.match_id = b.match_id and a.side = 'A' where b.side = 'B'),
        holding as (
            select match_id from pairs x left join _all_payouts p on p.record_id = x.settlement
            left join _all_deposits d on d.record_id = x.bank group by match_id
            having bool_and(coalesce(case when x."pass" = '{PASS}'
                then (x.settlement, x.bank) in (select (settlement, bank) from {STANDING} where within)
                else d.entity = p.entity and d.currency = p.currency
                     and (x."pass" = 'P4' or {whole("d.words", "p.reference")}) end, false)))
        select * from standing where match_id not in (select match_id from holding)"""
    )


def _standing(working: Working, block: Reconciliation) -> str:
    """SELECT of the ledger's matches that still hold."""
    return f"select * from ({working.standing(block)}) where match_id not in (select match_id from _payout_gone)"


def _confirmed(working: Working, block: Reconciliation) -> str:
    """SELECT of all matches that hold, those of now included."""
    return f"""{_standing(working, block)} union all by name
            select * from {working.found} where reconciliation = {literal(block.letter)} and status <> 'REVERSED'"""


def _named(con: duckdb.DuckDBPyConnection) -> None:
    """P1 and P2: a deposit that names exactly one payout, and a payout that one deposit names."""
    con.execute(
        """insert into _found
        select settlement, bank, case when amount = total then 'P1' else 'P2' end,
               case when amount = total then 'the deposit names the settlement; amounts are equal'
                    else 'the deposit names the settlement; the amount differs' end
        from _names n
        where abs(amount) <= abs(total)
          and (select count(*) from _names o where o.bank = n.bank) = 1
        qualify row_number() over (partition by settlement order by amount = total desc, booking_date, bank) = 1"""
    )


def _grouped(con: duckdb.DuckDBPyConnection) -> None:
    """P3: the payouts that a deposit names make its amount."""
    con.execute(
        """insert into _found
        with sums as (
            select bank from _names where settlement not in (select settlement from _found)
            group by bank having count(*) > 1 and sum(total) = min(amount))
        select settlement, bank, 'P3', 'the deposit names several settlements that make its amount'
        from _names semi join sums using (bank)
        where bank not in (select bank from _found) and settlement not in (select settlement from _found)"""
    )


def _amounts(working: Working, without: str = "") -> None:
    """P4: same amount within the window, the only such pair on both sides; payouts that did not come back first."""
    days = working.recon.config.tolerance.payout_days + 2
    working.con.execute(
        f"""insert into _found
        with pairs as (
            select p.record_id as settlement, d.record_id as bank from _payouts p join _deposits d
              on d.entity = p.entity and d.currency = p.currency and d.amount = p.total
             and d.booking_date between p.deposit_date and p.deposit_date + {days}
            where p.record_id not in (select settlement from _found) and d.record_id not in (select bank from _found)
              and d.record_id not in (select bank from _names) {without})
        select settlement, bank, 'P4', 'same amount within the window, the only such pair' from pairs x
        where (select count(*) from pairs y where y.settlement = x.settlement) = 1
          and (select count(*) from pairs y where y.bank = x.bank) = 1"""
    )


def _matches(working: Working, block: Reconciliation) -> None:
    letter = literal(f"|{block.letter}")
    working.add_found(
        block,
        f"""with found as (
            select f.*, left(md5(f.bank || {letter}), 16) as match_id, p.total, d.amount,
                   d.amount - coalesce(x.due, sum(p.total) over (partition by f.bank)) as difference
            from _found f join _payouts p on p.record_id = f.settlement join _deposits d on d.record_id = f.bank
            left join {OPEN} x on x.settlement = f.settlement and f.pass = '{PASS}')
        select match_id, pass as "pass", {literal(block.slug)} as rule, 'B' as side,
               settlement as record_id, total as amount, difference, 'CONFIRMED' as status, why as explanation
        from found
        union all
        select distinct match_id, pass as "pass", {literal(block.slug)} as rule, 'A' as side,
               bank as record_id, amount, difference, 'CONFIRMED' as status, why as explanation
        from found""",
    )
    working.add_found(
        block,
        f"""select match_id, "pass", rule, side, record_id, amount, difference, 'REVERSED' as status,
               'one of its records was replaced, or no longer names the other' as explanation
        from _payout_gone anti join (select * from {working.found} where reconciliation = {literal(block.letter)})
          using (match_id, side, record_id)""",
    )
    _to_post(working, block)


def _to_post(working: Working, block: Reconciliation) -> None:
    """Give the posting rules what is matched, and with sign −1 what is taken back, as it was posted.

    The salt counts how often a settlement was matched before, so that no entry's id comes twice.
    """
    letter = literal(block.letter)
    working.con.execute(
        f"""create or replace temp table _payout_moved as
        with times as (
            select record_id, count(*) as n from match_line where reconciliation = {letter} and side = 'B'
                group by record_id),
        moved as (
            select f.settlement, f.bank, 1 as sign, f.pass from _found f
            union all
            select b.record_id, a.record_id, -1, b."pass" from _payout_gone b
            join _payout_gone a on a.match_id = b.match_id and a.side = 'A' where b.side = 'B')
        select f.settlement, f.bank, f.sign, f.pass,
               {letter} || coalesce('|' || n || case when f.sign < 0 then '|back' else '' end, '') as salt
        from moved f left join times t on t.record_id = f.settlement"""
    )
    working.con.execute(
        f"""create or replace temp table _payout_match as
        select f.settlement as record_id, f.sign, p.entity, p.channel, p.currency, '' as file_id, f.salt,
               p.settlement_id, d.booking_date, case when f.pass = 'P3' then p.total else d.amount end as amount
        from _payout_moved f join settlement p on p.record_id = f.settlement join bank_line d on d.record_id = f.bank
        where f.pass <> '{PASS}'"""
    )
    exchanged_payouts.to_post(working, f"(select * from _payout_moved where pass = '{PASS}')")
    working.to_post.append(ToPost("payout_match", "_payout_match", ("settlement_id", "booking_date", "amount")))


def _consumed(working: Working, block: Reconciliation) -> None:
    """Payouts and deposits that matches use, those of now included."""
    used = f"select distinct side, record_id from ({_confirmed(working, block)})"
    working.add_matched(
        block,
        f"""with used as ({used})
        select side, record_id, entity, settlement_id as document, deposit_date as event_date, currency, file_id,
               "position"
        from settlement join used using (record_id)
        union all by name
        select side, record_id, entity, concat_ws(' ', statement_id, bank_ref) as document,
               booking_date as event_date, currency, file_id, "position"
        from bank_line join used using (record_id)""",
    )


def _detail(working: Working, block: Reconciliation) -> None:
    """Both sides line by line, with all matches so far; then the exceptions of what is open."""
    days = working.recon.config.tolerance.payout_days
    working.con.execute(
        f"""create or replace temp table _payout_lines as
        with matched as (
            select match_id, record_id, side, "pass" from ({_confirmed(working, block)})),
        pairs as (
            select b.record_id as settlement, a.record_id as bank, b."pass",
                   count(*) over (partition by a.match_id) as members
            from matched b join matched a on a.match_id = b.match_id and a.side = 'A' where b.side = 'B')
        select s.entity, s.partner, s.channel, s.settlement_id, s.currency, s.total, s.deposit_date, s.file_id,
               s."position", l.record_id as bank, l.account, l.bank_ref, l.booking_date,
               case when m.members > 1 or m."pass" = '{PASS}' then s.total else l.amount end as banked,
               l.file_id as bank_file, o.arrived, o.arrived is not null as out_of_band,
               l."position" as bank_position, l.statement_id,
               s.record_id in (select settlement from {RETURNED}) as returned,
               (select count(*) from range(s.deposit_date, cast({working.recon.now_sql} as date), interval 1 day) r(day)
                where isodow(r.day) < 6) as business_days
        from (from settlement_current {_known(working)}) s left join pairs m on m.settlement = s.record_id
        left join bank_line l on l.record_id = m.bank
        left join (from {OPEN} where not within) o on o.settlement = s.record_id where s.total <> 0"""
    )
    working.add_detail(
        block,
        f"""select entity, partner, channel, settlement_id as document,
               coalesce(booking_date, deposit_date) as event_date, currency, banked as external_amount,
               total as book_amount,
               case when banked = total or returned then 'MATCHED' when banked is not null or out_of_band then 'OPEN'
                   when business_days <= {days} then 'TIMING' else 'OPEN' end as state,
               case when banked = total or returned then null when banked is not null then 'PAYOUT_SHORT'
                   when out_of_band then '{OUT_OF_BAND}'
                   when business_days > {days} then 'PAYOUT_NOT_BANKED' end as code,
               channel || '|' || settlement_id as business_key, coalesce(bank_file, file_id) as file_id,
               coalesce(bank_position, "position") as "position",
               'settlement ' || settlement_id || coalesce(': ' || arrived, '') as book_reference
        from _payout_lines""",
    )
    working.add_detail(
        block,
        f"""select entity, partner, concat_ws(' ', statement_id, bank_ref) as document,
               booking_date as event_date, currency, amount as external_amount, 'OPEN' as state,
               case when record_id not in (select bank from {OPEN}) then 'DEPOSIT_UNKNOWN' end as code,
               concat_ws('|', account, booking_date, coalesce(bank_ref, "position")) as business_key, file_id,
               "position"
        from _deposits where amount > 0 and record_id not in (select bank from _found)""",
    )
    _exceptions(working, block)


def _exceptions(working: Working, block: Reconciliation) -> None:
    working.add_exceptions(
        block,
        f"""select code, business_key, entity, partner, channel, document, event_date,
               external_amount, book_amount, coalesce(external_amount, 0) - coalesce(book_amount, 0) as amount,
               currency,
               case code when 'PAYOUT_NOT_BANKED' then {_WHAT} || document || ' of ' || book_amount || ' ' || currency
                   || ' is not on a bank statement in time'
                   when 'PAYOUT_SHORT' then {_WHAT} || document || ' of ' || book_amount || ' ' || currency
                   || ' arrived with ' || external_amount
                   when '{OUT_OF_BAND}' then {_WHAT} || document || ' of ' || book_amount || ' ' || currency
                   || ' is not confirmed, ' || book_reference
                   else 'A deposit of ' || external_amount || ' ' || currency || ' (' || document
                   || ') is explained by no payout' end as message,
               file_id, "position"
        from {working.detail} where reconciliation = {literal(block.letter)} and state = 'OPEN'
          and code is not null""",
    )
