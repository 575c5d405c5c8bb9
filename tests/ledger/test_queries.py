"""What SQL can reach: nothing outside the lake on any connection, and one SELECT for people's questions."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.errors import HouseError
from gateway.ledger import queries
from gateway.ledger.lake import Lake, open_lake
from gateway.settings import Config
from tests.ledger.conftest import post


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("place")


@pytest.fixture(scope="module")
def written(place: Path, config: Config) -> Iterator[Lake]:
    """The empty ledger of the home `place/home`, open for writing."""
    with open_lake(place / "home", config) as ledger:
        yield ledger


@pytest.fixture(scope="module")
def outside(place: Path) -> Path:
    """Somebody else's files in `place/outside`: a table as CSV, Parquet, SQLite and DuckDB, and a text."""
    folder = place / "outside"
    folder.mkdir()
    (folder / "secret.csv").write_text("a,b\n1,secret\n")
    (folder / "secret.txt").write_text("secret")
    with duckdb.connect(str(folder / "secret.duckdb")) as con:
        con.execute("create table t as select 'secret' as x")
        con.execute(f"copy t to '{folder}/secret.parquet'")
    with closing(sqlite3.connect(folder / "secret.sqlite")) as raw:
        raw.execute("create table t as select 'secret' as x")
        raw.commit()
    return folder


# --- what the connection itself refuses ---------------------------------------------------------------


@pytest.mark.parametrize(
    "sql",
    [
        "select * from read_csv('{o}/secret.csv')",
        "select * from read_text('{o}/secret.txt')",
        "select * from read_blob('{o}/*')",
        "select * from glob('{o}/*')",
        "select * from read_parquet('{o}/secret.parquet')",
        "select * from '{o}/secret.csv'",
        "select * from '{o}/secret.parquet'",
        "select * from '{o}/secret.duckdb'",
        "select * from '{o}/secret.sqlite'",
        "select * from read_csv('{h}/ledger/data/../../../outside/secret.csv')",
        "attach '{o}/secret.duckdb'",
        "attach '{o}/new.duckdb'",
        "attach 'ducklake:{o}/new.ducklake' as more",
        "copy (select 1) to '{o}/written.csv'",
        "copy (select 1) to '{o}/written.parquet' (format parquet)",
        "copy (select 1) to '{h}/config.toml'",
        "copy (select 1) to '{h}/ledger/catalog.sqlite'",
        "copy (select 1) to '{h}/ledger/writer.lock'",
        "export database '{o}/all'",
        "import database '{o}'",
        "install httpfs",
        "load httpfs",
        "load '{o}/x.duckdb_extension'",
        "create secret s (type s3, key_id 'a', secret 'b')",
        "select * from here",
    ],
)
def test_nothing_outside_is_read_or_written(written: Lake, outside: Path, sql: str) -> None:
    home = outside.parent / "home"
    here = duckdb.sql("select 'secret' as x").arrow()
    before = {path: path.read_bytes() for path in outside.iterdir()}
    with pytest.raises(duckdb.Error):
        written.con.execute(sql.format(o=outside, h=home)).fetchall()
    assert {path: path.read_bytes() for path in outside.iterdir()} == before
    assert here and written.con.execute("select count(*) from journal_line").fetchone() == (0,)


@pytest.mark.parametrize(
    "sql",
    [
        "set enable_external_access = true",
        "set allowed_directories = ['/']",
        "set allowed_paths = ['/etc/passwd']",
        "set lock_configuration = false",
        "reset lock_configuration",
        "set autoinstall_known_extensions = true",
        "set allow_unsigned_extensions = true",
        "set memory_limit = '100GB'",
        "set temp_directory = '/tmp'",
        "set timezone = 'Europe/Berlin'",
        "set allowed_configs = ['memory_limit']",
        "pragma enable_external_access",
    ],
)
def test_the_configuration_is_locked(written: Lake, sql: str) -> None:
    with pytest.raises(duckdb.Error):
        written.con.execute(sql)


def test_only_the_extensions_of_this_installation_were_loaded_unsigned(opened: Lake) -> None:
    assert opened.con.execute("select current_setting('allow_unsigned_extensions')").fetchone() == (False,)


def test_the_lake_itself_works_and_a_reader_cannot_write(opened: Lake, home: Path, config: Config) -> None:
    post(opened, 1, 3_000)
    with open_lake(home, config, read_only=True) as reader:
        assert reader.con.execute("select count(document) from journal_line").fetchone() == (6_000,)
        for sql in ("delete from lake.journal_line", "create table lake.t (a int)", "drop table lake.journal_line"):
            with pytest.raises(duckdb.Error, match="read-only"):
                reader.con.execute(sql)


