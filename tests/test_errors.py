"""Errors of the house: each says what was found and how to fix it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "gateway"
SHAPES: dict[str, dict[str, int]] = {
    "HouseError": {"hint": 2, "cause": 3},
    "NotSentError": {"hint": 2, "cause": 3},
    "UnreachableError": {"hint": 2, "cause": 3},
    "FileError": {"cause": 1, "hint": 2},
    "Fault": {"message": 1, "hint": 2},
    "PathError": {"reason": 2, "syntax": 3},
    "HomeFault": {"message": 2, "fix": 3},
}
"""Class → position of each argument that it must have."""
SAYS_LITTLE = {
    "Fix it.",
    "Fix that.",
    "Try again.",
    "Fix it and try again.",
    "Fix the SQL.",
    "fix it",
    "It is tried again.",
}


def faults(source: str) -> Iterator[tuple[int, str]]:
    """(line, what is wrong) of every error that is made without a cause or a fix, or with one that says little."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or any(isinstance(argument, ast.Starred) for argument in node.args):
            continue
        name = ast.unparse(node.func).rpartition(".")[2]
        given = {keyword.arg: keyword.value for keyword in node.keywords}
        for argument, position in SHAPES.get(name, {}).items():
            value = node.args[position] if position < len(node.args) else given.get(argument)
            branches = [value.body, value.orelse] if isinstance(value, ast.IfExp) else [value]
            for branch in branches:
                if branch is None or (isinstance(branch, ast.Constant) and branch.value in {"", *SAYS_LITTLE}):
                    yield node.lineno, f"{name} {argument}"


def test_every_error_names_its_cause_and_its_fix() -> None:
    found = [
        f"{path.relative_to(PACKAGE.parent)}:{line}: {wrong}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for line, wrong in faults(path.read_text(encoding="utf-8"))
    ]
    assert found == []


@pytest.mark.parametrize(
    ("source", "wrong"),
    [
        ('HouseError("read", "a", "Send it.", "it is gone")', []),
        ('HouseError("read", "a", "Send it.")', ["HouseError cause"]),
        ('errors.HouseError("read", "a", cause="gone", hint="Fix it.")', ["HouseError hint"]),
        ('FileError("a", "damaged", "Send it." if known else "")', ["FileError hint"]),
        ('Fault("ROW_REJECT", "damaged")', ["Fault hint"]),
    ],
)
def test_an_error_without_cause_or_fix_is_found(source: str, wrong: list[str]) -> None:
    assert [found for _, found in faults(source)] == wrong
