"""The lake: Parquet files and a SQLite catalog (DuckLake), opened through a hardened connection.

Any number of readers may work while one process commits. The connection can read and write nothing outside
the ledger's own folders, and its configuration is locked.
"""

from __future__ import annotations

import importlib.util
import random
import shutil
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import duckdb

from gateway.config import Config
from gateway.errors import GatewayError
from gateway.ledger import views
from gateway.model import SCHEMA_VERSION, TABLES, Table

CATALOG = "catalog.sqlite"
EXTENSIONS = ("ducklake", "sqlite_scanner")
INLINE_ROWS_MAX = 1_000
CONTROL_COLUMNS = (("row_hash", "UBIGINT"), ("commit_seq", "BIGINT"))
"""Added to every table: hash of the row's other columns, and the audit row that covers it."""

Result = TypeVar("Result")


class Lake:
    """An attached lake. `con` is its DuckDB connection with the lake as the current catalog."""

    def __init__(self, home: Path, folder: Path, con: duckdb.DuckDBPyConnection, read_only: bool) -> None:
        self.home, self.folder, self.con, self.read_only = home, folder, con, read_only

    def close(self) -> None:
        """Detach and close."""
        self.con.close()

    def __enter__(self) -> Lake:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def version(self) -> int:
        """Number of the newest snapshot."""
        row = self.con.execute("select max(snapshot_id) from lake.snapshots()").fetchone()
        return int(row[0]) if row and row[0] is not None else 0


def folder_of(home: Path, config: Config) -> Path:
    """The ledger's folder."""
    path = Path(config.ledger.path)
    return path if path.is_absolute() else home / path


def open_lake(home: Path, config: Config, *, read_only: bool = False, as_of: str | None = None) -> Lake:
    """Attach the lake of a home; create or migrate it first unless read_only.

    as_of  an instant ("2026-11-01T00:00:00Z") or a snapshot number: the ledger as it stood then, read-only
    Raises GatewayError if there is none yet (read_only), if it was written by a newer program, or if it
    stays locked.
    """
    folder = folder_of(home, config)
    catalog = folder / CATALOG
    read_only = read_only or as_of is not None
    if read_only and not catalog.exists():
        raise GatewayError("open ledger", str(folder), "Run `gateway once` first.", "there is none yet")
    (folder / "data").mkdir(parents=True, exist_ok=True)
    (folder / "tmp").mkdir(exist_ok=True)
    con = _connect(folder, config)
    lake = Lake(home, folder, con, read_only)
    try:
        retry(lambda: _attach(con, folder, read_only, as_of))
        con.execute("use lake")
        if not read_only:
            retry(lambda: _migrate(con))
        else:
            _check_version(con)
        _harden(con, folder)
        views.create(con)
    except BaseException:
        con.close()
        raise
    return lake


def retry(work: Callable[[], Result], seconds_max: float = 30.0) -> Result:
    """Run the work again while the catalog is locked by another process, with back-off and jitter.

    Raises GatewayError when it stays locked for `seconds_max`.
    """
    deadline = time.monotonic() + seconds_max
    pause = 0.01
    while True:
        try:
            return work()
        except duckdb.Error as error:
            text = str(error).lower()
            if not any(sign in text for sign in ("database is locked", "conflict", "database is busy")):
                raise
            if time.monotonic() > deadline:
                raise GatewayError(
                    "commit to", "the ledger", "Another process holds it; stop it or try again.", str(error)
                ) from error
            time.sleep(pause * (0.5 + random.random()))
            pause = min(pause * 2, 1.0)


def _connect(folder: Path, config: Config) -> duckdb.DuckDBPyConnection:
    extensions = folder / ".extensions"
    extensions.mkdir(exist_ok=True)
    settings: dict[str, str | bool | int | float | list[str]] = {
        "extension_directory": str(extensions),
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "python_enable_replacements": "false",
        "memory_limit": f"{config.limits.memory_mb_max}MB",
        "temp_directory": str(folder / "tmp"),
        "preserve_insertion_order": "false",
    }
    if config.ledger.threads:
        settings["threads"] = str(config.ledger.threads)
    con = duckdb.connect(config=settings)
    con.execute("set timezone = 'UTC'") if _has_icu(con) else None
    for name in EXTENSIONS:
        _load_extension(con, name, extensions)
    return con


def _has_icu(con: duckdb.DuckDBPyConnection) -> bool:
    row = con.execute("select loaded from duckdb_extensions() where extension_name = 'icu'").fetchone()
    return bool(row and row[0])


