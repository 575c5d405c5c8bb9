"""How commands print: tables, rows, JSON. Answers go to standard output, errors and progress to standard error."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.table import Table

from gateway.display import visible

WIDE = 100_000
"""Columns of a pipe: nothing is folded or cut there."""


class Screen(Console):
    """A console on which strangers' text cannot move the cursor, change colours or hide what stands beside it."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        """What is printed, every text of it visible."""
        for segment in super().render(renderable, options):
            seen = segment.text if segment.control else visible(segment.text, keep="\n")
            yield segment if seen == segment.text else Segment(seen, segment.style)


out = Screen(soft_wrap=True, highlight=False, markup=False, emoji=False, width=None if sys.stdout.isatty() else WIDE)
err = Screen(stderr=True, soft_wrap=True, highlight=False, markup=False, emoji=False)


def table(*columns: str) -> Table:
    """An empty table without lines around its cells."""
    made = Table(box=None, pad_edge=False)
    for column in columns:
        made.add_column(column, overflow="fold")
    return made


def print_rows(rows: Sequence[dict[str, Any]]) -> None:
    """Rows as a table; the columns are the keys of all rows, in the order of their first use."""
    if not rows:
        out.print("(none)")
        return
    columns = list(dict.fromkeys(key for row in rows for key in row))
    printed = table(*columns)
    for row in rows:
        printed.add_row(*("" if row.get(c) is None else visible(str(row[c])) for c in columns))
    out.print(printed)


def filled(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rows without what is empty: a column that all leave empty is not printed."""
    return [{key: value for key, value in row.items() if value is not None} for row in rows]


_BETWEEN_PARTS = re.compile(r'; (?=(?:[^"]*"[^"]*")*[^"]*$)')
"""What stands between the parts of a reason: not within a quoted cell or name."""


def parts(reason: str) -> list[str]:
    """The parts of a reason or message, each for a line of its own."""
    return _BETWEEN_PARTS.split(reason)


def print_json(value: Any) -> None:
    """A value as JSON. Decimals, dates and identifiers are texts."""
    from gateway.sql import plain

    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, default=plain) + "\n")
