"""What partners get from us: acknowledgements of their files, and documents of the ledger."""

from __future__ import annotations

import re
from datetime import date
from typing import Literal

from pydantic import Field, model_validator

from gateway.settings.strict import Strict, Zone
from gateway.toml_faults import wrong

STOCK_REPORTS = ("846", "INVRPT")
"""Documents that report the stock of locations."""


class Acknowledge(Strict):
    """What a partner gets back for the files that it sent, as agreed with it; nothing unless it is named here.

    `expect` is what the partner answers to what we send, within so many hours.
    """

    x12: Literal["997", "999", "none"] = "none"
    ta1: bool = False
    edifact: Literal["contrl", "none"] = "none"
    application: Literal["824", "aperak", "none"] = "none"
    feedback: Literal["csv", "xlsx", "none"] = "none"
    expect: Literal["997", "999", "ta1", "contrl", "aperak", "none"] = "none"
    within_h: float = Field(default=24.0, gt=0)


class Send(Strict):
    """A document that reports the ledger to a partner: stock at set times, all else when there is something new.

    `sender` and `receiver` are qualifier/identifier. `names` is the kind of alias that the partner knows items by.
    """

    name: str = Field(pattern=r"^[\w.-]+$", examples=['"stock-east"'])
    partner: str = Field(examples=['"3pl-east"'])
    document: Literal["846", "INVRPT", "940", "943", "180"] = Field(examples=['"846"'])
    sender: str = Field(pattern=r"^[^/]{1,4}/[^/]+$", examples=['"ZZ/ACME"'])
    receiver: str = Field(pattern=r"^[^/]{1,4}/[^/]+$", examples=['"ZZ/3PLEAST"'])
    version: str = ""
    locations: tuple[str, ...] = ()
    names: Literal["3PL", "MSKU", "FNSKU", "ASIN", "GTIN", "UPC", "VENDOR", "SKU"] = "3PL"
    unnamed: Literal["exception", "skip"] = "exception"
    statuses: tuple[
        Literal["AVAILABLE", "ALLOCATED", "RESERVED", "QC_HOLD", "DAMAGED", "RETURN_PENDING_INSPECTION", "IN_TRANSIT"],
        ...,
    ] = ("AVAILABLE",)
    less_safety: bool = False
    every: Literal["day", "hour"] = "day"
    at: str = Field(default="06:00", pattern=r"^([01]\d|2[0-3]):[0-5]\d$", examples=['"06:00"'])
    timezone: Zone = "UTC"
    since: date | Literal[""] = ""
    test: bool = False

    @model_validator(mode="after")
    def _whole(self) -> Send:
        if self.document != "180" and not self.locations:
            raise wrong(f"a {self.document} reports no location", 'name the `locations`, as in ["DC1"]', "locations")
        if self.document not in STOCK_REPORTS and self.since == "":
            fix = "add the first day, as in since = 2026-01-31; what is older is not sent"
            raise wrong(f"a {self.document} needs `since`", fix, "since")
        known = r"D\.?(9[7-9]|[01]\d)[AB]" if self.document == "INVRPT" else r"00[4-8]\d{3}"
        if self.version and not re.fullmatch(known, self.version):
            serve = "D01B" if self.document == "INVRPT" else "004010"
            raise wrong(
                f"version {self.version!r} cannot be written", f"write one that can, such as {serve}", "version"
            )
        return self

    @property
    def directory(self) -> str:
        """The version that it is written in."""
        return self.version.replace(".", "") or ("D01B" if self.document == "INVRPT" else "004010")

    @property
    def series(self) -> str:
        """What its control numbers are counted by."""
        return "edifact" if self.document == "INVRPT" else "x12"
