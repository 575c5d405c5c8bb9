"""Maintenance changes files and nothing else: not what the ledger says, nor what it said on any day before."""

from __future__ import annotations

import os
import random
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway import cli
from gateway import settings as configuration
from gateway.errors import HouseError
from gateway.ledger import maintenance, sealing, verify
from gateway.ledger.connection import transaction
from gateway.ledger.lake import Lake, open_lake
from gateway.ledger.maintenance import Maintained, maintain
from gateway.settings import Config
from tests.ledger.conftest import content, content_of, post
from tests.processes import process_of

AT_ONCE = timedelta(0)


def data_files(home: Path) -> list[Path]:
    return sorted((home / "ledger" / "data").rglob("*.parquet"))


@dataclass(frozen=True)
class Books:
    """What a ledger says: its rows now but those of seals, and of some snapshots the number of rows and the sum of
    their hashes in every table that has any."""

    rows: dict[str, list[Any]]
    past: dict[int, dict[str, Any]]


def books(home: Path, config: Config, upto: int | None = None) -> Books:
    """Of the past: the first snapshot, the last (or `upto`) and one between: each costs a look at every table."""
    with open_lake(home, config, read_only=True) as ledger, transaction(ledger.con):
        rows = content_of(ledger)
        last = upto or ledger.version()
        past = {
            version: {
                name: ledger.con.execute(
                    f'select count(row_hash), sum(row_hash) from lake."{name}" at (version => {version})'
                ).fetchone()
                for name in rows
                if rows[name]
            }
            for version in sorted({1, last, *range(1, last, max(1, last // 2))})
        }
    rows["audit_log"] = [row for row in rows["audit_log"] if sealing.ACTION not in row]
    return Books(rows, past)


@contextmanager
def unchanged(home: Path, config: Config) -> Iterator[None]:
    """The books and all their past are the same before and after, and verify agrees."""
    before = books(home, config)
    yield
    with open_lake(home, config, read_only=True) as ledger:
        assert verify.verify(ledger, archive=False) == []
    assert books(home, config, max(before.past)) == before


def test_the_command_moves_rows_of_the_catalog_into_data_files_and_says_so(
    business: Path, business_config: Config
) -> None:
    """The second time there is nothing to do."""
    with unchanged(business, business_config):
        assert data_files(business) == []
        done = CliRunner().invoke(cli.app, ["-C", str(business), "maintain"])
        assert done.exit_code == 0
        said = r"(\d+) rows moved into data files; 0 files merged into 0, 0 removed, (\d+) sealed\.\n"
        counts = re.fullmatch(said, done.stdout)
        tables = {path.parent.name for path in data_files(business)}
        assert {"journal_line", "audit_log", "file"} <= tables
        assert counts and int(counts[1]) > 500 and int(counts[2]) == len(tables - {"gateway_meta"})
        with open_lake(business, business_config) as ledger:
            before = ledger.version()
            assert maintain(ledger, AT_ONCE) == Maintained()
            assert ledger.version() == before


def test_small_files_become_one_and_the_small_ones_go_when_nobody_can_be_reading_them(
    home: Path, config: Config
) -> None:
    with open_lake(home, config) as ledger:
        for n in range(5):
            post(ledger, 1 + n * 1_000, (n + 1) * 1_000)
    assert len(data_files(home)) == 5
    with unchanged(home, config):
        with open_lake(home, config) as ledger:
            done = maintain(ledger)
            assert (done.merged, done.made, done.removed) == (5, 1, 0)
            assert len([p for p in data_files(home) if p.parent.name == "journal_line"]) == 6
            assert maintain(ledger, AT_ONCE).removed == 5
        assert len([p for p in data_files(home) if p.parent.name == "journal_line"]) == 1
    with open_lake(home, config, as_of="4") as ledger:
        assert ledger.con.execute("select count(document) from journal_line").fetchone() == (6_000,)


def test_what_a_killed_writer_left_is_removed_after_a_day(home: Path, config: Config) -> None:
    with open_lake(home, config) as ledger:
        post(ledger, 1, 2_000)
        [used] = data_files(home)
        old, young = (Path(shutil.copy(used, used.with_name(f"ducklake-{name}.parquet"))) for name in ("old", "young"))
        two_days_ago = time.time() - 2 * 86_400
        for path in (old, used):
            os.utime(path, (two_days_ago, two_days_ago))
        assert maintain(ledger).removed == 1
    assert used.exists() and young.exists() and not old.exists()


def test_no_file_in_use_is_removed_however_the_home_is_called(
    home: Path, config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    link = tmp_path / "link"
    link.symlink_to(home)
    long_ago = time.time() - 2 * 86_400
    for number, called in enumerate([Path("home/../home"), link, tmp_path / "moved", tmp_path / "it's, here"]):
        if not called.exists():
            home = home.rename(called)
        with open_lake(called, config) as ledger:
            for first in (number * 4_000 + 1, number * 4_000 + 2_001):
                post(ledger, first, first + 1_999)
            for path in data_files(home):
                os.utime(path, (long_ago, long_ago))
            assert maintain(ledger).removed == 0
            used = len(data_files(home))
            assert maintain(ledger, AT_ONCE).removed >= 2
            assert len(data_files(home)) < used
        with open_lake(called, config, read_only=True) as ledger:
            assert ledger.con.execute("select count(document) from journal_line").fetchone() == ((number + 1) * 8_000,)
    with open_lake(home, config, read_only=True) as ledger:
        assert verify.verify(ledger) == []


def test_an_empty_ledger_is_left_alone(opened: Lake) -> None:
    assert maintain(opened) == Maintained()


def test_it_goes_on_after_more_was_committed(home: Path, config: Config) -> None:
    with open_lake(home, config) as ledger:
        for n in range(1, 5):
            post(ledger, n, n)
            maintain(ledger, AT_ONCE)
        assert verify.verify(ledger) == []
        assert ledger.con.execute("select count(document) from journal_line").fetchone() == (8,)
    assert len([p for p in data_files(home) if p.parent.name == "journal_line"]) == 1


def test_it_waits_for_the_lock(home: Path, config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_lake(home, config) as first, open_lake(home, config) as second:
        post(first, 1, 1)
        held = second.lock.held
        monkeypatch.setattr(second.lock, "held", lambda: held(0.05))
        with first.lock.held(), pytest.raises(HouseError, match="Another gateway"):
            maintain(second)
        assert data_files(home) == []


def test_the_traces_of_tampering_are_not_wiped_out(home: Path, config: Config) -> None:
    with open_lake(home, config) as ledger:
        post(ledger, 1, 2_000)
        maintain(ledger)
        post(ledger, 2_001, 4_000)
    [sealed, *_] = [p for p in data_files(home) if p.parent.name == "journal_line"]
    content = bytearray(sealed.read_bytes())
    content[-100] ^= 1
    sealed.write_bytes(content)
    before = data_files(home)
    with open_lake(home, config) as ledger, pytest.raises(HouseError, match="other bytes than when it was sealed"):
        maintain(ledger, AT_ONCE)
    assert data_files(home) == before


def test_a_reader_that_began_before_goes_on(home: Path, config: Config) -> None:
    with open_lake(home, config) as ledger, open_lake(home, config, read_only=True) as reader:
        for n in range(3):
            post(ledger, 1 + n * 1_000, (n + 1) * 1_000)
        reader.con.execute("begin")
        count = "select count(document) from journal_line"
        assert reader.con.execute(count).fetchone() == (6_000,)
        assert maintain(ledger).merged == 3
        assert reader.con.execute(count).fetchone() == (6_000,)
        reader.con.execute("rollback")
        assert reader.con.execute(count).fetchone() == (6_000,)


# --- killed -------------------------------------------------------------------------------------------


def _maintain(home: Path) -> None:
    with open_lake(home, configuration.load(home)) as ledger:
        (home / "begun").touch()
        maintain(ledger, AT_ONCE)
        (home / "ended").touch()


@pytest.fixture(scope="session")
def _filled(_empty: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = Path(shutil.copytree(_empty, tmp_path_factory.mktemp("filled") / "home"))
    (home / "config.toml").write_text('[entities.US]\ncurrency = "USD"\n\n[ledger]\nthreads = 1\n')
    with open_lake(home, configuration.load(home)) as ledger:
        for n in range(4):
            post(ledger, 1 + n * 700, (n + 1) * 700)
            post(ledger, 10_000 + n, 10_000 + n)
    return home


@pytest.fixture
def filled(tmp_path: Path, _filled: Path) -> Path:
    """A home with rows in the catalog and with small files."""
    return Path(shutil.copytree(_filled, tmp_path / "filled"))


def test_kill_at_any_instant(filled: Path, config: Config, tmp_path: Path) -> None:
    draw = random.Random(11)
    seconds, kills = 1.0, 0
    while kills < 2:
        one = Path(shutil.copytree(filled, tmp_path / f"copy-{kills}"))
        process = process_of(_maintain, one)
        process.start()
        while not (one / "begun").exists():
            assert process.is_alive()
            time.sleep(0.001)
        began = time.monotonic()
        process.join(draw.uniform(0, seconds))
        if not process.is_alive():
            # It was faster than thought: aim at less than it took.
            seconds = (time.monotonic() - began) * 0.9
            shutil.rmtree(one)
            continue
        process.kill()
        process.join()
        kills += 1
        with unchanged(one, config), open_lake(one, config) as ledger:
            assert verify.verify(ledger, archive=False) == []
            maintain(ledger, AT_ONCE)
        names = [p.parent.name for p in data_files(one)]
        assert len(names) == len(set(names)), "one file for each table, and nothing left over"
        assert content(one, config)["journal_line"] == content(filled, config)["journal_line"]


@pytest.mark.parametrize("step", ["ducklake_cleanup_old_files", "ducklake_delete_orphaned_files", "_seal"])
def test_a_step_that_was_cut_off_is_done_the_next_time(
    filled: Path, config: Config, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    with unchanged(filled, config), open_lake(filled, config) as ledger:
        with monkeypatch.context() as cut:
            if step == "_seal":
                cut.setattr(maintenance, "_seal", lambda _: 1 / 0)
            else:
                real = ledger.con

                class Cut:
                    def execute(self, sql: str, *given: object) -> object:
                        done = real.execute(sql, *given)
                        assert step not in sql
                        return done

                    def __getattr__(self, name: str) -> object:
                        return getattr(real, name)

                cut.setattr(ledger, "con", Cut())
            with pytest.raises((AssertionError, ZeroDivisionError)):
                maintain(ledger, AT_ONCE)
        assert verify.verify(ledger, archive=False) == []
        maintain(ledger, AT_ONCE)
        assert set(sealing.seals(ledger.con)) >= {p.name for p in data_files(filled) if p.parent.name != "gateway_meta"}
