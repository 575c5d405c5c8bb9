"""Faults that no other suite has: a full disk, a changed key, odd clocks, much at once. docs/reliability.md lists
all."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.errors import HouseError
from gateway.home import Home, open_home
from gateway.intake import arrivals
from gateway.intake import take as loop
from gateway.intake.result import Receipt
from gateway.ledger import departures, verify
from gateway.ledger.lake import open_lake
from gateway.monitor import Monitor
from gateway.once import run_books, run_once
from gateway.transports import opening
from gateway.transports.folder import Folder
from gateway.workbooks import issued_check
from gateway.workbooks.write import write_workbooks
from tests.conftest import NOW, taken
from tests.test_books import GOOD, ITEMS
from tests.test_daemon import Put, Run, Working, ask, findings, no_books, quick, run, sshd, working
from tests.transports.sshd import Sshd, make_key, wait_for

__all__ = ["no_books", "quick", "run", "sshd", "working"]


def named(number: int) -> str:
    return GOOD.replace("S1", f"S{number}")


def take(gateway: Home) -> list[Receipt]:
    """What waits in the folders; what was committed is removed."""
    folder = Folder(gateway.folder, gateway.settings)
    receipts = taken(gateway, folder.poll())
    for receipt in receipts:
        if receipt.committed:
            folder.settle(receipt.drop)
    return receipts


def one(gateway: Home, sql: str) -> Any:
    row = gateway.lake.con.execute(sql).fetchone()
    return row[0] if row else None


# --- a full disk --------------------------------------------------------------------------------------


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk of its own, where this process may mount one."""
    path = tmp_path / "disk"
    path.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", path], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("only root mounts a disk")
    yield path
    subprocess.run(["umount", "--lazy", path], check=True)


def fill(disk: Path, room: int) -> Path:
    """Fill a disk but for `room` bytes; returns what takes the room."""
    ballast = disk / "ballast"
    status = os.statvfs(disk)
    size = max(0, status.f_bavail * status.f_frsize - room)
    with ballast.open("wb") as sink:
        os.posix_fallocate(sink.fileno(), 0, size or 1)
    return ballast


def test_a_disk_that_fills_up_anywhere_on_the_way_loses_nothing(home: Path, drop: Put, disk: Path) -> None:
    shutil.move(home / "ledger", disk / "ledger")
    config = home / "config.toml"
    config.write_text(config.read_text() + f'\n[ledger]\npath = "{disk / "ledger"}"\nthreads = 1\n')
    with open_home(home, now=NOW) as gateway:
        for turn, room in enumerate((0, 16_384, 65_536, 262_144)):
            first = turn * 3 + 1
            paths = [drop("amazon-us", f"settlement-{n}.txt", named(n)) for n in range(first, first + 3)]
            ballast = fill(disk, room)
            try:
                receipts = take(gateway)
            except HouseError as error:
                assert "Make room on its disk" in str(error)
                receipts = []
            committed = {receipt.drop.name for receipt in receipts if receipt.committed}
            assert {path.name for path in paths if not path.exists()} == committed, "what is not committed stays"
            for receipt in receipts:
                if not receipt.committed:
                    assert receipt.files[0].reason == "cannot be archived: No space left on device"
            ballast.unlink()
            assert all(receipt.committed for receipt in take(gateway)), "with room again it goes on"
            assert not any(path.exists() for path in paths)
            assert one(gateway, "select count(*) from file where state = 'ACCEPTED'") == first + 2
        assert verify.verify(gateway.lake) == []
    assert list((disk / "ledger").rglob("*.tmp")) == []


def test_books_on_a_full_disk_are_reported_in_one_line_and_run_when_there_is_room(
    home: Path, drop: Put, disk: Path
) -> None:
    shutil.move(home / "ledger", disk / "ledger")
    config = home / "config.toml"
    config.write_text(config.read_text() + f'\n[ledger]\npath = "{disk / "ledger"}"\nthreads = 1\n')
    drop("amazon-us", "settlement-1.txt", GOOD)
    with open_home(home, now=NOW) as gateway:
        take(gateway)
        ballast = fill(disk, 8_192)
        with pytest.raises(HouseError, match="Make room on its disk"):
            run_books(gateway)
        ballast.unlink()
        assert run_books(gateway).opened
        assert verify.verify(gateway.lake) == []


def test_a_full_disk_leaves_no_half_workbook_and_is_reported_in_one_line(gateway: Home, drop: Put, disk: Path) -> None:
    drop("amazon-us", "settlement-1.txt", GOOD)
    take(gateway)
    run_books(gateway)
    outbound = gateway.folder / "outbound"
    shutil.rmtree(outbound)
    outbound.symlink_to(disk)
    ballast = fill(disk, 0)
    with pytest.raises(HouseError, match="No space left"):
        write_workbooks(
            gateway.folder, gateway.lake, gateway.context, gateway.rules.metrics, reconciled=gateway.reconciled
        )
    assert [path for path in disk.rglob("*") if path.is_file() and path != ballast] == []
    ballast.unlink()
    written, again = (
        write_workbooks(
            gateway.folder, gateway.lake, gateway.context, gateway.rules.metrics, reconciled=gateway.reconciled
        )
        for _ in range(2)
    )
    assert written == again and all(path.exists() for path in written)
    newest = [outbound / "current" / name for name in ("exceptions.xlsx", "reconciliation.xlsx")]
    assert [path.read_bytes() for path in newest] == [path.read_bytes() for path in written]
    recorded = [file.name for file in departures.recorded(gateway.lake, departures.WORKBOOKS)]
    assert recorded == [path.relative_to(outbound).as_posix() for path in written], "once, and it is no new version"
    assert issued_check.check(gateway.lake, gateway.folder) == ([], [])


