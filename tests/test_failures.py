"""What the machine refuses ends in one sentence with the fix; a reader needs no right to write."""

from __future__ import annotations

import errno
import os
import sqlite3
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

from gateway import cli, settings
from gateway.errors import HouseError
from gateway.failures import explained
from gateway.home import open_home
from gateway.ledger import lake


def refusals() -> list[tuple[Exception, str]]:
    """Failures of the machine as they come, and a part of the fix."""
    numbers = {
        errno.ENOSPC: "Make room", errno.EDQUOT: "Make room", errno.EROFS: "Mount it writable",
        errno.EACCES: "as the user that owns", errno.EMFILE: "`ulimit -n`", errno.ENOMEM: "`ulimit -v`",
        errno.EIO: "Check that disk", errno.EFBIG: "`ulimit -f`", errno.ENOENT: "-C", errno.EBUSY: "Repair the cause",
    }  # fmt: skip
    return [
        *((OSError(number, os.strerror(number), "/srv/x"), fix) for number, fix in numbers.items()),
        (MemoryError(), "`ulimit -v`"),
        (duckdb.OutOfMemoryException("Out of Memory Error: failed to allocate 1 MB"), "`limits.memory_mb_max`"),
        (duckdb.IOException("IO Error: Could not write: No space left on device"), "Make room"),
        (duckdb.Error("Failed to execute query: attempt to write a readonly database"), "Mount it writable"),
        (sqlite3.OperationalError("database or disk is full"), "Make room"),
        (ImportError("libarrow.so: failed to map segment from shared object"), "`ulimit -v`"),
        (RuntimeError("can't start new thread"), "`ulimit -v`"),
    ]


@pytest.mark.parametrize(("error", "fix"), refusals(), ids=lambda value: repr(value)[:50])
def test_what_the_machine_refuses_is_one_line_with_the_fix_and_exit_code_2(
    error: Exception, fix: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(settings, "load", refuse)
    monkeypatch.setattr(sys, "argv", ["gateway", "status"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert said.startswith("run gateway status: ") and fix in said and said.count("\n") == 1


def test_a_defect_of_the_program_keeps_its_traceback() -> None:
    for defect in (RuntimeError("a commit is open already"), duckdb.BinderException("no column x"), KeyError("x")):
        assert explained(defect, "run", "gateway once") is None


def test_a_reader_works_where_nothing_can_be_written(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_home(home):
        pass
    mkdir = Path.mkdir

    def refuse(path: Path, *given: Any, **named: Any) -> None:
        if home in path.parents:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))
        mkdir(path, *given, **named)

    monkeypatch.setattr(Path, "mkdir", refuse)
    with open_home(home, read_only=True) as gateway:
        assert gateway.lake.con.execute("select count(*) from file").fetchone() == (0,)
        own = gateway.lake.temporary
        assert own.is_dir() and home not in own.parents
    assert not own.exists()
    with pytest.raises(OSError, match="Read-only file system"):
        lake.open_lake(home, settings.load(home))


def test_a_ledger_that_the_machine_refuses_to_read_is_not_to_be_restored(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_home(home):
        pass

    def refuse(*_: Any, **__: Any) -> None:
        raise duckdb.OutOfMemoryException("Out of Memory Error: Failed to allocate block")

    monkeypatch.setattr(lake.connection, "attach", refuse)
    with pytest.raises(HouseError, match="Give it more memory") as refused:
        lake.open_lake(home, settings.load(home), read_only=True)
    assert "Restore" not in str(refused.value)
