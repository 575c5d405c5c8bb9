"""JSON: paths, surroundings, numbers as they were written, broken documents, memory."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.errors import FileError, HouseError
from gateway.formats.tree import json_lines, json_scan
from gateway.reading import Reading, ReadRequest
from gateway.settings import Limits

PAYOUTS = """{
  "object": "list",
  "payouts": [
    {"id": "po_1", "transactions": [
      {"id": 1, "amount": 0.10, "source": {"order_id": "A-1"},
       "fees": [{"type": "tax", "amount": 1E-2}, {"type": "fee", "amount": 2}]},
      {"id": 12345678901234567890, "amount": -5.00, "test": false, "note": null, "fees": []}
    ], "currency": "EUR"},
    {"id": "po_2", "currency": "USD", "transactions": []},
    {"id": "po_3", "currency": "JPY", "transactions": [{"id": 3, "amount": 7}]}
  ],
  "has_more": false
}"""
EPCIS = """{"@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"], "type": "EPCISDocument",
 "creationDate": "2026-11-01T10:00:00Z", "epcisBody": {"eventList": [
  {"type": "ObjectEvent", "eventTime": "2026-11-01T10:00:00+01:00", "epcList": ["urn:a", "urn:b"],
   "readPoint": {"id": "urn:dock"},
   "bizTransactionList": [{"type": "inv", "bizTransaction": "urn:1"}, {"type": "po", "bizTransaction": "urn:2"}]},
  {"type": "ObjectEvent", "eventTime": "2026-11-02T10:00:00+01:00", "epcList": ["urn:c"]}]}}"""


def read(
    path: Path, content: bytes | str, each: str, *columns: str, limits: Limits | None = None, **options: Any
) -> Reading:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return json_lines.read(ReadRequest(path, "sample.json", limits or Limits(), options, each, columns))


def rows(reading: Reading) -> list[list[Any]]:
    found = [list(row.values()) for batch in reading for row in batch.to_pylist()]
    assert [row[0] for row in found] == list(range(len(found)))
    assert reading.received == len(found) + len(reading.faults)
    return [[row[1], *row[3:]] for row in found]


def test_rows_and_the_objects_around_them_wherever_these_stand(tmp_path: Path) -> None:
    columns = (
        "id",
        "amount",
        "source/order_id",
        "fees[type='fee']/amount",
        "fees[1]/amount",
        "../currency",
        "../../has_more",
        "count(fees)",
        "join(fees/type)",
        "note",
        "test|id",
    )
    assert rows(read(tmp_path / "a", PAYOUTS, "payouts/transactions", *columns)) == [
        ["$.payouts[0].transactions[0]", "1", "0.10", "A-1", "2", "1E-2", "EUR", "false", "2", "tax fee", None, "1"],
        [
            "$.payouts[0].transactions[1]",
            "12345678901234567890",
            "-5.00",
            None,
            None,
            None,
            "EUR",
            "false",
            "0",
            None,
            None,
            "false",
        ],
        ["$.payouts[2].transactions[0]", "3", "7", None, None, None, "JPY", "false", "0", None, None, "3"],
    ]


def test_events_and_texts_as_rows(tmp_path: Path) -> None:
    found = rows(
        read(
            tmp_path / "a",
            EPCIS,
            "epcisBody/eventList/epcList",
            ".",
            "../eventTime",
            "../../../creationDate",
            "../bizTransactionList[type='po']/bizTransaction",
            "../readPoint",
            "../../@context",
        )
    )
    assert found[0] == [
        "$.epcisBody.eventList[0].epcList[0]",
        "urn:a",
        "2026-11-01T10:00:00+01:00",
        "2026-11-01T10:00:00Z",
        "urn:2",
        '{"id":"urn:dock"}',
        None,
    ]
    assert [row[1] for row in found] == ["urn:a", "urn:b", "urn:c"]
    assert rows(read(tmp_path / "a", EPCIS, "epcisBody/eventList", "epcList", "epcList[2]", "../../@context"))[0][
        1:
    ] == [
        "urn:a",
        "urn:b",
        "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
    ]


@pytest.mark.parametrize(
    ("content", "each", "expected"),
    [
        ('{"a": 1}', "/", [["$", "1"]]),
        ('[{"a": 1}, {"a": 2}]', "/", [["$[0]", "1"], ["$[1]", "2"]]),
        ('[[{"a": 1}], [{"a": 2}]]', "/", [["$[0][0]", "1"], ["$[1][0]", "2"]]),
        ('{"b": {"a": 1}}', "b", [["$.b", "1"]]),
        ('{"b": null}', "b", []),
        ('{"b": 7}', "b/c", []),
        ('{"b": []}', "b", []),
        ("{}", "b", []),
        ("[]", "/", []),
        ('{"x y": [{"a": 1}]}', "x y", [['$["x y"][0]', "1"]]),
        ('{"x/y": [{"a": 1}]}', "x~1y", [['$["x/y"][0]', "1"]]),
        ('{"skip": [1, {"b": [2]}, [3]], "b": [{"a": 1}]}', "/b", [["$.b[0]", "1"]]),
        ('{"b": [{"a": "\\u00e9\\n\\ud83d\\ude00 \\ud800"}]}', "b", [["$.b[0]", "é\n😀 �"]]),
        ('{"b": [{"a": {"n": 1.50, "t": ["x", null, true]}}]}', "b", [["$.b[0]", '{"n":1.50,"t":["x",null,true]}']]),
        (
            '{"b": [{"a": ""}, {"a": null}, {}, 5]}',
            "b",
            [["$.b[0]", ""], ["$.b[1]", None], ["$.b[2]", None], ["$.b[3]", None]],
        ),
    ],
)
def test_what_a_path_leads_to(tmp_path: Path, content: str, each: str, expected: list[list[Any]]) -> None:
    assert rows(read(tmp_path / "a", content, each, "a")) == expected


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings(tmp_path: Path, codec: str) -> None:
    assert rows(read(tmp_path / "a", '[{"a": "é"}]'.encode(codec), "/", "a")) == [["$[0]", "é"]]
    assert json_lines.sniff('[{"a": "é"}]'.encode(codec), "a.json")


def test_each_line_is_a_document_and_a_broken_one_is_a_fault(tmp_path: Path) -> None:
    content = (
        '{"id": 1, "items": [{"a": 1}, {"a": 2}]}\n\n{"id": 2, "items": [{"a": 3}\n{"items": [{"a": 4}], "id": 3}\r\n'
    )
    reading = read(tmp_path / "a", content, "items", "a", "../id", lines=True)
    assert rows(reading) == [
        ["line 1 $.items[0]", "1", "1"],
        ["line 1 $.items[1]", "2", "1"],
        ["line 4 $.items[0]", "4", "3"],
    ]
    [fault] = reading.faults
    assert (fault.code, fault.position, fault.row["#raw"]) == ("ROW_REJECT", "line 3", '{"id": 2, "items": [{"a": 3}')
    assert rows(read(tmp_path / "a", '{"a": 1}\n{"a": 2}', "/", "a", lines=True)) == [["line 1", "1"], ["line 2", "2"]]


NUMBERS = st.sampled_from(["0", "-0", "1.10", "12345678901234567890.120", "1e400", "0.1", "-5.00", "1E-2"])
TEXTS = st.text(max_size=5).map(json.dumps) | st.sampled_from(['"\\ud800"', '"ä€"'])
VALUES = st.recursive(
    NUMBERS | TEXTS | st.sampled_from(["true", "false", "null"]),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda values: f"[{', '.join(values)}]")
        | st.lists(inner, max_size=3).map(lambda values: "{" + ",".join(f'"a": {value}' for value in values) + "}")
    ),
    max_leaves=4,
)
LINES = st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), VALUES), max_size=4).map(
    lambda members: "{" + ", ".join(f'"{key}": {value}' for key, value in members) + "}"
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["", " ", "\t"]), LINES, st.sampled_from(["", " "])), max_size=6))
def test_lines_give_what_an_array_of_them_gives(tmp_path: Path, lines: list[tuple[str, str, str]]) -> None:
    columns = ("a", "b", "a/a", "a|b", "count(a)")
    by_line = read(tmp_path / "a", "".join("".join(line) + "\n" for line in lines) or "\n", "/", *columns, lines=True)
    as_array = read(tmp_path / "b", f"[{','.join(line for _, line, _ in lines)}]", "/", *columns)
    assert [row[1:] for row in rows(by_line)] == [row[1:] for row in rows(as_array)]
    assert [fault.message for fault in by_line.faults] == [fault.message for fault in as_array.faults]


def test_a_key_that_stands_twice_rejects_the_row(tmp_path: Path) -> None:
    content = '{"r": [{"a": 1, "b": {"c": 1, "c": 2}}, {"a": 2}, {"a": 3, "a": 3}]}'
    reading = read(tmp_path / "a", content, "r", "a")
    assert rows(reading) == [["$.r[1]", "2"]]
    assert [(fault.position, fault.row["#raw"]) for fault in reading.faults] == [
        ("$.r[0]", '{"a": 1, "b": {"c": 1, "c": 2}}'),
        ("$.r[2]", '{"a": 3, "a": 3}'),
    ]
    assert "the key c occurs twice" in reading.faults[0].message
    several = read(tmp_path / "a", '[{"b": 1, "c": 1, "a": 1, "c": 2, "b": 2}]', "/", "a")
    assert (rows(several), several.faults[0].message) == ([], "the key b occurs twice in one object")
    lines = read(tmp_path / "a", '{"a": 1, "a": 2}\n{"a": 3}', "/", "a", lines=True)
    assert (rows(lines), [fault.position for fault in lines.faults]) == ([["line 2", "3"]], ["line 1"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "empty"),
        ("  ", "ends too early"),
        ('{"r": [{"a": 1}', "ends too early"),
        ('{"r": [{"a": "1', "not well-formed"),
        ('{"r": [{"a": 1}]} {"r": []}', "more behind its end"),
        ('{"r": [{"a": 1} {"a": 2}]}', "expected ]"),
        ('{"r": [{"a": 1},\n\n{"a": 01}]}', "line 3"),
        ('{"r": [{"a": NaN}]}', "NaN"),
        ('{"r": [{"a": 1}], "r": []}', "the key r occurs twice"),
        ("{'r': []}", "double quotes"),
        ('{"r": ' + "[" * 5000 + "]" * 5000 + "}", "nested"),
        ('{"x": ' + "[" * 100_000 + ', "r": []}', "nested|not well-formed"),
        (b'{"r": [{"a": "\xff"}]}', "0xff"),
    ],
)
def test_broken_documents_are_refused(tmp_path: Path, content: bytes | str, message: str) -> None:
    with pytest.raises(FileError, match=message) as caught:
        rows(read(tmp_path / "a", content, "r", "a"))
    assert caught.value.hint


def test_a_wanted_key_around_the_rows_must_not_stand_twice(tmp_path: Path) -> None:
    content = '{"id": 1, "id": 2, "r": [{"a": 1}]}'
    assert rows(read(tmp_path / "a", content, "r", "a")) == [["$.r[0]", "1"]]
    with pytest.raises(FileError, match="the key id occurs twice"):
        rows(read(tmp_path / "a", content, "r", "../id"))


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        ({"file_bytes_max": 10}, "file_bytes_max"),
        ({"rows_per_file_max": 2}, "rows_per_file_max"),
        ({"faults_per_file_max": 0}, "faults_per_file_max"),
    ],
)
def test_limits_are_held(tmp_path: Path, limit: dict[str, int], message: str) -> None:
    with pytest.raises(FileError, match=message):
        rows(read(tmp_path / "a", '[{"a": 1}, {"a": 2, "a": 2}, {"a": 3}]', "/", "a", limits=Limits(**limit)))


@pytest.mark.parametrize(
    ("each", "column", "message"),
    [
        ("", "a", "what is a row"),
        ("r//s", "a", "what is a row"),
        ("r", "a[", "path"),
        ("r", "a/../b", "beginning"),
        ("r", "a[x=y]", "condition"),
        ("r", "", "path"),
    ],
)
def test_paths_that_are_none_show_the_syntax(tmp_path: Path, each: str, column: str, message: str) -> None:
    with pytest.raises(HouseError, match=message):
        read(tmp_path / "a", "{}", each, column)


def test_memory_does_not_grow_with_the_document(tmp_path: Path) -> None:
    def peak(count: int) -> int:
        with (tmp_path / "a").open("w") as target:
            target.write('{"r": [')
            target.write(",".join(json.dumps({"a": str(n), "b": "x" * 200}) for n in range(count)))
            target.write('], "id": 7}')
        reading = json_lines.read(ReadRequest(tmp_path / "a", "a", Limits(), {}, "r", ("a", "../id")))
        tracemalloc.start()
        assert sum(batch.num_rows for batch in reading) == count
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    assert peak(60_000) < 1.5 * peak(20_000)


value = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=5)
    | st.decimals(allow_nan=False, allow_infinity=False).map(float),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.dictionaries(st.sampled_from("abcd"), value), max_size=6),
    st.integers(1, 30),
    st.sampled_from([None, 1]),
)
def test_the_window_makes_no_difference(
    tmp_path: Path, table: list[dict[str, Any]], window: int, indent: int | None
) -> None:
    whole = json_scan.CHUNK_CHARACTERS
    json_scan.CHUNK_CHARACTERS = window
    try:
        found = rows(
            read(tmp_path / "a", json.dumps({"x": table, "r": table, "y": 1}, indent=indent), "r", "a", "../y")
        )
    finally:
        json_scan.CHUNK_CHARACTERS = whole
    assert [row[0] for row in found] == [f"$.r[{n}]" for n in range(len(table))]
    for row, source in zip(found, table, strict=True):
        held = source.get("a")
        held = next((one for one in held if one is not None), None) if isinstance(held, list) else held
        if isinstance(held, str | None):
            assert row[1] == (held.encode("utf-16", "surrogatepass").decode("utf-16", "replace") if held else held)
        else:
            assert json.loads(row[1]) == held
        assert row[2] == "1"
