"""A catalog in PostgreSQL: writers take turns, nothing is torn, a lost connection is noticed, faults are named."""

from __future__ import annotations

import importlib.util
import os
import random
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import nullcontext
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import HouseError
from gateway.ledger import locking, verify
from gateway.ledger.commit import run_commit
from gateway.ledger.lake import Lake, open_lake
from gateway.ledger.store import store_of
from gateway.settings import Config
from tests.ledger.conftest import post
from tests.ledger.places import Places
from tests.ledger.postgres import PASSWORD, Postgres
from tests.ledger.test_locking import lines, writer
from tests.processes import PROCESSES, process_of


@pytest.fixture
def shared(places: Places, tmp_path: Path) -> Config:
    """An empty ledger with its catalog in PostgreSQL, made from `tmp_path`."""
    config = places.config("postgres", "folder")
    open_lake(tmp_path, config).close()
    return config


@pytest.fixture
def ledger(shared: Config, tmp_path: Path) -> Iterator[Lake]:
    with open_lake(tmp_path, shared) as opened:
        yield opened


def elsewhere(home: Path, config: Config) -> Config:
    """The same ledger as a second machine sees it: with a working folder of its own."""
    data = {"data": str(home / "ledger" / "data"), "archive": str(home / "ledger" / "files"), "path": "elsewhere"}
    return config.model_copy(update={"ledger": config.ledger.model_copy(update=data)})


def _post_many(home: Path, config: Config, first: int) -> None:
    with open_lake(home, config) as ledger:
        for n in range(first, first + 5):
            post(ledger, n * 1_000, n * 1_000 + (600 if n % 2 else 0))


def test_writers_of_two_machines_take_turns_and_nothing_is_lost(shared: Config, tmp_path: Path) -> None:
    both = [
        process_of(_post_many, tmp_path, config, first)
        for config, first in ((shared, 1), (elsewhere(tmp_path, shared), 101))
    ]
    for process in both:
        process.start()
    for process in both:
        process.join()
    assert [process.exitcode for process in both] == [0, 0]
    with open_lake(tmp_path, shared, read_only=True) as ledger:
        numbers = [
            n * 1_000 + i for first in (1, 101) for n in range(first, first + 5) for i in range(601 if n % 2 else 1)
        ]
        found = ledger.con.execute("select distinct document from journal_line order by 1").fetchall()
        assert found == sorted((f"D{number}",) for number in numbers)
        assert ledger.con.execute("select count(*), max(seq) from audit_log").fetchone() == (10, 10)
        assert verify.verify(ledger) == []


def test_a_writer_that_is_killed_in_a_commit_frees_the_lock_and_leaves_nothing(shared: Config, tmp_path: Path) -> None:
    with writer(tmp_path, elsewhere(tmp_path, shared)) as (process, _):
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        with open_lake(tmp_path, shared) as ledger:
            assert lines(ledger) == 0
            post(ledger, 5, 5)
            assert lines(ledger) == 2
            assert verify.verify(ledger) == []


def _post_for_ever(home: Path, config: Config, wire: Connection) -> None:
    with open_lake(home, config) as ledger:
        for _ in range(10_000):
            first = lines(ledger) // 2 + 1
            post(ledger, first, first + random.choice([0, 700]))
            wire.send(first)


def test_kill_at_any_instant_leaves_whole_commits(shared: Config, tmp_path: Path) -> None:
    draw = random.Random(5)
    for _ in range(4):
        mine, its = PROCESSES.Pipe()
        process = process_of(_post_for_ever, tmp_path, shared, its)
        process.start()
        mine.recv()
        time.sleep(draw.uniform(0, 0.3))
        process.kill()
        process.join()
    with open_lake(tmp_path, shared) as ledger:
        assert verify.verify(ledger) == []
        count, seq = ledger.con.execute("select count(*), max(seq) from audit_log").fetchone() or (0, 0)
        assert count == seq >= 4
        post(ledger, 1_000_000, 1_000_000)
        assert verify.verify(ledger) == []


def test_waiting_too_long_for_another_machine_is_an_operators_error(
    shared: Config, ledger: Lake, tmp_path: Path
) -> None:
    with (
        ledger.lock.held(),
        open_lake(tmp_path, elsewhere(tmp_path, shared), read_only=True) as other,
        pytest.raises(HouseError, match="Another gateway uses this home"),
        other.lock.held(0.05),
    ):
        pytest.fail("two hold the lock")
    with open_lake(tmp_path, elsewhere(tmp_path, shared)) as other:
        post(other, 1, 1)


def test_one_machine_takes_files_into_a_ledger(shared: Config, tmp_path: Path) -> None:
    mine, its = (store_of(tmp_path, config) for config in (shared, elsewhere(tmp_path, shared)))
    its.folder.mkdir()
    with locking.intake(mine.catalog, "here"), locking.alone(mine.catalog) as alone:
        assert alone
        with pytest.raises(HouseError, match="another gateway is taking files"), locking.intake(its.catalog, "there"):
            pytest.fail("two take files")
        with locking.alone(its.catalog) as both:
            assert not both
    with locking.intake(its.catalog, "there"):
        pass
    mine.close()
    its.close()


