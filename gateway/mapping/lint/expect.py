"""Checks of a feed's calendar."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from gateway import regular_expressions
from gateway.calendars import closed_days, schedule_words, spans
from gateway.errors import HomeFault
from gateway.mapping.language.spec import Expect, Mapping
from gateway.nearest import nearest

NUMBERED = ("x12", "edifact")
"""Formats whose envelopes carry control numbers."""
MULTIPLES_OF_HOURS = (1, 2, 3, 4, 6, 8, 12)


class Checker(Protocol):
    """What the check needs of the mapping's check."""

    mapping: Mapping

    def fault(self, path: tuple[str | int, ...], message: str, fix: str) -> HomeFault: ...
    def zone(self, path: tuple[str | int, ...], zone: str) -> Iterator[HomeFault]: ...


def check(checker: Checker) -> Iterator[HomeFault]:
    """Every fault of `[expect]`."""
    expect = checker.mapping.expect
    if expect is None:
        return
    yield from checker.zone(("expect", "timezone"), expect.timezone)
    yield from _readable(checker, "grace", expect.grace, spans.span, 'write e.g. "2 hours", "90 minutes" or "2h"')
    yield from _readable(checker, "opens", expect.opens, spans.clock, 'write e.g. "20:00"')
    if expect.by is not None:
        yield from _readable(checker, "by", expect.by, spans.clock, 'write e.g. "09:00"')
    if expect.holidays:
        yield from _readable(
            checker,
            "holidays",
            expect.holidays,
            closed_days.of,
            'write a country ("DE"), a part of it ("US-CA") or a market ("XECB" for the euro\'s bank days)',
        )
    try:
        count, unit = spans.every(expect.every)
    except ValueError:
        yield checker.fault(("expect", "every"), *schedule_words.fault(expect.every))
    else:
        yield from _units(checker, expect, count, unit)
    yield from _sequence(checker, expect)
    if expect.fallback.snapshot != "none" and all(r.type != "inventory_snapshot" for r in checker.mapping.record):
        yield checker.fault(
            ("expect", "fallback", "snapshot"), "no record of this mapping is a snapshot of stock", "remove it"
        )


def _readable(checker: Checker, key: str, text: str, read: Callable[[str], object], fix: str) -> Iterator[HomeFault]:
    try:
        read(text)
    except ValueError as error:
        yield checker.fault(("expect", key), str(error), fix)


def _units(checker: Checker, expect: Expect, count: int, unit: str) -> Iterator[HomeFault]:
    """What goes with which unit."""
    if unit == "business day" and count > 1:
        yield checker.fault(("expect", "every"), "business days are not counted in several", 'write "business day"')
    if unit == "hour" and count not in MULTIPLES_OF_HOURS:
        yield checker.fault(("expect", "every"), f"{count} hours do not make up a day", "use 1, 2, 3, 4, 6, 8 or 12")
    if unit == "hour" and expect.by is not None and expect.by == "00:00":
        yield checker.fault(("expect", "by"), "is the beginning of the hour", 'write how long after it, as in "00:20"')
    if expect.opens != "00:00" and (unit not in ("day", "business day") or expect.by is None):
        yield checker.fault(("expect", "opens"), "needs days with `by`", "remove it, or add `by`")
    yield from _days(checker, expect, count, unit)


def _days(checker: Checker, expect: Expect, count: int, unit: str) -> Iterator[HomeFault]:
    for number, day in enumerate(expect.on):
        place: tuple[str | int, ...] = ("expect", "on", number)
        if isinstance(day, str) and day.lower() not in spans.WEEKDAYS:
            yield checker.fault(
                place,
                f'"{day}" is not a day of the week{nearest(day, spans.WEEKDAYS)}',
                'write "monday" … "sunday", or a day of the month without quotes',
            )
        if isinstance(day, int) and not 1 <= day <= 31:
            yield checker.fault(place, f"{day} is not a day of a month", "write 1 to 31")
    kinds = {"weekday" if isinstance(day, str) else "number" for day in expect.on}
    allowed = {"hour": {"weekday"}, "day": {"weekday", "number"}, "week": {"weekday"}, "month": {"number"}}
    place = ("expect", "on")
    if not kinds <= allowed.get(unit, set()) or (unit == "day" and count > 1 and kinds):
        said = {"hour": "takes weekdays", "week": "takes a weekday", "month": "takes a day of the month"}.get(unit)
        yield checker.fault(place, f'every = "{expect.every}" {said or "has no days to choose"}', "change or remove it")
    elif len(kinds) > 1 or (unit in ("week", "month") and len(expect.on) > 1):
        yield checker.fault(
            place,
            "is more than one kind of day" if len(kinds) > 1 else "is more than one day",
            'name one, or write every = "day" with the days on which it comes',
        )


def _sequence(checker: Checker, expect: Expect) -> Iterator[HomeFault]:
    place, file = ("expect", "sequence"), checker.mapping.file
    if expect.sequence is True and file.format not in NUMBERED:
        yield checker.fault(
            place,
            f"a file of format {file.format} has no control number",
            "write a pattern that finds the number in the file's name, as in 'stock-([0-9]+)'",
        )
    if isinstance(expect.sequence, str):
        wrong = regular_expressions.why_not(expect.sequence)
        if wrong:
            yield checker.fault(place, f"is not a regular expression: {wrong}", regular_expressions.FIX)
            return
        groups = [regular_expressions.has_group(expect.sequence, number) for number in (1, 2)]
        if groups != [True, False]:
            yield checker.fault(place, "must have one pair of ( ) around the number", "as in 'stock-([0-9]+)'")
