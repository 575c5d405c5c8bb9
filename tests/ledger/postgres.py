"""A PostgreSQL server of its own on loopback: Debian's package, a folder of data under the temporary one."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

PASSWORD = "a catalog's secret"


def _program(name: str) -> Path | None:
    """The newest that is installed."""
    debian = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: float(path.parts[4]))
    found = debian[-1] if debian else shutil.which(name)
    return Path(found) if found else None


INITDB, SERVER = _program("initdb"), _program("postgres")
# The server refuses to run as root.
_AS_OTHER = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []


@dataclass
class Postgres:
    """A running server; its user is `gateway`, with PASSWORD."""

    port: int
    process: subprocess.Popen[bytes]

    @property
    def string(self) -> str:
        """A connection string without the password."""
        return f"host=127.0.0.1 port={self.port} user=gateway dbname=postgres"

    def connect(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(self.string, password=PASSWORD, autocommit=True)

    def schema(self) -> str:
        """A name for a schema that nothing else has."""
        return f"ledger_{uuid.uuid4().hex}"

    def end_connections(self) -> None:
        """As when the server restarts: every connection is cut off."""
        with self.connect() as con:
            con.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and "
                "usename = 'gateway'"
            )


@contextmanager
def serving() -> Iterator[Postgres]:
    """A server with an empty database; its folder is removed afterwards."""
    # The tests' own temporary folder is closed to the server's user.
    with tempfile.TemporaryDirectory(prefix="postgres-") as folder, _running(Path(folder)) as server:
        yield server


@contextmanager
def _running(folder: Path) -> Iterator[Postgres]:
    assert INITDB and SERVER
    if _AS_OTHER:
        shutil.chown(folder, "postgres", "postgres")
    secret = folder / "secret"
    secret.write_text(PASSWORD)
    if _AS_OTHER:
        shutil.chown(secret, "postgres", "postgres")
    data = folder / "data"
    subprocess.run(
        [
            *_AS_OTHER,
            INITDB,
            "-D",
            data,
            "-U",
            "gateway",
            f"--pwfile={secret}",
            "-A",
            "scram-sha-256",
            "-N",
            "--locale=C",
            "--encoding=UTF8",
        ],
        check=True,
        stdout=subprocess.DEVNULL,
        cwd=folder,
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off", "port": str(port)}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                *_AS_OTHER,
                SERVER,
                "-D",
                data,
                *(part for key, value in settings.items() for part in ("-c", f"{key}={value}")),
            ],
            stdout=log,
            stderr=log,
            cwd=folder,
        )
    server = Postgres(port, process)
    try:
        _wait(server, folder / "log")
        yield server
    finally:
        # The fast way: it does not wait for those who are connected.
        process.send_signal(signal.SIGINT)
        process.wait(60)


def _wait(server: Postgres, log: Path) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            server.connect().close()
            return
        except psycopg.OperationalError:
            if server.process.poll() is not None or time.monotonic() > deadline:
                sys.stderr.write(log.read_text(errors="replace"))
                raise
            time.sleep(0.05)
