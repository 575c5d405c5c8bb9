"""A partner's SFTP server for the tests, and settings that are quick."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway import settings as configuration
from gateway.settings import Config
from tests.conftest import require_or_skip
from tests.transports.bucket import Bucket, serving
from tests.transports.ftpd import Ftpd
from tests.transports.sshd import SSHD, Sshd


@pytest.fixture
def config(home: Path) -> Config:
    return configuration.load(home)


@pytest.fixture
def start_sshd(tmp_path: Path) -> Iterator[Callable[..., Sshd]]:
    """Starts servers, with the kinds of host keys and the subsystem given; all are stopped at the end."""
    require_or_skip(SSHD.exists(), "OpenSSH's sshd")
    servers: list[Sshd] = []

    def start(**options: object) -> Sshd:
        folder = tmp_path / f"sshd-{len(servers)}"
        folder.mkdir()
        servers.append(Sshd(folder, **options))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def sshd(start_sshd: Callable[..., Sshd]) -> Sshd:
    return start_sshd()


@pytest.fixture
def start_ftpd(tmp_path: Path) -> Iterator[Callable[..., Ftpd]]:
    """Starts FTPS servers; all are stopped at the end."""
    servers: list[Ftpd] = []

    def start(**options: object) -> Ftpd:
        folder = tmp_path / f"ftpd-{len(servers)}"
        folder.mkdir()
        servers.append(Ftpd(folder, **options))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def ftpd(start_ftpd: Callable[..., Ftpd]) -> Ftpd:
    return start_ftpd()


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """A server that speaks the language of S3, for all tests of this process."""
    with serving() as endpoint:
        yield endpoint


@pytest.fixture
def bucket(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """A bucket of the test's own, and the key to it in the environment."""
    found = Bucket(s3_endpoint)
    monkeypatch.setenv("BUCKET_KEY", found.access_key)
    monkeypatch.setenv("BUCKET_SECRET", found.secret_key)
    return found


class Clock:
    """The clock that stillness is measured by."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr("gateway.transports.stillness.time", found)
    return found
