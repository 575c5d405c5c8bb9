"""What each recipient was notified of: kept in a small file, so that a restart sends nothing twice."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from gateway.atomic import write_atomically
from gateway.errors import HouseError
from gateway.regular_file import read_regular

FILE = "notifications.json"
TRIES_MAX = 2
"""A message that may have been taken is sent once more, and then counts as sent."""


@dataclass(slots=True)
class Notified:
    """What a recipient was notified of.

    alerted    items that were sent and whose exception is still open
    digest     local day of the last digest, and `digest_at` its instant
    tries      items that were under way: how often, without our knowing whether they were taken
    head       number and hash of the audit row that was sent last, and `head_at` when
    places     folders and servers of which it was sent that they fail → since when
    problem    why the last message could not be sent, and `problem_since` when that began
    """

    alerted: list[str] = field(default_factory=list)
    digest: str = ""
    digest_at: str = ""
    head: str = ""
    head_at: str = ""
    tries: dict[str, int] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    problem: str = ""
    problem_since: str = ""


class State:
    """The file. Every change is on disk before the next step."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._notified = read(folder)

    def of(self, recipient: str) -> Notified:
        """What a recipient was notified of; changes of it are kept by `save`."""
        return self._notified.setdefault(recipient, Notified())

    def save(self) -> None:
        """Write the state to its file, whole or not at all."""
        content = {key: asdict(notified) for key, notified in self._notified.items()}
        write_atomically(self._path, json.dumps(content, indent=1, ensure_ascii=False).encode())

    def rename(self, names: Mapping[str, str]) -> None:
        """Give recipients the names that they are known by now."""
        self._notified = {names.get(key, key): notified for key, notified in self._notified.items()}

    def keep(self, recipients: Iterable[str]) -> None:
        """Forget those that are not configured any more."""
        wanted = set(recipients)
        self._notified = {key: notified for key, notified in self._notified.items() if key in wanted}


def read(folder: Path) -> dict[str, Notified]:
    """Recipient → what it was sent. Raises HouseError if the file cannot be read."""
    path = folder / FILE
    try:
        raw: dict[str, dict[str, Any]] = json.loads(read_regular(path))
        return {key: Notified(**notified) for key, notified in raw.items()}
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError, AttributeError) as error:
        raise HouseError("read", str(path), "Remove it: what is open is then sent once more.", str(error)) from None
