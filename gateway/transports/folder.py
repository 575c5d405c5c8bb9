"""Drop folders: `inbound/<partner>/<file>`. A sweep of the folder is the truth; nothing else is believed."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from gateway.atomic import replacing
from gateway.config import Config
from gateway.errors import Fault, GatewayError
from gateway.transports import names
from gateway.transports.contract import Drop
from gateway.transports.stillness import Stillness


class Folder:
    """All drop folders of a home.

    still  a file is taken when its size and modification time were the same in two polls that lie at least
           `daemon.still_s` apart; without it (a single pass) at once
    """

    name = "folder"

    def __init__(self, home: Path, config: Config, *, still: bool = False) -> None:
        self.config = config
        self.root, self.outbound = home / "inbound", home / "outbound"
        self.others = {home / drop.folder: drop.partner for drop in config.folder}
        self.problems: list[Fault] = []
        self._stillness = Stillness(config.daemon.still_s if still else 0.0)

    @property
    def soon(self) -> bool:
        """Whether files grew in the last poll."""
        return self._stillness.waiting

    def poll(self) -> list[Drop]:
        """Whole files that are still, by partner and name."""
        self.problems = []
        self._stillness.begin()
        drops = [drop for folder, partner in self._folders().items() for drop in self._poll_folder(partner, folder)]
        return sorted(drops, key=lambda drop: (drop.partner, drop.name))

    def _folders(self) -> dict[Path, str]:
        """Every drop folder → its partner."""
        found = dict(self.others)
        for entry in self._entries(self.root):
            if entry.is_dir(follow_symlinks=False) and not names.refusal(entry.name, self._name_chars_max):
                found.setdefault(Path(entry.path), entry.name)
            else:
                self._problem(entry.path, "is no partner's folder", "Drop files into inbound/<partner>/.")
        return found

    def _entries(self, folder: Path) -> Iterator[os.DirEntry[str]]:
        try:
            with os.scandir(folder) as listing:
                entries = list(listing)
        except OSError as error:
            self._problem(str(folder), f"cannot be read: {error.strerror}", "Check that it exists and its permissions.")
            return
        yield from (entry for entry in entries if not names.ignored(entry.name, self.config.daemon.ignore))

    def _poll_folder(self, partner: str, folder: Path) -> Iterator[Drop]:
        for entry in self._entries(folder):
            try:
                status = entry.stat(follow_symlinks=False)
            except OSError:
                continue  # Gone since the listing: the next poll tells.
            version = (status.st_size, status.st_mtime_ns)
            if not self._wanted(entry, status.st_mode) or not self._stillness.is_still(entry.path, version):
                continue
            arrived = datetime.fromtimestamp(status.st_mtime_ns // 1000 / 1_000_000, UTC)
            yield Drop(partner, entry.name, Path(entry.path), arrived, self.name, _token(status))

    def _wanted(self, entry: os.DirEntry[str], mode: int) -> bool:
        if stat.S_ISDIR(mode):
            return False
        if not stat.S_ISREG(mode):
            self._problem(entry.path, "is a link or a device", "Drop ordinary files.")
            return False
        if wrong := names.refusal(entry.name, self._name_chars_max):
            self._problem(entry.path, wrong, "Rename the file.")
            return False
        return True

    @property
    def _name_chars_max(self) -> int:
        return self.config.limits.file_name_chars_max

    def _problem(self, path: str, message: str, hint: str) -> None:
        place = Path(path)
        self.problems.append(Fault("FILE_REJECT", f"{place.parent.name}/{names.shown(place.name)} {message}", hint))

    def settle(self, drop: Drop) -> None:
        """Remove the file, unless it was replaced since it was taken. Raises GatewayError if that is forbidden."""
        try:
            if _token(drop.path.stat(follow_symlinks=False)) == drop.token:
                drop.path.unlink()
        except FileNotFoundError:
            return
        except OSError as error:
            raise GatewayError(
                "remove", f"{drop.partner}/{drop.name}", "Check the folder's permissions.", str(error.strerror)
            ) from error

    def deliver(self, files: Sequence[Path], folder: str = "") -> None:
        """Copy files into `outbound/<folder>` atomically. Raises GatewayError and leaves nothing half done."""
        for file in files:
            target = self.outbound / folder / file.name
            try:
                with replacing(target) as temporary:
                    shutil.copyfile(file, temporary)
            except OSError as error:
                raise GatewayError(
                    "write", str(target), "Check disk space and permissions.", str(error.strerror)
                ) from error

    def close(self) -> None:
        """Nothing is kept open."""


def _token(status: os.stat_result) -> str:
    return f"{status.st_size}:{status.st_mtime_ns}"
