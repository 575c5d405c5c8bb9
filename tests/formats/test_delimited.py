from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.config import Limits
from gateway.errors import FileError
from gateway.formats import delimited
from gateway.formats.contract import ReadRequest


def read(path: Path, content: bytes, **options: Any) -> tuple[list[dict[str, Any]], delimited.Reading]:
    path.write_bytes(content)
    reading = delimited.read(ReadRequest(path, "sample.csv", Limits(), options))
    return [row for batch in reading for row in batch.to_pylist()], reading


cell = st.text(alphabet=st.sampled_from("ab,\"\n' é1"), max_size=6)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(cell, cell, cell), max_size=12))
def test_same_rows_and_lines_as_the_standard_library(tmp_path: Path, table: list[tuple[str, str, str]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["a", "b", "c"])
    writer.writerows(table)
    expected, line = [], 2
    for row in table:
        if any(value.strip() for value in row):
            expected.append((f"line {line}", *row))
        line += 1 + sum(value.count("\n") for value in row)
    rows, reading = read(tmp_path / "f.csv", text.getvalue().encode())
    assert [(row["_position"], row["a"], row["b"], row["c"]) for row in rows] == expected
    assert reading.received == len(expected)


def test_true_lines_behind_bad_and_many_line_rows(tmp_path: Path) -> None:
    content = b'pre\n\na,b\n1,"x\ny"\nbad\n2,z\n\n3,w\ntoo,many,cells\n4,v\n'
    rows, reading = read(tmp_path / "f.csv", content, header={"contains": ["a", "b"]})
    assert [row["_position"] for row in rows] == ["line 4", "line 7", "line 9", "line 11"]
    assert [fault.position for fault in reading.faults] == ["line 6", "line 10"]
    assert reading.faults[0].row == {"#raw": "bad"}
    assert reading.received == 6


@pytest.mark.parametrize(
    ("content", "options"),
    [
        ("a;b\nä;2\n".encode("utf-16"), {"delimiter": "semicolon"}),
        ("a;b\nä;2\n".encode("cp1252"), {"delimiter": "semicolon", "encoding": "auto"}),
        (b"\xef\xbb\xbf" + "a;b\nä;2\n".encode(), {"delimiter": "auto"}),
        ("a;b\rä;2\r".encode(), {"delimiter": "semicolon"}),
        ("a;b\r\nä;2\r\n".encode(), {"delimiter": "semicolon"}),
    ],
)
def test_encodings_and_line_ends(tmp_path: Path, content: bytes, options: dict[str, Any]) -> None:
    rows, reading = read(tmp_path / "f.csv", content, **options)
    assert reading.columns == ("a", "b")
    assert [(row["_position"], row["a"], row["b"]) for row in rows] == [("line 2", "ä", "2")]


def test_a_quote_that_is_never_closed_names_its_line(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="line 3") as caught:
        read(tmp_path / "f.csv", b'a,b\n1,2\n3,"open\n5,6\n7,8\n')
    assert "never closed" in str(caught.value)


def test_wrong_encoding_names_line_and_mend(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="line 3") as caught:
        read(tmp_path / "f.csv", b"a,b\n1,2\n3,\xe4\n")
    assert "cp1252" in caught.value.hint


def test_empty_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="empty"):
        read(tmp_path / "f.csv", b"")


def test_a_header_that_is_not_there_is_told_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="SKU, On Hand"):
        read(tmp_path / "f.csv", b"SKU,Qty\n1,2\n", header={"contains": ["SKU", "On Hand"]})


def test_nameless_and_doubled_columns(tmp_path: Path) -> None:
    _, reading = read(tmp_path / "f.csv", b"id,,qty,qty\n1,2,3,4\n")
    assert reading.columns == ("id", "#2", "qty", "qty#2")


@pytest.mark.parametrize(
    "content",
    [
        "sku;name\na;x, y\n",
        "sku;name\na;one, two, three\nb;four, five, six\nc;\n",
        "sku;price;cost\na;1,50;0,75\nb;2,50;1,25\n",
        'sku\tname\na\t"x; y; z"\nb\tp|q|r\n',
        "report of today, all shops\n\nsku;name;qty\na;x;1\nb;y;2\n",
    ],
)
def test_the_delimiter_is_the_mark_that_most_lines_share(tmp_path: Path, content: str) -> None:
    options = {"delimiter": "auto", "header": {"contains": ["sku"]}}
    rows, _ = read(tmp_path / "f.csv", content.encode(), **options)
    assert [row["sku"] for row in rows][:2] == ["a", "b"][: len(rows)]
