"""Schedules as other programs and people write them, and what `every` of a feed calls them."""

from __future__ import annotations

import re

_CRON = re.compile(r"[\d*/,?-]+( [\w*/,?#-]+){4,5}")
_WORDS = {
    "business day": ("business day", "weekday", "working day", "work day", "workday", "werktag", "arbeitstag"),
    "day": ("daily", "day", "morning", "evening", "night", "täglich", "tag"),
    "week": ("weekly", "week", "wöchentlich", "woche"),
    "month": ("monthly", "month", "monatlich", "monat"),
    "hour": ("hourly", "hour", "stündlich", "stunde"),
}


def fault(text: str) -> tuple[str, str]:
    """(what is wrong with a schedule that is none, the fix)."""
    if _CRON.fullmatch(text.strip()):
        return f'"{text}" is a schedule of cron', f"write {_of_cron(*_five(text.split()))}"
    near = next((every for every, words in _WORDS.items() if any(_is_in(text, word) for word in words)), "")
    fix = f'write "{near}"' if near else 'write e.g. "1 day", "business day" or "4 hours"'
    return f'"{text}" is not a duration', fix


def _is_in(text: str, word: str) -> bool:
    """Whether a text has the word, alone or in the plural: a Monday is no day."""
    return re.search(rf"\b{word}s?\b", text.lower()) is not None


def _five(fields: list[str]) -> list[str]:
    """Minute, hour, day, month and weekday; of six, seconds come first (Quartz, Spring), or else a year last (AWS)."""
    year_last = "?" in (fields[2], fields[4])
    return fields[1:] if len(fields) > 5 and not year_last else fields[:5]


def _of_cron(minute: str, hour: str, day: str, month: str, weekday: str) -> str:
    """`every` and `by` for the same times, as far as one due time can say them."""
    if not hour.isdigit():
        return 'every = "hour", or every = "4 hours"'
    every = "month" if day.isdigit() else "week" if weekday.isdigit() else "day"
    if weekday.upper() in ("1-5", "MON-FRI"):
        every = "business day"
    return f'every = "{every}" and by = "{int(hour):02}:{int(minute) if minute.isdigit() else 0:02}"'
