"""The audit trail: every commit, chained."""

from __future__ import annotations

from gateway.model.table import INSTANT, TEXT, WHOLE, Column, Table

AUDIT_LOG = Table(
    "audit_log",
    "Every commit, chained: each hash covers the one before it and the rows written.",
    (
        Column("seq", WHOLE, "1, 2, 3 … without a gap", True),
        Column("at", INSTANT, "When", True),
        Column("actor", TEXT, "Who", True),
        Column("action", TEXT, "What", True),
        Column("subject", TEXT, "On what", True),
        Column("detail", TEXT, "JSON, with the digest of the rows written to each table", True),
        Column("previous_hash", TEXT, "Hash of seq − 1", True),
        Column("hash", TEXT, "SHA-256", True),
    ),
    event="at",
    provenance=False,
)

TABLES = (AUDIT_LOG,)
