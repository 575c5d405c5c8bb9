"""`gateway run` as a process of its own: files in, workbooks out, and an end on request."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from structlog.testing import capture_logs

from gateway import daemon as daemons
from gateway import settings as configuration
from gateway.books.reconcile import Outcome
from gateway.daemon import Daemon
from gateway.daemon import run as run_daemon
from gateway.errors import HouseError
from gateway.home import Home, open_home
from gateway.intake import take as loop
from gateway.intake.take import Intake
from gateway.ledger import archive, lake, verify
from gateway.mapping.lint import lint
from gateway.once import run_once, taking_files
from gateway.settings import Config, Notify, Sftp
from gateway.transports import build
from gateway.transports.lane import Lane, Pace
from gateway.transports.watching import watching
from tests.cli.command import Runner
from tests.conftest import require_or_skip
from tests.intake.test_together import shipment
from tests.notifications.servers import Webhook
from tests.processes import command, process_of
from tests.test_books import GOOD, ITEMS
from tests.transports.sshd import SSHD, Sshd, make_key, wait_for

Put = Callable[[str, str, bytes | str], Path]
Run = Callable[..., "Process"]
QUICK = """
[daemon]
tick_s = 0.1
still_s = 0.1
sftp_poll_s = 0.1
back_off_s_max = 0.5
"""


def gateway(log: Path, books: bool, arguments: tuple[str, ...]) -> None:
    """`gateway ARGUMENTS` in this process, which has nothing else to do; perhaps without the books.

    The books are run whenever they are due: their pause, so that files get most of the time, is four times as long.
    """
    daemons.BOOKS_SHARE = 1.0
    if not books:
        Daemon._run_books = lambda self: None  # type: ignore[method-assign]
    command(log, *arguments)


class Process:
    """A gateway command that runs beside the test."""

    def __init__(self, home: Path, books: bool, *arguments: str) -> None:
        self.log = home.parent / f"{len(list(home.parent.glob('*.log')))}.log"
        self.log.touch()
        self._process = process_of(gateway, self.log, books, ("-C", str(home), *arguments))
        self._process.start()

    def wait_for_log(self, *texts: str) -> None:
        def said() -> bool:
            log = self.log.read_text()
            assert self._process.is_alive(), log
            return all(text in log for text in texts)

        wait_for(said, f"the log says {texts}", 60)

    def wait(self) -> int | None:
        """Its exit code; none where it does not end."""
        self._process.join(60)
        return self._process.exitcode

    def end(self, number: int = signal.SIGTERM) -> int | None:
        assert self._process.pid is not None
        os.kill(self._process.pid, number)
        return self.wait()

    def kill(self) -> None:
        self._process.kill()
        self._process.join(15)


@pytest.fixture
def run(home: Path) -> Iterator[Run]:
    """Starts commands at the home, with a daemon that is quick; what still runs at the end is killed.

    quick  put the pace into config.toml, once
    books  without them a daemon only takes files: quicker, where the test is about that
    """
    started: list[Process] = []

    def start(*arguments: str, books: bool = True, servers: tuple[Sftp, ...] = (), quick: bool = True) -> Process:
        config = home / "config.toml"
        if not started and quick:
            config.write_text(config.read_text() + QUICK + "".join(_toml(server) for server in servers))
        started.append(Process(home, books, *arguments))
        return started[-1]

    yield start
    for process in started:
        process.kill()


def _toml(server: Sftp) -> str:
    """As it stands in config.toml; JSON's texts, numbers and lists are TOML's too."""
    values = server.model_dump(mode="json", exclude_defaults=True)
    return "\n[[sftp]]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items())


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    require_or_skip(SSHD.exists(), "OpenSSH's sshd")
    (tmp_path / "sshd").mkdir()
    server = Sshd(tmp_path / "sshd")
    yield server
    server.stop()


@pytest.fixture
def silent(tmp_path: Path) -> Iterator[Sftp]:
    """A server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield Sftp(
            name="silent",
            partner="3pl-east",
            host="127.0.0.1",
            port=listener.getsockname()[1],
            user="x",
            host_key=make_key(tmp_path / "pinned"),
            remote_in="in",
            connect_timeout_s=60,
        )


def ask(home: Path, sql: str) -> list[Any]:
    """Rows of the ledger, read while others write."""
    with lake.open_lake(home, configuration.load(home), read_only=True) as ledger:
        return ledger.con.execute(sql).fetchall()


def findings(home: Path) -> list[Any]:
    with lake.open_lake(home, configuration.load(home), read_only=True) as ledger:
        return list(verify.verify(ledger))


