"""Verification of what is kept beside the tables: texts of mappings, bytes that no file names, what partners got."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from gateway.ledger.archive import name_of
from gateway.ledger.lake import Lake
from gateway.ledger.verify import FINDINGS_MAX, MAPPING_TEXTS, Finding
from gateway.regular_file import read_regular

VERSION_DIGITS = 16
"""Of the SHA-256 of a mapping's text, so many make its version."""
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
            intact = read_regular(outbound / partner / name) == content.encode("latin-1")
        except FileNotFoundError:
            continue
        except OSError as error:
            found += 1
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


def without_text(lake: Lake) -> list[str]:
    """A sentence about mappings that files were read with before their texts were kept, where there are any."""
    kept = {sha256[:VERSION_DIGITS] for sha256 in mapping_texts(lake)}
    rows = lake.con.execute("select distinct mapping_version from lake.file where mapping_version <> ''").fetchall()
    lost = sorted({version for (version,) in rows} - kept)
    if not lost:
        return []
    more = f" and {len(lost) - 1} more" if len(lost) > 1 else ""
    return [f"the text of mapping version {lost[0]}{more} is not kept: an older program read files with it"]


def mapping_texts(lake: Lake) -> list[str]:
    """SHA-256 of the texts of the mappings that the audit rows name."""
    rows = lake.con.execute(f"select sha256 from ({MAPPING_TEXTS.format(at='')})").fetchall()
    return [sha256 for (sha256,) in rows if sha256]


def unnamed(lake: Lake) -> list[str]:
    """A sentence about names in the archive that no file of the ledger has, where there are any.

    That is no damage: a process that ended between archiving and its commit leaves such, and so does a rollback.
    """
    rows = lake.con.execute(
        """select sha256 from lake.file union
        select container_sha256 from lake.file where container_sha256 is not null"""
    ).fetchall() + [(sha256,) for sha256 in mapping_texts(lake)]
    named = {name_of(sha256) for (sha256,) in rows if sha256}
    found = sorted(name for name, _ in lake.store.archive.files() if name not in named)
    if not found:
        return []
    more = f" and {len(found) - 1} more" if len(found) > 1 else ""
    return [
        f"the archive has {found[0]}{more}, which no file of the ledger names: a process ended between archiving and "
        f"its "
        "commit, the ledger was rolled back, or somebody put it there"
    ]
