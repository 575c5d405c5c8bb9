"""The catalog in a SQLite file beside the ledger's work: for the processes of one machine."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from pathlib import Path

import duckdb

from gateway.atomic import sync_folder
from gateway.errors import HouseError
from gateway.ledger.locking import file_lock

CATALOG = "catalog.sqlite"
NEW = f"new.{CATALOG}"
"""Name of the catalog until it has its tables."""
COPIES_MAX = 20
"""So often a reader without the right to write copies the catalog, until nobody commits meanwhile."""
WAL_AND_SHARED_MEMORY = ("-wal", "-shm")


class SqliteCatalog:
    """A file in the ledger's folder."""

    extensions: tuple[str, ...] = ("sqlite_scanner",)

    def __init__(self, folder: Path, file: str = CATALOG) -> None:
        self.folder, self.path = folder, folder / file

    @property
    def name(self) -> str:
        """The name in messages: the folder of the ledger."""
        return str(self.folder)

    @property
    def target(self) -> str:
        """What the database attaches."""
        return f"sqlite:{self.path}"

    @property
    def options(self) -> tuple[str, ...]:
        """Options of the attachment."""
        return "META_JOURNAL_MODE 'WAL'", "META_BUSY_TIMEOUT 5000"

    def prepare(self, con: duckdb.DuckDBPyConnection) -> None:
        """Give a connection what it needs to reach the catalog: nothing."""

    def exists(self) -> bool:
        """Whether the file of the catalog is there. Raises HouseError where something else is: a pipe would be waited
        for."""
        if self.path.exists() and not self.path.is_file():
            fix = "Move it away, and restore the whole folder from the backup."
            raise HouseError("open ledger", str(self.path), fix, "it is no file")
        return self.path.exists()

    def for_reader(self, temporary: Path) -> SqliteCatalog:
        """Itself; for who may not write here a copy: SQLite reads a catalog with a log only where it may write beside
        it.

        Raises OSError if it cannot be read, sqlite3.OperationalError if others commit all the time.
        """
        if os.access(self.path, os.W_OK) and os.access(self.folder, os.W_OK):
            return self
        own = SqliteCatalog(temporary)
        for _ in range(COPIES_MAX):
            before = self.stamp()
            for end in ("-wal", ""):
                with suppress(FileNotFoundError):
                    shutil.copyfile(f"{self.path}{end}", f"{own.path}{end}")
            if self.stamp() == before:
                return own
        raise sqlite3.OperationalError("unable to open database file: it changes while it is copied")

    @contextmanager
    def created(self) -> Iterator[SqliteCatalog]:
        """A catalog to fill, under another name: with the end of the block it is there, whole, or not at all."""
        for left in self.folder.glob(f"{NEW}*"):
            left.unlink()
        yield SqliteCatalog(self.folder, NEW)
        (self.folder / NEW).replace(self.path)
        sync_folder(self.folder)

    def exclusive(self, name: str, wait_s_max: float) -> AbstractContextManager[None]:
        """Hold a lock. Raises HeldElsewhereError."""
        return file_lock(self.folder, name, wait_s_max)

    def stamp(self) -> tuple[int, ...]:
        """Another one says that something may have been committed; () where there is no catalog yet."""
        found: list[int] = []
        for path in (self.path, self.path.with_name(f"{self.path.name}-wal")):
            with suppress(FileNotFoundError):
                status = path.stat()
                found += [status.st_size, status.st_mtime_ns]
        return tuple(found)

    def copy(self, target: Path) -> None:
        """Copy it as of one commit, while others commit. Raises sqlite3.Error or OSError.

        Of a home that cannot be written, whose disk may be failing, too: `target` is called as this one is.
        """
        readable = self.for_reader(target.parent)
        if readable is self:
            copy(self.path, target)
        else:
            with closing(sqlite3.connect(readable.path)) as con:
                con.execute("pragma wal_checkpoint(truncate)")

    def load(self, source: Path, begin: Callable[[SqliteCatalog], None]) -> None:
        """Take over a copy; here there is no catalog yet, and the copy is whole. Raises sqlite3.Error or OSError."""
        with self.created() as new:
            copy(source, new.path)

    def close(self) -> None:
        """Nothing is open."""


def copy(source: Path, target: Path) -> None:
    """Copy a catalog file as of one commit."""
    with closing(sqlite3.connect(source)) as origin, closing(sqlite3.connect(target)) as sink:
        origin.backup(sink)
