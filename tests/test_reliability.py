"""docs/reliability.md: every fault of the table has tests that exist."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
HEAD = ["fault", "how it is injected", "what happens", "what a person sees", "shown by"]


def rows() -> list[list[str]]:
    """The cells of every row of the tables."""
    lines = [line for line in PAGE.splitlines() if line.startswith("|") and not line.startswith("|---")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


FAULTS = [row for row in rows() if row != HEAD]


@cache
def defined_in(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


def test_the_tables_are_tables_of_faults() -> None:
    assert len(FAULTS) >= 35
    assert rows().count(HEAD) == len(re.findall(r"^\|---", PAGE, re.MULTILINE))


@pytest.mark.parametrize("row", FAULTS, ids=lambda row: row[0])
def test_every_fault_is_shown_by_tests_that_exist(row: list[str]) -> None:
    assert len(row) == len(HEAD) and all(row)
    shown = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", row[-1])
    assert shown and len(shown) == row[-1].count("`") // 2
    for path, name in shown:
        assert name in defined_in(path), f"{path}::{name}"
