"""Maintenance changes files and nothing else: not what the ledger says, nor what it said on any day before."""

from __future__ import annotations

import os
import random
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway import cli
from gateway import settings as configuration
from gateway.errors import HouseError
from gateway.ledger import maintenance, sealing, verify
from gateway.ledger.lake import Lake, open_lake
from gateway.ledger.maintenance import Maintained, maintain
from gateway.model import TABLES
from gateway.settings import Config
from tests.ledger.conftest import content, post
from tests.processes import process_of

AT_ONCE = timedelta(0)


def data_files(home: Path) -> list[Path]:
    return sorted((home / "ledger" / "data").rglob("*.parquet"))


def history(home: Path, config: Config, upto: int | None = None) -> dict[int, dict[str, int]]:
    """Snapshot → the number of rows and the sum of their hashes of every table that has rows.

    Of the first, the last (or `upto`) and one between: each costs a look at every table.
    """
    found = {}
    with open_lake(home, config, read_only=True) as ledger:
        filled = [
            name for name in TABLES if ledger.con.execute(f'select 1 from lake."{name}" limit 1').fetchone() is not None
        ]
        last = upto or ledger.version()
        for version in sorted({1, last, *range(1, last, max(1, last // 2))}):
            found[version] = {
                name: ledger.con.execute(
                    f'select count(document), sum(row_hash) from lake."{name}" at (version => {version})'
                    if name == "journal_line"
                    else f'select count(row_hash), sum(row_hash) from lake."{name}" at (version => {version})'
                ).fetchone()
                for name in filled
            }
    return found


@contextmanager
def unchanged(home: Path, config: Config) -> Iterator[None]:
    """The books and all their past are the same before and after; verify agrees both times."""

    def right() -> bool:
        with open_lake(home, config, read_only=True) as ledger:
            return verify.verify(ledger, archive=False) == []

    def books() -> dict[str, list[object]]:
        found = content(home, config)
        found["audit_log"] = [row for row in found["audit_log"] if sealing.ACTION not in row]
        return found

    assert right()
    before, past = books(), history(home, config)
    yield
    assert right()
    assert books() == before
    assert history(home, config, max(past)) == past


def test_rows_of_the_catalog_go_into_data_files(business: Path, business_config: Config) -> None:
    with unchanged(business, business_config):
        assert data_files(business) == []
        with open_lake(business, business_config) as ledger:
            done = maintain(ledger)
        tables = {path.parent.name for path in data_files(business)}
        assert {"journal_line", "audit_log", "file"} <= tables
        assert done.rows > 500 and done.sealed == len(tables - {"gateway_meta"})


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


@pytest.mark.parametrize("way", ["relative", "link", "moved", "quote"])
def test_no_file_in_use_is_removed_however_the_home_is_called(
    home: Path, config: Config, way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_lake(home, config) as ledger:
        post(ledger, 1, 2_000)
        post(ledger, 2_001, 4_000)
    long_ago = time.time() - 2 * 86_400
    for path in data_files(home):
        os.utime(path, (long_ago, long_ago))
    called = home
    if way == "relative":
        monkeypatch.chdir(tmp_path)
        called = Path("home/../home")
    elif way == "link":
        called = tmp_path / "link"
        called.symlink_to(home)
    else:
        called = tmp_path / ("it's, here" if way == "quote" else "moved")
        home.rename(called)
    with unchanged(called, config), open_lake(called, config) as ledger:
        assert maintain(ledger).removed == 0
        assert maintain(ledger, AT_ONCE).removed == 2


def test_maintaining_twice_does_nothing_the_second_time(business: Path, business_config: Config) -> None:
    with open_lake(business, business_config) as ledger:
        maintain(ledger)
        before = ledger.version()
        assert maintain(ledger, AT_ONCE) == Maintained()
        assert ledger.version() == before


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


def test_the_command_says_what_it_did(business: Path) -> None:
    done = CliRunner().invoke(cli.app, ["-C", str(business), "maintain"])
    assert done.exit_code == 0
    said = r"\d+ rows moved into data files; 0 files merged into 0, 0 removed, \d+ sealed\."
    assert re.match(said, done.stdout) and not done.stdout.startswith("0 rows")


# --- killed -------------------------------------------------------------------------------------------


def _maintain(home: Path) -> None:
    with open_lake(home, configuration.load(home)) as ledger:
        (home / "begun").touch()
        maintain(ledger, AT_ONCE)
        (home / "ended").touch()


def _filled(home: Path) -> None:
    (home / "config.toml").write_text('[entities.US]\ncurrency = "USD"\n\n[ledger]\nthreads = 1\n')
    with open_lake(home, configuration.load(home)) as ledger:
        for n in range(4):
            post(ledger, 1 + n * 700, (n + 1) * 700)
            post(ledger, 10_000 + n, 10_000 + n)


def test_kill_at_any_instant(home: Path, config: Config, tmp_path: Path) -> None:
    """Each time on a ledger with rows in the catalog, small files, and files that were merged before."""
    _filled(home)
    draw = random.Random(11)
    seconds, kills = 1.0, 0
    while kills < 2:
        one = Path(shutil.copytree(home, tmp_path / f"copy-{kills}"))
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
            maintain(ledger, AT_ONCE)
        names = [p.parent.name for p in data_files(one)]
        assert len(names) == len(set(names)), "one file for each table, and nothing left over"
        assert content(one, config)["journal_line"] == content(home, config)["journal_line"]


@pytest.mark.parametrize("step", ["ducklake_cleanup_old_files", "ducklake_delete_orphaned_files", "_seal"])
def test_a_step_that_was_cut_off_is_done_the_next_time(
    home: Path, config: Config, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    _filled(home)
    with unchanged(home, config), open_lake(home, config) as ledger:
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
        assert set(sealing.seals(ledger.con)) >= {p.name for p in data_files(home) if p.parent.name != "gateway_meta"}
