"""Each mistake of the table is made in a good home, and the command says what the table has, word for word."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import MAPPINGS
from tests.mistakes.page import page
from tests.mistakes.running import lay_down, printed, said
from tests.mistakes.table import Mistake, read
from tests.users import open_folder

MISTAKES = read()


@pytest.fixture(scope="module")
def good() -> Iterator[tuple[Path, str]]:
    """A home without mistakes for the tests to copy, which has noted that its packs are good, and what `check` says."""
    with open_folder() as folder:
        lay_down(folder / "good")
        usual = printed(folder / "good", "check")
        assert "faults: 0." in usual
        yield folder / "good", usual


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.title)
def test_a_mistake_is_reported_as_the_table_says(mistake: Mistake, good: tuple[Path, str], without_books: None) -> None:
    if "user" in mistake.while_ and os.getuid() != 0:
        pytest.skip("only root can become another user")
    home, usual = good
    copy = Path(shutil.copytree(home, home.parent / "home"))
    try:
        mistake.make(copy)
        assert said(copy, mistake, usual) == mistake.message
    finally:
        shutil.rmtree(copy)


def test_the_page_is_the_table_in_print() -> None:
    text = (MAPPINGS.parent / "docs" / "messages.md").read_text(encoding="utf-8")
    assert text == page(MISTAKES), "docs/messages.md is not the table: `make pages` writes it"
