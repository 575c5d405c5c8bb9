"""Passes: each item once, exact before loose, ambiguity matches nothing, the order of rows changes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from functools import cache

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.books.reconcile.passes import CANDIDATES_MAX, Found, match
from gateway.books.reconcile.registry import Pass

Item = tuple[str | None, int, int]
"""(key, amount, day of the month)"""

items = st.lists(st.tuples(st.sampled_from([None, "A", "B", "C"]), st.integers(1, 4), st.integers(1, 20)), max_size=6)
PASSES = (
    Pass(by="key"),
    Pass(by="key", absolute=1, relative=0.5),
    Pass(by="group"),
    Pass(by="amount", days=3),
)


@cache
def connection() -> duckdb.DuckDBPyConnection:
    """One for all examples: each makes its own tables."""
    return duckdb.connect(config={"threads": 1})


def pairs(
    theirs: Sequence[Item], ours: Sequence[Item], passes: Sequence[Pass] = PASSES
) -> list[tuple[str, Item | None, Item | None, str]]:
    """(group, external, book, pass) of everything that is matched."""
    found = matched(theirs, ours, passes)
    rows = connection().execute(f"select grp, external, book, pass from {found.pairs}").fetchall()
    return [(grp, None if x is None else theirs[x], None if b is None else ours[b], by) for grp, x, b, by in rows]


def matched(theirs: Sequence[Item], ours: Sequence[Item], passes: Sequence[Pass]) -> Found:
    """Both sides as relations, matched. Our side's keys are looked for in theirs where a pass is by words."""
    con = connection()
    for name, rows in (("theirs", theirs), ("ours", ours)):
        con.execute(
            f"""create or replace table {name} (item bigint, entity varchar, currency varchar, k varchar,
                amount decimal(18,4), day date, words varchar)"""
        )
        values: list[object] = []
        for number, (key, amount, day) in enumerate(rows):
            values += [
                number,
                None if name == "theirs" and words(passes) else key,
                amount,
                date(2026, 11, 1) + timedelta(days=day),
                key if name == "theirs" else None,
            ]
        if rows:
            con.execute(f"insert into {name} values " + ", ".join(["(?, 'US', 'USD', ?, ?, ?, ?)"] * len(rows)), values)
    return match(con, "theirs", "ours", tuple(passes), "found")


def words(passes: Sequence[Pass]) -> bool:
    return any(one.by == "words" for one in passes)


def linked(theirs: Sequence[Item], ours: Sequence[Item], *passes: Pass) -> list[tuple[str, list[int], list[int]]]:
    """(kind, external items, book items) of each group that belongs together and is no match."""
    found = matched(theirs, ours, passes)
    return (
        connection()
        .execute(
            f"""select kind, list(external order by external) filter (external is not null),
                       list(book order by book) filter (book is not null)
            from {found.linked} group by grp, kind order by all"""
        )
        .fetchall()
    )


@settings(max_examples=40, deadline=None)
@given(items, items)
def test_each_item_is_used_once_groups_agree_within_their_tolerance_and_the_order_of_rows_changes_nothing(
    theirs: list[Item], ours: list[Item]
) -> None:
    found, turned = pairs(theirs, ours), pairs(theirs[::-1], ours[::-1])
    assert Counter(row[1:] for row in found) == Counter(row[1:] for row in turned)
    for rows in (found, turned):
        _each_once(rows, theirs, ours)


def _each_once(found: list[tuple[str, Item | None, Item | None, str]], theirs: list[Item], ours: list[Item]) -> None:
    for side, given_items in ((1, theirs), (2, ours)):
        used = Counter(row[side] for row in found if row[side] is not None)
        assert all(count <= Counter(given_items)[item] for item, count in used.items())
    for group in {row[0] for row in found}:
        members = [row for row in found if row[0] == group]
        left = sum(Decimal(row[1][1]) for row in members if row[1])
        right = sum(Decimal(row[2][1]) for row in members if row[2])
        bound = min(Decimal(1), right / 2) if members[0][3] == "P2" else Decimal(0)
        assert abs(left - right) <= bound, members


