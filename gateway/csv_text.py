"""CSV that others open in spreadsheets: text is quoted, and none of it becomes a formula."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import Any

_FORMULA = re.compile(r"(^|[,;|\t\r\n])(?=[ \t\r\n]*[=+\-@＝＋－＠])(?![+-][0-9]+(?:\.[0-9]+)?(?:[,;|\t\r\n]|$))")
"""A spreadsheet that splits at another separator than the comma would begin a cell there, inside quotes too. A plain
number is none."""
_LINE_END = re.compile(r"\r\n?")


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[Any]], line_end: str) -> str:
    """The rows with a header. Numbers are written as they are, all else in quotes; None is "".

    Line ends within a text become line feeds. An apostrophe stands before whatever could begin a formula.
    """
    out = io.StringIO()
    csv.writer(out, lineterminator=line_end).writerow([_safe(column) for column in columns])
    writer = csv.writer(out, lineterminator=line_end, quoting=csv.QUOTE_NONNUMERIC)
    for row in rows:
        writer.writerow([_safe(value) if isinstance(value, str) else value for value in row])
    return out.getvalue()


def _safe(text: str) -> str:
    return _FORMULA.sub(r"\1'", _LINE_END.sub("\n", text))
