"""What partners say of the interchanges that they got from us."""

from __future__ import annotations

from gateway.model.table import INSTANT, TEXT, WHOLE, Column, Table

ACKNOWLEDGEMENT = Table(
    "acknowledgement",
    "What a partner says of an interchange, group, set or payment order of ours, and each error it found.",
    (
        Column("kind", TEXT, "Document", True, ("TA1", "997", "999", "CONTRL", "APERAK", "BANSTA", "PAIN.002")),
        Column("level", TEXT, "What is spoken of", True, ("INTERCHANGE", "GROUP", "SET", "ERROR")),
        Column(
            "status",
            TEXT,
            "Verdict; empty for an error, and where the document gives none",
            values=("ACCEPTED", "PARTIAL", "REJECTED", "RECEIVED"),
        ),
        Column("source_status", TEXT, "The partner's code of it; E in X12 is accepted in spite of errors"),
        Column("sender", TEXT, "Who acknowledges: qualifier/identifier of the interchange"),
        Column("receiver", TEXT, "Who sent what is acknowledged"),
        Column("interchange_no", TEXT, "Control number of our interchange"),
        Column("group_no", TEXT, "Control number of our group"),
        Column("group_kind", TEXT, "Functional identifier of the group, e.g. IN"),
        Column("set_no", TEXT, "Control number of our transaction set or message"),
        Column("set_kind", TEXT, "Its kind, e.g. 856 or DESADV"),
        Column("document_no", TEXT, "Our document, where the partner names it"),
        Column("sets_sent", WHOLE, "Sets that the group states"),
        Column("sets_received", WHOLE, "Sets found"),
        Column("sets_accepted", WHOLE, "Sets accepted"),
        Column("errors", TEXT, "Error codes, blanks between"),
        Column("error_position", TEXT, "Segment, its place, element and component: NM1 8 9-1"),
        Column("message", TEXT, "Offending text, or the partner's words"),
        Column("acknowledged_at", INSTANT, "When it was written", True),
    ),
    event="acknowledged_at",
)

TABLES = (ACKNOWLEDGEMENT,)
