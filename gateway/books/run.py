"""One run of the books: stock is valued, what is now known is posted, everything reconciled, all in one commit."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from datetime import datetime
from functools import partial

import duckdb

from gateway.books import isolation, reconcile
from gateway.books.currency import true_up
from gateway.books.entered import posting as entered
from gateway.books.isolation import WHOLE, Attempt, Step
from gateway.books.posting import late_channels
from gateway.books.posting.rules import PostingRules
from gateway.books.reconcile.tables import Recon
from gateway.books.revenue import shipments
from gateway.books.settled import shares
from gateway.books.stock import value_posting
from gateway.ledger.commit import Commit
from gateway.sql import instant_of, microseconds

Committing = Callable[[Callable[[Commit], reconcile.Outcome]], reconcile.Outcome]
"""Does work in one commit, and nothing of it if it raises."""


def run(
    committing: Committing, con: duckdb.DuckDBPyConnection, rules: PostingRules, context: Recon
) -> reconcile.Outcome:
    """Value stock, post revenue and what waited for its channel, reconcile, and open and close exceptions.

    Nothing is inserted when nothing changed. What a step cannot work out is left out, with an exception.
    """

    def work(commit: Commit, attempt: Attempt) -> reconcile.Outcome:
        commit.few = False  # A first run may value a million movements.
        # Leaving records out puts views in the place of tables, where a copy would be in the way.
        with nullcontext() if attempt.left_out else commit.in_memory():
            changed = _post(commit, con, rules, attempt, context)
            outcome = reconcile.run(commit, con, context, attempt)
        if changed or outcome.changed:
            commit.audit("gateway", "books", "books", {"exceptions": outcome.open})
        return outcome

    return isolation.isolated(committing, con, work)


def _post(commit: Commit, con: duckdb.DuckDBPyConnection, rules: PostingRules, attempt: Attempt, context: Recon) -> int:
    """Post what follows from new records; the number of keys that changed."""
    row = con.execute(f"""select {microseconds('max("at")')} from audit_log where action = 'books'""").fetchone()
    last, before = instant_of(row[0]) if row and row[0] is not None else None, isolation.of_ledger(con)

    def since(step: Step) -> datetime | None:
        return None if WHOLE in before.get(step.name, {}) else last

    changed = 0
    of_lines = partial(shares.run, days=context.config.tolerance.dispute_days, now=context.now)
    for step, work in (
        (value_posting.STEP, value_posting.run),
        (shipments.STEP, shipments.run),
        (shares.STEP, of_lines),
        (entered.STEP, entered.run),
    ):
        changed += attempt.step(step, partial(work, commit, con, rules, since(step)))
    for on, depending in late_channels.rules_by_source(rules.posting).items():
        step = late_channels.step_of(on)
        changed += attempt.step(step, partial(late_channels.run, commit, con, rules, since(step), on, depending))
    changed += attempt.step(true_up.STEP, partial(true_up.run, commit, con, rules, since(true_up.STEP)))
    return changed
