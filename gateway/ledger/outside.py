"""Verification of what is kept beside the tables: bytes of the archive that no file names, and what partners got."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from gateway.ledger.archive import name_of
from gateway.ledger.lake import Lake
from gateway.ledger.verify import FINDINGS_MAX, Finding

ANSWERS = ("acknowledgement_sent", "document_sent")


def answers(lake: Lake, home: Path) -> list[Finding]:
    """Answers and documents below `outbound/` whose bytes are not those that the ledger has; at most 50 for each table.

    One that is gone is none of them: whoever fetches a file may remove it.
    """
    return [finding for table in ANSWERS for finding in _answers(lake, table, home / "outbound")]


def _answers(lake: Lake, table: str, outbound: Path) -> Iterator[Finding]:
    rows = lake.con.execute(
        f"select distinct partner, name, content from lake.{table} where state = 'COMPOSED' and content is not null "
        "order by partner, name"
    )
    found = 0
    while found < FINDINGS_MAX and (row := rows.fetchone()):
        partner, name, content = row
        try:
            intact = (outbound / partner / name).read_bytes() == content.encode("latin-1")
        except FileNotFoundError:
            continue
        except OSError as error:
            yield Finding(
                table, f"{partner}/{name}", f"cannot be read: {error.strerror}. Fix: make it readable, verify again"
            )
            continue
        if not intact:
            found += 1
            fix = "Fix: ask the partner what it got; `content` in the ledger is what it should have got"
            yield Finding(
                table, f"{partner}/{name}", f"the file below outbound has other bytes than were written. {fix}"
            )


def unnamed(lake: Lake) -> list[str]:
    """A sentence about names in the archive that no file of the ledger has, where there are any.

    That is no damage: a process that ended between archiving and its commit leaves such, and so does a rollback.
    """
    rows = lake.con.execute(
        """select sha256 from lake.file union
        select container_sha256 from lake.file where container_sha256 is not null"""
    ).fetchall()
    named = {name_of(sha256) for (sha256,) in rows if sha256}
    found = sorted(name for name, _ in lake.store.archive.files() if name not in named)
    if not found:
        return []
    more = f" and {len(found) - 1} more" if len(found) > 1 else ""
    return [
        f"the archive has {found[0]}{more}, which no file of the ledger names: a process ended between archiving and its "
        "commit, the ledger was rolled back, or somebody put it there"
    ]
