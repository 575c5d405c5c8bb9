"""What a workbook is made of: the run it belongs to, and eight Arrow tables that the books room queries.

Column names and types are fixed here, so that a query can be written against them and a workbook never
guesses. Text is UTF-8, ids are text, money and quantities are DECIMAL(30,4) (any decimal or whole
number fits), days are dates, instants are UTC. Every column may be empty unless it says otherwise.
Differences are always external − book; empty is not zero.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from datetime import datetime

import pyarrow as pa

TEXT = pa.string()
WHOLE = pa.int64()
MONEY = pa.decimal128(30, 4)
QUANTITY = pa.decimal128(30, 4)
RATIO = pa.decimal128(30, 6)
DAY = pa.date32()
INSTANT = pa.timestamp("us", tz="UTC")

SUMMARY = pa.schema(
    [
        ("reconciliation", TEXT),  # a, c1, d, i …
        ("title", TEXT),
        ("entity", TEXT),
        ("unit", TEXT),  # "units" or an ISO 4217 code: one row never mixes two units
        ("external", MONEY),  # sum of their side over all detail rows
        ("book", MONEY),  # sum of our side over all detail rows
        ("matched", MONEY),  # sum of the book side of rows in state MATCHED: agreed to the last digit
        ("open", MONEY),  # sum of external − book over every other state (tolerance, timing, open)
        ("check", MONEY),  # external − book − open; zero, or detail is missing. May be empty: it is computed
        ("ledger_account", TEXT),
        ("ledger_amount", MONEY),
        ("tie", MONEY),  # by tie_basis; zero, or the ledger disagrees. May be empty: it is computed
        ("tie_basis", TEXT),  # BOOK: book − ledger_amount (also when empty). BALANCE: −open − ledger_amount
    ]
)

EXCEPTIONS = pa.schema(
    [
        ("exception_id", TEXT),  # required, unique
        ("version", WHOLE),  # required
        ("severity", WHOLE),  # required
        ("code", TEXT),  # required
        ("reconciliation", TEXT),  # required
        ("entity", TEXT),
        ("partner", TEXT),
        ("channel", TEXT),
        ("location", TEXT),
        ("sku", TEXT),
        ("document", TEXT),
        ("event_date", DAY),
        ("opened_at", INSTANT),  # required: age counts from here
        ("due_at", INSTANT),
        ("external_qty", QUANTITY),
        ("book_qty", QUANTITY),
        ("qty", QUANTITY),
        ("external_amount", MONEY),
        ("book_amount", MONEY),
        ("amount", MONEY),
        ("currency", TEXT),
        ("functional_amount", MONEY),
        ("owner", TEXT),
        ("message", TEXT),
        ("suggestion", TEXT),
        ("score", WHOLE),
        ("source_file", TEXT),  # name of the file, not its id
        ("position", TEXT),
        ("file_id", TEXT),
    ]
)

MATCHES = pa.schema(
    [
        ("match_id", TEXT),
        ("reconciliation", TEXT),
        ("pass", TEXT),
        ("rule", TEXT),
        ("status", TEXT),
        ("side", TEXT),  # A external, B book
        ("record_id", TEXT),
        ("entity", TEXT),
        ("document", TEXT),
        ("event_date", DAY),
        ("amount", MONEY),
        ("currency", TEXT),
        ("difference", MONEY),  # residual of the whole match
        ("explanation", TEXT),
        ("source_file", TEXT),
        ("position", TEXT),
    ]
)

DETAIL_STATES = ("MATCHED", "WITHIN_TOLERANCE", "TIMING", "OPEN")

DETAIL = pa.schema(
    [
        ("reconciliation", TEXT),  # required
        ("entity", TEXT),
        ("partner", TEXT),
        ("channel", TEXT),
        ("location", TEXT),
        ("sku", TEXT),
        ("bucket", TEXT),  # stock status
        ("document", TEXT),
        ("event_date", DAY),
        ("currency", TEXT),
        ("external_qty", QUANTITY),
        ("book_qty", QUANTITY),
        ("external_amount", MONEY),
        ("book_amount", MONEY),
        ("state", TEXT),  # required, one of DETAIL_STATES
        ("exception_id", TEXT),
        ("code", TEXT),
        ("source_file", TEXT),
        ("position", TEXT),
        ("book_reference", TEXT),
    ]
)

JOURNAL = pa.schema(
    [
        ("entry_id", TEXT),
        ("line_no", WHOLE),
        ("date", DAY),
        ("period", TEXT),
        ("entity", TEXT),
        ("document", TEXT),
        ("rule", TEXT),
        ("account", TEXT),
        ("account_name", TEXT),
        ("role", TEXT),
        ("debit", MONEY),
        ("credit", MONEY),
        ("currency", TEXT),
        ("functional_amount", MONEY),
        ("sku", TEXT),
        ("location", TEXT),
        ("order_id", TEXT),
        ("settlement_id", TEXT),
        ("memo", TEXT),
        ("source_file", TEXT),
        ("position", TEXT),  # empty when the line sums many records
        ("records", WHOLE),  # how many records stand behind the line
    ]
)

KPI = pa.schema(
    [
        ("metric", TEXT),
        ("value", RATIO),
        ("numerator", RATIO),
        ("denominator", RATIO),
        ("unit", TEXT),  # "ratio" is shown as a percentage; "days", "units", "count" or a currency as numbers
        ("source", TEXT),
    ]
)

FILES = pa.schema(
    [
        ("file_id", TEXT),
        ("name", TEXT),
        ("partner", TEXT),
        ("feed", TEXT),
        ("state", TEXT),
        ("received", WHOLE),
        ("accepted", WHOLE),
        ("rejected", WHOLE),
        ("duplicate", WHOLE),
        ("ignored", WHOLE),
        ("arrived_at", INSTANT),
        ("reason", TEXT),
    ]
)

SCHEMAS: dict[str, pa.Schema] = {
    "summary": SUMMARY,
    "exceptions": EXCEPTIONS,
    "matches": MATCHES,
    "detail": DETAIL,
    "journal_posted": JOURNAL,
    "journal_proposed": JOURNAL,
    "kpi": KPI,
    "files": FILES,
}


@dataclass(frozen=True, slots=True)
class BookRun:
    """The run that a workbook shows.

    run_id          identifies the run, printed in every footer
    as_of           UTC instant of the figures; ages count to it
    created_at      UTC instant at which the figures were queried
    entity          legal entity, "" for all
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
    """

    letter: str
    title: str
    sheet: str
    answers: str = "OTHER"
    always: bool = False


def _empty(schema: pa.Schema) -> pa.Table:
    return schema.empty_table()


@dataclass(frozen=True, slots=True)
class BookData:
    """The figures of a run. Each table is brought to its schema of `SCHEMAS` on construction.

    Extra columns are dropped; a missing column, a type that does not fit or a decimal with more than the
    schema's digits is a bug of the query and raises ValueError naming table and column.
    """

    run: BookRun
    summary: pa.Table = field(default_factory=lambda: _empty(SUMMARY))
    exceptions: pa.Table = field(default_factory=lambda: _empty(EXCEPTIONS))
    matches: pa.Table = field(default_factory=lambda: _empty(MATCHES))
    detail: pa.Table = field(default_factory=lambda: _empty(DETAIL))
    journal_posted: pa.Table = field(default_factory=lambda: _empty(JOURNAL))
    journal_proposed: pa.Table = field(default_factory=lambda: _empty(JOURNAL))
    kpi: pa.Table = field(default_factory=lambda: _empty(KPI))
    files: pa.Table = field(default_factory=lambda: _empty(FILES))
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
