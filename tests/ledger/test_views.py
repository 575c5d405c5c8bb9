"""What the model says of views and of columns that are never empty holds in a ledger."""

from __future__ import annotations

from pathlib import Path

from gateway.books.stock import views
from gateway.ledger.lake import Lake, open_lake
from gateway.model import TABLES
from gateway.model.page import VIEWS
from gateway.settings import Config


def test_an_open_ledger_has_the_views_of_the_model(opened: Lake) -> None:
    views.create_views(opened.con)
    found = {
        name for (name,) in opened.con.execute("select view_name from duckdb_views() where not internal").fetchall()
    }
    present = {table.present for table in TABLES.values() if table.present}
    assert found == present | {"stock"}
    assert VIEWS.keys() == {name for name in found if not name.endswith("_current")} | {"<table>_current"}


def test_a_column_that_is_required_is_never_empty(business: Path, business_config: Config) -> None:
    filled = 0
    with open_lake(business, business_config, read_only=True) as ledger:
        for name, table in TABLES.items():
            required = [column.name for column in table.all_columns if column.required]
            counts = ", ".join(f'count(*) filter ("{column}" is null)' for column in required)
            rows, *empty = ledger.con.execute(f'select count(*), {counts} from "{name}"').fetchone() or ()
            filled += rows > 0
            assert dict(zip(required, empty, strict=True)) == dict.fromkeys(required, 0), name
    assert filled > 10


def test_a_value_of_a_column_is_one_of_those_that_are_allowed(business: Path, business_config: Config) -> None:
    with open_lake(business, business_config, read_only=True) as ledger:
        for name, table in TABLES.items():
            for column in table.columns:
                if column.values:
                    found = ledger.con.execute(
                        f'select distinct "{column.name}" from "{name}" where "{column.name}" is not null'
                    ).fetchall()
                    assert {value for (value,) in found} <= set(column.values), (name, column.name)


def test_a_state_is_the_newest_row_of_each_identity(business: Path, business_config: Config) -> None:
    filled = 0
    with open_lake(business, business_config, read_only=True) as ledger:
        for name, table in TABLES.items():
            if table.state:
                key = (
                    f'{table.identity}, max("{table.order}")::varchar from "{name}" '
                    f"group by {table.identity} order by all"
                )
                newest = ledger.con.execute(f"select {key}").fetchall()
                shown = ledger.con.execute(
                    f'select {table.identity}, "{table.order}"::varchar from "{table.state}" order by all'
                ).fetchall()
                assert shown == newest
                filled += bool(shown)
    assert filled > 1
