"""Books over a ledger in memory: the same tables, views and commits as in a home, in milliseconds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import duckdb

from gateway.books import run
from gateway.books.currency import true_up
from gateway.books.entered import posting as entered
from gateway.books.posting import kept_rules, reference
from gateway.books.posting.entries import Entries
from gateway.books.posting.rules import PostingRules
from gateway.books.reconcile import Outcome
from gateway.books.reconcile.tables import Recon
from gateway.books.revenue import shipments
from gateway.books.rules import load
from gateway.books.settled import shares
from gateway.books.stock import value_posting, views
from gateway.ledger import views as ledger_views
from gateway.ledger.clock import Clock
from gateway.ledger.commit import Commit
from gateway.ledger.connection import transaction
from gateway.ledger.lake import Lake
from gateway.ledger.schema import CONTROL_COLUMNS, Columns, columns
from gateway.model import TABLES
from gateway.settings import Config
from gateway.sql import identifier, literal

RULES = load(Path(__file__).parents[2])
CONFIG = Config.model_validate(
    {
        "entities": {"US": {"currency": "USD"}, "JP": {"currency": "JPY"}, "KW": {"currency": "KWD"}},
        "channels": {
            "web": {"entity": "US", "revenue": "shipment"},
            "shop": {"entity": "US", "revenue": "settlement"},
        },
    }
)
Row = Mapping[str, Any]
KEPT = (
    "audit_log",
    "journal_line",
    "journal_source",
    "stock_value",
    "shipment_value",
    "settlement_share",
    "entered_value",
    "posting_rules",
    "functional_value",
    "exception_event",
    "period_event",
)
"""Tables that the program itself fills, and what people do to periods."""
DROPPED = (
    "item",
    "order_line",
    "shipment_line",
    "inventory_movement",
    "settlement",
    "settlement_line",
    "bank_line",
    "opening_balance",
    "manual_entry",
    "fx_rate",
    "return_event",
    "purchase_order_line",
    "receipt_line",
    "supplier_invoice_line",
)
"""Tables that files of these tests fill."""


@dataclass
class Books:
    """A ledger in memory. `since` is the instant of the last run of the books, as in a home."""

    con: duckdb.DuckDBPyConnection
    rules: PostingRules = RULES
    since: Any = None
    clock: Clock = field(default_factory=Clock)
    anchors: None = None
    columns: Columns = field(default_factory=dict)

    def row_counts(self) -> dict[str, int]:
        """None that should be copied: the tables lie in memory already."""
        return {}

    def commit(self) -> Commit:
        """A commit that nobody has to finish."""
        return Commit(cast(Lake, self))

    def put(self, table: str, rows: Sequence[Row]) -> None:
        """One commit with these rows; what the table asks for and a row lacks has the value of `DEFAULTS`."""
        self.put_all({table: rows})

    def put_all(self, tables: Mapping[str, Sequence[Row]]) -> None:
        """One commit with rows of several tables."""
        put_into(self.commit(), tables)

    def post(self, table: str, rows: Sequence[Row], replaced: Sequence[str] = ()) -> None:
        """One commit with these rows and their entries, as intake makes them; `replaced` are record ids that they take
        the place of."""
        commit = self.commit()
        put_into(commit, {table: rows})
        columns = [column.name for column in TABLES[table].columns]
        own = ", ".join(identifier(name) for name in columns)
        own += "" if "channel" in columns else ", null::varchar as channel"
        new, old = (", ".join(map(literal, ids)) or "''" for ids in ([row["record_id"] for row in rows], replaced))
        self.con.execute(
            f"""create or replace temp table _posted as
            select record_id, 1 as sign, entity, file_id, file_id as salt, {own} from {table} where record_id in ({new})
            union all
            select record_id, -1, entity, {literal(rows[0].get("file_id", "f"))}, 'again', {own} from {table}
            where record_id in ({old})"""
        )
        entries = Entries(self.con, self.rules, "_test")
        entries.post(table, "_posted", columns)
        entries.write(commit)
        entries.drop()
        kept_rules.keep(commit, self.con, self.rules)

    def run(self, at: datetime = datetime(2026, 11, 20, tzinfo=UTC)) -> int:
        """Value stock and post revenue and shares of what is new, as of an instant; the number of values that
        changed."""
        commit = self.commit()
        changed = value_posting.run(commit, self.con, self.rules, self.since)
        changed += shipments.run(commit, self.con, self.rules, self.since)
        changed += shares.run(commit, self.con, self.rules, self.since, days=120, now=at)
        changed += entered.run(commit, self.con, self.rules, self.since)
        changed += true_up.run(commit, self.con, self.rules, self.since)
        if changed:
            commit.audit("test", "books", "books")
            self.since = commit.at
        return changed

    def run_all(self, at: datetime = datetime(2026, 11, 20, tzinfo=UTC), config: Config = CONFIG) -> Outcome:
        """A whole run of the books at that instant, with reconciliations and exceptions."""

        def committing(work: Callable[[Commit], Outcome]) -> Outcome:
            with transaction(self.con):
                commit = self.commit()
                outcome = work(commit)
                commit.finish()
            return outcome

        return run.run(committing, self.con, self.rules, Recon(config, at, (), self.rules, RULES.registry))

    def clear(self) -> None:
        """An empty ledger again: sooner than another one."""
        for table in (*KEPT, *DROPPED):
            self.con.execute(f"delete from {table}")
        self.since = None

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.con.execute(sql).fetchall()

    def balances(self, *keys: str) -> dict[Any, Decimal]:
        """Net of the journal by account role and these columns; what is zero is left out."""
        by = ", ".join(("role", *keys))
        found = self.rows(f"select {by}, sum(debit - credit) from journal_line group by {by}")
        return {tuple(key) if keys else key[0]: net for *key, net in found if net}

    def faults(self) -> list[str]:
        """What no journal may have: an id twice, an entry out of balance, an entry without a source."""
        checks = {
            "id twice": "select entry_id from journal_line group by entry_id, line_no having count(*) > 1",
            "posted twice": "select entry_id from journal_line group by entry_id having count(distinct commit_seq) > 1",
            "out of balance": "select entry_id from journal_line group by entry_id having sum(debit) <> sum(credit)",
            "no source": "select entry_id from journal_line anti join journal_source using (entry_id, line_no)",
        }
        return [f"{what}: {row[0]}" for what, sql in checks.items() for row in self.rows(sql)]


def put_into(commit: Commit, tables: Mapping[str, Sequence[Row]]) -> None:
    """Rows of several tables under one audit row; what a table asks for and a row lacks has the value of `DEFAULTS`."""
    for table, rows in tables.items():
        known = {column.name for column in TABLES[table].all_columns}
        filled = {name: value for name, value in DEFAULTS.items() if name in known}
        selects = " union all by name ".join(_select(filled | dict(row)) for row in rows)
        commit.insert(table, f"select *, timestamptz '{commit.at.isoformat()}' as recorded_at from ({selects})")
    commit.audit("test", "file.committed", "rows")


DEFAULTS: dict[str, Any] = {
    "file_id": "f",
    "feed": "web.feed",
    "position": "line 2",
    "occurrence": 1,
    "entity": "US",
    "partner": "web",
    "source_key": "00000000-0000-0000-0000-000000000000",
    "channel": "web",
    "currency": "USD",
    "line_no": "1",
    "location": "DC",
    "from_location": "DC",
    "to_location": "DC",
    "shipment_no": "S1",
    "ordered_at": "2026-11-01T00:00:00Z",
    "promise_at": "2026-11-09T00:00:00Z",
    "settlement_id": "S",
    "posted_at": "2026-11-10T00:00:00Z",
}


@contextmanager
def books(rules: PostingRules = RULES) -> Iterator[Books]:
    """Books over an empty ledger in memory."""
    with duckdb.connect(config={"threads": 1}) as con:
        con.execute("attach ':memory:' as lake; use lake; set timezone = 'UTC'")
        for table in TABLES.values():
            listed = [(column.name, column.type) for column in table.all_columns] + list(CONTROL_COLUMNS)
            con.execute(f"create table {table.name} ({', '.join(f'{identifier(n)} {kind}' for n, kind in listed)})")
        ledger_views.create(con, columns(con))
        reference.prepare(con, CONFIG, rules)
        views.create_views(con)
        yield Books(con, rules)


def _select(row: Row) -> str:
    values = {name: "null" if value is None else literal(str(value)) for name, value in row.items()}
    return "select " + ", ".join(f"{sql} as {identifier(name)}" for name, sql in values.items())
