"""The metrics of a home, worked out from the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal

import duckdb

from gateway.books.metrics import LINES, Metric, parameters
from gateway.errors import first_line
from gateway.ledger.connection import transaction

DIGITS = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class Measured:
    """A metric with its figures, each with six decimals.

    value        numerator / denominator, or the numerator where there is no denominator; None where a figure is
                 missing or the denominator is zero
    source       tables and views that it is made of
    problem      why a figure could not be worked out, "" where all could
    """

    metric: Metric
    numerator: Decimal | None
    denominator: Decimal | None
    value: Decimal | None
    source: str
    problem: str = ""


def measure(con: duckdb.DuckDBPyConnection, metrics: Sequence[Metric], at: datetime, found: str) -> list[Measured]:
    """The metrics as at an instant. `found` is the name of a relation with the lines of the reconciliations."""
    con.execute(f"create or replace temp view {LINES} as select * from {found}")
    with transaction(con):
        sources = [", ".join(metric.sources(con)) for metric in metrics]
    # Not in a transaction: a figure that fails would end it.
    return [_measured(con, metric, at, source) for metric, source in zip(metrics, sources, strict=True)]


def _measured(con: duckdb.DuckDBPyConnection, metric: Metric, at: datetime, source: str) -> Measured:
    try:
        numerator = _figure(con, metric.numerator, at)
        denominator = _figure(con, metric.denominator, at) if metric.denominator else None
    except (duckdb.DataError, duckdb.ProgrammingError) as error:
        # What a SELECT of the home meets in the data is no reason to write no workbook.
        problem = f"{metric.title} could not be worked out: {first_line(error)}"
        return Measured(metric, None, None, None, source, problem)
    try:
        value = _quotient(numerator, denominator) if metric.denominator else numerator
    except ArithmeticError:
        problem = f"{metric.title} could not be worked out: {numerator} / {denominator} has too many digits"
        return Measured(metric, numerator, denominator, None, source, problem)
    return Measured(metric, numerator, denominator, value, source)


def _figure(con: duckdb.DuckDBPyConnection, text: str, at: datetime) -> Decimal | None:
    row = con.execute(f"select cast(({text}) as decimal(30,6))", parameters(text, at)).fetchone()
    return row[0] if row else None


def _quotient(numerator: Decimal | None, denominator: Decimal | None) -> Decimal | None:
    if numerator is None or not denominator:
        return None
    return (numerator / denominator).quantize(DIGITS, ROUND_HALF_EVEN)
