"""A mapping applied to rows: what becomes a record, what is rejected and how it is reported, what is ignored."""

from __future__ import annotations

import json
import re
import string
from decimal import Decimal
from hashlib import md5
from typing import Any
from uuid import UUID

import duckdb
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gateway.errors import Fault, FileError, HouseError
from gateway.mapping.apply import rows as apply_rows
from gateway.mapping.apply.temporary_tables import Work
from gateway.mapping.compiler.sources import SHORTENED
from gateway.reading import unreadable
from gateway.sql import drop_temporary
from gateway.whitespace import INVISIBLE
from tests.mapping.fake import Alone, Bench, FakeRows, Row, mapping, snapshot, stock

SNAPSHOT = "inventory_snapshot"


def balanced(bench: Bench, mapped: Alone) -> bool:
    """received = rejected + ignored + rows with at least one record."""
    kept = " union all ".join(f"select _kind, _ordinal from {name}" for name in mapped.tables.values())
    row = bench.con.execute(f"select count(*) from (select distinct * from ({kept}))").fetchone()
    assert row is not None
    return mapped.received == mapped.rejected + sum(mapped.ignored.values()) + int(row[0])


# --- records ------------------------------------------------------------------------------------------


def test_the_result_has_the_canonical_columns_and_types_and_names_each_row(bench: Bench) -> None:
    mapped = bench.apply(mapping(snapshot()), lambda _: stock(("A", "x", "1"), (" A ", " y ", " 2.50 ")))
    described = bench.con.execute(f"describe {mapped.tables[SNAPSHOT]}").fetchall()
    assert [(name, kind) for name, kind, *_ in described] == [
        ("_ordinal", "BIGINT"),
        ("_kind", "INTEGER"),
        ("_record", "INTEGER"),
        ("position", "VARCHAR"),
        ("source_key", "UUID"),
        ("occurrence", "BIGINT"),
        ("location", "VARCHAR"),
        ("as_of", "TIMESTAMP WITH TIME ZONE"),
        ("scope", "VARCHAR"),
        ("sku", "VARCHAR"),
        ("status", "VARCHAR"),
        ("qty", "DECIMAL(18,4)"),
        ("source_qualifier", "VARCHAR"),
        ("basis", "VARCHAR"),
        ("stale", "BOOLEAN"),
    ]
    assert bench.rows(mapped, SNAPSHOT, "position", "location", "sku", "qty", "as_of", "stale") == [
        ("line 2", "A", "x", "1.0000", "2026-11-01 00:00:00+00", None),
        ("line 3", "A", "y", "2.5000", "2026-11-01 00:00:00+00", None),
    ]
    assert (mapped.received, mapped.rejected, mapped.ignored, mapped.held) == (2, 0, {}, [])


def test_the_source_key_is_made_of_table_partner_and_trimmed_key_values(bench: Bench) -> None:
    mapped = bench.apply(mapping(snapshot()), lambda _: stock((" A", "x ", "1"), ("A", "", "1")))
    digest = md5(b"\x1f".join([b"inventory_snapshot", b"acme", b"A", b"x"])).digest()
    assert bench.rows(mapped, SNAPSHOT, "source_key") == [(str(UUID(bytes=digest[::-1])),)]
    assert mapped.rejected == 1


def test_a_repeated_key_is_numbered_in_the_order_of_the_file(bench: Bench) -> None:
    rows = [("A", "x", "1"), ("A", "y", "1"), ("A", "x", "2"), ("A", "x", "3"), ("A", "z", "1"), ("A", "y", "9")]
    mapped = bench.apply(mapping(snapshot()), lambda _: stock(*rows))
    assert bench.rows(mapped, SNAPSHOT, "sku", "occurrence") == [
        ("x", "1"),
        ("y", "1"),
        ("x", "2"),
        ("x", "3"),
        ("z", "1"),
        ("y", "2"),
    ]


def test_keys_do_not_depend_on_the_time_zone_of_the_session(bench: Bench) -> None:
    record = snapshot(as_of={"from": "at"}, key=["as_of", "qty"])
    columns = ("place", "sku", "qty", "at")
    found = set()
    for zone in ("UTC", "America/New_York"):
        bench.con.execute(f"set timezone = '{zone}'")
        mapped = bench.apply(mapping(record), lambda _: stock(("A", "x", "1", "2026-11-01T10:00:00Z"), columns=columns))
        found.add(bench.rows(mapped, SNAPSHOT, "source_key")[0][0])
    assert len(found) == 1


def test_several_records_from_one_row_and_several_kinds_of_row(bench: Bench) -> None:
    good, bad = snapshot(), snapshot(status={"constant": "DAMAGED"}, qty="broken", when="\"broken\" <> ''")
    other = snapshot(each="total", location="where", key=["where", "sku"])
    columns = ("place", "sku", "qty", "broken")

    def rows(each: str | None) -> FakeRows:
        if each == "total":
            return stock(("B", "t", "7"), columns=("where", "sku", "qty"))
        return stock(("A", "x", "1", "2"), ("A", "y", "3", ""), columns=columns)

    mapped = bench.apply(mapping(good, bad, other), rows)
    assert bench.rows(mapped, SNAPSHOT, "_kind", "_record", "_ordinal", "sku", "qty") == [
        ("0", "0", "0", "x", "1.0000"),
        ("0", "0", "1", "y", "3.0000"),
        ("0", "1", "0", "x", "2.0000"),
        ("1", "2", "0", "t", "7.0000"),
    ]
    assert mapped.received == 3
    assert balanced(bench, mapped)


def test_a_fault_in_one_record_of_a_row_rejects_the_row_whole(bench: Bench) -> None:
    second = snapshot(status={"constant": "DAMAGED"}, qty="broken")
    columns = ("place", "sku", "qty", "broken")
    mapped = bench.apply(
        mapping(snapshot(), second), lambda _: stock(("A", "x", "1", "oops"), ("A", "y", "1", "2"), columns=columns)
    )
    assert bench.rows(mapped, SNAPSHOT, "sku") == [("y",), ("y",)]
    assert bench.faults(mapped, "_ordinal", "_record", "column_name", "value", "rejects") == [
        (0, 1, "broken", "oops", True)
    ]
    assert balanced(bench, mapped)


def test_no_rows_give_an_empty_result(bench: Bench) -> None:
    mapped = bench.apply(mapping(snapshot()), lambda _: stock())
    assert bench.rows(mapped, SNAPSHOT, "sku") == []
    assert (mapped.received, mapped.rejected, mapped.ignored) == (0, 0, {})


# --- faults -------------------------------------------------------------------------------------------


def test_a_fault_names_column_value_and_fix_and_keeps_the_whole_row(bench: Bench) -> None:
    columns = ("place", "sku", "qty", "note")
    mapped = bench.apply(
        mapping(snapshot(), known=["note"]),
        lambda _: stock(("A", "x", "12,5O", "Größe"), ("A", "y", "1", None), columns=columns),
    )
    ((position, code, column, value, message, hint, source),) = bench.faults(
        mapped, "position", "code", "column_name", "value", "message", "hint", "source_row"
    )
    assert (position, code, column, value) == ("line 2", "ROW_REJECT", "qty", "12,5O")
    assert message.startswith('qty: "12,5O" is not a number (expected digits with a decimal point, e.g. 1234.50')
    assert hint == "Replace it by the number and send the row again."
    assert json.loads(source) == {"place": "A", "sku": "x", "qty": "12,5O", "note": "Größe"}
    assert (mapped.received, mapped.rejected) == (2, 1)


