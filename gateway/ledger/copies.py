"""The small tables of the ledger as temporary tables of their names, for the time of one commit.

The books read every table several times. Each reading of a table of the lake asks its catalog and opens its files,
which takes two milliseconds even where there is no row; the same statement over a copy in memory takes a tenth of that.
"""

from __future__ import annotations

from collections.abc import Mapping
from operator import itemgetter

import duckdb

from gateway.ledger.schema import CONTROL_COLUMNS, Columns
from gateway.sql import identifier

ROWS_MAX = 50_000
"""So many rows are copied in all, those of the smallest tables; the other tables are read where they lie."""


class Copies:
    """A statement that names one of `tables` without its catalog reads the copy, until they are dropped."""

    def __init__(self, con: duckdb.DuckDBPyConnection, row_counts: Mapping[str, int], have: Columns) -> None:
        """`have` is what the lake has: a copy of a table without rows needs nothing else, and not the lake."""
        self._con = con
        self.tables: set[str] = set()
        copied, empty = 0, list[str]()
        for name, rows in sorted(row_counts.items(), key=itemgetter(1, 0)):
            copied += rows
            if copied > ROWS_MAX:
                break
            if rows:
                self._copy(name)
            else:
                listed = ", ".join(f"{identifier(column)} {kind}" for column, kind in [*have[name], *CONTROL_COLUMNS])
                empty.append(f"create or replace temp table {identifier(name)} ({listed})")
            self.tables.add(name)
        if empty:
            con.execute("; ".join(empty))

    def follow(self, table: str, inserted: int) -> None:
        """Copy a table again that got so many rows; many are read where they lie from now on."""
        if table not in self.tables:
            return
        if inserted <= ROWS_MAX:
            self._copy(table)
        else:
            self.tables.remove(table)
            self._drop(table)

    def drop(self) -> None:
        """Remove the copies: names mean the tables of the lake again."""
        if self.tables:
            self._con.execute("; ".join(f'drop table temp."{name}"' for name in self.tables))

    def _copy(self, table: str) -> None:
        self._con.execute(f'create or replace temp table "{table}" as select * from lake."{table}"')

    def _drop(self, table: str) -> None:
        self._con.execute(f'drop table temp."{table}"')
