"""The metrics of a home, as `mappings/metrics.toml` declares them: read, and checked against the model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal

import duckdb
from pydantic import ConfigDict, Field, ValidationError, model_validator

from gateway.books.stock.views import create_views
from gateway.errors import HomeFault, HouseError
from gateway.ledger import queries, views
from gateway.ledger.query_faults import KNOWN, explained, no_table
from gateway.model.reconciling import DETAIL
from gateway.settings import Strict
from gateway.sql import identifier
from gateway.toml_faults import Place, Shape, parsed, wrong
from gateway.toml_lines import Lines

FILE = "metrics.toml"
LINES = "reconciliation_line"
"""View that metrics may ask beside those of the ledger: the lines of all reconciliations, as they are now."""

AS_OF = "$as_of"
"""Stands in a SELECT for the instant that the figures are of."""

ONE_NUMBER = "select one number, as count(*) or sum(…)"
_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UBIGINT", "UHUGEINT", "DECIMAL", "DOUBLE")


class Metric(Strict):
    """A metric: its value is the numerator, divided by the denominator where it has one.

    name         for messages and programs
    title        for people
    numerator    SELECT of one number over tables and views of the ledger, and `reconciliation_line`
    denominator  the same
    unit         ratio, days, units, count, or a currency
    direction    up where more is better, down where less is
    owner        the team that answers for it, two letters as in the exception codes
    target       what the value should reach, in the unit; a ratio from 0 to 1
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,59}$", examples=['"inventory-accuracy"'])
    title: str = Field(min_length=1, examples=['"Inventory accuracy"'])
    numerator: str = Field(min_length=1, examples=["\"select count(*) from exception where status = 'OPEN'\""])
    denominator: str = ""
    unit: str = Field(pattern=r"^(ratio|days|units|count|[A-Z]{3})$", examples=['"ratio", "days", "units" or "USD"'])
    direction: Literal["up", "down"]
    owner: str = Field(pattern=r"^[A-Z]{2}$", examples=['"IC"'])
    target: Decimal | None = None

    @model_validator(mode="after")
    def _divided(self) -> Metric:
        if self.unit == "ratio" and not self.denominator:
            raise wrong("a ratio has no denominator", "write denominator = a SELECT of what it is a share of", "unit")
        return self

    @property
    def definition(self) -> str:
        """What it is made of, as a sentence of SQL."""
        parts = [self.numerator, self.denominator] if self.denominator else [self.numerator]
        return " / ".join(f"({' '.join(part.split())})" for part in parts)

    def sources(self, con: duckdb.DuckDBPyConnection) -> list[str]:
        """Tables and views that it is made of; `con` only reads the SELECTs."""
        asked = [text for text in (self.numerator, self.denominator) if text]
        return list(dict.fromkeys(name for text in asked for name in queries.tables(con, text)))


class _Metrics(Strict):
    model_config = ConfigDict(extra="forbid", frozen=True, validate_by_name=True)

    metrics: tuple[Metric, ...] = Field((), alias="metric")

    @model_validator(mode="before")
    @classmethod
    def _unique(cls, data: Any) -> Any:
        blocks = data.get("metric", []) if isinstance(data, Mapping) else []
        names = [block.get("name") for block in blocks if isinstance(block, Mapping)]
        for name in dict.fromkeys(names):
            if names.count(name) > 1:
                raise wrong(f"{names.count(name)} metrics have the name {name}", "rename all but the first", "metric")
        return data


def checked_metrics(content: bytes, *, known: bool = False) -> tuple[tuple[Metric, ...], list[HomeFault]]:
    """(the metrics of a file with these bytes, in its order; what is wrong with them, in order of the lines).

    known  their SQL is known to fit the ledger
    """
    file = f"mappings/{FILE}"
    raw, text, found = parsed(content, file)
    if raw is None:
        return (), found
    lines = Lines(text)

    def place(*keys: str | int) -> tuple[str, int]:
        return file, lines.of(*keys)

    try:
        metrics = _Metrics.model_validate(raw).metrics
    except ValidationError as error:
        return (), Shape(_Metrics, file).faults(error, raw, place)
    return metrics, [] if known else sorted(_against_the_model(metrics, place))


def _against_the_model(metrics: tuple[Metric, ...], place: Place) -> Iterator[HomeFault]:
    with duckdb.connect(config={"threads": 1}) as con:
        _lay_model(con)
        for number, metric in enumerate(metrics):
            for key, text in (("numerator", metric.numerator), ("denominator", metric.denominator)):
                problem = _problem(con, text) if text else None
                if problem is not None:
                    message, fix = problem
                    yield HomeFault(*place("metric", number, key), f"{metric.name}, {key}: {message}", fix)


def _lay_model(con: duckdb.DuckDBPyConnection) -> None:
    """Every table and view that a metric may ask, empty."""
    con.execute("set timezone = 'UTC'")  # As in the ledger: expressions over instants bind only with time zones.
    views.create(con, {})
    create_views(con)
    columns = ", ".join(f"{identifier(column.name)} {column.type}" for column in DETAIL.columns)
    con.execute(f"create temp table {LINES} ({columns})")


def _problem(con: duckdb.DuckDBPyConnection, text: str) -> tuple[str, str] | None:
    """(what is wrong with a SELECT, the fix), None if it gives one number."""
    try:
        queries.check(con, text)
    except HouseError as error:
        return error.cause, "write one SELECT over the ledger's tables and views"
    for name in queries.tables(con, text):
        if name not in {*KNOWN, LINES}:
            return no_table(name, [LINES])
    try:
        result = con.execute(text, parameters(text, datetime.fromtimestamp(0, UTC)))
        kinds, rows = [str(column[1]) for column in result.description], result.fetchall()
    except duckdb.Error as error:
        return explained(con, text, error, [LINES])
    if len(kinds) != 1:
        return f"gives {len(kinds)} columns", ONE_NUMBER
    if len(rows) != 1:
        return "gives no row where the tables are empty", ONE_NUMBER
    return None if kinds[0].startswith(_NUMBERS) else (f"gives {kinds[0]}, which is not a number", ONE_NUMBER)


def parameters(text: str, at: datetime) -> dict[str, datetime]:
    """The parameters of a SELECT: the instant, where it asks for it."""
    return {AS_OF[1:]: at} if AS_OF in text else {}