def test_every_defect_of_a_row_is_reported_and_the_row_counts_once(bench: Bench) -> None:
    mapped = bench.apply(mapping(snapshot()), lambda _: stock(("", "x", "oops"), ("A", "y", "1")))
    assert [m for (m,) in bench.faults(mapped, "message")] == [
        "place: is blank, but location is required",
        'qty: "oops" is not a number (expected digits with a decimal point, e.g. 1234.50, at most 4 decimals)',
    ]
    assert mapped.rejected == 1


@pytest.mark.parametrize(
    ("field", "text", "message"),
    [
        ({"status": "text"}, "GONE", 'text: "GONE" is not a known code (expected one of RECEIVING, AVAILABLE'),
        ({"as_of": "text"}, "2026-02-30", 'text: "2026-02-30" is not a date and time (expected 2026-11-01T10:00:00Z'),
        ({"stale": "text"}, "perhaps", 'text: "perhaps" is not yes or no (expected yes, no, true, false, 1, 0)'),
        ({"status": {"from": "text", "map": {"G": "AVAILABLE"}}}, "B", 'text: "B" is not a known code for status'),
        (
            {"qty": {"expr": 'cast("text" as decimal(18,4)) + 1'}},
            "x",
            'qty: is required, and nothing can be made from text "x"',
        ),
        (
            {"_net": {"expr": 'concat("text", _no)', "type": "decimal"}, "_no": "sku"},
            "3,5",
            'net: a number cannot be made from text "3,5" (expected digits with a decimal point, e.g. 1234.50, at most',
        ),
        ({"_currency": {"from": "text", "type": "currency"}}, "XXQ", 'text: "XXQ" is not a currency'),
    ],
)
def test_messages_by_type(bench: Bench, field: dict[str, Any], text: str, message: str) -> None:
    columns = ("place", "sku", "qty", "text")
    mapped = bench.apply(
        mapping(snapshot(**field), known=["*"]), lambda _: stock(("A", "x", "1", text), columns=columns)
    )
    assert mapped.rejected == 1
    ((reported,),) = bench.faults(mapped, "message")
    assert reported.startswith(message)


def test_faults_of_the_reader_are_kept_and_counted(bench: Bench) -> None:
    found = [
        Fault("ROW_REJECT", "has 2 columns, expected 3", "Fix it.", "line 4", "", "", {"raw": "A;x"}),
        Fault("FILE_NOTE", "a note", position="line 9"),
    ]
    columns = ("place", "sku", "qty")
    mapped = bench.apply(
        mapping(snapshot()),
        lambda _: FakeRows(columns, [{"place": "A", "sku": "x", "qty": "1"}], found),
    )
    assert (mapped.received, mapped.rejected) == (2, 1)
    assert sorted(bench.faults(mapped, "position", "code", "rejects", "source_row")) == [
        ("line 4", "ROW_REJECT", True, '{"raw": "A;x"}'),
        ("line 9", "FILE_NOTE", False, None),
    ]
    assert balanced(bench, mapped)


def test_too_many_faults_refuse_the_file(bench: Bench) -> None:
    rows = [("A", "x", "oops")] * 4
    assert bench.apply(mapping(snapshot()), lambda _: stock(*rows), faults_per_file_max=4).rejected == 4
    with pytest.raises(FileError, match="4 rows cannot be read, the limit is 3"):
        bench.apply(mapping(snapshot()), lambda _: stock(*rows), faults_per_file_max=3)


def test_the_readers_own_error_comes_through_and_nothing_is_left_behind(bench: Bench) -> None:
    error = FileError("stock.csv", "the bytes are no UTF-8", "Say the encoding.", "line 7")
    columns = ("place", "sku", "qty")
    rows: list[Row] = [{"place": "A", "sku": "x", "qty": "1"}] * 5
    with pytest.raises(FileError) as caught:
        bench.apply(mapping(snapshot()), lambda _: FakeRows(columns, rows, error=error))
    assert caught.value is error
    assert bench.con.execute("select count(*) from duckdb_tables() where temporary").fetchone() == (0,)
    assert bench.apply(mapping(snapshot()), lambda _: stock(("A", "x", "1"))).rejected == 0


def test_everything_stands_under_the_prefix_and_goes_with_it(bench: Bench) -> None:
    for _ in range(2):
        bench.apply(mapping(snapshot()), lambda _: stock(("A", "x", "1"), ("A", "x", "1")))
        drop_temporary(bench.con, "m1")
        left = (
            "select (select count(*) from duckdb_tables() where temporary) + count(*) from duckdb_views() where "
            "temporary and not internal"
        )
        assert bench.con.execute(left).fetchone() == (0,)


# --- conditions, ignored rows -------------------------------------------------------------------------


def test_rows_without_a_record_are_ignored_by_when(bench: Bench) -> None:
    mapped = bench.apply(
        mapping(snapshot(when="\"qty\" <> ''")), lambda _: stock(("A", "x", "1"), ("total", "", ""), ("A", "y", None))
    )
    assert (mapped.ignored, mapped.rejected) == ({"when": 2}, 0)
    assert balanced(bench, mapped)


@pytest.mark.parametrize("when", ["qty > 0", "coalesce(qty, 0) > 0", "not (qty = 5)", "_twice > 0"])
def test_a_condition_on_a_broken_field_never_makes_the_row_vanish(bench: Bench, when: str) -> None:
    record = snapshot(when=when, _twice={"expr": "qty * 2", "type": "decimal"})
    mapped = bench.apply(mapping(record), lambda _: stock(("A", "x", "1"), ("A", "y", "1O")))
    assert (mapped.rejected, mapped.ignored) == (1, {})
    assert [m for (m,) in bench.faults(mapped, "column_name")] == ["qty"]


def test_a_condition_that_is_false_needs_no_other_field(bench: Bench) -> None:
    mapped = bench.apply(mapping(snapshot(when="sku <> 'TOTAL'")), lambda _: stock(("A", "TOTAL", "n/a")))
    assert (mapped.rejected, mapped.ignored) == (0, {"when": 1})


def test_a_condition_may_say_that_a_required_field_is_blank(bench: Bench) -> None:
    mapped = bench.apply(mapping(snapshot(when="sku is not null")), lambda _: stock(("A", "", "1")))
    assert (mapped.rejected, mapped.ignored) == (0, {"when": 1})
    mapped = bench.apply(mapping(snapshot(when="sku <> 'x'")), lambda _: stock(("A", "", "1")))
    assert (mapped.rejected, mapped.ignored) == (1, {})


def test_ignore_rules_count_under_their_name_and_the_first_wins(bench: Bench) -> None:
    rules = [
        {"name": "totals", "when": "\"place\" = 'TOTAL'"},
        {"name": "empty bins", "when": "qty = 0"},
        {"name": "never", "when": "\"nowhere\" = 'x'"},
    ]
    mapped = bench.apply(
        mapping(snapshot(), ignore=rules),
        lambda _: stock(("TOTAL", "", "0"), ("A", "x", "0"), ("A", "y", "zero"), ("A", "z", "1")),
    )
    assert mapped.ignored == {"totals": 1, "empty bins": 1}
    assert mapped.rejected == 1
    assert balanced(bench, mapped)


# --- sources of a field -------------------------------------------------------------------------------


