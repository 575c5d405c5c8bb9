"""Amounts in the currency of the entity: each line at the rate of its day. Entries balance in both currencies."""

from __future__ import annotations

import duckdb

from gateway.books.posting.rates import lay_rates
from gateway.books.posting.reference import ACCOUNTS, ENTITIES
from gateway.sql import has_rows, literal

ROUNDING = "rounding"
"""Role of the account that takes what rounding leaves: at most half a smallest coin for each line."""
_RATES = "_entry_rates"


def rounded(amount: str, digits: str) -> str:
    """SQL: an amount at the decimals of a currency (0 to 4), half away from zero."""
    # Each case has the same type: of several the database takes one with too few decimals.
    money = [f"cast(round({amount}, {places}) as decimal(18,4))" for places in range(5)]
    cases = " ".join(f"when {places} then {sql}" for places, sql in enumerate(money[:4]))
    return f"case {digits} {cases} else {money[4]} end"


def convert(con: duckdb.DuckDBPyConnection, lines: str) -> None:
    """Give lines in another currency their functional amounts where there is a rate, and each of their entries a line
    of what rounding leaves. Lines that have one are passed over.

    lines  table of journal lines in the making
    """
    foreign = "l.functional_amount is null and l.currency <> f.functional"
    asked = f"""select l.currency, f.functional, l.date as day
        from {lines} l join {ENTITIES} f using (entity) where {foreign}"""
    if has_rows(con, f"({asked})"):
        if lay_rates(con, asked, _RATES):
            _convert(con, lines)
        con.execute(f"drop table temp.main.{_RATES}")


def _convert(con: duckdb.DuckDBPyConnection, lines: str) -> None:
    """Convert lines at the rates that are laid out."""
    worth = rounded("(l.debit - l.credit) * r.rate", "r.digits")
    con.execute(
        f"""update {lines} as l set rate = r.rate, functional_amount = {worth}
        from (select r.*, f.entity, f.digits from {_RATES} r join {ENTITIES} f using (functional)) r
        where l.functional_amount is null and r.entity = l.entity and r.currency = l.currency and r.day = l.date"""
    )
    same = "entry_id, entity, date, period, event_day, rule, rule_version, status, currency, unit_id, file_id"
    con.execute(
        f"""insert into {lines} by name
        select {same}, c.account, c.role, {literal("Rounding of functional amounts")} as memo, 0 as debit, 0 as credit,
               max(line_no) + 1 as line_no, min(document) as document, -sum(functional_amount) as functional_amount
        from {lines} cross join (select account, role from {ACCOUNTS} where role = {literal(ROUNDING)}) c
        group by {same}, c.account, c.role
        having bool_and(functional_amount is not null) and sum(functional_amount) <> 0"""
    )
