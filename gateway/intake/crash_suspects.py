"""Deliveries that end the process: what is being taken is noted, and a note that is left over names it.

The note is not synced: what was written outlives the process. Where the machine fails with it, nothing is known.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gateway.log import log
from gateway.regular_file import read_regular
from gateway.transports.transport import Drop

NOTE = "taking.json"
"""In the ledger's folder, while files are taken and while there are suspects."""
FEW = 32
"""Many suspects are first taken in groups of this size: 1,000 files one by one would take many minutes."""
NAMED_MAX = 5
BOOT = Path("/proc/sys/kernel/random/boot_id")

Key = tuple[str, str]
"""Path and token of a delivery: another version is another delivery."""
Known = tuple[int, int]
"""How many are to be taken together with it, and how often the process ended while it was taken alone."""


class Suspects:
    """The deliveries that a process was taking when it ended, until they are taken.

    One that was alone then has a death more. One among others is only a suspect: it is to be taken with few, then
    alone, so that the next deaths show which it is. `folder` is the ledger's.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / NOTE
        self._temporary = folder / f".{NOTE}.{os.getpid()}.tmp"
        self._known: dict[Key, Known] = {}
        self._taking: dict[Key, None] = {}
        self._lock = threading.Lock()
        self._closed = False

    def recall(self) -> None:
        """Count what the process before was taking when it ended. For the one that takes files, when it starts."""
        boot, noted, known = _read(self._path)
        if boot != _boot():
            noted = []
        # What is no longer in its place was settled, or somebody took it out. Where the machine was restarted
        # meanwhile, that ended the process, not a file.
        taking = [key for key in noted if Path(key[0]).exists()]
        for key in taking:
            known[key] = (FEW if len(taking) > FEW else 1, known.get(key, (1, 0))[1] + (len(taking) == 1))
        self._known = {key: value for key, value in known.items() if Path(key[0]).exists()}
        if taking:
            names = [Path(path).name for path, _ in taking[:NAMED_MAX]]
            log.warning("process.died", taking=len(taking), files=names, deaths=known[taking[0]][1])
        with self._lock:
            self._write()

    def together(self, drop: Drop, most: int) -> int:
        """How many are to be taken at once where this is one of them; `most` if it is no suspect."""
        return min(most, self._known.get(_key(drop), (most, 0))[0])

    def deaths(self, drop: Drop) -> int:
        """How often the process ended while it took this one alone."""
        return self._known.get(_key(drop), (0, 0))[1]

    @contextmanager
    def taking(self) -> Iterator[None]:
        """While files are taken: what is begun is noted until it is taken, or until the end of this."""
        try:
            yield
        finally:
            with self._lock:
                self._taking.clear()
                self._write()

    def begin(self, drops: Iterable[Drop]) -> None:
        """Note that these are taken from now on. For any thread."""
        with self._lock:
            self._taking.update(dict.fromkeys(map(_key, drops)))
            self._write()

    def taken(self, drops: Iterable[Drop]) -> None:
        """These were taken; the note says so when it is written next."""
        with self._lock:
            for drop in drops:
                self._taking.pop(_key(drop), None)
                self._known.pop(_key(drop), None)

    def close(self) -> None:
        """The process ends on request: what it is taking is not the cause. For any thread."""
        with self._lock:
            self._taking.clear()
            self._write()
            self._closed = True

    def _write(self) -> None:
        """With the lock held."""
        if self._closed:
            return
        try:
            if self._taking or self._known:
                note = {"boot": _boot(), "taking": [*self._taking], "known": [*self._known.items()]}
                self._temporary.write_text(json.dumps(note))
                self._temporary.replace(self._path)
            else:
                self._path.unlink(missing_ok=True)
        except OSError as error:
            log.warning("note.failed", error=str(error), consequence="a file that ends the process is not known")
            # The previous note is no longer true.
            with suppress(OSError):
                self._temporary.unlink(missing_ok=True)
                self._path.unlink(missing_ok=True)


def _key(drop: Drop) -> Key:
    return str(drop.path), drop.token


def _boot() -> str:
    """What names the run of the machine, "" where the system does not say."""
    try:
        return BOOT.read_text().strip()
    except OSError:
        return ""


def _read(path: Path) -> tuple[str, list[Key], dict[Key, Known]]:
    """(the machine's run, what was being taken, what was known of suspects)."""
    try:
        note = json.loads(read_regular(path))
        taking = [(str(place), str(token)) for place, token in note["taking"]]
        known = {(str(place), str(token)): (int(few), int(deaths)) for (place, token), (few, deaths) in note["known"]}
        return str(note["boot"]), taking, known
    except FileNotFoundError:
        return "", [], {}
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        # Cut off when the machine failed, or not written by this program.
        log.warning("note.failed", error=str(error), consequence="a file that ended the process is not known")
        return "", [], {}
