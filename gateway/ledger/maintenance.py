"""Keeping the lake in order: few large files instead of many small ones, and nothing that no one refers to.

What the ledger says stays the same, of today and of every day before: no snapshot is ever given up.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from gateway.errors import HouseError
from gateway.ledger import sealing
from gateway.ledger.commit import Commit, newest_commit, run_commit
from gateway.ledger.lake import Lake
from gateway.ledger.locking import retry
from gateway.model import TABLES
from gateway.sql import instant

KEPT = timedelta(days=1)
"""How long files that were merged into others stay: somebody may still be reading them."""


@dataclass(frozen=True, slots=True)
class Maintained:
    """What was done: rows that went from the catalog into data files; files merged, made, removed, sealed."""

    rows: int = 0
    merged: int = 0
    made: int = 0
    removed: int = 0
    sealed: int = 0


def maintain(lake: Lake, kept: timedelta = KEPT) -> Maintained:
    """Move rows from the catalog into data files, merge small files, remove unused ones, seal the rest.

    Each step stands by itself: after a step that was cut off the ledger is whole, and the next time goes on.
    Raises HouseError while another process writes, where the clock is far off, and where a sealed file was changed:
    merging would wipe out the traces.
    """
    with lake.lock.held():
        # A clock that is far ahead would have files removed that somebody reads.
        lake.clock.check(datetime.now(UTC), newest_commit(lake.con))
        rows = merged = made = 0
        if not _is_tidy(lake):
            _refuse_changed(lake)
            flush = retry(lambda: lake.con.execute("call ducklake_flush_inlined_data('lake')").fetchall())
            rows = sum(row[-1] for row in flush)
            merge = retry(lambda: lake.con.execute("call ducklake_merge_adjacent_files('lake')").fetchall())
            merged, made = sum(row[-2] for row in merge), sum(row[-1] for row in merge)
        removed = _remove(lake, datetime.now(UTC) - kept)
    return Maintained(rows, merged, made, removed, _seal(lake))


def _is_tidy(lake: Lake) -> bool:
    """Whether nothing was committed since the last time: its own audit row is no reason to begin again."""
    row = lake.con.execute("select action from lake.audit_log order by seq desc limit 1").fetchone()
    return row is None or row[0] == sealing.ACTION


def _refuse_changed(lake: Lake) -> None:
    seals = sealing.seals(lake.con)
    for table, file in sealing.files(lake.con, lake.store, TABLES):
        wrong = sealing.difference(lake.store.data, file, seals.get(file.name))
        if wrong:
            raise HouseError(
                "maintain", f"data file {file.name} of {table}", "Run `gateway verify`, restore the backup.", wrong
            )


def _remove(lake: Lake, before: datetime) -> int:
    """Remove files that were merged into others, and those of commits that never came about. Returns their number."""
    removed = 0
    for function in ("ducklake_cleanup_old_files", "ducklake_delete_orphaned_files"):
        call = f"call {function}('lake', older_than => {instant(before)})"
        removed += len(retry(lambda call=call: lake.con.execute(call).fetchall()))  # type: ignore[misc]
    return removed


def _seal(lake: Lake) -> int:
    """Write the hashes of data files that have no seal yet into the audit chain. Returns their number."""
    if _is_tidy(lake):
        return 0

    def work(commit: Commit) -> int:
        known = sealing.seals(lake.con)
        new = {
            file.name: sealing.sha256(lake.store.data, file.place)
            for _, file in sealing.files(lake.con, lake.store, TABLES)
            if file.name not in known
        }
        if new:
            commit.audit("gateway", sealing.ACTION, "data files", {"files": new})
        return len(new)

    return run_commit(lake, work)
