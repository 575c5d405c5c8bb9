"""What a server got: each file of its outbound folders is sent once, after a restart too."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.atomic import write_atomically
from gateway.errors import HouseError
from gateway.regular_file import read_regular, sha256_of
from gateway.transports import names

FOLDER = "delivered"
"""Below the ledger's folder: a file of state for each server."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A file that is to be sent: its key "<folder>/<name>", and the SHA-256 of its bytes."""

    key: str
    path: Path
    sha256: str


class Deliveries:
    """The files of `outbound/<folder>` for each folder, less those that `state` (a JSON file) says were sent.

    place      what the ledger calls the server: the state's path without its ending
    delivered  key → SHA-256 of what was sent and is still there; another dict after each delivery
    problems   which of them cannot be read, from the last look
    Raises HouseError if the state cannot be read.
    """

    def __init__(
        self, outbound: Path, folders: Sequence[str], ignore: Sequence[str], state: Path, place: str = ""
    ) -> None:
        self.outbound, self.folders, self.ignore, self.state, self.place = outbound, folders, ignore, state, place
        self.delivered = read_state(state)
        self._checked: dict[str, tuple[int, int]] = {}
        self.problems: list[str] = []

    def waiting(self) -> Iterator[Delivery]:
        """What is still to be sent, by folder and name. A file is hashed again only when it changed."""
        self.problems = []
        for folder in self.folders:
            for path in sorted((self.outbound / folder).glob("*")):
                if names.ignored(path.name, self.ignore) or path.is_dir():
                    continue
                if not stat.S_ISREG(path.lstat().st_mode):
                    self.problems.append(f"deliver {path}: it is a link or a device")
                    continue
                try:
                    delivery = self._unsent(f"{folder}/{path.name}", path)
                except OSError as error:
                    self.problems.append(f"deliver {path}: {error.strerror}")
                    continue
                if delivery is not None:
                    yield delivery

    def _unsent(self, key: str, path: Path) -> Delivery | None:
        status = path.stat()
        version = (status.st_size, status.st_mtime_ns)
        if self._checked.get(key) == version:
            return None
        sha256 = sha256_of(path)
        if self.delivered.get(key) != sha256:
            return Delivery(key, path, sha256)
        self._checked[key] = version
        return None

    def sent(self, delivery: Delivery) -> None:
        """Note that a file was sent; files that are gone are forgotten."""
        sent = self.delivered | {delivery.key: delivery.sha256}
        self.delivered = {key: sha256 for key, sha256 in sent.items() if (self.outbound / key).exists()}
        write_atomically(self.state, json.dumps(self.delivered, indent=1).encode())


def read_state(state: Path) -> dict[str, str]:
    """Key → SHA-256 of what was sent; empty without a state. Raises HouseError if it cannot be read."""
    try:
        return dict(json.loads(read_regular(state)))
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError) as error:
        raise HouseError("read", str(state), "Remove it: everything is then sent once more.", str(error)) from error