def one(bench: Bench, text: str | None, qty: Any, **more: str | None) -> Any:
    """The quantity that a text becomes, None if the row is rejected."""
    row: Row = {"place": "A", "sku": "x", "qty": text, **more}
    mapped = bench.apply(mapping(snapshot(qty=qty)), lambda _: FakeRows(tuple(row), [row]))
    found = bench.rows(mapped, SNAPSHOT, "qty")
    assert mapped.rejected == 1 - len(found)
    return Decimal(found[0][0]) if found else None


def test_blank_words_and_defaults(bench: Bench) -> None:
    field = {"from": "qty", "blank": ["--", "N/A"], "default": "0"}
    assert [one(bench, text, field) for text in ("", " -- ", "n/a", None, "7", "x")] == [0, 0, 0, 0, 7, None]


def test_the_first_column_that_is_not_blank_counts(bench: Bench) -> None:
    field = {"from": ["qty", "other"]}
    assert one(bench, "", field, other="4") == 4
    assert one(bench, "3", field, other="4") == 3
    assert one(bench, "", {"from": ["absent", "other"]}, other="4") == 4


def test_sign_rules(bench: Bench) -> None:
    column = {"from": "qty", "sign": {"from": "side", "negative": ["DR", "D"]}}
    assert [one(bench, "5", column, side=side) for side in ("dr ", "D", "CR", "", None)] == [-5, -5, 5, 5, 5]
    assert one(bench, "5", {"from": "qty", "sign": "reverse"}) == -5
    assert one(bench, "-5", {"from": "qty", "sign": "absolute"}) == 5


def test_a_pair_of_credit_and_debit(bench: Bench) -> None:
    pair = {"credit": "qty", "debit": "out"}
    assert one(bench, "5", pair, out="") == 5
    assert one(bench, "", pair, out="5") == -5
    assert one(bench, "5", pair, out="2") == 3
    assert one(bench, "", pair, out="") is None
    assert one(bench, "5", pair, out="x") is None


def test_an_inline_map_reads_codes_in_any_case_and_reports_unknown_ones(bench: Bench) -> None:
    def status(text: str, **spec: Any) -> Any:
        field = {"from": "code", "map": {"G": "AVAILABLE", "Bad": "DAMAGED"}, **spec}
        columns = ("place", "sku", "qty", "code")
        mapped = bench.apply(mapping(snapshot(status=field)), lambda _: stock(("A", "x", "1", text), columns=columns))
        return [s for (s,) in bench.rows(mapped, SNAPSHOT, "status")]

    assert status("g") == ["AVAILABLE"]
    assert status(" BAD ") == ["DAMAGED"]
    assert status("Z") == []
    assert status("quarantine", missing="keep") == ["QUARANTINE"]
    assert status("", default="SCRAP") == ["SCRAP"]
    assert status("anything", map={"G": "AVAILABLE", "*": "QC_HOLD"}) == ["QC_HOLD"]
    begins = {"Blocked (*": "QC_HOLD", "Blocked (QA*": "QUARANTINE", "Blocked (QA)": "SCRAP"}
    assert [status(text, map=begins) for text in ("blocked (x)", "Blocked (QA: smell)", "Blocked (QA)", "Blocked")] == [
        ["QC_HOLD"],
        ["QUARANTINE"],
        ["SCRAP"],
        [],
    ]


def test_fill_down_takes_the_last_value_at_or_above_the_row_within_a_unit(bench: Bench) -> None:
    record = snapshot(location={"fill_down": "place"})
    rows = [("", "a", "1"), ("N", "b", "1"), (" ", "c", "1"), ("S", "d", "1"), (None, "e", "1"), ("", "f", "1")]
    mapped = bench.apply(mapping(record), lambda _: stock(*rows))
    assert bench.rows(mapped, SNAPSHOT, "sku", "location") == [
        ("b", "N"),
        ("c", "N"),
        ("d", "S"),
        ("e", "S"),
        ("f", "S"),
    ]
    assert [p for (p,) in bench.faults(mapped, "position")] == ["line 2"]
    single = [("", "a", "1"), ("N", "b", "1"), ("", "c", "1")]
    mapped = bench.apply(mapping(record), lambda _: stock(*single))
    assert bench.rows(mapped, SNAPSHOT, "sku", "location") == [("b", "N"), ("c", "N")]

    def units(_: str | None) -> FakeRows:
        data: list[Row] = [{"place": p, "sku": s, "qty": q} for p, s, q in [("N", "a", "1"), ("", "b", "1")]]
        return FakeRows(("place", "sku", "qty"), data, units=[0, 1])

    assert bench.rows(bench.apply(mapping(record), units), SNAPSHOT, "sku") == [("a",)]


@pytest.mark.parametrize("piece_bytes", [1, 1 << 20])
def test_fill_down_ends_where_its_group_ends(bench: Bench, monkeypatch: pytest.MonkeyPatch, piece_bytes: int) -> None:
    monkeypatch.setattr(apply_rows, "PIECE_BYTES", piece_bytes)
    record = snapshot(
        location={"constant": "DC1"}, source_qualifier={"fill_down": "basis", "within": ["order", "shop"]}
    )
    columns = ("order", "shop", "basis", "sku", "qty")
    rows = [
        ("1", "x", "", "a", "1"),
        ("1", "x", "P", "b", "1"),
        ("", "", "", "c", "1"),
        ("1", "x", "", "d", "1"),
        ("2", "x", "", "e", "1"),
        ("2", "y", "Q", "f", "1"),
        ("2", "z", "", "g", "1"),
        ("1", "x", "", "h", "1"),
        ("1", "x", "R", "i", "1"),
        ("1", "", "", "j", "1"),
        ("", "", "S", "k", "1"),
        ("3", "", "", "l", "1"),
    ]
    mapped = bench.apply(mapping({**record, "key": ["sku"]}), lambda _: stock(*rows, columns=columns))
    assert bench.rows(mapped, SNAPSHOT, "sku", "source_qualifier") == [
        ("a", None),
        ("b", "P"),
        ("c", "P"),
        ("d", "P"),
        ("e", None),
        ("f", "Q"),
        ("g", None),
        ("h", None),
        ("i", "R"),
        ("j", "R"),
        ("k", "S"),
        ("l", None),
    ]
    lacking = bench.apply(
        mapping(record), lambda _: stock(("1", "P", "a", "1"), columns=("order", "basis", "sku", "qty"))
    )
    assert [fault.message.partition(".")[0] for fault in lacking.held] == ['2 columns are missing: "shop", "place"']


def test_a_filled_down_value_that_cannot_be_read_is_reported_on_each_row(bench: Bench) -> None:
    columns = ("place", "sku", "qty", "at")
    rows = [("A", "a", "1", "2026-02-30"), ("A", "b", "1", "")]
    mapped = bench.apply(mapping(snapshot(as_of={"fill_down": "at"})), lambda _: stock(*rows, columns=columns))
    assert bench.faults(mapped, "position", "value") == [("line 2", "2026-02-30"), ("line 3", "2026-02-30")]


def test_expressions_follow_their_fields_and_errors_in_them_are_faults(bench: Bench) -> None:
    total = {"expr": "_a * _b - coalesce(_c, 0)"}
    helpers = {name: {"from": name[1:], "type": "decimal"} for name in ("_a", "_b", "_c")}
    columns = ("place", "sku", "a", "b", "c")

    def result(*cells: str) -> Any:
        mapped = bench.apply(
            mapping(snapshot(**{"qty": total, **helpers})), lambda _: stock(("A", "x", *cells), columns=columns)
        )
        found = bench.rows(mapped, SNAPSHOT, "qty")
        return found[0][0] if found else [c for (c,) in bench.faults(mapped, "column_name")]

    assert result("2.5", "4", "1") == "9.0000"
    assert result("2.5", "4", "") == "10.0000"
    assert result("2.5", "x", "") == ["b"]
    assert result("99999999999999", "99999999999999", "") == ["a"]


