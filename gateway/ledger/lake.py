"""The lake: Parquet files and a SQLite catalog (DuckLake), opened through a hardened connection.

Any number of readers may work while one process commits.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

import duckdb

from gateway.atomic import sync_folder
from gateway.errors import HouseError
from gateway.ledger import connection, schema, views
from gateway.ledger.connection import CATALOG, NEW
from gateway.ledger.locking import WriterLock, retry
from gateway.settings import Config


class Lake:
    """An attached lake. `con` is its DuckDB connection with the lake as the current catalog.

    `lock` is held around every commit; `temporary` is this connection's own folder for spill and copies.
    """

    def __init__(
        self, folder: Path, con: duckdb.DuckDBPyConnection, temporary: Path, threads: int, read_only: bool
    ) -> None:
        self.folder, self.con, self.temporary, self.threads = folder, con, temporary, threads
        self.read_only = read_only
        self.lock = WriterLock(folder)

    def close(self) -> None:
        """Detach, close and remove what the connection spilled."""
        self.con.close()
        connection.release(self.temporary)

    def __enter__(self) -> Lake:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def use_threads(self, count: int) -> None:
        """How many threads the connection's queries may use from now on; at most `threads`."""
        self.con.execute(f"set threads = {min(count, self.threads)}")

    def version(self) -> int:
        """Number of the newest snapshot."""
        row = self.con.execute("select max(snapshot_id) from lake.snapshots()").fetchone()
        return int(row[0]) if row and row[0] is not None else 0


def folder_of(home: Path, config: Config) -> Path:
    """The ledger's folder."""
    path = Path(config.ledger.path)
    return path if path.is_absolute() else home / path


def exists(folder: Path) -> bool:
    """Whether there is a lake in the folder."""
    return (folder / CATALOG).exists()


def open_lake(home: Path, config: Config, *, read_only: bool = False, as_of: str | None = None) -> Lake:
    """Attach the lake of a home; create or migrate it first unless read_only.

    as_of  a day (its end, UTC), an instant ("2026-11-01T00:00:00Z") or a snapshot number: the ledger as it
           stood then, read-only
    Raises HouseError if there is none yet (read_only), if it was written by a newer program, if it stays
    locked, or if it cannot be read.
    """
    folder = folder_of(home, config)
    read_only = read_only or as_of is not None
    if read_only and not exists(folder):
        raise HouseError("open ledger", str(folder), "Run `gateway once` first.", "there is none yet")
    try:
        if not read_only:
            (folder / "data").mkdir(parents=True, exist_ok=True)
            connection.remove_stale_folders(folder)
            _create(folder, config)
        return _open(folder, config, read_only=read_only, as_of=as_of)
    except duckdb.Error as error:
        raise _unreadable(folder, str(error).split("\n")[0]) from error


def _open(folder: Path, config: Config, *, read_only: bool, as_of: str | None) -> Lake:
    con, temporary = connection.connect(folder, config)
    lake = Lake(folder, con, temporary, connection.default_threads(config), read_only)
    try:
        retry(lambda: connection.attach(con, folder, read_only=read_only, as_of=as_of))
        have = retry(lambda: schema.columns(con))
        if not schema.is_current(con, have) and not read_only:
            with lake.lock.held():
                retry(lambda: schema.migrate(con))
            have = schema.columns(con)
        connection.harden(con, folder, temporary, lake.threads)
        with connection.transaction(con):
            views.create(con, have)
    except BaseException:
        lake.close()
        raise
    return lake


def _create(folder: Path, config: Config) -> None:
    """Make the catalog with its tables if there is none, under another name first: it appears whole or not at all.

    Raises HouseError where there was one: an empty ledger must not take the place of one that was lost.
    """
    if exists(folder):
        return
    with WriterLock(folder).held():
        if exists(folder):
            return
        if any((folder / "data").rglob("*.parquet")) or any((folder / "files").rglob("*.zst")):
            raise _unreadable(folder, f"{CATALOG} is gone, but what it leads to is there")
        for left in folder.glob(f"{NEW}*"):
            left.unlink()
        con, temporary = connection.connect(folder, config)
        try:
            connection.attach(con, folder, catalog=NEW)
            schema.migrate(con)
        finally:
            con.close()
            connection.release(temporary)
        (folder / NEW).replace(folder / CATALOG)
        sync_folder(folder)


def _unreadable(folder: Path, cause: str) -> HouseError:
    return HouseError(
        "open ledger", str(folder), "Restore the whole folder from the backup, or move it away to begin anew.", cause
    )
