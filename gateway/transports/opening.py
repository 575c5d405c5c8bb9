"""Folders and files that others can write to: opened without following links, and compared with what was listed."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

Version = tuple[int, int, int, int]
"""Device, inode, size in bytes and time of the last change (ns): another one is another file, or other bytes."""

CHUNK_BYTES = 1 << 20
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_STEP = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
"""A folder on the way: it need not be readable."""


def version_of(status: os.stat_result) -> Version:
    """The version of a file with that status."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


@contextmanager
def opened_folder(folder: Path) -> Iterator[int]:
    """Descriptor of an absolute folder. Raises OSError, also where the folder or one above it is a link."""
    descriptor = os.open("/", _STEP)
    try:
        *above, last = folder.parts[1:] or (".",)
        for part, flags in [*((part, _STEP) for part in above), (last, _FOLDER)]:
            below = _open(part, flags, descriptor)
            os.close(descriptor)
            descriptor = below
        yield descriptor
    finally:
        os.close(descriptor)


def _open(name: str, flags: int, folder: int) -> int:
    try:
        return os.open(name, flags, dir_fd=folder)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            what = "folder" if flags & os.O_DIRECTORY else "file"
            raise OSError(error.errno, f"{name} is a link or no {what}") from None
        raise


def listing(folder: Path) -> list[tuple[str, os.stat_result]]:
    """Name and status (of links themselves) of everything in a folder. Raises OSError if it cannot be read."""
    found = []
    with opened_folder(folder) as descriptor, os.scandir(descriptor) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):  # Gone since the listing: the next poll says so.
                found.append((entry.name, entry.stat(follow_symlinks=False)))
    return found


def refusal(status: os.stat_result) -> str:
    """ "" or why this is no file to take: a link, a device, or a file that has another name elsewhere."""
    if not stat.S_ISREG(status.st_mode):
        return "is a link or a device"
    if status.st_nlink > 1:
        return f"has {status.st_nlink} names (hard links), so it may be somebody else's file"
    return ""


@contextmanager
def opened_file(path: Path, version: Version) -> Iterator[IO[bytes]]:
    """The file that was listed at `path` with that version. Raises OSError if it is no longer that file."""
    with opened_folder(path.parent) as folder:
        descriptor = _open(path.name, _FILE, folder)
    with os.fdopen(descriptor, "rb", buffering=0) as source:
        _check(source, version)
        yield source


def copied(path: Path, version: Version, target: Path) -> Generator[bytes]:
    """The bytes of the file that was listed at `path`, no more than it had then, each piece once it is in `target` too.

    Raises OSError if it cannot be read or is not the listed file before or after. Nothing is left at `target` then, nor
    where somebody stops in between.
    """
    _, _, left, _ = version
    try:
        with opened_file(path, version) as source, target.open("xb", buffering=0) as sink:
            while left and (piece := source.read(min(left, CHUNK_BYTES))):
                _write(sink, piece)
                left -= len(piece)
                yield piece
            _check(source, version)
            if left:
                raise _changed()
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def _write(sink: IO[bytes], piece: bytes) -> None:
    view = memoryview(piece)
    while view:
        view = view[sink.write(view) :]


def _check(source: IO[bytes], version: Version) -> None:
    status = os.fstat(source.fileno())
    if version_of(status) != version:
        raise _changed()
    if wrong := refusal(status):
        raise OSError(errno.EINVAL, f"it {wrong}")


def _changed() -> OSError:
    return OSError(errno.ESTALE, "it was replaced or written to since it was listed")
