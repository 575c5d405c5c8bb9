"""kill -9 of the daemon at any instant under load: when it ran to the end, the ledger is that of an undisturbed run.

KILLS  how often it is killed; `make nightly` kills it more often
"""

from __future__ import annotations

import json
import os
import random
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from gateway import settings as configuration
from gateway.ledger import verify
from gateway.ledger.lake import open_lake
from gateway.settings import Config
from gateway.transports.folder import Folder
from tests.ledger.conftest import BUSINESS_NOW, content, lay_down_business
from tests.ledger.test_kill import waiting
from tests.processes import asked_to_stop, process_of
from tests.transports.sshd import wait_for

KILLS = int(os.environ.get("KILLS", "8"))
PER_HOME = 4
"""So often the daemon of one home is killed: its files do not last for more."""
QUICK = "\n[daemon]\ntick_s = 1\nstill_s = 0\n"
"""At its start it sees what waits before the tick is over: the books are run when all of it was taken, as
undisturbed."""
BOOKED, TAKEN = '"event": "books.done"', '"event": "file.taken"'


def daemon(home: Path, log: Path, books: bool) -> None:
    """`gateway -C HOME run`, which looks at the books as at the present of the business."""
    from gateway import cli
    from gateway import daemon as daemon_room
    from gateway.daemon import Daemon
    from gateway.home import Home

    daemon_room.BOOKS_SHARE = 1.0  # Without the pause after the books.
    Home.now = property(lambda home: BUSINESS_NOW)  # type: ignore[assignment, method-assign]
    if not books:
        Daemon._run_books = lambda self: None  # type: ignore[method-assign]
    sys.stdout = sys.stderr = log.open("a", buffering=1)
    sys.argv = ["gateway", "-C", str(home), "run"]
    cli.main()


def log_of(home: Path) -> Path:
    return home.with_suffix(".log")


def start(home: Path, *, books: bool = True) -> Any:
    process = process_of(daemon, home, log_of(home), books)
    process.start()
    return process


def finish(home: Path) -> float:
    """Let the daemon take everything and bring the books up to date, then end it. Returns the seconds that took."""
    log_of(home).write_text("")
    begun = time.monotonic()
    process = start(home)

    def settled() -> bool:
        text = log_of(home).read_text()
        assert process.is_alive(), text
        return waiting(home) == 0 and text.rfind(BOOKED) > text.rfind(TAKEN)

    with asked_to_stop(process):
        wait_for(settled, "everything is taken and booked", 120)
        seconds = time.monotonic() - begun
    assert [line for line in log_of(home).read_text().splitlines() if "Traceback" in line] == []
    return seconds


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("business") / "original"
    lay_down_business(home)
    with (home / "config.toml").open("a") as settings:
        settings.write(QUICK)
    return home


@pytest.fixture(scope="module")
def undisturbed(original: Path) -> tuple[dict[str, list[Any]], float]:
    """The ledger's content after a run that nobody disturbed, and the seconds that it took."""
    home = Path(shutil.copytree(original, original.parent / "undisturbed"))
    seconds = finish(home)
    found = content(home, configuration.load(home))
    assert found["journal_line"] and found["exception_event"]
    return found, seconds


def killed_while_all_wait(home: Path, draw: random.Random, seconds: float) -> None:
    files = waiting(home)
    for _ in range(PER_HOME):
        process = start(home)
        process.join(draw.uniform(0, seconds * (0.4 + 0.6 * waiting(home) / files)))
        assert process.is_alive(), "only a kill ends it"
        process.kill()
        process.join()


def killed_while_files_arrive(home: Path, draw: random.Random, seconds: float) -> None:
    """Files arrive in the order in which they are taken, one after the other; the books come when all are there."""
    config = configuration.load(home)
    drops = sorted(Folder(home, config).poll(), key=lambda drop: drop.partner != "master-data")
    later = home.with_suffix(".later")
    for drop in drops:
        (later / drop.partner).mkdir(parents=True, exist_ok=True)
        drop.path.rename(later / drop.partner / drop.name)
    share = -(-len(drops) // PER_HOME)
    for kill in range(PER_HOME):
        process = start(home, books=False)
        for drop in drops[kill * share : (kill + 1) * share]:
            (later / drop.partner / drop.name).rename(drop.path)
            process.join(draw.uniform(0, seconds / share / 2))
        assert process.is_alive(), "only a kill ends it"
        process.kill()
        process.join()


@pytest.mark.parametrize("number", range(-(-KILLS // PER_HOME)))
def test_killed_at_any_instant_under_load_it_ends_as_if_it_had_not_been(
    original: Path, undisturbed: tuple[dict[str, list[Any]], float], tmp_path: Path, number: int
) -> None:
    wanted, seconds = undisturbed
    home = Path(shutil.copytree(original, tmp_path / "home"))
    inbound = {(path.parent.name, path.name) for path in (home / "inbound").glob("*/*")}
    kill = killed_while_files_arrive if number % 2 else killed_while_all_wait
    kill(home, random.Random(number), seconds)
    finish(home)
    config = configuration.load(home)
    found = content(home, config)
    for table in wanted.keys() - {"audit_log"}:
        assert found[table] == wanted[table], table
    assert taken(home, config) == sorted(inbound), "every file exactly once"
    with open_lake(home, config, read_only=True) as ledger:
        assert verify.verify(ledger) == []
    assert [path for path in home.rglob("*") if ".tmp" in path.name or ".part" in path.name] == []
    assert [path for path in (home / "inbound").glob("*/*") if path.is_file()] == []
    assert list((home / "ledger" / "tmp").iterdir()) == []


def taken(home: Path, config: Config) -> list[tuple[str, str]]:
    """(partner, name) of each delivery of the audit trail, as often as it is there.

    Which files share an audit row depends on where a kill cut; that each is there once does not.
    """
    with open_lake(home, config, read_only=True) as ledger:
        rows = ledger.con.execute(
            """select subject, detail from audit_log
            where action in ('file.committed', 'file.quarantined', 'file.duplicate')"""
        ).fetchall()
        partners = dict(ledger.con.execute("select name, partner from file").fetchall())
    names = [
        name
        for subject, detail in rows
        for name in [each["name"] for each in json.loads(detail).get("files", [])] or [subject]
    ]
    return sorted((partners[name], name) for name in names)
