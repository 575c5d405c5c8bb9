"""Names of time zones, and what is wrong with one that is none."""

from __future__ import annotations

import zoneinfo
from functools import cache

from gateway.nearest import nearest

_ABBREVIATION_MAX = 5
_PLACES = {
    **dict.fromkeys(("CEST", "MEZ", "MESZ"), "Europe/Berlin"),
    **dict.fromkeys(("EDT", "ET"), "America/New_York"),
    **dict.fromkeys(("CST", "CDT", "CT"), "America/Chicago"),
    **dict.fromkeys(("PST", "PDT", "PT"), "America/Los_Angeles"),
    **dict.fromkeys(("BST",), "Europe/London"),
}
"""Abbreviations that people write, each with a place that it is used in."""


@cache
def known() -> frozenset[str]:
    """Names of all time zones."""
    return frozenset(zoneinfo.available_timezones())


def fault(name: str) -> tuple[str, str] | None:
    """(what is wrong with a name, the fix), None where it is that of a zone."""
    if name in known():
        return None
    if name.isupper() and len(name) <= _ABBREVIATION_MAX:
        place = _PLACES.get(name, "Europe/Berlin")
        return f'"{name}" is an abbreviation, not a time zone', f"write the name of a place, such as {place}"
    return f'there is no time zone "{name}"{nearest(name, known())}', "write a name such as Europe/Berlin"
