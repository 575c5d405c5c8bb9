"""Temporary tables and views of one application of a mapping: named, remembered, removed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TypeVar

import duckdb
import pyarrow as pa

from gateway.ledger.connection import without_optimizers
from gateway.sql import drop_temporary, identifier

T = TypeVar("T")

HEAD = ("_ordinal", "_position", "_unit")


@dataclass
class Work:
    """A connection and the temporary tables and views that are made on it under a prefix.

    unresolved  tags of fields of which some code or name is in no crosswalk
    """

    con: duckdb.DuckDBPyConnection
    prefix: str
    unresolved: set[str] = field(default_factory=set)

    def make(self, kind: str, name: str, sql: str) -> str:
        """Create a temporary table or view of that name behind the prefix; the whole name."""
        whole = f"{self.prefix}_{name}"
        statement = f"create or replace temp {kind} {identifier(whole)} as {sql}"
        try:
            self.con.execute(statement)
        except duckdb.CatalogException as error:
            # An earlier application under this prefix left a table where a view is due, or the other way round.
            if "Existing object" not in str(error):
                raise
            self.con.execute(f"drop {'table' if kind == 'view' else 'view'} temp.main.{identifier(whole)}")
            self.con.execute(statement)
        return whole

    def over(self, data: object, run: Callable[[str], T]) -> T:
        """Run something while Arrow data stands under a name that is given to it."""
        name = f"{self.prefix}_source"
        self.con.register(name, data)
        try:
            return run(identifier(name))
        finally:
            self.con.unregister(name)

    def hold(self, name: str, table: pa.Table) -> str:
        """Let an Arrow table stand under that name behind the prefix; the whole name."""
        whole = f"{self.prefix}_{name}"
        self.con.register(whole, table)
        return whole

    def release(self, name: str) -> None:
        """Let go of an Arrow table, by its whole name."""
        self.con.execute(f"drop view temp.main.{identifier(name)}")

    def sweep(self) -> None:
        """Drop everything, after an error: another one, as of a database that is out of order, must not hide it."""
        with suppress(duckdb.Error):
            drop_temporary(self.con, self.prefix)


@contextmanager
def joins_as_written(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Join streamed rows to a small table as written: the database does not know how many rows Arrow data has, and
    would build a hash table of all of them. A list of an expression (`in`) stays one: as a join of its own it takes
    longer to plan than a small file to read."""
    with without_optimizers(con, "join_order", "build_side_probe_side", "in_clause"):
        yield
