"""Gaps in numbers, and numbers of rows that are unusual."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.calendars.sequence import Gap, gaps
from gateway.calendars.usual import band

numbers = st.lists(st.integers(1, 90), min_size=1, unique=True)


@settings(deadline=None)
@given(numbers, st.randoms(use_true_random=False))
def test_what_is_missing_and_what_came_together_make_the_whole_span(came: list[int], random: object) -> None:
    missing = [number for gap in gaps(came) for number in range(gap.first, gap.last + 1)]
    assert sorted(came + missing) == list(range(min(came), max(came) + 1))


def test_a_number_that_comes_late_closes_the_gap() -> None:
    assert list(gaps([17, 18, 21])) == [Gap(0, 19, 20)]
    assert list(gaps([17, 18, 21, 19])) == [Gap(0, 20, 20)]
    assert list(gaps([17, 18, 21, 19, 20])) == []


def test_a_number_that_comes_twice_is_no_gap() -> None:
    assert list(gaps([1, 2, 2, 3])) == []


def test_a_counter_that_restarts_is_no_gap() -> None:
    assert list(gaps([999_999_998, 999_999_999, 1, 2, 4])) == [Gap(1, 3, 3)]


DAYS = [date(2026, 10, 1) + timedelta(days=n) for n in range(56)]


def test_too_few_files_are_not_judged() -> None:
    assert band([(day, 100) for day in DAYS[:7]], DAYS[7]) is None


def test_the_band_is_that_of_the_same_weekday_where_there_are_enough() -> None:
    history = [(day, 10 if day.weekday() == 6 else 1_000) for day in DAYS * 2]
    sunday = next(day for day in DAYS if day.weekday() == 6)
    found = band(history, sunday)
    assert found is not None
    assert (found.least, found.middle, found.most, found.weekday) == (8, 10, 12, True)


def test_one_wild_file_does_not_widen_the_band() -> None:
    history = [(day, 1_000 + 10 * (n % 3)) for n, day in enumerate(DAYS[:12])] + [(DAYS[12], 50_000)]
    found = band(history, DAYS[13])
    assert found is not None
    assert 700 < found.least < found.most < 1_300
