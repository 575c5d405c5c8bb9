"""After the commit: what was composed in it is written to outbound/<partner>/, each file whole and once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from gateway.errors import HouseError
from gateway.failures import explained
from gateway.ledger.commit import Commit, run_commit
from gateway.ledger.lake import Lake
from gateway.sql import instant


@dataclass(frozen=True, slots=True)
class Composed:
    """A table of what was composed: rows in state COMPOSED, and WRITTEN once the file stands.

    key   its id, one for each file
    noun  what the audit trail calls it
    """

    table: str
    key: str
    noun: str


def write(lake: Lake, outbound: Path, what: Composed, put: Callable[[Path, dict[str, Any]], None]) -> list[Path]:
    """Write everything that was composed and not written yet, of earlier passes too. Returns the paths.

    put  writes the file of a row, whole
    A file that stands there already was written before a crash, whole: it stays as it is. Raises HouseError if one
    cannot be written; those before it are noted as written.
    """
    # Most often there is nothing, and to find that out alone takes a third of the time.
    if lake.con.execute(f"select 1 from lake.{what.table} where state = 'COMPOSED' limit 1").fetchone() is None:
        return []
    waiting = lake.con.execute(
        f"""select * from lake.{what.table} where state = 'COMPOSED' and {what.key} not in (
            select {what.key} from lake.{what.table} where state = 'WRITTEN')
        order by partner, series, control_no"""
    ).to_arrow_table()
    written: list[Path] = []
    done: list[str] = []
    try:
        for row in waiting.to_pylist():
            target = outbound / row["partner"] / row["name"]
            if not target.exists():
                put(target, row)
            written.append(target)
            done.append(row[what.key])
    except OSError as error:
        refused = explained(error, "write", str(target), outbound)
        raise refused or HouseError("write", str(target), "Check disk space and permissions.", str(error)) from error
    finally:
        if done:
            run_commit(lake, lambda commit: note(lake, commit, what, done))
    return written


def note(lake: Lake, commit: Commit, what: Composed, ids: Sequence[str]) -> None:
    """Within a commit: these were written."""
    lake.con.register("_written", pa.table({what.key: list(ids)}))
    commit.insert(
        what.table,
        f"""select * exclude (row_hash, commit_seq) replace (
                   'WRITTEN' as state, cast(null as varchar) as content, {instant(commit.at)} as recorded_at)
            from lake.{what.table} semi join _written using ({what.key}) where state = 'COMPOSED'""",
    )
    commit.audit("gateway", f"{what.noun}.written", f"{len(ids)} {what.noun}s", {"ids": list(ids)})
    lake.con.unregister("_written")