def test_what_an_expression_makes_may_be_a_code_for_one_of_the_allowed_values(bench: Bench) -> None:
    record = snapshot(status={"expr": 'upper("sku")', "map": {"1": "AVAILABLE", "2": "AVAIL"}})
    mapped = bench.apply(mapping(record), lambda _: stock(("A", "1", "1"), ("A", "2", "1"), ("A", "3", "1")))
    assert (bench.rows(mapped, SNAPSHOT, "sku", "status"), mapped.rejected) == ([("1", "AVAILABLE")], 2)


def test_a_text_that_an_expression_makes_is_read_as_strictly_as_any_other(bench: Bench) -> None:
    field = {"expr": "replace(\"qty\", 'EUR ', '')", "decimal": "comma"}
    assert one(bench, "EUR 1.234,50", field) == Decimal("1234.50")
    assert one(bench, "EUR 1,23456", field) is None
    assert one(bench, "EUR 2025-1-1", field) is None


def test_fields_that_need_one_another_are_refused(bench: Bench) -> None:
    record = snapshot(qty={"expr": "_a + 1"}, _a={"expr": "qty + 1", "type": "decimal"})
    with pytest.raises(HouseError, match="need one another"):
        bench.apply(mapping(record), lambda _: stock(("A", "x", "1")))


def test_a_field_of_another_type_than_its_column_is_taken_over_only_exactly(bench: Bench) -> None:
    assert one(bench, "12", {"from": "qty", "type": "integer"}) == 12
    assert one(bench, "123456789012345678", {"from": "qty", "type": "integer"}) is None


# --- ambiguous numbers --------------------------------------------------------------------------------


def amounts(bench: Bench, *texts: str, decimal: str = "auto") -> list[str | None]:
    rows = [("A", str(number), text) for number, text in enumerate(texts)]
    record = snapshot(qty={"from": "qty", "decimal": decimal})
    mapped = bench.apply(mapping(record), lambda _: stock(*rows))
    found = dict(bench.rows(mapped, SNAPSHOT, "sku", "qty"))
    return [found.get(str(number)) for number in range(len(texts))]


def test_other_values_of_the_column_decide_what_a_single_separator_means(bench: Bench) -> None:
    assert amounts(bench, "1,234", "12.50") == ["1234.0000", "12.5000"]
    assert amounts(bench, "1,234", "12,50") == ["1.2340", "12.5000"]
    assert amounts(bench, "1.234", "12,50") == ["1234.0000", "12.5000"]
    assert amounts(bench, "1.234", "12.50") == ["1.2340", "12.5000"]
    assert len(bench.opened) == 4  # each file is read once
    assert amounts(bench, "1.5", "2,5", "7") == ["1.5000", "2.5000", "7.0000"]
    assert len(bench.opened) == 5


def test_what_nothing_decides_is_a_fault_that_says_so(bench: Bench) -> None:
    assert amounts(bench, "1,234", "7") == [None, "7.0000"]
    assert amounts(bench, "1,234", "1.5", "2,5") == [None, "1.5000", "2.5000"]
    mapped = bench.apply(
        mapping(snapshot(qty={"from": "qty", "decimal": "auto"})), lambda _: stock(("A", "x", "1,234"))
    )
    ((message,),) = bench.faults(mapped, "message")
    assert 'qty: "1,234" is ambiguous: it can mean 1234 or 1.234' in message


def test_another_amount_of_the_file_decides_where_the_column_is_silent(bench: Bench) -> None:
    record = snapshot(
        qty={"from": "qty", "decimal": "auto"}, _price={"from": "price", "type": "decimal", "decimal": "auto"}
    )
    columns = ("place", "sku", "qty", "price")
    mapped = bench.apply(mapping(record), lambda _: stock(("A", "x", "1.234", "9,99"), columns=columns))
    assert bench.rows(mapped, SNAPSHOT, "qty") == [("1234.0000",)]


# --- lookups and aliases ------------------------------------------------------------------------------


def classes(bench: Bench, missing: str, *rows: tuple[str, ...], **spec: Any) -> tuple[Alone, list[str | None]]:
    record = {
        "type": "settlement_line",
        "key": ["n"],
        "fields": {
            "settlement_id": {"constant": "1"},
            "channel": {"constant": "web"},
            "canonical_class": {"lookup": "fees", "on": ["kind", "what"], "missing": missing, **spec},
            "amount": {"constant": "1"},
            "currency": {"constant": "USD"},
            "posted_at": {"constant": "2026-11-01"},
            "item_code": "n",
        },
    }
    mapped = bench.apply(mapping(record), lambda _: stock(*rows, columns=("n", "kind", "what")))
    found = dict(bench.rows(mapped, "settlement_line", "item_code", "canonical_class"))
    return mapped, [found.get(row[0]) for row in rows]


def fees(bench: Bench) -> None:
    bench.lookup(
        "fees",
        ("kind", "what", "value"),
        ("Order", "Commission", "commission"),
        ("Order", "*", "other_fee"),
        ("*", "Tax", "tax"),
        ("Refund", "", "refund_tax"),
    )


def test_the_most_specific_row_of_a_lookup_wins_in_any_case_of_letters(bench: Bench) -> None:
    fees(bench)
    rows = [("1", "Order", "commission"), ("2", "ORDER", "Storage"), ("3", "Sale", "tax"), ("4", "Refund", "x")]
    assert classes(bench, "reject", *rows)[1] == ["commission", "other_fee", "tax", "refund_tax"]


def test_whole_codes_go_before_beginnings_and_these_before_other_patterns(bench: Bench) -> None:
    bench.lookup(
        "fees",
        ("kind", "what", "value"),
        ("*", "*", "other_fee"),
        ("*", "*fee", "commission"),
        ("*", "Fee*", "storage"),
        ("*", "Fee for ads*", "advertising"),
        ("*", "Fee for ads", "shipping"),
        ("Refund*", "*", "refund_tax"),
    )
    whats = ["Fee for ads", "fee for ADS: July", "Fee for ad", "Late fee", "Late fees", "Fee", "x"]
    rows = [(str(n), "Order", what) for n, what in enumerate(whats)]
    expected = ["shipping", "advertising", "storage", "commission", "other_fee", "storage", "other_fee"]
    assert classes(bench, "reject", *rows)[1] == expected
    # With as many blank cells, the first column decides.
    assert classes(bench, "reject", ("1", "Refunded", "Fee for ads"))[1] == ["refund_tax"]


def test_unknown_codes_are_rejected_put_in_suspense_or_kept(bench: Bench) -> None:
    fees(bench)
    rows = [("1", "Fee", "x"), ("2", "Fee", "x"), ("3", "Order", "Commission")]
    mapped, found = classes(bench, "reject", *rows)
    assert found == [None, None, "commission"]
    ((message,), _) = bench.faults(mapped, "message")
    assert message.startswith('kind, what: "Fee / x" is not in the lookup fees, which gives canonical_class')
    mapped, found = classes(bench, "suspense", *rows)
    assert found == ["suspense", "suspense", "commission"]
    assert bench.faults(mapped, "position", "code", "column_name", "value", "message", "rejects") == [
        (
            "line 2",
            "UNMAPPED_LINE",
            "kind, what",
            "Fee / x",
            '"Fee / x" is not in the lookup fees: canonical_class is suspense (2 rows)',
            False,
        ),
    ]
    assert mapped.rejected == 0
    assert classes(bench, "keep", ("1", "Transfer", ""))[1] == ["transfer"]
    assert classes(bench, "keep", ("1", "Fee", "x"))[1] == [None]


