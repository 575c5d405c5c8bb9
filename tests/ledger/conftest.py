"""Homes for the ledger's tests: an empty ledger, one with commits of plain SQL, and a small business run once."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from gateway import init as homes
from gateway import settings as configuration
from gateway import synthetic
from gateway.home import open_home
from gateway.ledger import lake
from gateway.ledger.commit import Commit, run_commit
from gateway.ledger.connection import transaction
from gateway.ledger.departures import WORKBOOKS
from gateway.ledger.lake import Lake, open_lake
from gateway.ledger.sqlite_catalog import CATALOG
from gateway.model import TABLES
from gateway.once import run_once
from gateway.settings import Config
from tests.ledger.places import endpoint, places, postgres

BUSINESS_NOW = datetime(2026, 10, 15, 8, tzinfo=UTC)
KEPT = (
    "master-data/items.csv",
    "own-warehouse/opening-stock.csv",
    "amazon-us/orders-20261001.csv",
    "amazon-us/orders-20261003-again.csv",
    "amazon-us/orders-20261003.csv",
    "amazon-us/settlement-20268888001.txt",
    "3pl-east/945-20261002.edi",
    "main-bank/camt053-20261007.xml",
)
"""Of the synthetic business: every kind of outcome (posted, duplicate, held) in few files."""


@pytest.fixture(scope="session")
def config() -> Config:
    """One thread: the ledgers here are small."""
    return configuration.parse({"entities": {"US": {"currency": "USD"}}, "ledger": {"threads": 1}})


@pytest.fixture(scope="session")
def _empty(tmp_path_factory: pytest.TempPathFactory, config: Config) -> Path:
    home = tmp_path_factory.mktemp("empty")
    open_lake(home, config).close()
    return home


@pytest.fixture
def home(tmp_path: Path, _empty: Path) -> Path:
    """A home with an empty ledger and no files of its own."""
    return Path(shutil.copytree(_empty, tmp_path / "home"))


@pytest.fixture
def opened(home: Path, config: Config) -> Iterator[Lake]:
    """The empty ledger, open for writing."""
    with open_lake(home, config) as ledger:
        yield ledger


def entries(first: int, last: int) -> str:
    """SELECT of two journal lines for each number: balanced entries of one currency."""
    return f"""select 'E' || lpad(n::varchar, 8, '0') as entry_id, line_no, 'US' as entity,
        date '2026-01-01' + (n % 300)::int as date, '2026-01' as period, 'D' || n as document, 'rule' as rule,
        'v1' as rule_version, 'POSTED' as status, (4000 + line_no)::varchar as account,
        'revenue' as role, if(line_no = 1, n, 0)::decimal(18,4) as debit, if(line_no = 2, n,
            0)::decimal(18,4) as credit,
        'USD' as currency, n::decimal(18,4) as functional_amount, 'F1' as file_id, now() as recorded_at
        from range({first}, {last} + 1) t(n), range(1, 3) l(line_no)"""


def post(ledger: Lake, first: int, last: int) -> None:
    """One commit with the entries of these numbers."""

    def work(commit: Commit) -> None:
        commit.insert("journal_line", entries(first, last))
        commit.audit("tester", "posted", f"entries {first} to {last}")

    run_commit(ledger, work)


def content(home: Path, config: Config, at: str = "") -> dict[str, list[Any]]:
    """Every table's rows, sorted, without those columns that depend on the clock or the order of commits."""
    with open_lake(home, config, read_only=True) as ledger, transaction(ledger.con):
        return content_of(ledger, at)


