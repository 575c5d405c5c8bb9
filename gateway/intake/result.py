"""What became of files: of one as one feed reads it, and of a whole delivery."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from gateway.transports.transport import Drop

NEEDS_A_PERSON = ("HELD", "QUARANTINED", "FAILED")
"""States of files that nobody but a person can bring further."""


@dataclass(frozen=True, slots=True)
class FileResult:
    """What became of one file as one feed. received = accepted + rejected + duplicate + ignored."""

    name: str
    partner: str
    feed: str
    state: str
    received: int = 0
    accepted: int = 0
    rejected: int = 0
    duplicate: int = 0
    ignored: int = 0
    reason: str = ""
    file_id: str = ""
    fix: str = ""


@dataclass(slots=True)
class Receipt:
    """A drop and what became of it; `committed` says that it may be settled."""

    drop: Drop
    committed: bool
    files: list[FileResult] = field(default_factory=list)


def left(drop: Drop, reason: str) -> Receipt:
    """A file that could not be taken and stays in its place."""
    return Receipt(drop, committed=False, files=[FileResult(drop.name, drop.partner, "", "FAILED", reason=reason)])


def pending(results: Sequence[FileResult]) -> Iterator[FileResult]:
    """The files that a person must decide on: set aside, held, or failed."""
    return (result for result in results if result.state in NEEDS_A_PERSON)
