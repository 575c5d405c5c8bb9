"""What every reconciliation is given, and the relations that it fills.

A run has one `Working`. Whoever reads a relation is handed the `Working`, and takes the relation's name from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import duckdb

from gateway.books import feeds
from gateway.books.feeds import Arrival, Feed
from gateway.books.posting.rules import PostingRules
from gateway.books.reconcile.registry import Reconciliation, Registry
from gateway.model import Table
from gateway.model.exceptions import WANTED
from gateway.model.matches import FOUND
from gateway.model.reconciling import DETAIL, LEFT_OUT, MATCHED
from gateway.settings import Config
from gateway.sql import identifier, instant, literal


@dataclass(frozen=True, slots=True)
class Recon:
    """Settings of a run; `now` is the instant that ages and windows are counted from, `feeds` are those expected."""

    config: Config
    now: datetime
    feeds: Sequence[Feed]
    rules: PostingRules
    registry: Registry

    @property
    def now_sql(self) -> str:
        """SQL literal of `now`."""
        return instant(self.now)


@dataclass(frozen=True, slots=True)
class ToPost:
    """A derivation's records that a reconciliation hands to the posting rules, in a relation with these columns."""

    on: str
    relation: str
    columns: tuple[str, ...]


class Working:
    """The relations of one run, by name; gateway/model/ has their columns.

    detail     both sides, line by line
    exceptions what should be open now
    found      matches that are new, and those that no longer hold
    matched    the records that matches consumed, as the workbook shows them
    left_out   what the run of the books leaves out
    to_post    what the posting rules are given
    """

    detail, exceptions, found, matched = DETAIL.name, WANTED.name, FOUND.name, MATCHED.name
    left_out = LEFT_OUT.name

    def __init__(self, con: duckdb.DuckDBPyConnection, recon: Recon) -> None:
        self.con, self.recon = con, recon
        self.to_post: list[ToPost] = []

    @cached_property
    def arrivals(self) -> dict[str, list[Arrival]]:
        """The files that came, by feed."""
        return feeds.arrivals(self.con, self.recon.feeds)

    def create(self) -> None:
        """Make the relations, empty."""
        for table in (DETAIL, WANTED, FOUND, MATCHED, LEFT_OUT):
            _create(self.con, table)

    def add_detail(self, block: Reconciliation, select: str) -> None:
        """Add lines: a SELECT of columns of `detail`, without that of the reconciliation."""
        self._add(self.detail, block, select)

    def add_exceptions(self, block: Reconciliation, select: str) -> None:
        """Add exceptions: a SELECT of columns of `exceptions`, without that of the reconciliation."""
        self._add(self.exceptions, block, select)

    def add_found(self, block: Reconciliation, select: str) -> None:
        """Add matches: a SELECT of columns of `found`, without that of the reconciliation."""
        self._add(self.found, block, select)

    def add_matched(self, block: Reconciliation, select: str) -> None:
        """Add records that matches consumed: a SELECT of columns of `matched`, without that of the reconciliation."""
        self._add(self.matched, block, select)

    def _add(self, relation: str, block: Reconciliation, select: str) -> None:
        self.con.execute(
            f"insert into {relation} by name select {literal(block.letter)} as reconciliation, * from ({select})"
        )

    def forget(self, block: Reconciliation) -> None:
        """Remove what a reconciliation added."""
        for relation in (self.detail, self.exceptions, self.found, self.matched):
            self.con.execute(f"delete from {relation} where reconciliation = {literal(block.letter)}")

    def standing(self, block: Reconciliation) -> str:
        """SELECT of the ledger's matches of a reconciliation that hold."""
        return f"select * from match_state where reconciliation = {literal(block.letter)} and status <> 'REVERSED'"

    def exceptions_from_detail(self, block: Reconciliation, message: str) -> None:
        """Make an exception of the open lines of each code, key and entity; `message` is SQL over the columns of
        `detail`."""
        lines = f"(select * from {self.detail} where reconciliation = {literal(block.letter)} and state = 'OPEN')"
        same = " and ".join(f"d.{name} is not distinct from o.{name}" for name in ("code", "business_key", "entity"))
        # Of thousands of lines hardly any has the key of another one, and to put each in a group of its own takes long.
        self.add_exceptions(
            block,
            f"""with often as (
                select code, business_key, entity from {lines} group by all having count(*) > 1)
            select code, business_key, entity, partner, channel, location, sku, document, event_date, external_qty,
                   book_qty, external_amount, book_amount, {_difference("amount")} as amount,
                   {_difference("qty")} as qty, currency, {message} as message, file_id, "position"
            from {lines} d anti join often o on {same}
            union all by name
            select code, business_key, entity, min(partner) as partner,
                   min(channel) as channel, min(location) as location, min(sku) as sku, min(document) as document,
                   min(event_date) as event_date, sum(external_qty) as external_qty, sum(book_qty) as book_qty,
                   sum(external_amount) as external_amount, sum(book_amount) as book_amount,
                   {_difference("amount", "sum")} as amount, {_difference("qty", "sum")} as qty,
                   min(currency) as currency, min({message}) as message, {source()}
            from {lines} d semi join often o on {same} group by code, business_key, entity""",
        )


def _difference(figure: str, combined: str = "") -> str:
    """SQL of external − book, of sums where these are `combined`; null where neither is there."""
    external, book = f"{combined}(external_{figure})", f"{combined}(book_{figure})"
    return (
        f"case when {external} is not null or {book} is not null then coalesce({external}, 0) - coalesce({book}, 0) end"
    )


def _create(con: duckdb.DuckDBPyConnection, table: Table) -> None:
    columns = ", ".join(f"{identifier(column.name)} {column.type}" for column in table.columns)
    con.execute(f"create or replace temp table {table.name} ({columns})")


def source(relation: str = "") -> str:
    """SQL of "file_id, position" of a group: those of its first row, so that they belong together and are always the
    same."""
    row = relation and f"{relation}."
    first = f'min(struct_pack(file := {row}file_id, size := length({row}"position"), place := {row}"position"))'
    return f'({first}).file as file_id, ({first}).place as "position"'
