"""A limit of the size of files, and a home that is mounted read-only, at each command that meets them."""

from __future__ import annotations

import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.errors import HouseError
from gateway.home import open_home
from gateway.ledger import verify
from tests.cli.command import Runner
from tests.conftest import NOW
from tests.test_books import GOOD
from tests.test_daemon import Put
from tests.test_faults import named, one, take

READING = (("query", "select count(*) as n from file"), ("status",), ("verify",))
WRITING = (("once",), ("maintain",))


@contextmanager
def size_limit(size: int) -> Iterator[None]:
    """No file of this process grows beyond so many bytes (`ulimit -f`)."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def mine(bare_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Runner:
    with open_home(bare_home, now=NOW):
        pass
    return Runner(bare_home, monkeypatch, capsys)


@pytest.fixture
def read_only(mine: Runner) -> Iterator[Runner]:
    """The home mounted once more over itself, read-only, where this process may mount."""
    home = mine.home
    if subprocess.run(["mount", "--bind", home, home], capture_output=True, check=False).returncode:
        pytest.skip("only root mounts a home")
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", home], check=True)
        yield mine
    finally:
        subprocess.run(["umount", "--lazy", home], check=True)


def test_a_limit_of_the_size_of_files_is_one_sentence_with_the_fix_at_every_command(mine: Runner) -> None:
    for command in (*READING, *WRITING):
        with size_limit(1_024):
            done = mine(*command)
        assert done.code == 2, (command, done)
        assert done.err.count("\n") == 1 and "no file larger than 1,024 bytes" in done.err, (command, done)
        assert "Fix: " in done.err and "`ulimit -f`" in done.err, (command, done)
    assert mine("verify").code == 0, "nothing is half done"


def test_files_that_a_limit_kept_out_are_taken_without_it(home: Path, drop: Put) -> None:
    """What a step of the daemon raises is logged, and the next round comes."""
    drop("amazon-us", "settlement-1.txt", GOOD)
    with open_home(home, now=NOW) as gateway:
        assert all(receipt.committed for receipt in take(gateway))
        path = drop("amazon-us", "settlement-2.txt", named(2))
        with size_limit(16_384), pytest.raises(HouseError, match=r"^commit to the ledger: .*`ulimit -f`"):
            take(gateway)
        assert path.exists(), "what is not committed stays"
        assert all(receipt.committed for receipt in take(gateway))
        assert one(gateway, "select count(*) from file where state = 'ACCEPTED'") == 2
        assert verify.verify(gateway.lake) == []


def test_on_a_read_only_home_readers_answer_and_writers_say_in_one_sentence_what_to_do(read_only: Runner) -> None:
    for command in READING:
        done = read_only(*command)
        assert (done.code, done.err) == (0, ""), (command, done)
    for command in WRITING:
        done = read_only(*command)
        assert done.code == 2 and done.err.count("\n") == 1, (command, done)
        assert "Read-only file system" in done.err and "Fix: Mount it writable" in done.err, (command, done)


def test_a_home_that_is_mounted_read_only_can_be_backed_up(read_only: Runner, tmp_path: Path) -> None:
    """Its disk may be failing: this is when somebody needs a backup."""
    done = read_only("backup", str(tmp_path / "backups"))
    assert (done.code, done.err) == (0, "") and "verified" in done.out
