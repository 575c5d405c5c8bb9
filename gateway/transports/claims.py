"""Drop folders that several gateways share: a file is taken by the one that claims it.

To claim a file is to rename it into a hidden folder of the gateway's own below the drop folder: of several that try,
the file system lets one succeed, also on a share. Its name and the time of its last change stay what they were. What
a killed gateway has claimed is still there when it starts again.
"""

from __future__ import annotations

import os
import re
import secrets
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from gateway.atomic import write_atomically
from gateway.transports import opening

PREFIX = ".taking-"
LONG_S = 3_600
"""After this time the claim of another gateway is reported: that gateway seems to have died."""


class Claims:
    """The files of a shared drop folder that this gateway, `gateway_id`, has claimed."""

    def __init__(self, folder: Path, gateway_id: str) -> None:
        self.folder, self.own = folder, folder / f"{PREFIX}{gateway_id}"

    def entries(self) -> list[tuple[str, os.stat_result]]:
        """What is claimed, with its markers. Raises OSError if the folder cannot be read."""
        try:
            return opening.listing(self.own)
        except FileNotFoundError:
            return []

    def claim(self, name: str, marker: str) -> None:
        """Claim a file of the drop folder, and its marker before it: whoever has the marker has the file.

        Nothing happens when another gateway was quicker, or while an earlier file of the name is still claimed.
        Raises OSError if claiming is forbidden.
        """
        with opening.opened_folder(self.folder) as folder:
            with suppress(FileExistsError):
                os.mkdir(self.own.name, dir_fd=folder)
            with opening.opened_folder(self.own) as own:
                self._claim(name, marker, folder, own)

    def _claim(self, name: str, marker: str, folder: int, own: int) -> None:
        if _exists(name, own):
            return
        mark = name + marker
        # A marker without its file was left there by a process that was killed just below.
        if marker and not (_move(mark, folder, own) or _exists(mark, own)):
            return
        if not _move(name, folder, own) and marker:
            with suppress(FileNotFoundError):
                os.unlink(mark, dir_fd=own)

    def long_claimed_by_others(self) -> Iterator[tuple[str, str]]:
        """(gateway, name) of one file of each other gateway that claimed it long ago, where that may be seen."""
        for folder in sorted(self.folder.glob(f"{PREFIX}*")):
            if folder == self.own or folder.is_symlink() or not os.access(folder, os.R_OK | os.X_OK):
                continue
            for path in sorted(folder.iterdir()):
                # Renaming a file changes this time, not that of its content.
                if time.time() - _changed_at(path) > LONG_S:
                    yield folder.name.removeprefix(PREFIX), path.name
                    break


def _exists(name: str, folder: int) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _move(name: str, source: int, target: int) -> bool:
    try:
        os.rename(name, name, src_dir_fd=source, dst_dir_fd=target)
    except FileNotFoundError:
        return False
    return True


def _changed_at(path: Path) -> float:
    try:
        return path.stat(follow_symlinks=False).st_ctime
    except FileNotFoundError:
        return time.time()


def gateway_id(ledger: Path) -> str:
    """A name for the gateway whose ledger lies there: given once, and kept with the ledger."""
    path = ledger / "gateway-id"
    try:
        return path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        host = re.sub(r"[^A-Za-z0-9-]", "-", socket.gethostname())[:30]
        write_atomically(path, f"{host}-{secrets.token_hex(4)}\n".encode())
        return path.read_text(encoding="utf-8").strip()
