"""What an exception code means."""

from __future__ import annotations

from pydantic import Field

from gateway.settings import Strict


class Code(Strict):
    """Severity (1 blocks the close, 4 is for information), owning team, days until it is due, suggested resolution."""

    severity: int = Field(ge=1, le=4)
    owner: str
    days: float = Field(gt=0)
    suggestion: str
    title: str
