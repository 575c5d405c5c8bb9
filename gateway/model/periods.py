"""Accounting periods: what people close and open again."""

from __future__ import annotations

from gateway.model.table import INSTANT, TEXT, WHOLE, Column, Table

SOFT_CLOSED, CLOSED, REOPENED = "SOFT_CLOSED", "CLOSED", "REOPENED"

PERIOD_EVENT = Table(
    "period_event",
    "What a person did to a period of an entity. A period that nobody closed is open.",
    (
        Column("entity", TEXT, "Legal entity", True),
        Column("period", TEXT, "YYYY-MM", True),
        Column("event", TEXT, "What was done", True, (SOFT_CLOSED, CLOSED, REOPENED)),
        Column("decided_by", TEXT, "Who did it", True),
        Column("comment", TEXT, "Why", True),
        Column("checklist", TEXT, "JSON: what was looked at before it was closed, and what was found"),
        Column("snapshot", WHOLE, 'Version of the ledger that was closed: `query --as-of "close ENTITY YYYY-MM"`'),
        Column("at", INSTANT, "When", True),
    ),
    event="at",
    provenance=False,
    identity="entity, period",
    order="at",
    state="period_state",
)

TABLES = (PERIOD_EVENT,)
