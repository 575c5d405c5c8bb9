"""docs/extending.md: every path exists, every example is one that the program takes, every question has a place."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

from gateway.books.metrics import checked_metrics
from gateway.books.posting import rule_lint
from gateway.books.posting.rules import Posting
from gateway.books.reconcile.registry import Registry
from gateway.mapping.library import load
from gateway.mapping.lint import lint

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```([a-z ]+)\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
PATHS = sorted(set(re.findall(r"(?:gateway|mappings|tests|docs)/[\w./-]*\w", re.sub(r"\S*(<|feinkost)\S*", "", TEXT))))
QUESTIONS = re.findall(r"^\| (.+?) \| (.+?) \|$", TEXT.split("## Where is …?")[1], re.MULTILINE)[1:]
SECTIONS = re.findall(r"^## (A [^\n]+)\n(.*?)(?=^## )", TEXT, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("path", PATHS)
def test_a_path_exists(path: str) -> None:
    assert (ROOT / path).exists()


def test_the_twenty_questions_have_their_places() -> None:
    assert len(QUESTIONS) == 20
    for question, place in QUESTIONS:
        assert re.findall(r"`(?:gateway|mappings)/[\w./-]+\.(?:py|toml)`", place), question


def test_every_addition_has_its_place_an_example_and_a_test() -> None:
    assert [title.removeprefix("A ") for title, _ in SECTIONS] == [
        "partner",
        "format",
        "posting",
        "reconciliation",
        "metric",
        "transport",
        "setting",
    ]
    for title, text in SECTIONS:
        assert re.search(r"`(?:gateway|mappings)/", text) and "```" in text, title
        assert re.search(r"[Tt]he tests?\b.*?`tests/", text, re.DOTALL), title


def examples(kind: str) -> list[str]:
    found = [text for name, text in EXAMPLES if name == kind]
    assert found
    return found


def test_the_mapping_has_no_fault(tmp_path: Path) -> None:
    [text] = examples("toml mapping")
    path = tmp_path / "mappings" / "feinkost" / "bestand.toml"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    loaded, faults = load.load_file(path, tmp_path / "mappings")
    assert loaded is not None and not faults
    assert lint.check(loaded, {}) == []


def test_the_posting_has_no_fault() -> None:
    [block] = examples("toml posting")
    text = (ROOT / "mappings" / "posting.toml").read_text(encoding="utf-8") + f"\n{block}"
    posting = Posting.model_validate(tomllib.loads(text))
    assert posting.rule[-1].name == "dispute-fee"
    chart = tomllib.loads((ROOT / "mappings" / "chart.toml").read_text(encoding="utf-8"))
    assert rule_lint.faults(posting, text, chart["accounts"]) == []


def test_the_reconciliation_is_a_block() -> None:
    [block] = examples("toml reconciliation")
    shipped = (ROOT / "mappings" / "reconciliations.toml").read_text(encoding="utf-8")
    registry = Registry.model_validate(tomllib.loads(f"{shipped}\n{block}"))
    assert registry.reconciliations[-1].letter == "z1"


def test_the_metric_has_no_fault() -> None:
    [block] = examples("toml metric")
    metrics, faults = checked_metrics((ROOT / "mappings" / "metrics.toml").read_bytes() + f"\n{block}".encode())
    assert metrics[-1].name == "orders-cancelled" and faults == []


def test_the_python_is_python() -> None:
    for text in examples("python"):
        assert ast.parse(text).body
