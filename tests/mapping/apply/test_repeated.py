"""Rows of items: what stands beside them is bounded."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.errors import FileError
from gateway.formats.text import delimited
from gateway.mapping.apply import repeated
from gateway.mapping.apply.repeated import Repeated
from gateway.mapping.language.repeat import Repeat
from gateway.reading import ReadRequest
from gateway.settings import Limits


def test_items_that_make_more_rows_than_a_file_may_have_bytes_are_refused(tmp_path: Path) -> None:
    """A list of 1,000 items beside a text of 1,000 characters is a file of 3 KB and rows of a megabyte."""
    path = tmp_path / "a.csv"
    path.write_text(f"Note,Items\n{'n' * 1_000},{'A|' * 1_000}\n")
    repeat = Repeat(cell="Items", separator="|", parts="(?P<SKU>.*)")

    def rows(limits: Limits) -> int:
        request = ReadRequest(path, "a.csv", limits)
        return sum(batch.num_rows for batch in Repeated(delimited.read(request), repeat, request, ("Note",)))

    assert rows(Limits()) == 1_000
    with pytest.raises(FileError, match=r"rows of more than 500000 bytes \(limits.file_bytes_max\)") as caught:
        rows(Limits(file_bytes_max=500_000))
    assert caught.value.position == "line 2, Items 1"


LISTS = "Note,Items\nfirst,a|b|c\nsecond,\nthird,d| |e\nfourth,f\n"


def items(path: Path, limits: Limits) -> list[tuple[str, str, str]]:
    """(position, what stands beside it, item) of each row that is made."""
    repeat = Repeat(cell="Items", separator="|", parts="(?P<SKU>.*)")
    request = ReadRequest(path, path.name, limits)
    rows = Repeated(delimited.read(request), repeat, request, ("Note",))
    made = [row for batch in rows for row in batch.to_pylist()]
    assert rows.received == len(made)
    return [(row["_position"], row["Note"], row["Items/SKU"]) for row in made]


def test_a_cell_with_more_items_than_the_settings_allow_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"Note,Items\nn,a|b\nn,{'A|' * 10}\n")
    with pytest.raises(FileError, match="has 11 items, blank ones included: more than") as caught:
        items(path, Limits(items_per_cell_max=10))
    assert caught.value.position == "line 3"
    assert len(items(path, Limits(items_per_cell_max=11))) == 12


def test_lists_of_many_rows_are_taken_apart_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.csv"
    path.write_text(LISTS)
    want = [
        ("line 2, Items 1", "first", "a"),
        ("line 2, Items 2", "first", "b"),
        ("line 2, Items 3", "first", "c"),
        ("line 3", "second", ""),
        ("line 4, Items 1", "third", "d"),
        ("line 4, Items 2", "third", "e"),
        ("line 5, Items 1", "fourth", "f"),
    ]
    for at_once in (1_000_000, 4, 1):
        monkeypatch.setattr(repeated, "ITEMS_AT_ONCE", at_once)
        assert items(path, Limits()) == want
