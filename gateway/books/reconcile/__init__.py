"""Reconciliations: each compares two sides, keeps what is open, and says which exceptions there should be.

A reconciliation is one block of mappings/reconciliations.toml. It is declared there in full, or names a family, a module
with `run(con, context)`. Either adds rows to two temporary tables, `recon_detail`
(both sides, line by line) and `recon_exception` (what should be open now). The engine opens, changes, closes
and reopens exceptions so that the ledger says the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import duckdb

from gateway.books.exceptions import lifecycle
from gateway.books.posting.entries import Entries
from gateway.books.posting.rules import PostingRules
from gateway.books.reconcile import declared, files, late_files, payout, sent, settlement, stock_count, subledger
from gateway.books.reconcile.tables import Recon, create_tables
from gateway.ledger.commit import Commit
from gateway.sql import instant

FAMILIES = {
    "stock_count": (late_files, stock_count), "settlement": (settlement,), "payout": (payout,),
    "subledger": (subledger,), "files": (late_files, files), "sent": (sent,),
}  # fmt: skip
"""Family → the modules that compare it, in order: which counts are stale is known before they are compared."""


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


def run(commit: Commit, con: duckdb.DuckDBPyConnection, context: Recon) -> Outcome:
    """Run every reconciliation as at its `now` and bring the exceptions up to date, within the commit."""
    view(con, context)
    matched = _matches(commit, con, context.rules)
    life = lifecycle.update(commit, con, context.registry.codes, context.config.surge, context.now)
    return Outcome(
        lines=_lines(con, context),
        open=life.open,
        opened=life.opened,
        closed=life.closed,
        changed=matched + life.changed,
    )


def view(con: duckdb.DuckDBPyConnection, context: Recon) -> None:
    """Fill `recon_detail` and `recon_exception` without committing anything."""
    create_tables(con)
    asked = [one.family for one in context.registry.reconciliations if one.family]
    modules = dict.fromkeys(module for family in FAMILIES if family in asked for module in FAMILIES[family])
    for module in modules:
        module.run(con, context)
    for one in context.registry.reconciliations:
        if not one.family:
            declared.run(con, context, one)


def _matches(commit: Commit, con: duckdb.DuckDBPyConnection, rules: PostingRules) -> int:
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


def _lines(con: duckdb.DuckDBPyConnection, context: Recon) -> list[Line]:
    rows = con.execute(
        """select reconciliation, count(*) filter (state in ('MATCHED', 'WITHIN_TOLERANCE')),
                  count(*) filter (state = 'TIMING'), count(*) filter (state = 'OPEN')
        from recon_detail group by 1 order by 1"""
    ).fetchall()
    found = {row[0]: row[1:] for row in rows}
    shown = context.registry.reconciliations
    return [Line(one.letter, one.title, *found.get(one.letter, (0, 0, 0))) for one in shown]
