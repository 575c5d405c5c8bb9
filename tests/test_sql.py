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
    instant = "timestamptz '2026-03-01 10:00:00+02' as at"
    assert list(rows_of(con, f"select {VALUES}, {instant}")) == [ROW | {"at": "2026-03-01T08:00:00+00:00"}]


@pytest.mark.parametrize(
    ("sql", "value"),
    [("12::hugeint", "12"), ("date '2026-01-31'", "2026-01-31"), ("'\\xAB'::blob", "ab"), ("[1, 2]", [1, 2])],
)
def test_a_value_of_a_further_type(con: duckdb.DuckDBPyConnection, sql: str, value: object) -> None:
    assert list(rows_of(con, f"select {sql} as v")) == [{"v": value}]
