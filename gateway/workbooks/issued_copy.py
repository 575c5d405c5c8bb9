"""The copy that was issued: a hash of each row's locked cells, so that a returned workbook can be compared.

A returned cell may come back as another type that means the same (1 and 1.0, a date and its midnight), so
values are brought to one text form before they are hashed.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

import pyarrow as pa

from gateway.workbooks.book_data import BookRun
from gateway.workbooks.cells import EXACT_DIGITS, Column, Kind
from gateway.workbooks.sheet import Block, Sheet

META_SHEET = "_META"
META_FORMAT = "1"
_ESCAPE = re.compile("_x([0-9A-Fa-f]{4})_")
META_COLUMNS = tuple(Column(name, Kind.TEXT) for name in ("kind", "key", "value", "hash"))


def canonical(value: object) -> str:
    """A cell's value as text that survives saving: numbers by 15 digits, instants by the minute."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, (int, float, Decimal)):
        number = Decimal(f"{Decimal(value):.{EXACT_DIGITS}g}")
        return "0" if not number else f"{number.normalize():f}"
    if isinstance(value, datetime):
        # Spreadsheets keep instants as fractions of a day, true to about a microsecond.
        near = value.replace(tzinfo=None) + timedelta(milliseconds=500)
        return near.strftime("%Y-%m-%d %H:%M") if (near.hour or near.minute) else near.strftime("%Y-%m-%d")
    if isinstance(value, date):
        return value.isoformat()
    return _unescaped(str(value))


def row_hash(cells: Mapping[str, object], columns: Sequence[str]) -> str:
    """The hash of a row's locked cells: `columns` are the locked columns in their issued order.

    cells  by header name, as a workbook reader returns them (text, int, float, datetime, None)
    """
    return _digest([canonical(cells.get(name)) for name in columns])


def meta_sheet(run: BookRun, book: str, blocks: Sequence[Block]) -> Sheet:
    """The hidden sheet: what was issued, and the version and hash of every row of `blocks`.

    Rows: kind "book" (key, value), "locked" (key: 1, 2 …, value: column name), and "exception"
    (key: exception_id, value: version, hash).
    """
    rows: list[tuple[str, str, str | None, str | None]] = [
        ("book", "format", META_FORMAT, None),
        ("book", "title", book, None),
        ("book", "run_id", run.run_id, None),
        ("book", "as_of", run.as_of.isoformat(), None),
        ("book", "created_at", run.created_at.isoformat(), None),
        ("book", "entity", run.entity, None),
        ("book", "ledger_version", str(run.ledger_version), None),
    ]
    locked = locked_columns(blocks[0]) if blocks else ()
    rows += [("locked", str(number), name, None) for number, name in enumerate(locked, start=1)]
    for block in blocks:
        ids = block.data.column("exception_id").to_pylist()
        versions = block.data.column("version").to_pylist()
        for key, version, digest in zip(ids, versions, _hashes(block, locked), strict=True):
            rows.append(("exception", key, str(version), digest))
    columns = [pa.array(values, pa.string()) for values in zip(*rows, strict=True)]
    table = pa.table(columns, names=[column.name for column in META_COLUMNS])
    return Sheet(META_SHEET, "", [Block("META", META_COLUMNS, table)], protected=True, hidden=True)


def digest_of(meta: Iterable[Sequence[object]]) -> str:
    """The hash of the rows of the hidden sheet: of the cells below META_COLUMNS, as they were issued or come back."""
    return hashlib.sha256("\x1e".join(_digest([canonical(cell) for cell in row]) for row in meta).encode()).hexdigest()


def locked_columns(block: Block) -> tuple[str, ...]:
    """The columns that must come back as they were issued. Links are left out: they name rows, which move."""
    return tuple(c.name for c in block.columns if not c.editable and c.kind is not Kind.LINK)


def _unescaped(text: str) -> str:
    """The text without the `_xHHHH_` escapes, which some readers undo and others do not."""
    while (plain := _ESCAPE.sub(lambda match: chr(int(match.group(1), 16)), text)) != text:
        text = plain
    return text


def _hashes(block: Block, locked: Sequence[str]) -> list[str]:
    texts = [[canonical(value) for value in block.data.column(name).to_pylist()] for name in locked]
    return [_digest(row) for row in zip(*texts, strict=True)]


def _digest(texts: Sequence[str]) -> str:
    # The unit separator cannot be typed into a cell, so two different rows never join to one text.
    return hashlib.sha256("\x1f".join(texts).encode()).hexdigest()[:32]
