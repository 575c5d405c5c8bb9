from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.errors import FileError, HouseError
from gateway.formats.text import arrow_rows, delimited
from gateway.reading import ReadRequest
from gateway.settings import Limits
from tests.conftest import case


def read(path: Path, content: bytes, **options: Any) -> tuple[list[dict[str, Any]], delimited.Reading]:
    path.write_bytes(content)
    reading = delimited.read(ReadRequest(path, "sample.csv", Limits(), options))
    return [row for batch in reading for row in batch.to_pylist()], reading


# A cell with both delimiters and line ends may be what a stray quote swallowed, and an apostrophe before a digit is not
# shown: both have tests of their own.
cell = st.one_of(st.text(alphabet=st.sampled_from(f"ab{mark}\"' é1"), max_size=6) for mark in ",\n").filter(
    lambda text: not text.strip().startswith("'1")
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(cell, cell, cell), max_size=12))
def test_same_rows_and_lines_as_the_standard_library(tmp_path: Path, table: list[tuple[str, str, str]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["A", "B", "C"])
    writer.writerows(table)
    expected, line = [], 2
    for row in table:
        if any(value.strip() for value in row):
            expected.append((f"line {line}", *row))
        line += 1 + sum(value.count("\n") for value in row)
    rows, reading = read(tmp_path / "f.csv", text.getvalue().encode())
    assert [(row["_position"], row["A"], row["B"], row["C"]) for row in rows] == expected
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


@pytest.mark.parametrize("content", [b"a,b\n1,2\n3,\xe4\n", b"a,b\n1,2\n3,4,\xe4", b"a,b\n1,2\n3,4,\xe4\n"])
def test_wrong_encoding_names_line_and_fix(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(FileError, match="line 3") as caught:
        read(tmp_path / "f.csv", content)
    assert "cp1252" in caught.value.hint


def test_empty_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="empty"):
        read(tmp_path / "f.csv", b"")


def test_a_header_that_is_not_there_is_reported_with_the_nearest(tmp_path: Path) -> None:
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


# --- every setting ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "options"),
    [
        ("a|b\n1|2\n", {"delimiter": "pipe"}),
        ("a b\n1 2\n", {"delimiter": "space"}),
        ("a^b\n1^2\n", {"delimiter": "^"}),
        ("a§b\n1§2\n", {"delimiter": "§"}),
        ("a\tb\n1\t2\n", {"delimiter": "auto"}),
        ("a,b\n'1','2'\n", {"quote": "'"}),
        ("a,b\n1,2", {}),
        ("\n\n,,\n , \na,b\n1,2\n", {"header": {"contains": ["A", " b "]}}),
        ("made on Monday\nby us\na,b\n1,2\n", {"header": {"row": 3}}),
        ("1,2\n", {"header": False, "columns": ["a", "b"]}),
        ("\ufeff1,2\n", {"header": False, "columns": ["a", "b"]}),
        ("# made, by us\na,b\n# 'odd\n1,2\n#\n", {"comment": "#"}),
        ('# an "odd quote\na,b\n1,2\n', {"comment": "#"}),
        ('"a","b"\n"1","2"\n', {}),
        ("a,b\r\n1,2\r\n\r\n", {}),
        ("a,b\n1,2\n,\n \n", {}),
    ],
)
def test_every_setting(tmp_path: Path, content: str, options: dict[str, Any]) -> None:
    rows, reading = read(tmp_path / "f.csv", content.encode(), **options)
    assert [(row["a"], row["b"]) for row in rows] == [("1", "2")]
    assert (reading.received, reading.faults) == (1, [])


def test_a_header_over_two_lines_is_one_name(tmp_path: Path) -> None:
    content = b'"On\nhand",b\n1,2\n'
    for options in ({}, {"header": {"contains": ["on hand"]}}):
        rows, reading = read(tmp_path / "f.csv", content, **options)
        assert reading.columns == ("On hand", "b")
        assert [row["_position"] for row in rows] == ["line 3"]


