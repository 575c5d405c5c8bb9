"""How a delimited file is laid out, and how its rows fit that: delimiter, quotes, header, cells beyond it."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

from gateway.errors import FileError
from gateway.formats import header as headers
from gateway.formats.text.counted_lines import Lines
from gateway.formats.text.escaped_quotes import EscapedQuotes
from gateway.reading import ReadRequest
from gateway.whitespace import INVISIBLE

_HINT = re.compile(r'"?sep=(.)"?[,;|\t]*', re.IGNORECASE)


def hint(text: str) -> str:
    """The delimiter that Excel's line `sep=;` above the header names, "" where there is no such line."""
    found = _HINT.fullmatch(text.split("\n", maxsplit=1)[0].rstrip("\r"))
    return found[1] if found else ""


def guess(text: str) -> str:
    """The mark that most of the first lines have equally often."""
    lines = [line for line in text.splitlines()[:50] if line.strip()]
    return max(",;\t|", key=lambda mark: _steadiness([line.count(mark) for line in lines]))


def _steadiness(counts: list[int]) -> tuple[int, int]:
    """(lines that have the most usual number of marks, that number): a delimiter is in every line as often."""
    usual = Counter(count for count in counts if count).most_common(1)
    return (usual[0][1], usual[0][0]) if usual else (0, 0)


def quote(text: str, delimiter: str) -> str:
    """The quote character under `auto`: none in tab separated text whose first line has none."""
    first = next((line for line in text.splitlines() if line.strip(INVISIBLE)), "")
    return "" if delimiter == "\t" and '"' not in first else '"'


@dataclass(frozen=True)
class Layout:
    """What both ways to read a file need.

    quote   the quote character, "" for none
    padded  short rows are filled up
    named   whether the columns have the names of a header in the file
    line    the line that the rows begin after
    blanks  blanks before a cell do not count: quotes open behind them
    """

    request: ReadRequest
    encoding: str
    delimiter: str
    quote: str
    comment: str
    padded: bool
    columns: tuple[str, ...]
    named: bool
    line: int
    other_names: headers.OtherNames = field(default_factory=dict)
    blanks: bool = False

    @property
    def path(self) -> Path:
        """The path of the file that is read."""
        return self.request.path

    @cached_property
    def least(self) -> int:
        """Cells that a row must have: nameless columns at the end of the header may be left out."""
        named = (n for n, name in enumerate(self.columns, start=1) if name != f"#{n}")
        return max(named, default=1) if self.named else len(self.columns)

    def escaped_quotes(self) -> EscapedQuotes:
        """What turns quotes that are written with a backslash into those of the standard."""
        return EscapedQuotes(self.quote, self.delimiter)

    def rows(self, lines: Lines) -> Iterator[tuple[int, list[str]]]:
        """(first line, cells) of every row, by the standard library. Raises FileError for a cell beyond the limit."""
        return rows(self.request, lines, self.delimiter, self.quote, blanks=self.blanks)

    def fitted(self, cells: list[str]) -> list[str] | None:
        """A row with as many cells as the header: blank ones behind its end are nothing. None where it does not fit."""
        width = len(self.columns)
        cells = unwrapped(cells, self.delimiter, self.quote) if width > 1 else cells
        if len(cells) > width and not any(cell.strip(INVISIBLE) for cell in cells[width:]):
            return cells[:width]
        if len(cells) < width and (self.padded or len(cells) >= self.least):
            return cells + [""] * (width - len(cells))
        return cells if len(cells) == width else None

    def again(self, cells: Sequence[str], line: int) -> bool:
        """Whether a row is the header once more. Raises FileError where it is another header."""
        if not self.named:
            return False
        found = headers.names(headers.named_alike(cells, self.other_names)[0])
        own = [name.casefold() for name in self.columns]
        if [name.casefold() for name in found] == own:
            return True
        filled = [name for name, cell in zip(found, cells, strict=True) if cell.strip(INVISIBLE)]
        if len(filled) > 1 and {name.casefold() for name in filled} <= set(own):
            raise FileError(
                self.request.name,
                f"another header stands here: {', '.join(filled)}; the rows below have other columns",
                "Send the two tables as two files.",
                f"line {line}",
            )
        return False

    def swallowed(self, cells: Sequence[str]) -> int:
        """Rows that a quote swallowed into one cell of this row: the cell ends where it began, rows later. 0 for
        none."""
        width = len(cells)
        for place, cell in enumerate(cells):
            if "\n" not in cell:
                continue
            marks = [line.count(self.delimiter) for line in cell.split("\n")]
            rest = all(count == width - 1 for count in marks[1:-1])
            if width > 1 and (marks[0], marks[-1]) == (width - 1 - place, place) and rest:
                return len(marks) - 1
        return 0

    def check_closed(self, held: list[str], line: int) -> None:
        """Raises FileError where the last row of the file, of these lines, ends within quotes."""
        with_another = io.StringIO(f"{''.join(held)}\nend", newline="")
        if self.quote and len(list(self.rows(Lines(with_another, escaped=self.escaped_quotes())))) == 1:
            raise FileError(
                self.request.name,
                "a quote opens here and is never closed; it swallows the rest of the file",
                "Close the quote, or double it if it is part of the text.",
                f"line {line}",
            )

    def raw(self, cells: Sequence[str]) -> str:
        """A row as one line of text, written with the file's delimiter: the raw text of a fault."""
        text = io.StringIO()
        csv.writer(text, delimiter=self.delimiter, lineterminator="").writerow(cells)
        return text.getvalue()


def rows(
    request: ReadRequest, lines: Lines, delimiter: str, quote: str, *, blanks: bool = False
) -> Iterator[tuple[int, list[str]]]:
    """(first line, cells) of every row, by the standard library. Raises FileError for a cell beyond the limit."""
    csv.field_size_limit(request.limits.cell_bytes_max)
    quoting: dict[str, Any] = {"quotechar": quote} if quote else {"quoting": csv.QUOTE_NONE}
    try:
        for cells in csv.reader(lines, delimiter=delimiter, skipinitialspace=blanks, **quoting):
            yield lines.first, cells
            lines.begin()
    except csv.Error as error:
        raise FileError(
            request.name,
            str(error),
            "Check delimiter and quote; cells are bounded by cell_bytes_max.",
            f"line {lines.first}",
        ) from None


def unwrapped(cells: list[str], delimiter: str, quote: str) -> list[str]:
    """The cells of a row that stands in quotes as a whole, as programs write it that take a row for one text."""
    if len(cells) != 1 or not quote or delimiter not in cells[0] or set(cells[0]) & set("\r\n"):
        return cells
    inner = next(csv.reader([cells[0]], delimiter=delimiter, quotechar=quote))
    return inner if any(cell.strip(INVISIBLE) for cell in inner) else cells


def has_blanks_before_quotes(plain: Iterable[Sequence[str]], skipped: Iterable[Sequence[str]], quote: str) -> bool:
    """Whether quotes open behind a blank, `A, "B"`: by the standard they are text, and delimiters in them end a cell.

    plain, skipped  the same rows, read by the standard and with the blanks skipped
    """
    cells = chain.from_iterable(zip(one, other, strict=False) for one, other in zip(plain, skipped, strict=False))
    return any(one != other and one.lstrip(" ")[:1] == quote for one, other in cells)
