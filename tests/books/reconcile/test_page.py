"""docs/reconciliations.md is the registry in print, and every code in it can be raised."""

from __future__ import annotations

import re
from pathlib import Path

from gateway.books.reconcile.page import page
from tests.books.memory import RULES

ROOT = Path(__file__).parents[3]


def test_the_page_is_what_the_registry_says() -> None:
    registry = RULES.registry
    text = (ROOT / "docs" / "reconciliations.md").read_text(encoding="utf-8")
    assert text == page(registry), "write it again with `make pages`"
    for one in registry.reconciliations:
        assert f"## {one.letter}: {one.title}" in text
        assert all(f"| `{code}` | {meaning.title} |" in text for code, meaning in one.codes.items())


def test_every_code_that_is_registered_is_raised_somewhere() -> None:
    """A code that nothing raises promises an alarm that never comes."""
    sources = "\n".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "gateway").rglob("*.py") if "workbooks" not in path.parts
    )
    mappings = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "mappings" / "standard").rglob("*.toml"))
    for one in RULES.registry.reconciliations:
        for code in one.codes:
            assert re.search(rf"['\"]{code}['\"]", sources + mappings), code
