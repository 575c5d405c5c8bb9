"""Where files lie while they are taken: private copies of what was delivered, and what comes out of containers.

Small copies lie in memory, where the system has a folder for that: on a disk, making and removing a file costs several
times what its bytes do. What a killed process left there is removed when the next files are taken.
"""

from __future__ import annotations

import fcntl
import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from gateway.ledger.archive import Archiver, Stored
from gateway.prefetch import ahead
from gateway.transports import opening
from gateway.transports.transport import Drop

MEMORY = Path("/dev/shm")
SMALL_BYTES = 1 << 20
"""Copies up to this size lie in memory. Two batches of files are there at most, each bounded as a whole."""

_BEGINNING = "gateway-"
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NUMBERS = itertools.count()


@dataclass(frozen=True, slots=True)
class Scratch:
    """Folders that only the gateway can write to.

    memory  for small files, None where the system has none
    """

    disk: Path
    memory: Path | None = None

    def own(self, drop: Drop, archiver: Archiver) -> tuple[Drop, Stored]:
        """Archive a delivery: (what is read of it, what was archived).

        Where others can write to it, that is a copy that nobody else can write to, made of the same bytes at once.
        Raises OSError.
        """
        if drop.listed is None:
            return drop, archiver.add(drop.path)
        name = f"{next(_NUMBERS)}.received"
        _, _, size, _ = drop.listed
        if self.memory is not None and size <= SMALL_BYTES:
            with suppress(OSError):  # It may be full; what is wrong with the file itself is met on the disk too.
                return _copied(drop, drop.listed, self.memory / name, archiver)
        return _copied(drop, drop.listed, self.disk / name, archiver)


def _copied(drop: Drop, version: opening.Version, target: Path, archiver: Archiver) -> tuple[Drop, Stored]:
    """Copy a delivery and archive it; pieces of a large one are written while those before are compressed."""
    _, _, size, _ = version
    with closing(opening.copied(drop.path, version, target)) as pieces:
        if size <= opening.CHUNK_BYTES:
            return replace(drop, path=target), archiver.take(pieces)
        with closing(ahead(pieces)) as prepared:
            return replace(drop, path=target), archiver.take(prepared)


@contextmanager
def scratch(disk: Path) -> Iterator[Scratch]:
    """Folders of their own below `disk` and in memory, removed afterwards with what is in them."""
    with tempfile.TemporaryDirectory(dir=disk) as folder, _in_memory() as memory:
        yield Scratch(Path(folder), memory)


@contextmanager
def _in_memory() -> Iterator[Path | None]:
    """A folder in memory, locked while it is in use: the lock of a process ends with it. None where there is none."""
    _remove_abandoned()
    try:
        folder = Path(tempfile.mkdtemp(prefix=_BEGINNING, dir=MEMORY))
        held = os.open(folder, _FOLDER)
    except OSError:
        yield None
        return
    try:
        fcntl.flock(held, fcntl.LOCK_SH)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(held)


def _remove_abandoned() -> None:
    """Remove the folders of processes that were killed."""
    for folder in MEMORY.glob(f"{_BEGINNING}*"):
        with suppress(OSError):  # Somebody else's, or in use.
            descriptor = os.open(folder, _FOLDER)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(descriptor)
