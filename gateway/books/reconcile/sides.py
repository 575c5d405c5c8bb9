"""The two sides of a declared reconciliation as relations of items, checked against the model."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb

from gateway.books.reconcile.registry import Reconciliation, Side
from gateway.mapping.language.expressions import ExpressionError, compile_scalar
from gateway.model import MAPPABLE, TABLES
from gateway.sql import identifier

COLUMNS = ("record_id", "entity", "partner", "channel", "file_id", "position")
"""What an item says of where it comes from, where its table does."""


def columns_of(source: str) -> dict[str, str] | None:
    """Column → SQL type of a canonical table, None where there is none of that name."""
    table = TABLES.get(source)
    if table is None:
        return None
    return {column.name: column.type for column in table.all_columns}


def relation_of(source: str) -> str:
    """Where the present rows of a table are: of what files bring, those that nothing replaced."""
    return f"{source}_current" if source in MAPPABLE else source


def items(con: duckdb.DuckDBPyConnection, reconciliation: Reconciliation, side: Side, into: str) -> str:
    """Make the relation `into` of a side's items, numbered in an order that no arrival changes; its name."""
    con.execute(f"create or replace temp table {into} as {_items_sql(reconciliation, side)}")
    return into


def _items_sql(reconciliation: Reconciliation, side: Side) -> str:
    columns = columns_of(side.source) or {}
    given = ", ".join(
        f"{identifier(name) if name in columns else 'cast(null as varchar)'} as {identifier(name)}" for name in COLUMNS
    )
    key = ", ".join(f"cast({_sql(side, text)} as varchar)" for text in side.key)
    currency = f"cast({_sql(side, side.currency)} as varchar)" if reconciliation.unit == "money" else "''"
    where = f"where {_sql(side, side.when)}" if side.when else ""
    return f"""select row_number() over (order by k, day, amount, record_id, document) as item, *
        from (select {given}, concat_ws(chr(31), {key}) as k, {currency} as currency,
                     cast({_sql(side, side.amount)} as decimal(18,4)) as amount,
                     cast({_sql(side, side.day)} as date) as day, cast({_sql(side, side.document)} as varchar) as document
              from {identifier(relation_of(side.source))} {where})
        where amount is not null"""


def _sql(side: Side, text: str) -> str:
    columns = columns_of(side.source) or {}
    return compile_scalar(text, columns, (), field_sql=identifier, column_sql=identifier)


def faults_of(con: duckdb.DuckDBPyConnection, side: Side, unit: str) -> Iterator[tuple[str, str, str]]:
    """(key of the block, what is wrong, the fix) of a side. `con` is any connection: the model is what counts."""
    columns = columns_of(side.source)
    if columns is None:
        yield "from", f'there is no table "{side.source}"', f"name one of {', '.join(sorted(TABLES))}"
        return
    listed = ", ".join(f"cast(null as {kind}) as {identifier(name)}" for name, kind in columns.items())
    wanted = [*(("key", text, "varchar") for text in side.key), ("amount", side.amount, "decimal(18,4)"),
              ("day", side.day, "date"), ("document", side.document, "varchar")]  # fmt: skip
    wanted += [("when", side.when, "boolean")] if side.when else []
    wanted += [("currency", side.currency, "varchar")] if unit == "money" else []
    for key, text, kind in wanted:
        try:
            sql = _sql(side, text)
            found = con.execute(f"select typeof({sql}) from (select {listed})").fetchone()
        except ExpressionError as error:
            yield key, error.message, error.fix
        except duckdb.Error as error:
            yield key, str(error).split("\n", maxsplit=1)[0], "write an expression over the table's columns"
        else:
            said = found[0] if found else ""
            if not _fits(kind, said):
                yield key, f"the expression gives {said}", f"write one that gives {_KINDS[kind]}"


_KINDS = {"varchar": "a text", "decimal(18,4)": "a number", "date": "a date", "boolean": "true or false"}


def _fits(kind: str, found: str) -> bool:
    if kind == "decimal(18,4)":
        return found.startswith(("DECIMAL", "BIGINT", "INTEGER", "HUGEINT", "SMALLINT", "TINYINT"))
    if kind == "date":
        return found.startswith(("DATE", "TIMESTAMP"))
    return kind == "varchar" or found == "BOOLEAN"
