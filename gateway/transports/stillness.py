"""A file is whole when nobody writes to it any more: it was the same in two polls that lie far enough apart."""

from __future__ import annotations

import time
from collections.abc import Hashable

Version = Hashable
"""What changes when the file does: its size and time, or more."""


class Stillness:
    """Since when each file has been as it is. `waiting`: in this poll there were files that are not still yet."""

    def __init__(self, still_s: float) -> None:
        self.still_s = still_s
        self.waiting = False
        self._since: dict[Hashable, tuple[Version, float]] = {}
        self._before: dict[Hashable, tuple[Version, float]] = {}

    def begin(self) -> None:
        """A new poll: a file that is not asked for in it is forgotten by the next."""
        self.waiting = False
        self._before, self._since = self._since, {}

    def is_still(self, file: Hashable, version: Version) -> bool:
        """Whether the file has been the same for `still_s` seconds; called once a poll for each file."""
        now = time.monotonic()
        known = self._before.get(file)
        since = known[1] if known is not None and known[0] == version else now
        self._since[file] = (version, since)
        still = now - since >= self.still_s
        self.waiting |= not still
        return still
