"""The catalog in a schema of a PostgreSQL database: for gateways and readers on several machines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from gateway.errors import HouseError, first_line
from gateway.ledger import postgres_copy
from gateway.ledger.locking import file_lock
from gateway.ledger.postgres_session import Session, connection_string, library
from gateway.settings import Ledger, secret_of
from gateway.sql import identifier, literal

_SHOWN = ("host", "port", "dbname", "user", "service")


class PostgresCatalog:
    """A schema of a database.

    folder  the ledger's folder on this machine: what lies in it is one process's at a time as well
    """

    extensions: tuple[str, ...] = ("postgres_scanner",)

    def __init__(self, settings: Ledger, folder: Path) -> None:
        self.settings, self.folder, self.schema = settings, folder, settings.catalog_schema
        self._string = connection_string(settings)
        given = library().conninfo.conninfo_to_dict(self._string)
        shown = " ".join(f"{key}={given[key]}" for key in _SHOWN if given.get(key))
        self.name = f"PostgreSQL {shown} schema {self.schema}"
        self._session = Session(settings, self.name)

    @property
    def target(self) -> str:
        """What the database attaches; without the password."""
        return f"postgres:{self._string}"

    @property
    def options(self) -> tuple[str, ...]:
        """Options of the attachment."""
        secret = ("META_SECRET 'ledger_catalog'",) if self._password else ()
        return (f"META_SCHEMA {literal(self.schema)}", *secret)

    @property
    def _password(self) -> str:
        return secret_of(self.settings.catalog_password_env)

    def prepare(self, con: duckdb.DuckDBPyConnection) -> None:
        """Give a connection what it needs to reach the catalog; the password stays in its memory."""
        # Who was slower with a snapshot begins again from the start: what the other wrote may change what it writes.
        con.execute("set ducklake_max_retry_count = 0")
        if self._password:
            con.execute(f"create secret ledger_catalog (type postgres, password {literal(self._password)})")

    def for_reader(self, temporary: Path) -> PostgresCatalog:
        """Itself: reading takes no further rights."""
        return self

    def exists(self) -> bool:
        """Whether there is one, with its tables. Raises HouseError if the server cannot be reached."""
        return self._has("ducklake_table") and bool(
            self._session.ask(f"select 1 from {self._table('ducklake_table')} where table_name = 'gateway_meta'")
        )

    @contextmanager
    def created(self) -> Iterator[PostgresCatalog]:
        """A catalog to fill: until the tables of the ledger are in it, it counts for none."""
        self._make_schema()
        yield self

    def _make_schema(self) -> None:
        # Who owns the schema need not be allowed to make one.
        if not self._session.ask(f"select 1 from pg_namespace where nspname = {literal(self.schema)}"):
            with self._session.connect() as con:
                con.execute(f"create schema if not exists {identifier(self.schema)}".encode())

    @contextmanager
    def exclusive(self, name: str, wait_s_max: float) -> Iterator[None]:
        """Hold a lock, of this machine's folder and of the ledger. Raises HeldElsewhereError."""
        with file_lock(self.folder, name, wait_s_max), self._session.exclusive(name, wait_s_max):
            yield

    def stamp(self) -> tuple[int, ...]:
        """Another one says that something was committed; () where there is no catalog yet. Raises HouseError."""
        if not self._has("ducklake_snapshot"):
            return ()
        rows = self._session.ask(f"select max(snapshot_id) from {self._table('ducklake_snapshot')}")
        return tuple(number for (number,) in rows if number is not None)

    def copy(self, target: Path) -> None:
        """Copy it into a SQLite file as of one commit, while others commit. Raises HouseError, sqlite3.Error."""
        with self._copying() as con:
            postgres_copy.dump(con, self.schema, target)

    def load(self, source: Path, begin: Callable[[PostgresCatalog], None]) -> None:
        """Take over a copy; here there is no catalog yet. `begin` has the database make its tables in one.

        Raises HouseError, sqlite3.Error.
        """
        with self.created() as new:
            begin(new)
        with self._copying() as con:
            postgres_copy.load(con, self.schema, source)

    @contextmanager
    def _copying(self) -> Iterator[Any]:
        psycopg = library()
        with self._session.connect() as con:
            try:
                yield con
            except psycopg.Error as error:
                cause = first_line(error)
                raise HouseError("copy the catalog", self.name, "Check the server, and run it again.", cause) from error

    def close(self) -> None:
        """Close the session; its locks are free."""
        self._session.close()

    def _has(self, table: str) -> bool:
        return self._session.ask(f"select to_regclass({literal(self._table(table))})") != [(None,)]

    def _table(self, name: str) -> str:
        return f"{identifier(self.schema)}.{identifier(name)}"
