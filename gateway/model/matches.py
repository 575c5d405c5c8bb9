"""What reconciliations found to be the same."""

from __future__ import annotations

from gateway.model.table import INSTANT, MONEY, TEXT, Column, Table

MATCH_LINE = Table(
    "match_line",
    "Two sides found to be the same; a record is consumed once.",
    (
        Column("match_id", TEXT, "Match", True),
        Column("reconciliation", TEXT, "a, c1, d …", True),
        Column("pass", TEXT, "P1 … P5", True),
        Column("rule", TEXT, "Rule", True),
        Column("side", TEXT, "A external, B book", True, ("A", "B")),
        Column("record_id", TEXT, "Record", True),
        Column("amount", MONEY, "Amount of that side"),
        Column("difference", MONEY, "Residual of the match"),
        Column("status", TEXT, "Status", True, ("SUGGESTED", "CONFIRMED", "REVERSED")),
        Column("explanation", TEXT, "Why: keys, tolerance, runners-up"),
        Column("recorded_at", INSTANT, "When it was committed", True),
    ),
    provenance=False,
)

TABLES = (MATCH_LINE,)
