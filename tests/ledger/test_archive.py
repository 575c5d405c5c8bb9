"""The archive of received bytes: stored once, given back as they came, or not at all."""

from __future__ import annotations

import errno
import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway import atomic
from gateway.errors import HouseError
from gateway.ledger import archive
from gateway.ledger.folder_bytes import FolderBytes
from tests.processes import process_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "ledger"
    path.mkdir()
    return path


def archived(folder: Path) -> FolderBytes:
    return FolderBytes(folder / "files")


def dropped(tmp_path: Path, content: bytes, name: str = "a.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content)
    return path


def everything(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=5_000), st.integers(0, 3))
def test_what_was_stored_comes_back(tmp_path: Path, content: bytes, times: int) -> None:
    folder = tmp_path / "ledger"
    content *= 10**times
    stored = archive.store(archived(folder), dropped(tmp_path, content))
    assert (stored.sha256, stored.bytes) == (hashlib.sha256(content).hexdigest(), len(content))
    assert archive.restore(archived(folder), stored.sha256, tmp_path / "back").read_bytes() == content


def test_a_large_file_is_not_held_in_memory_at_once(folder: Path, tmp_path: Path) -> None:
    content = os.urandom(archive.CHUNK_BYTES) * 5 + b"tail"
    stored = archive.store(archived(folder), dropped(tmp_path, content))
    pieces = list(archive.unpack(archived(folder), stored.sha256))
    assert len(pieces) > 5 and b"".join(pieces) == content


def test_the_same_bytes_are_kept_once(folder: Path, tmp_path: Path) -> None:
    first = archive.store(archived(folder), dropped(tmp_path, b"the same", "a.csv"))
    [kept] = everything(folder)
    before = kept.stat()
    second = archive.store(archived(folder), dropped(tmp_path, b"the same", "b.csv"))
    assert first == second and everything(folder) == [kept]
    assert (kept.stat().st_ino, kept.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    archive.store(archived(folder), dropped(tmp_path, b"the same.", "c.csv"))
    assert len(everything(folder)) == 2


def test_an_empty_file_is_kept(folder: Path, tmp_path: Path) -> None:
    stored = archive.store(archived(folder), dropped(tmp_path, b""))
    assert stored.bytes == 0
    assert archive.restore(archived(folder), stored.sha256, tmp_path / "back").read_bytes() == b""


def cut(content: bytes) -> bytes:
    return content[:-3]


def flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def other(_: bytes) -> bytes:
    return zstandard.compress(b"other bytes")


def junk(_: bytes) -> bytes:
    return b"no archive"


@pytest.mark.parametrize("damage", [cut, flipped, other, junk, lambda _: b""])
def test_damage_is_an_operators_error_and_leaves_nothing_behind(
    folder: Path, tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    stored = archive.store(archived(folder), dropped(tmp_path, b"amount;12.50\n" * 1_000))
    path = folder / "files" / archive.name_of(stored.sha256)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(HouseError) as raised:
        archive.restore(archived(folder), stored.sha256, tmp_path / "back")
    assert stored.sha256 in str(raised.value) and "backup" in raised.value.hint
    assert not (tmp_path / "back").exists()


def test_what_is_not_there_is_an_operators_error(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(HouseError, match="not in the archive"):
        archive.restore(archived(folder), "ab" * 32, tmp_path / "back")
    assert not (tmp_path / "back").exists()


class Full:
    """A file on a disk with little room left: it takes some bytes, then no more."""

    def __init__(self, file: Any, room: int) -> None:
        self._file, self._room = file, room

    def write(self, content: bytes) -> int:
        self._room -= len(content)
        if self._room < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return int(self._file.write(content))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __enter__(self) -> Full:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def disk_with(room: int, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = Path.open

    def open_(path: Path, mode: str = "r", *given: Any, **named: Any) -> Any:
        file = opened(path, mode, *given, **named)
        return Full(file, room) if mode == "wb" else file

    monkeypatch.setattr(Path, "open", open_)


@pytest.mark.parametrize("room", [0, 1, 100_000])
def test_a_full_disk_leaves_no_trace(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int) -> None:
    source = dropped(tmp_path, os.urandom(3_000_000))
    with monkeypatch.context() as full:
        disk_with(room, full)
        with pytest.raises(OSError, match="No space left"):
            archive.store(archived(folder), source)
    assert everything(folder) == []
    stored = archive.store(archived(folder), source)
    with monkeypatch.context() as full:
        disk_with(room, full)
        with pytest.raises(OSError, match="No space left"):
            archive.restore(archived(folder), stored.sha256, tmp_path / "back")
    assert not (tmp_path / "back").exists()


def test_a_disk_that_cannot_sync_keeps_nothing(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="Input/output error"):
        archive.store(archived(folder), dropped(tmp_path, b"x"))
    assert everything(folder) == []


def test_a_file_that_cannot_be_read_is_an_error_and_leaves_nothing(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(OSError):
        archive.store(archived(folder), tmp_path / "gone.csv")
    with pytest.raises(OSError):
        archive.store(archived(folder), tmp_path)
    assert everything(folder) == []


def test_what_a_killed_process_left_is_swept_and_what_a_living_one_writes_stays(folder: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    process = process_of(archive.store, archived(folder), pipe)
    process.start()
    with pipe.open("wb") as sender:
        sender.write(b"the beginning of a file")
        sender.flush()
        while not (half := list((folder / "files").glob(".*.tmp"))):
            assert process.is_alive()
            time.sleep(0.01)
        atomic.sweep(folder / "files")
        assert half[0].exists(), "another process is still writing it"
        process.kill()
        process.join()
    atomic.sweep(folder / "files")
    assert everything(folder) == []


def test_a_process_that_has_the_number_of_a_dead_one_sweeps_what_that_left(tmp_path: Path) -> None:
    """In a container every start has the same number."""
    left = tmp_path / f".1234.{os.getpid()}.tmp"
    left.touch()
    (tmp_path / ".hidden").touch()
    (tmp_path / "name.tmp").touch()
    atomic.sweep(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".hidden", "name.tmp"]
