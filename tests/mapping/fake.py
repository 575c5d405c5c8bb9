"""A reader over rows given in the test, and a shorthand for applying a mapping to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import Any

import duckdb
import pyarrow as pa

from gateway.errors import Fault
from gateway.mapping.apply.apply import apply
from gateway.mapping.apply.mapped import Context, Mapped
from gateway.mapping.language.spec import Mapping
from gateway.reading import Reading
from gateway.settings import Limits

Row = dict[str, str | None]


class FakeRows(Reading):
    """Rows as a reader of a file would give them, in batches of three."""

    def __init__(
        self,
        columns: Sequence[str],
        rows: Sequence[Row],
        faults: Sequence[Fault] = (),
        units: Sequence[int] = (),
        error: Exception | None = None,
    ) -> None:
        self.columns = tuple(columns)
        self.received = 0
        self.faults: list[Fault] = []
        self._rows, self._late, self._units, self._error = rows, faults, units, error

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        for start in range(0, len(self._rows), 3):
            part = [
                {
                    "_ordinal": number,
                    "_position": f"line {number + 2}",
                    "_unit": self._units[number] if self._units else 0,
                    **row,
                }
                for number, row in enumerate(self._rows[start : start + 3], start)
            ]
            yield pa.RecordBatch.from_pylist(part, schema=self.schema)
        if self._error is not None:
            raise self._error
        self.faults = list(self._late)
        self.received = len(self._rows) + sum(fault.code == "ROW_REJECT" for fault in self._late)


class Alone:
    """The result for a single file."""

    def __init__(self, mapped: Mapped) -> None:
        [outcome] = mapped.files
        self.mapped, self.tables, self.faults = mapped, mapped.tables, mapped.faults
        self.received, self.rejected, self.ignored = outcome.received, outcome.rejected, outcome.ignored
        self.held, self.control_total = outcome.held, outcome.control_total


class Bench:
    """A connection with aliases and items, and mappings applied on it."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self.con = con
        con.execute("set timezone = 'UTC'")
        con.execute("set threads = 2")
        con.execute("set preserve_insertion_order = false")
        con.execute(
            "create table alias (alias_partner varchar, id_type varchar, external_id varchar, sku varchar,"
            " pack_qty decimal(18,4), valid_from date, valid_to date)"
        )
        con.execute("create table item (sku varchar)")
        self.lookups: dict[str, pa.Table] = {}
        self.opened: list[str | None] = []

    def alias(self, *rows: tuple[Any, ...]) -> None:
        self.con.executemany("insert into alias values (?, ?, ?, ?, ?, ?, ?)", rows)

    def lookup(self, name: str, columns: Sequence[str], *rows: Sequence[str]) -> None:
        self.lookups[name] = pa.table(list(map(list, zip(*rows, strict=True))), names=list(columns))

    def context(self, **settings: Any) -> Context:
        return Context("acme", "alias", "item", self.lookups, Limits(**settings), "m1", arrived=date(2026, 11, 21))

    def apply(self, mapping: Mapping, open_rows: Callable[[str | None], FakeRows], **settings: Any) -> Alone:
        def opener(each: str | None, columns: Sequence[str]) -> FakeRows:
            self.opened.append(each)
            return open_rows(each)

        return Alone(apply(self.con, mapping, [opener], self.context(**settings)))

    def rows(self, mapped: Alone, table: str, *columns: str) -> list[tuple[Any, ...]]:
        """Those columns of a result, as text, in order."""
        listed = ", ".join(f'cast("{column}" as varchar)' for column in columns)
        return self.con.execute(f"select {listed} from {mapped.tables[table]} order by _record, _ordinal").fetchall()

    def faults(self, mapped: Alone, *columns: str) -> list[tuple[Any, ...]]:
        return self.con.execute(
            f"select {', '.join(columns)} from {mapped.faults} order by _ordinal nulls first, _record, "
            f"column_name, message"
        ).fetchall()


def mapping(*records: dict[str, Any], **file: Any) -> Mapping:
    """A mapping of the partner acme."""
    return Mapping.model_validate(
        {"feed": "acme.test", "partner": "acme", "file": {"format": "delimited", **file}, "record": list(records)}
    )


def snapshot(**fields: Any) -> dict[str, Any]:
    """A record of inventory_snapshot from the columns place, sku, qty; fields given here override."""
    base: dict[str, Any] = {
        "location": "place",
        "as_of": {"constant": "2026-11-01T00:00:00Z"},
        "scope": {"constant": "FULL"},
        "sku": "sku",
        "status": {"constant": "AVAILABLE"},
        "qty": "qty",
    }
    extra = {key: fields.pop(key) for key in ("when", "each") if key in fields}
    key = fields.pop("key", ["place", "sku"])
    return {"type": "inventory_snapshot", "key": key, "fields": base | fields, **extra}


def stock(*rows: tuple[str | None, ...], columns: Sequence[str] = ("place", "sku", "qty")) -> FakeRows:
    """Rows with the columns place, sku, qty."""
    return FakeRows(columns, [dict(zip(columns, row, strict=True)) for row in rows])
