"""A ledger in memory for each module, empty for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.books.memory import Books, books


@pytest.fixture(scope="module")
def opened() -> Iterator[Books]:
    """Books over a ledger in memory, which the tests of a module share."""
    with books() as made:
        yield made


@pytest.fixture
def ledger(opened: Books) -> Books:
    """The same, empty again."""
    opened.clear()
    return opened
