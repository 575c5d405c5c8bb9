"""Servers that never end a listing, or drip: cut, reported, and tried again."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path

import pytest

from gateway.errors import HouseError
from gateway.settings import Config
from gateway.settings.servers import Server
from gateway.transports import remote
from gateway.transports.remote import Entry, Places, RemoteServer, UnreachableError


class Hostile(RemoteServer):
    """A server of one file of 100 bytes. It answers at once, endlessly, or a byte at a time until it is cut."""

    def __init__(
        self, config: Config, spool: Path, *, endless: bool = False, silent: bool = False, drips: bool = False
    ):
        limits = config.limits.model_copy(update={"listed_files_max": 50, "listing_s_max": 0.2})
        config = config.model_copy(update={"limits": limits})
        settings = Server(name="test", partner="3pl-east")
        super().__init__("test", "nowhere", settings, Places("/in", "/done", "/out"), config, spool)
        self.endless, self.silent, self.drips, self.cut = endless, silent, drips, threading.Event()

    def _wait(self) -> None:
        if self.cut.wait(20):
            raise EOFError
        raise AssertionError("nothing cut the connection")

    def _list(self, folder: str) -> Iterable[Entry]:
        if self.silent:
            self._wait()
        numbers: Iterator[int] = itertools.count() if self.endless else iter([0])
        return (Entry(f"{number}.csv", 100, 1_700_000_000) for number in numbers)

    def _stat(self, path: str) -> Entry | None:
        return Entry("0.csv", 100, 1_700_000_000)

    def _read(self, path: str, entry: Entry, start: int) -> Generator[bytes, None, None]:
        yield b"x"
        if self.drips:
            self._wait()
        yield b"x" * 99

    def _write(self, file: Path, path: str) -> None:
        self._wait()

    def _move(self, path: str, target: str, tag: str = "") -> None: ...

    def _remove(self, path: str) -> None: ...

    def _is_alive(self) -> bool:
        return not self.cut.is_set()

    def close(self) -> None:
        self.cut.set()


def test_an_endless_listing_is_refused(config: Config, tmp_path: Path) -> None:
    with pytest.raises(HouseError, match=r"more than 50 files \(listed_files_max\)"):
        Hostile(config, tmp_path, endless=True).poll()


def test_a_listing_that_does_not_end_in_time_is_cut(config: Config, tmp_path: Path) -> None:
    with pytest.raises(UnreachableError, match=r"did not end in 0.2 s \(listing_s_max\)"):
        Hostile(config, tmp_path, silent=True).poll()


def test_transfers_that_drip_are_cut(config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "GRACE_S", 0.1)
    server = Hostile(config, tmp_path / "spool", drips=True)
    with pytest.raises(UnreachableError, match="transfer_bytes_per_s_min"):
        for _ in range(2):
            assert server.poll() == []
    (tmp_path / "out.csv").write_bytes(b"x" * 100)
    with pytest.raises(UnreachableError, match="transfer_bytes_per_s_min"):
        Hostile(config, tmp_path / "spool").deliver([tmp_path / "out.csv"])


def test_a_server_in_time_is_not_cut(config: Config, tmp_path: Path) -> None:
    server = Hostile(config, tmp_path / "spool")
    assert [drop.name for _ in range(2) for drop in server.poll()][-1:] == ["0.csv"]
    assert not server.cut.is_set()
