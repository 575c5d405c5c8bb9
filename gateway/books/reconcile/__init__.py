"""Reconciliations: each compares two sides, keeps what is open, and says which exceptions there should be.

A reconciliation is one module with `run(con, context)`; it adds rows to two temporary tables, `recon_detail`
(both sides, line by line) and `recon_exception` (what should be open now). The engine opens, changes, closes
and reopens exceptions so that the ledger says the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import duckdb

from gateway.books.exceptions import lifecycle
from gateway.books.posting.entries import Entries
from gateway.books.posting.rules import Rules
from gateway.books.reconcile import files, late_files, payout, sent, settlement, stock_count, subledger
from gateway.books.reconcile.tables import TITLES, Recon, create_tables
from gateway.ledger.commit import Commit
from gateway.sql import instant

ALL = (late_files, stock_count, settlement, payout, subledger, files, sent)
"""In this order: which counts are stale is known before they are compared."""


@dataclass(frozen=True, slots=True)
class Line:
    """The outcome of one reconciliation."""

    reconciliation: str
    title: str
    matched: int
    timing: int
    open: int


@dataclass(slots=True)
class Outcome:
    """The outcome of all of them; `changed` counts rows that were written."""

    lines: list[Line] = field(default_factory=list)
    open: int = 0
    opened: int = 0
    closed: int = 0
    changed: int = 0


def run(commit: Commit, con: duckdb.DuckDBPyConnection, rules: Rules, context: Recon) -> Outcome:
    """Run every reconciliation as at its `now` and bring the exceptions up to date, within the commit."""
    view(con, context)
    matched = _matches(commit, con, rules)
    life = lifecycle.update(commit, con, rules, context.config.surge, context.now)
    return Outcome(
        lines=_lines(con), open=life.open, opened=life.opened, closed=life.closed, changed=matched + life.changed
    )


def view(con: duckdb.DuckDBPyConnection, context: Recon) -> None:
    """Fill `recon_detail` and `recon_exception` without committing anything."""
    create_tables(con)
    for module in ALL:
        module.run(con, context)


def _matches(commit: Commit, con: duckdb.DuckDBPyConnection, rules: Rules) -> int:
    """Commit the new matches, and post the payouts that were found on a statement."""
    count = commit.insert(
        "match_line",
        f"""select match_id, reconciliation, "pass", rule, side, record_id, amount, difference, status,
                   explanation, {instant(commit.at)} as recorded_at from recon_match""",
    )
    if count:
        posted = Entries(con, rules, "_match")
        columns = ("settlement_id", "booking_date", "amount")
        posted.post("payout_match", "recon_payout_match", columns)
        posted.write(commit)
        posted.drop()
    return count


def _lines(con: duckdb.DuckDBPyConnection) -> list[Line]:
    rows = con.execute(
        """select reconciliation, count(*) filter (state in ('MATCHED', 'WITHIN_TOLERANCE')),
                  count(*) filter (state = 'TIMING'), count(*) filter (state = 'OPEN')
        from recon_detail group by 1 order by 1"""
    ).fetchall()
    found = {row[0]: row[1:] for row in rows}
    return [Line(key, title, *found.get(key, (0, 0, 0))) for key, title in TITLES.items()]
