"""After the commit: what was composed is written to outbound/<partner>/, each file whole and once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gateway.atomic import write_atomically
from gateway.ledger.lake import Lake
from gateway.outgoing import outbox
from gateway.outgoing.outbox import Composed

ACKNOWLEDGEMENTS = Composed("acknowledgement_sent", "acknowledgement_id", "acknowledgement")


def write(lake: Lake, outbound: Path) -> list[Path]:
    """Write everything that was composed and not written yet. Returns the paths; raises HouseError if one cannot be."""
    return outbox.write(lake, outbound, ACKNOWLEDGEMENTS, lambda target, row: _write(lake, target, row))


def _write(lake: Lake, target: Path, row: dict[str, Any]) -> None:
    if row["kind"] != "FEEDBACK":
        # EDIFACT is in the characters of UNOC at most, X12 in ASCII.
        write_atomically(target, row["content"].encode("latin-1"))
        return
    # What draws sheets takes long to load, and few partners want one.
    from gateway.answers import feedback

    feedback.write(lake, target, row)
