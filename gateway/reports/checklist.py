"""What is looked at before a period is closed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import date

from gateway.books.currency.true_up import MISSING
from gateway.books.periods import Point, last_day
from gateway.books.posting.posting_days import first_day, following
from gateway.books.reconcile.tables import Working
from gateway.reports import reconciliations
from gateway.sql import literal, words

NAMED_MAX = 5
"""So many of what was found are named."""

_ACCEPT = "Or accept it: `--accept {name}`, with the reason in `--comment`."


def checklist(
    working: Working, entity: str, period: str, today: date, partners: Collection[str], accepted: Collection[str]
) -> list[Point]:
    """Every point for a period of an entity, after a run of the reconciliations.

    today     in the entity's time zone
    partners  whose files belong to the entity
    accepted  names of points that a person accepts as they are
    """
    found = [_over(period, today)]
    for name, question, look, fix in _POINTS:
        found.append(
            Point(name, question, look(working, entity, period, partners), f"{fix} {_ACCEPT.format(name=name)}")
        )
    return [replace(point, accepted=bool(point.found) and point.name in accepted) for point in found]


def _over(period: str, today: date) -> Point:
    begins = first_day(following(period))
    found = f"today is {today}" if today < begins else ""
    return Point("over", "The period is over", found, f"Close it from {begins} on, or `gateway soft-close`.")


def _severe(working: Working, entity: str, period: str, partners: Collection[str]) -> str:
    """Open exceptions of severity 1 of the entity, or of its partners' files, that the period may need."""
    of_partner = f"entity is null and (partner is null or partner in ({words(sorted(partners)) or 'null'}))"
    rows = working.con.execute(
        f"""select code, count(*), min(business_key) from exception
        where status = 'OPEN' and severity = 1 and (entity = {literal(entity)} or ({of_partner}))
          and coalesce(event_date <= {last_day(period)}, true)
        group by code order by code"""
    ).fetchall()
    return "; ".join(f"{count} {code} ({key}{' …' * (count > 1)})" for code, count, key in rows)


def _suspense(working: Working, entity: str, period: str, partners: Collection[str]) -> str:
    rows = working.con.execute(
        f"""select sum(debit - credit) as balance, currency, min(account) from journal_line
        where entity = {literal(entity)} and role = 'suspense' and period <= {literal(period)}
        group by currency having sum(debit - credit) <> 0 order by currency"""
    ).fetchall()
    return "; ".join(f"{balance} {currency} on {account}" for balance, currency, account in rows)


def _ties(working: Working, entity: str, period: str, partners: Collection[str]) -> str:
    """Clearing accounts that are not what their open items say, as of now."""
    columns = ("reconciliation", "title", "entity", "unit", "ledger_account", "tie")
    rows = reconciliations.summary(working.con, working.recon.registry, working.detail, columns).to_pylist()
    apart = [row for row in rows if row["entity"] == entity and row["tie"]]
    return "; ".join(f"{row['ledger_account']} by {row['tie']} {row['unit']} ({row['title']})" for row in apart)


def _bank(working: Working, entity: str, period: str, partners: Collection[str]) -> str:
    """The bank account in the ledger against the last closing balances that banks state by then."""
    rows = working.con.execute(
        f"""with closing as (
            select account, currency, arg_max(amount, (date, coalesce(sequence, 0), statement_id)) as amount
            from bank_balance_current
            where entity = {literal(entity)} and balance_type = 'CLBD' and date <= {last_day(period)}
            group by account, currency),
        stated as (select currency, sum(amount) as amount from closing group by currency),
        ledger as (
            select currency, sum(debit - credit) as amount from journal_line
            where entity = {literal(entity)} and role = 'bank' and period <= {literal(period)} group by currency)
        select currency, s.amount, coalesce(l.amount, 0) from stated s full join ledger l using (currency)
        where s.amount is distinct from coalesce(l.amount, 0) and (s.amount is not null or l.amount <> 0)
        order by currency"""
    ).fetchall()
    return "; ".join(
        f"banks state {'no balance in' if stated is None else stated} {currency}, the ledger has {own}"
        for currency, stated, own in rows
    )


def _files(working: Working, entity: str, period: str, partners: Collection[str]) -> str:
    rows = working.con.execute(
        f"""select partner || '/' || name from file_state
        where state in ('HELD', 'QUARANTINED') and partner in ({words(sorted(partners)) or "null"})
        order by all"""
    ).fetchall()
    return _some([name for (name,) in rows])


def _rates(working: Working, entity: str, period: str, partners: Collection[str]) -> str:
    """Currencies of which days have no rate. Lines that were posted before their rate came have it beside them."""
    rows = working.con.execute(
        f"""select message from exception where code = {literal(MISSING)} and status = 'OPEN'
          and entity = {literal(entity)} and event_date <= {last_day(period)} order by currency"""
    ).fetchall()
    return "; ".join(message.partition(". Fix:")[0] for (message,) in rows)


def _proposed(working: Working, entity: str, period: str, partners: Collection[str]) -> str:
    return _sums(working, entity, period, "status = 'PROPOSED'")


def _sums(working: Working, entity: str, period: str, condition: str) -> str:
    rows = working.con.execute(
        f"""select count(*), sum(debit), currency from journal_line
        where entity = {literal(entity)} and period <= {literal(period)} and {condition}
        group by currency order by currency"""
    ).fetchall()
    return "; ".join(f"{count} lines, {debit} {currency} of debits" for count, debit, currency in rows)


def _some(names: list[str]) -> str:
    more = f" and {len(names) - NAMED_MAX} more" if len(names) > NAMED_MAX else ""
    return ", ".join(names[:NAMED_MAX]) + more


_Look = Callable[[Working, str, str, Collection[str]], str]
_POINTS: tuple[tuple[str, str, _Look, str], ...] = (
    ("exceptions", "No exception of severity 1 is open", _severe, "Settle them: `gateway status`."),
    ("suspense", "The suspense account is empty", _suspense, "Match what is on it, or send a manual entry."),
    ("ties", "Clearing accounts are what their open items say", _ties, "Look at SUMMARY in the exception workbook."),
    (
        "bank",
        "The bank account is what the statements say",
        _bank,
        "Send the statements or opening balances that are missing.",
    ),
    ("files", "No file of the entity's partners waits", _files, "`gateway status` says what each needs."),
    ("rates", "Every entry has an amount in the entity's currency", _rates, "Send the rates of these days."),
    ("proposed", "No entry is only proposed", _proposed, "Approve or reject them."),
)
NAMES: Mapping[str, str] = {name: question for name, question, *_ in _POINTS}
"""Points that a person may accept as they are, each with what it asks."""
