"""Audit rows about what left the ledger, files with their hashes: `gateway verify` compares what lies there with
them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.ledger.commit import run_commit
from gateway.ledger.lake import Lake

WORKBOOKS = "workbooks.written"
DELIVERED = "files.delivered"


@dataclass(frozen=True, slots=True)
class Departed:
    """One file of such an audit row.

    snapshot  of the commit
    name      of the file, in the words of its action
    facts     what is known of it: `sha256`; `found`, where it was there before the ledger knew of it
    """

    snapshot: int
    name: str
    facts: dict[str, Any]


def record(lake: Lake, action: str, files: Mapping[str, Mapping[str, Any]]) -> None:
    """Commit that these files left: name → facts. Raises HouseError if the ledger stays locked."""
    subject = f"{len(files)} files"
    run_commit(lake, lambda commit: commit.audit("gateway", action, subject, {"files": dict(files)}))


def recorded(lake: Lake, action: str, text: str = "") -> Iterator[Departed]:
    """What was recorded under that action, in the order of the commits; with `text`, by rows that have it.

    A row that is not readable is the chain's matter.
    """
    rows = lake.con.execute(
        """select snapshot_id, json_extract(detail, '$.files')::varchar from lake.audit_log
        where action = ? and contains(detail, ?) and json_valid(detail) order by seq""",
        [action, text],
    ).fetchall()
    for snapshot, listed in rows:
        files = json.loads(listed or "{}")
        for name, facts in files.items() if isinstance(files, dict) else ():
            if isinstance(facts, dict):
                yield Departed(snapshot, name, facts)


def note(kind: str, names: Sequence[str], what: str) -> Iterator[str]:
    """A sentence about files of which the same is to say, where there are any: the last is named, the others
    counted."""
    if names:
        more = f" (and {len(names) - 1} more)" if len(names) > 1 else ""
        yield f"{kind} {names[-1]}{more}: {what}"


def version_of_figures(lake: Lake) -> int:
    """Number of the newest snapshot that may have changed a figure: no figure follows from what left the ledger."""
    row = lake.con.execute(
        """select max(snapshot_id) from lake.snapshots() where snapshot_id not in (
            select snapshot_id from lake.audit_log where action in (?, ?) and snapshot_id is not null)""",
        [WORKBOOKS, DELIVERED],
    ).fetchone()
    return int(row[0]) if row and row[0] is not None else 0
