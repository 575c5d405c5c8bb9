"""Who may write: one process at a time; and patience with a catalog that is locked for a moment."""

from __future__ import annotations

import errno
import os
import random
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from pathlib import Path
from typing import Protocol, TypeVar

import duckdb

from gateway.errors import HouseError, first_line
from gateway.failures import explained, or_limit, room

WRITER, INTAKE, NOTIFY = "writer", "intake", "notify"
WAIT_S_MAX = 120.0
_FULL = ("disk is full", "disk i/o error", "no space left on device")
_DAMAGED = ("disk image is malformed", "file is not a database", "table with name ducklake_")
_BUSY = (
    "database is locked",
    "database is busy",
    "database table is locked",
    "transaction conflict",
    # PostgreSQL, where another process was faster with the next snapshot, or with the rows that it changes.
    "ducklake_snapshot_pkey",
    "could not serialize access",
    "deadlock detected",
)

Result = TypeVar("Result")


class HeldElsewhereError(Exception):
    """Another process holds the lock."""


class Lockable(Protocol):
    """What has locks: a catalog."""

    def exclusive(self, name: str, wait_s_max: float) -> AbstractContextManager[None]:
        """Hold the lock of that name, alone of all processes; it is free when the process is killed.

        Raises HeldElsewhereError when another keeps it for longer than `wait_s_max`.
        """


@contextmanager
def file_lock(folder: Path, name: str, wait_s_max: float) -> Iterator[None]:
    """Hold a lock of this machine: that of a small SQLite file, `<name>.lock` in the folder.

    It works on every system, and the operating system frees it when a process is killed.
    Raises HeldElsewhereError when another process keeps it for longer than `wait_s_max`, HouseError where there can be
    no such file.
    """
    path = folder / f"{name}.lock"
    with ExitStack() as stack:
        try:
            connection = stack.enter_context(closing(sqlite3.connect(path, timeout=wait_s_max, isolation_level=None)))
            _begin(connection, path)
        except sqlite3.OperationalError as error:
            if any(sign in str(error).lower() for sign in _BUSY):
                raise HeldElsewhereError(str(error)) from error
            raise _no_lock(error, path) from error
        yield


def _no_lock(error: sqlite3.Error, path: Path) -> HouseError:
    if path.exists() and not path.is_file():
        fix = "Remove what stands there: the gateway makes this file itself."
        return HouseError("lock", str(path), fix, "it is no file")
    refused = explained(error, "lock", str(path), path.parent)
    return refused or HouseError("lock", str(path), "Check the folder and its rights.", str(error))


def _begin(connection: sqlite3.Connection, path: Path) -> None:
    try:
        connection.execute("begin exclusive")
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError:
        # Something else was written into the file. Nobody holds the lock: then its content could not have been read.
        os.truncate(path, 0)
        connection.execute("begin exclusive")


class WriterLock:
    """Held around every write to the ledger.

    The lake lets two processes append at the same time; the audit chain would then fork, and maintenance
    would take the files of a commit under way for left-overs.
    """

    def __init__(self, catalog: Lockable) -> None:
        self._catalog = catalog
        self._held = False

    @contextmanager
    def held(self, wait_s_max: float = WAIT_S_MAX) -> Iterator[None]:
        """Wait for the lock, hold it, give it back.

        Raises HouseError when another process keeps it longer than `wait_s_max`, RuntimeError when this
        one has it already: a commit inside a commit.
        """
        if self._held:
            raise RuntimeError("a commit is open already")
        with ExitStack() as stack:
            try:
                stack.enter_context(self._catalog.exclusive(WRITER, wait_s_max))
            except HeldElsewhereError as error:
                raise _locked(str(error)) from error
            self._held = True
            try:
                yield
            finally:
                self._held = False


@contextmanager
def intake(catalog: Lockable, subject: str) -> Iterator[None]:
    """Held by the one process that takes files into a ledger: two would take the same file.

    Whether a file came before is asked long before its commit, and downloads lie in one spool.
    Raises HouseError about `subject` when another process holds it.
    """
    with _held(catalog, INTAKE) as held:
        if not held:
            raise HouseError(
                "take files into",
                subject,
                "Leave the files to it: it takes them within seconds. Or stop it first (`systemctl stop gateway`, or "
                "Ctrl-C where it runs), and run this again.",
                "another gateway is taking files in this home or for this ledger",
            )
        yield


def alone(catalog: Lockable) -> AbstractContextManager[bool]:
    """Whether no other process notifies about this ledger; none does until the end of the block."""
    return _held(catalog, NOTIFY)


@contextmanager
def _held(catalog: Lockable, name: str) -> Iterator[bool]:
    with ExitStack() as stack:
        try:
            stack.enter_context(catalog.exclusive(name, 0))
        except HeldElsewhereError:
            yield False
            return
        yield True


def retry(work: Callable[[], Result], seconds_max: float = 30.0) -> Result:
    """Run the work again while the catalog is locked by another process, with back-off and jitter.

    Raises HouseError when it stays locked for `seconds_max`; other errors at once.
    """
    deadline = time.monotonic() + seconds_max
    pause = 0.005
    while True:
        try:
            return work()
        except duckdb.Error as error:
            if not is_busy(error):
                raise
            if time.monotonic() > deadline:
                raise _locked(str(error)) from error
            time.sleep(pause * (0.5 + random.random()))
            pause = min(pause * 2, 0.5)


def is_busy(error: duckdb.Error) -> bool:
    """Whether another process was in the way, so that the same work may succeed now."""
    text = str(error).lower()
    return any(sign in text for sign in _BUSY)


def refuse_for_all(error: Exception, restoring: str, *places: Path) -> None:
    """Raises HouseError where whatever else is committed now would fail as well: no room, a damaged catalog.

    restoring  what to do about a catalog that cannot be read
    places     where the ledger lies
    """
    full = isinstance(error, OSError) and error.errno == errno.ENOSPC
    if full or (isinstance(error, duckdb.Error) and any(sign in str(error).lower() for sign in _FULL)):
        said = str(error).strip().splitlines()[-1]
        hint = or_limit(room(*places)) if "i/o error" in said.lower() else room(*places)
        raise HouseError("commit to", "the ledger", hint, said) from error
    if isinstance(error, duckdb.Error) and any(sign in str(error).lower() for sign in _DAMAGED):
        raise HouseError("commit to", "the ledger", restoring, first_line(error)) from error
    if isinstance(error, duckdb.IOException) and "no such file or directory" in str(error).lower():
        raise HouseError("commit to", "the ledger", f"Bring it back. {restoring}", first_line(error)) from error


def _locked(cause: str) -> HouseError:
    return HouseError("commit to", "the ledger", "Another gateway uses this home: stop it, or try again.", cause)
