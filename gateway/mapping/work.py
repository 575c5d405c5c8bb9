"""Temporary tables and views of one application of a mapping: named, remembered, removed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TypeVar

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gateway.mapping.contract import FILE_SHIFT, Rows
from gateway.mapping.text import ident

T = TypeVar("T")

HEAD = ("_ordinal", "_position", "_unit")

HELD_BYTES = 512 << 20
"""Texts of one mapping's files that are kept in memory."""

_FIRST, _LAST = ord("!"), 0x7F
"""Octets that are no white space and no part of a longer character."""

WHITE = " \t\n\v\f\r\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
"""What does not count around a text."""


@dataclass
class Work:
    """A connection and what was made on it under a prefix.

    unresolved  tags of fields of which some code or name is in no crosswalk
    """

    con: duckdb.DuckDBPyConnection
    prefix: str
    made: list[tuple[str, str]] = field(default_factory=list)
    unresolved: set[str] = field(default_factory=set)

    def make(self, kind: str, name: str, sql: str) -> str:
        """Create a temporary table or view of that name behind the prefix; the whole name."""
        whole = f"{self.prefix}_{name}"
        statement = f"create or replace temp {kind} {ident(whole)} as {sql}"
        try:
            self.con.execute(statement)
        except duckdb.CatalogException as error:
            # An earlier application under this prefix left a table where a view is due, or the other way round.
            if "Existing object" not in str(error):
                raise
            self.con.execute(f"drop {'table' if kind == 'view' else 'view'} temp.{ident(whole)}")
            self.con.execute(statement)
        if (kind, whole) not in self.made:
            self.made.append((kind, whole))
        return whole

    def over(self, data: object, run: Callable[[str], T]) -> T:
        """Run something while Arrow data stands under a name that is given to it."""
        name = f"{self.prefix}_source"
        self.con.register(name, data)
        try:
            return run(ident(name))
        finally:
            self.con.unregister(name)

    def hold(self, name: str, table: pa.Table) -> str:
        """Let an Arrow table stand under that name behind the prefix; the whole name."""
        whole = f"{self.prefix}_{name}"
        self.con.register(whole, table)
        self.made.append(("view", whole))
        return whole

    def remove(self, name: str) -> None:
        """Drop one of them before the rest."""
        for made in [made for made in self.made if made[1] == name]:
            self.con.execute(f"drop {made[0]} temp.{ident(name)}")
            self.made.remove(made)

    def sweep(self) -> None:
        """Drop everything, views before the tables they read. A failed transaction has dropped it already."""
        for kind, name in reversed(self.made):
            try:
                self.con.execute(f"drop {kind} if exists temp.{ident(name)}")
            except duckdb.Error:
                continue
        self.made.clear()


@contextmanager
def joins_as_written(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Rows that stream by a small table: nothing tells the database how many rows Arrow data has, and it would
    rather make a hash table of all of them."""
    con.execute("set disabled_optimizers = 'join_order,build_side_probe_side'")
    try:
        yield
    finally:
        # A file that cannot be read well may have ended the connection, and with it its settings.
        with suppress(duckdb.FatalException):
            con.execute("set disabled_optimizers = ''")


def trimmed(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Texts without white space around them: ten times cheaper here than in SQL."""
    arrays = [
        pc.utf8_trim(array, characters=WHITE) if name not in HEAD and _may_be_padded(array) else array
        for name, array in zip(batch.schema.names, batch.columns, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=batch.schema)


def _may_be_padded(array: pa.Array) -> bool:
    """Whether a text begins or ends with an octet of white space, or of a character beyond ASCII."""
    _, offsets, data = array.buffers()
    if data is None or data.size == 0:
        return False
    octets = np.frombuffer(data, np.uint8) - np.uint8(_FIRST)
    if octets.max() <= _LAST - _FIRST:
        return False
    bounds = np.frombuffer(offsets, np.int32)[array.offset : array.offset + len(array) + 1]
    filled = bounds[1:] > bounds[:-1]
    outer = (octets[bounds[:-1][filled]], octets[bounds[1:][filled] - 1])
    return any(len(ends) and ends.max() > _LAST - _FIRST for ends in outer)


def gather(work: Work, files: Mapping[int, Rows], columns: Collection[str], name: str) -> str:
    """The readings of numbered files as a relation of that name; only these of their columns, trimmed.

    Up to HELD_BYTES of texts stay in memory as they were read; more go to a table, which the database can spill.
    """
    whole = next(iter(files.values())).schema
    schema = pa.schema([field for field in whole if field.name in columns or field.name in HEAD])
    batches = _batches(files, schema)
    held: deque[pa.RecordBatch] = deque()
    size = 0
    for batch in batches:
        held.append(batch)
        size += batch.nbytes
        if size > HELD_BYTES:
            return _stream(work, schema, held, batches, name)
    return work.hold(name, pa.Table.from_batches(held, schema))


def _batches(files: Mapping[int, Rows], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    units = 0
    for number, rows in files.items():
        last = 0
        for batch in rows:
            yield _of_file(trimmed(batch.select(schema.names)), number, units)
            last = max(last, pc.max(batch.column("_unit")).as_py() or 0)
        units += last + 1


def _stream(
    work: Work, schema: pa.Schema, held: deque[pa.RecordBatch], rest: Iterator[pa.RecordBatch], name: str
) -> str:
    """Write batches to a table. A reader's own error comes through, not the database's wrapping of it."""
    trouble: list[BaseException] = []

    def batches() -> Iterator[pa.RecordBatch]:
        try:
            while held:
                yield held.popleft()
            yield from rest
        except BaseException as error:
            trouble.append(error)
            raise

    try:
        reader = pa.RecordBatchReader.from_batches(schema, batches())
        return work.over(reader, lambda source: work.make("table", name, f"select * from {source}"))
    except duckdb.Error:
        if trouble:
            raise trouble[0] from None
        raise


def _of_file(batch: pa.RecordBatch, number: int, units: int) -> pa.RecordBatch:
    """The batch with ordinals and units that are unique over several files."""
    if not number and not units:
        return batch
    moved = {
        "_ordinal": pc.add(batch.column("_ordinal"), pa.scalar(number << FILE_SHIFT, pa.int64())),
        "_unit": pc.add(batch.column("_unit"), pa.scalar(units, pa.int32())),
    }
    return pa.RecordBatch.from_arrays(
        [moved.get(name, batch.column(name)) for name in batch.schema.names], schema=batch.schema
    )
