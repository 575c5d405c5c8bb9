"""Bytes of the ledger in a folder: data files, or the archive."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import duckdb

from gateway.atomic import sync_folder
from gateway.regular_file import opened_regular

SYNCS_AT_ONCE = 8


class FolderBytes:
    """Files below a folder, each by its name: its path relative to the folder, with slashes.

    scratch  the folder for temporary files that `keep` is given; on the same file system
    """

    extensions: tuple[str, ...] = ()

    def __init__(self, folder: Path) -> None:
        self.folder = self.scratch = folder

    @property
    def uri(self) -> str:
        """What the database calls the place, with a slash at its end."""
        return f"{self.folder}/"

    def prepare(self, con: duckdb.DuckDBPyConnection) -> None:
        """Give a connection what it needs to reach the place: nothing."""

    def make(self) -> None:
        """Make the folder if it is not there. Raises OSError."""
        self.folder.mkdir(parents=True, exist_ok=True)

    def check(self) -> None:
        """A folder is made when it is needed."""

    def files(self) -> Iterator[tuple[str, int]]:
        """(name, size in bytes) of every file, without those that are hidden: temporary ones."""
        for root, folders, names in os.walk(self.folder):
            folders[:] = [name for name in folders if not name.startswith(".")]
            for name in names:
                path = Path(root) / name
                if not name.startswith("."):
                    yield path.relative_to(self.folder).as_posix(), path.stat().st_size

    def size(self, name: str) -> int:
        """Size of a file in bytes. Raises OSError."""
        return (self.folder / name).stat().st_size

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """A file to read from. Raises OSError."""
        with opened_regular(self.folder / name) as source:
            yield source

    def fetch(self, name: str, target: Path) -> None:
        """Copy a file to `target`. Raises OSError."""
        shutil.copy2(self.folder / name, target)

    def keep(self, temporaries: Mapping[Path, str]) -> None:
        """Sync temporary files and rename them; a name that is there already is not written again.

        The syncs run together: a disk takes hardly longer for many than for one. Raises OSError if one fails.
        """
        new = {
            temporary: target for temporary, name in temporaries.items() if not (target := self.folder / name).exists()
        }
        with ThreadPoolExecutor(SYNCS_AT_ONCE) as pool:
            _in_parts(pool, _sync, list(new))
            folders = {target.parent for target in new.values()}
            made = _make(folders)
            for temporary, target in new.items():
                temporary.replace(target)
            _in_parts(pool, sync_folder, [*folders, *made])

    def close(self) -> None:
        """Nothing is open."""


def _make(folders: Collection[Path]) -> set[Path]:
    """Make folders that are missing; returns those that got a new entry."""
    grown = set()
    for folder in folders:
        while not folder.exists():
            grown.add(folder := folder.parent)
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    return grown


def _in_parts(pool: ThreadPoolExecutor, sync: Callable[[Path], None], paths: Sequence[Path]) -> None:
    """Each worker has a share: a task for each of many small files would cost as much as its sync."""

    def part(start: int) -> None:
        for path in paths[start::SYNCS_AT_ONCE]:
            sync(path)

    list(pool.map(part, range(min(SYNCS_AT_ONCE, len(paths)))))


def _sync(file: Path) -> None:
    written = os.open(file, os.O_RDONLY)
    try:
        os.fsync(written)
    finally:
        os.close(written)
