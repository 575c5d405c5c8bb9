"""A column is declared once: what is queried, shown, typed and locked follows from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.model.exceptions import EXCEPTION_EVENT
from gateway.workbooks import book_data, columns
from gateway.workbooks.book_data import BookData
from gateway.workbooks.cells import Column, Kind
from gateway.workbooks.exception_book import write_exception_book
from tests.workbooks.reading import rows_of
from tests.workbooks.samples import RUN, exception, table


def test_a_column_of_the_exception_workbook_is_added_in_one_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    added = Column("key", Kind.TEXT, source="business_key")
    grown = (*columns.EXCEPTIONS[:4], added, *columns.EXCEPTIONS[4:])
    monkeypatch.setattr(columns, "EXCEPTIONS", grown)
    monkeypatch.setitem(book_data.SCHEMAS, "exceptions", columns.schema_of(grown))
    data = BookData(RUN, exceptions=table("exceptions", [exception(1) | {"business_key": "3PL-E|SKU-1"}]))
    write_exception_book(tmp_path / "e.xlsx", data)
    (row,) = rows_of(tmp_path / "e.xlsx", "EXCEPTIONS", "exception_id")
    assert list(row)[3:6] == ["code", "key", "message"] and row["key"] == "3PL-E|SKU-1"
    locked = [meta["value"] for meta in rows_of(tmp_path / "e.xlsx", "_META", "kind") if meta["kind"] == "locked"]
    assert locked.index("key") == 4


def test_what_is_queried_of_an_exception_is_in_the_model_or_named_by_its_report() -> None:
    known = {column.name for column in EXCEPTION_EVENT.all_columns} | {"source_file"}
    assert set(columns.queried(columns.EXCEPTIONS)) <= known


@pytest.mark.parametrize("name", columns.TABLES)
def test_a_list_is_sound(name: str) -> None:
    listed = columns.TABLES[name]
    names = [column.name for column in listed]
    assert len(set(names)) == len(names)
    assert columns.schema_of(listed).names == [
        column.source or column.name for column in listed if not column.made and not column.editable
    ]
    for column in listed:
        assert not (column.editable and (column.made or column.source or column.formula)), column.name
        assert column.shown or not (column.editable or column.made), column.name
    assert [column.name for column in columns.shown(listed)] == [c.name for c in listed if c.shown]
