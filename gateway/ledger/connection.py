"""A hardened DuckDB connection with the lake attached.

It reads and writes nothing outside the lake's data and its own temporary folder, downloads nothing, and its
configuration is locked, but for the number of threads and the shortcuts that it takes. What DuckDB's settings do not
stop is a second SQLite file (that extension opens files by itself), and a question to the catalog's server: text from
people is therefore held to one SELECT (`queries`).
"""

from __future__ import annotations

import importlib.util
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, time
from pathlib import Path

import duckdb

from gateway.atomic import is_of_another_process
from gateway.errors import HouseError, first_line
from gateway.failures import explained
from gateway.ledger.store import Store
from gateway.settings import Config
from gateway.sql import literal

METADATA = "__ducklake_metadata_lake"
SHARED = ("postgres_scanner", "httpfs")
"""Extensions that only a shared ledger needs."""
INLINE_ROWS_MAX = 500
"""Fewer rows than this go into the catalog: a Parquet file for each small commit would be slow to write and read. More
take longer to write there than a file does."""

_in_use: set[Path] = set()
"""Temporary folders of this process's open connections."""


def connect(store: Store, config: Config, *, read_only: bool = False) -> tuple[duckdb.DuckDBPyConnection, Path]:
    """(connection with the extensions loaded and one thread, its temporary folder).

    Raises OSError where that cannot be made; with `read_only` it then lies in the system's temporary folder.
    """
    temporary = _own_folder(store, read_only=read_only)
    _in_use.add(temporary)
    try:
        con = duckdb.connect(
            config={
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
                "python_enable_replacements": "false",
                "memory_limit": f"{config.limits.memory_mb_max}MB",
                "temp_directory": str(temporary),
                "preserve_insertion_order": "false",
                # The system caches files already; a daemon's memory must not grow with the ledger.
                "enable_external_file_cache": "false",
                "threads": "1",
                "allow_unsigned_extensions": "true",
            }
        )
        con.execute("set timezone = 'UTC'")
        # It would be printed among the answers, where the gateway is called from a program without a file.
        con.execute("set enable_progress_bar = false")
        for name in ("ducklake", *store.catalog.extensions, *store.data.extensions):
            _load_extension(con, name)
        con.execute("set allow_unsigned_extensions = false")
        store.catalog.prepare(con)
        store.data.prepare(con)
    except BaseException:
        release(temporary)
        raise
    return con, temporary


def _own_folder(store: Store, *, read_only: bool) -> Path:
    # DuckDB names its spill files alike in every process: each needs a folder of its own.
    name = f"{os.getpid()}-{secrets.token_hex(4)}"
    temporary = store.folder / "tmp" / name
    try:
        temporary.mkdir(parents=True)
    except OSError:
        if not read_only:
            raise
        # Whoever only reads may have no right to write there, or no room.
        temporary = Path(tempfile.mkdtemp(prefix=f"gateway-{name}-"))
    return temporary


def _load_extension(con: duckdb.DuckDBPyConnection, name: str) -> None:
    """Load the file that the extension's package carries, in its place: nothing is downloaded or installed.

    Its signature is not checked: that takes 0.1 s for each extension and opening, and protects nothing here. The file
    lies among the programs of this installation, where nobody checks DuckDB itself or this module either.

    Raises HouseError if the package is missing or made for another DuckDB.
    """
    package = f"duckdb-extension-{name.replace('_', '-')}"
    extra = ', with the extra: pip install "commerce-gateway[shared]"' if name in SHARED else ""
    spec = importlib.util.find_spec(f"duckdb_extension_{name}")
    places = list(spec.submodule_search_locations or []) if spec else []
    shipped = [file for place in places for file in Path(place).rglob("*.duckdb_extension")]
    hint = f"Install the package {package} in version {duckdb.__version__}{extra}."
    if not shipped:
        raise HouseError("load", f"extension {name}", hint, f"{package} is not installed")
    try:
        con.execute(f"load {literal(str(shipped[0]))}")
    except duckdb.Error as error:
        refused = explained(error, "load", f"extension {name}")
        raise refused or HouseError("load", f"extension {name}", hint, first_line(error)) from error


def release(temporary: Path) -> None:
    """Remove the temporary folder of a connection that was closed."""
    shutil.rmtree(temporary, ignore_errors=True)
    _in_use.discard(temporary)


