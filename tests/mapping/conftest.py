from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from tests.mapping.fake import Bench


@pytest.fixture
def bench() -> Iterator[Bench]:
    with duckdb.connect() as con:
        yield Bench(con)
