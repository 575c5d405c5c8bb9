"""Questions from people: one SELECT, over the ledger alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import duckdb

from gateway.errors import GatewayError

_REFUSED = ("sqlite_", "ducklake_", "query", "query_table", "read_", "glob", "getenv", "getvariable")
"""Beginnings of functions that reach outside, change something, or run text as SQL."""


def check(con: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Refuse what is not one SELECT over the ledger. Raises GatewayError that says why."""
    row = con.execute("select json_serialize_sql(?)", [sql]).fetchone()
    tree = json.loads(row[0]) if row else {}
    if tree.get("error"):
        raise _refusal(sql, str(tree.get("error_message", "")).split("\n")[0].rstrip("!."))
    if len(tree["statements"]) != 1:
        raise _refusal(sql, f"{len(tree['statements'])} statements")
    for name in _functions(tree):
        if name.lower().startswith(_REFUSED):
            raise _refusal(sql, f"{name} is not allowed here")


def _functions(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("function_name"), str):
            yield node["function_name"]
        for child in node.values():
            yield from _functions(child)
    elif isinstance(node, list):
        for child in node:
            yield from _functions(child)


def _refusal(sql: str, cause: str) -> GatewayError:
    return GatewayError("run query", sql[:80], "Write one SELECT over the ledger's tables and views.", cause)
