"""A mapping that reads a column in another way than the file writes it: reported once, with what would read it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.mapping.fake import Alone, Bench, mapping, snapshot, stock

GERMAN = [("A", "x", "1,5"), ("A", "y", "1.234,50"), ("A", "z", "7")]


def of(bench: Bench, rows: list[tuple[str, str, str]], **fields: Any) -> Alone:
    return bench.apply(mapping(snapshot(**fields)), lambda _: stock(*rows))


def test_another_decimal_sign_is_a_mistake_of_the_mapping(bench: Bench) -> None:
    mapped = of(bench, GERMAN)
    [fault] = mapped.held
    assert fault.message == (
        "qty: the mapping reads numbers with a decimal point, and all 2 values that it cannot read have a decimal "
        'comma, such as "1,5"'
    )
    assert fault.hint.startswith('Write decimal = "comma" for qty in the mapping.')
    assert bench.faults(mapped, "message") == []
    assert (mapped.received, mapped.rejected) == (3, 2)


def test_minor_units_are_no_matter_of_the_decimal_sign(bench: Bench) -> None:
    """With `decimal = "comma"` and `scale` they could not be read either."""
    mapped = of(bench, GERMAN, qty={"from": "qty", "scale": 2})
    assert mapped.held == []
    assert len(bench.faults(mapped, "message")) == 2


@pytest.mark.parametrize(
    "rows",
    [
        [*GERMAN, ("A", "v", "2.5")],  # A value shows that the sign is right: the others are typing slips.
        [("A", "x", "1,5"), ("A", "y", "7")],  # One may be a slip.
        [*GERMAN, ("A", "v", "many")],  # No other sign reads them all.
    ],
)
def test_what_may_be_slips_of_the_sender_are_faults_of_rows(bench: Bench, rows: list[tuple[str, str, str]]) -> None:
    mapped = of(bench, rows)
    assert mapped.held == []
    assert len(bench.faults(mapped, "message")) == mapped.rejected > 0


@pytest.mark.parametrize(
    ("written", "form"),
    [
        (("22.11.2026", "05.11.2026"), "%d.%m.%Y"),
        (("11/22/2026", "11/05/2026"), "%m/%d/%Y"),
        (("22/11/2026 09:30", "05/11/2026 17:00"), "%d/%m/%Y %H:%M"),
        (("20261122", "20261105"), "%Y%m%d"),
    ],
)
def test_another_pattern_of_dates_is_a_mistake_of_the_mapping(
    bench: Bench, written: tuple[str, str], form: str
) -> None:
    rows = [("A", "x", written[0]), ("A", "y", written[1])]
    mapped = of(bench, rows, as_of={"from": "qty", "formats": ["iso"]}, qty={"constant": "1"})
    [fault] = mapped.held
    assert fault.hint.startswith(f'Write formats = ["{form}"] for as_of in the mapping.')
    assert bench.faults(mapped, "message") == []


def test_what_is_refused_for_its_size_is_no_other_decimal_sign(bench: Bench) -> None:
    bench.alias(("acme", "3PL", "x", "X", 99999999999999, None, None))
    mapped = of(
        bench,
        [("A", "x", "5"), ("B", "x", "6")],
        sku={"from": "sku", "alias": "3PL"},
        qty={"from": "qty", "packs_of": "sku"},
    )
    assert (mapped.held, mapped.rejected, len(bench.faults(mapped, "message"))) == ([], 2, 2)
