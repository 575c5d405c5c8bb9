"""Rates of exchange of the days that are asked for: the day's own, else the last one before it.

A source states what one unit of a base is worth in other currencies. Of two currencies that one base is quoted in on
one day the rate follows, so that the ECB's euro rates give every pair of its currencies.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, localcontext

import duckdb
import pyarrow as pa

from gateway.books.posting.reference import RATE_SOURCES
from gateway.sql import has_rows, lay

_LAST = Decimal("0.000000000001")
"""Rates have 12 decimals."""
_RATES = pa.schema(
    [("currency", pa.utf8()), ("functional", pa.utf8()), ("day", pa.date32()), ("rate", pa.decimal128(24, 12))]
)


def lay_rates(con: duckdb.DuckDBPyConnection, asked: str, into: str) -> int:
    """Make the relation `into` (currency, functional, day, rate): functional units for one of the currency.

    asked  SELECT of currency, functional, day; pairs of one currency are passed over

    A day without a rate is not in it. Returns how many are.
    """
    days = f"(select distinct currency, functional, day from ({asked}) where currency <> functional)"
    if not has_rows(con, days):
        lay(con, into, [], _RATES)
        return 0
    # The division is left to Python: that of the database is in floating point.
    rows = con.execute(_stated_sql(days)).fetchall()
    rates = [(currency, functional, day, _quotient(theirs, ours)) for currency, functional, day, ours, theirs in rows]
    found = [row for row in rates if row[3]]
    lay(con, into, found, _RATES)
    return len(found)


def _stated_sql(days: str) -> str:
    """SELECT of each day asked for, with what one unit of the base that serves it best is worth in both currencies."""
    return f"""with stated as (select day, source, base, quote, rate from fx_rate_current where base <> quote),
        worth as (
            select day, source, base, quote, rate from stated
            union select distinct day, source, base, base, 1::decimal(24,12) from stated)
        select a.currency, a.functional, a.day, c.rate, f.rate
        from {days} a cross join (select max(days) as days from {RATE_SOURCES}) s
        join worth c on c.quote = a.currency and c.day between a.day - s.days and a.day
        join worth f on f.quote = a.functional and f.day = c.day and f.source = c.source and f.base = c.base
        left join {RATE_SOURCES} n on n.source = c.source
        qualify row_number() over (
            partition by a.currency, a.functional, a.day
            order by c.day desc, coalesce(n.rank, 1000), c.source, c.base = a.currency desc, c.base = a.functional desc,
                     c.base, c.rate, f.rate) = 1"""


def _quotient(theirs: Decimal, ours: Decimal) -> Decimal:
    with localcontext() as context:
        context.prec = 60
        return (theirs / ours).quantize(_LAST, ROUND_HALF_UP)
