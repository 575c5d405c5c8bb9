"""Derivations: whatever the order, what was posted adds up to what is desired, under the keys it was posted under."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.books.derived import Derivation, differences

WORTH = Derivation(
    table="posted",
    key=("record_id", "role"),
    measures=("value", "tax"),
    carried=("sku",),
    scope=("sku",),
    unposted={"basis": "'GONE'"},
)
SKUS, ROLES = ("A", "B"), ("stock", "damaged")
State = dict[str, tuple[str, str, int, int]]
"""record → (sku, role, value, tax) as it is desired."""

states = st.lists(
    st.dictionaries(
        st.sampled_from([f"r{n}" for n in range(5)]),
        st.tuples(st.sampled_from(ROLES), st.integers(-5, 5), st.integers(0, 3)),
        max_size=5,
    ),
    min_size=1,
    max_size=6,
)


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        opened.execute(
            """create table posted (record_id varchar, role varchar, sku varchar, value decimal(18,4),
            tax decimal(18,4), basis varchar)"""
        )
        yield opened


def sku_of(record: str) -> str:
    """A record is about one SKU for ever."""
    return SKUS[int(record[1:]) % len(SKUS)]


def step(con: duckdb.DuckDBPyConnection, desired: State, touched: set[str]) -> int:
    """Post the differences for the touched SKUs; the number of rows."""
    con.execute(
        "create or replace temp table wanted (record_id varchar, role varchar, sku varchar, value int, tax int, "
        "basis varchar)"
    )
    for record, (sku, role, value, tax) in desired.items():
        if sku in touched:
            con.execute("insert into wanted values (?, ?, ?, ?, ?, 'NOW')", [record, role, sku, value, tax])
    con.execute("create or replace temp table touched (sku varchar)")
    con.executemany("insert into touched values (?)", [[sku] for sku in touched]) if touched else None
    count = differences(con, WORTH, "wanted", "touched", "new")
    con.execute("insert into posted by name select * exclude (times) from new")
    return count


def sums(con: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], tuple[Decimal, Decimal]]:
    return {
        (record, role): (value, tax)
        for record, role, value, tax in con.execute(
            "select record_id, role, sum(value), sum(tax) from posted group by all having sum(value) <> 0 or "
            "sum(tax) <> 0"
        ).fetchall()
    }


@settings(max_examples=20, deadline=None)
@given(states)
def test_what_was_posted_is_what_is_desired_after_every_step(steps: list[dict[str, tuple[str, int, int]]]) -> None:
    with duckdb.connect() as con:
        con.execute(
            """create table posted (record_id varchar, role varchar, sku varchar, value decimal(18,4),
            tax decimal(18,4), basis varchar)"""
        )
        for given_state in steps:
            desired = {record: (sku_of(record), *rest) for record, rest in given_state.items()}
            step(con, desired, set(SKUS))
            wanted = {
                (record, role): (Decimal(value), Decimal(tax))
                for record, (_, role, value, tax) in desired.items()
                if value or tax
            }
            assert sums(con) == wanted
            assert step(con, desired, set(SKUS)) == 0, "the second time there is nothing to post"


def test_what_is_taken_back_is_taken_back_where_it_was_posted(con: duckdb.DuckDBPyConnection) -> None:
    step(con, {"r0": ("A", "stock", 7, 1)}, {"A"})
    step(con, {"r0": ("A", "damaged", 7, 1)}, {"A"})
    rows = con.execute("select role, value, basis from posted order by rowid").fetchall()
    assert rows[0] == ("stock", Decimal(7), "NOW")
    assert sorted(rows[1:]) == [("damaged", Decimal(7), "NOW"), ("stock", Decimal(-7), "GONE")]


def test_only_what_the_scope_touches_is_looked_at(con: duckdb.DuckDBPyConnection) -> None:
    step(con, {"r0": ("A", "stock", 7, 0), "r1": ("B", "stock", 3, 0)}, {"A", "B"})
    assert step(con, {}, {"B"}) == 1
    totals: dict[str, Decimal] = defaultdict(Decimal)
    for (record, _), (value, _) in sums(con).items():
        totals[record] += value
    assert totals == {"r0": Decimal(7)}
