"""Characters that nobody sees in codes and identifiers."""

from __future__ import annotations

from pathlib import Path

from gateway.home import Home
from tests.test_reported_tables import RECORD, STOCK, read


def test_an_invisible_character_in_a_key_is_reported(reader: Home, tmp_path: Path) -> None:
    file = tmp_path / "count.csv"
    file.write_text("SKU,Qty,Date\n\u200eMUG,5,2026-11-01\nMU\u200bG,1,2026-11-01\nM\0UG,2,2026-11-01\n")
    result = read(reader, tmp_path, STOCK + RECORD, file)
    assert [(fault["position"], fault["code"], fault["message"]) for fault in result["faults"]] == [
        ("line 3", "ROW_DOUBTFUL", '"MU<U+200B ZERO WIDTH SPACE>G" has a character that nobody sees (1 row)'),
        ("line 4", "ROW_DOUBTFUL", '"M<U+0000 NUL>UG" has a character that nobody sees (1 row)'),
    ]
    assert result["counts"]["accepted"] == 3
