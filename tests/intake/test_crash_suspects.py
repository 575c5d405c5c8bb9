"""A file that ends the process, not by an exception: it is set aside by itself, and everything else goes on."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway import settings as configuration
from gateway.books.reconcile import Outcome
from gateway.daemon import Daemon
from gateway.home import Home, open_home
from gateway.intake import again as again_room
from gateway.intake import batch
from gateway.intake.again import again
from gateway.intake.arrivals import Arrival
from gateway.intake.crash_suspects import FEW, NOTE, Suspects
from gateway.intake.result import Receipt
from gateway.intake.take import Intake
from gateway.ledger import verify
from gateway.ledger.lake import open_lake
from gateway.once import run_once, taking_files
from gateway.reading import ReadRequest
from gateway.transports import opening
from gateway.transports.folder import Folder
from gateway.transports.transport import Drop
from tests.conftest import NOW, taken
from tests.intake.test_misnamed_files import COUNT
from tests.ledger.conftest import content
from tests.processes import asked_to_stop, process_of
from tests.test_books import GOOD, ITEMS, one
from tests.transports.sshd import wait_for

Put = Callable[[str, str, bytes | str], Path]
DEADLY = "settlement-10.txt"
KILLED = -int(signal.SIGKILL)
DEATHS = 4
"""One among others, and three alone: `limits.deaths_max`."""


# --- processes that die -------------------------------------------------------------------------------


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _dies_when_read(name: str) -> None:
    claim = batch.claim

    def deadly(home: Home, drop: Drop, *begun: Any) -> Any:
        if drop.name == name:
            _die()
        return claim(home, drop, *begun)

    batch.claim = again_room.claim = deadly


def _dies_when_archived(name: str) -> None:
    copy = opening.copied

    def deadly(path: Path, version: opening.Version, target: Path) -> Iterator[bytes]:
        if path.name == name:
            _die()
        yield from copy(path, version, target)

    opening.copied = deadly


def _dies_when_opened(name: str) -> None:
    from gateway.readers import Elsewhere

    unpacked = Elsewhere.unpacked

    def deadly(self: Elsewhere, request: ReadRequest, *rest: Any) -> Any:
        if request.name == name:
            _die()
        return unpacked(self, request, *rest)

    Elsewhere.unpacked = deadly  # type: ignore[method-assign]


def _hangs_when_read(name: str) -> None:
    import threading

    def hang(home: Home, *more: Any) -> Any:
        (home.folder / "begun").touch()
        threading.Event().wait()

    batch.claim = hang


def _command(home: Path, log: Path, books: bool, harm: Callable[[str], None], name: str, command: list[str]) -> None:
    from gateway import cli, once

    # They take as long as all else.
    once.write_workbooks = lambda *_, **__: []
    if not books:
        once.run_books = lambda home: Outcome()
    with log.open("a", buffering=1) as sink:
        sys.stdout = sys.stderr = sink
        harm(name)
        sys.argv = ["gateway", "-C", str(home), *command]
        cli.main()


def start(home: Path, harm: Callable[[str], None], name: str = DEADLY, *command: str, books: bool = False) -> Any:
    """`gateway once`, or another command, in a process that the file harms."""
    words = list(command or ("once", "--now", NOW.isoformat()))
    process = process_of(_command, home, home.with_suffix(".log"), books, harm, name, words)
    process.start()
    return process


def ended(home: Path, harm: Callable[[str], None], name: str = DEADLY, *, books: bool = False) -> int:
    """Exit code of `gateway once`, without the books where a test does not look at them."""
    process = start(home, harm, name, books=books)
    process.join(60)
    assert process.exitcode is not None, "it hangs"
    return int(process.exitcode)


def waiting(home: Path) -> list[str]:
    return sorted(path.name for path in (home / "inbound").glob("*/*.*") if path.name != "README.md")


def files(home: Path) -> dict[str, str]:
    with open_lake(home, configuration.load(home), read_only=True) as ledger:
        return dict(ledger.con.execute("select name, state from file").fetchall())


def settings(home: Path, text: str) -> None:
    with (home / "config.toml").open("a") as sink:
        sink.write(text)


def content_of(table: str, of: dict[str, list[Any]]) -> list[Any]:
    """Rows but those of the deadly file. What an entry is called depends on which files shared a commit."""
    first = 1 if table.startswith("journal_") else 0
    return sorted(map(repr, (row[first:] for row in of[table] if DEADLY not in row)))


def test_a_file_that_ends_the_process_is_set_aside_and_all_others_are_taken_as_if_it_had_not_been(
    home: Path, drop: Put, tmp_path: Path
) -> None:
    settings(home, "\n[limits]\nfiles_per_commit_max = 6\n")
    drop("master-data", "items.csv", ITEMS)
    for number in range(1, 21):
        # What comes twice is a duplicate of the first by name, whatever was in between.
        drop("amazon-us", f"settlement-{number:02}.txt", GOOD.replace("S1", f"S{7 if number == 15 else number}"))
    drop("own-warehouse", "count.csv", COUNT)
    undisturbed = Path(shutil.copytree(home, tmp_path / "undisturbed"))
    (undisturbed / "inbound" / "amazon-us" / DEADLY).unlink()

    assert ended(home, _dies_when_read) == KILLED
    assert len(waiting(home)) == 16, "the commit before is done"
    assert ended(home, _dies_when_read) == KILLED
    assert files(home).keys() == {"items.csv", *(f"settlement-{n:02}.txt" for n in range(1, 10))}
    assert ended(home, _dies_when_read) == KILLED
    assert waiting(home) == [f"settlement-{n}.txt" for n in range(10, 21)], "other partners wait no longer"
    assert ended(home, _dies_when_read) == KILLED
    assert json.loads((home / "ledger" / NOTE).read_text())["taking"][0][0].endswith(DEADLY)
    assert ended(home, _dies_when_read) == 1, "a person is needed"
    assert waiting(home) == [] and not (home / "ledger" / NOTE).exists()
    assert ended(home, _dies_when_read, books=True) == 0

    assert ended(undisturbed, _dies_when_read, books=True) == 0
    config = configuration.load(home)
    found, wanted = content(home, config), content(undisturbed, config)
    for table in wanted.keys() - {"audit_log", "fault", "exception_event"}:
        assert content_of(table, found) == content_of(table, wanted), table
    with open_home(home, now=NOW) as gateway:
        assert one(gateway, f"select reason from file where name = '{DEADLY}' and state = 'QUARANTINED'") == (
            "the process ended 3 times while this file alone was read"
        )
        assert one(gateway, "select count(*) from exception where code = 'FILE_REJECT' and status = 'OPEN'") == 1
        assert "gateway replay" in one(gateway, "select hint from fault where code = 'FILE_REJECT'")
        [read_again] = again(gateway, one(gateway, f"select file_id from file where name = '{DEADLY}'"), force=False)
        assert (read_again.name, read_again.state, read_again.accepted) == (DEADLY, "ACCEPTED", 3)
        run_once(gateway)
        assert one(gateway, "select count(*) from exception where code = 'FILE_REJECT' and status = 'OPEN'") == 0
        assert verify.verify(gateway.lake) == []


def test_a_replay_reads_again_what_was_set_aside(home: Path, drop: Put) -> None:
    settings(home, "\n[limits]\ndeaths_max = 1\n")
    drop("amazon-us", DEADLY, GOOD)
    assert [ended(home, _dies_when_read) for _ in range(2)] == [KILLED, 1]
    with open_home(home) as gateway:
        file_id = one(gateway, "select file_id from file")
    process = start(home, _dies_when_read, DEADLY, "replay", file_id)
    process.join(60)
    assert process.exitcode == KILLED
    assert ended(home, _dies_when_read) == 0, "a replay that dies disturbs nobody"


def test_a_container_that_ends_the_process_is_set_aside_as_a_whole(home: Path, drop: Put) -> None:
    settings(home, "\n[limits]\ndeaths_max = 1\n")
    drop("amazon-us", "settlement-1.txt.gz", gzip.compress(GOOD.encode()))
    codes = [ended(home, _dies_when_opened, "settlement-1.txt.gz") for _ in range(2)]
    assert codes == [KILLED, 1]
    assert files(home) == {"settlement-1.txt.gz": "QUARANTINED"} and waiting(home) == []
    with open_home(home) as gateway:
        [read_again] = again(gateway, one(gateway, "select file_id from file"), force=False)
        assert (read_again.name, read_again.state) == ("settlement-1.txt", "ACCEPTED")


def test_what_cannot_even_be_archived_stays_in_its_place_and_is_reported(home: Path, drop: Put) -> None:
    for number in (9, 10, 11):
        drop("amazon-us", f"settlement-{number:02}.txt", GOOD.replace("S1", f"S{number}"))
    codes = [ended(home, _dies_when_archived) for _ in range(DEATHS + 3)]
    assert codes == [KILLED] * (DEATHS + 1) + [1, 1], "it is not touched again"
    assert files(home) == {"settlement-09.txt": "ACCEPTED", "settlement-11.txt": "ACCEPTED"}
    assert waiting(home) == [DEADLY]
    assert "FAILED amazon-us/settlement-10.txt: the process ended 4 times" in " ".join(
        home.with_suffix(".log").read_text().split()
    )
    os.utime(home / "inbound" / "amazon-us" / DEADLY, (0, 1_700_000_000))
    assert ended(home, _dies_when_archived, "another") == 0, "another version is another delivery"
    assert files(home)[DEADLY] == "ACCEPTED"


def test_an_orderly_stop_is_no_death(home: Path, drop: Put) -> None:
    settings(home, "\n[daemon]\ntick_s = 0.1\nstill_s = 0\n")
    drop("amazon-us", DEADLY, GOOD)
    process = start(home, _hangs_when_read, DEADLY, "run")
    with asked_to_stop(process):
        wait_for((home / "begun").exists, "the file is read", 60)
        assert (home / "ledger" / NOTE).exists()
    assert "cut_off" in home.with_suffix(".log").read_text(), "it was in the middle of the file"
    assert not (home / "ledger" / NOTE).exists()


# --- what is remembered -------------------------------------------------------------------------------


def dropped(path: Path, token: str = "1", partner: str = "amazon-us") -> Drop:
    path.touch()
    return Drop(partner, path.name, path, datetime(2026, 11, 6, tzinfo=UTC), "folder", token)


def die(folder: Path, suspects: Suspects, *drops: Drop) -> bytes:
    """Leave what a process leaves that dies with these; returns it."""
    with suspects.taking():
        suspects.begin(drops)
        note = (folder / NOTE).read_bytes()
    (folder / NOTE).write_bytes(note)
    return note


def died(folder: Path, *drops: Drop) -> Suspects:
    """What is known at the start after a process died with these."""
    before = Suspects(folder)
    with capture_logs():
        before.recall()
    die(folder, before, *drops)
    after = Suspects(folder)
    with capture_logs() as logs:
        after.recall()
    assert [(log["event"], log["taking"]) for log in logs] == [("process.died", len(drops))]
    return after


def test_one_among_others_is_a_suspect_and_only_one_alone_has_a_death(tmp_path: Path) -> None:
    one, other, third = (dropped(tmp_path / name) for name in "abc")
    after = died(tmp_path, one, other)
    assert [after.together(drop, 9) for drop in (one, other, third)] == [1, 1, 9]
    assert (after.deaths(one), after.deaths(other)) == (0, 0)
    after = died(tmp_path, one)
    after = died(tmp_path, one)
    assert (after.deaths(one), after.deaths(other)) == (2, 0)
    assert [after.together(drop, 9) for drop in (other, replace(one, token="2"))] == [1, 9]


def test_of_very_many_the_next_deaths_show_which_it_is(tmp_path: Path) -> None:
    many = [dropped(tmp_path / f"{number}") for number in range(FEW + 1)]
    after = died(tmp_path, *many)
    assert {after.together(drop, 1000) for drop in many} == {FEW}
    assert after.together(many[0], 9) == 9, "never more than share a commit"
    after = died(tmp_path, *many[:FEW])
    assert [after.together(drop, 1000) for drop in many] == [1] * FEW + [FEW]
    after = died(tmp_path, many[3])
    assert [after.deaths(drop) for drop in many] == [drop is many[3] for drop in many]


def test_what_was_taken_is_forgotten_and_so_is_what_is_gone(tmp_path: Path) -> None:
    one, other = dropped(tmp_path / "a"), dropped(tmp_path / "b")
    after = died(tmp_path, one, other)
    with after.taking():
        after.begin([one])
        after.taken([one])
    assert (after.together(one, 9), after.together(other, 9)) == (9, 1)
    other.path.unlink()
    after = Suspects(tmp_path)
    after.recall()
    assert after.together(other, 9) == 9
    assert list(tmp_path.iterdir()) == [one.path], "the note is gone when there is nothing to remember"


def test_an_exception_is_no_death_and_clears_nobody(tmp_path: Path) -> None:
    one = dropped(tmp_path / "a")
    after = died(tmp_path, one)
    with pytest.raises(OSError), after.taking():
        after.begin([one])
        raise OSError("the disk is full")
    again = Suspects(tmp_path)
    with capture_logs() as logs:
        again.recall()
    assert again.deaths(one) == 1 and logs == []


def test_after_an_orderly_end_nothing_is_noted(tmp_path: Path) -> None:
    one, other = dropped(tmp_path / "a"), dropped(tmp_path / "b")
    suspects = died(tmp_path, one)
    with suspects.taking():
        suspects.begin([other])
        suspects.close()
        suspects.begin([one, other])
        after = Suspects(tmp_path)
        after.recall()
    assert after.deaths(one) == 1 and after.together(other, 9) == 9


def test_half_a_note_says_nothing(tmp_path: Path) -> None:
    one = dropped(tmp_path / "a")
    whole = die(tmp_path, died(tmp_path, one), one)
    for length in range(len(whole)):
        (tmp_path / NOTE).write_bytes(whole[:length])
        after = Suspects(tmp_path)
        with capture_logs() as logs:
            after.recall()
        assert after.together(one, 9) == 9 and [log["event"] for log in logs] == ["note.failed"]


def test_where_it_cannot_be_noted_files_are_taken_all_the_same(
    gateway: Home, drop: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop("amazon-us", "settlement-1.txt", GOOD)
    with capture_logs() as logs:
        drops = Folder(gateway.folder, gateway.settings).poll()
        (receipt,) = taken(gateway, drops, Suspects(gateway.folder / "nowhere"))
    assert receipt.committed
    assert [log["event"] for log in logs] == ["note.failed"]


# --- in which order -----------------------------------------------------------------------------------


def test_suspects_are_alone_in_their_place_and_the_partner_of_a_deadly_file_comes_last(
    gateway: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def made(partner: str, *names: str) -> list[Drop]:
        return [dropped(tmp_path / name, partner=partner) for name in names]

    drops = [*made("3pl-east", *"abc"), *made("amazon-us", *"de"), *made("master-data", *"mno")]
    begun: list[str] = []
    intake = Intake(gateway)

    def taken_as() -> list[str]:
        begun.clear()
        for _ in intake.take(intake.in_order(drops)):
            pass
        return list(begun)

    def take_noted(part: Sequence[Drop], stopping: object) -> Iterator[list[Receipt]]:
        begun.append("".join(drop.name for drop in part))
        yield []

    monkeypatch.setattr(intake, "_take_noted", take_noted)
    assert taken_as() == ["mnoabcde"]
    intake.suspects = died(gateway.lake.folder, drops[1], drops[6])
    assert taken_as() == ["m", "n", "oa", "b", "cde"]
    intake.suspects = died(gateway.lake.folder, drops[1])
    assert taken_as() == ["m", "n", "odea", "b", "c"]


def test_of_many_files_only_those_under_way_are_noted(
    gateway: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway.settings = gateway.settings.model_copy(
        update={"limits": gateway.settings.limits.model_copy(update={"files_per_commit_max": 1})}
    )
    drops = [dropped(tmp_path / f"{number}") for number in range(10, 20)]
    for drop in drops:
        drop.path.write_text(drop.name)
    noted: dict[str, set[str]] = {}

    def take(intake: Intake, batch: Sequence[Arrival]) -> list[Receipt]:
        note = json.loads((gateway.lake.folder / NOTE).read_text())
        noted[batch[0].drop.name] = {Path(path).name for path, _ in note["taking"]}
        return [Receipt(one.drop, committed=True) for one in batch]

    monkeypatch.setattr(Intake, "take_batch", take)
    taken(gateway, drops)
    for name, names in noted.items():
        assert name in names
        assert names <= {str(int(name) + offset) for offset in (-3, -2, -1, 0, 1, 2)}
    assert len(noted) == 10 and not (gateway.lake.folder / NOTE).exists()


def test_what_was_set_aside_before_it_could_be_settled_is_finished_silently(gateway: Home, drop: Put) -> None:
    drop("amazon-us", "settlement-1.txt.gz", b"\x1f\x8b no gzip")
    (receipt,) = taken(gateway, Folder(gateway.folder, gateway.settings).poll())
    before = gateway.lake.con.execute("select count(*) from audit_log").fetchone()
    (again,) = taken(gateway, Folder(gateway.folder, gateway.settings).poll())
    assert [[file.state for file in each.files] for each in (receipt, again)] == [["QUARANTINED"]] * 2
    assert again.committed
    assert gateway.lake.con.execute("select count(*) from audit_log").fetchone() == before


def test_a_file_that_was_committed_before_its_deaths_is_not_set_aside(gateway: Home, drop: Put) -> None:
    drop("amazon-us", "settlement-1.txt", GOOD)
    waits = Folder(gateway.folder, gateway.settings).poll()
    taken(gateway, waits)
    for _ in range(gateway.settings.limits.deaths_max):
        suspects = died(gateway.lake.folder, *waits)
    (again,) = taken(gateway, waits, suspects)
    assert again.committed and [file.state for file in again.files] == ["ACCEPTED"]
    assert one(gateway, "select count(*) from file") == 1


def test_mappings_and_settings_that_change_forget_nobody(
    gateway: Home, drop: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = drop("amazon-us", "settlement-1.txt", GOOD)
    (waits,) = Folder(gateway.folder, gateway.settings).poll()
    died(gateway.lake.folder, waits)
    daemon = Daemon(Intake(gateway), [])
    with capture_logs(), taking_files(daemon.intake):
        monkeypatch.setattr(daemon._watched, "changed", lambda: True)
        daemon._reload()
        assert daemon.home is not gateway
        assert daemon.intake.suspects.deaths(waits) == 1
    assert path.exists()
