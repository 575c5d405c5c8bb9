"""What the machine refuses ends in one sentence with the fix; a reader needs no right to write."""

from __future__ import annotations

import errno
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from gateway import cli, settings
from gateway.books import run as books
from gateway.errors import HouseError
from gateway.failures import explained
from gateway.home import open_home
from gateway.ledger import lake
from tests.conftest import reconcile_only
from tests.processes import command, process_of


def refusals() -> list[tuple[Exception, str]]:
    """Failures of the machine as they come, and a part of the fix."""
    numbers = {
        errno.ENOSPC: "Make room",
        errno.EDQUOT: "Make room",
        errno.EROFS: "Mount it writable",
        errno.EACCES: "as the user that owns",
        errno.EMFILE: "`ulimit -n`",
        errno.ENOMEM: "`ulimit -v`",
        errno.EIO: "Check that disk",
        errno.EFBIG: "`ulimit -f`",
        errno.ENOENT: "-C",
        errno.EBUSY: "Repair the cause",
    }
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


STRANGER = """
import os, sys
from gateway.cli import main

def done(*command):
    sys.argv = ["gateway", "-C", *command]
    code = 0
    try:
        main()
    except SystemExit as ended:
        code = ended.code
    for stream in (sys.stdout, sys.stderr):
        print(f"--- {code}", file=stream, flush=True)

whole, unread, closed = sys.argv[1:]
query = "select count(*) as n from file"
for number in range(2):
    done(whole, "query", query)  # First as root: what the other user may not load is loaded then.
    done(whole if number == 0 else unread, "status")
    if number == 0:
        os.setgid(65534)
        os.setuid(65534)
done(closed, "status")
"""


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_who_may_only_read_asks_and_who_may_not_gets_one_sentence(home: Path) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as open_to_all:
        homes = [Path(shutil.copytree(home, Path(open_to_all) / name)) for name in ("whole", "unread", "closed")]
        for path in (Path(open_to_all), *Path(open_to_all).rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
        (homes[1] / "config.toml").chmod(0o600)
        homes[2].chmod(0o700)
        done = subprocess.run(
            [sys.executable, "-c", STRANGER, *homes], capture_output=True, text=True, timeout=60, check=False
        )
    parts = [re.split(r"^--- (\d+)\n", text, flags=re.MULTILINE) for text in (done.stdout, done.stderr)]
    answers, codes, said = parts[0][4::2], parts[0][5::2], parts[1][4::2]
    assert (codes[0], answers[0].split()[-1:], said[0]) == ("0", ["0"], "")
    for number, fix in ((1, "check the file and its rights"), (2, "Run it as the user that")):
        assert codes[number] == "2" and said[number].count("\n") == 1
        assert "Permission denied" in said[number] and fix in said[number]


def test_a_full_disk_is_named_with_what_is_free_there(tmp_path: Path) -> None:
    error = duckdb.IOException("IO Error: Could not write: No space left on device")
    refused = explained(error, "run", "gateway once", tmp_path / "ledger" / "absent")
    assert refused is not None
    assert re.search(f"{tmp_path} has [\\d,.]+ MB free of [\\d,]+ MB", refused.hint)
    assert "outbound/" in refused.hint and "nothing in ledger/" in refused.hint


def test_memory_that_lacks_for_an_extension_is_no_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    error = duckdb.IOException("Extension could not be loaded: failed to map segment from shared object")

    class Refusing:
        def execute(self, _: str) -> None:
            raise error

    with pytest.raises(HouseError, match="Give it more memory") as refused:
        lake.connection._load_extension(Refusing(), "ducklake")  # type: ignore[arg-type]
    assert "Install" not in str(refused.value)


def interrupted(log: Path, home: Path) -> None:
    """A pass that is interrupted when its books begin, in a process of its own."""
    before = books.run

    def run(*given: Any) -> Any:
        os.kill(os.getpid(), signal.SIGINT)
        return before(*given)

    books.run = run
    command(log, "-C", str(home), "once")


def test_ctrl_c_during_once_is_one_sentence_and_the_next_run_goes_on(home: Path, tmp_path: Path) -> None:
    reconcile_only(home, "j")
    (home / "inbound" / "acme").mkdir(parents=True)
    (home / "inbound" / "acme" / "x.csv").write_text("a,b\n1,2\n")
    process = process_of(interrupted, log := tmp_path / "log", home)
    process.start()
    process.join(60)
    said = log.read_text()
    assert process.exitcode == 130
    assert said.startswith("ended by SIGINT: what was committed stays") and said.count("\n") == 1
    again = CliRunner().invoke(cli.app, ["-C", str(home), "once"])
    assert again.exit_code in (0, 1) and "workbook" in again.stdout
    with open_home(home, read_only=True) as gateway:
        assert gateway.lake.con.execute("select name from file").fetchall() == [("x.csv",)]
