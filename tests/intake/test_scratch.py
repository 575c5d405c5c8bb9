"""Where copies lie while files are taken."""

from __future__ import annotations

import errno
import hashlib
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.intake import scratch
from gateway.ledger.archive import Archiver, Stored
from gateway.ledger.folder_bytes import FolderBytes
from gateway.transports import opening
from gateway.transports.transport import Drop


@pytest.fixture
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that plays the memory."""
    folder = tmp_path / "memory"
    folder.mkdir()
    monkeypatch.setattr(scratch, "MEMORY", folder)
    yield folder
    assert list(folder.iterdir()) == []


@pytest.fixture
def archiver(tmp_path: Path) -> Archiver:
    """An archive in a folder."""
    return Archiver(FolderBytes(tmp_path / "files"))


def delivered(folder: Path, content: bytes) -> Drop:
    """A file as a poll lists it."""
    path = folder / "a.csv"
    path.write_bytes(content)
    return Drop(
        "p", path.name, path, datetime(2026, 11, 1, tzinfo=UTC), "folder", listed=opening.version_of(path.lstat())
    )


def test_small_copies_lie_in_memory_and_larger_ones_on_the_disk(
    memory: Path, tmp_path: Path, archiver: Archiver
) -> None:
    with scratch.scratch(tmp_path) as place:
        small, stored = place.own(delivered(tmp_path, b"sku,qty\n"), archiver)
        large, _ = place.own(delivered(tmp_path, b"x" * (scratch.SMALL_BYTES + 1)), archiver)
        assert stored == Stored(hashlib.sha256(b"sku,qty\n").hexdigest(), 8)
        assert (small.path.read_bytes(), memory in small.path.parents) == (b"sku,qty\n", True)
        assert (large.path.stat().st_size, memory in large.path.parents) == (scratch.SMALL_BYTES + 1, False)
        assert small.path.parent.stat().st_mode & 0o777 == 0o700
    assert not large.path.exists()


def test_where_memory_is_full_or_not_there_copies_lie_on_the_disk(
    memory: Path, tmp_path: Path, archiver: Archiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = opening.copied

    def full(path: Path, version: opening.Version, target: Path) -> Iterator[bytes]:
        if memory in target.parents:
            raise OSError(errno.ENOSPC, "No space left on device")
        yield from copy(path, version, target)

    monkeypatch.setattr(opening, "copied", full)
    with scratch.scratch(tmp_path) as place:
        assert place.own(delivered(tmp_path, b"a"), archiver)[0].path.read_bytes() == b"a"
    monkeypatch.setattr(scratch, "MEMORY", tmp_path / "none")
    with scratch.scratch(tmp_path) as place:
        assert place.own(delivered(tmp_path, b"b"), archiver)[0].path.read_bytes() == b"b"


def test_a_file_that_changed_since_it_was_listed_is_copied_nowhere(
    memory: Path, tmp_path: Path, archiver: Archiver
) -> None:
    drop = delivered(tmp_path, b"a")
    drop.path.write_bytes(b"other")
    with scratch.scratch(tmp_path) as place, pytest.raises(OSError, match="since it was listed"):
        place.own(drop, archiver)


KILLED = """
import os, signal, sys
from pathlib import Path
from gateway.intake import scratch
scratch.MEMORY = Path(sys.argv[1])
with scratch.scratch(scratch.MEMORY.parent) as place:
    (place.memory / "0.received").touch()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_process_left_is_removed_and_what_is_in_use_stays(memory: Path, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", KILLED, str(memory)], check=False)
    (left,) = memory.iterdir()
    with scratch.scratch(tmp_path) as first:
        assert not left.exists()
        with scratch.scratch(tmp_path) as second:
            assert first.memory is not None and first.memory.exists() and second.memory != first.memory
