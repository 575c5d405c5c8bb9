"""The examples of docs/posting.md are rules that the linter accepts."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from gateway.books.posting.rule_lint import faults
from gateway.books.posting.rules import Posting, Rule
from gateway.books.posting.sources import DERIVED

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "posting.md").read_text(encoding="utf-8")


def example(kind: str) -> str:
    [found] = re.findall(rf"```toml {kind}\n(.*?)```", PAGE, re.DOTALL)
    return found


def test_the_examples_have_no_fault() -> None:
    shipped = tomllib.loads((ROOT / "mappings" / "posting.toml").read_text(encoding="utf-8"))
    text = example("conditions") + example("rule")
    posting = Posting.model_validate(tomllib.loads(text) | {"stock": shipped["stock"]})
    assert faults(posting, text) == []


def test_every_key_of_a_rule_is_described() -> None:
    keys = {field.alias or name for name, field in Rule.model_fields.items()}
    described = set(re.findall(r"`([a-z_]+)`", PAGE))
    assert keys <= described
    assert all(f"`{name}`" in PAGE for name in DERIVED)
