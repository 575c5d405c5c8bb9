"""What goes wrong around the daemon never ends it: broken files, missing folders, garbage in locks, signals."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway import daemon as daemon_room
from gateway.daemon import Daemon
from gateway.errors import HouseError
from gateway.home import Home
from gateway.intake.crash_suspects import NOTE, Suspects
from gateway.intake.take import Intake
from gateway.ledger.locking import HeldElsewhereError, file_lock
from gateway.once import taking_files
from gateway.transports import build
from gateway.transports.folder import Folder
from gateway.watched_settings import Watched, look
from tests.conftest import taken
from tests.test_books import GOOD
from tests.transports.sshd import wait_for

Put = Callable[[str, str, bytes | str], Path]


def _piped(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _binary(path: Path) -> None:
    path.write_bytes(b"\xff\x00[" * 1000)


@contextmanager
def harmed(path: Path, harm: Callable[[Path], None]) -> Iterator[None]:
    """A file is harmed, and then as it was."""
    before = path.read_bytes()
    harm(path)
    yield
    if path.is_dir():
        path.rmdir()
    path.unlink(missing_ok=True)
    path.write_bytes(before)


@pytest.mark.parametrize("name", ["config.toml", "mappings/posting.toml"])
def test_settings_and_rules_that_break_in_any_way_keep_those_of_before(gateway: Home, name: str) -> None:
    daemon = Daemon(Intake(gateway), [])
    for harm in (Path.unlink, _piped, _folder, _binary):
        with harmed(gateway.folder / name, harm):
            daemon.reload()
            with capture_logs() as logs:
                daemon._reload()
        assert [log["event"] for log in logs] == ["reload.refused"], harm
        assert daemon.home is gateway and len(daemon.monitor.faults) == 1, harm


@pytest.mark.parametrize("harm", [Path.unlink, _piped, _binary], ids=lambda harm: harm.__name__)
def test_mappings_and_lookups_that_break_in_any_way_stop_nothing(gateway: Home, harm: Callable[[Path], None]) -> None:
    names = ("amazon-us/settlement.toml", "lookups/new.csv", "lookups/new.xlsx")
    for name in names:
        path = gateway.folder / "mappings" / name
        path.touch()
        harm(path)
    daemon = Daemon(Intake(gateway), [])
    daemon.reload()
    with capture_logs() as logs:
        daemon._reload()
    assert "reloaded" in [log["event"] for log in logs]
    for name in names:
        assert any(name in fault for fault in daemon.monitor.faults) == (harm is not Path.unlink), name


def test_a_file_that_loses_its_rights_during_a_reload_keeps_the_settings_of_before(
    gateway: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon = Daemon(Intake(gateway), [])

    def refuse(folder: Path) -> None:
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr(daemon_room.configuration, "load", refuse)
    daemon.reload()
    with capture_logs() as logs:
        daemon._reload()
    assert [(log["event"], log["log_level"]) for log in logs] == [("reload.refused", "error")]


def test_whatever_fails_in_a_turn_is_logged_and_the_next_one_comes(
    gateway: Home, drop: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop("amazon-us", "settlement-1.txt", GOOD)
    lane = build(gateway.folder, gateway.settings, gateway.lake.folder)[0]
    lane.transport._stillness.still_s = 0.0  # type: ignore[attr-defined]
    daemon = Daemon(Intake(gateway), [lane])
    done: list[bool] = []
    monkeypatch.setattr(daemon_room, "FAILED_PAUSE_S_MAX", 0.0)
    monkeypatch.setattr(lane, "done", lambda drop, committed: done.append(committed))
    monkeypatch.setattr(daemon.intake, "take", lambda *_: 1 / 0)
    daemon._inbox.put((lane, lane.transport.poll()))
    with capture_logs() as logs:
        daemon._turn()
    assert [log["event"] for log in logs] == ["daemon.failed"]
    assert done == [False], "its lane offers it again"


def test_the_ledgers_temporary_folder_may_vanish(gateway: Home, drop: Put) -> None:
    drop("amazon-us", "settlement-1.txt", GOOD)
    shutil.rmtree(gateway.lake.folder / "tmp")
    (receipt,) = taken(gateway, Folder(gateway.folder, gateway.settings).poll())
    assert (receipt.committed, receipt.files[0].state) == (True, "ACCEPTED")


def test_garbage_in_a_lock_file_is_removed_and_the_lock_still_locks(tmp_path: Path) -> None:
    (tmp_path / "writer.lock").write_bytes(b"garbage" * 1000)
    with file_lock(tmp_path, "writer", 0.1), pytest.raises(HeldElsewhereError), file_lock(tmp_path, "writer", 0.1):
        pass
    with sqlite3.connect(tmp_path / "writer.lock") as connection:
        assert connection.execute("pragma integrity_check").fetchone() == ("ok",)


def test_a_folder_in_the_place_of_a_lock_is_one_sentence_and_no_other_gateway(tmp_path: Path) -> None:
    (tmp_path / "writer.lock").mkdir()
    with (
        pytest.raises(HouseError, match=r"^lock .*: it is no file. Fix: Remove") as refused,
        file_lock(tmp_path, "writer", 0.1),
    ):
        pass
    assert not isinstance(refused.value, HeldElsewhereError)


def _cut(ledger: Path) -> None:
    os.truncate(ledger / "catalog.sqlite", 5_000)


def _emptied(ledger: Path) -> None:
    for path in ledger.glob("catalog.sqlite*"):
        path.unlink()
    sqlite3.connect(ledger / "catalog.sqlite").close()


def _without_data(ledger: Path) -> None:
    shutil.rmtree(ledger / "data")


def _tmp_a_file(ledger: Path) -> None:
    shutil.rmtree(ledger / "tmp")
    (ledger / "tmp").write_text("in the way")


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (_cut, "malformed. Fix: Restore the whole folder from the backup"),
        (_emptied, "Table with name ducklake_snapshot does not exist! Fix: Restore the whole folder from the backup"),
        (_without_data, "No such file or directory. Fix: Bring it back. Restore the whole folder from the backup"),
        (_tmp_a_file, "Not a directory"),
    ],
)
def test_a_ledger_that_breaks_while_it_is_open_is_a_sentence_and_no_fault_of_the_files(
    gateway: Home, drop: Put, harm: Callable[[Path], None], said: str
) -> None:
    daemon = Daemon(Intake(gateway), [])
    paths = [drop("amazon-us", f"settlement-{number}.txt", GOOD.replace("S1", f"S{number}")) for number in (1, 2)]
    harm(gateway.folder / "ledger")
    with capture_logs() as logs:
        assert daemon._next(daemon.intake.take(Folder(gateway.folder, gateway.settings).poll())) is None
    [failed] = logs
    assert failed["event"] == "take.failed" and said in failed["error"] and "\n" not in failed["error"]
    assert all(path.exists() for path in paths)


@pytest.mark.parametrize("name", ["line\nbreak", "esc\x1b[2J", "amazon-us"])
def test_what_stands_in_inbound_instead_of_a_partners_folder_is_a_problem_in_one_line(
    gateway: Home, drop: Put, name: str
) -> None:
    """Folders of nobody, and a partner's folder that became a file; the other partners' files are found."""
    drop("3pl-east", "945.edi", "x")
    place = gateway.folder / "inbound" / name
    if name == "amazon-us":
        shutil.rmtree(place, ignore_errors=True)
        place.write_text("in the way")
    else:
        place.mkdir()
        (place / "x.csv").write_text("a")
    folder = Folder(gateway.folder, gateway.settings)
    assert [one.partner for one in folder.poll()] == ["3pl-east"]
    [problem] = folder.problems
    assert "does not belong to a partner" in problem.message and problem.message.isprintable()


def test_a_link_to_a_folder_above_is_not_followed_round_and_round(home: Path) -> None:
    (home / "mappings" / "amazon-us" / "loop").symlink_to("..")
    (home / "mappings" / "self").symlink_to("self")
    assert len(look(home)) < 10_000


def test_a_reload_is_asked_for_once(home: Path) -> None:
    watched = Watched(home)
    assert not watched.changed()
    watched.ask()
    assert watched.changed() and not watched.changed()


# --- what is no death of a file -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "content", ["", "[1]", "[" * 100_000, '{"boot": "", "taking": [1], "known": []}', '{"taking": []}']
)
def test_a_note_that_cannot_be_read_is_said_and_nothing_is_suspected(tmp_path: Path, content: str) -> None:
    (tmp_path / NOTE).write_text(content)
    with capture_logs() as logs:
        Suspects(tmp_path).recall()
    assert [log["event"] for log in logs] == ["note.failed"]


def test_a_new_start_of_the_machine_is_no_death(gateway: Home, drop: Put) -> None:
    drop("amazon-us", "settlement-1.txt", GOOD)
    (found,) = Folder(gateway.folder, gateway.settings).poll()
    Suspects(gateway.lake.folder).begin([found])
    after = Suspects(gateway.lake.folder)
    after.recall()
    assert after.deaths(found) == 1, "the same run of the machine: the process died"
    note = gateway.lake.folder / NOTE
    Suspects(gateway.lake.folder).begin([found])
    note.write_text(json.dumps(json.loads(note.read_text()) | {"boot": "another"}))
    after = Suspects(gateway.lake.folder)
    after.recall()
    assert after.deaths(found) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_pass_that_is_asked_to_end_is_no_death(
    gateway: Home, drop: Put, number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop("amazon-us", "settlement-1.txt", GOOD)
    (found,) = Folder(gateway.folder, gateway.settings).poll()
    intake, codes = Intake(gateway), list[int]()
    monkeypatch.setattr("gateway.once.os._exit", codes.append)
    with taking_files(intake), intake.suspects.taking():
        intake.suspects.begin([found])
        os.kill(os.getpid(), number)
        wait_for(lambda: codes == [128 + number], "the process ends")
        assert not (gateway.lake.folder / NOTE).exists()


def test_lanes_that_cannot_be_built_are_tried_again(gateway: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    daemon = Daemon(Intake(gateway), [])
    daemon._lanes_due = True
    outcomes = iter([HouseError("read", "delivered", "Remove it."), []])

    def made(*_: object) -> list[object]:
        outcome = next(outcomes)
        if isinstance(outcome, HouseError):
            raise outcome
        return outcome

    monkeypatch.setattr(daemon_room, "build", made)
    with pytest.raises(HouseError):
        daemon._renew_lanes()
    daemon._renew_lanes()
    assert not daemon._lanes_due
