from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from gateway.display import visible
from gateway.workbooks.cells import (
    CELL_CHARS_MAX,
    Column,
    Kind,
    Loss,
    cells,
    escaped,
    inexact,
    neutralise,
    numerals,
    safe_text,
    shorten,
    within_calendar,
)

MONEY = pa.decimal128(30, 4)


def read_back(xml: str) -> str:
    """Character data as a spreadsheet reads it: XML first, then the `_xHHHH_` escapes."""
    text = etree.fromstring(f"<t>{xml}</t>").text or ""
    return re.sub("_x([0-9A-Fa-f]{4})_", lambda m: chr(int(m.group(1), 16)), text)


@given(st.text(st.characters(exclude_categories=("Cs",)), max_size=60))
@settings(max_examples=300, deadline=None)
def test_any_text_comes_back_as_it_went_but_for_the_apostrophe(text: str) -> None:
    ready, losses = safe_text(pa.chunked_array([[text]], pa.string()), "c")
    assert not losses
    if not text:
        assert ready[0].as_py() is None
        return
    shown = visible(re.sub("\r\n?", "\n", text), "\n\t")
    assert read_back(escaped(ready)[0].as_py()) == neutralise(shown)


@given(st.decimals(min_value=-(10**20), max_value=10**20, places=4))
@settings(max_examples=300, deadline=None)
def test_decimals_are_written_with_their_own_digits(value: Decimal) -> None:
    array = pa.array([value], MONEY)
    assert Decimal(numerals(Kind.MONEY, array)[0].as_py()) == value
    if not inexact(array, "c"):
        # What is not reported survives a cell's double.
        assert Decimal(f"{float(numerals(Kind.MONEY, array)[0].as_py()):.15g}") == value


@pytest.mark.parametrize("text", ["=cmd|'/c calc'!A1", "+49 30", "-1", "@SUM(A1)", "\t=1", "\n+1", " =1", "＝1", "－1"])
def test_beginnings_that_could_be_formulas_get_an_apostrophe(text: str) -> None:
    ready, _ = safe_text(pa.array([text]), "c")
    assert ready[0].as_py() == f"'{text}" == neutralise(text)


@pytest.mark.parametrize("text", ["a=b", "'=1", "1-2", "", "Müller & Söhne", "5 - 3"])
def test_other_text_stays(text: str) -> None:
    assert neutralise(text) == text


@pytest.mark.parametrize("character", ["x", "😀"])
def test_long_text_is_cut_within_utf16_limit_and_reported(character: str) -> None:
    text = character * 40_000
    ready, (loss,) = safe_text(pa.array(["short", text]), "message")
    cut = ready[1].as_py()
    assert cut.endswith("…[cut]") and len(cut.encode("utf-16-le")) // 2 <= CELL_CHARS_MAX
    assert (loss.row, loss.column, loss.what) == (1, "message", "text of 40,000 characters cut")
    exact = "y" * CELL_CHARS_MAX
    assert shorten(exact) == exact


def test_figures_beyond_fifteen_digits_are_reported_with_all_of_them() -> None:
    values = [
        Decimal("99999999999.9999"),
        Decimal("100000000000.0001"),
        Decimal(10**18),
        Decimal("-1e18") - Decimal("0.01"),
    ]
    losses = inexact(pa.array([*values, None], MONEY), "amount")
    assert [(loss.row, loss.what) for loss in losses] == [
        (1, "exact value 100000000000.0001"),
        (3, "exact value -1000000000000000000.01"),
    ]


def test_days_that_no_cell_can_hold_are_empty_and_reported() -> None:
    days = [date(1, 1, 1), date(1900, 2, 28), date(1900, 3, 1), date(9999, 12, 31), None]
    values, losses = within_calendar(pa.array(days, pa.date32()), "due")
    assert values.to_pylist() == [None, None, *days[2:]]
    assert losses == [
        Loss(0, "due", "date 0001-01-01, which a cell cannot hold"),
        Loss(1, "due", "date 1900-02-28, which a cell cannot hold"),
    ]
    far = pa.array([50_000_000 * 86_400_000_000, 0], pa.int64()).cast(pa.timestamp("us", "UTC"))
    values, losses = within_calendar(far, "at")
    assert values.to_pylist() == [None, datetime(1970, 1, 1, tzinfo=UTC)]
    assert [loss.row for loss in losses] == [0]


def test_empty_is_no_cell_but_an_unlocked_one_where_people_type() -> None:
    values, rows = pa.array([None, "a<b"], pa.string()), pa.array(["5", "6"])
    locked = cells(Column("c", Kind.TEXT), "B", 3, values, rows, {}).to_pylist()
    assert locked == ["", '<c r="B6" s="3" t="inlineStr"><is><t xml:space="preserve">a&lt;b</t></is></c>']
    assert cells(Column("c", Kind.TEXT, editable=True), "B", 3, values, rows, {})[0].as_py() == '<c r="B5" s="3"/>'


def test_formula_names_its_own_row_and_keeps_the_cached_value() -> None:
    column = Column("check", Kind.MONEY, formula="IF({a}<>{b b},1,0)")
    made = cells(column, "C", 4, pa.array([Decimal("1.50")], MONEY), pa.array(["7"]), {"a": "A", "b b": "B"})
    assert made[0].as_py() == '<c r="C7" s="4"><f>IF($A7&lt;&gt;$B7,1,0)</f><v>1.5</v></c>'
