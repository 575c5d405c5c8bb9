"""Outdated workbooks are removed, so that people find the newest one; never one that somebody wrote into."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from gateway.ledger import departures
from gateway.ledger.lake import Lake
from gateway.log import log
from gateway.regular_file import sha256_of
from gateway.workbooks import FINANCE, OPERATIONS

OURS = re.compile(r"(exceptions|reconciliation)-\d{4}-\d\d-\d\d-v(\d+)\.xlsx")
"""Names of workbooks: kind, day, version of the ledger."""
LOCKS = ("~$", ".~lock.")
"""How names begin of what a spreadsheet program puts beside a workbook that is open."""


def remove(ledger: Lake, outbound: Path, keep: int) -> list[Path]:
    """Remove the oldest issues of each workbook beyond `keep`; those that went.

    A workbook stays that is open in a program, has other bytes than were written, or is not known to the ledger: it
    may hold somebody's answers.
    """
    old = [path for folder in (FINANCE, OPERATIONS) for path in _beyond(outbound / folder, keep)]
    if not old:
        return []
    written = {
        (file.name, file.facts.get("sha256"))
        for file in departures.recorded(ledger, departures.WORKBOOKS)
        if not file.facts.get("found")
    }
    gone = [path for path in old if _removed(path, path.relative_to(outbound).as_posix(), written)]
    if gone:
        log.info("workbooks.removed", workbooks=[path.name for path in gone], keep=keep)
    return gone


def _removed(path: Path, name: str, written: set[tuple[str, Any]]) -> bool:
    """Remove it if it has the bytes that were written. One that the file system refuses is tried again."""
    try:
        if (name, sha256_of(path)) not in written:
            return False
        path.unlink(missing_ok=True)
    except OSError as error:
        log.warning("workbook.in_use", file=str(path), error=str(error), fix="Close it; a later pass removes it.")
        return False
    return True


def _beyond(folder: Path, keep: int) -> Iterator[Path]:
    """The issues of each kind in a folder but for the newest ones, without those that are open."""
    named = [(match, path) for path in folder.glob("*.xlsx") if (match := OURS.fullmatch(path.name))]
    for kind in {match[1] for match, _ in named}:
        issues = sorted((int(match[2]), path) for match, path in named if match[1] == kind)
        yield from (path for _, path in issues[: max(0, len(issues) - keep)] if not open_locks(path))


def open_locks(path: Path) -> list[Path]:
    """The files that a program puts beside a workbook that it has open; none where nobody has."""
    # Excel leaves out the first two characters of a long name.
    names: Sequence[str] = (path.name, path.name[2:])
    beside = (path.with_name(lock + name + end) for lock in LOCKS for name in names for end in ("", "#"))
    return [lock for lock in beside if lock.exists()]
