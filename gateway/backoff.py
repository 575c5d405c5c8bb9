"""Pauses between attempts."""

from __future__ import annotations

import random
import time


class BackOff:
    """Pauses after failures: doubling, with jitter, up to a maximum (seconds)."""

    def __init__(self, first_s: float, max_s: float) -> None:
        self.first_s, self.max_s = first_s, max_s
        self._pause = self._until = 0.0

    def ready(self) -> bool:
        """Whether the pause is over."""
        return time.monotonic() >= self._until

    def failed(self) -> float:
        """Note a failure; returns the pause in seconds."""
        self._pause = min(self.max_s, max(self.first_s, self._pause * 2))
        pause = self._pause * (0.75 + random.random() / 2)
        self._until = time.monotonic() + pause
        return pause

    def worked(self) -> None:
        """Note a success: the next failure is a first one again."""
        self._pause = self._until = 0.0