# --- connections that break ---------------------------------------------------------------------------


def test_a_ledger_that_is_idle_survives_a_new_start_of_the_server(ledger: Lake, postgres: Postgres) -> None:
    post(ledger, 1, 1)
    postgres.end_connections()
    post(ledger, 2, 2)
    assert lines(ledger) == 4
    assert verify.verify(ledger) == []


def test_a_lock_that_ends_with_its_connection_is_given_back_without_an_error(ledger: Lake, postgres: Postgres) -> None:
    with ledger.lock.held():
        postgres.end_connections()
    post(ledger, 1, 1)
    assert verify.verify(ledger) == []


@pytest.mark.parametrize("asked", [False, True])
def test_a_lock_that_was_lost_is_noticed_before_the_next_commit(ledger: Lake, postgres: Postgres, asked: bool) -> None:
    with locking.intake(ledger.store.catalog, "here"):
        post(ledger, 1, 1)
        postgres.end_connections()
        if asked:
            assert ledger.store.catalog.stamp(), "another question makes a new connection, which has no locks"
        with pytest.raises(HouseError, match="the connection was lost"):
            post(ledger, 2, 2)
        assert lines(ledger) == 2
        post(ledger, 2, 2)
    assert verify.verify(ledger) == []


def test_a_lock_that_another_took_meanwhile_is_not_given_back(
    shared: Config, ledger: Lake, postgres: Postgres, tmp_path: Path
) -> None:
    other = store_of(tmp_path, elsewhere(tmp_path, shared))
    other.folder.mkdir()
    with locking.intake(ledger.store.catalog, "here"):
        postgres.end_connections()
        with locking.intake(other.catalog, "there"):
            for _ in range(2):
                with pytest.raises(HouseError, match="another gateway has the lock"):
                    post(ledger, 1, 1)
            assert lines(ledger) == 0
    other.close()


def test_a_commit_that_is_cut_off_leaves_nothing(ledger: Lake, postgres: Postgres) -> None:
    ledger.con.execute("begin")
    ledger.con.execute("insert into lake.gateway_meta values ('half', 'done')")
    postgres.end_connections()
    with pytest.raises(Exception, match="commit"):
        ledger.con.execute("commit")
    assert ledger.con.execute("select count(*) from gateway_meta where key = 'half'").fetchone() == (0,)
    post(ledger, 1, 1)
    assert verify.verify(ledger) == []


