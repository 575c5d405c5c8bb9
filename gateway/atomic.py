"""Files appear whole or not at all: a temporary file beside the target, synced, then renamed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """A temporary path to write to; on leaving it becomes `target`, on an error it is removed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(target)
        sync_folder(target.parent)
    finally:
        temporary.unlink(missing_ok=True)


def abandoned(folder: Path) -> Iterator[Path]:
    """What killed processes left in a folder under the names of temporary things: `.<name>.<process id>.tmp`."""
    return (left for left in folder.glob(".*.*.tmp") if not is_of_another_process(left.name.split(".")[-2]))


def sweep(folder: Path) -> None:
    """Remove the temporary files that killed processes left in a folder."""
    for left in abandoned(folder):
        left.unlink(missing_ok=True)


def is_of_another_process(pid: str) -> bool:
    """Whether the number in the name of something temporary is that of another process that is alive.

    This process's own number is not: in a container every start has the same.
    """
    if not pid.isdecimal() or int(pid) == os.getpid():
        return False
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True


def write_atomically(target: Path, content: bytes) -> None:
    """Write a whole file. Raises OSError and leaves nothing behind if that fails."""
    with replacing(target) as temporary:
        temporary.write_bytes(content)


def sync_folder(folder: Path) -> None:
    """Make renames in the folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
