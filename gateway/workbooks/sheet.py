"""A sheet as data: its tables, where each stands, what is totalled, coloured and checked.

Everything is laid out before anything is written, so that one sheet may point into another.
All row and column numbers here count from 0; the references that are handed out are as a spreadsheet says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from xlsxwriter.utility import xl_col_to_name

from gateway.workbooks.cells import Column, Kind, Loss, inexact, letters_of, safe_text, within_calendar

ROWS_PER_SHEET_MAX = 1_000_000
# A sheet's XML must stay below 2 GiB; a cell takes about a hundred bytes of it.
CELLS_PER_SHEET_MAX = 12_000_000
# A live sum per currency over what the filter shows costs one volatile reference a row; beyond this many
# rows it covers all rows instead.
FILTERED_SUM_ROWS_MAX = 5_000


@dataclass(frozen=True, slots=True)
class Rule:
    """A conditional format: the columns it colours, and when, by column name: "{severity}=1"."""

    columns: tuple[str, ...]
    when: str
    style: str


@dataclass(frozen=True, slots=True)
class TotalLine:
    """A line above the header: a label, and for each totalled column its formula and present value."""

    label: str
    sums: Mapping[str, tuple[str, float]]


@dataclass(slots=True)
class Block:
    """One table of a sheet.

    name         of the table, unique in the workbook
    data         one column for each of `columns`; others are ignored
    heading      a line above it
    currency     column that says in which currency money totals are; "" for one total over all
    validations  XlsxWriter's data validation by column; "{column}" in a source means the same row's cell
    top          first line that it takes, set when the sheet is laid out
    currencies   those in which something is totalled; "" where an amount has none
    totals       lines of totals above the header
    """

    name: str
    columns: tuple[Column, ...]
    data: pa.Table
    heading: str = ""
    currency: str = ""
    rules: tuple[Rule, ...] = ()
    validations: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    top: int = 0
    sheet: str = ""
    losses: list[Loss] = field(default_factory=list)
    letters: dict[str, str] = field(init=False)
    currencies: list[str] = field(init=False)
    totals: int = field(init=False)

    def __post_init__(self) -> None:
        self.letters = letters_of(self.columns)
        ready = []
        for column in self.columns:
            values = self.data.column(column.name)
            if column.kind in (Kind.TEXT, Kind.LINK):
                values, losses = safe_text(values, column.name)
                self.losses += losses
            elif column.kind in (Kind.DAY, Kind.INSTANT):
                values, losses = within_calendar(values, column.name)
                self.losses += losses
                if column.kind is Kind.INSTANT:
                    # A cell is true to the microsecond only nearly; to the second it comes back as it went.
                    values = pc.floor_temporal(values, unit="second")
            else:
                self.losses += inexact(values, column.name)
            ready.append(values)
        self.data = pa.table(ready, names=[column.name for column in self.columns])
        self.currencies = self._currencies()
        totalled = sum(column.total for column in self.columns)
        self.totals = int(totalled > len(self._by_currency())) + len(self.currencies)

    @property
    def rows(self) -> int:
        """Rows of data; the table itself always has at least one."""
        return int(self.data.num_rows)

    @property
    def header(self) -> int:
        """Row of the header."""
        return self.top + bool(self.heading) + self.totals

    @property
    def first(self) -> int:
        """First row of data."""
        return self.header + 1

    @property
    def last(self) -> int:
        """Last row of the table; a table without data has one empty row."""
        return self.header + max(self.rows, 1)

    def range(self, column: str) -> str:
        """The cells of a column, absolute, with the sheet's name."""
        return f"'{self.sheet}'!{self.local_range(column)}"

    def local_range(self, column: str) -> str:
        """The cells of a column, absolute."""
        letter = self.letters[column]
        return f"${letter}${self.first + 1}:${letter}${self.last + 1}"

    def table_range(self) -> str:
        """The whole table with its header."""
        return f"A{self.header + 1}:{xl_col_to_name(len(self.columns) - 1)}{self.last + 1}"

    def fill(self, template: str) -> str:
        """A template with "{column}" as the reference to that column in the first row of data."""
        return template.format_map({name: f"${letter}{self.first + 1}" for name, letter in self.letters.items()})

    def total_lines(self) -> list[TotalLine]:
        """The totals above the header: rows and units first, then one line for each currency."""
        totals = [column for column in self.columns if column.total]
        if not totals:
            return []
        by_currency = self._by_currency()
        plain = [c.name for c in totals if c.name not in by_currency]
        lines = [TotalLine("Shown", {name: self._subtotal(name) for name in plain})] if plain else []
        for currency in self.currencies:
            mask = self._mask(currency)
            sums = {n: (self._sum_formula(n, currency), self._sum(n, mask)) for n in by_currency}
            lines.append(TotalLine(self._label(currency), sums))
        return lines

    def _by_currency(self) -> list[str]:
        return [c.name for c in self.columns if c.total and self.currency and c.kind is Kind.MONEY]

    def _currencies(self) -> list[str]:
        if not (totalled := self._by_currency()):
            return []
        some = pc.is_valid(self.data.column(totalled[0]))
        for name in totalled[1:]:
            some = pc.or_(some, pc.is_valid(self.data.column(name)))
        return sorted(pc.unique(pc.fill_null(self.data.column(self.currency), "").filter(some)).to_pylist())

    def _label(self, currency: str) -> str:
        shown = len(self.currencies) == 1 or self.rows <= FILTERED_SUM_ROWS_MAX
        return f"{'Shown' if shown else 'All rows'}, {currency or 'no currency'}"

    def _mask(self, currency: str) -> Any:
        return pc.equal(pc.fill_null(self.data.column(self.currency), ""), currency)

    def _sum(self, column: str, mask: Any = None) -> float:
        values = self.data.column(column)
        return float(pc.sum(values.filter(mask) if mask is not None else values).as_py() or 0)

    def _subtotal(self, column: str) -> tuple[str, float]:
        return f"=SUBTOTAL(109,{self.local_range(column)})", self._sum(column)

    def _sum_formula(self, column: str, currency: str) -> str:
        cells, currencies = self.local_range(column), self.local_range(self.currency)
        currency = currency.replace('"', '""')
        if len(self.currencies) == 1:
            return f"=SUBTOTAL(109,{cells})"
        if self.rows > FILTERED_SUM_ROWS_MAX:
            return f'=SUMIFS({cells},{currencies},"{currency or "="}")'
        start = cells.split(":", maxsplit=1)[0]
        each_row = f"SUBTOTAL(109,OFFSET({start},ROW({cells})-ROW({start}),0))"
        return f'=SUMPRODUCT({each_row},--({currencies}="{currency}"))'


