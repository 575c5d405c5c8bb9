"""Another user of the operating system, for a while: what this process does then is done with that user's rights."""

from __future__ import annotations

import encodings
import importlib
import os
import pkgutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import gateway


@contextmanager
def acting_as(user: int, group: int, mask: int = 0o022) -> Iterator[None]:
    """Be that user with that group alone, then root again; only root can. Programs that are started are that user's."""
    _load()
    groups, before = os.getgroups(), os.umask(mask)
    os.setgroups([group])
    os.setresgid(group, group, 0)
    os.setresuid(user, user, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)
        os.setresgid(0, 0, 0)
        os.setgroups(groups)
        os.umask(before)


@cache
def _load() -> None:
    """Load what another user may not read: the interpreter's own modules can lie in root's folder."""
    for package in (gateway, encodings):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith(("__main__", "mbcs", "oem")):  # A program, and encodings of Windows alone.
                importlib.import_module(module.name)


@contextmanager
def open_folder() -> Iterator[Path]:
    """A folder that every user can reach; those of pytest are closed to others."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)