def test_quotes_written_with_a_backslash_are_quotes_and_are_reported(tmp_path: Path) -> None:
    content = (
        b'a,b,c\nA,"19\\"",1\nB,"a \\"big\\" one\nof two lines, 5\\" wide",2\n'
        b'C,"C:\\dir\\",3\nD,5\\" pipe,4\nE,"x\\""y",5\nF,"last \\"one\\"",6\n'
    )
    rows, reading = read(tmp_path / "f.csv", content)
    assert [(row["a"], row["b"], row["c"]) for row in rows] == [
        ("A", '19"', "1"),
        ("B", 'a "big" one\nof two lines, 5" wide', "2"),
        ("C", "C:\\dir\\", "3"),
        ("D", '5\\" pipe', "4"),
        ("E", 'x\\"y', "5"),
        ("F", 'last "one"', "6"),
    ]
    [fault] = reading.faults
    assert (fault.code, fault.position, fault.message) == (
        "ROW_DOUBTFUL",
        "line 2",
        '6 quotes are written \\" in this file, which is no standard: read as "',
    )
    rows, reading = read(tmp_path / "f.csv", b'a,b\n"C:\\dir\\",1\n"D:\\",2\n')
    assert ([row["a"] for row in rows], reading.faults) == (["C:\\dir\\", "D:\\"], [])


def test_without_a_quote_character_quotes_are_text(tmp_path: Path) -> None:
    rows, _ = read(tmp_path / "f.csv", b'a,b\n"1,5" x\n', quote="")
    assert [(row["a"], row["b"]) for row in rows] == [('"1', '5" x')]


def test_a_comment_within_quotes_is_text(tmp_path: Path) -> None:
    rows, _ = read(tmp_path / "f.csv", b'a,b\n#x\n"1\n# kept\n",2\n#y\n3,4\n', comment="#")
    assert [(row["_position"], row["a"]) for row in rows] == [("line 3", "1\n# kept\n"), ("line 7", "3")]


def test_short_rows_are_padded_on_demand_and_long_ones_never_cut(tmp_path: Path) -> None:
    rows, reading = read(tmp_path / "f.csv", b"a,b,c\n1\n1,2,3\n1,2,3,4\n", ragged="pad")
    assert [[row[name] for name in "abc"] for row in rows] == [["1", "", ""], ["1", "2", "3"]]
    assert [(fault.position, fault.row["#raw"]) for fault in reading.faults] == [("line 4", "1,2,3,4")]


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("delimiter", "||"),
        ("delimiter", ""),
        ("quote", "''"),
        ("header", {}),
        ("header", {"row": 0}),
        ("header", {"row": 1, "contains": ["a"]}),
        ("ragged", "cut"),
        ("colour", "red"),
        ("encoding", "klingon"),
        ("encoding", "rot13"),
    ],
)
def test_wrong_settings_are_reported(tmp_path: Path, option: str, value: Any) -> None:
    with pytest.raises(HouseError, match=option):
        read(tmp_path / "f.csv", b"a,b\n", **{option: value})


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (b"a,b\n" + b"\n" * 300 + b"SKU,Qty\n", {"header": {"contains": ["SKU"]}}, "first 200 rows"),
        (b"a,b\n1,2\n", {"header": {"row": 9}}, "no header in row 9"),
        (b"\n\n", {}, "no rows"),
        ("a,b\né,2\n".encode("utf-16")[:-3], {}, "utf-16"),
        (b'a,b\n"x\n' + b"y" * 3_000_000, {}, "line 2"),
        (b'a,b\n1,2\n1,"2\n' * 3, {}, "never closed|line"),
        (b"a,b\n1," + b"x" * 1_200_000 + b"\n", {}, "cell_bytes_max"),
        (b'a,b\n1,"' + b"x" * 1_200_000 + b'"\n', {}, "cell_bytes_max|limit"),
        (b"a,b\n1," + b"x" * 9_000_000 + b"\n", {}, "longer than|cell_bytes_max"),
    ],
)
def test_what_cannot_be_trusted_is_refused(
    tmp_path: Path, content: bytes, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(FileError, match=message) as caught:
        read(tmp_path / "f.csv", content, **options)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        ({"file_bytes_max": 10}, "file_bytes_max"),
        ({"rows_per_file_max": 2}, "rows_per_file_max"),
        ({"columns_max": 1}, "columns_max"),
        ({"faults_per_file_max": 0}, "faults_per_file_max"),
        ({"cell_bytes_max": 3}, "cell_bytes_max|limit"),
    ],
)
@pytest.mark.parametrize("quote", ["", '"'])
def test_limits_are_held(tmp_path: Path, limit: dict[str, int], message: str, quote: str) -> None:
    path = tmp_path / "f.csv"
    path.write_text(f"a,b\n1,{quote}{quote}\n1\n3,4567\n5,6\n7,8\n")
    with pytest.raises(FileError, match=message):
        list(delimited.read(ReadRequest(path, "f.csv", Limits(**limit))))


