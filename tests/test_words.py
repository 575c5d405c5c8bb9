"""Words that pages and messages do not use; `docs/glossary.md` has the others."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
BANNED = re.compile(r"\b(told|tells?|telling|mends?|mended|thereof|grave|for want of)\b", re.IGNORECASE)
IN_MESSAGES = re.compile(BANNED.pattern + r"|\bstands twice\b|\blay it down\b", re.IGNORECASE)

SQL = re.compile(r"\b(select|join|from|coalesce|string_agg)\b|\btold\.")
"""Names of relations and columns are no prose."""


def texts(source: str) -> Iterator[tuple[int, str]]:
    """(line, text) of every string of a module that is not a docstring."""
    tree = ast.parse(source)
    described = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in described:
            yield node.lineno, node.value


def prose(page: str) -> str:
    """A page without what is quoted as code: names of tests, settings and commands."""
    return re.sub(r"```.*?```|`[^`\n]*`", lambda quoted: "\n" * quoted[0].count("\n"), page, flags=re.DOTALL)


def test_messages_use_plain_words() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {text}"
        for path in sorted((ROOT / "gateway").rglob("*.py"))
        for line, text in texts(path.read_text(encoding="utf-8"))
        if IN_MESSAGES.search(text) and not SQL.search(text)
    ]
    assert found == []


def test_pages_use_plain_words() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line}"
        for path in [
            *sorted((ROOT / "docs").glob("*.md")),
            ROOT / "README.md",
            ROOT / "CONTRIBUTING.md",
            ROOT / "SECURITY.md",
        ]
        for number, line in enumerate(prose(path.read_text(encoding="utf-8")).splitlines(), start=1)
        if BANNED.search(line) and not re.match(r"\| (tell|mend),", line)
    ]
    assert found == []
