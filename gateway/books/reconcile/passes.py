"""Passes over two relations of items: exact first, then looser, each item used once, whatever the order of rows.

Matching is worked out again each time over all items, so that what arrives late or is corrected is matched as if it had
always been there. A pair is a match where neither side has another candidate in its pass; several candidates are none.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

import duckdb
import pyarrow as pa

from gateway.books.reconcile.registry import Pass
from gateway.books.reconcile.words import named
from gateway.sql import lay, literal

CANDIDATES_MAX = 400
"""Pairs of candidates under one key, one amount or one word. Beyond it nothing is tried: all are ambiguous."""

_LINKED = pa.schema([("grp", pa.utf8()), ("external", pa.int64()), ("book", pa.int64())])
_USED = "where item not in (select {side} from {pairs} where {side} is not null)"


@dataclass(frozen=True, slots=True)
class Found:
    """Relations of what the passes found; `external` and `book` are items, one of them null in each row.

    pairs   (grp, pass, external, book): groups that match
    linked  (grp, kind, external, book): groups that belong together and are no match, AMBIGUOUS or DIFFERS
    """

    pairs: str
    linked: str


def match(con: duckdb.DuckDBPyConnection, external: str, book: str, passes: tuple[Pass, ...], into: str) -> Found:
    """Make both relations from two relations of items (see sides.items); their names begin with `into`."""
    found = Found(into, f"{into}_linked")
    con.execute(f"create or replace temp table {found.pairs} (grp varchar, pass varchar, external bigint, book bigint)")
    con.execute(
        f"create or replace temp table {found.linked} (grp varchar, kind varchar, external bigint, book bigint)"
    )
    for number, one in enumerate(passes, start=1):
        work = _Pass(con, external, book, one, f"P{number}", found)
        if one.by == "group":
            work.groups()
        else:
            work.pairs()
    _settle(con, found)
    return found


def _settle(con: duckdb.DuckDBPyConnection, found: Found) -> None:
    """What a later pass matched is linked no more, nor what then has one side alone."""
    for side in ("external", "book"):
        con.execute(
            f"delete from {found.linked} where {side} in (select {side} from {found.pairs} where {side} is not null)"
        )
    con.execute(
        f"""delete from {found.linked} where grp not in (
            select grp from {found.linked} group by grp having count(external) > 0 and count(book) > 0)"""
    )


@dataclass(frozen=True, slots=True)
class _Pass:
    """One pass over what the passes before it left."""

    con: duckdb.DuckDBPyConnection
    external: str
    book: str
    one: Pass
    name: str
    found: Found

    def rest(self, side: str) -> str:
        """Items of a side that no pass has used yet."""
        relation = self.external if side == "external" else self.book
        return f"(select * from {relation} {_USED.format(side=side, pairs=self.found.pairs)})"

    def agree(self, external: str, book: str) -> str:
        """SQL: two amounts are within the absolute and the relative bound."""
        if not self.one.absolute:
            return f"{external} = {book}"
        absolute, relative = Decimal(str(self.one.absolute)), Decimal(str(self.one.relative))
        return f"abs({external} - {book}) <= least({absolute}, abs({book}) * {relative})"

    def near(self, external: str, book: str) -> str:
        """SQL: two days are within the window; without one every two are."""
        if self.one.days is None:
            return "true"
        return f"coalesce(abs(date_diff('day', {external}, {book})) <= {self.one.days}, false)"

    def groups(self) -> None:
        """All items with the same key, where their sums agree."""

        def sums(side: str) -> str:
            return f"""select entity, currency, k, sum(amount) as amount, min(day) as day
                from {self.rest(side)} where k is not null group by all"""

        self.con.execute(
            f"""insert into {self.found.pairs}
            with agreed as (
                select entity, currency, k from ({sums("external")}) x join ({sums("book")}) b
                    using (entity, currency, k)
                where {self.agree("x.amount", "b.amount")} and {self.near("x.day", "b.day")}),
            items as (
                select entity, currency, k, item as external, cast(null as bigint) as book from {self.rest("external")}
                union all select entity, currency, k, null, item from {self.rest("book")})
            select concat_ws('|', '{self.name}', entity, currency, k), '{self.name}', external, book
            from items semi join agreed using (entity, currency, k)"""
        )

    def pairs(self) -> None:
        """Pairs of candidates: unique ones match, the others are linked as ambiguous or as differing."""
        self.con.execute(f"create or replace temp table _near as {self._candidates()}")
        self._match(
            """select external, book from _near where agrees
            qualify count(*) over (partition by external) = 1 and count(*) over (partition by book) = 1"""
        )
        if self.one.by == "words":
            self._several("external", "book")
            self._several("book", "external")
        self._link_ambiguous()
        if self.one.by == "words":
            self._link_differing()

    def _candidates(self) -> str:
        """SELECT of (external, book, agrees): what the key, the amount or the words bring together.

        Where it would bring too many together they are linked at once, and nothing is tried.
        """
        if self.one.by == "words":
            together = named(self.con, self.rest("external"), self.rest("book"), CANDIDATES_MAX)
        else:
            by = "k" if self.one.by == "key" else "amount"
            together = self._together(by)
        return f"""select t.external, t.book, {self.agree("x.amount", "b.amount")}
            and {self.near("x.day", "b.day")} as agrees
            from {together} t join {self.external} x on x.item = t.external join {self.book} b on b.item = t.book
            where x.entity = b.entity and x.currency = b.currency"""

    def _together(self, by: str) -> str:
        same = f"entity, currency, {by}"

        def counted(side: str) -> str:
            return (
                f"select {same}, item, count(*) over (partition by {same}) as n from {self.rest(side)} where {by} "
                f"is not null"
            )

        self.con.execute(
            f"""create or replace temp table _together as
            select x.item as external, b.item as book from ({counted("external")}) x join ({counted("book")}) b
                using ({same})
            where x.n * b.n <= {CANDIDATES_MAX}"""
        )
        self.con.execute(
            f"""insert into {self.found.linked}
            with crowded as (
                select {same} from (select {same}, count(*) as n from {self.rest("external")} group by all) x
                join (select {same}, count(*) as n from {self.rest("book")} group by all) b using ({same})
                where x.n * b.n > {CANDIDATES_MAX})
            select concat_ws('|', '{self.name}', {same}), 'AMBIGUOUS', item, null
            from {self.rest("external")} semi join crowded using ({same})
            union all select concat_ws('|', '{self.name}', {same}), 'AMBIGUOUS', null, item
            from {self.rest("book")} semi join crowded using ({same})"""
        )
        return "_together"

    def _match(self, pairs: str, one: str = "external") -> None:
        """Add groups: a SELECT of (external, book); what shares the `one` item is a group, and that item comes once."""
        self.con.execute(
            f"""insert into {self.found.pairs}
            with found as ({pairs})
            select distinct concat_ws('|', '{self.name}', '{one}', {one}), '{self.name}', external, null from found
            union all select distinct concat_ws('|', '{self.name}', '{one}', {one}), '{self.name}', null, book
                from found"""
        )

    def _several(self, one: str, many: str) -> None:
        """An item with several of the other side, each of them with no other: a group where their sum agrees."""
        tables = {"external": self.external, "book": self.book}
        total = {one: "min(o.amount)", many: "sum(m.amount)"}
        self._match(
            f"""with alone as (
                select * from _near where {self._unused()} qualify count(*) over (partition by {many}) = 1),
            agreed as (
                select {one} from alone a join {tables[one]} o on o.item = a.{one}
                    join {tables[many]} m on m.item = a.{many}
                group by {one} having count(*) > 1 and {self.agree(total["external"], total["book"])}
                   and bool_and({self.near("o.day", "m.day")}))
            select external, book from alone semi join agreed using ({one})""",
            one,
        )

    def _unused(self) -> str:
        return " and ".join(
            f"{side} not in (select {side} from {self.found.pairs} where {side} is not null)"
            for side in ("external", "book")
        )

    def _link_ambiguous(self) -> None:
        """Pairs that agree and are not unique, in groups of all that hang together."""
        rows = self.con.execute(
            f"select external, book from _near where agrees and {self._unused()} order by all"
        ).fetchall()
        self._link(connected(rows), "AMBIGUOUS")

    def _link_differing(self) -> None:
        """What a text names and is not its amount: with all that it names, where nothing else names them."""
        for one, many in (("external", "book"), ("book", "external")):
            self.con.execute(
                f"""insert into {self.found.linked}
                with alone as (
                    select * from _near where {self._unused()} qualify count(*) over (partition by {many}) = 1),
                free as (
                    select * from alone where not exists (
                        select 1 from {self.found.linked} l where l.external = alone.external or l.book = alone.book)),
                keyed as (select concat_ws('|', '{self.name}', '{one}', {one}) as grp, external, book from free)
                select distinct grp, 'DIFFERS', external, null from keyed
                union all select distinct grp, 'DIFFERS', null, book from keyed"""
            )

    def _link(self, rows: Iterable[tuple[int, int, int]], kind: str) -> None:
        """Add linked groups of (number, external, book), without items that an earlier pass linked."""
        lay(self.con, "_hanging", [(f"{self.name}|{number}", x, b) for number, x, b in rows], _LINKED)
        for side, columns in (("external", "external, null"), ("book", "null, book")):
            self.con.execute(
                f"""insert into {self.found.linked}
                select distinct grp, {literal(kind)}, {columns} from _hanging
                where {side} not in (select {side} from {self.found.linked} where {side} is not null)"""
            )


def connected(pairs: Iterable[tuple[int, int]]) -> list[tuple[int, int, int]]:
    """(number of the group, external, book) of each pair; pairs that share an item are in one group."""
    parents: dict[tuple[str, int], tuple[str, int]] = {}

    def root(node: tuple[str, int]) -> tuple[str, int]:
        while (parent := parents.setdefault(node, node)) != node:
            parents[node] = parents[parent]
            node = parents[node]
        return node

    listed = list(pairs)
    for external, book in listed:
        parents[root(("book", book))] = root(("external", external))
    numbers: dict[tuple[str, int], int] = {}
    return [(numbers.setdefault(root(("external", x)), len(numbers)), x, b) for x, b in listed]
