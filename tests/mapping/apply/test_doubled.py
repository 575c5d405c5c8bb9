"""Rows of a file with the same key are reported with all of their places, unless they are events of their own."""

from __future__ import annotations

from typing import Any

from tests.mapping.fake import Bench, mapping, snapshot, stock

ROWS = (
    ("A", "cup", "5"),
    ("A", "pot", "2"),
    ("A", "pot", "2"),
    ("B", "jar", "1"),
    ("A", "jar", "1"),
    ("B", "jar", "4"),
)


def faults(bench: Bench, **record: Any) -> list[tuple[Any, ...]]:
    mapped = bench.apply(mapping(snapshot() | record), lambda _: stock(*ROWS))
    assert len(bench.rows(mapped, "inventory_snapshot", "sku")) == len(ROWS)
    assert (mapped.received, mapped.rejected) == (len(ROWS), 0)
    return bench.faults(mapped, "position", "code", "message", "rejects")


def test_each_key_is_reported_once_with_its_rows_and_what_they_differ_in(bench: Bench) -> None:
    assert faults(bench) == [
        (
            "line 4",
            "ROW_DOUBLED",
            '2 rows have the same key (place, sku "pot"): line 3, line 4; they are equal; each counts',
            False,
        ),
        (
            "line 7",
            "ROW_DOUBLED",
            '2 rows have the same key (place, sku "jar"): line 5, line 7; they differ in qty; each counts',
            False,
        ),
    ]


def test_rows_that_are_events_of_their_own_are_not_reported(bench: Bench) -> None:
    assert faults(bench, repeats="count") == []
    assert [position for position, *_ in faults(bench, key=["place", "sku", "qty"])] == ["line 4"]


def test_of_many_places_the_first_are_named_and_the_others_counted(bench: Bench) -> None:
    rows = [("A", "cup", str(number)) for number in range(8)]
    mapped = bench.apply(mapping(snapshot()), lambda _: stock(*rows))
    [(message,)] = bench.faults(mapped, "message")
    places = "line 2, line 3, line 4, line 5, line 6 and 3 more"
    assert message == f'8 rows have the same key (place, sku "cup"): {places}; they differ in qty; each counts'