def content_of(ledger: Lake, at: str = "") -> dict[str, list[Any]]:
    """The content of a ledger that is open; in a transaction it is found faster."""
    clock = {"recorded_at", "at", "hash", "previous_hash", "seq"}
    found: dict[str, list[Any]] = {name: [] for name in TABLES}
    filled = [f"select '{name}' where exists(from lake.\"{name}\" {at})" for name in TABLES]
    for (name,) in ledger.con.execute(" union all ".join(filled)).fetchall():
        listed = ", ".join(_plain(name, c.name) for c in TABLES[name].all_columns if c.name not in clock)
        found[name] = sorted(ledger.con.execute(f'select {listed} from lake."{name}" {at}').fetchall(), key=str)
    return found


def _plain(table: str, column: str) -> str:
    if (table, column) == ("audit_log", "detail"):
        # The sums of the row hashes cover the clock; the numbers of rows do not.
        rows = """regexp_replace(detail, '\\[([0-9]+), "[0-9]+"\\]', '\\1', 'g')"""
        # A workbook says when it was written: `workbooks` compares what else it says.
        return f"if(action = '{WORKBOOKS}', regexp_replace({rows}, '[0-9a-f]{{64}}', '', 'g'), {rows})"
    return f'cast("{column}" as varchar)'


def workbooks(home: Path) -> dict[str, list[list[Any]]]:
    """Name of each workbook below `outbound/` and of its sheet → its rows without those that say when."""
    found: dict[str, list[list[Any]]] = {}
    for path in sorted((home / "outbound").rglob("*.xlsx")):
        for sheet in openpyxl.load_workbook(path, read_only=True):
            rows = [list(row) for row in sheet.iter_rows(values_only=True)]
            found[f"{path.name} {sheet.title}"] = [row for row in rows if not {"created_at", "Queried"} & set(row)]
    return found


@contextmanager
def catalog(home: Path) -> Iterator[sqlite3.Connection]:
    """The catalog as somebody edits it who bypasses the gateway. Only while this process has no ledger open."""
    with closing(sqlite3.connect(home / "ledger" / CATALOG)) as connection:
        yield connection
        connection.commit()
        connection.execute("pragma wal_checkpoint(truncate)")


def inlined(connection: sqlite3.Connection, table: str) -> str:
    """Name of the catalog's table that holds a table's rows that are in no data file yet."""
    row = connection.execute(
        "select i.table_name from ducklake_inlined_data_tables i join ducklake_table t using (table_id) "
        "where t.table_name = ? order by i.schema_version desc",
        [table],
    ).fetchone()
    return str(row[0])


def lay_down_business(home: Path) -> None:
    """A home with the few files of the synthetic business; commits of three files each."""
    homes.lay_down(home, examples=True)
    synthetic.generate(home, seed=3, days=7, orders_per_day=5, skus=30)
    for path in sorted((home / "inbound").glob("*/*")):
        if f"{path.parent.name}/{path.name}" not in KEPT:
            path.unlink()
    with (home / "config.toml").open("a") as settings:
        # Kills at random may hit one file, taken alone, several times in a row: here that is never the file's fault.
        settings.write("\n[limits]\nfiles_per_commit_max = 3\ndeaths_max = 1_000\n\n[ledger]\nthreads = 1\n")


@pytest.fixture(scope="session")
def _business(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("business") / "home"
    lay_down_business(home)
    with open_home(home, now=BUSINESS_NOW) as gateway:
        run_once(gateway)
    return home


@pytest.fixture
def business(tmp_path: Path, _business: Path) -> Path:
    """A home through which a small business has passed; all rows are in the catalog."""
    return Path(shutil.copytree(_business, tmp_path / "business"))


@pytest.fixture
def business_config(business: Path) -> Config:
    return configuration.load(business)


@pytest.fixture
def data_file(home: Path) -> Callable[[str], Path]:
    """The only data file of a table."""

    def find(table: str) -> Path:
        [path] = (home / "ledger" / "data" / "main" / table).glob("*.parquet")
        return path

    return find


__all__ = [
    "catalog",
    "content",
    "content_of",
    "endpoint",
    "entries",
    "inlined",
    "lake",
    "lay_down_business",
    "places",
    "post",
    "postgres",
    "workbooks",
]
