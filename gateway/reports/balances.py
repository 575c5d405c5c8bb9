"""The trial balance by account: what accounts began with, what moved them, what they closed with."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import duckdb

from gateway.books.currency.true_up import RULE as TRUE_UP
from gateway.books.posting.reference import ACCOUNTS, ENTITIES
from gateway.sql import Rows, literal, rows_of

_FIGURES = ("opening", "movement", "closing")
_MEASURES = (*_FIGURES, *(f"functional_{name}" for name in _FIGURES))
_ALL = "All accounts"


def by_account(con: duckdb.DuckDBPyConnection, since: date, at: date, entity: str = "") -> tuple[Rows, Rows]:
    """(a row for each entity, account and currency that has posted lines until the day `at`; the same summed).

    Amounts are debit − credit: `opening` of the days before `since`, `movement` from then to the end of `at`, `closing`
    both together, in the currency and in that of the entity (`functional`). `unconverted` counts lines without a
    functional amount, for which there is no rate. Every sum is zero, or an entry is broken; the functional ones over
    all currencies of an entity (a row without a currency).

    The relations of accounts and entities must be there. `entity` looks at one alone, "" at all.
    """
    lines = _lines_sql(since, at, entity)
    names = f"(select account, min(account_name) as account_name from {ACCOUNTS} group by account)"
    accounts = rows_of(
        con,
        f"""select entity, account, account_name, currency, {_sums("opening", "movement")},
                   f.functional, {_sums("functional_opening", "functional_movement")},
                   cast(sum(unconverted) as bigint) as unconverted
            from ({lines}) left join {names} using (account) left join {ENTITIES} f using (entity)
            group by entity, account, account_name, currency, f.functional order by entity, account, currency""",
    )
    sums = rows_of(
        con,
        f"""select entity, '{_ALL}' as account_name, currency, {_sums("opening", "movement")}
            from ({lines}) group by entity, currency
            union all by name
            select entity, '{_ALL}' as account_name, f.functional,
                   {_sums("functional_opening", "functional_movement")}
            from ({lines}) left join {ENTITIES} f using (entity) group by entity, f.functional
            order by entity, functional nulls first, currency""",
    )
    return list(accounts), list(sums)


def broken(sums: Rows) -> Rows:
    """The sums that are not zero."""
    return [row for row in sums if any(Decimal(row[name] or 0) for name in _MEASURES)]


def _lines_sql(since: date, at: date, entity: str) -> str:
    """SELECT of the posted lines until a day, with what each adds to the figures."""
    before = f"date < {literal(str(since))}"
    return f"""select entity, account, currency, case when {before} then debit - credit else 0 end as opening,
            case when {before} then 0 else debit - credit end as movement,
            case when {before} then coalesce(functional_amount, 0) else 0 end as functional_opening,
            case when {before} then 0 else coalesce(functional_amount, 0) end as functional_movement,
            cast(functional_amount is null and (coalesce(unit_id, entry_id), date) not in (
                select (unit_id, event_day) from journal_line
                where rule = {literal(TRUE_UP)} and date <= {literal(str(at))})
                as bigint) as unconverted
        from journal_line where status = 'POSTED' and date <= {literal(str(at))}
        {f"and entity = {literal(entity)}" if entity else ""}"""


def _sums(opening: str, movement: str) -> str:
    closing = opening.replace("opening", "closing")
    parts = ((opening, opening), (movement, movement), (f"{opening} + {movement}", closing))
    return ", ".join(f"cast(sum({sql}) as decimal(18,4)) as {name}" for sql, name in parts)
