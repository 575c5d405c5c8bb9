"""Schedules as other programs and people write them, and what `every` of a feed calls them."""

from __future__ import annotations

import re

_CRON = re.compile(r"[\d*/,?-]+( [\w*/,?#-]+){4,5}")
_WORDS = {
    "business day": ("weekday", "working day", "work day", "workday", "werktag", "arbeitstag"),
    "day": ("daily", "day", "morning", "evening", "night", "täglich", "tag"),
    "week": ("weekly", "week", "wöchentlich", "woche"),
    "month": ("monthly", "month", "monatlich", "monat"),
    "hour": ("hourly", "hour", "stündlich", "stunde"),
}


def fault(text: str) -> tuple[str, str]:
    """(what is wrong with a schedule that is none, the fix)."""
    if _CRON.fullmatch(text.strip()):
        return f'"{text}" is a schedule of cron', f"write {_of_cron(*text.split()[:5])}"
    near = next((every for every, words in _WORDS.items() if any(word in text.lower() for word in words)), "")
    fix = f'write "{near}"' if near else 'write e.g. "1 day", "business day" or "4 hours"'
    return f'"{text}" is not a duration', fix


def _of_cron(minute: str, hour: str, day: str, month: str, weekday: str) -> str:
    """`every` and `by` for the same times, as far as one due time can say them."""
    if not hour.isdigit():
        return 'every = "hour", or every = "4 hours"'
    every = "month" if day.isdigit() else "week" if weekday.isdigit() else "day"
    if weekday.upper() in ("1-5", "MON-FRI"):
        every = "business day"
    return f'every = "{every}" and by = "{int(hour):02}:{int(minute) if minute.isdigit() else 0:02}"'
