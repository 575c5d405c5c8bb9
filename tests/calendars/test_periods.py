"""The arithmetic of calendars: every instant in one period, due instants in order, clocks that are changed."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.calendars import Calendar, Period, allocate, closed_days, instant, is_within

BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "America/Havana",
    "Pacific/Apia",
    "Africa/Cairo",
    "America/Sao_Paulo",
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def period_of(calendar: Calendar, moment: datetime) -> Period:
    """The period that an instant belongs to."""
    return next(calendar.periods(moment))


def some(calendar: Calendar, first: str, count: int) -> list[Period]:
    return list(islice(calendar.periods(at(first)), count))


clocks = st.times().map(lambda value: value.replace(second=0, microsecond=0))
instants = st.integers(0, 20 * 365 * 86_400).map(
    lambda seconds: at("2010-01-01T00:00+00:00") + timedelta(seconds=seconds)
)


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    unit = draw(st.sampled_from(["hour", "day", "business day", "week", "month"]))
    several = unit not in ("business day",) and draw(st.booleans())
    count = draw(st.sampled_from([2, 4, 6] if unit == "hour" else [2, 3, 14])) if several else 1
    days = frozenset(draw(st.sets(st.integers(0, 6), max_size=1 if unit == "week" else 4)))
    numbers = frozenset(draw(st.sets(st.integers(1, 31), max_size=1 if unit == "month" else 3)))
    by = draw(st.none() | clocks)
    if unit == "hour":
        by = draw(st.none() | st.builds(time, st.just(0), st.integers(1, 59)))
    return Calendar(
        unit=unit,
        zone=ZoneInfo(draw(st.sampled_from(ZONES))),
        count=count,
        weekdays=days if unit == "week" or (unit in ("hour", "day") and count == 1 and not numbers) else frozenset(),
        monthdays=numbers if unit == "month" or (unit == "day" and count == 1) else frozenset(),
        by=by,
        opens=draw(clocks) if unit == "day" and by is not None else time(0),
        closed=closed_days.of(draw(st.sampled_from(["DE", "US", "CN"]))) if draw(st.booleans()) else frozenset(),
        grace=timedelta(minutes=draw(st.integers(0, 600))),
    )


@settings(deadline=None)
@given(calendars(), instants)
def test_each_instant_belongs_to_exactly_one_period(calendar: Calendar, moment: datetime) -> None:
    periods = list(islice(calendar.periods(moment), 60))
    assert periods[0].start <= moment < periods[0].end
    assert all(one.end == other.start for one, other in pairwise(periods))
    assert all(one.start < one.end for one in periods)
    for period in periods[::7]:
        for inside in (period.start, period.end - timedelta(microseconds=1)):
            assert period_of(calendar, inside) == period


@settings(deadline=None)
@given(calendars(), instants)
def test_due_instants_increase_and_keys_never_come_twice(calendar: Calendar, moment: datetime) -> None:
    periods = list(islice(calendar.periods(moment), 60))
    assert all(one.due < other.due and one.late < other.late for one, other in pairwise(periods))
    assert all(one.start <= one.due <= one.end for one in periods)
    assert len({one.key for one in periods}) == len(periods)


@settings(deadline=None)
@given(calendars(), instants, st.timedeltas(timedelta(0), timedelta(days=40)))
def test_periods_are_the_same_wherever_the_count_begins(calendar: Calendar, moment: datetime, later: timedelta) -> None:
    walked = next(period for period in calendar.periods(moment) if period.end > moment + later)
    assert period_of(calendar, moment + later) == walked


@settings(deadline=None)
@given(st.dates(date(2010, 1, 1), date(2030, 1, 1)), clocks, clocks, st.sampled_from(ZONES))
def test_a_later_time_of_day_is_never_an_earlier_instant(day: date, one: time, other: time, zone: str) -> None:
    early, late = sorted((one, other))
    assert instant(day, early, ZoneInfo(zone)) <= instant(day, late, ZoneInfo(zone))
    assert instant(day, late, ZoneInfo(zone)) <= instant(day + timedelta(days=1), time(0), ZoneInfo(zone))


@settings(deadline=None)
@given(calendars(), instants, st.lists(st.integers(0, 59), max_size=90), st.data())
def test_no_arrival_is_the_file_of_two_periods(
    calendar: Calendar, moment: datetime, places: list[int], data: st.DataObject
) -> None:
    periods = list(islice(calendar.periods(moment), 60))
    arrivals = sorted(periods[place].start for place in places)
    found = allocate(periods, arrivals)
    used = [number for number in found if number is not None]
    assert len(used) == len(set(used))
    for number, period in zip(found, periods, strict=True):
        came = [arrival for arrival in arrivals if period.start <= arrival < period.end]
        assert number is not None or not came
        assert number is None or arrivals[number] >= period.start


def test_half_past_two_that_is_left_out_is_the_moment_at_which_clocks_go_forward() -> None:
    daily = Calendar("day", BERLIN, by=time(2, 30))
    assert [period.due for period in some(daily, "2026-03-28T12:00+01:00", 3)] == [
        at("2026-03-28T02:30+01:00"),
        at("2026-03-29T03:00+02:00"),
        at("2026-03-30T02:30+02:00"),
    ]


def test_half_past_two_that_comes_twice_is_the_first_of_them() -> None:
    daily = Calendar("day", BERLIN, by=time(2, 30))
    assert period_of(daily, at("2026-10-25T12:00+01:00")).due == at("2026-10-25T02:30+02:00")


def test_hours_go_on_across_midnight_and_are_three_at_two_o_clock_when_clocks_go_back() -> None:
    hourly = Calendar("hour", BERLIN, by=time(0, 20))
    keys = [period.key[:16] + period.key[16:19] for period in some(hourly, "2026-10-24T23:10+02:00", 6)]
    assert keys == [
        "2026-10-24T23:00+02",
        "2026-10-25T00:00+02",
        "2026-10-25T01:00+02",
        "2026-10-25T02:00+02",
        "2026-10-25T02:00+01",
        "2026-10-25T03:00+01",
    ]
    assert period_of(hourly, at("2026-10-25T00:59+02:00")).due == at("2026-10-25T00:20+02:00")


def test_the_hour_that_is_left_out_is_not_expected() -> None:
    hourly = Calendar("hour", NEW_YORK)
    assert [p.key[11:16] for p in some(hourly, "2026-03-08T01:00-05:00", 3)] == ["01:00", "03:00", "04:00"]


def test_business_days_are_those_of_the_country() -> None:
    def days(code: str) -> list[str]:
        calendar = Calendar("business day", BERLIN, by=time(8), closed=closed_days.of(code))
        return [period.key for period in some(calendar, "2026-04-02T12:00+02:00", 4)]

    assert days("DE") == ["2026-04-02", "2026-04-07", "2026-04-08", "2026-04-09"]  # Good Friday, Easter Monday
    assert days("US") == ["2026-04-02", "2026-04-03", "2026-04-06", "2026-04-07"]


def test_what_comes_on_a_weekend_belongs_to_the_business_day_before() -> None:
    calendar = Calendar("business day", BERLIN, by=time(8))
    assert period_of(calendar, at("2026-11-21T10:00+01:00")).key == "2026-11-20"


def test_a_week_that_is_due_on_a_holiday_is_due_on_the_next_working_day() -> None:
    calendar = Calendar("week", BERLIN, weekdays=frozenset({4}), by=time(12), closed=closed_days.of("DE"))
    assert period_of(calendar, at("2026-11-18T00:00+01:00")).due == at("2026-11-20T12:00+01:00")
    # All Friday 25 December is closed, and Saturday the 26th too: the week has no working day left.
    assert period_of(calendar, at("2026-12-22T00:00+01:00")).due == at("2026-12-27T12:00+01:00")


def test_the_thirty_first_is_the_last_day_of_a_shorter_month() -> None:
    calendar = Calendar("month", UTC_ZONE, monthdays=frozenset({31}))
    assert [period.day.isoformat() for period in some(calendar, "2026-01-05T00:00+00:00", 3)] == [
        "2026-01-31",
        "2026-02-28",
        "2026-03-31",
    ]


def test_fourteen_days_are_counted_from_their_anchor() -> None:
    calendar = Calendar("day", UTC_ZONE, count=14, by=time(9), anchor=date(2026, 11, 3))
    assert [period.key for period in some(calendar, "2026-11-05T00:00+00:00", 2)] == ["2026-11-03", "2026-11-17"]


def test_a_window_that_opens_in_the_evening_takes_the_file_that_comes_before_midnight() -> None:
    calendar = Calendar("day", BERLIN, by=time(6), opens=time(20))
    assert period_of(calendar, at("2026-11-19T23:50+01:00")).key == "2026-11-20"
    assert period_of(calendar, at("2026-11-20T19:59+01:00")).key == "2026-11-20"


def test_a_file_that_comes_late_takes_the_place_that_is_empty() -> None:
    periods = some(Calendar("day", UTC_ZONE, by=time(8)), "2026-11-16T00:00+00:00", 4)
    came = [at(f"2026-11-{day}T07:00+00:00") for day in (16, 18)]
    assert allocate(periods, came) == [0, None, 1, None]
    assert allocate(periods, [*came, at("2026-11-18T09:00+00:00")]) == [0, 2, 1, None]


@pytest.mark.parametrize(
    ("code", "message"), [("XX", '"XX" is neither a country'), ("DE-TX", '"DE" has no part "TX"; it has BB, BE,')]
)
def test_a_country_without_known_holidays_is_reported(code: str, message: str) -> None:
    with pytest.raises(ValueError) as raised:
        closed_days.of(code)
    assert str(raised.value).startswith(message)


def test_a_payment_system_has_closed_days_too() -> None:
    assert date(2026, 5, 1) in closed_days.of("XECB")
    assert date(2026, 5, 4) not in closed_days.of("XECB")


def test_a_quiet_span_may_go_over_midnight() -> None:
    def quiet(text: str) -> bool:
        return is_within(at(text), time(22), time(6), BERLIN)

    assert [quiet(f"2026-11-20T{clock}+01:00") for clock in ("21:59", "22:00", "05:59", "06:00")] == [
        False,
        True,
        True,
        False,
    ]


UTC_ZONE = ZoneInfo("UTC")