def test_a_line_in_utf8_within_other_text_is_reported(tmp_path: Path) -> None:
    lines = ["a,b", "1,Caf\u00e9", "2,\u00abCAF\u00c9\u00bb", "3,x"]
    plain = "\n".join(lines).encode("latin-1")
    assert read(tmp_path / "f.csv", plain, encoding="auto")[1].faults == []
    rows, reading = read(tmp_path / "f.csv", plain + "\n4,M\u00fcsli\n".encode(), encoding="auto")
    assert (len(rows), [(fault.code, fault.position) for fault in reading.faults]) == (4, [("ROW_DOUBTFUL", "line 5")])


@pytest.mark.parametrize(
    "text",
    [
        'a, "b", c\n1, "2, 3", 4\n"5", 6, " 7"\n',
        '"a,b,c"\n"1,""2, 3"",4"\n"5,6, 7"\n',
        'a,b,c\n"1,""2, 3"",4"\n5,6, 7\n',
    ],
)
def test_blanks_before_quotes_and_rows_in_quotes_as_a_whole(tmp_path: Path, text: str) -> None:
    rows, reading = read(tmp_path / "f.csv", text.encode())
    assert reading.columns == ("a", "b", "c")
    assert [[row[name].strip() for name in "abc"] for row in rows] == [["1", "2, 3", "4"], ["5", "6", "7"]]
    assert reading.faults == []


def test_undecodable_bytes_far_behind_are_reported_with_their_line(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="line 200002"):
        read(tmp_path / "f.csv", b"a,b\n" + b"12345678,1234567890\n" * 200_000 + b"\xff,1\n")


piece = st.sampled_from(
    ["a", "b", ",", ",", "\n", "\n", "\r\n", '"', '""', ' "', "é", "x,y\n", '"x\ny",z\n', "\n\n", ",,\n", "1,2,3\n"]
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(piece, max_size=40).map("".join), st.sampled_from([64, 200, 4 << 20]))
def test_both_ways_give_the_same(tmp_path: Path, body: str, block: int) -> None:
    """Whatever Arrow reads, the standard library reads too: the same rows, lines and faults, or the same refusal."""

    def outcome(plain: bool) -> Any:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(arrow_rows, "BLOCK_BYTES", block)
            if not plain:
                patch.setattr(delimited._Delimited, "_plain", lambda self, octets: False)
            try:
                rows, reading = read(tmp_path / "f.csv", f"p,q\n{body}".encode())
            except FileError as error:
                return None if "longer than" in str(error) else type(error)
            places = [(fault.position, dict(fault.row)["#raw"].strip("\r\n")) for fault in reading.faults]
            return rows, reading.received, sorted(places)  # Arrow gives rows of other widths first

    by_arrow = outcome(plain=True)
    if by_arrow is not None:  # a row longer than the block, which is small here
        assert by_arrow == outcome(plain=False)


def test_rejected_rows_keep_their_lines_where_arrow_reads_ahead(tmp_path: Path) -> None:
    lines = ["bad" if n % 1000 == 0 else f"{n},{'x' * 60}" for n in range(2, 150_000)]
    rows, reading = read(tmp_path / "f.csv", ("a,b\n" + "\n".join(lines)).encode())
    assert all(row["_position"] == f"line {row['a']}" for row in rows)
    assert [fault.position for fault in reading.faults] == [f"line {n}" for n in range(1000, 150_000, 1000)]


# --- tables as programs and people damage them ----------------------------------------------------------


def cells(rows: list[dict[str, Any]]) -> list[list[str]]:
    return [[text for name, text in row.items() if not name.startswith("_")] for row in rows]


@pytest.mark.parametrize(("name", "titles"), [("returns.txt", 4), ("returns-same-title.txt", 4)])
def test_stray_quotes_of_tab_files_are_text(tmp_path: Path, name: str, titles: int) -> None:
    content = (case("table-08-fba-return-stray-quotes") / name).read_bytes()
    for quote in ("", "auto"):
        rows, reading = read(tmp_path / "f.csv", content, delimiter="tab", quote=quote)
        assert [row["license-plate-number"] for row in rows] == ["LPN1", "LPN2", "LPN3", "LPN4"]
        assert rows[0]["product-name"].startswith('"Nora lamp') and reading.faults == []


