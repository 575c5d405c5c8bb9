"""One run of the books within a commit: stock is valued, what is now known is posted, everything reconciled."""

from __future__ import annotations

import duckdb

from gateway.books import reconcile
from gateway.books.posting import late_channels
from gateway.books.posting.rules import PostingRules
from gateway.books.reconcile.tables import Recon
from gateway.books.revenue import shipments
from gateway.books.stock import value_posting
from gateway.ledger.commit import Commit


def run(commit: Commit, con: duckdb.DuckDBPyConnection, rules: PostingRules, context: Recon) -> reconcile.Outcome:
    """Value stock, post revenue and what waited for its channel, reconcile, and open and close exceptions.

    Nothing is inserted when nothing changed.
    """
    since = con.execute("select max(\"at\") as last from audit_log where action = 'books'").to_arrow_table()
    after = since["last"][0].as_py()
    changed = value_posting.run(commit, con, rules, after)
    changed += shipments.run(commit, con, rules, after)
    changed += late_channels.run(commit, con, rules, after)
    outcome = reconcile.run(commit, con, context)
    if changed or outcome.changed:
        commit.audit("gateway", "books", "books", {"exceptions": outcome.open})
    return outcome
