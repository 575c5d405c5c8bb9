"""The machine's clock, compared with the newest commit and with the time that has passed since it was looked at last.

Commits are in order whatever the clock says. A clock far off is refused: what it dates cannot be corrected later.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from gateway.errors import HouseError
from gateway.log import log
from gateway.settings import Audit

NOTICED = timedelta(seconds=60)
"""A smaller change is how clocks are kept right."""


@dataclass(slots=True)
class Clock:
    """What one open ledger knows of the clock. `bounds` are those of the settings."""

    bounds: Audit = field(default_factory=Audit)
    _seen: tuple[datetime, float] | None = None
    _behind: bool = False

    def check(self, now: datetime, newest: datetime | None) -> None:
        """Log a clock that was changed, or is behind the newest commit. Raises HouseError beyond the bounds."""
        self._log_change(now)
        if newest is None:
            return
        back, ahead = newest - now, now - newest
        if back > timedelta(seconds=self.bounds.clock_back_s_max):
            raise _refused(now, newest, f"{back} before", "clock_back_s_max", back)
        if ahead > timedelta(seconds=self.bounds.clock_ahead_s_max):
            raise _refused(now, newest, f"{ahead} after", "clock_ahead_s_max", ahead)
        behind = back > NOTICED
        if behind and not self._behind:
            log.warning("clock.behind", seconds=round(back.total_seconds()), consequence="commits get times after it")
        self._behind = behind

    def _log_change(self, now: datetime) -> None:
        """By a clock that nobody sets: it shows a change even where there was no commit lately."""
        passed = time.monotonic()
        if self._seen is not None:
            change = (now - self._seen[0]) - timedelta(seconds=passed - self._seen[1])
            if abs(change) > NOTICED:
                log.warning(
                    "clock.changed", seconds=round(change.total_seconds()), fix="Check the clock of the machine."
                )
        self._seen = now, passed


def _refused(now: datetime, newest: datetime, off: str, key: str, by: timedelta) -> HouseError:
    fix = (
        "Set the clock of this machine (`timedatectl`); what waits is taken then. If the clock is right, set "
        f"audit.{key} above {int(by.total_seconds())} in config.toml, and take it out again after the next commit."
    )
    cause = f"the clock says {now:%Y-%m-%d %H:%M:%S} UTC, {off} the newest commit of {newest:%Y-%m-%d %H:%M:%S} UTC"
    return HouseError("commit to", "the ledger", fix, cause)