def test_automatic_quotes_are_those_of_the_header(tmp_path: Path) -> None:
    assert cells(read(tmp_path / "f.csv", b'"a"\t"b"\n"1"\t"2\t3"\n', delimiter="tab", quote="auto")[0]) == [
        ["1", "2\t3"]
    ]
    assert cells(read(tmp_path / "f.csv", b'a,b\n1,"2,3"\n', delimiter="auto", quote="auto")[0]) == [["1", "2,3"]]


@pytest.mark.parametrize("end", ["\n", "\nZ,9,z,9\n", '\nZ,"odd,z,9\n'])
@pytest.mark.parametrize(
    ("swallowed", "lines"),
    [
        ('A,"wrong size,x,1\nB,12",y,2', "line 2"),  # in the same column of the next row
        ('A,"wrong size,x,1\nM,5,m,5\nB,12",y,2', "line 2"),  # with a row between
        ('"A,1,x,1\n"B,2,y,2', "line 2"),  # text follows the second quote
        ('A,1,x,"1\nB,2,y,2"', "line 2"),  # in the last column
        ('A,"1,x,1\nB,2,y,"2', "line 2"),  # not in the same column: too few cells
    ],
)
def test_rows_that_a_quote_swallowed_are_reported(tmp_path: Path, swallowed: str, lines: str, end: str) -> None:
    content = f"sku,note,by,qty\n{swallowed}{end}".encode()
    if content.count(b'"') % 2:
        with pytest.raises(FileError, match="never closed"):
            read(tmp_path / "f.csv", content)
        return
    rows, reading = read(tmp_path / "f.csv", content)
    assert cells(rows) == ([["Z", "9", "z", "9"]] if end != "\n" else [])
    assert [(fault.position, fault.code) for fault in reading.faults] == [(lines, "ROW_REJECT")]
    closes = 1 + len(swallowed.split("\n"))
    assert f"closes in line {closes}" in reading.faults[0].message and 'quote = ""' in reading.faults[0].hint


def test_texts_over_several_lines_are_no_swallowed_rows(tmp_path: Path) -> None:
    content = b'sku,note,by,qty\nA,"1 Road\nTown, State",x,1\nB,"one, two, three",y,2\nC,"a\n\nb",z,3\n'
    rows, reading = read(tmp_path / "f.csv", content)
    assert ([row["qty"] for row in rows], reading.faults) == (["1", "2", "3"], [])


@pytest.mark.parametrize("name", ["stock-a.csv", "stock-b.csv", "stock-c.csv"])
@pytest.mark.parametrize("delimiter", ["auto", "comma", "semicolon"])
def test_excels_hint_of_the_delimiter_decides(tmp_path: Path, name: str, delimiter: str) -> None:
    rows, _ = read(tmp_path / "f.csv", (case("table-10-sep-line") / name).read_bytes(), delimiter=delimiter)
    assert [(row["_position"], row["SKU"], row["Qty"]) for row in rows] == [("line 3", "MUG-BLUE", "5")]


def test_a_hint_stands_above_rows_without_a_header_too(tmp_path: Path) -> None:
    rows, _ = read(tmp_path / "f.csv", b"sep=|\n1|2\n", header=False, columns=["a", "b"])
    assert [(row["_position"], row["a"], row["b"]) for row in rows] == [("line 2", "1", "2")]


@pytest.mark.parametrize("above", ["UTF-8", "Stock report;2026-08-01", "Shop;A;B;C\n\nmade by;me"])
def test_a_line_above_the_header_is_none(tmp_path: Path, above: str) -> None:
    path = tmp_path / "f.csv"
    path.write_text(f"{above}\nSKU;Qty;Date\nMUG-BLUE;5;2026-08-01\n")
    request = ReadRequest(path, "f.csv", Limits(), {"delimiter": "semicolon"}, columns=("SKU", "Qty", "Date", "Lot"))
    assert delimited.read(request).columns == ("SKU", "Qty", "Date")
    renamed = ReadRequest(path, "f.csv", Limits(), {"delimiter": "semicolon"}, columns=("Artikel", "Menge"))
    assert delimited.read(renamed).columns[0] == above.split(";", maxsplit=1)[0]


