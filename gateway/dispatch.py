"""What partners get: answers to their files, and documents that are due, written below outbound/."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from gateway.answers import write as answers
from gateway.documents import compose, schedule
from gateway.home import Home


class Dispatch:
    """Writes what one home's partners get."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self._looked: datetime | None = None

    def write(self) -> list[Path]:
        """Write answers, then documents that are due. Returns the paths.

        Raises HouseError if that fails: what is left is written the next time.
        """
        home = self.home
        outbound = home.folder / "outbound"
        written = answers.write(home.lake, outbound)
        now = home.now
        if compose.compose(home.lake, home.settings, now):
            home.reconciled = False
        self._looked = now
        return written + compose.write(home.lake, outbound)

    def is_due(self) -> bool:
        """Whether the schedule of a document has come since partners got something last, or the settings are new."""
        due, now = self.home.settings.send, self.home.now
        # A clock that went back since then is no reason to wait until it is there again.
        return bool(due) and (self._looked is None or now < self._looked or schedule.due(due, self._looked, now))
