"""Whether a file's content is what a mapping reads: asked where the file's name does not decide."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import pyarrow as pa

from gateway.errors import HouseError
from gateway.mapping.apply import drift
from gateway.mapping.language.spec import Mapping, RecordSpec
from gateway.nearest import listed
from gateway.reading import Reading

NOT_READ = 1_000_000
"""Further than any mapping is that could read the file if it had more columns."""


@dataclass(frozen=True, slots=True)
class Content:
    """What a file holds.

    formats   names of the formats that it looks like
    open      opens it as a mapping says, for one kind of row, with at least those columns
    describe  what it shows of itself, in words
    """

    formats: Collection[str]
    open: Callable[[Mapping, str | None, Sequence[str]], Reading]
    describe: Callable[[], str]


@dataclass(frozen=True, slots=True)
class Look:
    """How a mapping and a file's content go together.

    known    how many of the columns that the mapping names are there
    lacking  how many that it needs are not
    why      what keeps the content from being the mapping's, in words; "" if it is
    """

    known: int
    lacking: int = 0
    why: str = ""


def look(mapping: Mapping, content: Content) -> Look:
    """See whether the content is what the mapping reads.

    A table must have every column that is needed. A document must have rows, and one kind of them every value
    that is needed, be it in one of the first: what is optional is left out of documents, a column never is.
    """
    by_each: dict[str | None, list[RecordSpec]] = {}
    for record in mapping.record:
        by_each.setdefault(record.each, []).append(record)
    found = []
    for each, records in by_each.items():
        wanted = drift.source_columns(mapping, records)
        try:
            rows = content.open(mapping, each, wanted)
            first = None if each is None else next(iter(rows), None)
        except HouseError as error:
            return Look(0, NOT_READ, f"cannot read it: {error.cause or error}")
        if not rows.described:
            return Look(0, NOT_READ, "reads files without a header, which can be recognised only by name")
        if each is None or first is not None:
            present = set(rows.columns) if first is None else _filled(first)
            lacking = drift.lacking(records, present) + drift.unlisted(mapping, rows)
            why = f"also needs {listed(lacking, 5)}" if lacking else ""
            found.append(Look(len(present & set(wanted)), len(lacking), why))
    if not found:
        return Look(0, NOT_READ, f"finds no {' and no '.join(list(map(str, by_each))[:3])} in it")
    return min(found, key=lambda one: (one.lacking, -one.known))


def _filled(batch: pa.RecordBatch) -> set[str]:
    """Names of the columns that have a value in one of the rows."""
    return {
        name for name, cells in zip(batch.schema.names, batch.columns, strict=True) if cells.null_count < len(cells)
    }
