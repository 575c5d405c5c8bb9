"""A ledger of an older program, where a column had another name: its rows stay as committed, and are read by today's
name."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.errors import HouseError
from gateway.ledger import connection, schema, verify
from gateway.ledger.commit import Commit, run_commit
from gateway.ledger.lake import Lake, open_lake
from gateway.ledger.maintenance import maintain
from gateway.ledger.store import store_of
from gateway.model import SCHEMA_VERSION, TABLES
from gateway.settings import Config
from tests.ledger.conftest import catalog

THEN = {"file": ("drop", "channel")}
"""Table → (a column's name today, its name then)."""


def file_row(number: int, column: str, way: str) -> str:
    """SELECT of a row of `file` that came by `way`, which the column says."""
    return f"""select 'F{number}' as file_id, 1 as version, repeat('0', 63) || '{number}' as sha256, 7 as bytes,
        'stock-{number}.csv' as name, '3pl-east' as partner, '{way}' as "{column}", 'stock' as feed,
        false as test_flag, 2 as received, 2 as accepted, 0 as rejected, 0 as duplicate, 0 as ignored, 0 as restated,
        timestamptz '2026-10-01 08:00:00+00' as arrived_at, 'ACCEPTED' as state, now() as recorded_at"""


def take(ledger: Lake, number: int, column: str, way: str) -> None:
    """One commit with a file."""

    def work(commit: Commit) -> None:
        commit.insert("file", file_row(number, column, way))
        commit.audit(way, "file.accepted", f"stock-{number}.csv")

    run_commit(ledger, work)


def as_then(monkeypatch: pytest.MonkeyPatch) -> None:
    """The model of the older program."""
    for table, (now, before) in THEN.items():
        columns = tuple(replace(c, name=before, formerly="") if c.name == now else c for c in TABLES[table].columns)
        monkeypatch.setitem(TABLES, table, replace(TABLES[table], columns=columns))
    monkeypatch.setattr(schema, "SCHEMA_VERSION", 1)


@pytest.fixture(scope="session")
def _older(tmp_path_factory: pytest.TempPathFactory, config: Config) -> Path:
    home = tmp_path_factory.mktemp("older")
    with pytest.MonkeyPatch.context() as then:
        as_then(then)
        with open_lake(home, config) as ledger:
            take(ledger, 1, "channel", "folder")
            take(ledger, 2, "channel", "sftp:3pl-east")
            maintain(ledger, timedelta(0))
            take(ledger, 3, "channel", "operator")
            assert ("channel", "VARCHAR") in schema.columns(ledger.con)["file"]
            assert verify.verify(ledger, archive=False) == []
    return home


@pytest.fixture
def older(tmp_path: Path, _older: Path) -> Path:
    """A home whose ledger an older program made: the first two files are in a data file, the third in the catalog."""
    return Path(shutil.copytree(_older, tmp_path / "older"))


WAYS = [("F1", "folder"), ("F2", "sftp:3pl-east"), ("F3", "operator")]
SEEN = 'select file_id, "drop" from {} order by file_id'


def test_who_only_reads_sees_todays_name_and_changes_nothing(older: Path, config: Config) -> None:
    with open_lake(older, config, read_only=True) as ledger:
        before = ledger.version()
        assert ledger.con.execute(SEEN.format("file")).fetchall() == WAYS
        assert ledger.con.execute(SEEN.format("file_state")).fetchall() == WAYS
        names = [name for name, *_ in ledger.con.execute("describe file").fetchall()]
        assert "channel" not in names and names.count("drop") == 1
        assert verify.verify(ledger, archive=False) == []
        assert ledger.version() == before
        assert ("channel", "VARCHAR") in schema.columns(ledger.con)["file"]


def test_who_writes_renames_the_column_and_no_row_changes(older: Path, config: Config) -> None:
    hashes = "select file_id, row_hash from lake.file order by all"
    with open_lake(older, config, read_only=True) as ledger:
        committed = ledger.con.execute(hashes).fetchall()
        files = sorted((older / "ledger" / "data").rglob("*.parquet"))
    with open_lake(older, config) as ledger:
        assert not schema.renamed(schema.columns(ledger.con), "file")
        assert ledger.con.execute(SEEN.format("lake.file")).fetchall() == WAYS
        assert ledger.con.execute(hashes).fetchall() == committed
        assert sorted((older / "ledger" / "data").rglob("*.parquet")) == files
        assert verify.verify(ledger, archive=False) == []
        take(ledger, 4, "drop", "folder")
        assert ledger.con.execute(SEEN.format("file")).fetchall() == [*WAYS, ("F4", "folder")]
        assert verify.verify(ledger, archive=False) == []
        maintain(ledger, timedelta(0))
        assert ledger.con.execute(SEEN.format("file")).fetchall() == [*WAYS, ("F4", "folder")]
        assert verify.verify(ledger, archive=False) == []
        version = ledger.version()
    with open_lake(older, config) as ledger:
        assert ledger.version() == version, "there is nothing left to rename"


def test_a_day_before_the_renaming_is_seen_by_todays_name(older: Path, config: Config) -> None:
    with open_lake(older, config, read_only=True) as ledger:
        version = ledger.version()
    with open_lake(older, config) as ledger:
        take(ledger, 4, "drop", "folder")
    with open_lake(older, config, as_of=str(version)) as ledger:
        assert ("channel", "VARCHAR") in schema.columns(ledger.con)["file"]
        assert ledger.con.execute(SEEN.format("file")).fetchall() == WAYS


@pytest.mark.parametrize("migrated", [False, True])
def test_an_old_value_that_was_changed_is_found(older: Path, config: Config, migrated: bool) -> None:
    if migrated:
        open_lake(older, config).close()
    column = "drop" if migrated else "channel"
    store = store_of(older, config)
    con, temporary = connection.connect(store, config)
    connection.attach(con, store)
    con.execute(f"""update lake.file set "{column}" = 'folder' where file_id = 'F2'""")
    con.close()
    connection.release(temporary)
    with open_lake(older, config, read_only=True) as ledger:
        found = verify.verify(ledger, archive=False)
    assert any(f.table == "file" and "F2" in f.row and "was changed after its commit" in f.message for f in found), (
        found
    )


def test_the_older_program_refuses_what_it_does_not_know(
    older: Path, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_lake(older, config).close()
    with monkeypatch.context() as then:
        as_then(then)
        with pytest.raises(HouseError, match=f"schema version {SCHEMA_VERSION}, .* versions up to 1"):
            open_lake(older, config)
    with catalog(older) as raw:
        names = {name for (name,) in raw.execute("select column_name from ducklake_column where end_snapshot is null")}
    assert "drop" in names