# --- what a question may be ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory, config: Config) -> Iterator[Lake]:
    """A ledger with three entries, open for reading."""
    home = tmp_path_factory.mktemp("asked")
    with open_lake(home, config) as ledger:
        post(ledger, 1, 3)
    with open_lake(home, config, read_only=True) as ledger:
        yield ledger


@pytest.mark.parametrize(
    "sql",
    [
        "select * from journal_line",
        "select count(*) from journal_line;",
        "-- a comment\nselect 1 /* another */",
        "from journal_line",
        "from journal_line select account, sum(debit) group by all order by all",
        "with d as (select * from journal_line where debit > 0) select count(*) from d",
        "with recursive t(n) as (select 1 union all select n + 1 from t where n < 5) select sum(n) from t",
        "select document, row_number() over (partition by account order by debit desc) from journal_line",
        "select document from journal_line qualify row_number() over (partition by account order by debit) = 1",
        "select * from exception where status = 'OPEN'",
        "select * from file_state",
        "select * from settlement_line_current",
        "select * from lake.journal_line at (version => 2)",
        "select a.* from journal_line a join journal_line b using (entry_id) anti join file f on f.file_id = a.file_id",
        "select * from journal_line where exists (select 1 from audit_log where seq = 1)",
        "select (select max(debit) from journal_line) as most",
        "select unnest([1, 2]), list_transform([1, 2], lambda x: x + 1)",
        "select key from audit_log, json_each(detail, '$.rows')",
        "select * from range(3), generate_series(1, 2)",
        "values (1, 'a')",
        "table audit_log",
        "select 1 union select 2 except select 3 intersect select 4",
        "describe journal_line",
        "show tables",
        "select 'query' as read_text, 'sqlite_scan(1)' as glob",
        "select 'insert into x; attach y'",
    ],
)
def test_an_ordinary_question_is_answered(asked: Lake, sql: str) -> None:
    queries.check(asked.con, sql)
    asked.con.execute(sql).to_arrow_table()


STATEMENTS = [
    "insert into journal_line select * from journal_line",
    "delete from journal_line",
    "update journal_line set debit = 0",
    "merge into journal_line using journal_line s on true when matched then delete",
    "truncate journal_line",
    "create table t (a int)",
    "create temp table t as select 1",
    "create or replace temp view journal_line as select 1",
    "create macro sum(a) as 0",
    "drop table journal_line",
    "alter table journal_line add column x int",
    "attach 'x.sqlite' (type sqlite)",
    "detach lake",
    "use memory",
    "pragma database_list",
    "pragma table_info('journal_line')",
    "set threads = 1",
    "call ducklake_flush_inlined_data('lake')",
    "checkpoint",
    "vacuum",
    "begin",
    "copy journal_line to 'x.csv'",
    "copy (select 1) to 'x.csv'",
    "export database 'x'",
    "install httpfs",
    "load httpfs",
    "prepare p as select 1",
    "execute p",
    "explain analyze select 1",
    "select 1; select 2",
    "select 1; drop table journal_line",
    "",
    ";",
    "-- nothing",
    "select",
    "selec 1",
    "select * from",
    "\x00",
    "with x as (insert into journal_line default values returning *) select * from x",
    "with x as (delete from journal_line returning *) select * from x",
]


@pytest.mark.parametrize("sql", STATEMENTS)
def test_what_is_not_one_select_is_refused(asked: Lake, sql: str) -> None:
    with pytest.raises(HouseError, match="Write one SELECT"):
        queries.check(asked.con, sql)


