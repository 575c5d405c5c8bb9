"""What an exception code means."""

from __future__ import annotations

from pydantic import Field

from gateway.settings import Strict


class Code(Strict):
    """What an exception code means.

    severity    1 blocks the close, 4 is for information
    owner       the team that owns it, as `[owners]` names it
    days        days from opening within which it is due
    suggestion  the resolution that the workbook suggests
    answers     kind of resolutions that it may be given, where it is not that of its reconciliation
    """

    severity: int = Field(ge=1, le=4)
    owner: str
    days: float = Field(gt=0)
    suggestion: str
    title: str = Field(min_length=1)
    answers: str = ""
