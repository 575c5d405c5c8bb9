"""Drop folders: `inbound/<partner>/<file>`. A sweep of the folder is the truth; nothing else is believed."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator, Sequence, Set
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from gateway.atomic import replacing
from gateway.errors import Fault, HouseError
from gateway.ledger import lake
from gateway.rights import ownership
from gateway.settings import Config
from gateway.transports import names, opening
from gateway.transports.claims import PREFIX, Claims, gateway_id
from gateway.transports.stillness import Stillness
from gateway.transports.transport import Drop

Entry = tuple[str, os.stat_result]
"""What lies in a folder: its name, and its status (that of a link, not of what it leads to)."""
Key = tuple[Path, opening.Version, str]


class Folder:
    """All drop folders of a home.

    still  a file is taken when its size and modification time were the same in two polls that lie at least
           `daemon.still_s` apart; without it (a single pass) at once
    """

    name = "folder"

    def __init__(self, home: Path, config: Config, *, still: bool = False) -> None:
        self.config = config
        # A link that an operator made is followed here, once; one that takes a folder's place later is refused.
        self.root, self.outbound = (home / "inbound").resolve(), home / "outbound"
        self.others = {(home / drop.folder).resolve(): drop.partner for drop in config.folder}
        shared = [(home / drop.folder).resolve() for drop in config.folder if drop.shared]
        own = gateway_id(lake.folder_of(home, config)) if shared else ""
        self._claims = {folder: Claims(folder, own) for folder in shared}
        self.problems: list[Fault] = []
        self._stillness = Stillness(config.daemon.still_s if still else 0.0)
        self._drops: dict[Key, Drop] = {}
        self._before: dict[Key, Drop] = {}

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
        for name, status in self._entries(self.root):
            if names.ignored(name, self.config.daemon.ignore):
                continue
            if stat.S_ISDIR(status.st_mode) and not names.refusal(name, self._name_chars_max):
                found.setdefault(self.root / name, name)
            else:
                self._problem(self.root / name, "does not belong to a partner", "Drop files into inbound/<partner>/.")
        return found

    def _entries(self, folder: Path) -> list[Entry]:
        try:
            return opening.listing(folder)
        except OSError as error:
            hint = f"Check that it exists and its permissions: {ownership(folder)}."
            self._problem(folder, f"cannot be read: {error.strerror}", hint)
            return []

    def _poll_folder(self, partner: str, folder: Path) -> Iterator[Drop]:
        claims, marker = self._claims.get(folder), self._marker(partner)
        entries = self._entries(folder)
        if claims is None:
            for name, status in self._whole(folder, entries, marker, set()):
                yield self._drop(partner, folder / name, status)
            return
        try:
            claimed = {name for name, _ in claims.entries()}
            for name, _ in self._whole(folder, entries, marker, claimed):
                self._claim(claims, name, marker)
            for name, status in claims.entries():
                if not (marker and name.endswith(marker)) and self._wanted(claims.own / name, status):
                    yield self._drop(partner, claims.own / name, status)
            for gateway, name in claims.long_claimed_by_others():
                hint = "Start that gateway again; if it no longer exists, move the file back into the drop folder."
                self._problem(folder / name, f"has long been claimed by the gateway {gateway}", hint)
        except OSError as error:
            self._problem(claims.own, f"cannot be read: {error.strerror}", "Check its permissions.")

    def _claim(self, claims: Claims, name: str, marker: str) -> None:
        try:
            claims.claim(name, marker)
        except OSError as error:
            hint = (
                "Every gateway that shares the folder needs permission to create a folder in it and to move files "
                "into it."
            )
            self._problem(claims.folder / name, f"cannot be claimed: {error.strerror}", hint)

    def _whole(self, folder: Path, entries: Sequence[Entry], marker: str, claimed: Set[str]) -> Iterator[Entry]:
        """Those that are files, still, and marked where that is agreed. `claimed` markers count."""
        present = {name for name, _ in entries}
        there = present | claimed
        for name, status in entries:
            path = folder / name
            if names.ignored(name, self.config.daemon.ignore) or name.startswith(PREFIX):
                continue
            if stat.S_ISDIR(status.st_mode):
                self._problem(path, "is a folder; files in it are not taken", "Drop files beside it, or remove it.")
                continue
            version = (status.st_size, status.st_mtime_ns)
            if names.is_lone_marker(name, marker, present):
                if self._stillness.is_still((path, "marker"), version):
                    self._problem(path, *names.LONE_MARKER)
            elif not names.is_marked(name, marker, there):
                continue
            elif self._wanted(path, status) and self._stillness.is_still(path, version):
                yield name, status

    def _drop(self, partner: str, path: Path, status: os.stat_result) -> Drop:
        key = (path, opening.version_of(status), _token(status))
        drop = self._before.get(key)
        if drop is None:
            arrived = datetime.fromtimestamp(status.st_mtime_ns // 1000 / 1_000_000, UTC)
            drop = Drop(partner, path.name, path, arrived, self.name, key[2], key[1])
        # Many may wait for a while: what was found is not made again in every poll.
        self._drops[key] = drop
        return drop

    def _wanted(self, path: Path, status: os.stat_result) -> bool:
        wrong, fix = opening.refusal(status), "Drop ordinary files, each a copy of its own."
        if not wrong and status.st_size > self.config.limits.file_bytes_max:
            wrong, fix = f"has {status.st_size} bytes, more than limits.file_bytes_max", "Split it, or raise the limit."
        if not wrong:
            wrong, fix = names.refusal(path.name, self._name_chars_max), "Rename the file."
        if wrong:
            self._problem(path, wrong, fix)
        return not wrong

    def _marker(self, partner: str) -> str:
        found = self.config.partners.get(partner)
        return found.marker if found else ""

    @property
    def _name_chars_max(self) -> int:
        return self.config.limits.file_name_chars_max

    def _problem(self, path: Path, message: str, hint: str) -> None:
        place = f"{names.shown(path.parent.name)}/{names.shown(path.name)}"
        self.problems.append(Fault("FILE_REJECT", f"{place} {message}", hint))

    def settle(self, drop: Drop) -> None:
        """Remove the file and its marker, unless it was replaced since it was taken.

        Raises HouseError if that is forbidden.
        """
        try:
            with opening.opened_folder(drop.path.parent) as folder:
                with suppress(FileNotFoundError):
                    if _token(os.stat(drop.path.name, dir_fd=folder, follow_symlinks=False)) != drop.token:
                        return
                for name in self._parts(drop):
                    with suppress(FileNotFoundError):
                        os.unlink(name, dir_fd=folder)
        except OSError as error:
            raise HouseError(
                "remove",
                f"{drop.partner}/{drop.name}",
                f"Let the gateway's group write in its folder: {ownership(drop.path.parent)}.",
                str(error.strerror),
            ) from error

    def _parts(self, drop: Drop) -> list[str]:
        """The file and its marker in the order in which they are removed: a crash in between must do no harm.

        A file without its marker would stay in a drop folder, but a claimed one goes on; a marker that stays alone is
        reported in a drop folder, but a claimed one would mark the next file of the name.
        """
        marker = self._marker(drop.partner)
        if not marker:
            return [drop.name]
        parts = [drop.name, drop.name + marker]
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
    return f"{status.st_size}:{status.st_mtime_ns}:{status.st_ctime_ns}"