def test_records_that_ask_for_the_same_are_answered_once_and_each_names_what_is_unknown(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.lookup("places", ("place", "value"), ("a", "EAST"), ("b", "WEST"))
    place = {"lookup": "places", "on": ["place"], "missing": "suspense"}
    sku = {"from": "sku", "alias": "ASIN"}
    records = [snapshot(location=place, sku=sku, when=f"\"sku\" like '{first}%'") for first in "XY"]
    made: list[str] = []
    make = Work.make
    monkeypatch.setattr(Work, "make", lambda self, kind, name, sql: made.append(name) or make(self, kind, name, sql))
    mapped = bench.apply(mapping(*records), lambda _: stock(("a", "X1", "1"), ("b", "Y1", "2"), ("c", "Y2", "3")))
    assert bench.rows(mapped, SNAPSHOT, "location", "sku", "qty") == [
        ("EAST", "?X1", "1.0000"),
        ("WEST", "?Y1", "2.0000"),
        ("suspense", "?Y2", "3.0000"),
    ]
    found = bench.faults(mapped, "code", "value", "position")
    assert sorted(found) == [
        ("SKU_UNKNOWN", "X1", "line 2"),
        ("SKU_UNKNOWN", "Y1", "line 3"),
        ("SKU_UNKNOWN", "Y2", "line 4"),
        ("UNMAPPED_LINE", "c", "line 4"),
    ]
    assert [name for name in made if name.startswith(("_l", "_a"))] == ["_l0_0", "_a0_3_names", "_a0_3_known", "_a0_3"]


def test_a_lookup_with_nothing_to_look_up_takes_the_default(bench: Bench) -> None:
    fees(bench)
    mapped, found = classes(bench, "suspense", ("1", "", ""), ("2", "Fee", "x"), default="adjustment")
    assert found == ["adjustment", "suspense"]
    assert [v for (v,) in bench.faults(mapped, "value")] == ["Fee / x"]


def test_a_lookup_that_does_not_exist_or_does_not_fit_is_an_operators_error(bench: Bench) -> None:
    with pytest.raises(HouseError, match=r"mappings/lookups/fees.csv"):
        classes(bench, "reject", ("1", "a", "b"))
    bench.lookup("fees", ("kind", "value"), ("a", "tax"))
    with pytest.raises(HouseError, match="`on` names 2 columns"):
        classes(bench, "reject", ("1", "a", "b"))


def aliased(bench: Bench, *rows: tuple[str, ...]) -> tuple[Alone, list[tuple[Any, ...]]]:
    record = snapshot(
        sku={"from": "sku", "alias": "3PL"},
        qty={"from": "qty", "packs_of": "sku"},
        as_of="at",
        location="place",
        key=["place", "sku", "as_of"],
    )
    mapped = bench.apply(mapping(record), lambda _: stock(*rows, columns=("place", "sku", "qty", "at")))
    return mapped, bench.rows(mapped, SNAPSHOT, "sku", "qty")


def test_aliases_hold_for_their_partner_kind_and_days_and_multiply_packs(bench: Bench) -> None:
    bench.alias(
        ("acme", "3PL", "box", "widget", 6, None, None),
        ("*", "3PL", "box", "wrong", 1, None, None),
        ("other", "3PL", "odd", "wrong", 1, None, None),
        ("acme", "ASIN", "odd", "wrong", 1, None, None),
        ("*", "3PL", "moved", "old", None, None, "2026-10-31"),
        ("*", "3PL", "moved", "new", None, "2026-11-01", None),
    )
    bench.con.execute("insert into item values ('widget')")
    mapped, found = aliased(
        bench,
        ("A", "box", "2", "2026-11-05"),
        ("A", "moved", "1", "2026-10-31"),
        ("A", "moved", "1", "2026-11-01"),
        ("A", "widget", "1", "2026-11-05"),
        ("A", "odd", "1", "2026-11-05"),
        ("B", "odd", "1", "2026-11-06"),
    )
    assert found == [
        ("widget", "12.0000"),
        ("old", "1.0000"),
        ("new", "1.0000"),
        ("widget", "1.0000"),
        ("?odd", "1.0000"),
        ("?odd", "1.0000"),
    ]
    assert bench.faults(mapped, "position", "code", "value", "message", "rejects") == [
        ("line 6", "SKU_UNKNOWN", "odd", '"odd" is neither a SKU nor a 3PL alias of this partner (2 rows)', False)
    ]


def test_of_several_names_the_first_that_is_known_counts_else_the_first(bench: Bench) -> None:
    bench.alias(
        ("acme", "VENDOR", "ours", "widget", 1, None, None),
        ("*", "GTIN", "4711", "widget", 1, None, None),
        ("acme", "GTIN", "case", "widget", 12, None, "2026-11-04"),
        ("acme", "GTIN", "case", "gadget", 10, "2026-11-05", None),
        ("acme", "3PL", "other", "wrong", 1, None, None),
    )
    bench.con.execute("alter table item add column base_uom varchar")
    bench.con.execute("insert into item values ('mug', 'EA')")
    record = snapshot(
        sku={"from": ["_own", "gtin", "third"], "alias": ["VENDOR", "GTIN"], "blank": ["-"]},
        _own={"expr": 'lower("own")'},
        qty={"from": "qty", "packs_of": "sku", "counted_in": "unit"},
        as_of="at",
        location="place",
        key=["place", "sku", "as_of"],
    )
    columns = ("place", "own", "gtin", "third", "qty", "unit", "at")
    rows = [
        ("A", "OURS", "case", "mug", "1", "EA", "2026-11-05"),
        ("B", "new", "4711", "case", "1", "EA", "2026-11-05"),
        ("C", "new", "-", "case", "2", "CA", "2026-11-04"),
        ("D", "new", "-", "case", "2", "EA", "2026-11-05"),
        ("E", "", "case", "mug", "2", "EA", "2026-11-05"),
        ("F", "other", "", "mug", "1", "EA", "2026-11-05"),
        ("G", "other", "-", "nobody", "1", "EA", "2026-11-05"),
    ]
    mapped = bench.apply(mapping(record), lambda _: stock(*rows, columns=columns))
    assert bench.rows(mapped, SNAPSHOT, "sku", "qty") == [
        ("widget", "1.0000"),
        ("widget", "1.0000"),
        ("widget", "24.0000"),
        ("gadget", "2.0000"),  # A further name may be that of the case: 2 EA are not 2 cases
        ("gadget", "20.0000"),
        ("mug", "1.0000"),
        ("?other", "1.0000"),
    ]
    assert bench.faults(mapped, "position", "code", "message") == [
        ("line 8", "SKU_UNKNOWN", '"other" is neither a SKU nor an alias (VENDOR, GTIN) of this partner (1 row)')
    ]
    keys = bench.rows(mapped, SNAPSHOT, "source_key")
    bench.con.execute("delete from alias")
    mapped = bench.apply(mapping(record), lambda _: stock(*rows, columns=columns))
    assert bench.rows(mapped, SNAPSHOT, "source_key") == keys


def test_an_alias_added_later_does_not_change_the_key(bench: Bench) -> None:
    record = snapshot(sku={"from": "sku", "alias": "3PL"}, key=["location", "sku"])
    keys = []
    for _ in range(2):
        mapped = bench.apply(mapping(record), lambda _: stock(("A", "box", "1")))
        keys += bench.rows(mapped, SNAPSHOT, "source_key")
        bench.alias(("acme", "3PL", "box", "widget", 1, None, None))
    assert keys[0] == keys[1]
    assert bench.rows(mapped, SNAPSHOT, "sku") == [("widget",)]


def test_packs_are_never_rounded(bench: Bench) -> None:
    bench.alias(("acme", "3PL", "box", "widget", Decimal("0.3333"), None, None))
    mapped, found = aliased(bench, ("A", "box", "0.01", "2026-11-05"), ("A", "box", "3", "2026-11-05"))
    assert found == [("widget", "0.9999")]
    assert mapped.rejected == 1


def test_a_lookup_may_ask_with_a_helper_field(bench: Bench) -> None:
    bench.lookup("places", ("code", "value"), ("N", "NORTH"))
    record = snapshot(location={"lookup": "places", "on": ["_first"]}, _first={"expr": 'upper(left("place", 1))'})
    mapped = bench.apply(mapping(record), lambda _: stock(("n-17", "x", "1")))
    assert bench.rows(mapped, SNAPSHOT, "location") == [("NORTH",)]


# --- inventory movements ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("origin", "target", "qty", "message"),
    [
        ("AVAILABLE", "CUSTOMER", "1", None),
        ("CUSTOMER", "AVAILABLE", "1", "to_status: units may not move from CUSTOMER to AVAILABLE"),
        ("AVAILABLE", "CUSTOMER", "0", "qty: 0 must be more than zero"),
        ("AVAILABLE", "CUSTOMER", "-2.5", "qty: -2.5 must be more than zero"),
    ],
)
def test_movements_follow_the_status_machine(
    bench: Bench, origin: str, target: str, qty: str, message: str | None
) -> None:
    record = {
        "type": "inventory_movement",
        "key": ["sku"],
        "fields": {
            "occurred_at": {"constant": "2026-11-01"},
            "sku": "sku",
            "from_location": {"constant": "A"},
            "from_status": "from",
            "to_location": {"constant": "B"},
            "to_status": "to",
            "qty": "qty",
            "type": {"constant": "SHIP"},
        },
    }
    columns = ("sku", "from", "to", "qty")
    mapped = bench.apply(mapping(record), lambda _: stock(("x", origin, target, qty), columns=columns))
    assert mapped.rejected == (0 if message is None else 1)
    reported = bench.faults(mapped, "message", "hint")
    assert [m for m, _ in reported if not m.startswith(message or "")] == []
    if message and message.startswith("to_status"):
        assert "RETURN_PENDING_INSPECTION, RETURN_TRANSIT" in reported[0][1]


