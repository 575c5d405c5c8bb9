"""Reconciliations: each compares two sides, keeps what is open, and says which exceptions there should be.

mappings/reconciliations.toml has a block for each. A run fills the relations of its `Working`: both sides line by line,
what should be open, what matches. Then matches are committed and posted, and exceptions opened, changed, closed and
reopened, so that the ledger says the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import duckdb

from gateway.books.exceptions import lifecycle
from gateway.books.posting.entries import Entries
from gateway.books.reconcile import declared
from gateway.books.reconcile.families import FAMILIES
from gateway.books.reconcile.tables import Recon, Working
from gateway.ledger.commit import Commit
from gateway.sql import instant


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
    working = Working(con, context)
    fill(working)
    matched = _commit_matches(commit, working)
    life = lifecycle.update(commit, con, working.exceptions, context.registry.codes, context.config.surge, context.now)
    return Outcome(
        lines=_lines(working), open=life.open, opened=life.opened, closed=life.closed, changed=matched + life.changed
    )


def fill(working: Working) -> None:
    """Fill the relations of a run without committing anything."""
    working.create()
    for block in working.recon.registry.reconciliations:
        if block.family:
            FAMILIES[block.family].run(working, block)
        else:
            declared.run(working, block)


def _commit_matches(commit: Commit, working: Working) -> int:
    """Commit the new matches, and post what they made known."""
    count = commit.insert("match_line", f"select *, {instant(commit.at)} as recorded_at from {working.found}")
    if count:
        posted = Entries(working.con, working.recon.rules, "_match")
        for derivation in working.to_post:
            posted.post(derivation.on, derivation.relation, derivation.columns)
        posted.write(commit)
        posted.drop()
    return count


def _lines(working: Working) -> list[Line]:
    rows = working.con.execute(
        f"""select reconciliation, count(*) filter (state in ('MATCHED', 'WITHIN_TOLERANCE')),
                  count(*) filter (state = 'TIMING'), count(*) filter (state = 'OPEN')
        from {working.detail} group by 1"""
    ).fetchall()
    found = {row[0]: row[1:] for row in rows}
    return [
        Line(block.letter, block.title, *found.get(block.letter, (0, 0, 0)))
        for block in working.recon.registry.reconciliations
    ]
