"""The bound on the processor time of translations."""

from __future__ import annotations

import duckdb
import pytest

from gateway.errors import FileError
from gateway.mapping.apply.watch import within

ENDLESS = "select sum(hash(a.range, b.range)) from range(10000000) a, range(10000000) b"


def test_a_query_is_interrupted_once_its_time_is_used_up() -> None:
    with duckdb.connect() as con:
        con.execute("set threads = 2")
        over = pytest.raises(FileError, match=r"more than 1 s of processor time to translate \(limits.cpu_s_max\)")
        with over, within(con, 1, "a.csv"):
            con.execute(ENDLESS)
        with within(con, 1, "a.csv"):
            assert con.execute("select 1").fetchone() == (1,)