SOURCES = [
    "query('select 1')",
    "query_table('journal_line')",
    "read_csv('x.csv')",
    "read_csv_auto('x.csv')",
    "read_text('/etc/passwd')",
    "read_blob('/etc/passwd')",
    "read_parquet('x')",
    "read_json_auto('x')",
    "read_duckdb('x')",
    "parquet_scan('x')",
    "parquet_metadata('x')",
    "sniff_csv('x')",
    "glob('/etc/*')",
    "sqlite_scan('x', 't')",
    "sqlite_query('x', 'select 1')",
    "sqlite_attach('x')",
    "json_execute_serialized_sql(json_serialize_sql('from sqlite_scan(''x'', ''t'')'))",
    "ducklake_flush_inlined_data('lake')",
    "ducklake_expire_snapshots('lake', older_than => now())",
    "ducklake_list_files('lake', 'journal_line')",
    "lake.merge_adjacent_files()",
    "system.main.read_text('/etc/passwd')",
    "\"READ_TEXT\"('/etc/passwd')",
    "checkpoint()",
    "force_checkpoint('lake')",
    "enable_logging()",
    "arrow_scan(1, 2, 3)",
    "arrow_scan_dumb(1, 2, 3)",
    "pandas_scan(1)",
    "seq_scan('journal_line')",
    "python_map_function(1)",
    "duckdb_settings()",
    "duckdb_secrets()",
    "duckdb_databases()",
    "pragma_database_list()",
    "which_secret('a', 'b')",
    "test_all_types()",
]
PLACES = [
    "select * from {}",
    "from {}",
    "with x as (select * from {}) select * from x",
    "with x as materialized (with y as (from {}) from y) select count(*) from x",
    "select (select count(*) from {})",
    "select * from journal_line where exists (from {})",
    "select * from journal_line where document in (select 'x' from {})",
    "select * from journal_line j, lateral (select j.debit from {})",
    "select * from journal_line join {} on true",
    "select 1 union all select 1 from {}",
    "select * from (values (1)) order by (select 1 from {})",
    "select * from journal_line limit (select 1 from {})",
    "select sum(debit) filter (where exists (from {})) over (order by debit) from journal_line",
    "select [x for x in (select [1] from {})]",
    "select case when true then (select 1 from {}) end",
    "describe select * from {}",
    "summarize select * from {}",
    "from (describe select * from {})",
    "select 1 group by (select 1 from {})",
    "select max(debit) from journal_line having exists (from {})",
    "select debit from journal_line qualify exists (from {})",
]


@pytest.mark.parametrize("source", SOURCES)
def test_a_source_that_reaches_further_is_refused(asked: Lake, source: str) -> None:
    with pytest.raises(HouseError, match="not allowed"):
        queries.check(asked.con, f"select * from {source}")


@pytest.mark.parametrize("place", PLACES)
def test_it_is_refused_wherever_it_hides(asked: Lake, place: str) -> None:
    allowed = place.format("audit_log")
    queries.check(asked.con, allowed)
    functions = ("read_text('x')", "sqlite_scan('x', 't')", "json_execute_serialized_sql('x')")
    for source in (*functions, "'s3://bucket/../other/x.parquet'", '"https://bucket/x"."parquet"'):
        with pytest.raises(HouseError, match="not allowed"):
            queries.check(asked.con, place.format(source))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(PLACES[:15]), min_size=1, max_size=4), st.sampled_from(SOURCES), st.data())
def test_it_is_refused_however_deep(asked: Lake, places: list[str], source: str, data: st.DataObject) -> None:
    case = data.draw(st.sampled_from([str.lower, str.upper, str.title])) if "'" not in source else str
    sql = source
    for place in places:
        sql = place.format(sql if sql is source else f"({sql})")
    with pytest.raises(HouseError):
        queries.check(asked.con, case(sql))


@pytest.mark.parametrize(
    "sql",
    [
        "select getenv('HOME')",
        "select getvariable('x')",
        "select current_setting('temp_directory')",
        "select write_log('x')",
        "select nextval('x')",
        "select json_serialize_plan('select 1')",
        "select json_deserialize_sql('{}')",
        "select sleep_ms(1)",
        "select pg_sleep(1)",
        "select inet_server_addr()",
        "select pg_get_viewdef(1)",
        "select debit from journal_line order by getenv('HOME')",
    ],
)
def test_a_function_that_reaches_further_is_refused(asked: Lake, sql: str) -> None:
    with pytest.raises(HouseError, match="is not allowed here"):
        queries.check(asked.con, sql)


def test_a_question_that_is_too_deep_is_refused(asked: Lake) -> None:
    for sql in (
        "select " + "+".join("1" * 900),
        "select " + "not " * 900 + "true",
        "select " + "(" * 900 + "1" + ")" * 900,
    ):
        try:
            queries.check(asked.con, sql)
        except HouseError as error:
            assert error.operation == "run query"


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=60))
def test_any_text_is_answered_or_refused_but_never_breaks(asked: Lake, text: str) -> None:
    try:
        queries.check(asked.con, text)
    except HouseError as error:
        assert error.hint


def test_files_named_in_place_of_a_table_are_not_opened(asked: Lake, outside: Path) -> None:
    for file in outside.iterdir():
        sql = f"select * from '{file}'"
        queries.check(asked.con, sql)
        with pytest.raises(duckdb.Error):
            asked.con.execute(sql)
