"""How commands print: tables, rows, JSON. Answers go to standard output, errors and progress to standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from gateway.sql import plain

WIDE = 100_000
"""Columns of a pipe: nothing is folded or cut there."""

out = Console(soft_wrap=True, highlight=False, markup=False, emoji=False, width=None if sys.stdout.isatty() else WIDE)
err = Console(stderr=True, soft_wrap=True, highlight=False, markup=False, emoji=False)


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
        printed.add_row(*("" if row.get(c) is None else str(row[c]) for c in columns))
    out.print(printed)


def print_json(value: Any) -> None:
    """A value as JSON. Decimals, dates and identifiers are texts."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, default=plain) + "\n")