def attach(
    con: duckdb.DuckDBPyConnection,
    store: Store,
    *,
    read_only: bool = False,
    as_of: str | None = None,
    create: bool = False,
) -> None:
    """Attach the lake as `lake` and make it the current catalog; `create` makes one if there is none.

    Raises HouseError for an `as_of` that is no instant, or at which there was no commit.
    """
    options = [
        # The place may have been moved since the catalog wrote its path down.
        f"DATA_PATH {literal(store.data.uri)}",
        "OVERRIDE_DATA_PATH true",
        *store.catalog.options,
        f"DATA_INLINING_ROW_LIMIT {INLINE_ROWS_MAX}",
        f"CREATE_IF_NOT_EXISTS {str(create).lower()}",
    ]
    if read_only:
        options.append("READ_ONLY")
    if as_of is not None:
        options.append(_snapshot(as_of))
    try:
        con.execute(f"attach {literal(f'ducklake:{store.catalog.target}')} as lake ({', '.join(options)})")
    except duckdb.InvalidInputException as error:
        if as_of is None:
            raise
        raise HouseError(
            "open ledger", f"as of {as_of}", "Choose another instant.", "there was no commit by then"
        ) from error
    # Names of functions are looked up in the order of this path, too: with the lake first, each statement that stands
    # alone asks its catalog for the newest snapshot, which takes longer than most of them.
    con.execute("set search_path = 'system.main,lake.main'")


def _snapshot(as_of: str) -> str:
    """The option for an instant, a day (its end) or a snapshot number."""
    if as_of.isdecimal() and len(as_of) < 8:
        return f"SNAPSHOT_VERSION {int(as_of)}"
    try:
        if len(as_of) <= 10:
            moment = datetime.combine(date.fromisoformat(as_of), time.max, UTC)
        else:
            moment = datetime.fromisoformat(as_of.replace("Z", "+00:00"))
    except ValueError:
        raise HouseError(
            "open ledger",
            f"as of {as_of}",
            "Write 2026-10-31 for the end of a day, or 2026-11-01T08:00:00Z.",
            "that is no instant",
        ) from None
    return f"SNAPSHOT_TIME '{(moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat(sep=' ')}'"


def harden(con: duckdb.DuckDBPyConnection, store: Store, temporary: Path) -> None:
    """Shut the doors."""
    con.execute(f"set allowed_directories = [{literal(store.data.uri)}, {literal(f'{temporary}/')}]")
    con.execute("set enable_external_access = false")
    con.execute("set allowed_configs = ['threads', 'disabled_optimizers']")
    con.execute("set lock_configuration = true")


def default_threads(config: Config) -> int:
    """As configured; 0 means one for each processor that this process may use."""
    if config.ledger.threads:
        return config.ledger.threads
    usable = getattr(os, "sched_getaffinity", None)
    return len(usable(0)) if usable else os.cpu_count() or 1


@contextmanager
def transaction(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """All or nothing. It is cheaper too: each statement alone would ask the catalog for its newest snapshot first."""
    con.execute("begin")
    try:
        yield
        con.execute("commit")
    except BaseException:
        # A commit that failed has done so already, and its error must not be hidden by a second.
        with suppress(duckdb.TransactionException):
            con.execute("rollback")
        raise


@contextmanager
def without_optimizers(con: duckdb.DuckDBPyConnection, *names: str) -> Iterator[None]:
    """Run queries without these shortcuts. Afterwards all are taken again."""
    con.execute(f"set disabled_optimizers = '{','.join(names)}'")
    try:
        yield
    finally:
        # A file that is damaged badly enough ends the connection, and with it its settings.
        with suppress(duckdb.FatalException):
            con.execute("set disabled_optimizers = ''")


@contextmanager
def distrustful(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Answer from the rows alone.

    Otherwise a query is planned by the figures that the catalog has of the rows; where they are wrong, rows
    disappear and values break.
    """
    with without_optimizers(con, "statistics_propagation", "compressed_materialization"):
        yield


def remove_stale_folders(folder: Path) -> None:
    """Remove the temporary folders of processes that were killed."""
    for place in (folder / "tmp").glob("*-*"):
        if place not in _in_use and not is_of_another_process(place.name.partition("-")[0]):
            shutil.rmtree(place, ignore_errors=True)
