"""Decisions of people: who asked, who decided."""

from __future__ import annotations

from gateway.model.table import INSTANT, MONEY, TEXT, WHOLE, Column, Table

APPROVAL = Table(
    "approval",
    "A decision: who asked for it, and who took it.",
    (
        Column("subject", TEXT, "What", True),
        Column("version", WHOLE, "Of which version", True),
        Column("action", TEXT, "What was asked", True),
        Column("requested_by", TEXT, "Who asked", True),
        Column("decided_by", TEXT, "Who decided"),
        Column("drop", TEXT, "How the decision came: the drop of its workbook", formerly="channel"),
        Column("limit_amount", MONEY, "Limit that applied"),
        Column("decision", TEXT, "Decision"),
        Column("at", INSTANT, "When", True),
    ),
    provenance=False,
)

TABLES = (APPROVAL,)
