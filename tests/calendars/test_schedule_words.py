"""What people write for a schedule, and what `every` calls it."""

from __future__ import annotations

import pytest

from gateway.calendars import schedule_words


@pytest.mark.parametrize(
    ("written", "fix"),
    [
        ("0 9 * * 1-5", 'write every = "business day" and by = "09:00"'),
        ("0 30 6 * * ?", 'write every = "day" and by = "06:30"'),  # Quartz: seconds first.
        ("0 15 7 * * *", 'write every = "day" and by = "07:15"'),  # Spring: seconds first.
        ("15 7 ? * 2 *", 'write every = "week" and by = "07:15"'),  # AWS: the year last.
        ("daily", 'write "day"'),
        ("business days", 'write "business day"'),
        ("on working days", 'write "business day"'),
        ("every Monday", 'write e.g. "1 day", "business day" or "4 hours"'),  # A Monday is no day.
    ],
)
def test_the_fix_says_when_files_are_due(written: str, fix: str) -> None:
    assert schedule_words.fault(written)[1] == fix
