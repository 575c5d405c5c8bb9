"""outbound/current: a copy of the newest issue of each workbook, under a name that never changes."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from gateway.atomic import replacing
from gateway.ledger import departures
from gateway.ledger.lake import Lake
from gateway.log import log
from gateway.regular_file import sha256_of
from gateway.workbooks import CURRENT
from gateway.workbooks.outdated import open_locks


def refresh(ledger: Lake, outbound: Path, issues: Sequence[Path]) -> None:
    """Bring the copies up to date with these issues.

    A copy that a program has open stays until the next pass. One that somebody saved keeps what was typed: it is
    renamed to `<kind>-saved-<when>.xlsx`. Nothing here fails a pass: what the file system refuses is a warning.
    """
    for issue in issues:
        kind = issue.name.partition("-")[0]
        current = outbound / CURRENT / f"{kind}.xlsx"
        try:
            _refresh(ledger, issue, current, kind)
        except OSError as error:
            log.warning(
                "workbook.in_use",
                file=str(current),
                error=str(error),
                fix="Close it where it is open; the next pass writes it. If it is not open, check the folder's rights.",
            )


def _refresh(ledger: Lake, issue: Path, current: Path, kind: str) -> None:
    if current.exists():
        sha256 = sha256_of(current)
        if sha256 == sha256_of(issue):
            return
        if locks := open_locks(current):
            raise PermissionError(f"a program has it open: {', '.join(path.name for path in locks)}")
        if sha256 not in {file.facts.get("sha256") for file in departures.recorded(ledger, departures.WORKBOOKS, kind)}:
            _set_aside(current, kind)
    with replacing(current) as temporary:
        shutil.copyfile(issue, temporary)


def _set_aside(current: Path, kind: str) -> None:
    """Keep what somebody typed."""
    saved = datetime.fromtimestamp(current.stat().st_mtime, UTC)
    aside = current.with_name(f"{kind}-saved-{saved:%Y-%m-%d-%H%M%S}.xlsx")
    if aside.exists():
        raise FileExistsError(f"{aside.name} is there already: move it elsewhere")
    current.rename(aside)
    log.info("workbook.set_aside", file=str(aside), reason="somebody saved it")
