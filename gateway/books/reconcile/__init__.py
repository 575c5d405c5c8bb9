"""Reconciliations: each compares two sides, keeps what is open, and says which exceptions there should be.

mappings/reconciliations.toml has a block for each. A run fills the relations of its `Working`: both sides line by line,
what should be open, what matches. Then matches are committed and posted, and exceptions opened, changed, closed and
reopened, so that the ledger says the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial

import duckdb

from gateway.books import isolation
from gateway.books.exceptions import lifecycle
from gateway.books.isolation import Attempt, Step, StepError
from gateway.books.posting.entries import Entries
from gateway.books.reconcile import declared, left_out
from gateway.books.reconcile.families import FAMILIES
from gateway.books.reconcile.registry import Reconciliation
from gateway.books.reconcile.tables import Recon, Working
from gateway.ledger import views
from gateway.ledger.commit import Commit
from gateway.model import MAPPABLE
from gateway.sql import has_rows, identifier, instant, literal


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


def run(commit: Commit, con: duckdb.DuckDBPyConnection, context: Recon, attempt: Attempt) -> Outcome:
    """Run every reconciliation as at its `now` and bring the exceptions up to date, within the commit.

    The exceptions of a reconciliation that is left out stay as they are.
    Raises StepError for one that meets a value that it cannot work with.
    """
    working = Working(con, context)
    working.create()
    blocks = context.registry.reconciliations
    matched = 0
    for block in [*_compared(blocks), *_of_left_out(blocks)]:
        if block.family == left_out.FAMILY:
            attempt.write(working.left_out)
        matched += attempt.step(_step(block), partial(_run_one, commit, working, block))
    standing = [block.letter for block in blocks if attempt.is_whole(_step(block).name)]
    life = lifecycle.update(
        commit, con, working.exceptions, context.registry.codes, context.config.surge, context.now, standing
    )
    return Outcome(
        lines=_lines(working), open=life.open, opened=life.opened, closed=life.closed, changed=matched + life.changed
    )


def fill(working: Working) -> None:
    """Fill the relations of a run without committing anything; what the last run left out is left out."""
    working.create()
    attempt = Attempt(working.con, isolation.of_ledger(working.con))
    for block in _compared(working.recon.registry.reconciliations):
        try:
            attempt.step(_step(block), partial(_compare, working, block))
        except StepError:
            # The next run of the books makes its exception; half a comparison is shown nowhere.
            working.forget(block)


def _compared(blocks: Iterable[Reconciliation]) -> list[Reconciliation]:
    return [block for block in blocks if block.family != left_out.FAMILY]


def _of_left_out(blocks: Iterable[Reconciliation]) -> list[Reconciliation]:
    return [block for block in blocks if block.family == left_out.FAMILY]


def _step(block: Reconciliation) -> Step:
    """The reconciliation as a step of the books: single rows of the tables that it reads can be left out of it."""
    family = FAMILIES.get(block.family)
    rows = " union all ".join(
        f"""select record_id as unit, {_size(table)} as size, '{table.replace("_", " ")} ' || record_id || ' ('
            || "position" || ')' as what, entity,
               partner, null::varchar as sku, record_id as document, file_id, "position" from lake.{table}"""
        for table in _reads(block)
    )
    units = family.units if family and family.units else rows
    return Step(f"reconciliation {block.letter}", f"Reconciliation {block.letter} ({block.title})", units)


def _reads(block: Reconciliation) -> tuple[str, ...]:
    """The canonical tables whose rows it compares."""
    family = FAMILIES.get(block.family)
    sides = [side.source for side in (block.external, block.book) if side]
    return family.reads if family else tuple(dict.fromkeys(filter(MAPPABLE.get, sides)))


def _is_idle(working: Working, block: Reconciliation) -> bool:
    """Whether it compares rows of canonical tables alone, and there are none: its statements would take their time."""
    family, tables = FAMILIES.get(block.family), _reads(block)
    only = family.whole if family else all(side.source in tables for side in (block.external, block.book) if side)
    if not only or not tables:
        return False
    return not has_rows(working.con, *tables)


def _size(table: str) -> str:
    """SQL of the largest number of a row: of two rows that only together are too large, the larger is left out."""
    numbers = [
        f"abs({identifier(column.name)})" for column in MAPPABLE[table].columns if column.type.startswith("DECIMAL")
    ]
    return f"coalesce(greatest({', '.join(numbers)}), 0)::double" if numbers else "0::double"


def _run_one(commit: Commit, working: Working, block: Reconciliation, without: str) -> int:
    """Compare, and commit the matches; returns their number."""
    if _is_idle(working, block):
        return 0
    _compare(working, block, without)
    return _commit_matches(commit, working, block)


def _compare(working: Working, block: Reconciliation, without: str) -> int:
    family = FAMILIES.get(block.family)
    if _is_idle(working, block):
        return 0
    if family and family.units:
        family.run(working, block, without)
        return 0
    with views.without(working.con, without):
        if family:
            family.run(working, block)
        else:
            declared.run(working, block)
    return 0


def _commit_matches(commit: Commit, working: Working, block: Reconciliation) -> int:
    """Commit the new matches of a reconciliation, and post what they made known."""
    count = commit.insert(
        "match_line",
        f"""select *, {instant(commit.at)} as recorded_at from {working.found}
        where reconciliation = {literal(block.letter)}""",
    )
    if count:
        posted = Entries(working.con, working.recon.rules, "_match")
        for derivation in working.to_post:
            posted.post(derivation.on, derivation.relation, derivation.columns)
        posted.write(commit)
        posted.drop()
    working.to_post.clear()
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
