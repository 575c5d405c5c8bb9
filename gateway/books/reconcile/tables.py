"""What every reconciliation is given, and the temporary tables that they fill."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import duckdb

from gateway.books.feeds import Feed
from gateway.books.posting.rules import Rules
from gateway.settings import Config
from gateway.sql import instant

TITLES = {
    "a": "Partner's count against the book",
    "c1": "Settled against shipped",
    "d": "Payouts against the bank",
    "g": "Subledger against the general ledger",
    "i": "Files",
    "j": "What was sent, and what partners say of it",
}


@dataclass(frozen=True, slots=True)
class Recon:
    """Settings of a run; `now` is the instant that ages and windows are counted from, `feeds` are those expected."""

    config: Config
    now: datetime
    feeds: Sequence[Feed]
    rules: Rules

    @property
    def now_sql(self) -> str:
        """SQL literal of `now`."""
        return instant(self.now)


def create_tables(con: duckdb.DuckDBPyConnection) -> None:
    """Make the empty tables recon_detail, recon_exception, recon_match and recon_payout_match."""
    con.execute(
        """create or replace temp table recon_detail (
        reconciliation varchar, entity varchar, partner varchar, channel varchar, location varchar, sku varchar,
        bucket varchar, document varchar, event_date date, currency varchar, external_qty decimal(18,4),
        book_qty decimal(18,4), external_amount decimal(18,4), book_amount decimal(18,4), state varchar,
        code varchar, business_key varchar, file_id varchar, "position" varchar, book_reference varchar)"""
    )
    con.execute(
        """create or replace temp table recon_exception (
        reconciliation varchar, code varchar, business_key varchar, entity varchar, partner varchar,
        channel varchar, location varchar, sku varchar, document varchar, event_date date,
        external_qty decimal(18,4), book_qty decimal(18,4), external_amount decimal(18,4),
        book_amount decimal(18,4), amount decimal(18,4), qty decimal(18,4), currency varchar, message varchar,
        file_id varchar, "position" varchar)"""
    )
    con.execute(
        """create or replace temp table recon_match (
        match_id varchar, reconciliation varchar, "pass" varchar, rule varchar, side varchar, record_id varchar,
        amount decimal(18,4), difference decimal(18,4), status varchar, explanation varchar)"""
    )
    con.execute(
        """create or replace temp table recon_payout_match (
        record_id varchar, sign integer, entity varchar, channel varchar, currency varchar, file_id varchar,
        salt varchar, settlement_id varchar, booking_date date, amount decimal(18,4))"""
    )


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
