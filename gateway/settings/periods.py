"""Times in which other rules hold: units on hold, a surge of returns."""

from __future__ import annotations

from datetime import date

from pydantic import Field, model_validator

from gateway.settings.strict import Strict
from gateway.toml_faults import wrong


class Hold(Strict):
    """Units that may not be sold for a time, as on a recall: of a SKU, at a location, or of the one at the other.

    `since` and `until` are the first and the last day (UTC); without `until` until the table is removed.
    """

    location: str = ""
    sku: str = ""
    since: date
    until: date | None = None
    reason: str = Field(min_length=1)

    @model_validator(mode="after")
    def _something(self) -> Hold:
        if not (self.location or self.sku):
            raise wrong("it names neither a location nor a SKU", "name a location, a SKU, or both")
        _check_order(self.since, self.until)
        return self


class Surge(Strict):
    """A time in which so many returns of a partner come that what is found in them may wait so many days longer.

    `since` and `until` are the first and the last day (UTC) on which such an exception opens.
    """

    partner: str
    since: date
    until: date
    days: int = Field(14, ge=1, le=366)

    @model_validator(mode="after")
    def _in_order(self) -> Surge:
        _check_order(self.since, self.until)
        return self


def _check_order(since: date, until: date | None) -> None:
    if until is not None and until < since:
        raise wrong("until is before since", "swap the two days, or correct one", "until")
