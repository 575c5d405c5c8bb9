"""Rows as JSON values."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from gateway.sql import rows_of


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        opened.execute("set timezone = 'UTC'")
        yield opened


VALUES = (
    "12.50::decimal(18,2) as amount, 'a' as name, 3::bigint as n, true as yes, 1.5::double as rate, null as nothing, "
    "12::hugeint as total, null::hugeint as none, date '2026-01-31' as day, 7::ubigint as hash"
)
ROW = {"amount": "12.50", "name": "a", "n": 3, "yes": True, "rate": 1.5, "nothing": None} | {
    "total": "12",
    "none": None,
    "day": "2026-01-31",
    "hash": 7,
}


def test_a_row_is_the_same_with_and_without_an_instant(con: duckdb.DuckDBPyConnection) -> None:
    assert list(rows_of(con, f"select {VALUES}")) == [ROW]
    instants = (
        "timestamptz '2026-03-01 10:00:00+02' as at, timestamptz '1969-12-31 23:59:59.999999+00' as \"then\", "
        "null::timestamptz as never"
    )
    at = {"at": "2026-03-01T08:00:00+00:00", "then": "1969-12-31T23:59:59.999999+00:00", "never": None}
    assert list(rows_of(con, f"select {VALUES}, {instants}")) == [ROW | at]


def test_rows_with_an_instant_keep_their_order(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("set preserve_insertion_order = false")
    sql = "select n, to_timestamp(n) as at from range(5000) r(n) order by n desc"
    assert [row["n"] for row in rows_of(con, sql)] == list(range(4999, -1, -1))


@pytest.mark.parametrize(
    ("sql", "value"),
    [("12::hugeint", "12"), ("date '2026-01-31'", "2026-01-31"), ("'\\xAB'::blob", "ab"), ("[1, 2]", [1, 2])],
)
def test_a_value_of_a_further_type(con: duckdb.DuckDBPyConnection, sql: str, value: object) -> None:
    assert list(rows_of(con, f"select {sql} as v")) == [{"v": value}]