# --- the process --------------------------------------------------------------------------------------


def test_a_dropped_file_is_committed_and_removed_and_the_workbooks_are_written(
    home: Path,
    drop: Put,
    run: Run,
    silent: Sftp,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    process = run("run", servers=(silent,))
    process.wait_for_log("daemon.started", "books.done")
    first = set((home / "outbound").glob("*/*.xlsx"))
    drop("master-data", "items.csv", ITEMS)
    path = drop("amazon-us", "settlement-1.txt", GOOD)
    wait_for(lambda: not path.exists(), "taken, though a server never answers", 60)
    wait_for(lambda: set((home / "outbound").glob("*/*.xlsx")) - first, "new workbooks", 60)
    status = Runner(home, monkeypatch, capsys)("status", "--json")
    assert status.code == 1, "an exception that is open needs a person"
    assert json.loads(status.out)["files"] == [{"state": "ACCEPTED", "files": 2, "rows": "4"}]
    assert process.end() == 0
    assert "daemon.stopped" in process.log.read_text()
    assert [line for line in process.log.read_text().splitlines() if "Traceback" in line] == []
    assert findings(home) == []


def test_only_one_process_takes_files_at_a_home(
    home: Path, run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    process = run("run", books=False)
    process.wait_for_log("daemon.started")
    once = Runner(home, monkeypatch, capsys)("once")
    assert once.code == 2
    assert "another gateway is taking files in this home" in once.err
    process.kill()
    with open_home(home) as gateway, taking_files(Intake(gateway)):
        pass  # A killed process holds nothing.


def test_killed_in_the_middle_and_started_again_nothing_happens_twice(home: Path, drop: Put, run: Run) -> None:
    for number in range(8):
        drop("amazon-us", f"settlement-{number}.txt", GOOD.replace("S1", f"S{number}"))
    process = run("run", books=False)
    wait_for(lambda: any((home / "ledger").glob("files/*/*.zst")), "it began", 60)
    process.kill()
    again = run("run", books=False)
    wait_for(lambda: not any((home / "inbound" / "amazon-us").iterdir()), "all are taken", 60)
    assert again.end(signal.SIGINT) == 0
    assert ask(home, "select state, count(*), sum(accepted) from file group by 1") == [("ACCEPTED", 8, 24)]
    assert ask(home, "select count(*) from settlement") == [(8,)]
    assert findings(home) == []


def test_a_server_is_polled_and_gets_each_outbound_file_once(home: Path, run: Run, sshd: Sshd) -> None:
    (home / "outbound" / "finance").mkdir()
    (home / "outbound" / "finance" / "first.xlsx").write_bytes(b"first")
    sshd.put("settlement-1.txt", GOOD.encode())
    process = run("run", books=False, servers=(sshd.settings(deliver=["finance"]),))
    wait_for(lambda: sshd.names("done") == ["settlement-1.txt"], "taken and put away", 60)
    wait_for(lambda: sshd.names("out") == ["first.xlsx"], "delivered", 60)
    assert (sshd.root / "out" / "first.xlsx").read_bytes() == b"first"
    assert process.end() == 0

    (sshd.root / "out" / "first.xlsx").unlink()
    again = run("run", books=False)
    again.wait_for_log("daemon.started")
    (home / "outbound" / "finance" / "second.xlsx").write_bytes(b"second")
    wait_for(lambda: sshd.names("out") == ["second.xlsx"], "only what is new is delivered", 60)
    assert again.end() == 0
    assert sshd.names("out") == ["second.xlsx"]
    assert ask(home, "select state, count(*) from file group by 1") == [("ACCEPTED", 1)]


# --- the lock -----------------------------------------------------------------------------------------


def test_a_pass_or_a_daemon_beside_another_is_refused(gateway: Home, home: Path, drop: Put) -> None:
    path = drop("amazon-us", "settlement-1.txt", GOOD)
    message = "another gateway is taking files in this home"
    with taking_files(Intake(gateway)), open_home(home) as second, pytest.raises(HouseError, match=message):
        run_once(second)
    with taking_files(Intake(gateway)), pytest.raises(HouseError, match=message):
        run_daemon(home)
    assert path.exists()


def test_a_read_of_the_ledger_leaves_the_archive_of_a_running_pass_alone(gateway: Home, home: Path) -> None:
    (home / "ledger" / "files").mkdir(exist_ok=True)
    half = home / "ledger" / "files" / f".2.{os.getpid()}.tmp"
    with taking_files(Intake(gateway)):
        half.write_bytes(b"half")
        with open_home(home):
            assert half.exists()
    with taking_files(Intake(gateway)):
        assert not half.exists(), "left by a killed process"


# --- the loop -----------------------------------------------------------------------------------------


@pytest.fixture
def quick(home: Path) -> Config:
    (home / "config.toml").write_text((home / "config.toml").read_text() + QUICK)
    return configuration.load(home)


@pytest.fixture
def no_books(gateway: Home, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Takes the place of the books, which these tests are not about; notes that they were run."""
    runs: list[str] = []
    monkeypatch.setattr("gateway.daemon.run_books", lambda home: (runs.append("books"), Outcome())[1])
    monkeypatch.setattr("gateway.daemon.write_workbooks", lambda *_, **__: runs.append("workbooks") or [])
    return runs


Working = Callable[..., None]


@pytest.fixture
def working(quick: Config, gateway: Home, no_books: list[str]) -> Working:
    """Runs a daemon of the test's own gateway, without anything that wakes it, while another thread does a script."""
    gateway.settings = quick

    def work_during(script: Callable[[], None], *servers: Sftp) -> None:
        config = quick.model_copy(update={"sftp": servers})
        daemon = Daemon(Intake(gateway), build(gateway.folder, config, gateway.lake.folder))
        done: list[bool] = []

        def follow() -> None:
            try:
                script()
                done.append(True)
            finally:
                daemon.stop()

        # DuckDB's connection belongs to this thread.
        other = threading.Thread(target=follow)
        other.start()
        daemon.run()
        other.join()
        assert done, "the script ended early"

    return work_during


def test_polling_alone_finds_files(working: Working, drop: Put) -> None:
    path = drop("amazon-us", "settlement-1.txt", GOOD)
    working(lambda: wait_for(lambda: not path.exists(), "taken", 60))


def test_a_watch_that_cannot_be_had_is_reported(home: Path, quick: Config) -> None:
    lane = build(home, quick, home / "ledger")[0]
    with capture_logs() as logs, watching(home / "nowhere", lane):
        pass
    assert [log["event"] for log in logs] == ["watch.failed"]


def test_a_change_in_a_folder_wakes_its_lane(home: Path, quick: Config, drop: Put) -> None:
    lane = build(home, quick, home / "ledger")[0]
    with watching(home / "inbound", lane):
        drop("amazon-us", "settlement-1.txt", GOOD)
        assert lane._wake.wait(20)


def test_folders_that_partners_make_are_not_watched(tmp_path: Path) -> None:
    class Sleeper:
        def __init__(self) -> None:
            self.woken = 0

        def wake(self) -> None:
            self.woken += 1

    (tmp_path / "shop").mkdir()
    sleeper = Sleeper()
    with watching(tmp_path, sleeper):
        (tmp_path / "new").mkdir()
        wait_for(lambda: sleeper.woken > 0, "a new partner's folder is seen")
        (tmp_path / "shop" / "deep").mkdir()
        wait_for(lambda: sleeper.woken > 1, "a folder in a partner's is seen")
        woken = sleeper.woken
        (tmp_path / "shop" / "deep" / "deeper").mkdir()
        (tmp_path / "shop" / "deep" / "a.csv").write_text("a")
        (tmp_path / "new" / "b.csv").write_text("b")
        wait_for(lambda: sleeper.woken > woken, "a file of the new partner is seen")
        assert sleeper.woken <= woken + 2, "created and closed, and nothing of what lies deeper"


def test_a_file_that_fails_stays_and_is_not_tried_at_every_tick(
    working: Working, gateway: Home, drop: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = drop("amazon-us", "settlement-1.txt", GOOD)
    good = drop("amazon-us", "settlement-2.txt", GOOD.replace("S1", "S2"))
    claim, tried = loop.taken_of, []

    def breaks(home: Home, one: Any) -> Any:
        if one.drop.name == broken.name:
            tried.append(one.drop.name)
            raise RuntimeError("a fault of the program")
        return claim(home, one)

    monkeypatch.setattr(loop, "taken_of", breaks)
    with capture_logs():
        working(lambda: wait_for(lambda: not good.exists() and len(tried) >= 3, "tried, and its neighbour taken", 60))
    assert broken.exists()


def test_a_mistake_in_one_mapping_holds_its_feeds_files_and_the_loop_goes_on(
    working: Working, gateway: Home, home: Path, drop: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lint, "check", lambda *_, **__: [])
    mapping = home / "mappings" / "3pl-east" / "945.toml"
    mapping.write_text(mapping.read_text() + '\n[[record]]\ntype = "shipment_line"\n[record.fields]\nsku = "W12/X8"\n')
    gateway.library = gateway.reloaded(gateway.settings).library
    wrong = drop("3pl-east", "advice.edi", shipment(1, "SKU-1"))
    good = drop("amazon-us", "settlement-1.txt", GOOD)
    with capture_logs() as logs:
        working(lambda: wait_for(lambda: not (wrong.exists() or good.exists()), "both are taken", 60))
    assert {log["name"]: log["state"] for log in logs if log["event"] == "file.taken"} == {
        "advice.edi": "HELD",
        "settlement-1.txt": "ACCEPTED",
    }
    assert [log["event"] for log in logs if log["log_level"] in ("warning", "error")] == ["file.taken"]
    [(reason,)] = gateway.lake.con.execute("select reason from file where state = 'HELD'").fetchall()
    assert reason.startswith("mappings/3pl-east/945.toml:11: read element path W12/X8")


def test_a_ledger_that_is_locked_is_tried_again(
    working: Working, gateway: Home, drop: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = drop("amazon-us", "settlement-1.txt", GOOD)
    take, failures = Intake.take, [1, 2]

    def locked(*arguments: Any) -> Any:
        if failures:
            failures.pop()
            raise HouseError("commit to", "the ledger", "Another gateway is at work on this home.")
        yield from take(*arguments)

    monkeypatch.setattr(Intake, "take", locked)
    with capture_logs() as logs:
        working(lambda: wait_for(lambda: not path.exists(), "taken", 60))
    assert len([log for log in logs if log["event"] == "take.failed"]) == 2


def test_books_that_fail_are_tried_again_and_files_go_on(
    working: Working, gateway: Home, drop: Put, no_books: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = drop("amazon-us", "settlement-1.txt", GOOD)
    books, failures = daemons.run_books, [RuntimeError("a fault of the books"), HouseError("run", "books", "")]

    def failing(home: Home) -> Any:
        if failures:
            raise failures.pop()
        return books(home)

    monkeypatch.setattr(daemons, "run_books", failing)
    with capture_logs() as logs:
        working(lambda: wait_for(lambda: not path.exists() and "workbooks" in no_books, "taken, and the books run", 60))
    assert len([log for log in logs if log["event"] == "books.failed"]) == 2


def test_master_data_is_taken_first_whatever_lane_it_came_by(
    gateway: Home, drop: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = gateway.settings.limits.model_copy(update={"files_per_commit_max": 1})
    gateway.settings = gateway.settings.model_copy(update={"limits": limits})
    drop("amazon-us", "settlement-1.txt", GOOD)
    drop("master-data", "items.csv", ITEMS)
    daemon, order = Daemon(Intake(gateway), []), []
    lane = build(gateway.folder, gateway.settings, gateway.lake.folder)[0]
    monkeypatch.setattr(lane, "done", lambda drop, committed: order.append((drop.partner, committed)))
    lane.transport._stillness.still_s = 0.0  # type: ignore[attr-defined]
    daemon._take(dict.fromkeys(lane.transport.poll(), lane))
    assert order == [("master-data", True), ("amazon-us", True)]


def test_when_it_is_stopped_it_commits_what_it_began_and_begins_no_other_file(
    gateway: Home, drop: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        drop("amazon-us", f"settlement-{number}.txt", GOOD.replace("S1", f"S{number}"))
    lane = build(gateway.folder, gateway.settings, gateway.lake.folder)[0]
    lane.transport._stillness.still_s = 0.0  # type: ignore[attr-defined]
    daemon, archived, done = Daemon(Intake(gateway), [lane]), archive.Archiver.take, []

    def stop(self: archive.Archiver, pieces: Iterable[bytes]) -> archive.Stored:
        daemon.stop()
        return archived(self, pieces)

    monkeypatch.setattr(archive.Archiver, "take", stop)
    monkeypatch.setattr(lane, "done", lambda drop, committed: done.append((drop.name, committed)))
    daemon._take(dict.fromkeys(lane.transport.poll(), lane))
    assert done == [("settlement-0.txt", True)]


def test_a_stop_that_hits_a_query_between_two_steps_ends_it_like_any_other(
    gateway: Home, no_books: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon = Daemon(Intake(gateway), [])

    def cut(exceptions: object) -> None:
        daemon.stop()
        raise duckdb.InterruptException("INTERRUPT Error: Interrupted!")

    monkeypatch.setattr(daemon.monitor, "booked", cut)
    with capture_logs() as logs:
        daemon.run()
    assert logs[-1]["event"] == "daemon.stopped"


def test_a_flood_of_one_partners_files_delays_no_other_partner_and_the_books_wait_for_its_end(
    gateway: Home, drop: Put, no_books: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = gateway.settings.limits.model_copy(update={"files_per_commit_max": 2})
    gateway.settings = gateway.settings.model_copy(update={"limits": limits})
    for number in range(6):
        drop("amazon-us", f"settlement-{number}.txt", GOOD.replace("S1", f"S{number}"))
    lane = build(gateway.folder, gateway.settings, gateway.lake.folder)[0]
    lane.transport._stillness.still_s = 0.0  # type: ignore[attr-defined]
    daemon, done = Daemon(Intake(gateway), [lane]), []
    monkeypatch.setattr(lane, "done", lambda drop, committed: done.append(drop.name))
    flood = lane.transport.poll()
    drop("3pl-east", "945-1.edi", "nothing")
    daemon._inbox.put((lane, [found for found in lane.transport.poll() if found not in flood]))
    daemon._take(dict.fromkeys(flood, lane))
    assert done == ["settlement-0.txt", "settlement-1.txt"]
    daemon._run_books()
    assert no_books == []
    daemon._take(daemon._wait())
    assert done[2:] == ["945-1.edi", *(f"settlement-{number}.txt" for number in range(2, 6))]
    daemon._run_books()
    assert no_books == ["books", "workbooks"]


def test_the_books_are_run_at_the_start_and_once_a_day(gateway: Home, no_books: list[str]) -> None:
    daemon = Daemon(Intake(gateway), [])
    daemon._run_books()
    daemon._run_books()
    assert no_books == ["books", "workbooks"]
    daemon._books_of = datetime(2026, 1, 1, tzinfo=UTC)
    daemon._run_books()
    assert no_books == ["books", "workbooks"] * 2


def test_the_books_are_run_when_a_file_that_is_expected_becomes_late(
    gateway: Home, no_books: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon = Daemon(Intake(gateway), [])
    daemon._run_books()
    monkeypatch.setattr(daemon._turns, "last", lambda now: now)
    daemon._run_books()
    assert no_books == ["books", "workbooks"] * 2


def test_a_server_that_goes_away_and_comes_back(
    working: Working, gateway: Home, drop: Put, sshd: Sshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK_SECRET", "k")
    monkeypatch.setattr("gateway.notifications.notifier.GAP_S", 0.05)

    def told() -> list[tuple[str, str]]:
        bodies = [json.loads(body) for _, body in hook.posts]
        return [(row["state"], row["place"]) for body in bodies if body["kind"] == "place" for row in body["places"]]

    def script() -> None:
        sshd.put("settlement-1.txt", GOOD.encode())
        wait_for(lambda: sshd.names("done") == ["settlement-1.txt"], "the first file", 60)
        sshd.stop()
        wait_for(lambda: "transport.failed" in {log["event"] for log in logs}, "it is missed", 60)
        path = drop("amazon-us", "settlement-2.txt", GOOD.replace("S1", "S2"))
        wait_for(lambda: not path.exists(), "the folder goes on", 60)
        wait_for(lambda: len(told()) == 1, "it is sent", 60)
        sshd.put("settlement-3.txt", GOOD.replace("S1", "S3").encode())
        sshd.start()
        wait_for(lambda: "settlement-3.txt" in sshd.names("done"), "it is found again", 60)
        wait_for(lambda: len(told()) == 2, "its return is sent", 60)

    with Webhook() as hook, capture_logs() as logs:
        to = [{"owner": "IN", "webhook": hook.url, "secret_env": "HOOK_SECRET", "digest_at": ""}]
        notify = Notify.model_validate({"to": to, "place_failures": 3})
        gateway.settings = gateway.settings.model_copy(update={"notify": notify})
        working(script, sshd.settings())
        name = next(log["transport"] for log in logs if log["event"] == "transport.back")
        assert told() == [("FAILS", name), ("IS BACK", name)]
    assert not [log for log in logs if log.get("exc_info")]
    assert "transport.back" in {log["event"] for log in logs}
    files = gateway.lake.con.execute("select name, count(*) from file group by 1 order by 1").fetchall()
    assert files == [(f"settlement-{number}.txt", 1) for number in (1, 2, 3)]


def test_a_signal_handler_may_stop_it_while_it_waits(gateway: Home, no_books: list[str]) -> None:
    transport = build(gateway.folder, gateway.settings, gateway.lake.folder)[0].transport
    daemon = Daemon(Intake(gateway), [Lane(transport, Pace(60, 60, 60, 60))])
    before = signal.signal(signal.SIGUSR1, lambda number, frame: daemon.stop())
    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGUSR1)).start()
    try:
        daemon.run()
    finally:
        signal.signal(signal.SIGUSR1, before)
