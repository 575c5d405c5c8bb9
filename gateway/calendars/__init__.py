"""When something is expected, by local calendars: pure arithmetic that knows neither files nor ledgers."""

from __future__ import annotations

from gateway.calendars.clock import instant, is_within, local_day
from gateway.calendars.periods import Calendar, Period, allocate

__all__ = ["Calendar", "Period", "allocate", "instant", "is_within", "local_day"]