# --- drift --------------------------------------------------------------------------------------------


def test_a_missing_required_column_holds_the_file(bench: Bench) -> None:
    mapped = bench.apply(mapping(snapshot()), lambda _: stock(("A", "x", "1"), columns=("place", "sku", "quantity")))
    (fault,) = mapped.held
    assert fault.code == "FILE_REJECT"
    assert 'the column "qty" is missing' in fault.message
    assert (mapped.received, mapped.rejected) == (1, 1)
    near = bench.apply(mapping(snapshot()), lambda _: stock(("A", "x", "1"), columns=("place", "sku", "Qty ")))
    assert '"Qty " looks like it' in near.held[0].message


def test_columns_of_conditions_keys_and_signs_are_required_too(bench: Bench) -> None:
    record = snapshot(
        when="\"state\" = 'ok'",
        key=["id"],
        qty={"from": "qty", "default": "0", "sign": {"from": "side", "negative": ["-"]}},
    )
    mapped = bench.apply(mapping(record), lambda _: stock(("A", "x", "1")))
    [fault] = mapped.held
    assert fault.message.startswith('3 columns are missing: "side", "id", "state". Found: ')


def test_drift_policies(bench: Bench) -> None:
    columns = ("place", "sku", "qty", "extra")
    rows = ("A", "x", "1", "?")
    many = [
        ("A", "x", "1", " "),
        ("A", "y", "1", "a"),
        ("A", "z", "1", None),
        ("B", "x", "1", "b"),
        ("B", "y", "1", ""),
    ]
    told = bench.apply(mapping(snapshot()), lambda _: stock(*many, columns=columns))
    assert (told.held, told.rejected) == ([], 0)
    ((code, position, column, message),) = bench.faults(told, "code", "position", "column_name", "message")
    assert (code, position, column) == ("COLUMN_UNKNOWN", "line 3", "extra")
    assert '2 rows have a value in it, such as "a"' in message
    for setting in ({"known": ["EX*"]}, {"known": ["extra"]}, {"known": ["*"]}, {"drift": "ignore"}):
        quiet = bench.apply(mapping(snapshot(), **setting), lambda _: stock(*many, columns=columns))
        assert bench.faults(quiet, "code") == []
    (fault,) = bench.apply(mapping(snapshot(), drift="hold"), lambda _: stock(rows, columns=columns)).held
    assert 'the column "extra" is new' in fault.message
    mapped = bench.apply(mapping(snapshot(), drift="ignore"), lambda _: stock(("A", "x"), columns=("place", "sku")))
    assert (mapped.held, mapped.rejected) == ([], 1)
    optional = snapshot(basis="basis", location={"from": ["site", "place"]})
    assert bench.apply(mapping(optional), lambda _: stock(("A", "x", "1"))).held == []


# --- properties ---------------------------------------------------------------------------------------

CELLS = st.sampled_from(
    ["", " ", "A", "TOTAL", "1", "0", "-3", "1.5", "1,5", "1,234", "oops", "2026-11-01", None, "'", '"']
)
ROW = st.tuples(CELLS, CELLS, CELLS, CELLS)
# Many rows at once: it is the file that takes time.
ROWS = st.one_of(st.lists(ROW, max_size=3), st.lists(ROW, min_size=10, max_size=40))


@settings(max_examples=16, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS)
@example(rows=[("", "", "", "1,5"), ("A", "A", "1", "1,5")])
def test_every_row_is_rejected_ignored_or_recorded(bench: Bench, rows: list[tuple[str | None, ...]]) -> None:
    first = snapshot(
        qty={"from": "qty", "decimal": "auto"}, location={"fill_down": "place"}, sku={"from": "sku", "alias": "3PL"}
    )
    second = snapshot(status={"constant": "DAMAGED"}, qty="other", when="qty > 0")
    rules = [{"name": "totals", "when": "\"place\" = 'TOTAL'"}, {"name": "none", "when": "qty = 0"}]
    columns = ("place", "sku", "qty", "other")
    mapped = bench.apply(mapping(first, second, ignore=rules), lambda _: stock(*rows, columns=columns))
    assert mapped.received == len(rows)
    assert balanced(bench, mapped)
    reported = bench.con.execute(f"select count(distinct _ordinal) from {mapped.faults} where rejects").fetchone()
    # A column that the mapping misreads as a whole is one fault of the file, which is held for it.
    assert reported == (mapped.rejected,) or mapped.held
    both = (
        f"select count(*) from {mapped.tables[SNAPSHOT]} semi join (select * from {mapped.faults} where rejects) "
        f"using (_ordinal)"
    )
    assert bench.con.execute(both).fetchone() == (0,)


