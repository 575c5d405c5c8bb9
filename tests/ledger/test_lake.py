"""Opening the lake: made whole, brought up to date by additions, moved about, looked at as of another day."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from gateway.errors import HouseError
from gateway.ledger import connection, lake, schema, verify
from gateway.ledger.lake import Lake, open_lake
from gateway.ledger.sqlite_catalog import CATALOG, NEW, SqliteCatalog
from gateway.model import MAPPABLE, SCHEMA_VERSION, TABLES
from gateway.settings import Config
from tests.ledger.conftest import catalog, post
from tests.processes import process_of


def count(ledger: Lake, sql: str = "select count(*) from journal_line") -> int:
    row = ledger.con.execute(sql).fetchone()
    assert row is not None
    return int(row[0])


def test_the_first_use_makes_every_table_in_wal_mode(tmp_path: Path, config: Config) -> None:
    with open_lake(tmp_path, config) as ledger:
        for table in TABLES:
            assert count(ledger, f'select count(*) from "{table}"') == 0
        for name in MAPPABLE:
            assert count(ledger, f'select count(*) from "{name}_current"') == 0
        assert count(ledger, "select count(*) from exception") == 0
    with closing(sqlite3.connect(tmp_path / "ledger" / CATALOG)) as raw:
        assert raw.execute("pragma journal_mode").fetchone() == ("wal",)


def test_tables_without_rows_have_statistics_which_what_comes_makes_true(tmp_path: Path, config: Config) -> None:
    with open_lake(tmp_path, config) as ledger, closing(sqlite3.connect(ledger.folder / CATALOG)) as raw:
        tables = "select table_id from ducklake_table"
        assert raw.execute(f"{tables} except select table_id from ducklake_table_stats").fetchall() == []
        assert raw.execute(f"{tables} except select table_id from ducklake_table_column_stats").fetchall() == []
        con = ledger.con
        con.execute("insert into lake.audit_log by name select 5 as seq, 'a' as actor")
        con.execute("insert into lake.audit_log by name select range as seq, null as actor from range(10, 5000)")
        for where, found in (
            ("seq = 5", 1),
            ("seq = 4999", 1),
            ("actor is null", 4990),
            ("seq < 5", 0),
            ("true", 4991),
        ):
            assert count(ledger, f"select count(*) from audit_log where {where}") == found, where
        assert raw.execute(
            """select s.contains_null, s.min_value, s.max_value from ducklake_table_column_stats s
            join ducklake_table using (table_id) join ducklake_column c using (table_id, column_id)
            where table_name = 'audit_log' and column_name in ('seq', 'actor') order by column_name desc"""
        ).fetchall() == [(0, "5", "4999"), (1, "a", "a")]


def test_reading_makes_nothing(tmp_path: Path, config: Config) -> None:
    with pytest.raises(HouseError, match="there is none yet"):
        open_lake(tmp_path, config, read_only=True)
    assert list(tmp_path.iterdir()) == []


def _open(home: Path, config: Config) -> None:
    with open_lake(home, config) as ledger:
        count(ledger)


def test_two_that_come_first_make_one_lake(tmp_path: Path, config: Config) -> None:
    both = [process_of(_open, tmp_path, config) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join()
    assert [process.exitcode for process in both] == [0, 0]
    with open_lake(tmp_path, config, read_only=True) as ledger:
        assert count(ledger, "select count(*) from lake.gateway_meta") == 1


def test_a_lake_that_was_cut_off_while_being_made_is_made_again(tmp_path: Path, config: Config) -> None:
    (tmp_path / "ledger").mkdir()
    (tmp_path / "ledger" / NEW).write_bytes(b"half of it")
    (tmp_path / "ledger" / f"{NEW}-wal").write_bytes(b"half of it")
    with pytest.raises(HouseError, match="there is none yet"):
        open_lake(tmp_path, config, read_only=True)
    with open_lake(tmp_path, config) as ledger:
        post(ledger, 1, 1)
    assert not list((tmp_path / "ledger").glob(f"{NEW}*"))


@pytest.mark.parametrize("read_only", [True, False])
@pytest.mark.parametrize("content", [b"", b"not a catalog at all" * 500])
def test_a_broken_catalog_is_named_and_never_replaced(
    home: Path, config: Config, content: bytes, read_only: bool
) -> None:
    (home / "ledger" / CATALOG).write_bytes(content)
    for _ in range(2):
        with pytest.raises(HouseError) as raised:
            open_lake(home, config, read_only=read_only)
        assert str(home) in str(raised.value) and "backup" in raised.value.hint


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo], ids=["folder", "pipe"])
@pytest.mark.parametrize("read_only", [True, False])
def test_a_catalog_that_is_no_file_is_named_and_not_waited_for(
    home: Path, config: Config, make: Callable[[Path], None], read_only: bool
) -> None:
    for path in (home / "ledger").glob("catalog.sqlite*"):
        path.unlink()
    make(home / "ledger" / "catalog.sqlite")
    with pytest.raises(HouseError, match=r"catalog.sqlite: it is no file. Fix: Move it away"):
        open_lake(home, config, read_only=read_only)


@pytest.mark.parametrize("left", ["data/main/journal_line/x.parquet", "files/ab/abcd.zst"])
def test_an_empty_ledger_never_takes_the_place_of_a_lost_catalog(home: Path, config: Config, left: str) -> None:
    path = home / "ledger" / left
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    (home / "ledger" / CATALOG).unlink()
    with pytest.raises(HouseError, match="catalog is missing"):
        open_lake(home, config)
    assert not (home / "ledger" / CATALOG).exists()


def test_a_newer_schema_is_refused_and_left_as_it_is(home: Path, config: Config) -> None:
    with catalog(home) as raw:
        held = (
            "select 'ducklake_inlined_data_' || table_id || '_1' from ducklake_table where table_name = 'gateway_meta'"
        )
        (name,) = raw.execute(held).fetchone()
        raw.execute(f"update {name} set value = '99' where key = 'schema_version'")
        assert raw.total_changes == 1
    for read_only in (True, False):
        with pytest.raises(HouseError) as raised:
            open_lake(home, config, read_only=read_only)
        assert f"version 99, this program supports versions up to {SCHEMA_VERSION}" in str(raised.value)
        assert "Upgrade" in raised.value.hint


# --- a lake of before ---------------------------------------------------------------------------------


@pytest.fixture
def older(home: Path, config: Config) -> Path:
    """A lake from before journal_line had `memo` and `fx_rate`, and before there was a table `document_line`."""
    with open_lake(home, config) as ledger:
        con, temporary = connection.connect(ledger.store, config)
        connection.attach(con, ledger.store)
        con.execute("alter table lake.journal_line drop column memo")
        con.execute("alter table lake.journal_line drop column fx_rate")
        con.execute("drop table lake.document_line")
        con.close()
        connection.release(temporary)
    return home


def _post_as_before(home: Path, config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit by the program of that time."""
    table = TABLES["journal_line"]
    columns = tuple(c for c in table.columns if c.name not in ("memo", "fx_rate"))
    with monkeypatch.context() as then:
        then.setitem(TABLES, "journal_line", replace(table, columns=columns))
        then.delitem(TABLES, "document_line")
        with open_lake(home, config) as ledger:
            post(ledger, 1, 3)