def test_without_the_lock_the_slower_of_two_writers_begins_again(
    shared: Config, ledger: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Should a lock be lost in the middle of a commit, the chain does not fork."""
    monkeypatch.setattr(ledger.lock, "held", nullcontext)
    tries: list[int] = []
    with open_lake(tmp_path, shared) as other:

        def work(commit: Any) -> None:
            tries.append(1)
            commit.insert(
                "journal_line", "select 'E' as entry_id, 1 as line_no, 0 as debit, 0 as credit, 'USD' as currency"
            )
            if len(tries) == 1:
                post(other, 7, 7)
            commit.audit("tester", "posted", "slower")

        run_commit(ledger, work)
    assert len(tries) == 2
    assert ledger.con.execute("select subject from audit_log order by seq").fetchall() == [
        ("entries 7 to 7",),
        ("slower",),
    ]
    assert verify.verify(ledger) == []


def test_a_user_who_may_only_read_sees_everything(
    shared: Config, ledger: Lake, postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    schema, user = shared.ledger.catalog_schema, f"reader_{shared.ledger.catalog_schema}"
    with postgres.connect() as con:
        con.execute(f"create user {user} password 'reads'".encode())
        con.execute(f"grant usage on schema {schema} to {user}".encode())
        con.execute(f"grant select on all tables in schema {schema} to {user}".encode())
        con.execute(f"alter default privileges in schema {schema} grant select on tables to {user}".encode())
    post(ledger, 1, 700)
    post(ledger, 1_001, 1_001)
    catalog = "postgres:" + postgres.string.replace("user=gateway", f"user={user}")
    with monkeypatch.context() as patch:
        patch.setenv("LEDGER_PASSWORD", "reads")
        reading = elsewhere(tmp_path, shared)
        reading = reading.model_copy(update={"ledger": reading.ledger.model_copy(update={"catalog": catalog})})
        with open_lake(tmp_path, reading, read_only=True) as reader:
            assert lines(reader) == 1_402
            assert verify.verify(reader) == []


def test_the_newest_audit_row_cannot_be_removed_alone(shared: Config, postgres: Postgres, tmp_path: Path) -> None:
    """The catalog's counts of rows follow the deletion; its list of snapshots knows of the row."""
    with open_lake(tmp_path, shared) as ledger:
        post(ledger, 1, 3)
        run_commit(ledger, lambda commit: commit.audit("tester", "noted", "it covers no rows"))
        newest = ledger.version()
    schema = shared.ledger.catalog_schema
    with postgres.connect() as con:
        named = f"select table_id from {schema}.ducklake_table where table_name = 'audit_log'"
        [row] = con.execute(
            f"select table_name from {schema}.ducklake_inlined_data_tables where table_id = ({named})".encode()
        ).fetchall()
        rows = f"{schema}.{row[0]}"
        assert con.execute(f"delete from {rows} where seq = (select max(seq) from {rows})".encode()).rowcount == 1
        con.execute(
            f"""update {schema}.ducklake_table_stats set record_count = record_count - 1,
            next_row_id = next_row_id - 1 where table_id = ({named})""".encode()
        )
    with open_lake(tmp_path, shared, read_only=True) as ledger:
        [finding] = verify.verify(ledger)
    assert (finding.table, finding.row) == ("audit_log", f"snapshot {newest}")
    assert "was removed" in finding.message


def test_a_change_is_seen_in_the_stamp(ledger: Lake) -> None:
    before = ledger.store.catalog.stamp()
    assert before == ledger.store.catalog.stamp() != ()
    post(ledger, 1, 1)
    assert ledger.store.catalog.stamp() != before


# --- faults that an operator fixes ---------------------------------------------------------------------


def refused(home: Path, config: Config) -> str:
    with pytest.raises(HouseError) as raised:
        open_lake(home, config)
    said = str(raised.value)
    assert len(said.splitlines()) == 1
    assert PASSWORD not in said and os.environ["LEDGER_SECRET"] not in said
    return said


def test_a_wrong_password_is_one_sentence(places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = places.config("postgres", "folder")
    monkeypatch.setenv("LEDGER_PASSWORD", "hunter2")
    said = refused(tmp_path, config)
    assert "password authentication failed" in said and "environment variable LEDGER_PASSWORD" in said
    assert "hunter2" not in said
    monkeypatch.delenv("LEDGER_PASSWORD")
    assert "no password supplied" in refused(tmp_path, config)
    named = places.config("postgres", "folder", catalog_password_env="")
    assert "ledger.catalog_password_env" in refused(tmp_path, named)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"port": "1"}, "Check that PostgreSQL runs there"),
        ({"dbname": "nowhere"}, 'database "nowhere" does not exist. Fix: Create it'),
        ({"host": "/nonexistent"}, "Check that PostgreSQL runs there"),
    ],
)
def test_a_server_or_database_that_is_not_there_is_one_sentence(
    places: Places, postgres: Postgres, tmp_path: Path, changed: dict[str, str], message: str
) -> None:
    given = dict(part.split("=") for part in postgres.string.split()) | changed
    catalog = "postgres:" + " ".join(f"{key}={value}" for key, value in given.items())
    assert message in refused(tmp_path, places.config("postgres", "folder", catalog=catalog))


def test_a_connection_string_that_cannot_be_read_is_one_sentence(places: Places, tmp_path: Path) -> None:
    assert "ledger.catalog" in refused(tmp_path, places.config("sqlite", "folder", catalog="postgres:host='open"))
    assert "ledger.catalog" in refused(tmp_path, places.config("sqlite", "folder", catalog="postgres:hots=x"))


def test_a_url_is_as_good_as_keys_and_values(places: Places, postgres: Postgres, tmp_path: Path) -> None:
    config = places.config("postgres", "folder", catalog=f"postgres://gateway@127.0.0.1:{postgres.port}/postgres")
    with open_lake(tmp_path, config) as ledger:
        post(ledger, 1, 1)
        assert verify.verify(ledger) == []


def test_an_absent_extra_is_named(places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = places.config("postgres", "folder")
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "psycopg", None)
        assert 'pip install "commerce-gateway[shared]"' in refused(tmp_path, config)
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "duckdb_extension_postgres_scanner" else find(name)
    )
    said = refused(tmp_path, config)
    assert "duckdb-extension-postgres-scanner is not installed" in said and "commerce-gateway[shared]" in said


def test_reading_where_there_is_no_ledger_makes_nothing(places: Places, postgres: Postgres, tmp_path: Path) -> None:
    config = places.config("postgres", "folder")
    with pytest.raises(HouseError, match="there is none yet"):
        open_lake(tmp_path, config, read_only=True)
    with postgres.connect() as con:
        name = config.ledger.catalog_schema
        assert con.execute("select count(*) from pg_namespace where nspname = %s", [name]).fetchone() == (0,)


def test_a_lost_catalog_is_not_replaced_by_an_empty_one(shared: Config, postgres: Postgres, tmp_path: Path) -> None:
    with open_lake(tmp_path, shared) as ledger:
        post(ledger, 1, 700)
    with postgres.connect() as con:
        con.execute(f"drop schema {shared.ledger.catalog_schema} cascade".encode())
    with pytest.raises(HouseError, match="gateway restore"):
        open_lake(tmp_path, shared)
