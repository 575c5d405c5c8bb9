"""Drop folders: `inbound/<partner>/<file>`. A sweep of the folder is the truth; nothing else is believed."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Iterator, Sequence, Set
from datetime import UTC, datetime
from pathlib import Path

from gateway.atomic import replacing
from gateway.errors import Fault, HouseError
from gateway.ledger import lake
from gateway.settings import Config
from gateway.transports import names
from gateway.transports.claims import Claims, gateway_id
from gateway.transports.stillness import Stillness
from gateway.transports.transport import Drop


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
        shared = [home / drop.folder for drop in config.folder if drop.shared]
        own = gateway_id(lake.folder_of(home, config)) if shared else ""
        self._claims = {folder: Claims(folder, own) for folder in shared}
        self.problems: list[Fault] = []
        self._stillness = Stillness(config.daemon.still_s if still else 0.0)
        self._drops: dict[tuple[str, str], Drop] = {}
        self._before: dict[tuple[str, str], Drop] = {}

    @property
    def soon(self) -> bool:
        """Whether files grew in the last poll."""
        return self._stillness.waiting

    def poll(self) -> list[Drop]:
        """Whole files that are still, by partner and name."""
        self.problems = []
        self._stillness.begin()
        self._before, self._drops = self._drops, {}
        drops = [drop for folder, partner in self._folders().items() for drop in self._poll_folder(partner, folder)]
        return sorted(drops, key=lambda drop: (drop.partner, drop.name))

    def _folders(self) -> dict[Path, str]:
        """Every drop folder → its partner."""
        found = dict(self.others)
        for entry in self._entries(self.root):
            if names.ignored(entry.name, self.config.daemon.ignore):
                continue
            if entry.is_dir(follow_symlinks=False) and not names.refusal(entry.name, self._name_chars_max):
                found.setdefault(Path(entry.path), entry.name)
            else:
                self._problem(entry.path, "is no partner's folder", "Drop files into inbound/<partner>/.")
        return found

    def _entries(self, folder: Path) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(folder) as listing:
                return list(listing)
        except OSError as error:
            self._problem(str(folder), f"cannot be read: {error.strerror}", "Check that it exists and its permissions.")
            return []

    def _poll_folder(self, partner: str, folder: Path) -> Iterator[Drop]:
        claims, marker = self._claims.get(folder), self._marker(partner)
        entries = self._entries(folder)
        if claims is None:
            for entry, status in self._whole(entries, marker, set()):
                yield self._drop(partner, entry, status)
            return
        try:
            claimed = {entry.name for entry in claims.entries()}
            for entry, _ in self._whole(entries, marker, claimed):
                self._claim(claims, entry.name, marker)
            for entry in claims.entries():
                status = entry.stat(follow_symlinks=False)
                if stat.S_ISREG(status.st_mode) and not (marker and entry.name.endswith(marker)):
                    yield self._drop(partner, entry, status)
            for gateway, name in claims.long_claimed_by_others():
                hint = "Start it again; if it is gone for good, move the file back into the drop folder."
                self._problem(str(folder / name), f"has long been claimed by the gateway {gateway}", hint)
        except OSError as error:
            self._problem(str(claims.own), f"cannot be read: {error.strerror}", "Check its permissions.")

    def _claim(self, claims: Claims, name: str, marker: str) -> None:
        try:
            claims.claim(name, marker)
        except OSError as error:
            hint = "Who shares the folder must be allowed to make a folder in it and to move files there."
            self._problem(str(claims.folder / name), f"cannot be claimed: {error.strerror}", hint)

    def _whole(
        self, entries: Sequence[os.DirEntry[str]], marker: str, claimed: Set[str]
    ) -> Iterator[tuple[os.DirEntry[str], os.stat_result]]:
        """Those that are files, still, and marked where that is agreed. `claimed` markers count."""
        present = {entry.name for entry in entries}
        there = present | claimed
        for entry in entries:
            if names.ignored(entry.name, self.config.daemon.ignore):
                continue
            try:
                status = entry.stat(follow_symlinks=False)
            except OSError:
                continue  # Gone since the listing: the next poll tells.
            version = (status.st_size, status.st_mtime_ns)
            if names.is_lone_marker(entry.name, marker, present):
                if self._stillness.is_still((entry.path, "marker"), version):
                    self._problem(entry.path, *names.LONE_MARKER)
            elif not names.is_marked(entry.name, marker, there):
                continue
            elif self._wanted(entry, status.st_mode) and self._stillness.is_still(entry.path, version):
                yield entry, status

    def _drop(self, partner: str, entry: os.DirEntry[str], status: os.stat_result) -> Drop:
        key = (entry.path, _token(status))
        drop = self._before.get(key)
        if drop is None:
            arrived = datetime.fromtimestamp(status.st_mtime_ns // 1000 / 1_000_000, UTC)
            drop = Drop(partner, entry.name, Path(entry.path), arrived, self.name, key[1])
        # Many may wait for a while: what was found is not made again in every poll.
        self._drops[key] = drop
        return drop

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

    def _marker(self, partner: str) -> str:
        found = self.config.partners.get(partner)
        return found.marker if found else ""

    @property
    def _name_chars_max(self) -> int:
        return self.config.limits.file_name_chars_max

    def _problem(self, path: str, message: str, hint: str) -> None:
        place = Path(path)
        self.problems.append(Fault("FILE_REJECT", f"{place.parent.name}/{names.shown(place.name)} {message}", hint))

    def settle(self, drop: Drop) -> None:
        """Remove the file and its marker, unless it was replaced since it was taken.

        Raises HouseError if that is forbidden.
        """
        try:
            with contextlib.suppress(FileNotFoundError):
                if _token(drop.path.stat(follow_symlinks=False)) != drop.token:
                    return
            for path in self._parts(drop):
                path.unlink(missing_ok=True)
        except OSError as error:
            raise HouseError(
                "remove", f"{drop.partner}/{drop.name}", "Check the folder's permissions.", str(error.strerror)
            ) from error

    def _parts(self, drop: Drop) -> list[Path]:
        """The file and its marker in the order in which they are removed: a crash in between must do no harm.

        A file without its marker would stay in a drop folder, but a claimed one goes on; a marker that stays alone is
        told in a drop folder, but a claimed one would mark the next file of the name.
        """
        marker = self._marker(drop.partner)
        if not marker:
            return [drop.path]
        parts = [drop.path, drop.path.with_name(drop.name + marker)]
        return parts[::-1] if drop.path.parent.parent in self._claims else parts

    def deliver(self, files: Sequence[Path], folder: str = "") -> None:
        """Copy files into `outbound/<folder>` atomically. Raises HouseError and leaves nothing half done."""
        for file in files:
            target = self.outbound / folder / file.name
            try:
                with replacing(target) as temporary:
                    shutil.copyfile(file, temporary)
            except OSError as error:
                raise HouseError(
                    "write", str(target), "Check disk space and permissions.", str(error.strerror)
                ) from error

    def close(self) -> None:
        """Nothing is kept open."""


def _token(status: os.stat_result) -> str:
    return f"{status.st_size}:{status.st_mtime_ns}"
