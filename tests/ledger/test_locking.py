"""Readers beside a writer, writers one after the other, and a lock that outlives nobody."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

import duckdb
import pytest

from gateway.errors import HouseError
from gateway.ledger import locking, verify
from gateway.ledger.commit import Commit, run_commit
from gateway.ledger.lake import Lake, open_lake
from gateway.ledger.locking import WriterLock, retry
from gateway.ledger.sqlite_catalog import SqliteCatalog
from gateway.settings import Config
from tests.ledger.conftest import entries, post
from tests.processes import PROCESSES, process_of


def _in_the_middle(home: Path, config: Config, wire: Connection) -> None:
    """Begin a commit, say so, and go on at a signal."""
    with open_lake(home, config) as ledger:

        def work(commit: Commit) -> None:
            commit.insert("journal_line", entries(1, 2_000))
            wire.send("in the middle")
            wire.recv()
            commit.audit("tester", "posted", "entries 1 to 2000")

        run_commit(ledger, work)
        wire.send("done")


@contextmanager
def writer(home: Path, config: Config) -> Iterator[tuple[BaseProcess, Connection]]:
    """A process that is in the middle of a commit."""
    mine, its = PROCESSES.Pipe()
    process = process_of(_in_the_middle, home, config, its)
    process.start()
    its.close()
    try:
        assert mine.recv() == "in the middle"
        yield process, mine
    finally:
        process.kill()
        process.join()


def lines(ledger: Lake) -> int:
    row = ledger.con.execute("select count(document) from journal_line").fetchone()
    assert row is not None
    return int(row[0])


def test_a_reader_sees_the_state_before_a_commit_under_way_and_the_state_after_it(home: Path, config: Config) -> None:
    with writer(home, config) as (_, wire), open_lake(home, config, read_only=True) as reader:
        assert lines(reader) == 0
        assert verify.verify(reader) == []
        wire.send("go on")
        assert wire.recv() == "done"
        assert lines(reader) == 4_000
        assert verify.verify(reader) == []


def test_status_and_query_answer_while_a_commit_is_under_way(home: Path, config: Config) -> None:
    (home / "config.toml").write_text('[entities.US]\ncurrency = "USD"\n')
    with writer(home, config) as (process, _):
        for command in (["status", "--json"], ["query", "select count(*) as n from journal_line", "--format", "json"]):
            called = [sys.executable, "-c", "from gateway.cli import main; main()", "-C", str(home), *command]
            done = subprocess.run(called, capture_output=True, text=True, check=False, timeout=120)
            assert done.returncode == 0, done.stderr
            answer = json.loads(done.stdout)
            assert answer == [{"n": 0}] or answer["files"] == []
        assert process.is_alive()


def test_a_transaction_keeps_its_view_while_another_process_commits(home: Path, config: Config) -> None:
    with open_lake(home, config) as first, open_lake(home, config, read_only=True) as reader:
        post(first, 1, 1)
        reader.con.execute("begin")
        assert lines(reader) == 2
        post(first, 2, 2)
        assert lines(reader) == 2
        reader.con.execute("rollback")
        assert lines(reader) == 4


def test_verify_leaves_out_what_is_committed_meanwhile(
    home: Path, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_lake(home, config) as first, open_lake(home, config, read_only=True) as reader:
        post(first, 1, 3)
        numbers = iter(range(4, 100))

        def between(check: Callable[..., object]) -> Callable[..., object]:
            def checked(*given: object) -> object:
                post(first, number := next(numbers), number)
                return check(*given)

            return checked

        for name in ("_prepare", "_statistics", "_chain", "_snapshots", "_files"):
            monkeypatch.setattr(verify._Check, name, between(getattr(verify._Check, name)))
        assert verify.verify(reader) == []
        assert next(numbers) == 9


def _post_many(home: Path, config: Config, first: int) -> None:
    with open_lake(home, config) as ledger:
        for n in range(first, first + 5):
            post(ledger, n, n)


def test_writers_take_turns_and_the_chain_does_not_fork(home: Path, config: Config) -> None:
    both = [process_of(_post_many, home, config, first) for first in (1, 101)]
    for process in both:
        process.start()
    for process in both:
        process.join()
    assert [process.exitcode for process in both] == [0, 0]
    with open_lake(home, config, read_only=True) as ledger:
        assert lines(ledger) == 20
        assert ledger.con.execute("select count(*), max(seq) from audit_log").fetchone() == (10, 10)
        assert verify.verify(ledger) == []


def test_a_writer_that_is_killed_in_a_commit_frees_the_lock_and_leaves_nothing(home: Path, config: Config) -> None:
    with writer(home, config) as (process, _):
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        with open_lake(home, config) as ledger:
            assert lines(ledger) == 0
            post(ledger, 5, 5)
            assert lines(ledger) == 2
            assert verify.verify(ledger) == []


def test_waiting_too_long_for_the_lock_is_an_operators_error(home: Path, config: Config) -> None:
    with writer(home, config) as (process, _):
        with (
            pytest.raises(HouseError, match="Another gateway uses this home"),
            WriterLock(SqliteCatalog(home / "ledger")).held(0.05),
        ):
            pytest.fail("two hold the lock")
        assert process.is_alive()


def test_the_lock_is_free_again_after_an_error_in_a_commit(opened: Lake) -> None:
    def fail(commit: Commit) -> None:
        commit.insert("journal_line", entries(1, 1))
        raise KeyError("broken")

    with pytest.raises(KeyError, match="broken"):
        run_commit(opened, fail)
    with WriterLock(opened.store.catalog).held(0.05):
        assert lines(opened) == 0
    post(opened, 1, 1)
    assert lines(opened) == 2


def test_rows_that_no_audit_row_covers_are_not_committed(opened: Lake) -> None:
    with pytest.raises(ValueError, match="no audit row covers"):
        run_commit(opened, lambda commit: commit.insert("journal_line", entries(1, 1)))
    assert lines(opened) == 0


def test_a_commit_within_a_commit_is_a_bug(opened: Lake) -> None:
    with pytest.raises(RuntimeError, match="open already"):
        run_commit(opened, lambda _: post(opened, 1, 1))
    assert lines(opened) == 0


def test_the_next_writer_goes_on_as_soon_as_the_lock_is_free(home: Path) -> None:
    held, waiting, done = threading.Event(), threading.Event(), threading.Event()

    def first() -> None:
        with WriterLock(SqliteCatalog(home / "ledger")).held():
            held.set()
            waiting.wait(60)

    def second() -> None:
        with WriterLock(SqliteCatalog(home / "ledger")).held(60):
            done.set()

    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    threads[0].start()
    assert held.wait(60)
    threads[1].start()
    assert not done.is_set()
    waiting.set()
    assert done.wait(60)
    for thread in threads:
        thread.join()


# --- patience with a busy catalog ---------------------------------------------------------------------


def _busy(times: int, message: str = "database is locked") -> Callable[[], str]:
    left = [times]

    def work() -> str:
        if left[0]:
            left[0] -= 1
            raise duckdb.IOException(message)
        return "done"

    return work


@pytest.mark.parametrize(
    "message", ["database is locked", "Transaction conflict - attempting to insert", "database is busy"]
)
def test_a_busy_catalog_is_tried_again(message: str) -> None:
    assert retry(_busy(3, message)) == "done"


def test_a_catalog_that_stays_busy_is_an_operators_error() -> None:
    with pytest.raises(HouseError, match="stop it, or try again"):
        retry(_busy(1_000_000), seconds_max=0.02)


def test_other_errors_are_raised_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: pytest.fail("waited"))
    with pytest.raises(duckdb.IOException, match="disk"):
        retry(_busy(1, "disk is full"))
    assert not locking.is_busy(duckdb.IOException("disk is full"))
