"""The lake: Parquet files and a catalog (DuckLake), opened through a hardened connection.

Any number of readers may work while one process commits.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType

import duckdb

from gateway.errors import HouseError, first_line
from gateway.failures import explained
from gateway.ledger import connection, schema, views
from gateway.ledger.anchors import Anchors
from gateway.ledger.clock import Clock
from gateway.ledger.locking import WriterLock, retry
from gateway.ledger.store import Store, folder_of, store_of
from gateway.settings import Config

__all__ = ["Lake", "exists", "folder_of", "open_lake"]


SMALL_ROWS = 200_000
"""Up to so many rows in all tables, one thread of the database is faster than several."""

_ROW_COUNTS = f"""
    select table_name, if(next_row_id = 0 and table_id not in (select table_id
        from {connection.METADATA}.ducklake_data_file),
                          0, greatest(record_count, 1))
    from {connection.METADATA}.ducklake_table t join {connection.METADATA}.ducklake_table_stats s using (table_id)
    where end_snapshot is null"""


class Lake:
    """An attached lake. `con` is its DuckDB connection with the lake as the current catalog.

    `store` is where it lies; `lock` is held around every commit; `temporary` is this connection's own folder for spill
    and copies; `anchors` get the head of the audit chain, where commits are made; `clock` is asked first; `columns` are
    those of its tables.
    """

    def __init__(
        self, store: Store, con: duckdb.DuckDBPyConnection, temporary: Path, threads: int, read_only: bool
    ) -> None:
        self.store, self.con, self.temporary, self.threads = store, con, temporary, threads
        self.read_only = read_only
        self._in_use = threads
        self.lock = WriterLock(store.catalog)
        self.anchors: Anchors | None = None
        self.clock = Clock()
        self.columns: schema.Columns = {}

    @property
    def folder(self) -> Path:
        """The ledger's folder on this machine: work under way, and what is kept beside the tables."""
        return self.store.folder

    def close(self) -> None:
        """Detach, close and remove what the connection spilled."""
        if self.anchors is not None:
            self.anchors.close()
        self.con.close()
        connection.release(self.temporary)
        self.store.close()

    def __enter__(self) -> Lake:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def using_threads(self, count: int) -> Iterator[None]:
        """Let the connection's queries use so many threads, at most `threads`; afterwards as many as before."""
        before = self._in_use
        self._use(count)
        try:
            yield
        finally:
            self._use(before)

    def _use(self, count: int) -> None:
        self._in_use = min(count, self.threads)
        self.con.execute(f"set threads = {self._in_use}")

    def fit_threads(self) -> None:
        """Let queries over the whole ledger use as many threads as pay off: in a small one they wait for one
        another."""
        self._use(1 if sum(self.row_counts().values()) <= SMALL_ROWS else self.threads)

    def row_counts(self) -> dict[str, int]:
        """Rows of each table, as the catalog counts them; 0 only where it never gave a row its number."""
        return dict(self.con.execute(_ROW_COUNTS).fetchall())

    def version(self) -> int:
        """Number of the newest snapshot."""
        row = self.con.execute("select max(snapshot_id) from lake.snapshots()").fetchone()
        return int(row[0]) if row and row[0] is not None else 0


def exists(home: Path, config: Config) -> bool:
    """Whether a home has a ledger. Raises HouseError if its catalog cannot be reached."""
    with closing(store_of(home, config)) as store:
        return store.exists()


def open_lake(home: Path, config: Config, *, read_only: bool = False, as_of: str | None = None) -> Lake:
    """Attach the lake of a home; create or migrate it first unless read_only.

    as_of  a day (its end, UTC), an instant ("2026-11-01T00:00:00Z") or a snapshot number: the ledger as it
           stood then, read-only
    Raises HouseError if there is none yet (read_only), if it was written by a newer program, if it stays
    locked, or if it cannot be read.
    """
    store = store_of(home, config)
    read_only = read_only or as_of is not None
    try:
        if read_only and not store.exists():
            raise HouseError("open ledger", store.catalog.name, "Run `gateway once` first.", "there is none yet")
        if not read_only:
            store.folder.mkdir(parents=True, exist_ok=True)
            store.data.make()
            store.archive.check()
            connection.remove_stale_folders(store.folder)
            _create(store, config)
        anchors = None if read_only else Anchors(home, config)
        lake = _open(store, config, read_only=read_only, as_of=as_of)
        lake.anchors, lake.clock = anchors, Clock(config.audit)
        return lake
    except duckdb.Error as error:
        store.close()
        # A ledger that the machine does not let us read is not damaged: nobody is to restore it. But a reader meets
        # "readonly" only where the catalog is none, and would have to be made.
        damaged = read_only and "readonly" in str(error)
        refused = None if damaged else explained(error, "open ledger", store.catalog.name)
        raise refused or _unreadable(store, first_line(error)) from error
    except BaseException:
        store.close()
        raise


def _open(store: Store, config: Config, *, read_only: bool, as_of: str | None) -> Lake:
    con, temporary = connection.connect(store, config, read_only=read_only)
    lake = Lake(store, con, temporary, connection.default_threads(config), read_only)
    try:
        attached = replace(store, catalog=store.catalog.for_reader(temporary)) if read_only else store
        retry(lambda: connection.attach(con, attached, read_only=read_only, as_of=as_of))
        if not retry(lambda: _ready(lake)):
            with lake.lock.held():
                retry(lambda: schema.migrate(con))
            retry(lambda: _ready(lake))
        connection.harden(con, store, temporary)
    except BaseException:
        lake.close()
        raise
    return lake


def _ready(lake: Lake) -> bool:
    """Whether the lake has today's tables, or is only read; then its views are there. Raises as `check_version` does.

    In one transaction: each question alone would ask the catalog for its newest snapshot first.
    """
    with connection.transaction(lake.con):
        have = schema.columns(lake.con)
        if not schema.is_current(lake.con, have) and not lake.read_only:
            return False
        lake.fit_threads()
        views.create(lake.con, have)
        lake.columns = have
    return True


def _create(store: Store, config: Config) -> None:
    """Make the catalog with its tables if there is none: it appears whole or not at all.

    Raises HouseError where there was one: an empty ledger must not take the place of one that was lost.
    """
    if store.exists():
        return
    with WriterLock(store.catalog).held():
        if store.exists():
            return
        if any(
            name.endswith((".parquet", ".zst")) for place in (store.data, store.archive) for name, _ in place.files()
        ):
            raise _unreadable(store, "its catalog is missing, but its data is there")
        with store.catalog.created() as catalog:
            lay_out(replace(store, catalog=catalog), config)


def lay_out(store: Store, config: Config, *, tables: bool = True) -> None:
    """Make a catalog; with the ledger's tables, all of them empty, where `tables` says so."""
    con, temporary = connection.connect(store, config)
    try:
        connection.attach(con, store, create=True)
        if tables:
            schema.migrate(con)
    finally:
        con.close()
        connection.release(temporary)


def _unreadable(store: Store, cause: str) -> HouseError:
    return HouseError("open ledger", store.catalog.name, store.restoring, cause)
