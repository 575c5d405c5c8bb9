"""Words that messages, comments, docstrings, names of tests and pages do not use; `docs/glossary.md` has the others."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NOT_USED = r"told|tells?|telling|mends?|mended|anew|aught|naught|lest|whence|whither|thereof|nigh|ere|grave|for want of"
BANNED = re.compile(rf"\b({NOT_USED})\b", re.IGNORECASE)
IN_MESSAGES = re.compile(rf"{BANNED.pattern}|\bstands twice\b|\blay it down\b", re.IGNORECASE)
IN_NAMES = re.compile(rf"(?<![a-z])({NOT_USED})(?![a-z])")
LISTS = ("tests/test_words.py", "tests/test_glossary.py", "CHANGELOG.md")
"""What names the words, to refuse them."""


def sources(*folders: str) -> list[Path]:
    """Modules and mappings below the folders."""
    found = [
        path for folder in folders for path in sorted((ROOT / folder).rglob("*")) if path.suffix in (".py", ".toml")
    ]
    return [path for path in found if not str(path.relative_to(ROOT)).startswith(LISTS)]


def texts(source: str) -> Iterator[tuple[int, str]]:
    """(line, text) of every string of a module that is not a docstring."""
    tree = ast.parse(source)
    described = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in described:
            yield node.lineno, node.value


def remarks(path: Path) -> Iterator[tuple[int, str]]:
    """(line, text) of every comment and docstring of a module, and every line with a comment of a mapping."""
    source = path.read_text(encoding="utf-8")
    if not BANNED.search(source):
        return  # Most modules are read no further.
    if path.suffix == ".toml":
        yield from ((n, line) for n, line in enumerate(source.splitlines(), start=1) if "#" in line)
        return
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield from enumerate(node.value.value.splitlines(), start=node.lineno)


def prose(page: str) -> str:
    """A page without what is quoted as code: names of tests, settings and commands."""
    return re.sub(r"```.*?```|`[^`\n]*`", lambda quoted: "\n" * quoted[0].count("\n"), page, flags=re.DOTALL)


def test_messages_use_plain_words() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {text}"
        for path in sources("gateway")
        if path.suffix == ".py"
        if IN_MESSAGES.search(source := path.read_text(encoding="utf-8"))
        for line, text in texts(source)
        if IN_MESSAGES.search(text)
    ]
    assert found == []


@pytest.mark.parametrize("folder", ["gateway", "tests", "mappings"])
def test_comments_and_docstrings_use_plain_words(folder: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {text.strip()}"
        for path in sources(folder)
        for line, text in remarks(path)
        if BANNED.search(text)
    ]
    assert found == []


def test_names_of_tests_use_plain_words() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in sources("tests")
        for name in re.findall(r"def (test_\w+)", path.read_text(encoding="utf-8"))
        if IN_NAMES.search(name)
    ]
    assert found == []


def test_pages_use_plain_words() -> None:
    pages = [*sorted((ROOT / "docs").glob("*.md")), *(path for path in ROOT.glob("*.md") if path.name not in LISTS)]
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line}"
        for path in pages
        for number, line in enumerate(prose(path.read_text(encoding="utf-8")).splitlines(), start=1)
        if BANNED.search(line) and not re.match(r"\| (tell|mend),", line)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('x = 1  # Nobody is told.\n"""What it tells."""\n', ["# Nobody is told.", "What it tells."]),
        ('def f():\n    """One.\n\n    Lest it be so.\n    """\n', ["Lest it be so."]),
        ("told = sink.tell()\n", []),
    ],
)
def test_a_word_is_found_in_comments_and_docstrings_and_not_in_code(
    tmp_path: Path, source: str, found: list[str]
) -> None:
    (tmp_path / "a.py").write_text(source)
    assert [text.strip() for _, text in remarks(tmp_path / "a.py") if BANNED.search(text)] == found
