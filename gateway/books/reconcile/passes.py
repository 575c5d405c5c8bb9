"""Passes over two relations of items: exact first, then looser, each item used once, whatever the order of rows.

Matching is worked out anew each time over all items, so that what arrives late or is corrected is matched as if it had
always been there. Several candidates are no match: the items stay open.
"""

from __future__ import annotations

from decimal import Decimal

import duckdb

from gateway.books.reconcile.registry import Pass


def match(con: duckdb.DuckDBPyConnection, external: str, book: str, passes: tuple[Pass, ...], into: str) -> str:
    """Make the relation `into` of pairs: grp, pass, external (item or null), book (item or null), close (bool).

    close  whether the group's amounts agree within the pass's tolerance; False where a key pairs them and they differ
    """
    con.execute(
        f"""create or replace temp table {into} (grp varchar, pass varchar, external bigint, book bigint, close boolean)"""
    )
    for number, one in enumerate(passes, start=1):
        name = f"P{number}"
        if one.by == "amount":
            _by_amount(con, external, book, one, into, name)
        else:
            _by_key(con, external, book, one, into, name)
    return into


def _rest(side: str, relation: str, into: str) -> str:
    """Items of a side that no pass has used yet."""
    return f"(select * from {relation} where item not in (select {side} from {into} where {side} is not null))"


def _by_key(con: duckdb.DuckDBPyConnection, external: str, book: str, one: Pass, into: str, name: str) -> None:
    """Pairs or groups with the same key, entity and currency whose sums agree within the tolerance."""
    single = "and x.n = 1 and b.n = 1" if one.by == "key" else ""
    near = f"and abs(date_diff('day', x.day, b.day)) <= {one.days}" if one.days is not None else ""

    def sums(side: str, relation: str) -> str:
        return f"""select entity, currency, k, count(*) as n, sum(amount) as amount, min(day) as day
            from {_rest(side, relation, into)} where k <> '' group by all"""

    con.execute(
        f"""insert into {into}
        with x as ({sums("external", external)}), b as ({sums("book", book)}),
        agreed as (
            select x.entity, x.currency, x.k from x join b
              on x.entity is not distinct from b.entity and x.currency = b.currency and x.k = b.k
            where {_close("x.amount", "b.amount", one)} {single} {near})
        select '{name}|' || coalesce(a.entity, '') || '|' || a.currency || '|' || a.k, '{name}', i.external, i.book, true
        from agreed a join (
            select entity, currency, k, item as external, cast(null as bigint) as book
            from {_rest("external", external, into)}
            union all select entity, currency, k, null, item from {_rest("book", book, into)}) i
          on i.entity is not distinct from a.entity and i.currency = a.currency and i.k = a.k"""
    )


def _by_amount(con: duckdb.DuckDBPyConnection, external: str, book: str, one: Pass, into: str, name: str) -> None:
    """The only item of each side with this amount within the window."""
    con.execute(
        f"""insert into {into}
        with pairs as (
            select x.item as external, b.item as book
            from {_rest("external", external, into)} x join {_rest("book", book, into)} b
              on x.entity is not distinct from b.entity and x.currency = b.currency and x.amount = b.amount
            where abs(date_diff('day', x.day, b.day)) <= {one.days}),
        only_ones as (
            select * from pairs
            qualify count(*) over (partition by external) = 1 and count(*) over (partition by book) = 1)
        select '{name}|' || external || '|' || book, '{name}', external, cast(null as bigint), true from only_ones
        union all select '{name}|' || external || '|' || book, '{name}', null, book, true from only_ones"""
    )


def _close(external: str, book: str, one: Pass) -> str:
    """SQL: the difference is within the absolute and the relative bound."""
    if not one.absolute:
        return f"{external} = {book}"
    absolute, relative = Decimal(str(one.absolute)), Decimal(str(one.relative))
    return f"abs({external} - {book}) <= least({absolute}, abs({book}) * {relative})"
