"""Settings and mappings that change while the gateway runs."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

Look = frozenset[tuple[str, int, int, int]]
DEPTH_MAX = 4
"""Folders within `mappings/`: a link to a folder above it must not be followed round and round."""
_SUFFIXES = (".toml", ".csv", ".xlsx")


class Watched:
    """The settings and mappings of a home, looked at again and again."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._known = self._last = look(home)
        self._asked = False

    def ask(self) -> None:
        """Say at the next look that they changed. For signal handlers."""
        self._asked = True

    def changed(self) -> bool:
        """Whether they changed and have been still since the last look: nobody is in the middle of saving."""
        now = look(self.home)
        still, self._last = now == self._last, now
        if not self._asked and (not still or now == self._known):
            return False
        self._asked = False
        self._known = now
        return True


def look(home: Path) -> Look:
    """(path, size, times of the last change and of rights) of everything that a gateway is configured with."""
    return frozenset(_look([home / "config.toml"]) | _look(_files(home / "mappings")))


def _look(files: Iterable[os.DirEntry[str] | Path]) -> set[tuple[str, int, int, int]]:
    found = set()
    for file in files:
        if file.name.endswith(_SUFFIXES):
            with contextlib.suppress(OSError):  # Gone since the listing: that is a change.
                status = file.stat()
                path = str(file) if isinstance(file, Path) else file.path
                found.add((path, status.st_size, status.st_mtime_ns, status.st_ctime_ns))
    return found


def _files(folder: Path | str, depth: int = DEPTH_MAX) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as listing:
            entries = list(listing)
    except OSError:
        return
    for entry in entries:
        try:
            is_folder = entry.is_dir()
        except OSError:  # A link that leads to itself, a share that is gone.
            continue
        if not is_folder:
            yield entry
        elif entry.name != "samples" and depth:
            yield from _files(entry.path, depth - 1)
