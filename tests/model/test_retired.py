"""Columns that nothing writes are marked so, and no page shows them."""

from __future__ import annotations

from gateway.model import TABLES
from gateway.model.page import page


def test_retired_columns_stay_in_the_tables_and_off_the_page() -> None:
    retired = {f"{table.name}.{column.name}" for table in TABLES.values() for column in table.columns if column.retired}
    assert retired == {"file.expected_by", "journal_line.fx_rate"}
    assert "expected_by" not in page()
