"""docs/ledger.md is the model in print: every table, column and allowed value, and the views that an open ledger
has."""

from __future__ import annotations

import re
from pathlib import Path

from gateway.model import MAPPABLE, SUBJECTS, TABLES
from gateway.model.page import VIEWS, page
from gateway.model.table import PROVENANCE, Column

PAGE = Path(__file__).parents[2] / "docs" / "ledger.md"


def test_the_page_is_what_the_model_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "write it again with `make pages`"


def part(heading: str) -> str:
    """What stands below a heading, up to the next of its kind."""
    return re.split(
        rf"^{heading.split(maxsplit=1)[0]} ", page().split(f"{heading}\n", 1)[1], maxsplit=1, flags=re.MULTILINE
    )[0]


def described(text: str, column: Column) -> bool:
    [row] = [line for line in text.splitlines() if re.match(rf"\| (\*\*)?`{column.name}`", line)]
    bold = row.startswith("| **`") == column.required
    return bold and f"`{column.type}`" in row and column.doc in row and all(f"`{v}`" in row for v in column.values)


def test_every_column_of_every_table_is_described() -> None:
    for name, table in TABLES.items():
        text = part(f"### `{name}`")
        assert table.doc in text
        shown = [column for column in table.columns if not column.retired]
        assert all(described(text, column) for column in shown), name
        assert len(re.findall(r"^\| (?:\*\*)?`", text, re.MULTILINE)) == len(shown), name
    assert all(described(part("## Provenance"), column) for column in PROVENANCE)


def test_every_table_belongs_to_one_subject() -> None:
    names = [table.name for module in SUBJECTS.values() for table in module.TABLES]
    assert sorted(names) == sorted(set(names)) == sorted(TABLES)


def test_every_table_names_the_view_that_shows_what_holds_now() -> None:
    for name, table in TABLES.items():
        text = part(f"### `{name}`")
        assert (f"the view `{table.present}`" in text) == bool(table.present)
        assert bool(table.state) == bool(table.identity), name
        assert not table.identity or {*table.identity.split(", "), table.order} <= {
            column.name for column in table.columns
        }
    assert {TABLES[name].present for name in MAPPABLE} == {f"{name}_current" for name in MAPPABLE}
    assert {table.state for table in TABLES.values() if table.state} < VIEWS.keys()
