"""A session at PostgreSQL beside the database's own: it asks small questions and holds the ledger's locks.

The locks are advisory locks of the session: the server frees them when the process dies or its connection breaks.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from gateway.errors import HouseError, first_line
from gateway.ledger.locking import HeldElsewhereError
from gateway.settings import Ledger, secret_of

if TYPE_CHECKING:
    import psycopg

SHARED = 'Install the extra: pip install "commerce-gateway[shared]".'
CONNECT_TIMEOUT_S = 10
_SETTINGS = {
    # A machine that fails must not keep its locks for the two hours of the system's default.
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
    "idle_session_timeout": "0",
    "statement_timeout": "0",
    "timezone": "UTC",
    "datestyle": "ISO",
}


def connection_string(settings: Ledger) -> str:
    """Keys and values for libpq, without a password. Raises HouseError where they cannot be read."""
    client = library()
    try:
        given = client.conninfo.conninfo_to_dict(settings.postgres)
    except client.Error as error:
        fix = 'Write ledger.catalog as in "postgres:host=db.example user=gateway dbname=gateway".'
        raise HouseError("open ledger", "PostgreSQL", fix, _said(error)) from error
    text: str = client.conninfo.make_conninfo(
        **{"connect_timeout": CONNECT_TIMEOUT_S, "application_name": "gateway"} | given
    )
    return text


def library() -> Any:
    """The client library. Raises HouseError if it is not installed."""
    try:
        import psycopg
        import psycopg.conninfo
    except ImportError as error:
        raise HouseError("open ledger", "PostgreSQL", SHARED, "psycopg is not installed") from error
    return psycopg


class Session:
    """One connection at a time; it connects when it is needed. For any thread."""

    def __init__(self, settings: Ledger, name: str) -> None:
        self._settings, self._name = settings, name
        self._con: psycopg.Connection[Any] | None = None
        self._held: set[str] = set()
        self._holder: psycopg.Connection[Any] | None = None
        """The connection that has the locks: another that came after it has none."""
        self._thread = threading.RLock()

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of one question. Raises HouseError."""
        with self._thread:
            for last in (False, True):
                con = self._connected()
                try:
                    return con.execute(query.encode()).fetchall()
                except library().OperationalError as error:
                    # A connection that was idle may be broken: that is known only when it is used.
                    self._broken()
                    if last:
                        raise self._refused(error) from error
        raise AssertionError("the loop ends by itself")

    def connect(self) -> psycopg.Connection[Any]:
        """A connection of its own, for the caller to close. Raises HouseError."""
        client = library()
        password = secret_of(self._settings.catalog_password_env) or None
        try:
            con: psycopg.Connection[Any] = client.connect(
                connection_string(self._settings), password=password, autocommit=True
            )
        except client.OperationalError as error:
            raise self._refused(error) from error
        for key, value in _SETTINGS.items():
            # Older servers do not know all of them.
            con.execute("select set_config(name, %s, false) from pg_settings where name = lower(%s)", [value, key])
        return con

    @contextmanager
    def exclusive(self, name: str, wait_s_max: float) -> Iterator[None]:
        """Hold an advisory lock of the ledger.

        Raises HeldElsewhereError when another keeps it for longer than `wait_s_max`; HouseError when the server
        cannot be reached, or when a lock was lost with its connection: what was done under it must be done again.
        """
        key = self._key(name)
        with self._thread:
            self._keep_locks()
            self._acquire(key, wait_s_max)
            self._held.add(name)
            self._holder = self._con
        try:
            yield
        finally:
            with self._thread:
                self._held.discard(name)
                if self._con is not None and self._con is self._holder:
                    # Where the connection is broken the lock is free already.
                    with suppress(HouseError), self._breaking():
                        self._con.execute("select pg_advisory_unlock(%s)", [key])

    def _acquire(self, key: int, wait_s_max: float) -> None:
        client = library()
        con = self._connected()
        with self._breaking():
            if wait_s_max <= 0:
                row = con.execute("select pg_try_advisory_lock(%s)", [key]).fetchone()
                if not (row and row[0]):
                    raise HeldElsewhereError("another process holds the lock")
                return
            con.execute("select set_config('lock_timeout', %s, false)", [f"{max(1, int(wait_s_max * 1000))}ms"])
            try:
                con.execute("select pg_advisory_lock(%s)", [key])
            except client.errors.LockNotAvailable as error:
                raise HeldElsewhereError("another process holds the lock") from error

    def _keep_locks(self) -> None:
        """Raises HouseError if the connection broke while locks were held; they are taken again, if nobody has them."""
        if self._con is not None:
            try:
                self._con.execute("select 1")
            except library().OperationalError:
                self._broken()
        if not self._held or (self._con is not None and self._con is self._holder):
            return
        for name in sorted(self._held):
            try:
                self._acquire(self._key(name), 0)
            except HeldElsewhereError:
                # Of several locks all or none.
                self._broken()
                fix = "Stop this gateway, or the other one."
                cause = f"the connection was lost, and another gateway has the lock ({name}) now"
                raise HouseError("write to", self._name, fix, cause) from None
        self._holder = self._con
        raise HouseError(
            "write to", self._name, "Check the server if it stays; it is tried again.", "the connection was lost"
        )

    def close(self) -> None:
        """Close the connection; the locks are free."""
        with self._thread:
            self._held.clear()
            self._holder = None
            self._broken()

    def _connected(self) -> psycopg.Connection[Any]:
        if self._con is None:
            self._con = self.connect()
        return self._con

    @contextmanager
    def _breaking(self) -> Iterator[None]:
        try:
            yield
        except library().OperationalError as error:
            if self._con is None or self._con.broken or self._con.closed:
                self._broken()
                raise self._refused(error) from error
            raise

    def _broken(self) -> None:
        con, self._con = self._con, None
        if con is not None:
            con.close()

    def _key(self, name: str) -> int:
        """Number of a lock, in the database: ledgers of other schemas have others."""
        text = f"commerce-gateway {self._settings.catalog_schema} {name}"
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], signed=True)

    def _refused(self, error: Exception) -> HouseError:
        cause = _said(error)
        variable = self._settings.catalog_password_env
        if "password" in cause or "authentication" in cause:
            fix = (
                f"Put the password of that user into the environment variable {variable}."
                if variable
                else "Name the environment variable with the password in ledger.catalog_password_env."
            )
        elif "does not exist" in cause:
            fix = "Create it, or correct ledger.catalog in config.toml."
        else:
            fix = "Check that PostgreSQL runs there, and ledger.catalog in config.toml."
        return HouseError("open ledger", self._name, fix, cause)


def _said(error: Exception) -> str:
    return (first_line(error) or type(error).__name__).removeprefix("connection failed: ")
