"""Does the ledger still say what was committed? Every row, every commit, the chain, the archive, the sums."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import zstandard

from gateway.ledger.archive import CHUNK_BYTES, path_of
from gateway.ledger.commit import FIRST_HASH, chain, row_hash
from gateway.ledger.lake import Lake
from gateway.model import TABLES, Table

_IDENTITY = ("record_id", "entry_id", "exception_id", "fault_id", "match_id", "file_id", "seq", "subject")
FINDINGS_MAX = 50


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it was committed: the table, the row, and what is wrong."""

    table: str
    row: str
    message: str


def verify(lake: Lake, *, archive: bool = True) -> list[Finding]:
    """Check everything; an empty list means that nothing was touched. At most 50 findings for each check.

    `archive` also unpacks and hashes every archived file.
    """
    checks = [*_rows(lake), *_commits(lake), *_chain(lake), *_sums(lake)]
    return checks + (list(_archive(lake)) if archive else [])


def _rows(lake: Lake) -> Iterator[Finding]:
    """Rows whose content no longer gives the hash that was stored beside it."""
    for table in TABLES.values():
        hashed = row_hash(table, {column.name: f'"{column.name}"' for column in table.all_columns})
        label = _label(table)
        for row, seq in lake.con.execute(
            f'select {label}, commit_seq from lake."{table.name}" '
            f"where row_hash is distinct from {hashed} limit {FINDINGS_MAX}"
        ).fetchall():
            yield Finding(table.name, row, f"was changed after its commit (audit row {seq})")


def _label(table: Table) -> str:
    names = [column.name for column in table.all_columns]
    identity = next(name for name in _IDENTITY if name in names)
    parts = [f"'{identity} ' || cast({identity} as varchar)"]
    parts += [f"', {name} ' || cast({name} as varchar)" for name in ("line_no", "version") if name in names]
    if "position" in names:
        parts.append("coalesce(', ' || position, '')")
    return " || ".join(parts)


def _commits(lake: Lake) -> Iterator[Finding]:
    """Rows that were added to or taken from a commit."""
    declared: dict[tuple[str, int], list[Any]] = {}
    for seq, detail in lake.con.execute("select seq, detail from lake.audit_log").fetchall():
        try:
            covered = json.loads(detail).get("rows", {})
        except (ValueError, AttributeError):
            continue  # The chain names an audit row that can no longer be read.
        declared.update({(table, seq): value for table, value in covered.items()})
    for name in TABLES:
        if name == "audit_log":
            continue
        found = {
            seq: [int(count), total]
            for seq, count, total in lake.con.execute(
                f"""select commit_seq, count(*), cast(sum(row_hash) as varchar)
                from lake."{name}" group by commit_seq"""
            ).fetchall()
        }
        wanted = {seq: value for (table, seq), value in declared.items() if table == name}
        for seq in sorted(set(found) | set(wanted)):
            if found.get(seq) != wanted.get(seq):
                have, want = found.get(seq, [0])[0], (wanted.get(seq) or [0])[0]
                yield Finding(name, f"audit row {seq}", f"committed {want} rows, has {have}, or other content")


def _chain(lake: Lake) -> Iterator[Finding]:
    previous, expected = FIRST_HASH, 1
    table = lake.con.execute(
        'select seq, "at", actor, action, subject, detail, previous_hash, hash from lake.audit_log order by seq'
    ).to_arrow_table()
    for row in table.to_pylist():
        label = f"seq {row['seq']}"
        if row["seq"] != expected:
            yield Finding("audit_log", label, f"expected seq {expected}: a row is missing or doubled")
        if row["previous_hash"] != previous:
            yield Finding("audit_log", label, "does not follow from the row before it")
        computed = chain(
            row["previous_hash"], row["seq"], row["at"], row["actor"], row["action"], row["subject"], row["detail"]
        )
        if computed != row["hash"]:
            yield Finding("audit_log", label, "was changed after it was written")
        previous, expected = row["hash"], row["seq"] + 1


_SUMS = {
    "entry is not balanced": (
        "journal_line",
        """select entry_id || ' ' || currency from lake.journal_line
        group by entry_id, currency having sum(debit) <> sum(credit)""",
    ),
    "rows received are not accounted for": (
        "file",
        """select file_id || ' version ' || version from lake.file
        where received <> accepted + rejected + duplicate + ignored""",
    ),
    "link to a journal line that does not exist": (
        "journal_source",
        """select distinct entry_id || ' line ' || line_no from lake.journal_source
        anti join lake.journal_line using (entry_id, line_no)""",
    ),
}


def _sums(lake: Lake) -> Iterator[Finding]:
    for message, (table, query) in _SUMS.items():
        for (row,) in lake.con.execute(f"{query} limit {FINDINGS_MAX}").fetchall():
            yield Finding(table, row, message)


def _archive(lake: Lake) -> Iterator[Finding]:
    rows = lake.con.execute("select distinct sha256, any_value(name) from lake.file group by sha256").fetchall()
    for sha256, name in rows:
        path = path_of(lake.folder, sha256)
        if not path.exists():
            yield Finding("file", f"{name} {sha256}", "is missing from the archive")
            continue
        digest = hashlib.sha256()
        try:
            with path.open("rb") as source:
                for chunk in zstandard.ZstdDecompressor().read_to_iter(source, read_size=CHUNK_BYTES):
                    digest.update(chunk)
        except zstandard.ZstdError:
            digest = hashlib.sha256()
        if digest.hexdigest() != sha256:
            yield Finding("file", f"{name} {sha256}", "has other bytes in the archive than were received")
