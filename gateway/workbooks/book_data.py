"""What a workbook is made of: the run it belongs to, and its tables with the columns that are declared for them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime

import pyarrow as pa

from gateway.workbooks.columns import TABLES, schema_of

SCHEMAS: dict[str, pa.Schema] = {name: schema_of(columns) for name, columns in TABLES.items()}


@dataclass(frozen=True, slots=True)
class BookRun:
    """The run that a workbook shows.

    run_id          identifies the run, printed in every footer
    as_of           UTC instant of the figures; ages count to it
    created_at      UTC instant at which the figures were queried
    entity          legal entities whose books it shows, with their names; "" for all
    ledger_version  snapshot of the lake that the figures come from
    home_currency   functional currency, "" when there are several
    notes           sentences for the README, one row each
    """

    run_id: str
    as_of: datetime
    created_at: datetime
    entity: str = ""
    ledger_version: int = 0
    home_currency: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Shown:
    """A reconciliation as workbooks show it: letter, title, name of its sheet, kind of its resolutions.

    always  whether its sheet is there also when it has no rows
    apart   kinds of resolutions by code, of those that have another kind
    """

    letter: str
    title: str
    sheet: str
    answers: str = "OTHER"
    always: bool = False
    apart: Mapping[str, str] = field(default_factory=dict)

    def kind_of(self, code: str) -> str:
        """The kind of an exception, which says what dropdown it gets."""
        return self.apart.get(code, self.answers)


def _empty(name: str) -> pa.Table:
    return SCHEMAS[name].empty_table()


@dataclass(frozen=True, slots=True)
class BookData:
    """The figures of a run. Each table is brought to its schema of `SCHEMAS` on construction.

    Extra columns are dropped; a missing column, a type that does not fit or a decimal with more than the
    schema's digits is a bug of the query and raises ValueError naming table and column.
    """

    run: BookRun
    summary: pa.Table = field(default_factory=lambda: _empty("summary"))
    exceptions: pa.Table = field(default_factory=lambda: _empty("exceptions"))
    matches: pa.Table = field(default_factory=lambda: _empty("matches"))
    detail: pa.Table = field(default_factory=lambda: _empty("detail"))
    journal_posted: pa.Table = field(default_factory=lambda: _empty("journal_posted"))
    journal_proposed: pa.Table = field(default_factory=lambda: _empty("journal_proposed"))
    kpi: pa.Table = field(default_factory=lambda: _empty("kpi"))
    files: pa.Table = field(default_factory=lambda: _empty("files"))
    reconciliations: tuple[Shown, ...] = ()

    def shown(self, letter: str) -> Shown:
        """How a reconciliation is shown; one that the home no longer declares under its letter."""
        known = next((one for one in self.reconciliations if one.letter == letter), None)
        return known or Shown(letter, letter, "R_" + re.sub(r"[^A-Z0-9]", "_", letter.upper())[:22])

    def __post_init__(self) -> None:
        for part in fields(self):
            if part.name in SCHEMAS:
                object.__setattr__(self, part.name, conform(part.name, getattr(self, part.name)))


def conform(name: str, table: pa.Table) -> pa.Table:
    """The table with exactly the columns and types of `SCHEMAS[name]`. Raises ValueError if it cannot be."""
    schema = SCHEMAS[name]
    columns = []
    for wanted in schema:
        if wanted.name not in table.column_names:
            raise ValueError(f"{name}: column {wanted.name} is missing")
        try:
            columns.append(table.column(wanted.name).cast(wanted.type))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise ValueError(f"{name}.{wanted.name}: does not fit {wanted.type}: {error}") from None
    return pa.Table.from_arrays(columns, schema=schema)