@dataclass(slots=True)
class Sheet:
    """One sheet of tables.

    note            a line below the title; "nothing to show" is added where the only table is empty
    freeze_columns  columns that stay when scrolling
    print_to        last column that is printed; "" for all
    protected       cells are locked but for the editable ones (no password; filtering stays possible)
    """

    name: str
    title: str
    blocks: list[Block]
    note: str = ""
    freeze_columns: int = 0
    protected: bool = False
    hidden: bool = False
    print_to: str = ""

    def __post_init__(self) -> None:
        line = 2 + (len(self.blocks) > 1) if self.title else 0
        for block in self.blocks:
            block.sheet, block.top = self.name, line
            line = block.last + 2
        if len(self.blocks) == 1 and not self.blocks[0].rows:
            self.note = f"Nothing to show. {self.note}".strip()
        for block in self.blocks:
            if block.heading and not block.rows:
                block.heading += ": nothing to show"


def paged(sheet: Sheet, rows_max: int = ROWS_PER_SHEET_MAX) -> list[Sheet]:
    """The sheet of one table as several, NAME, NAME_2, NAME_3 …, when it has more rows than one can hold."""
    (block,) = sheet.blocks
    rows_max = min(rows_max, CELLS_PER_SHEET_MAX // len(block.columns))
    if block.rows <= rows_max:
        return [sheet]
    pages = []
    for number, start in enumerate(range(0, block.rows, rows_max), start=1):
        suffix = f"_{number}" if number > 1 else ""
        part = Block(
            block.name + suffix,
            block.columns,
            block.data.slice(start, rows_max),
            block.heading,
            block.currency,
            block.rules,
            block.validations,
        )
        part.losses = [Loss(x.row - start, x.column, x.what) for x in block.losses if start <= x.row < start + rows_max]
        note = f"{sheet.note} Part {number}: rows {start + 1:,} to {start + part.rows:,}.".strip()
        pages.append(replace(sheet, name=sheet.name + suffix, blocks=[part], note=note))
    return pages
