"""Settings and mappings that change while the gateway runs."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

Look = frozenset[tuple[str, int, int]]
_SUFFIXES = (".toml", ".csv", ".xlsx")


class Watched:
    """The settings and mappings of a home, looked at again and again."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._known = self._last = look(home)

    def changed(self) -> bool:
        """Whether they changed and have been still since the last look: nobody is in the middle of saving."""
        now = look(self.home)
        still, self._last = now == self._last, now
        if not still or now == self._known:
            return False
        self._known = now
        return True


def look(home: Path) -> Look:
    """(path, size, time of the last change) of everything that a gateway is configured with."""
    return frozenset(_look([home / "config.toml"]) | _look(_files(home / "mappings")))


def _look(files: Iterable[os.DirEntry[str] | Path]) -> set[tuple[str, int, int]]:
    found = set()
    for file in files:
        if file.name.endswith(_SUFFIXES):
            with contextlib.suppress(OSError):  # Gone since the listing: that is a change.
                status = file.stat()
                found.add((str(file) if isinstance(file, Path) else file.path, status.st_size, status.st_mtime_ns))
    return found


def _files(folder: Path | str) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as listing:
            entries = list(listing)
    except OSError:
        return
    for entry in entries:
        if not entry.is_dir():
            yield entry
        elif entry.name != "samples":
            yield from _files(entry.path)