def test_an_older_lake_reads_with_nulls_and_is_not_touched(
    older: Path, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    _post_as_before(older, config, monkeypatch)
    with open_lake(older, config, read_only=True) as ledger:
        assert ledger.con.execute("select distinct memo, fx_rate from journal_line").fetchall() == [(None, None)]
        assert count(ledger) == 6
        assert count(ledger, "select count(*) from document_line") == 0
        assert "document_line" not in schema.columns(ledger.con)
        assert verify.verify(ledger) == []


def test_an_older_lake_grows_by_additions_and_its_rows_stay_what_they_were(
    older: Path, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    _post_as_before(older, config, monkeypatch)
    with open_lake(older, config) as ledger:
        before = ledger.version()
        assert ledger.con.execute("select distinct memo, fx_rate from journal_line").fetchall() == [(None, None)]
        assert verify.verify(ledger) == [], "the hashes of old rows cover the columns of their time"
        post(ledger, 4, 4)
        assert count(ledger) == 8
        assert verify.verify(ledger) == []
    with open_lake(older, config) as ledger:
        assert ledger.version() == before + 1, "there is nothing left to add"
    with open_lake(older, config, as_of="1") as ledger:
        assert count(ledger, "select count(*) from document_line") == 0, "looking back to a day without the table"


def test_a_column_that_was_empty_in_an_old_row_may_not_be_filled_later(
    older: Path, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    _post_as_before(older, config, monkeypatch)
    with open_lake(older, config) as ledger:
        post(ledger, 4, 4)
        con, temporary = connection.connect(ledger.store, config)
        connection.attach(con, ledger.store)
        con.execute("update lake.journal_line set memo = 'later' where entry_id = 'E00000002' and line_no = 1")
        con.close()
        connection.release(temporary)
        found = verify.verify(ledger)
    assert ("journal_line", "entry_id E00000002, line_no 1") in {(f.table, f.row) for f in found}


# --- as of --------------------------------------------------------------------------------------------


@pytest.fixture
def dated(home: Path, config: Config) -> Path:
    """Entry 1 was committed on 2026-03-01 at noon, entry 2 on 2026-03-02 at noon, entry 3 on 2026-03-03 at noon."""
    versions = []
    with open_lake(home, config) as ledger:
        for n in (1, 2, 3):
            post(ledger, n, n)
            versions.append(ledger.version())
    with catalog(home) as raw:
        raw.execute("update ducklake_snapshot set snapshot_time = '2026-02-28 12:00:00+00'")
        for day, version in enumerate(versions, 1):
            raw.execute(
                "update ducklake_snapshot set snapshot_time = ? where snapshot_id = ?",
                [f"2026-03-{day:02d} 12:00:00+00", version],
            )
    return home


@pytest.mark.parametrize(
    ("when", "entries"),
    [
        ("2026-03-01", 1),
        ("20260301", 1),
        ("2026-03-02", 2),
        ("2026-03-31", 3),
        ("9999-12-31", 3),
        ("2026-02-28", 0),
        ("2026-03-02T11:59:59Z", 1),
        ("2026-03-02T12:00:00Z", 2),
        ("2026-03-02T14:00:00+02:00", 2),
        ("2026-03-02 13:59:59+02:00", 1),
        ("2026-03-02T12:00:00", 2),
    ],
)
def test_as_of_a_day_or_an_instant(dated: Path, config: Config, when: str, entries: int) -> None:
    with open_lake(dated, config, as_of=when) as ledger:
        assert count(ledger) == 2 * entries
        assert count(ledger, "select count(*) from audit_log") == entries
        assert ledger.read_only


def test_as_of_a_snapshot_number(dated: Path, config: Config) -> None:
    with open_lake(dated, config, read_only=True) as ledger:
        newest = ledger.version()
    for number in range(1, newest + 1):
        with open_lake(dated, config, as_of=str(number)) as ledger:
            assert count(ledger) == 2 * max(0, number - newest + 3)


@pytest.mark.parametrize("when", ["2026-02-27", "2026-02-28T11:59:59Z", "0001-01-01", "999", "9999999"])
def test_as_of_a_point_without_a_commit(dated: Path, config: Config, when: str) -> None:
    with pytest.raises(HouseError, match="there was no commit by then"):
        open_lake(dated, config, as_of=when)


@pytest.mark.parametrize(
    "when", ["", "soon", "2026-13-01", "2026-03-01T25:00:00Z", "-1", "2026-03-01'); drop", "12345678901", "March 1"]
)
def test_as_of_nonsense(dated: Path, config: Config, when: str) -> None:
    with pytest.raises(HouseError, match="Write 2026-10-31"):
        open_lake(dated, config, as_of=when)


# --- places -------------------------------------------------------------------------------------------


def test_a_home_that_was_moved_goes_on(home: Path, config: Config, tmp_path: Path) -> None:
    with open_lake(home, config) as ledger:
        post(ledger, 1, 2_000)
    assert list((home / "ledger" / "data").rglob("*.parquet"))
    moved = tmp_path / "it's elsewhere; now" / "home"
    moved.parent.mkdir()
    home.rename(moved)
    with open_lake(moved, config) as ledger:
        assert count(ledger, "select count(document) from journal_line") == 4_000
        post(ledger, 2_001, 4_000)
        assert verify.verify(ledger) == []
    assert not home.exists(), "nothing was written to the old place"
    with open_lake(moved, config, as_of=str(2)) as ledger:
        assert count(ledger, "select count(document) from journal_line") == 4_000


def test_a_home_may_be_given_relative_to_the_working_folder(
    home: Path, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home.parent)
    with open_lake(Path("home"), config) as ledger:
        post(ledger, 1, 2_000)
        assert verify.verify(ledger) == []
    with open_lake(home, config, read_only=True) as ledger:
        assert count(ledger, "select count(document) from journal_line") == 4_000


def _hold(home: Path, config: Config) -> None:
    with open_lake(home, config):
        time.sleep(600)


def test_temporary_folders_of_killed_processes_go_and_those_of_the_living_stay(home: Path, config: Config) -> None:
    places = home / "ledger" / "tmp"
    (places / f"{os.getpid()}-from-before").mkdir(parents=True)
    (places / "99999999999999999999-0000").mkdir()
    with open_lake(home, config) as mine, open_lake(home, config, read_only=True) as other:
        assert set(places.iterdir()) == {mine.temporary, other.temporary}
        process = process_of(_hold, home, config)
        process.start()
        while len(list(places.iterdir())) < 3:
            assert process.is_alive()
            time.sleep(0.01)
        open_lake(home, config).close()
        assert len(list(places.iterdir())) == 3
        process.kill()
        process.join()
        open_lake(home, config).close()
        assert set(places.iterdir()) == {mine.temporary, other.temporary}
    assert list(places.iterdir()) == []


def test_nothing_is_downloaded(tmp_path: Path, config: Config) -> None:
    """In a process that cannot reach anything and has an empty home directory."""
    script = (
        "import socket\n"
        "def refuse(*a, **k): raise AssertionError('network')\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
        "from pathlib import Path\n"
        "from gateway import settings as configuration\n"
        "from gateway.ledger.lake import open_lake\n"
        "settings = configuration.parse({'entities': {'US': {'currency': 'USD'}}})\n"
        f"with open_lake(Path({str(tmp_path / 'home')!r}), settings) as ledger:\n"
        "    con = ledger.con\n"
        "    for name in ('autoinstall_known_extensions', 'autoload_known_extensions'):\n"
        "        print(con.execute(f\"select current_setting('{name}')\").fetchone()[0])\n"
    )
    nowhere = tmp_path / "empty"
    nowhere.mkdir()
    environment = {
        **os.environ,
        "HOME": str(nowhere),
        "http_proxy": "http://127.0.0.1:9",
        "https_proxy": "http://127.0.0.1:9",
    }
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=False)
    assert done.stdout.split() == ["False", "False"], done.stderr
    assert list(nowhere.iterdir()) == [], "no extension was put into the home directory"


@pytest.mark.parametrize("what", ["missing", "of another version"])
def test_an_extension_that_does_not_fit_is_named_with_its_package(
    home: Path, config: Config, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, what: str
) -> None:
    package = tmp_path / "packages" / "duckdb_extension_elsewhere"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    if what == "of another version":
        (package / "elsewhere.duckdb_extension").write_bytes(b"no extension" * 100)
    monkeypatch.syspath_prepend(str(package.parent))
    monkeypatch.setattr(SqliteCatalog, "extensions", ("elsewhere",))
    with pytest.raises(HouseError) as raised:
        open_lake(home, config)
    assert f"duckdb-extension-elsewhere in version {duckdb.__version__}" in raised.value.hint
    assert list((home / "ledger" / "tmp").iterdir()) == []


def test_the_threads_are_as_configured_and_one_in_a_small_ledger(
    home: Path, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_lake(home, config) as ledger:
        assert ledger.con.execute("select current_setting('threads')").fetchone() == (1,)
    asked = config.model_copy(update={"ledger": config.ledger.model_copy(update={"threads": 3})})
    with open_lake(home, asked) as ledger:
        assert ledger.con.execute("select current_setting('threads')").fetchone() == (1,), "it is small"
        monkeypatch.setattr("gateway.ledger.lake.SMALL_ROWS", -1)
        ledger.fit_threads()
        assert ledger.con.execute("select current_setting('threads')").fetchone() == (3,)


def test_the_folder_may_lie_elsewhere(home: Path, config: Config, tmp_path: Path) -> None:
    there = tmp_path / "volume"
    shutil.copytree(home / "ledger", there)
    elsewhere = config.model_copy(update={"ledger": config.ledger.model_copy(update={"path": str(there)})})
    with open_lake(home, elsewhere) as ledger:
        post(ledger, 1, 1)
    assert lake.folder_of(home, elsewhere) == there
    with open_lake(home, config, read_only=True) as ledger:
        assert count(ledger) == 0


def test_commits_are_in_order_even_when_the_clock_goes_back(opened: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    post(opened, 1, 1)

    class Earlier(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return datetime.now(UTC) - timedelta(minutes=59)

    monkeypatch.setattr("gateway.ledger.commit.datetime", Earlier)
    post(opened, 2, 2)
    first, second = opened.con.execute('select epoch_us("at") from audit_log order by seq').fetchall()
    assert second[0] == first[0] + timedelta(microseconds=1) // timedelta(microseconds=1)
