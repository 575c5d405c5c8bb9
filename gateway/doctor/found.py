"""What a check of `gateway doctor` found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Found:
    """What a check found.

    subject  what was looked at
    what     how it is
    fix      what to do about it, "" where nothing is wrong
    """

    subject: str
    what: str
    fix: str = ""

    @property
    def good(self) -> bool:
        """Whether nothing is wrong."""
        return not self.fix
