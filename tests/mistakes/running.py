"""A good home, and what a command says at a copy of it in which a mistake was made."""

from __future__ import annotations

import io
import os
import re
import shlex
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import (
    AbstractContextManager,
    chdir,
    contextmanager,
    nullcontext,
    redirect_stderr,
    redirect_stdout,
    suppress,
)
from pathlib import Path
from unittest.mock import patch

from gateway import cli
from gateway import init as homes
from gateway.ledger.locking import INTAKE, file_lock
from tests.mistakes.table import HERE, Mistake
from tests.users import acting_as

SERVICE, NOBODY, PORT = 1, 65_534, 19_464
_LIBRARY = ("csv", "spreadsheet")
"""The packs that are left: the others would only be read again and again."""
_AROUND = re.compile(r"Mappings checked: |Samples were not checked|Note: mappings/.* fills ")
"""Lines of `check` around what it found."""
_RESULTS = re.compile(r"^(?:\w+: \d+ rows\b|entries: |reconciliation  |\d+ exceptions open)", re.MULTILINE)
"""Where `try` and `once` begin to print what came of the good rest."""
_IDS = re.compile(r"\b[0-9a-f]{16}\b")


def lay_down(folder: Path) -> None:
    """A good home: partners, a mapping for each, a lookup, and files that they read."""
    homes.lay_down(folder, examples=False)
    for pack in (folder / "mappings" / "standard").iterdir():
        if pack.name not in _LIBRARY:
            shutil.rmtree(pack)
    for samples in folder.glob("mappings/**/samples"):
        shutil.rmtree(samples)
    shutil.copytree(HERE / "home", folder, dirs_exist_ok=True)


def printed(home: Path, command: str) -> str:
    """What a command prints that is run in a home, in this process, as its entry point runs it."""
    out, err = io.StringIO(), io.StringIO()
    program = patch.object(sys, "argv", ["gateway", *shlex.split(command)])
    with chdir(home), program, redirect_stdout(out), redirect_stderr(err), suppress(SystemExit):
        cli.main()
    return _RESULTS.split(out.getvalue(), maxsplit=1)[0] + err.getvalue()


@contextmanager
def _another_user() -> Iterator[None]:
    with acting_as(NOBODY, NOBODY):
        yield


@contextmanager
def _the_service(home: Path) -> Iterator[None]:
    """The home is the service's, but for what only its owner may read."""
    for path in (home, *home.rglob("*")):
        if path.stat().st_mode & 0o077:
            os.chown(path, SERVICE, SERVICE)
    with acting_as(SERVICE, SERVICE):
        yield


@contextmanager
def _a_listener() -> Iterator[None]:
    with socket.socket() as program, suppress(OSError):  # Whoever has the port: the message is the same.
        program.bind(("127.0.0.1", PORT))
        program.listen()
        yield


CIRCUMSTANCES: dict[str, Callable[[Path], AbstractContextManager[None]]] = {
    "": lambda home: nullcontext(),
    "another user runs it": lambda home: _another_user(),
    "the service's user runs it": _the_service,
    "a gateway runs": lambda home: file_lock(home / "ledger", INTAKE, 0),
    "a program listens": lambda home: _a_listener(),
}
"""What holds while a command runs, by its name in the table."""


def said(home: Path, mistake: Mistake, usual: str) -> str:
    """What the command says of a mistake, without what it says at the good home too; ids are dots.

    usual  what `check` prints at the good home
    """
    with CIRCUMSTANCES[mistake.while_](home):
        text = printed(home, mistake.run).replace(str(home), "HOME")
    lines = [line.rstrip() for line in text.splitlines()]
    kept = [line for line in lines if line not in usual.splitlines() and not _AROUND.match(line)]
    return _IDS.sub("…", "\n".join(kept)).strip("\n")
