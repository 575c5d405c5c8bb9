"""Cells that programs write so that a spreadsheet keeps their digits: what it shows of them."""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc

from gateway.arrow_texts import holds
from gateway.whitespace import INVISIBLE

_FORMULA = re.compile(r'="((?:[^"]|"")*)"')
_MARKED = re.compile(r"'([0-9][0-9A-Za-z._/-]*)")
"""An apostrophe in front of a number or a code that begins with a digit: to spreadsheets the mark of a text."""


def literal(cell: str) -> str:
    """What a spreadsheet shows of a cell: `="00123"` and `'00123` are 00123."""
    if '="' in cell:
        found = _FORMULA.fullmatch(cell.strip(INVISIBLE))
        return found[1].replace('""', '"') if found else cell
    marked = _MARKED.fullmatch(cell.strip(INVISIBLE)) if "'" in cell else None
    return marked[1] if marked else cell


def literals(texts: pa.Array) -> pa.Array:
    """The texts as a spreadsheet shows them."""
    if not holds(texts, '="') and not holds(texts, "'"):
        return texts
    written = pc.fill_null(pc.match_substring_regex(texts, """="|'[0-9]"""), False)
    if not pc.any(written).as_py():
        return texts
    return pc.replace_with_mask(texts, written, pa.array(map(literal, texts.filter(written).to_pylist()), pa.utf8()))
