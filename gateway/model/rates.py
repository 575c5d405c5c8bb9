"""Rates of exchange, as central banks, banks and people state them."""

from __future__ import annotations

from gateway.model.table import DAY, TEXT, Column, Table

RATE = "DECIMAL(24,12)"

FX_RATE = Table(
    "fx_rate",
    "What one unit of a currency was worth in another on a day.",
    (
        Column("day", DAY, "Day of the rate", True),
        Column("base", TEXT, "ISO 4217: of this currency one unit", True),
        Column("quote", TEXT, "ISO 4217: is worth so many of this one", True),
        Column("rate", RATE, "Units of `quote` for one of `base`, above zero", True, positive=True),
        Column("source", TEXT, "Who states it, e.g. ECB", True),
    ),
    event="day",
)

TABLES = (FX_RATE,)
