"""docs/glossary.md names what there is, all that there is, and no word that was given up is still in use."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.model import TABLES
from gateway.model.page import VIEWS

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "gateway"
TEXT = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
USED, NOT_USED = TEXT.split("\n## Not used\n")
SETTINGS = re.findall(
    r"^## `(\[.*\])`$", (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8"), re.MULTILINE
)
ROWS = [row for row in re.findall(r"^\| (.+?) \| (.+?) \| (.+?) \|$", USED, re.MULTILINE) if row[0] != "word"]
GIVEN_UP = {
    word
    for words, _ in re.findall(r"^\| (.+?) \| (.+?) \|$", NOT_USED, re.MULTILINE)
    if words != "not used"
    for word in words.split(", ")
}
ROOMS = sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))


def exists(place: str) -> bool:
    """Whether a path, a module without its suffix, a table, a view, a column or a table of the settings is there."""
    if place.startswith("["):
        return place in SETTINGS
    if "/" in place:
        return (ROOT / place).exists() or (ROOT / f"{place}.py").exists()
    table, _, column = place.partition(".")
    if not column:
        return table in TABLES or table in VIEWS
    return table in TABLES and any(column == known.name for known in TABLES[table].all_columns)


@pytest.mark.parametrize(("word", "meaning", "where"), ROWS, ids=[row[0] for row in ROWS])
def test_a_word_has_a_meaning_of_one_sentence_and_a_place_that_exists(word: str, meaning: str, where: str) -> None:
    places = where.split(", ")
    assert all(re.fullmatch(r"`[^`]+`", place) for place in places), where
    assert [place for place in places if not exists(place.strip("`"))] == []
    assert re.fullmatch(r"[A-Z].*[.…]", meaning) and not re.search(r"[.!?] [A-Z]", meaning), meaning
    assert word == word.strip()


def test_a_word_stands_once_and_a_path_in_the_text_exists() -> None:
    words = [word for word, *_ in ROWS]
    assert len(words) == len(set(words)) > 80
    assert not GIVEN_UP & set(words)
    paths = [place for place in re.findall(r"`([\w.-]+/[\w./-]+)`", TEXT) if "…" not in place]
    assert paths and [place for place in paths if not exists(place)] == []


def test_modules_that_the_pages_name_exist() -> None:
    pages = [*(ROOT / "docs").glob("*.md"), *ROOT.glob("*.md")]
    named = {
        (page.name, place)
        for page in pages
        if page.name != "CHANGELOG.md"
        for place in re.findall(r"`([\w/]+\.py)`", page.read_text(encoding="utf-8"))
    }
    assert len(named) > 20
    assert [each for each in sorted(named) if not ((ROOT / each[1]).exists() or (PACKAGE / each[1]).exists())] == []


def test_every_room_and_every_table_is_in_it() -> None:
    places = {place.strip("`") for _, _, where in ROWS for place in where.split(", ")}
    assert [room for room in ROOMS if f"gateway/{room}" not in places] == []
    assert [table for table in TABLES if table not in places] == []


def names(path: Path) -> Iterator[tuple[int, str]]:
    """(line, name) of all that a module defines: itself, classes, functions, arguments, variables, attributes."""
    yield 0, path.stem
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.lineno, node.name
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.attr
        elif isinstance(node, ast.alias) and node.asname:
            yield node.lineno, node.asname


def words_of(name: str) -> set[str]:
    """The words of a name: GROUPS_REPORTED_MAX, NotifierThread and file_id are three, two and two."""
    return {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)}


def uses(package: Path) -> list[str]:
    """Where the package names something with a word that was given up."""
    return [
        f"{path.relative_to(package.parent)}:{line} {name}"
        for path in sorted(package.rglob("*.py"))
        for line, name in sorted(names(path))
        if words_of(name) & GIVEN_UP
    ]


def test_no_word_that_was_given_up_is_in_use() -> None:
    assert len(GIVEN_UP) > 10
    assert uses(PACKAGE) == []
    rooms = {part for path in PACKAGE.rglob("*") if path.is_dir() for part in words_of(path.name)}
    assert rooms & GIVEN_UP == set()


def test_a_word_that_was_given_up_is_found_wherever_it_is_named(tmp_path: Path) -> None:
    package = tmp_path / "package"
    package.mkdir()
    (package / "pipeline.py").write_text(
        "import json as told\nMEND_MAX = 1\nclass PreviewSheet:\n    def tell_all(self, was_told, ok):\n"
        "        self.asking = ok.tell()\n        for vendor in ok:\n            pass\n"
    )
    assert uses(package) == [
        f"package/pipeline.py:{place}"
        for place in (
            "0 pipeline",
            "1 told",
            "2 MEND_MAX",
            "3 PreviewSheet",
            "4 tell_all",
            "4 was_told",
            "5 asking",
            "6 vendor",
        )
    ]
