"""Passes: each item once, exact before loose, ambiguity matches nothing, the order of rows changes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal

import duckdb
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.books.reconcile.passes import match
from gateway.books.reconcile.registry import Pass

Item = tuple[str, int, int]
"""(key, amount, day of the month)"""

items = st.lists(st.tuples(st.sampled_from(["", "A", "B", "C"]), st.integers(1, 4), st.integers(1, 20)), max_size=6)
PASSES = (
    Pass(by="key"),
    Pass(by="key", absolute=1, relative=0.5),
    Pass(by="group"),
    Pass(by="amount", days=3),
)


def pairs(theirs: Sequence[Item], ours: Sequence[Item], passes: Sequence[Pass] = PASSES) -> list[tuple[str, Item | None, Item | None, str]]:  # fmt: skip
    """(group, external, book, pass) of everything that is matched."""
    with duckdb.connect() as con:
        for name, rows in (("theirs", theirs), ("ours", ours)):
            con.execute(
                f"create table {name} (item bigint, entity varchar, currency varchar, k varchar, amount decimal(18,4), day date)"
            )
            for number, (key, amount, day) in enumerate(rows):
                at = date(2026, 11, 1) + timedelta(days=day)
                con.execute(f"insert into {name} values (?, 'US', 'USD', ?, ?, ?)", [number, key, amount, at])
        match(con, "theirs", "ours", tuple(passes), "found")
        rows = con.execute("select grp, external, book, pass from found").fetchall()
    return [(grp, None if x is None else theirs[x], None if b is None else ours[b], by) for grp, x, b, by in rows]


@settings(max_examples=80, deadline=None)
@given(items, items)
def test_each_item_is_used_once_and_groups_agree_within_their_tolerance(theirs: list[Item], ours: list[Item]) -> None:
    found = pairs(theirs, ours)
    for side, given_items in ((1, theirs), (2, ours)):
        used = Counter(row[side] for row in found if row[side] is not None)
        assert all(count <= Counter(given_items)[item] for item, count in used.items())
    for group in {row[0] for row in found}:
        members = [row for row in found if row[0] == group]
        left = sum(Decimal(row[1][1]) for row in members if row[1])
        right = sum(Decimal(row[2][1]) for row in members if row[2])
        bound = min(Decimal(1), right / 2) if members[0][3] == "P2" else Decimal(0)
        assert abs(left - right) <= bound, members


@settings(max_examples=40, deadline=None)
@given(items, items)
def test_the_order_of_rows_changes_nothing(theirs: list[Item], ours: list[Item]) -> None:
    def shape(found: list[tuple[str, Item | None, Item | None, str]]) -> Counter[tuple[Item | None, Item | None, str]]:
        return Counter(row[1:] for row in found)

    assert shape(pairs(theirs, ours)) == shape(pairs(theirs[::-1], ours[::-1]))


def test_several_candidates_are_no_match() -> None:
    assert pairs([("", 3, 1), ("", 3, 2)], [("", 3, 1)], [Pass(by="amount", days=5)]) == []
    assert pairs([("A", 3, 1), ("A", 3, 2)], [("A", 3, 1)], [Pass(by="key")]) == []


def test_exact_comes_before_loose() -> None:
    found = pairs([("A", 4, 1), ("B", 4, 1)], [("A", 4, 1), ("B", 3, 1)])
    assert {(row[3], row[0].split("|")[-1]) for row in found} == {("P1", "A"), ("P2", "B")}


def test_a_window_keeps_apart_what_is_far_apart() -> None:
    far, near = Pass(by="key", days=5), Pass(by="key", days=19)
    assert pairs([("A", 3, 1)], [("A", 3, 20)], [far]) == []
    assert len(pairs([("A", 3, 1)], [("A", 3, 20)], [near])) == 2