def test_several_candidates_are_no_match() -> None:
    assert pairs([(None, 3, 1), (None, 3, 2)], [(None, 3, 1)], [Pass(by="amount", days=5)]) == []
    assert pairs([("A", 3, 1), ("A", 3, 2)], [("A", 3, 1)], [Pass(by="key")]) == []


def test_exact_comes_before_loose() -> None:
    found = pairs([("A", 4, 1), ("B", 4, 1)], [("A", 4, 1), ("B", 3, 1)])
    assert {(row[3], side[0]) for row in found for side in row[1:3] if side} == {("P1", "A"), ("P2", "B")}


def test_a_window_keeps_apart_what_is_far_apart() -> None:
    far, near = Pass(by="key", days=5), Pass(by="key", days=19)
    assert pairs([("A", 3, 1)], [("A", 3, 20)], [far]) == []
    assert len(pairs([("A", 3, 1)], [("A", 3, 20)], [near])) == 2


def test_candidates_that_are_equally_good_are_linked_unless_a_later_pass_finds_more() -> None:
    twice = [("A", 3, 1), ("A", 3, 2), ("B", 7, 1)]
    assert linked(twice, [("A", 3, 1), ("B", 7, 1)], Pass(by="key")) == [("AMBIGUOUS", [0, 1], [0])]
    assert linked([(None, 3, 1), (None, 3, 2)], [(None, 3, 1)], Pass(by="amount", days=9)) == [
        ("AMBIGUOUS", [0, 1], [0])
    ]
    assert linked(twice, [("A", 6, 1), ("B", 7, 1)], Pass(by="key"), Pass(by="group")) == []
    crowd = [("A", 3, 1)] * 30
    assert len(crowd) ** 2 > CANDIDATES_MAX
    assert linked(crowd, crowd, Pass(by="key")) == [("AMBIGUOUS", [*range(30)], [*range(30)])]


def test_under_one_key_each_amount_finds_its_own() -> None:
    found = pairs([("A", 3, 1), ("A", 5, 1)], [("A", 5, 2), ("A", 3, 2)], [Pass(by="key")])
    assert sorted(side[1] for row in found for side in row[1:3] if side) == [3, 3, 5, 5]


def test_an_empty_key_equals_no_other() -> None:
    assert pairs([(None, 3, 1)], [(None, 3, 1)], [Pass(by="key"), Pass(by="group")]) == []


@pytest.mark.parametrize(
    ("text", "key", "named"),
    [
        ("PAYMENT FOR O-1, THANKS", "O-1", True),
        ("SREF/o-1/USD", "O-1", True),
        ("Order #O-1.", "O-1", True),
        ("Re: 2026/10", "2026/10", True),
        ("2026/10/3", "2026/10", False),
        ("O-12", "O-1", False),
        ("O-1-2", "O-1", False),
        ("XO-1", "O-1", False),
        ("NO 12", "12", False),
        ("Bestellung MÜ-77 dankend", "MÜ-77", True),
    ],
)
def test_a_key_is_found_as_a_whole_word_of_a_text(text: str, key: str, named: bool) -> None:
    assert bool(pairs([(text, 3, 1)], [(key, 3, 1)], [Pass(by="words")])) is named


def test_a_text_that_names_several_pays_them_together_or_differs() -> None:
    orders: list[Item] = [("O-1", 3, 1), ("O-2", 4, 1), ("O-3", 5, 1)]
    by_words = Pass(by="words")
    paid = pairs([("O-1 and O-2", 7, 1)], orders, [by_words])
    assert {row[2] for row in paid if row[2]} == {("O-1", 3, 1), ("O-2", 4, 1)} and len({row[0] for row in paid}) == 1
    assert linked([("O-1 and O-2", 6, 1), ("O-3", 5, 1)], orders, by_words) == [("DIFFERS", [0], [0, 1])]
    assert linked([("O-3", 5, 1), ("O-3", 5, 2)], orders, by_words) == [("AMBIGUOUS", [0, 1], [2])]