@pytest.mark.parametrize("name", ["both", "first-row-only", "header-only", "rows-only"])
def test_blank_cells_behind_the_last_column_are_nothing(tmp_path: Path, name: str) -> None:
    content = (case("table-12-trailing-delimiter") / f"stock-{name}.csv").read_bytes()
    for options in ({}, {"ragged": "pad"}):
        rows, reading = read(tmp_path / "f.csv", content, **options)
        assert [row[:3] for row in cells(rows)] == [["MUG-BLUE", "5", "2026-08-01"], ["LAMP-01", "7", "2026-08-01"]]
        assert ([row["_position"] for row in rows], reading.received) == (["line 2", "line 3"], 2)


def test_rows_that_fit_after_all_keep_their_places(tmp_path: Path) -> None:
    lines = [f"{n},x,," if n % 3 == 0 else f"{n},bad,y" if n % 7 == 0 else f"{n},x" for n in range(2, 3000)]
    for ragged in ("reject", "pad"):
        rows, reading = read(tmp_path / "f.csv", ("a,b\n" + "\n".join(lines)).encode(), ragged=ragged)
        assert [row["_position"] for row in rows] == [f"line {row['a']}" for row in rows]
        assert len(rows) + len(reading.faults) == reading.received == 2998
        assert {int(fault.position[5:]) % 7 for fault in reading.faults} == {0}


@pytest.mark.parametrize("name", ["stock-nul.csv", "stock-nul-tail.csv"])
def test_nul_octets_are_no_text_and_no_rows(tmp_path: Path, name: str) -> None:
    content = (case("table-13-nul-bytes") / name).read_bytes()
    rows, reading = read(tmp_path / "f.csv", content)
    assert [[text.strip("\0") for text in row] for row in cells(rows)] == [
        ["MUG-BLUE", "5", "2026-08-01"],
        ["LAMP-01", "7", "2026-08-01"],
    ]
    assert (reading.received, delimited.sniff(content, name)) == (2, True)


@pytest.mark.parametrize("quoted", [False, True])
def test_a_header_once_more_is_no_row(tmp_path: Path, quoted: bool) -> None:
    content = (case("table-14-concatenated-exports") / "stock.csv").read_bytes()
    rows, reading = read(tmp_path / "f.csv", content.replace(b"MUG-BLUE", b'"MUG-BLUE"') if quoted else content)
    assert [(row["_position"], row["SKU"]) for row in rows] == [("line 2", "MUG-BLUE"), ("line 4", "LAMP-01")]
    assert (reading.received, reading.faults) == (2, [])


@pytest.mark.parametrize("ragged", ["reject", "pad"])
def test_another_header_is_refused(tmp_path: Path, ragged: str) -> None:
    with pytest.raises(FileError, match="another header stands here: Qty, SKU") as caught:
        read(tmp_path / "f.csv", b"SKU,Qty\nA,1\nQty,SKU\n7,B\n", ragged=ragged)
    assert caught.value.position == "line 3"


@pytest.mark.parametrize("ragged", ["reject", "pad"])
def test_a_text_written_as_a_formula_is_the_text(tmp_path: Path, ragged: str) -> None:
    content = b'a,b\n="00123",="1"\n"=""0""""7""",=1+1\n="",x\n'
    rows, _ = read(tmp_path / "f.csv", content, ragged=ragged)
    assert cells(rows) == [["00123", "1"], ['0"7', "=1+1"], ["", "x"]]


def test_invisible_characters_around_names_do_not_count(tmp_path: Path) -> None:
    _, reading = read(tmp_path / "f.csv", "a\u200b,\u200e b\u00a0 c\u00ad\n1,2\n".encode())
    assert reading.columns == ("a", "b c")


@pytest.mark.parametrize(
    ("interchange", "tag"), [("ISA*00*  *", "ISA"), ("UNA:+.? 'UNB+UNOA:1", "UNA"), ("UNB+UNOA:1", "UNB")]
)
def test_lines_above_an_interchange_are_named(tmp_path: Path, interchange: str, tag: str) -> None:
    path = tmp_path / "a.edi"
    path.write_bytes(f"From: edi@partner.example\r\nSubject: a, b; c\r\n\r\n{interchange}".encode())
    said = delimited.describe(ReadRequest(path, path.name, Limits()))
    assert said == f"text with an interchange that begins in line 4 ({interchange[:3]}): remove what stands above it"
