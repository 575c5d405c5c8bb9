"""Each mistake of the table is made in a good home, and the command says what the table has, word for word."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.conftest import MAPPINGS
from tests.mistakes.page import page
from tests.mistakes.running import lay_down, printed, said
from tests.mistakes.table import Mistake, read

MISTAKES = read()


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A home without mistakes for the tests to copy, which has noted that its packs are good, and what `check` says."""
    home = tmp_path_factory.mktemp("good") / "home"
    lay_down(home)
    usual = printed(home, "check")
    assert "faults: 0." in usual
    return home, usual


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.title)
def test_a_mistake_is_reported_as_the_table_says(
    mistake: Mistake, good: tuple[Path, str], tmp_path: Path, without_books: None
) -> None:
    home, usual = good
    copy = Path(shutil.copytree(home, tmp_path / "home"))
    mistake.make(copy)
    assert said(copy, mistake, usual) == mistake.message


def test_the_page_is_the_table_in_print() -> None:
    text = (MAPPINGS.parent / "docs" / "messages.md").read_text(encoding="utf-8")
    assert text == page(MISTAKES), "docs/messages.md is not the table: `make pages` writes it"
