"""What every reconciliation is given, and the temporary tables that they fill."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import duckdb

from gateway.books.feeds import Feed
from gateway.books.posting.rules import PostingRules
from gateway.books.posting.sources import DERIVED
from gateway.books.reconcile.registry import Registry
from gateway.model import TABLES
from gateway.model.table import TEXT
from gateway.settings import Config
from gateway.sql import identifier, instant

# Columns that an exception has before it has a life; severity, owner and the rest follow from its code.
CONTENT = (
    "reconciliation", "code", "business_key", "entity", "partner", "channel", "location", "sku", "document", "event_date",
    "external_qty", "book_qty", "external_amount", "book_amount", "amount", "qty", "currency", "message", "file_id",
    "position",
)  # fmt: skip
DETAIL = ("bucket", "state", "book_reference")
"""What a line of a reconciliation has beside what an exception has; it has neither differences nor a message."""


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


def create_tables(con: duckdb.DuckDBPyConnection) -> None:
    """Make the empty tables recon_detail, recon_exception, recon_match and recon_payout_match."""
    _make(con, "recon_exception", {name: _type("exception_event", name) for name in CONTENT})
    line = [name for name in CONTENT if name not in ("amount", "qty", "message")]
    _make(con, "recon_detail", {name: _type("exception_event", name) for name in line} | dict.fromkeys(DETAIL, TEXT))
    match = [column.name for column in TABLES["match_line"].columns if column.name != "recorded_at"]
    _make(con, "recon_match", {name: _type("match_line", name) for name in match})
    posted = ("record_id", "sign", "entity", "channel", "currency", "file_id", "salt")
    _make(con, "recon_payout_match", dict.fromkeys(posted, TEXT) | {"sign": "INTEGER"} | DERIVED["payout_match"])


def _type(table: str, column: str) -> str:
    found = TABLES[table].column(column)
    if found is None:
        raise ValueError(f"{table} has no column {column}")
    return found.type


def _make(con: duckdb.DuckDBPyConnection, name: str, columns: Mapping[str, str]) -> None:
    listed = ", ".join(f"{identifier(column)} {kind}" for column, kind in columns.items())
    con.execute(f"create or replace temp table {name} ({listed})")


def source(relation: str = "") -> str:
    """SQL of "file_id, position" of a group: those of its first row, so that they belong together and are always the same."""
    row = relation and f"{relation}."
    first = f'min(struct_pack(file := {row}file_id, size := length({row}"position"), place := {row}"position"))'
    return f'({first}).file as file_id, ({first}).place as "position"'


def exceptions_from_detail(con: duckdb.DuckDBPyConnection, reconciliation: str, message: str) -> None:
    """Make one exception of every open line of recon_detail; `message` is SQL over its columns."""
    con.execute(
        f"""insert into recon_exception by name
        select reconciliation, code, business_key, min(entity) as entity, min(partner) as partner,
               min(channel) as channel, min(location) as location, min(sku) as sku, min(document) as document,
               min(event_date) as event_date, sum(external_qty) as external_qty, sum(book_qty) as book_qty,
               sum(external_amount) as external_amount, sum(book_amount) as book_amount,
               case when count(external_amount) + count(book_amount) > 0
                   then coalesce(sum(external_amount), 0) - coalesce(sum(book_amount), 0) end as amount,
               case when count(external_qty) + count(book_qty) > 0
                   then coalesce(sum(external_qty), 0) - coalesce(sum(book_qty), 0) end as qty,
               min(currency) as currency, min({message}) as message, {source()}
        from recon_detail where reconciliation = '{reconciliation}' and state = 'OPEN'
        group by reconciliation, code, business_key"""
    )
