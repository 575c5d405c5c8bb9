"""Files that people save: read only where they are regular files, because a pipe would be waited for without an end."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path


@contextmanager
def opened_regular(path: Path) -> Iterator[BufferedReader]:
    """A regular file to read, links followed. Raises OSError if it cannot be read or is something else."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as source:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "it is no regular file", str(path))
        yield source


def read_regular(path: Path) -> bytes:
    """The bytes of a regular file. Raises OSError if it cannot be read or is something else."""
    with opened_regular(path) as source:
        return source.read()


def sha256_of(path: Path) -> str:
    """SHA-256 of a regular file, hex. Raises OSError if it cannot be read or is something else."""
    with opened_regular(path) as source:
        return hashlib.file_digest(source, "sha256").hexdigest()
