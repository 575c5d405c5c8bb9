"""Drop folders: `inbound/<partner>/<file>`. A sweep of the folder is the truth; nothing else is believed."""

from __future__ import annotations

import fnmatch
import os
import stat
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from gateway.atomic import write_atomically
from gateway.config import Config
from gateway.errors import Fault
from gateway.transports.contract import Drop

Seen = tuple[int, int]


class Folder:
    """All drop folders of a home.

    still  a file is taken when its size and modification time were the same in two polls that lie at least
           `daemon.still_s` apart; without it (a single pass) at once
    problems  what was left alone in the last poll, and why
    """

    name = "folder"

    def __init__(self, home: Path, config: Config, *, still: bool = False) -> None:
        self.config, self.still = config, still
        self.root = home / "inbound"
        self.outbound = home / "outbound"
        self.others = {drop.partner: Path(drop.folder) for drop in config.folder}
        self.problems: list[Fault] = []
        self._seen: dict[Path, tuple[Seen, float]] = {}

    def folders(self) -> dict[str, list[Path]]:
        """Every partner's drop folders."""
        found: dict[str, list[Path]] = {partner: [path] for partner, path in self.others.items()}
        if self.root.is_dir():
            for entry in os.scandir(self.root):
                if entry.is_dir(follow_symlinks=False) and not entry.name.startswith("."):
                    found.setdefault(entry.name, []).append(Path(entry.path))
        return found

    def poll(self) -> list[Drop]:
        """Whole files that are still, by partner and name."""
        self.problems = []
        now = datetime.now(UTC).timestamp()
        drops: list[Drop] = []
        present: set[Path] = set()
        for partner, folders in sorted(self.folders().items()):
            for folder in folders:
                drops += self._poll_folder(partner, folder, now, present)
        self._seen = {path: seen for path, seen in self._seen.items() if path in present}
        return sorted(drops, key=lambda drop: (drop.partner, drop.name))

    def _poll_folder(self, partner: str, folder: Path, now: float, present: set[Path]) -> list[Drop]:
        drops = []
        try:
            entries = list(os.scandir(folder))
        except OSError as error:
            self._problem(str(folder), f"cannot be read: {error.strerror}", "Check the folder's permissions.")
            return []
        for entry in entries:
            path = Path(entry.path)
            if any(fnmatch.fnmatch(entry.name, pattern) for pattern in self.config.daemon.ignore):
                continue
            try:
                status = entry.stat(follow_symlinks=False)
            except OSError:
                continue  # Gone since the listing: the next poll tells.
            if not self._wanted(entry.name, status.st_mode):
                continue
            present.add(path)
            if self.still and not self._is_still(path, (status.st_size, status.st_mtime_ns), now):
                continue
            arrived = datetime.fromtimestamp(status.st_mtime_ns // 1000 / 1_000_000, UTC)
            token = f"{status.st_size}:{status.st_mtime_ns}"
            drops.append(Drop(partner, entry.name, path, arrived, self.name, token))
        return drops

    def _wanted(self, name: str, mode: int) -> bool:
        if stat.S_ISDIR(mode):
            return False
        if not stat.S_ISREG(mode):
            self._problem(name, "is a link or a device", "Drop ordinary files.")
            return False
        if any(ord(c) < 32 or ord(c) == 127 for c in name) or len(name) > self.config.limits.file_name_chars_max:
            self._problem(name[:80], "has control characters or is too long a name", "Rename the file.")
            return False
        return True

    def _problem(self, subject: str, message: str, hint: str) -> None:
        self.problems.append(Fault("FILE_REJECT", f"{subject} {message}", hint))

    def _is_still(self, path: Path, now_seen: Seen, now: float) -> bool:
        before = self._seen.get(path)
        if before is None or before[0] != now_seen:
            self._seen[path] = (now_seen, now)
            return self.config.daemon.still_s <= 0
        return now - before[1] >= self.config.daemon.still_s

    def settle(self, drop: Drop) -> None:
        """Remove the file, unless it was replaced since it was taken."""
        try:
            status = drop.path.stat(follow_symlinks=False)
        except FileNotFoundError:
            return
        if f"{status.st_size}:{status.st_mtime_ns}" == drop.token:
            drop.path.unlink(missing_ok=True)

    def deliver(self, files: Sequence[Path], folder: str = "") -> None:
        """Copy files into `outbound/<folder>` atomically."""
        for file in files:
            write_atomically(self.outbound / folder / file.name, file.read_bytes())

    def close(self) -> None:
        """Nothing is kept open."""
