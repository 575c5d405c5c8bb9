"""Where a ledger lies: its catalog and its bytes, each behind a small interface.

Outside of this module and of those that it chooses from, nothing knows a path of the catalog, a bucket or a dialect.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

import duckdb

from gateway.ledger.bucket_bytes import BucketBytes
from gateway.ledger.folder_bytes import FolderBytes
from gateway.ledger.postgres_catalog import PostgresCatalog
from gateway.ledger.sqlite_catalog import SqliteCatalog
from gateway.settings import Config


class Catalog(Protocol):
    """What says which rows and data files there are: one transaction for each commit.

    name        what people call it; no secret is in it
    target      what the database attaches, and with which `options`; no secret is in them
    extensions  of the database, that the attachment needs
    """

    extensions: tuple[str, ...]

    @property
    def name(self) -> str: ...

    @property
    def target(self) -> str: ...

    @property
    def options(self) -> tuple[str, ...]: ...

    def prepare(self, con: duckdb.DuckDBPyConnection) -> None:
        """Give a connection what it needs to reach the catalog."""

    def exists(self) -> bool:
        """Whether there is one. Raises HouseError if it cannot be reached."""

    def for_reader(self, temporary: Path) -> Catalog:
        """What a reader attaches: itself, or a copy in `temporary` where reading it takes rights that the reader
        lacks."""

    def created(self) -> AbstractContextManager[Catalog]:
        """A catalog to fill: with the end of the block it is there, whole, or not at all."""

    def exclusive(self, name: str, wait_s_max: float) -> AbstractContextManager[None]:
        """Hold the lock of that name, alone of all processes; it is free when the process is killed.

        Raises HeldElsewhereError when another keeps it for longer than `wait_s_max`.
        """

    def stamp(self) -> tuple[int, ...]:
        """Another one says that something may have been committed; () where there is no catalog yet."""

    def copy(self, target: Path) -> None:
        """Copy it into a SQLite file as of one commit, while others commit."""

    def load(self, source: Path, begin: Callable[[Catalog], None]) -> None:
        """Take over such a file; here there is no catalog yet. `begin` has the database make its tables in one."""

    def close(self) -> None:
        """End what is open."""


class Bytes(Protocol):
    """Files by their names, with slashes; they are written once, whole, and never changed.

    uri         what the database calls the place, with a slash at its end
    scratch     a folder of this machine for temporary files that `keep` is given
    extensions  of the database, that it needs to read and write there
    """

    extensions: tuple[str, ...]
    scratch: Path

    @property
    def uri(self) -> str: ...

    def prepare(self, con: duckdb.DuckDBPyConnection) -> None:
        """Give a connection what it needs to reach the place."""

    def make(self) -> None:
        """Make the place, or make sure that it is there. Raises OSError or HouseError."""

    def check(self) -> None:
        """Raises HouseError if the place cannot be reached; makes nothing."""

    def files(self) -> Iterator[tuple[str, int]]:
        """(name, size in bytes) of every file."""

    def size(self, name: str) -> int:
        """Size of a file in bytes. Raises OSError."""

    def open(self, name: str) -> AbstractContextManager[IO[bytes]]:
        """A file to read from. Raises OSError."""

    def fetch(self, name: str, target: Path) -> None:
        """Copy a file to `target`. Raises OSError."""

    def keep(self, temporaries: Mapping[Path, str]) -> None:
        """Put temporary files into their places, safely; a name that is there already is not written again.

        Raises OSError if one fails.
        """

    def close(self) -> None:
        """End what is open."""


@dataclass(frozen=True, slots=True)
class Store:
    """A ledger's places.

    folder   of this machine: locks, work under way, what was delivered, who was notified
    catalog  what says which rows and files there are
    data     the data files
    archive  the received bytes
    """

    folder: Path
    catalog: Catalog
    data: Bytes
    archive: Bytes

    @property
    def folders(self) -> list[Path]:
        """The places of it that are folders of this machine."""
        return [self.folder, *(Path(place.uri) for place in (self.data, self.archive) if "://" not in place.uri)]

    @property
    def restoring(self) -> str:
        """What to do when it cannot be read."""
        if isinstance(self.catalog, SqliteCatalog) and isinstance(self.data, FolderBytes):
            return "Restore the whole folder from the backup, or move it away to start with an empty ledger."
        return "Restore catalog, data and archive from one backup into new places: `gateway restore`."

    def exists(self) -> bool:
        """Whether there is a ledger. Raises HouseError if its catalog cannot be reached."""
        return self.catalog.exists()

    def close(self) -> None:
        """End what is open."""
        for place in (self.catalog, self.data, self.archive):
            place.close()


def folder_of(home: Path, config: Config) -> Path:
    """The ledger's folder on this machine."""
    path = Path(config.ledger.path)
    return path if path.is_absolute() else home / path


def store_of(home: Path, config: Config) -> Store:
    """The places of a home's ledger. Connects to nothing. Raises HouseError if an extra package is missing."""
    settings, folder = config.ledger, folder_of(home, config)
    catalog = PostgresCatalog(settings, folder) if settings.postgres else SqliteCatalog(folder)
    data = _bytes(home, config, settings.data, folder / "data")
    return Store(folder, catalog, data, _bytes(home, config, settings.archive, folder / "files"))


def _bytes(home: Path, config: Config, place: str, default: Path) -> Bytes:
    if place.startswith("s3://"):
        return BucketBytes(place, config.ledger.s3, home, default)
    return FolderBytes(home / place if place else default)
