"""What every command shares: the home it works on, its exit codes, and instants given as text."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.errors import HouseError

if TYPE_CHECKING:
    from gateway.home import Home

ENDED = "what was committed stays, nothing else was changed. Fix: run it again"
"""What a process says that is asked to end."""
DONE, PERSON, USAGE, INTERRUPTED = 0, 1, 2, 130
"""Exit codes: done; something needs a person; the command, the home or its settings are wrong; ended by Ctrl-C."""


class _Given:
    home = Path()
    command = ""


def set_command(name: str) -> None:
    """Note which command runs."""
    _Given.command = name


def command() -> str:
    """The command that runs, "" before it is known."""
    return _Given.command


def set_home_folder(path: Path) -> None:
    """Set the home that the command works on."""
    _Given.home = path


def home_folder() -> Path:
    """The home that the command works on."""
    return _Given.home


def instant(text: str | None) -> datetime | None:
    """An instant in ISO 8601; UTC where it names no zone. Raises HouseError."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise HouseError("read instant", text, "Write it like 2026-11-01T08:00:00Z.", "that is no instant") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@contextmanager
def opened(*, now: str | None = None, read_only: bool = False, scratch: bool = False) -> Iterator[Home]:
    """The home, opened. `scratch`: its ledger as it is, or an empty one that is thrown away; nothing is written."""
    from gateway.home import open_home

    with open_home(home_folder(), now=instant(now), read_only=read_only, scratch=scratch) as home:
        yield home
