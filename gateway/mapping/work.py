"""Temporary tables and views of one application of a mapping: named, remembered, removed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from gateway.mapping.contract import FILE_SHIFT, Rows
from gateway.mapping.text import ident

T = TypeVar("T")

HEAD = ("_ordinal", "_position", "_unit")

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

    def make_from(self, name: str, table: pa.Table) -> str:
        """Create a temporary table that holds an Arrow table."""
        return self.over(table, lambda source: self.make("table", name, f"select * from {source}"))

    def over(self, data: object, run: Callable[[str], T]) -> T:
        """Run something while Arrow data stands under a name that is given to it."""
        name = f"{self.prefix}_source"
        self.con.register(name, data)
        try:
            return run(ident(name))
        finally:
            self.con.unregister(name)

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


def trimmed(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Texts without white space around them: ten times cheaper here than in SQL."""
    arrays = [
        array if name in HEAD else pc.utf8_trim(array, characters=WHITE)
        for name, array in zip(batch.schema.names, batch.columns, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=batch.schema)


def stream(work: Work, files: Mapping[int, Rows], columns: Collection[str], run: Callable[[str], T]) -> T:
    """Run something over the readings of numbered files, once; only these of their columns are handed over, trimmed.

    A reader's own error comes through, not the database's wrapping of it.
    """
    trouble: list[BaseException] = []
    whole = next(iter(files.values())).schema
    wanted = [i for i, name in enumerate(whole.names) if name in columns or name in HEAD]
    schema = pa.schema([whole.field(i) for i in wanted])

    def batches() -> Iterator[pa.RecordBatch]:
        units = 0
        try:
            for number, rows in files.items():
                last = 0
                for batch in rows:
                    yield _of_file(trimmed(batch.select(schema.names)), number, units)
                    last = max(last, pc.max(batch.column("_unit")).as_py() or 0)
                units += last + 1
        except BaseException as error:
            trouble.append(error)
            raise

    reader = pa.RecordBatchReader.from_batches(schema, batches())
    try:
        result = work.over(reader, run)
    except duckdb.Error:
        if trouble:
            raise trouble[0] from None
        raise
    if trouble:
        raise trouble[0]
    return result


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