# --- files --------------------------------------------------------------------------------------------


def test_a_file_that_is_renamed_while_it_is_read_is_taken_once_under_its_new_name(
    gateway: Home, drop: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = drop("amazon-us", "settlement-1.txt", GOOD)
    drop("amazon-us", "settlement-2.txt", named(2))
    claim = loop.taken_of

    def renamed(home: Home, waiting: Any) -> Any:
        if path.exists():
            path.rename(path.with_name("settlement-9.txt"))
        return claim(home, waiting)

    monkeypatch.setattr(loop, "taken_of", renamed)
    first = {receipt.drop.name: receipt.committed for receipt in take(gateway)}
    assert first == {"settlement-1.txt": False, "settlement-2.txt": True}
    second = {receipt.drop.name: receipt.committed for receipt in take(gateway)}
    assert second == {"settlement-9.txt": True}
    assert one(gateway, "select count(*) from settlement") == 2


def test_a_file_that_may_not_be_read_stays_and_the_others_go_on(
    gateway: Home, drop: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    forbidden = drop("amazon-us", "settlement-1.txt", GOOD)
    drop("amazon-us", "settlement-2.txt", named(2))
    copy = opening.copied

    def refuse(path: Path, version: opening.Version, target: Path) -> Iterator[bytes]:
        if path == forbidden:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        yield from copy(path, version, target)

    monkeypatch.setattr(opening, "copied", refuse)
    receipts = {receipt.drop.name: receipt for receipt in take(gateway)}
    assert receipts["settlement-2.txt"].committed and not receipts["settlement-1.txt"].committed
    assert receipts["settlement-1.txt"].files[0].reason == "cannot be archived: Permission denied"
    monkeypatch.undo()
    assert [receipt.committed for receipt in take(gateway)] == [True]


def test_a_huge_file_is_committed_alone_and_the_small_ones_together(
    gateway: Home, drop: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrivals, "BATCH_BYTES", 4 * len(GOOD))
    for number in (1, 2, 4, 5):
        drop("amazon-us", f"settlement-{number}.txt", named(number))
    drop("amazon-us", "settlement-3.txt", named(3) + "\n" * 8 * len(GOOD))
    assert all(receipt.committed for receipt in take(gateway))
    details = gateway.lake.con.execute(
        "select detail from audit_log where action = 'file.committed' order by seq"
    ).fetchall()
    together = [[file["name"] for file in json.loads(detail)["files"]] for (detail,) in details]
    assert together == [
        ["settlement-1.txt", "settlement-2.txt"],
        ["settlement-3.txt"],
        ["settlement-4.txt", "settlement-5.txt"],
    ]


def test_more_files_than_one_commit_takes_are_all_taken(working: Working, gateway: Home, drop: Put) -> None:
    limits = gateway.settings.limits.model_copy(update={"files_per_commit_max": 2})
    gateway.settings = gateway.settings.model_copy(update={"limits": limits})
    paths = [drop("amazon-us", f"settlement-{number}.txt", named(number)) for number in range(1, 6)]
    working(lambda: wait_for(lambda: not any(path.exists() for path in paths), "all are taken", 60))
    assert one(gateway, "select count(*) from settlement") == 5


def test_a_partners_folder_that_is_deleted_and_made_again_is_watched_again(home: Path, drop: Put, run: Run) -> None:
    process = run("run", books=False)
    process.wait_for_log("daemon.started")
    first = drop("amazon-us", "settlement-1.txt", GOOD)
    wait_for(lambda: not first.exists(), "taken", 60)
    shutil.rmtree(home / "inbound" / "amazon-us")
    other = drop("master-data", "items.csv", ITEMS)
    wait_for(lambda: not other.exists(), "the others go on", 60)
    second = drop("amazon-us", "settlement-2.txt", named(2))
    wait_for(lambda: not second.exists(), "it is found again", 60)
    shutil.rmtree(home / "inbound")
    process.wait_for_log("inbound cannot be read")
    third = drop("amazon-us", "settlement-3.txt", named(3))
    wait_for(lambda: not third.exists(), "all of them are", 60)
    assert process.end() == 0
    assert [line for line in process.log.read_text().splitlines() if "Traceback" in line] == []
    assert ask(home, "select count(*) from settlement") == [(3,)]


# --- servers ------------------------------------------------------------------------------------------


def test_a_server_whose_key_changed_is_reported_in_the_log_and_the_metric_and_its_files_stay(
    working: Working, gateway: Home, drop: Put, sshd: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monitors: list[Monitor] = []
    made = Monitor.__init__

    def noted(self: Monitor) -> None:
        made(self)
        monitors.append(self)

    monkeypatch.setattr(Monitor, "__init__", noted)
    sshd.put("settlement-1.txt", GOOD.encode())
    seen: list[str] = []

    def script() -> None:
        wait_for(lambda: any(log["event"] == "transport.failed" for log in logs), "the log reports it", 60)
        path = drop("amazon-us", "settlement-2.txt", named(2))
        wait_for(lambda: not path.exists(), "the folder goes on", 60)
        seen.append(monitors[0].metrics().decode())

    with capture_logs() as logs:
        working(script, sshd.settings(host_key=make_key(tmp_path / "pinned")))
    error = next(log["error"] for log in logs if log["event"] == "transport.failed")
    assert "its key is ssh-ed25519 SHA256:" in error and "Ask the partner whether the server's key changed" in error
    assert 'gateway_transport_up{transport="sftp:partner"} 0.0' in seen[0]
    assert 'gateway_transport_up{transport="folder"} 1.0' in seen[0]
    assert sshd.names("in") == ["settlement-1.txt"]
    assert one(gateway, "select count(*) from settlement") == 1


# --- clocks -------------------------------------------------------------------------------------------


def test_files_from_the_future_and_the_past_are_taken_and_commits_stay_in_order(
    working: Working, gateway: Home, drop: Put
) -> None:
    odd = [drop("amazon-us", f"settlement-{number}.txt", named(number)) for number in (1, 2)]
    for path, off_s in zip(odd, (400 * 86_400, -400 * 86_400), strict=True):
        os.utime(path, (time.time() + off_s,) * 2)

    def script() -> None:
        wait_for(lambda: not any(path.exists() for path in odd), "taken", 60)
        path = drop("amazon-us", "settlement-3.txt", named(3))
        wait_for(lambda: not path.exists(), "and the next", 60)

    working(script)
    assert one(gateway, "select count(*) from settlement") == 3
    assert one(gateway, 'select max("at") < now() + interval 1 minute from audit_log'), "its time is not the ledger's"
    order = gateway.lake.con.execute('select seq from audit_log order by "at"').fetchall()
    assert order == sorted(order)
    assert verify.verify(gateway.lake) == []


def test_a_clock_that_was_set_back_delays_no_file(working: Working, drop: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time

    def script() -> None:
        first = drop("amazon-us", "settlement-1.txt", GOOD)
        wait_for(lambda: not first.exists(), "taken", 60)
        monkeypatch.setattr(time, "time", lambda: now() - 86_400)
        second = drop("amazon-us", "settlement-2.txt", named(2))
        os.utime(second, (now() - 86_400,) * 2)
        wait_for(lambda: not second.exists(), "waiting goes by a clock that nobody sets", 60)

    working(script)


# --- the ledger ---------------------------------------------------------------------------------------


def test_a_reader_that_takes_its_time_delays_neither_files_nor_books(gateway: Home, drop: Put) -> None:
    drop("amazon-us", "settlement-1.txt", GOOD)
    take(gateway)
    with open_lake(gateway.folder, gateway.settings, read_only=True) as reader:
        reader.con.execute("begin")
        before = reader.con.execute("select count(*) from settlement").fetchone()
        drop("amazon-us", "settlement-2.txt", named(2))
        assert [receipt.committed for receipt in take(gateway)] == [True]
        run_books(gateway)
        assert reader.con.execute("select count(*) from settlement").fetchone() == before == (1,)
        reader.con.execute("rollback")
        assert reader.con.execute("select count(*) from settlement").fetchone() == (2,)


def test_a_daemon_does_not_start_on_a_damaged_catalog_and_says_what_to_do(home: Path, run: Run) -> None:
    catalog = home / "ledger" / "catalog.sqlite"
    catalog.write_bytes(b"x" * catalog.stat().st_size)
    process = run("run", books=False)
    assert process.wait() == 2
    assert "Restore the whole folder from the backup" in process.log.read_text()
    assert [line for line in process.log.read_text().splitlines() if "Traceback" in line] == []


@pytest.mark.usefixtures("without_books")
def test_a_pass_over_a_broken_program_leaves_the_ledger_whole(
    home: Path, drop: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [drop("amazon-us", f"settlement-{number}.txt", named(number)) for number in range(1, 4)]

    def breaks(*_: object) -> Any:
        raise MemoryError

    with monkeypatch.context() as broken, open_home(home, now=NOW) as gateway, capture_logs():
        broken.setattr(loop._Batch, "_write", breaks)
        assert {file.state for file in run_once(gateway).files} == {"FAILED"}
    assert all(path.exists() for path in paths)
    with open_home(home, now=NOW) as gateway:
        assert {file.state for file in run_once(gateway).files} == {"ACCEPTED"}
    assert findings(home) == []