def _load_extension(con: duckdb.DuckDBPyConnection, name: str, folder: Path) -> None:
    """Install from the file that the extension's package carries (no download), then load."""
    if not list(folder.rglob(f"{name}.duckdb_extension")):
        spec = importlib.util.find_spec(f"duckdb_extension_{name}")
        places = list(spec.submodule_search_locations or []) if spec else []
        found = [file for place in places for file in Path(place).rglob("*.duckdb_extension")]
        if not found:
            raise GatewayError("load", f"extension {name}", f"Install the package duckdb-extension-{name}.")
        quoted = str(found[0]).replace("'", "''")
        con.execute(f"install '{quoted}'")
    con.execute(f"load {name}")


def _attach(con: duckdb.DuckDBPyConnection, folder: Path, read_only: bool, as_of: str | None) -> None:
    options = [
        f"DATA_PATH '{_quote(folder / 'data')}/'",
        "META_JOURNAL_MODE 'WAL'",
        "META_BUSY_TIMEOUT 5000",
        f"DATA_INLINING_ROW_LIMIT {INLINE_ROWS_MAX}",
    ]
    if read_only:
        options.append("READ_ONLY")
    if as_of is not None:
        key = "SNAPSHOT_VERSION" if as_of.isdigit() else "SNAPSHOT_TIME"
        options.append(f"{key} '{_quote(as_of)}'")
    con.execute(f"attach 'ducklake:sqlite:{_quote(folder / CATALOG)}' as lake ({', '.join(options)})")


def _quote(path: Path | str) -> str:
    return str(path).replace("'", "''")


def _migrate(con: duckdb.DuckDBPyConnection) -> None:
    """Create what is missing; additive only. One transaction."""
    con.execute("begin")
    try:
        con.execute("create table if not exists lake.gateway_meta (key varchar, value varchar)")
        stored = _check_version(con)
        have = _columns(con)
        for table in TABLES.values():
            _migrate_table(con, table, have.get(table.name, {}))
        if stored is None:
            con.execute("insert into lake.gateway_meta values ('schema_version', ?)", [str(SCHEMA_VERSION)])
        elif stored < SCHEMA_VERSION:
            con.execute("update lake.gateway_meta set value = ? where key = 'schema_version'", [str(SCHEMA_VERSION)])
        con.execute("commit")
    except BaseException:
        con.execute("rollback")
        raise


def _columns(con: duckdb.DuckDBPyConnection) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    rows = con.execute(
        "select table_name, column_name, data_type from duckdb_columns() where database_name = 'lake'"
    ).fetchall()
    for table, column, kind in rows:
        found.setdefault(table, {})[column] = kind
    return found


def _migrate_table(con: duckdb.DuckDBPyConnection, table: Table, have: dict[str, str]) -> None:
    columns = [(column.name, column.type) for column in table.all_columns] + list(CONTROL_COLUMNS)
    if not have:
        listed = ", ".join(f'"{name}" {kind}' for name, kind in columns)
        con.execute(f'create table lake."{table.name}" ({listed})')
        return
    for name, kind in columns:
        if name not in have:
            con.execute(f'alter table lake."{table.name}" add column "{name}" {kind}')


def _check_version(con: duckdb.DuckDBPyConnection) -> int | None:
    row = con.execute("select value from lake.gateway_meta where key = 'schema_version'").fetchone()
    stored = int(row[0]) if row else None
    if stored is not None and stored > SCHEMA_VERSION:
        raise GatewayError(
            "open ledger",
            "catalog",
            "Upgrade the gateway; it must not write a ledger that it does not know.",
            f"it has schema version {stored}, this program knows up to {SCHEMA_VERSION}",
        )
    return stored


def _harden(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    con.execute(f"set allowed_directories = ['{_quote(folder)}']")
    con.execute("set enable_external_access = false")
    con.execute("set lock_configuration = true")


def sweep(folder: Path) -> None:
    """Remove temporary files that a killed process left behind."""
    shutil.rmtree(folder / "tmp", ignore_errors=True)
    (folder / "tmp").mkdir(parents=True, exist_ok=True)


def journal_mode(folder: Path) -> str:
    """Journal mode of the catalog; "wal" lets readers work while a commit is under way."""
    with sqlite3.connect(folder / CATALOG) as catalog:
        return str(catalog.execute("pragma journal_mode").fetchone()[0])
