"""A shared ledger's backup is a plain home; a backup goes into any empty place, whole or not at all."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from gateway import settings as configuration
from gateway.errors import HouseError
from gateway.ledger import maintenance, verify
from gateway.ledger.backup import back_up
from gateway.ledger.lake import open_lake
from gateway.ledger.postgres_catalog import PostgresCatalog
from gateway.ledger.restore import restore
from gateway.ledger.sqlite_catalog import CATALOG
from gateway.settings import Config
from tests.cli.command import Runner
from tests.ledger.conftest import content, post
from tests.ledger.places import PLACES, SHARED, Places, settle


def moved(home: Path, places: Places, catalog: str, bytes_: str, source: Path) -> tuple[Path, Config]:
    """A new home with the settings of the source, and its ledger in other places."""
    home.mkdir()
    shutil.copy(source / "config.toml", home)
    return home, settle(home, places.ledger(catalog, bytes_))


@pytest.fixture(scope="module")
def grown(_business: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int, dict[str, list[Any]]]:
    """The business with data files and with rows in the catalog; its newest version, and its content."""
    home = Path(shutil.copytree(_business, tmp_path_factory.mktemp("grown") / "home"))
    config = configuration.load(home)
    with open_lake(home, config) as ledger:
        maintenance.maintain(ledger)
        post(ledger, 900_001, 900_002)
        version = ledger.version()
    return home, version, content(home, config)


@pytest.mark.parametrize(("catalog", "bytes_"), PLACES)
def test_a_ledger_moves_into_every_place_and_back(
    grown: tuple[Path, int, dict[str, list[Any]]], tmp_path: Path, places: Places, catalog: str, bytes_: str
) -> None:
    business, version, wanted = grown
    business_config = configuration.load(business)
    there, config = moved(tmp_path / "there", places, catalog, bytes_, business)
    done = restore(there, config, business)
    assert done.copied and not done.present
    assert content(there, config) == wanted
    with open_lake(there, config) as ledger:
        assert ledger.version() == version, "every instant of before can be asked for"
        post(ledger, 900_003, 900_003)
        before = ledger.con.execute(f"select count(*) from journal_line at (version => {version})").fetchone()
        assert before == (len(wanted["journal_line"]),)
    made = back_up(there, config, tmp_path / "backups").folder  # It is verified before it appears.
    assert sorted(path.name for path in (made / "ledger").glob("catalog*")) == [CATALOG]
    plain = content(made, business_config)
    assert plain == content(there, config)
    assert len(plain["journal_line"]) == len(wanted["journal_line"]) + 2
    if (catalog, bytes_) != SHARED:
        return  # A backup is a plain home, wherever its ledger lay.
    with open_lake(made, business_config) as ledger:
        post(ledger, 900_004, 900_004)
        assert maintenance.maintain(ledger).rows
        assert verify.verify(ledger) == []


def test_the_catalog_is_the_same_in_both_dialects(business: Path, tmp_path: Path, places: Places) -> None:
    """SQLite → PostgreSQL → SQLite changes no value of any table, nor its type. Nothing is restored over it."""
    there, config = moved(tmp_path / "there", places, "postgres", "folder", business)
    restore(there, config, business)
    with pytest.raises(HouseError, match="there is a ledger already"):
        restore(there, config, business)
    PostgresCatalog(config.ledger, there / "ledger").copy(tmp_path / "copy.sqlite")
    with (
        closing(sqlite3.connect(business / "ledger" / CATALOG)) as one,
        closing(sqlite3.connect(tmp_path / "copy.sqlite")) as other,
    ):
        names = "select name from sqlite_master where type = 'table' and name like 'ducklake%' order by name"
        tables = [name for (name,) in one.execute(names)]
        assert tables == [name for (name,) in other.execute(names)] and any("inlined_data_" in name for name in tables)
        for table in tables:
            columns = [(name, kind, key) for _, name, kind, _, _, key in one.execute(f"pragma table_info({table})")]
            assert columns == [(n, kind, key) for _, n, kind, _, _, key in other.execute(f"pragma table_info({table})")]
            listed = ", ".join(f'"{name}", typeof("{name}")' for name, *_ in columns)
            order = ", ".join(str(2 * n + 1) for n in range(len(columns)))
            query = f"select {listed} from {table} order by {order}"
            assert one.execute(query).fetchall() == other.execute(query).fetchall(), table


def test_there_is_nothing_until_the_restoration_is_whole(
    business: Path, tmp_path: Path, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    there, config = moved(tmp_path / "there", places, *SHARED, business)
    with monkeypatch.context() as patch:
        patch.setattr("gateway.ledger.postgres_copy._write", lambda *_: (_ for _ in ()).throw(OSError(28, "no room")))
        with pytest.raises(HouseError, match=r"no room\. Fix: Remove the cause and run it again"):
            restore(there, config, business)
    with pytest.raises(HouseError, match="there is none yet"):
        open_lake(there, config, read_only=True)
    done = restore(there, config, business)
    assert done.present and not done.copied
    assert content(there, config) == content(business, configuration.load(business))


def test_a_place_in_use_is_refused(business: Path, tmp_path: Path, places: Places) -> None:
    other, config = moved(tmp_path / "other", places, "sqlite", "folder", business)
    (other / "ledger" / "files" / "aa").mkdir(parents=True)
    (other / "ledger" / "files" / "aa" / "b.zst").write_bytes(b"somebody's")
    with pytest.raises(HouseError, match=r"aa/b\.zst is there and does not belong to the backup"):
        restore(other, config, business)


def test_what_is_no_backup_is_refused(tmp_path: Path, business: Path, places: Places) -> None:
    there, config = moved(tmp_path / "there", places, "sqlite", "folder", business)
    with pytest.raises(HouseError, match="there is no ledger in it"):
        restore(there, config, tmp_path)


def test_damage_in_the_backup_is_found(business: Path, tmp_path: Path, places: Places) -> None:
    path = next((business / "ledger" / "files").rglob("*.zst"))
    path.write_bytes(b"x" * path.stat().st_size)
    there, config = moved(tmp_path / "there", places, "sqlite", "bucket", business)
    with pytest.raises(HouseError, match="findings, the first: file"):
        restore(there, config, business)


def test_the_commands_work_on_a_shared_ledger(
    business: Path, tmp_path: Path, places: Places, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A second backup shares the files of the first."""
    there, config = moved(tmp_path / "there", places, *SHARED, business)
    (there / "mappings").symlink_to(business / "mappings")

    def gateway(*command: str, code: int = 0) -> str:
        done = Runner(there, monkeypatch, capsys)(*command)
        assert done.code == code, done.err
        return done.out

    assert "verified." in gateway("restore", str(business))
    assert "The ledger is intact: every row is as it was committed." in gateway("verify")
    assert "sealed." in gateway("maintain")
    assert "verified." in gateway("backup", str(tmp_path / "backups"))
    [first] = (tmp_path / "backups").iterdir()
    files = [path for path in (first / "ledger").rglob("*") if path.suffix in (".parquet", ".zst")]
    assert files and all(path.stat().st_nlink == 1 for path in files)
    first.rename(tmp_path / "backups" / "20000101T000000Z")
    second = back_up(there, config, tmp_path / "backups")
    assert (second.copied, second.linked) == (0, len(files))
    assert gateway("query", "select count(*) > 0 as found from file", "--format", "csv").split() == ["found", "True"]
    assert "files" in gateway("status", "--json", code=1), "something needs a person"
