"""When a report is due: the instants of its schedule, in the time zone of its partner."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from gateway.settings import STOCK_REPORTS, Send


def slot(send: Send, now: datetime) -> datetime | None:
    """The last instant (UTC) of its schedule that is not after `now`, None if it has none.

    Of hourly reports the minutes of `at` count.
    """
    if send.document not in STOCK_REPORTS:
        return None
    local = now.astimezone(ZoneInfo(send.timezone))
    at = time.fromisoformat(send.at)
    if send.every == "hour":
        # Hours have the same length everywhere, so they are counted in UTC.
        latest = local.astimezone(UTC).replace(second=0, microsecond=0)
        return latest - timedelta(minutes=(local.minute - at.minute) % 60)
    found = _on(local, at, 0)
    return found if found <= now else _on(local, at, 1)


def due(sends: Sequence[Send], looked: datetime, now: datetime) -> bool:
    """Whether an instant of some schedule has passed since it was looked last."""
    return any(found > looked for send in sends if (found := slot(send, now)) is not None)


def _on(local: datetime, at: time, days_before: int) -> datetime:
    day = local.date() - timedelta(days=days_before)
    return datetime.combine(day, at, local.tzinfo).astimezone(UTC)
