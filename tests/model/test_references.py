"""docs/tables.md, `gateway tables` and `gateway fields`: what mappings may fill, as the model says it."""

from __future__ import annotations

import re
from pathlib import Path

from gateway.mapping.compiler.values import type_of
from gateway.mapping.language.spec import FieldSpec
from gateway.model import MAPPABLE, TABLES, references
from gateway.model.page import mappings_page

PAGE = Path(__file__).parents[2] / "docs" / "tables.md"


def test_the_page_is_what_the_model_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == mappings_page(), "write it again with `make pages`"


def test_every_table_that_mappings_fill_is_there_and_no_other() -> None:
    assert set(re.findall(r"^### `(\w+)`$", mappings_page(), re.MULTILINE)) == set(MAPPABLE)


def test_the_fields_of_a_table_are_those_a_record_may_name() -> None:
    rows = {row["field"]: row for row in references.fields(TABLES["inventory_movement"])}
    assert rows["qty"] == {"field": "qty", "required": "yes", "type": "decimal", "meaning": rows["qty"]["meaning"]}
    assert rows["to_status"]["type"] == "code" and "AVAILABLE" in rows["to_status"]["meaning"]
    for table in MAPPABLE.values():
        for column in table.columns:
            assert type_of(FieldSpec.model_validate({"from": "x"}), column) == column.kind


def test_tables_that_belong_together_are_ones_that_mappings_fill() -> None:
    named = {name for table in TABLES.values() for name, _ in table.together}
    assert named <= set(MAPPABLE)
    assert [name for name, _ in TABLES["shipment_line"].together] == ["inventory_movement", "order_line"]


def test_a_column_of_a_view_is_described_as_its_tables() -> None:
    assert references.described("order_line_current", [("sku", "VARCHAR"), ("own", "BIGINT")]) == [
        {"column": "sku", "type": "VARCHAR", "meaning": "SKU, or the unmapped name behind '?'"},
        {"column": "own", "type": "BIGINT", "meaning": ""},
    ]
