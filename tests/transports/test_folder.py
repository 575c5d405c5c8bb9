"""Drop folders: what is theirs alone. What holds for every transport is in test_contract."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.books.reconcile import Outcome
from gateway.errors import HouseError
from gateway.home import Home
from gateway.intake import take as loop
from gateway.once import run_once
from gateway.settings import Config, FolderDrop
from gateway.transports import build
from gateway.transports.folder import Folder
from tests.conftest import taken
from tests.test_books import GOOD
from tests.transports.conftest import Clock
from tests.transports.sshd import wait_for

Put = Callable[[str, str, bytes | str], Path]


def test_a_single_pass_takes_files_at_once(home: Path, config: Config, drop: Put) -> None:
    drop("amazon-us", "b.csv", "b")
    drop("amazon-us", "a.csv", "a")
    drop("3pl-east", "z.edi", "z")
    found = [(d.partner, d.name) for d in Folder(home, config).poll()]
    assert found == [("3pl-east", "z.edi"), ("amazon-us", "a.csv"), ("amazon-us", "b.csv")]


def test_a_folder_elsewhere_belongs_to_its_partner(home: Path, config: Config, tmp_path: Path, drop: Put) -> None:
    (tmp_path / "share").mkdir()
    (home / "near").mkdir()
    config = config.model_copy(
        update={
            "folder": (
                FolderDrop(partner="amazon-us", folder=str(tmp_path / "share")),
                FolderDrop(partner="amazon-us", folder="near"),
            )
        }
    )
    (tmp_path / "share" / "a.csv").write_text("a")
    (home / "near" / "b.csv").write_text("b")
    drop("amazon-us", "c.csv", "c")
    drops = Folder(home, config).poll()
    assert [(d.partner, d.name) for d in drops] == [("amazon-us", name) for name in ("a.csv", "b.csv", "c.csv")]


@pytest.mark.parametrize("what", ["missing", "file"])
def test_a_folder_that_cannot_be_read_is_reported_and_the_others_go_on(
    home: Path, config: Config, tmp_path: Path, drop: Put, what: str
) -> None:
    (tmp_path / "file").touch()
    config = config.model_copy(update={"folder": (FolderDrop(partner="main-bank", folder=str(tmp_path / what)),)})
    drop("amazon-us", "a.csv", "a")
    folder = Folder(home, config)
    assert [d.name for d in folder.poll()] == ["a.csv"]
    (problem,) = folder.problems
    assert f"/{what} cannot be read: " in problem.message


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_without_permission_is_reported(home: Path, config: Config, drop: Put) -> None:
    path = drop("amazon-us", "a.csv", "a")
    path.parent.chmod(0)
    try:
        folder = Folder(home, config)
        assert folder.poll() == []
    finally:
        path.parent.chmod(0o700)
    assert folder.problems[0].message.endswith("amazon-us cannot be read: Permission denied")


def test_without_an_inbound_folder_nothing_is_offered(tmp_path: Path, config: Config) -> None:
    folder = Folder(tmp_path, config)
    assert folder.poll() == []
    assert "inbound cannot be read: No such file or directory" in folder.problems[0].message


def test_what_lies_beside_the_partners_folders_is_reported(home: Path, config: Config, tmp_path: Path) -> None:
    (home / "inbound" / "settlement.txt").write_text("x")
    (home / "inbound" / "linked").symlink_to(tmp_path)
    folder = Folder(home, config)
    assert folder.poll() == []
    assert sorted(p.message for p in folder.problems) == [
        "inbound/linked does not belong to a partner",
        "inbound/settlement.txt does not belong to a partner",
    ]


def test_a_file_that_vanishes_during_the_poll(
    home: Path, config: Config, drop: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = drop("amazon-us", "a.csv", "a")
    drop("amazon-us", "b.csv", "b")
    list_folder = os.scandir

    @contextmanager
    def scandir(folder: int) -> Iterator[list[os.DirEntry[str]]]:
        with list_folder(folder) as listing:
            entries = list(listing)
        if path.name in [entry.name for entry in entries]:
            path.unlink()
        yield entries

    monkeypatch.setattr("gateway.transports.opening.os.scandir", scandir)
    assert [d.name for d in Folder(home, config).poll()] == ["b.csv"]


def test_a_file_that_cannot_be_removed_is_an_operators_error(
    home: Path, config: Config, drop: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop("amazon-us", "a.csv", "a")
    folder = Folder(home, config)
    (found,) = folder.poll()

    def refuse(name: str, *, dir_fd: int) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", name)

    monkeypatch.setattr("gateway.transports.folder.os.unlink", refuse)
    with pytest.raises(HouseError, match=r"remove amazon-us/a\.csv: Permission denied\. Fix: Let the gateway's group"):
        folder.settle(found)


def test_a_delivery_without_disk_space_leaves_nothing(
    home: Path, config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = tmp_path / "book.xlsx"
    book.write_bytes(b"x")

    def full(source: Path, target: Path) -> None:
        target.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("gateway.transports.folder.shutil.copyfile", full)
    with pytest.raises(HouseError, match=r"book\.xlsx: No space left on device"):
        Folder(home, config).deliver([book], "finance")
    assert list((home / "outbound" / "finance").iterdir()) == []


def test_stillness_is_measured_by_a_clock_that_nobody_sets(
    home: Path, config: Config, drop: Put, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop("amazon-us", "a.csv", "a")
    folder = Folder(home, config, still=True)
    assert folder.poll() == []
    clock.now += config.daemon.still_s / 2
    assert folder.poll() == []
    clock.now += config.daemon.still_s / 2
    assert [d.name for d in folder.poll()] == ["a.csv"]


def test_on_a_share_that_reports_no_changes_polling_finds_the_files(
    home: Path, config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("watchdog.observers.Observer", None)
    share = tmp_path / "share"
    share.mkdir()
    config = config.model_copy(
        update={
            "folder": (FolderDrop(partner="amazon-us", folder=str(share)),),
            "daemon": config.daemon.model_copy(update={"tick_s": 0.02, "still_s": 0.05}),
        }
    )
    lane = build(home, config, home / "ledger")[0]
    found: list[str] = []
    lane.start(lambda lane, drops: found.extend(drop.name for drop in drops))
    try:
        (share / "a.csv").write_text("a")
        wait_for(lambda: found == ["a.csv"], "the file is found")
    finally:
        lane.end()
        lane.join(5)


# --- with the ledger ----------------------------------------------------------------------------------


def test_after_a_crash_between_commit_and_settling_nothing_happens_twice(gateway: Home, drop: Put) -> None:
    path = drop("amazon-us", "settlement-1.txt", GOOD)
    (receipt,) = taken(gateway, Folder(gateway.folder, gateway.settings).poll())
    assert receipt.committed and path.exists()
    before = gateway.lake.con.execute("select count(*) from audit_log").fetchone()
    folder = Folder(gateway.folder, gateway.settings)
    (again,) = taken(gateway, folder.poll())
    assert again.committed
    assert [f.state for f in again.files] == ["ACCEPTED"]
    assert gateway.lake.con.execute("select count(*) from audit_log").fetchone() == before
    folder.settle(again.drop)
    assert not path.exists()


def test_a_file_that_is_replaced_while_it_is_read_is_not_committed(
    gateway: Home, drop: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = drop("amazon-us", "settlement-1.txt", GOOD)
    drop("amazon-us", "settlement-2.txt", GOOD.replace("S1", "S2"))
    claim = loop.taken_of

    def replaced(home: Home, one: Any) -> Any:
        if one.drop.name == path.name:
            path.write_text(GOOD.replace("20.00", "21.00"))
        return claim(home, one)

    monkeypatch.setattr(loop, "taken_of", replaced)
    folder = Folder(gateway.folder, gateway.settings)
    receipts = taken(gateway, folder.poll())
    found = {receipt.drop.name: (receipt.committed, receipt.files[0].state) for receipt in receipts}
    assert found == {"settlement-1.txt": (False, "FAILED"), "settlement-2.txt": (True, "ACCEPTED")}
    assert "changed while it was read" in next(r.files[0].reason for r in receipts if not r.committed)
    monkeypatch.undo()
    states = {receipt.drop.name: receipt.files[0].state for receipt in taken(gateway, folder.poll())}
    assert states["settlement-1.txt"] == "HELD", "the new content is read as a whole"


@pytest.mark.parametrize("changing", ["settlement-1.txt", "settlement-2.txt", "settlement-3.txt"])
def test_each_receipt_is_that_of_its_own_file_whichever_changes(
    gateway: Home, drop: Put, monkeypatch: pytest.MonkeyPatch, changing: str
) -> None:
    paths = {
        f"settlement-{n}.txt": drop("amazon-us", f"settlement-{n}.txt", GOOD.replace("S1", f"S{n}")) for n in (1, 2, 3)
    }
    claim = loop.taken_of

    def replaced(home: Home, one: Any) -> Any:
        if one.drop.name == changing:
            paths[changing].write_text(GOOD.replace("20.00", "21.00"))
        return claim(home, one)

    monkeypatch.setattr(loop, "taken_of", replaced)
    receipts = taken(gateway, Folder(gateway.folder, gateway.settings).poll())
    assert {receipt.drop.name: receipt.committed for receipt in receipts} == {name: name != changing for name in paths}
    assert all(file.name == receipt.drop.name for receipt in receipts for file in receipt.files)


def test_a_file_that_is_gone_or_breaks_the_program_never_stops_the_others(
    gateway: Home, drop: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = drop("amazon-us", "settlement-0.txt", "gone")
    broken = drop("amazon-us", "settlement-1.txt", GOOD)
    drop("amazon-us", "settlement-2.txt", GOOD.replace("S1", "S2"))
    claim = loop.taken_of

    def breaks(home: Home, one: Any) -> Any:
        if one.drop.name == broken.name:
            raise RuntimeError("a fault of the program")
        return claim(home, one)

    monkeypatch.setattr(loop, "taken_of", breaks)
    drops = Folder(gateway.folder, gateway.settings).poll()
    gone.unlink()
    receipts = {receipt.drop.name: receipt for receipt in taken(gateway, drops)}
    assert {name: receipt.committed for name, receipt in receipts.items()} == {
        "settlement-0.txt": False,
        "settlement-1.txt": False,
        "settlement-2.txt": True,
    }
    assert "No such file" in receipts["settlement-0.txt"].files[0].reason
    assert broken.exists()


def test_a_pass_goes_on_when_a_file_cannot_be_removed(
    gateway: Home, drop: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop("amazon-us", "settlement-1.txt", GOOD)
    (gateway.folder / "inbound" / "amazon-us" / "link.txt").symlink_to("/etc/hostname")

    def refuse(folder: Folder, drop: object) -> None:
        raise HouseError("remove", "settlement-1.txt", "Check the folder's permissions.")

    monkeypatch.setattr(Folder, "settle", refuse)
    monkeypatch.setattr("gateway.once.run_books", lambda home: Outcome())
    monkeypatch.setattr("gateway.once.write_workbooks", lambda *_, **__: [Path("book.xlsx")])
    done = run_once(gateway)
    assert [file.state for file in done.files] == ["ACCEPTED"]
    assert (done.books, done.workbooks) == (Outcome(), [Path("book.xlsx")])
    assert done.problems == [
        "amazon-us/link.txt is a link or a device. Fix: Drop ordinary files, each a copy of its own.",
        "remove settlement-1.txt. Fix: Check the folder's permissions.",
    ]
