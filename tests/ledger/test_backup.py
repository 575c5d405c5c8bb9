"""`gateway backup`: a whole copy of one commit's state, made while another process commits, and brought back."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway import cli
from gateway import settings as configuration
from gateway.errors import HouseError
from gateway.ledger import archive, maintenance, verify
from gateway.ledger.backup import back_up
from gateway.ledger.folder_bytes import FolderBytes
from gateway.ledger.lake import open_lake
from gateway.ledger.sqlite_catalog import CATALOG, SqliteCatalog
from gateway.settings import Config
from tests.ledger import conftest as ledgers
from tests.ledger.conftest import business, business_config, content, post
from tests.processes import PROCESSES, process_of

__all__ = ["business", "business_config"]
_business = ledgers._business


def restored(folder: Path, home: Path) -> Path:
    """As docs/operations.md says: `cp -a BACKUP/. HOME/`."""
    home.mkdir()
    subprocess.run(["cp", "-a", f"{folder}/.", str(home)], check=True)
    return home


def inodes(folder: Path) -> dict[str, int]:
    places = [*(folder / "ledger" / "data").rglob("*.parquet"), *(folder / "ledger" / "files").rglob("*.zst")]
    return {path.name: path.stat().st_ino for path in places}


def commit_until(home: Path, begun: Event, enough: Event) -> None:
    """Commit small and large, and move rows into data files, until it is enough."""
    with open_lake(home, configuration.load(home)) as ledger:
        number = 0
        while not enough.is_set():
            post(ledger, number * 2_000 + 1, number * 2_000 + (1_500 if number % 3 == 0 else 3))
            if number % 4 == 3:
                maintenance.maintain(ledger)
            number += 1
            begun.set()


def test_a_backup_made_while_another_process_commits_is_the_state_of_one_commit(
    business: Path, business_config: Config, tmp_path: Path
) -> None:
    begun, enough = PROCESSES.Event(), PROCESSES.Event()
    process = process_of(commit_until, business, begun, enough)
    process.start()
    try:
        assert begun.wait(60)
        with open_lake(business, business_config, read_only=True) as ledger:
            before = ledger.version()
        made = back_up(business, business_config, tmp_path / "backups")
        with open_lake(business, business_config, read_only=True) as ledger:
            after = ledger.version()
    finally:
        enough.set()
        process.join(60)
        process.kill()
    home = restored(made.folder, tmp_path / "elsewhere")
    with open_lake(home, business_config, read_only=True) as ledger:
        assert verify.verify(ledger) == []
        version = ledger.version()
    assert before <= version <= after
    restored_rows = content(home, business_config)
    assert restored_rows == content(business, business_config, f"at (version => {version})")
    asked = CliRunner().invoke(
        cli.app, ["-C", str(home), "query", "select count(*) as n from journal_line", "--format", "csv"]
    )
    assert int(asked.stdout.split()[1]) == len(restored_rows["journal_line"])
    with open_lake(home, business_config) as ledger:
        post(ledger, 900_001, 900_002)
        assert verify.verify(ledger) == [], "and it goes on from there"


def test_what_was_committed_a_moment_ago_is_in_the_backup_although_the_catalog_has_it_in_its_log_only(
    business: Path, business_config: Config, tmp_path: Path
) -> None:
    reads = (
        f"import sqlite3; con = sqlite3.connect({str(business / 'ledger' / CATALOG)!r}, isolation_level=None); "
        "con.execute('begin'); con.execute('select * from ducklake_snapshot').fetchone(); print('reading', "
        "flush=True); input()"
    )
    reader = subprocess.Popen([sys.executable, "-c", reads], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert reader.stdout is not None and reader.stdout.readline() == b"reading\n"
        with open_lake(business, business_config) as ledger:
            post(ledger, 1, 2)
            version = ledger.version()
        assert (business / "ledger" / f"{CATALOG}-wal").stat().st_size, "a reader keeps it from the catalog itself"
        made = back_up(business, business_config, tmp_path / "backups")
    finally:
        reader.kill()
        reader.communicate()
    home = restored(made.folder, tmp_path / "elsewhere")
    with open_lake(home, business_config, read_only=True) as ledger:
        assert ledger.version() == version


def test_what_goes_with_the_ledger_is_in_the_backup_and_the_second_shares_the_files_of_the_first(
    business: Path, business_config: Config, tmp_path: Path
) -> None:
    """What a killed backup left is removed."""
    (business / "ledger" / "delivered").mkdir()
    (business / "ledger" / "delivered" / "bank.json").write_text("{}")
    (business / "ledger" / "notifications.json").write_text("{}")
    (business / "templates").mkdir()
    (business / "templates" / "digest.txt").write_text("Subject: today")
    (business / "outbound" / "finance" / ".half.1.tmp").write_text("half")
    dead = subprocess.Popen([sys.executable, "-S", "-c", ""])
    dead.wait()
    for pid in (dead.pid, os.getpid()):
        (tmp_path / "backups" / f".20000101T000000Z.{pid}.tmp" / "ledger").mkdir(parents=True)
    with open_lake(business, business_config) as ledger:
        maintenance.maintain(ledger)
    first = back_up(business, business_config, tmp_path / "backups")
    made = first.folder
    assert [path.name for path in (tmp_path / "backups").iterdir()] == [made.name]
    assert (made / "config.toml").read_bytes() == (business / "config.toml").read_bytes()
    assert (made / "mappings" / "amazon-us" / "settlement.toml").exists()
    assert (made / "templates" / "digest.txt").exists()
    assert (made / "ledger" / "delivered" / "bank.json").exists()
    books = {path.name for path in (business / "outbound" / "finance").glob("*.xlsx")}
    assert {path.name for path in (made / "outbound" / "finance").iterdir()} == books
    assert sorted(path.name for path in (made / "ledger").iterdir()) == [
        CATALOG,
        "data",
        "delivered",
        "files",
        "notifications.json",
    ]

    assert first.linked == 0 and first.copied == len(inodes(made)) > 0
    (tmp_path / "new.csv").write_text("new")
    new = archive.store(FolderBytes(business / "ledger" / "files"), tmp_path / "new.csv")
    earlier = made.rename(tmp_path / "backups" / "20000101T000000Z")
    second = back_up(business, business_config, tmp_path / "backups")
    assert (second.copied, second.linked) == (1, first.copied)
    assert inodes(second.folder).items() > inodes(earlier).items()
    assert f"{new.sha256}.zst" in inodes(second.folder)


def test_a_ledger_that_lies_elsewhere_is_brought_together(
    business: Path, business_config: Config, tmp_path: Path
) -> None:
    elsewhere = Path(shutil.move(business / "ledger", tmp_path / "disk"))
    config = business_config.model_copy(
        update={"ledger": business_config.ledger.model_copy(update={"path": str(elsewhere)})}
    )
    home = restored(back_up(business, config, tmp_path / "backups").folder, tmp_path / "home2")
    assert content(home, business_config) == content(business, config)


def test_damage_gives_no_backup_and_leaves_those_before(
    business: Path, business_config: Config, tmp_path: Path
) -> None:
    """Damage in the ledger, and in the backup before, although its files are shared."""
    made = back_up(business, business_config, tmp_path / "backups").folder
    made = made.rename(made.with_name("20000101T000000Z"))
    for place, size, message in ((business, 1, "archive"), (made, 0, "begin in a new folder")):
        path = next((place / "ledger" / "files").rglob("*.zst"))
        content = path.read_bytes()
        path.write_bytes(b"x" * (len(content) + size))
        with pytest.raises(HouseError, match=message):
            back_up(business, business_config, tmp_path / "backups")
        path.write_bytes(content)
        assert list((tmp_path / "backups").iterdir()) == [made]


def test_a_data_file_that_is_gone_is_named(business: Path, business_config: Config, tmp_path: Path) -> None:
    with open_lake(business, business_config) as ledger:
        maintenance.maintain(ledger)
    path = next((business / "ledger" / "data").rglob("*.parquet"))
    path.unlink()
    with pytest.raises(HouseError, match=path.name):
        back_up(business, business_config, tmp_path / "backups")
    assert list((tmp_path / "backups").iterdir()) == []


@pytest.mark.parametrize("place", ["ledger/backups", "outbound", "mappings/amazon-us"])
def test_a_backup_into_what_it_copies_is_refused(business: Path, business_config: Config, place: str) -> None:
    with pytest.raises(HouseError, match="outside of the home"):
        back_up(business, business_config, business / place)


def test_without_a_ledger_there_is_nothing_to_back_up(business_config: Config, tmp_path: Path) -> None:
    with pytest.raises(HouseError, match="no ledger yet"):
        back_up(tmp_path, business_config, tmp_path / "backups")


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), sqlite3.OperationalError("disk is full")])
def test_a_full_disk_is_reported_and_nothing_is_left(
    business: Path, business_config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def full(catalog: SqliteCatalog, target: Path) -> None:
        raise error

    monkeypatch.setattr(SqliteCatalog, "copy", full)
    with pytest.raises(HouseError, match="Make room on its disk"):
        back_up(business, business_config, tmp_path / "backups")
    assert list((tmp_path / "backups").iterdir()) == []
