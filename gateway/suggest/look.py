"""A table as a person would see it: its layout, the row with the names, the rows of data, the rows of totals."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

from gateway import formats
from gateway.errors import FileError
from gateway.formats import header as headers
from gateway.formats.verbs import Table
from gateway.reading import ReadRequest, cell_parts
from gateway.settings import Limits
from gateway.suggest import shapes
from gateway.suggest.header_rows import header_row
from gateway.suggest.shapes import Shape
from gateway.suggest.words import meant

HEAD_ROWS = 60
"""The header stands in one of so many rows."""
ROWS_KEPT = 1_000
"""Rows whose values are looked at."""
ROWS_READ = {"delimited": 120_000, "workbook": 50_000}
"""Rows that are read to find the last ones, in about a second; of a larger file the end is not seen."""
LAST_ROWS = 5
"""A row of totals is one of the last so many."""
Row = tuple[int, list[str]]
"""The number of a line or row, and its cells."""
FOOTED_MIN = 4
"""A row of one text is a footer in a table of so many columns at least."""
SHEETS_MAX = 6


@dataclass(frozen=True)
class Seen:
    """What a table shows of itself.

    paths    the files, of several samples those that it was joined of
    format   delimited or workbook
    options  `[file]` settings: delimiter, encoding, sheet
    line     line of the header, 0 where there is none
    above    filled rows above the header
    columns  names of the columns
    cells    the first rows of data, without totals
    totals   (column, text, cells) of each row of totals: where the word stands, and what it says
    titles   (line, place in it, cell) of the texts above the header
    gaps     whether a blank row stands between those of the data
    footers  (column, text) of each row of one text below the data
    notes    what went wrong while it was looked at
    labels   of documents: path → what the value is called; each is what a row is
    parts    of several samples: each by itself
    """

    paths: tuple[Path, ...]
    format: str
    options: Mapping[str, Any]
    line: int
    above: int
    columns: tuple[str, ...]
    cells: list[list[str]]
    totals: list[tuple[str, str, list[str]]]
    notes: list[str] = field(default_factory=list)
    shapes: dict[str, Shape] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    each: str = ""
    parts: tuple[Seen, ...] = ()
    footers: tuple[tuple[str, str], ...] = ()
    titles: tuple[tuple[int, int, str], ...] = ()
    gaps: bool = False

    @property
    def path(self) -> Path:
        """The first file."""
        return self.paths[0]

    def values(self, column: str) -> list[str]:
        """The cells of a column, in order."""
        place = self.columns.index(column)
        return [row[place] for row in self.cells]


def joined(seen: Sequence[Seen]) -> Seen:
    """Several samples of a feed as one: the rows of those that have the columns of the first; others are noted."""
    first = seen[0]
    alike = [one for one in seen if (one.columns, one.format) == (first.columns, first.format)]
    notes = [
        f"{one.path.name} has other columns than {first.path.name}: it was left out. Draft it by itself."
        for one in seen
        if one not in alike
    ]
    whole = replace(
        first,
        paths=tuple(one.path for one in alike),
        cells=[row for one in alike for row in one.cells],
        totals=[row for one in alike for row in one.totals],
        footers=tuple(row for one in alike for row in one.footers),
        notes=[*(note for one in alike for note in one.notes), *notes],
        shapes={},
        parts=tuple(alike),
    )
    whole.shapes.update({column: shapes.of(whole.values(column)) for column in whole.columns})
    return whole


def look(path: Path, limits: Limits) -> Seen | None:
    """See a file as a table, None where it is none. Raises FileError."""
    request = ReadRequest(path, path.name, limits)
    for name in formats.looked(request).looks:
        options: list[dict[str, Any]] = [{}]
        if name == "workbook":
            options = [{"sheet": number} for number in range(1, SHEETS_MAX + 1)]
        found = [one for one in (_seen(request, name, given) for given in options) if one is not None]
        if found:
            return max(found, key=lambda one: len(one.columns) * len(one.cells))
    return None


def _seen(request: ReadRequest, name: str, options: Mapping[str, Any]) -> Seen | None:
    try:
        table = formats.table(ReadRequest(request.path, request.name, request.limits, options), name)
    except FileError:
        if options.get("sheet", 1) == 1:
            raise
        return None
    return None if table is None else _table(request.path, name, table)


def _table(path: Path, name: str, table: Table) -> Seen | None:
    head, rest, last, notes = _rows(table, ROWS_READ[name])
    filled = [(line, cells) for line, cells in head if any(cells)]
    at = header_row([cells for _, cells in filled])
    if not filled or max(len(cells) for _, cells in filled) < 2:
        return None
    if at is None:
        line, above = 0, 0
        columns = tuple(f"column {n + 1}" for n in range(max(len(cells) for _, cells in filled)))
    else:
        line, above = filled[at][0], at
        columns = headers.names(filled[at][1])
    width = len(columns)
    data = [cells for number, cells in [*filled, *rest] if number > line]
    fitted = [(cells + [""] * width)[:width] for cells in data if any(cells)]
    ends = [(cells + [""] * width)[:width] for number, cells in last if number > line and any(cells)]
    totals = [found for cells in ends if (found := total_row(columns, cells))]
    footers = _footers(columns, ends)
    rows = [cells for cells in fitted if total_row(columns, cells) is None and _only(columns, cells) not in footers]
    seen = Seen(
        (path,),
        name,
        dict(table.options),
        line,
        above,
        columns,
        rows,
        totals,
        notes,
        footers=tuple(footers),
        titles=tuple(
            (number, place, cell) for number, cells in filled[:above] for place, cell in enumerate(cells) if cell
        ),
        gaps=_gaps([cells for number, cells in [*head, *rest] if number > line]),
    )
    seen.shapes.update({column: shapes.of(seen.values(column)) for column in columns})
    return seen


def _gaps(rows: Sequence[Sequence[str]]) -> bool:
    """Whether a blank row stands between filled ones."""
    blank = [not any(cells) for cells in rows]
    return any(one and not all(blank[number:]) for number, one in enumerate(blank))


def _rows(table: Table, most: int) -> tuple[list[Row], list[Row], list[Row], list[str]]:
    """(the first rows, those after them that are kept, the last ones, what went wrong)."""
    notes: list[str] = []
    kept: list[Row] = []
    last: deque[Row] = deque(maxlen=LAST_ROWS)
    try:
        for number, row in enumerate(islice(table.rows, most)):
            if number < ROWS_KEPT:
                kept.append(_stripped(row))
            if any(row[1]):
                last.append(row)
        if next(table.rows, None) is not None:
            notes.append(f"Only the first {most} rows were looked at: a total row at the end was not seen.")
    except FileError as error:
        notes.append(f"The file cannot be read to its end: {error}.")
    return kept[:HEAD_ROWS], kept[HEAD_ROWS:], [_stripped(row) for row in last], notes


def _stripped(row: Row) -> Row:
    """A row with the texts that a person sees."""
    return row[0], [cell_parts(cell)[2].strip() for cell in row[1]]


def total_row(columns: Sequence[str], cells: Sequence[str]) -> tuple[str, str, list[str]] | None:
    """(column, text, cells) of a row of totals: one of its first texts says so, and it is not full, or beside that text
    it has numbers alone.
    """
    filled = [(column, cell) for column, cell in zip(columns, cells, strict=True) if cell]
    full = len(filled) > max(2, len(columns) * 0.7)
    if full and not all(shapes.of([cell]).numeric for _, cell in filled[1:]):
        return None
    for column, cell in filled[:1] if full else filled[:2]:
        said = meant(cell)
        if (said == ("total",) if full else "total" in said[:2]) and not any(map(str.isdigit, cell)):
            return column, cell, list(cells)
    return None


def _footers(columns: Sequence[str], last: Sequence[Sequence[str]]) -> list[tuple[str, str]]:
    """(column, text) of the last rows that hold one text of several words, as who printed the list."""
    found: list[tuple[str, str]] = []
    for cells in reversed(last):
        only = _only(columns, cells)
        if total_row(columns, cells) is not None:
            continue
        if only is not None and " " in only[1] and only[1][0].isalpha() and len(columns) >= FOOTED_MIN:
            found.append(only)
        else:
            break
    return found


def _only(columns: Sequence[str], cells: Sequence[str]) -> tuple[str, str] | None:
    """(column, text) of the only cell that is filled; None where there are several."""
    filled = [(column, cell) for column, cell in zip(columns, cells, strict=True) if cell]
    return filled[0] if len(filled) == 1 else None
