"""What rows of a file would do to the ledger: which are new, which say what it says already, which change it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb

from gateway.intake.duplicates import Compared
from gateway.intake.taken import Load
from gateway.model import Table
from gateway.sql import identifier, rows_of


def changes(con: duckdb.DuckDBPyConnection, load: Load, compared: Sequence[Compared]) -> dict[str, dict[str, Any]]:
    """Table → what its mapped rows would do, for every table of the mapping, with or without rows.

    new, changed, duplicate  rows
    taken_back               each record that the file does not have any more: position (of the row), record_id
    changes                  each changed row: position, record_id (that it replaces), fields: name → [old, new]
    """
    found: dict[str, dict[str, Any]] = {
        name: {"new": 0, "changed": 0, "duplicate": 0, "taken_back": [], "changes": []} for name in load.mapped.tables
    }
    for one in compared:
        counts = dict(con.execute(f"select state, count(*) from {one.kinds} group by state").fetchall())
        found[one.table.name] |= {
            "new": counts.get("new", 0),
            "changed": counts.get("changed", 0),
            "duplicate": counts.get("same", 0),
            "taken_back": _taken_back(con, one) if one.surplus else [],
            "changes": _changed(con, one) if counts.get("changed") else [],
        }
    return found


def _changed(con: duckdb.DuckDBPyConnection, one: Compared) -> list[dict[str, Any]]:
    names = [column.name for column in one.table.columns if not column.retired]
    rows = rows_of(con, _both(one.table, one.new, names))
    return [
        {
            "position": row["position"],
            "record_id": row["old_id"],
            "fields": {
                name: [row[f"old {name}"], row[f"new {name}"]]
                for name in names
                if row[f"old {name}"] != row[f"new {name}"]
            },
        }
        for row in rows
    ]


def _taken_back(con: duckdb.DuckDBPyConnection, one: Compared) -> list[dict[str, Any]]:
    return list(rows_of(con, f'select "position", old_id as record_id from {one.surplus} order by _ordinal, old_id'))


def _both(table: Table, new: str, names: Sequence[str]) -> str:
    """SELECT of the changed rows, each field as it is and as it would be."""
    fields = ", ".join(
        f"o.{identifier(name)} as {identifier(f'old {name}')}, n.{identifier(name)} as {identifier(f'new {name}')}"
        for name in names
    )
    return f"""select n."position", n.old_id, {fields} from {new} n
        join {identifier(table.present)} o on o.record_id = n.old_id order by n._ordinal"""
