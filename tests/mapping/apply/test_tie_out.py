"""Tie-outs: a file whose rows do not make the figures that it states is held."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.mapping.fake import Bench, mapping, snapshot, stock

COLUMNS = ("place", "sku", "qty", "total")


def held(bench: Bench, tie: dict[str, Any], *rows: tuple[str | None, ...], **record: Any) -> list[str]:
    mapped = bench.apply(
        mapping(
            snapshot(when="\"sku\" <> ''", **record),
            tie_out=[tie],
            ignore=[{"name": "trailer", "when": "\"place\" = 'END'"}],
        ),
        lambda _: stock(*rows, columns=COLUMNS),
    )
    assert all(fault.code == tie.get("code", "CONTROL_TOTAL") for fault in mapped.held)
    return [fault.message for fault in mapped.held]


SUM = {"sum": "qty", "equals": 'first("total")'}


def test_equal_figures_pass_and_the_first_one_is_the_control_total(bench: Bench) -> None:
    tie = mapping(snapshot(when="\"sku\" <> ''"), tie_out=[SUM, {"count": True, "equals": 'count("qty")'}])
    mapped = bench.apply(
        tie, lambda _: stock(("", "", "", "3.50"), ("A", "x", "1.5", ""), ("A", "y", "2", ""), columns=COLUMNS)
    )
    assert mapped.held == []
    assert mapped.control_total == Decimal("3.5")


def test_a_difference_is_reported_with_both_figures(bench: Bench) -> None:
    assert held(bench, SUM, ("", "", "", "4"), ("A", "x", "1.5", ""), ("A", "y", "2", "")) == [
        "sum of qty against total: the rows make 3.50, the file states 4.00, difference -0.50"
    ]


def test_a_trailer_that_an_ignore_rule_leaves_out_still_states_its_figure(bench: Bench) -> None:
    tie = {"name": "Trailer", "sum": "qty", "equals": 'last("total")'}
    assert held(bench, tie, ("A", "x", "2", ""), ("END", "END", "", "2")) == []
    assert held(bench, tie, ("A", "x", "2", ""), ("END", "END", "", "3")) == [
        "Trailer: the rows make 2, the file states 3, difference -1"
    ]


def test_rejected_rows_are_not_in_the_sum_and_that_is_reported(bench: Bench) -> None:
    assert held(bench, SUM, ("A", "x", "2", "5"), ("A", "y", "3O", "")) == [
        "sum of qty against total: the rows make 2; 1 rejected row(s) are not in it, the file states 5, difference -3"
    ]


@pytest.mark.parametrize(("tolerance", "faults"), [("0", 1), ("0.49", 1), ("0.5", 0)])
def test_tolerance(bench: Bench, tolerance: str, faults: int) -> None:
    assert len(held(bench, {**SUM, "tolerance": tolerance}, ("A", "x", "1.5", "2"))) == faults


def test_a_figure_that_is_absent_or_unreadable_holds_the_file(bench: Bench) -> None:
    assert held(bench, SUM, ("A", "x", "1", "")) == [
        "sum of qty against total: the file does not state the figure; the rows make 1"
    ]
    assert held(bench, SUM, ("A", "x", "1", "one")) == [
        'sum of qty against total: the figure that the file states cannot be read as a number: total "one" (line 2); '
        "the rows make 1"
    ]
    assert held(bench, SUM) == ["sum of qty against total: the file does not state the figure; the rows make 0"]


def test_count_where_and_code(bench: Bench) -> None:
    tie = {"count": True, "where": "\"place\" = 'A' and qty > 0", "equals": 'max("total")', "code": "FILE_REJECT"}
    rows = [("A", "x", "1", "2"), ("A", "y", "1", ""), ("A", "z", "0", ""), ("B", "x", "1", "")]
    assert held(bench, tie, *rows) == []
    assert len(held(bench, tie, *rows[1:], ("A", "v", "1", "5"))) == 1


def test_groups_are_checked_one_by_one(bench: Bench) -> None:
    tie = {"sum": "qty", "by": ["location"], "equals": 'max("total")'}
    rows = [("A", "x", "1", "3"), ("A", "y", "2", ""), ("B", "x", "1", "2"), ("C", "x", "1", "")]
    assert held(bench, tie, *rows) == [
        "sum of qty against total for B: the rows make 1, the file states 2, difference -1",
        "sum of qty against total for C: the file does not state the figure; the rows make 1",
    ]
    many = [(f"L{n:02}", "x", "1", "2") for n in range(30)]
    reported = held(bench, tie, *many)
    assert len(reported) == 21
    assert reported[-1].endswith("10 more groups differ")


def test_the_stated_figure_is_read_with_the_decimal_sign_of_the_records(bench: Bench) -> None:
    comma = {"from": "qty", "decimal": "comma"}
    assert held(bench, SUM, ("A", "x", "1.000,50", "1.000,50"), qty=comma) == []
    assert held(bench, SUM, ("A", "x", "1.234", "1.234"), qty=comma) == []
    auto = {"from": "qty", "decimal": "auto"}
    assert held(bench, SUM, ("A", "x", "999,5", "1.000"), ("A", "y", "0,5", ""), qty=auto) == []


def test_all_records_of_the_type_are_added(bench: Bench) -> None:
    second = snapshot(status={"constant": "DAMAGED"}, qty="bad")
    tie = {"sum": "qty", "equals": 'first("total")'}
    columns = ("place", "sku", "qty", "bad", "total")
    mapped = bench.apply(
        mapping(snapshot(), second, tie_out=[tie]), lambda _: stock(("A", "x", "1", "2", "3"), columns=columns)
    )
    assert mapped.held == []


def test_figures_over_fields_and_arithmetic(bench: Bench) -> None:
    tie = {"sum": "qty * 2", "equals": 'sum(qty) + max("total")'}
    assert held(bench, tie, ("A", "x", "2", "3"), ("A", "y", "1", "")) == []