def is_lost(text: str) -> bool:
    """Whether a spreadsheet has lost what stood there."""
    return re.fullmatch(SHORTENED, text.strip()) is not None


TEXTS = st.text(string.printable + "ä€\u00a0\u2028", max_size=8).filter(lambda text: not is_lost(text))


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(TEXTS, min_size=10, max_size=40))
def test_any_text_comes_through_as_it_is_but_for_blanks_around_it(bench: Bench, texts: list[str]) -> None:
    rows = [("A", "x", "1", text) for text in texts]
    record = snapshot(source_qualifier="note")
    mapped = bench.apply(mapping(record), lambda _: stock(*rows, columns=("place", "sku", "qty", "note")))
    assert bench.rows(mapped, SNAPSHOT, "source_qualifier") == [(_trimmed(text) or None,) for text in texts]


def _trimmed(text: str) -> str:
    return text.strip(INVISIBLE)


def test_the_number_of_threads_changes_nothing(bench: Bench) -> None:
    rows = [("A" if n % 3 else "", f"s{n % 7}", str(n % 11) if n % 13 else "x") for n in range(400)]
    record = snapshot(location={"fill_down": "place"}, sku={"from": "sku", "alias": "3PL"})
    found = []
    for threads in (1, 2, 4):
        bench.con.execute(f"set threads = {threads}")
        mapped = bench.apply(mapping(record), lambda _: stock(*rows))
        found.append(
            (
                bench.rows(mapped, SNAPSHOT, "_ordinal", "source_key", "occurrence", "location", "sku", "qty"),
                bench.faults(mapped, "_ordinal", "message", "source_row"),
                mapped.ignored,
            )
        )
    assert found[0] == found[1] == found[2]


def test_a_file_error_of_the_database_names_the_feed(bench: Bench) -> None:
    bench.con.execute("drop table alias")
    record = snapshot(sku={"from": "sku", "alias": "3PL"})
    with pytest.raises(FileError, match=r"acme\.test"):
        bench.apply(mapping(record), lambda _: stock(("A", "x", "1")))
    assert isinstance(bench.con, duckdb.DuckDBPyConnection)


# --- characters that nobody sees ------------------------------------------------------------------------


def test_invisible_characters_around_a_text_do_not_count_and_within_one_are_named(bench: Bench) -> None:
    bench.alias(("acme", "3PL", "MUG", "M-MUG", 1, None, None))
    rows = (
        ("A", "\u200bMUG\u200e", "\u202d7\u202c"),
        ("A", "MU\u00adG", "1"),
        ("A", "MUG\0", "1\u200b0"),
        ("B", "MUG", "2\0"),
    )
    mapped = bench.apply(mapping(snapshot(sku={"from": "sku", "alias": "3PL"})), lambda _: stock(*rows))
    assert bench.rows(mapped, SNAPSHOT, "sku", "qty") == [
        ("M-MUG", "7.0000"),
        ("?MU\u00adG", "1.0000"),
        ("M-MUG", "2.0000"),
    ]
    unknown, broken = bench.faults(mapped, "code", "message", "hint", "value")
    assert unknown[:2] == (
        "SKU_UNKNOWN",
        '"MU<U+00AD SOFT HYPHEN>G" is neither a SKU nor a 3PL alias of this partner (1 row)',
    )
    assert "Remove the invisible character" in unknown[2] and unknown[3] == "MU\u00adG"
    assert broken[1].startswith('qty: "1<U+200B ZERO WIDTH SPACE>0" is not a number')


def test_an_identifier_written_as_a_number_with_decimals_counts_and_is_reported(bench: Bench) -> None:
    rows = [
        ("A", "10023.0", "1"),
        ("A", "10023.00", "1"),
        ("A", "2.0", "1"),
        ("A", "10024.5", "1"),
        ("B", "10023.0", "1"),
    ]
    mapped = bench.apply(mapping(snapshot(key=["location", "sku"])), lambda _: stock(*rows))
    assert [sku for (sku,) in bench.rows(mapped, SNAPSHOT, "sku")] == [sku for _, sku, _ in rows]
    assert bench.faults(mapped, "position", "code", "message", "rejects") == [
        (
            "line 2",
            "ROW_DOUBTFUL",
            '"10023.0" is an identifier that was written as a number with decimals (2 rows)',
            False,
        ),
        (
            "line 3",
            "ROW_DOUBTFUL",
            '"10023.00" is an identifier that was written as a number with decimals (1 row)',
            False,
        ),
    ]


def test_words_for_nothing_in_the_place_of_an_identifier_count_and_are_reported(bench: Bench) -> None:
    words = ["nan", "NULL", "\\N", "-", "Nantes", "A"]
    rows = [("A", word, "1") for word in words]
    record = snapshot(key=["location", "sku"], sku={"from": "sku", "blank": ["-"], "required": False, "default": "?"})
    mapped = bench.apply(mapping(record), lambda _: stock(*rows))
    assert [sku for (sku,) in bench.rows(mapped, SNAPSHOT, "sku")] == ["nan", "NULL", "\\N", "?", "Nantes", "A"]
    assert bench.faults(mapped, "code", "message") == [
        ("ROW_DOUBTFUL", f'"{word}" is a word for nothing in the place of an identifier (1 row)') for word in words[:3]
    ]


# --- cells without a value, and identifiers that a spreadsheet shortened ---------------------------------

NA = unreadable("the cell S!C3 holds the error #N/A", "Fix the cell.", "#N/A")
COLUMNS = ("place", "sku", "qty", "note")


@pytest.mark.parametrize(
    ("fields", "row", "column"),
    [
        ({}, ("A", "x", NA, ""), "qty"),  # a number
        ({}, ("A", NA, "1", ""), "sku"),  # a text
        ({"status": {"from": "note", "map": {"*": "AVAILABLE"}, "default": "AVAILABLE"}}, ("A", "x", "1", NA), "note"),
        ({"sku": ["note", "sku"]}, ("A", "x", "1", NA), "note"),  # the first that is filled
        ({"sku": {"expr": 'concat("sku", "note")'}}, ("A", "x", "1", NA), "note"),
        ({"source_qualifier": {"fill_down": "note"}}, ("A", "x", "1", NA), "note"),
        ({"when": "\"note\" = ''"}, ("A", "x", "1", NA), "note"),  # nobody can say whether it applies
        ({"key": ["place", "note"]}, ("A", "x", "1", NA), "note"),
    ],
)
def test_a_cell_without_a_value_rejects_its_row_where_it_is_used(
    bench: Bench, fields: dict[str, Any], row: tuple[str, ...], column: str
) -> None:
    rows = (("B", "y", "2", ""), row)
    mapped = bench.apply(mapping(snapshot(**fields)), lambda _: stock(*rows, columns=COLUMNS))
    assert bench.rows(mapped, SNAPSHOT, "location", "qty") == [("B", "2.0000")]
    [fault] = bench.faults(mapped, "position", "column_name", "value", "message", "hint", "source_row")
    assert fault[:5] == ("line 3", column, "#N/A", f"{column}: the cell S!C3 holds the error #N/A", "Fix the cell.")
    assert json.loads(fault[5])[column] == "#N/A" and balanced(bench, mapped)


