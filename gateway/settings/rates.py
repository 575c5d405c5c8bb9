"""Which rates of exchange the books convert with."""

from __future__ import annotations

from pydantic import Field

from gateway.settings.strict import Strict


class Rates(Strict):
    """A day without a rate takes the last one of so many `days` before it; of several sources that of `sources` which
    is named first wins, then the others by name."""

    days: int = Field(7, ge=0, le=366)
    sources: tuple[str, ...] = ()
