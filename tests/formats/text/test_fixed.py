"""Fixed-width text: places, tags, reach of other lines, short lines, encodings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.errors import FileError, HouseError
from gateway.formats import encoding, header
from gateway.formats.text import fixed
from gateway.reading import Reading, ReadRequest
from gateway.settings import Limits

PLAIN = [{"name": "SKU", "start": 1, "width": 6}, {"name": "Qty", "start": 7, "width": 4}]
TAGGED = {
    "tag": {"start": 1, "width": 2},
    "skip": ["05"],
    "columns": [
        {"name": "Batch", "start": 3, "width": 4, "record": "00"},
        {"name": "SKU", "start": 3, "width": 5, "record": "10"},
        {"name": "Qty", "start": 8, "width": 3, "record": "10"},
        {"name": "Lot", "start": 3, "width": 4, "record": "15", "within": "10"},
        {"name": "Bin", "start": 3, "width": 2, "record": "20"},
        {"name": "Units", "start": 3, "width": 3, "record": "90", "reach": "below", "within": "00"},
    ],
}
BATCHES = """00B001
05 printed on Monday
10SKU-1  5
15LOT1
20A1
20A2
10SKU-2 12
20A3
90 17
00B002
10SKU-3  1
20A4
"""


def read(
    path: Path, content: bytes | str, each: str | None = None, limits: Limits | None = None, **options: Any
) -> Reading:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return fixed.read(ReadRequest(path, "sample.txt", limits or Limits(), options, each))


def rows(reading: Reading) -> list[list[Any]]:
    found = [list(row.values()) for batch in reading for row in batch.to_pylist()]
    assert [row[0] for row in found] == list(range(len(found)))
    assert reading.received == len(found) + len(reading.faults)
    return [[row[1], *row[3:]] for row in found]


def test_columns_stand_where_they_are_declared(tmp_path: Path) -> None:
    found = rows(read(tmp_path / "a", "SKU-1    5\nSKU 22  12 more\n\n00003  007\n", columns=PLAIN))
    assert found == [["line 1", "SKU-1", "5"], ["line 2", "SKU 22", "12"], ["line 4", "00003", "007"]]


def test_short_lines_are_rejected_or_padded_as_declared(tmp_path: Path) -> None:
    content = "SKU-1    5\nSKU-2\nSKU-3   6\n"
    reading = read(tmp_path / "a", content, columns=PLAIN)
    assert rows(reading) == [["line 1", "SKU-1", "5"]]
    assert [(fault.position, dict(fault.row)) for fault in reading.faults] == [
        ("line 2", {"#raw": "SKU-2"}),
        ("line 3", {"#raw": "SKU-3   6"}),
    ]
    assert "5 characters" in reading.faults[0].message
    padded = rows(read(tmp_path / "a", content, columns=PLAIN, short="pad"))
    assert padded == [["line 1", "SKU-1", "5"], ["line 2", "SKU-2", ""], ["line 3", "SKU-3", "6"]]


@pytest.mark.parametrize(
    ("content", "options"),
    [
        ("é-1      5\r\n".encode("cp1252"), {"encoding": "cp1252"}),
        ("é-1      5\r\n".encode("cp1252"), {"encoding": "auto"}),
        ("\ufeffé-1      5\n".encode(), {}),
        ("é-1      5\n".encode("utf-16"), {}),
        ("é-1      5\ré-1      5".encode(), {}),
        ("é-1      5\x85".encode("cp037"), {"encoding": "cp037"}),
        ("é-1      5\n\x1a".encode(), {}),
        ("title\n\né-1      5\n".encode(), {"preamble": 2}),
    ],
)
def test_encodings_and_line_ends(tmp_path: Path, content: bytes, options: dict[str, Any]) -> None:
    found = rows(read(tmp_path / "a", content, columns=PLAIN, **options))
    assert {tuple(row[1:]) for row in found} == {("é-1", "5")}
    assert found[-1][0] == f"line {len(found) + options.get('preamble', 0)}"


def test_rows_of_a_tag_reach_the_lines_above_and_below_them(tmp_path: Path) -> None:
    reading = read(tmp_path / "a", BATCHES, "20", **TAGGED)
    assert reading.columns == ("Bin", "Batch", "SKU", "Qty", "Lot", "Units")
    assert rows(reading) == [
        ["line 5", "A1", "B001", "SKU-1", "5", "LOT1", "17"],
        ["line 6", "A2", "B001", "SKU-1", "5", "LOT1", "17"],
        ["line 8", "A3", "B001", "SKU-2", "12", None, "17"],
        ["line 12", "A4", "B002", "SKU-3", "1", None, None],
    ]
    assert [row[0] for row in rows(read(tmp_path / "a", BATCHES, "90", **TAGGED))] == ["line 9"]


def test_only_wanted_columns_of_other_lines_are_given(tmp_path: Path) -> None:
    (tmp_path / "a").write_text(BATCHES)
    reading = fixed.read(ReadRequest(tmp_path / "a", "a", Limits(), TAGGED, "10", ("SKU", "Batch")))
    assert reading.columns == ("SKU", "Qty", "Batch")
    assert [row[3] for row in rows(reading)] == ["B001", "B001", "B002"]


@pytest.mark.parametrize("line", ["77 what is this", "  no tag at all"])
def test_a_tag_that_nobody_named_refuses_the_file(tmp_path: Path, line: str) -> None:
    with pytest.raises(FileError, match=r"line 13.*which the mapping does not name"):
        rows(read(tmp_path / "a", BATCHES + line + "\n", "10", **TAGGED))


@pytest.mark.parametrize(
    ("options", "each", "message"),
    [
        ({"columns": []}, None, "columns"),
        ({"columns": [{"name": "a", "start": 0, "width": 1}]}, None, "start"),
        ({"columns": [{"name": "a", "start": 1, "width": 1, "record": "10"}]}, None, "tag"),
        ({"columns": PLAIN, "tag": {"start": 1, "width": 1}}, None, "record"),
        ({"columns": [PLAIN[0], PLAIN[0]]}, None, "same name"),
        ({"columns": PLAIN}, "10", "each"),
        (TAGGED, None, "each = one of 00, 10"),
        (TAGGED, "05", "each = one of 00, 10"),
    ],
)
def test_what_is_declared_wrong_is_reported(
    tmp_path: Path, options: dict[str, Any], each: str | None, message: str
) -> None:
    with pytest.raises(HouseError, match=message):
        read(tmp_path / "a", "x\n", each, **options)


@pytest.mark.parametrize(
    ("content", "limit", "message"),
    [
        (b"", {}, "empty"),
        (b"SKU-1    5\n" * 9, {"file_bytes_max": 50}, "file_bytes_max"),
        (b"SKU-1    5\n" * 9, {"rows_per_file_max": 8}, "rows_per_file_max"),
        (b"short\n" * 9, {"faults_per_file_max": 8}, "faults_per_file_max"),
        (b"x" * 2000, {"cell_bytes_max": 100}, "line is longer"),
        (b"SKU-1    5\nSK\xff-2   5\n", {}, "line 2.*0xff"),
    ],
)
def test_limits_and_broken_bytes(tmp_path: Path, content: bytes, limit: dict[str, int], message: str) -> None:
    with pytest.raises(FileError, match=message):
        rows(read(tmp_path / "a", content, None, Limits(**limit), columns=PLAIN))


cell = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp", "Zs")), max_size=6)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(cell, cell), max_size=20), st.integers(1, 40))
def test_what_was_put_in_comes_out(tmp_path: Path, table: list[tuple[str, str]], chunk: int) -> None:
    whole = encoding.CHUNK_BYTES
    encoding.CHUNK_BYTES = chunk
    try:
        content = "".join(f"{a:6}{b:6}\n" for a, b in table) or "\n"
        found = rows(read(tmp_path / "a", content, columns=[PLAIN[0], {"name": "b", "start": 7, "width": 6}]))
    finally:
        encoding.CHUNK_BYTES = whole
    expected = [[f"line {n}", *pair] for n, pair in enumerate(table, start=1) if any(pair)]
    assert found == expected


def test_a_key_that_is_missing_is_named_where_no_option_is_given() -> None:
    with pytest.raises(HouseError, match="`columns` is missing"):
        header.options(fixed.Options, {}, "fixed")
