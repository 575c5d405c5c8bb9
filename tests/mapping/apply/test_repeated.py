"""Rows of items: what stands beside them is bounded."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.errors import FileError
from gateway.formats.text import delimited
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
