"""Questions from people: one SELECT, over the ledger alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import duckdb

from gateway.errors import HouseError
from gateway.ledger.query_functions import ALLOWED

_SOURCES = frozenset(
    {
        "generate_series",
        "json_each",
        "json_tree",
        "range",
        "repeat",
        "snapshots",
        "unnest",
        "duckdb_columns",
        "duckdb_tables",
        "duckdb_views",
    }
)
"""Functions that may stand where a table does. All others are refused: among them are those that read files,
run text as SQL, change the ledger, or take an address in memory."""


def check(con: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Refuse what is not one SELECT over the ledger. Raises HouseError that says why.

    Files named in place of a table are left to the connection, which cannot open them. Addresses are not: one with `..`
    in it would lead out of the ledger's place in its bucket.
    """
    row = con.execute("select json_serialize_sql(?)", [sql]).fetchone()
    try:
        tree = json.loads(row[0]) if row else {}
    except RecursionError:
        raise _refusal(sql, "it is nested too deeply") from None
    if tree.get("error"):
        raise _refusal(sql, str(tree.get("error_message", "")).split("\n")[0].rstrip("!."))
    if len(tree["statements"]) != 1:
        raise _refusal(sql, f"{len(tree['statements'])} statements")
    for node in nodes(tree):
        name = str(node.get("function_name", "")).lower()
        source = str((node.get("function") or {}).get("function_name", "")).lower()
        if name and name not in ALLOWED and name not in _SOURCES:
            raise _refusal(sql, f"{name} is not allowed here")
        # A file's name may be written in two parts: it is put together with a point.
        if any("://" in str(node.get(part, "")) for part in ("catalog_name", "schema_name", "table_name")):
            raise _refusal(sql, "an address is not allowed in place of a table")
        if node.get("type") == "TABLE_FUNCTION" and source not in _SOURCES:
            raise _refusal(sql, f"{source} is not allowed in place of a table")


def tables(con: duckdb.DuckDBPyConnection, text: str) -> list[str]:
    """Names of the tables and views that a SELECT asks, in its order, without its own CTEs."""
    row = con.execute("select json_serialize_sql(?)", [text]).fetchone()
    found = list(nodes(json.loads(row[0]) if row else {}))
    own = {entry["key"] for node in found for entry in node.get("cte_map", {}).get("map", [])}
    asked = sorted(
        (node for node in found if node.get("type") == "BASE_TABLE"), key=lambda node: node["query_location"]
    )
    return [node["table_name"] for node in asked if node["table_name"] not in own]


def nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Every object of a statement that was read as JSON, in no order."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            yield node
            waiting += node.values()
        elif isinstance(node, list):
            waiting += node


def _refusal(sql: str, cause: str) -> HouseError:
    return HouseError("run query", sql[:80], "Write one SELECT over the ledger's tables and views.", cause)
