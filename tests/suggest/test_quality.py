"""Drafts of the packs' own samples, each with its pack taken away: most fields right, nothing sure that is wrong."""

from __future__ import annotations

from pathlib import Path

from tests.suggest.measure import measured


def test_drafts_of_tables_are_mostly_right_and_what_they_call_sure_is_right(tmp_path: Path) -> None:
    found = list(measured(("delimited", "workbook"), tmp_path))
    assert len(found) > 35
    assert [line for one in found for line in one.wrong] == []
    assert sum(one.right for one in found) >= 0.8 * sum(one.fields for one in found)
    assert sum(one.sure for one in found) > 90