def test_a_cell_without_a_value_costs_nothing_where_nobody_needs_it(bench: Bench) -> None:
    rows = (("A", "x", "1", NA), ("B", "Total", NA, ""), ("C", "y", "3", "n"))
    ignore = [{"name": "total", "when": "\"sku\" = 'Total'"}]
    record = snapshot(sku=["sku", "note"], when="\"place\" <> ''")
    mapped = bench.apply(mapping(record, ignore=ignore), lambda _: stock(*rows, columns=COLUMNS))
    assert bench.rows(mapped, SNAPSHOT, "sku", "qty") == [("x", "1.0000"), ("y", "3.0000")]
    assert (mapped.ignored, mapped.rejected, bench.faults(mapped, "message")) == ({"total": 1}, 0, [])


def test_a_filled_down_cell_without_a_value_rejects_the_rows_below_it(bench: Bench) -> None:
    rows = (("A", "x", "1", "k"), ("A", "y", "2", NA), ("A", "z", "3", ""), ("A", "v", "4", "m"))
    record = snapshot(source_qualifier={"fill_down": "note"})
    mapped = bench.apply(mapping(record), lambda _: stock(*rows, columns=COLUMNS))
    assert bench.rows(mapped, SNAPSHOT, "sku", "source_qualifier") == [("x", "k"), ("v", "m")]
    assert bench.faults(mapped, "position") == [("line 3",), ("line 4",)]


def test_a_later_piece_with_a_cell_without_a_value(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apply_rows, "PIECE_BYTES", 1)
    rows = [("A", f"x{n}", "1", "") for n in range(4)] + [("A", "y", "2", NA), ("A", "z", "3", "")]
    record = snapshot(source_qualifier={"fill_down": "note"})
    mapped = bench.apply(mapping(record), lambda _: stock(*rows, columns=COLUMNS))
    assert len(bench.rows(mapped, SNAPSHOT, "sku")) == 4
    assert bench.faults(mapped, "position") == [("line 6",), ("line 7",)]


@pytest.mark.parametrize("text", ["6.93217E+12", "6,93217E+12", "6.93217E12", "6E+12", "-1.5e+300", "########", "#N/A"])
@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"sku": {"from": "sku", "alias": "GTIN"}},
        {"sku": {"expr": 'upper("sku")'}},
        {"sku": {"constant": "K"}, "_id": {"from": "sku"}},
        {"sku": {"constant": "K"}, "key": ["place", "sku "]},
    ],
)
def test_an_identifier_that_a_spreadsheet_shortened_is_never_accepted(
    bench: Bench, fields: dict[str, Any], text: str
) -> None:
    bench.alias(("acme", "GTIN", text, "K", 1, None, None))
    columns = ("place", "sku " if "sku " in fields.get("key", ()) else "sku", "qty")
    mapped = bench.apply(
        mapping(snapshot(**fields)), lambda _: stock(("A", text, "1"), ("B", "4E10", "1"), columns=columns)
    )
    assert len(bench.rows(mapped, SNAPSHOT, "sku")) == 1
    faults = bench.faults(mapped, "code", "message")
    assert [message for code, message in faults if code == "ROW_REJECT"] == [
        f'{columns[1]}: "{text}" is '
        + (
            "what a spreadsheet shows instead of a value, of one that is too wide or of an error"
            if text.startswith("#")
            else "a number that a spreadsheet shortened: its last digits are lost"
        )
    ]


def test_a_currency_beside_an_amount_must_be_that_of_the_row(bench: Bench) -> None:
    fields = {name: name for name in ("settlement_id", "txn_type", "currency", "posted_at")}
    record = {
        "type": "settlement_line",
        "key": ["settlement_id", "txn_type"],
        "fields": {
            **fields,
            "channel": {"constant": "shop"},
            "canonical_class": {"constant": "suspense"},
            "amount": {"expr": "-_fee"},
            "_fee": {"from": "fee", "type": "decimal", "decimal": "auto"},
            "qty": "units",
        },
    }
    columns = (*fields, "fee", "units")
    at = "2026-11-01T10:00:00Z"
    rows = (
        ("1", "a", "USD", at, "US$ 1,234.50", "1"),
        ("1", "b", "CAD", at, "($5.00)", "1"),
        ("1", "c", "EUR", at, "5 USD", "1"),
        ("1", "d", "EUR", at, "$5", "1"),
        ("1", "e", "EUR", at, "5", "5 EUR"),
    )
    mapped = bench.apply(mapping(record), lambda _: stock(*rows, columns=columns))
    assert bench.rows(mapped, "settlement_line", "txn_type", "amount") == [("a", "-1234.5000"), ("b", "5.0000")]
    assert [message.split(",")[0] for (message,) in bench.faults(mapped, "message")] == [
        'fee: "5 USD" says USD',
        'fee: "$5" says $',
        'units: "5 EUR" says EUR',
    ]


@pytest.mark.parametrize(
    ("formats", "texts", "days"),
    [
        (["%m/%d/%Y"], ("08/07/2026", "12/08/2026"), ["2026-08-07", "2026-12-08"]),  # one order, and nothing against it
        (["%m/%d/%Y"], ("08/07/2026", "13/08/2026", "07/07/2026"), []),  # the column shows the other order
        (["%d/%m/%Y", "%m/%d/%Y"], ("08/07/2026", "13/08/2026"), ["2026-07-08", "2026-08-13"]),
        (["%d/%m/%Y", "%m/%d/%Y"], ("08/07/2026", "08/13/2026"), ["2026-08-07", "2026-08-13"]),
        (["%d/%m/%Y", "%m/%d/%Y"], ("08/07/2026", "07/07/2026"), ["2026-07-07"]),  # nothing decides
        (["%d/%m/%Y", "%m/%d/%Y"], ("08/07/2026", "13/08/2026", "08/13/2026"), ["2026-08-13", "2026-08-13"]),  # both
        (["%-d.%-m.%y", "%-m.%-d.%y"], ("8.7.26", "13.8.26"), ["2026-07-08", "2026-08-13"]),
        (["%d/%m/%Y", "iso"], ("08/07/2026", "2026-08-13", "bad"), ["2026-07-08", "2026-08-13"]),
    ],
)
def test_a_column_has_one_order_of_day_and_month(
    bench: Bench, formats: list[str], texts: tuple[str, ...], days: list[str]
) -> None:
    record = snapshot(as_of={"from": "at", "formats": formats}, key=["place", "sku", "as_of"])
    rows = [("A", f"x{n}", "1", text) for n, text in enumerate(texts)]
    mapped = bench.apply(mapping(record), lambda _: stock(*rows, columns=("place", "sku", "qty", "at")))
    assert [text[:10] for (text,) in bench.rows(mapped, SNAPSHOT, "as_of")] == days
    assert balanced(bench, mapped) and mapped.rejected == len(texts) - len(days)


def test_dates_that_mean_two_days_and_numbers_of_days_are_named(bench: Bench) -> None:
    record = snapshot(as_of={"from": "at", "formats": ["%m/%d/%Y", "iso"]})
    rows = [("A", f"x{n}", "1", text) for n, text in enumerate(("08/07/2026", "13/08/2026", "46235"))]
    mapped = bench.apply(mapping(record), lambda _: stock(*rows, columns=("place", "sku", "qty", "at")))
    two, other, serial = [message for (message,) in bench.faults(mapped, "message")]
    assert two.startswith('at: "08/07/2026" can mean two days')
    assert other == 'at: "13/08/2026" is not a date and time (expected MM/DD/YYYY or 2026-11-01T10:00:00Z)'
    assert serial == 'at: "46235" is how a spreadsheet counts days; it stands for 2026-08-01'
