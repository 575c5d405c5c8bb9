"""What reconciliations found to be the same."""

from __future__ import annotations

from gateway.model.table import INSTANT, MONEY, TEXT, Column, Table

SIDE = Column("side", TEXT, "A external, B book", True, ("A", "B"))

FOUND = Table(
    "recon_match",
    "What a run of the reconciliations newly matches, and what it takes back; not stored.",
    (
        Column("match_id", TEXT, "Match", True),
        Column("reconciliation", TEXT, "a, c1, d …", True),
        Column("pass", TEXT, "P1 … P5", True),
        Column("rule", TEXT, "Slug of the reconciliation", True),
        SIDE,
        Column("record_id", TEXT, "Record", True),
        Column("amount", MONEY, "Amount of that side"),
        Column("difference", MONEY, "Residual of the match"),
        Column("status", TEXT, "Status", True, ("SUGGESTED", "CONFIRMED", "REVERSED")),
        Column("explanation", TEXT, "Why: keys, tolerance, runners-up"),
    ),
    provenance=False,
)

MATCH_LINE = Table(
    "match_line",
    "Two sides found to be the same; a record is consumed once.",
    (*FOUND.columns, Column("recorded_at", INSTANT, "When it was committed", True)),
    provenance=False,
    identity="reconciliation, match_id, side, record_id",
    order="recorded_at",
    state="match_state",
)

TABLES = (MATCH_LINE,)
