"""Two ledgers compared: files, rows, journal, stock and exceptions, each where they differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import duckdb

from gateway.model import MAPPABLE
from gateway.sql import identifier, literal

Key = tuple[str, ...]
Values = tuple[Any, ...]
Snapshot = Mapping[str, Mapping[Key, Values]]


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the ledger that is compared: what names a row of it, what the row says, and its SELECT."""

    keys: tuple[str, ...]
    values: tuple[str, ...]
    sql: str


def _records() -> str:
    """SELECT of the rows that hold of each table and feed: how many, and a sum of their contents."""
    parts = []
    for name, table in MAPPABLE.items():
        own = ", ".join(identifier(column.name) for column in table.columns if not column.retired)
        parts.append(
            f"""select {literal(name)} as "table", feed, count(*) as n, sum(hash({own})::hugeint) as content
            from {identifier(table.present)} group by feed"""
        )
    return f'select "table", feed, n, content from ({" union all ".join(parts)})'


PARTS = {
    "files": Part(
        ("partner", "file", "feed"),
        ("state", "rejected", "reason"),
        # The reason of a released file is in the words of the person who released it, and says nothing of its rows.
        """select partner, name, feed, state, rejected, if(state = 'RELEASED', '', reason) as reason from file
        where state <> 'DUPLICATE' qualify row_number() over (
            partition by partner, name, feed order by arrived_at desc, file_id, version desc) = 1""",
    ),
    "rows": Part(("table", "feed"), ("rows", "content"), _records()),
    "journal": Part(
        ("entity", "account", "role", "currency"),
        ("lines", "debit", "credit", "balance"),
        """select entity, account, role, currency, count(*), sum(debit), sum(credit), sum(debit) - sum(credit)
        from journal_line group by all""",
    ),
    "stock": Part(
        ("entity", "location", "sku", "status"), ("qty",), "select entity, location, sku, status, qty from stock"
    ),
    "exceptions": Part(
        ("code", "business_key", "entity"),
        ("message",),
        "select code, business_key, coalesce(entity, ''), message from exception where status = 'OPEN'",
    ),
}


@dataclass(frozen=True, slots=True)
class Difference:
    """A row of a part that differs: before and after by name of the value, None where the row is not there."""

    part: str
    key: dict[str, str]
    before: dict[str, Any] | None
    after: dict[str, Any] | None


def snapshot(con: duckdb.DuckDBPyConnection) -> Snapshot:
    """All that is compared of a ledger: part → key → values."""
    found: dict[str, dict[Key, Values]] = {}
    for name, part in PARTS.items():
        width = len(part.keys)
        rows = con.execute(part.sql).fetchall()
        found[name] = {tuple(str(one) for one in row[:width]): tuple(row[width:]) for row in rows}
    return found


def differences(before: Snapshot, after: Snapshot) -> Iterator[Difference]:
    """What differs, part by part, in the order of its keys."""
    for name, part in PARTS.items():
        for key in sorted(before[name].keys() | after[name].keys()):
            old, new = before[name].get(key), after[name].get(key)
            if old != new:
                named = dict(zip(part.keys, key, strict=True))
                yield Difference(name, named, _named(part, old), _named(part, new))


def _named(part: Part, values: Values | None) -> dict[str, Any] | None:
    return None if values is None else dict(zip(part.values, values, strict=True))
