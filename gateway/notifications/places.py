"""Folders and servers that fail again and again, or work again: who is notified of them, and when."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.notifications.state import Notified
from gateway.sql import Rows

COLUMNS = ("state", "place", "since", "error")
FAILS, BACK = "FAILS", "IS BACK"


@dataclass(frozen=True, slots=True)
class Place:
    """A folder or server that files come from or go to.

    failures  visits in a row that failed
    since     when the first of them was; None where the last visit worked, or none has ended yet
    error     why the last one failed
    works     whether the last visit worked
    """

    name: str
    failures: int
    since: datetime | None
    error: str
    works: bool


Places = Callable[[], Sequence[Place]]


def news(places: Sequence[Place], failures_min: int, notified: Notified) -> tuple[list[str], Rows]:
    """(items, rows) of the places that began to fail, and of those that were reported so and work again.

    failures_min  visits in a row that fail before it is news; 0 for never
    """
    notified.places = {name: since for name, since in notified.places.items() if name in {one.name for one in places}}
    rows: Rows = []
    items: list[str] = []
    for one in places:
        since = notified.places.get(one.name)
        if since is not None and one.works:
            items.append(f"place {BACK} {one.name} {since}")
            rows.append({"state": BACK, "place": one.name, "since": since, "error": ""})
        elif since is None and one.since is not None and 0 < failures_min <= one.failures:
            began = one.since.isoformat(timespec="seconds")
            items.append(f"place {FAILS} {one.name} {began}")
            rows.append({"state": FAILS, "place": one.name, "since": began, "error": one.error})
    return items, rows


def note_sent(items: Sequence[str], notified: Notified) -> None:
    """Note that items were sent, or count as sent."""
    for item in items:
        state = FAILS if item.startswith(f"place {FAILS} ") else BACK
        name, _, since = item.removeprefix(f"place {state} ").rpartition(" ")
        if state == FAILS:
            notified.places[name] = since
        else:
            notified.places.pop(name, None)
