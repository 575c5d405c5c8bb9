"""The two sides of a declared reconciliation as relations of items, checked against the model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import duckdb

from gateway.books.reconcile.registry import Reconciliation, Side
from gateway.errors import first_line
from gateway.mapping.language.expressions import ExpressionError, compile_scalar
from gateway.model import MAPPABLE, TABLES
from gateway.sql import identifier

CARRIED = ("partner", "channel", "file_id", "position")
"""What an item says of where it comes from, where its table does."""


@dataclass(frozen=True, slots=True)
class Items:
    """Relations of a side, a row an item.

    usable    what can be compared: item (a number), record_id, entity, currency, k (null where a part of the key is
              empty), amount, day, document, words and CARRIED; entity and currency are '' where there is none
    unusable  what cannot, with the same columns and `fault`
    """

    usable: str
    unusable: str


def columns_of(source: str) -> dict[str, str] | None:
    """Column → SQL type of a canonical table, None where there is none of that name."""
    table = TABLES.get(source)
    if table is None:
        return None
    return {column.name: column.type for column in table.all_columns}


def relation_of(source: str) -> str:
    """Where the present rows of a table are: of what files bring, those that nothing replaced."""
    return f"{source}_current" if source in MAPPABLE else source


def items(con: duckdb.DuckDBPyConnection, reconciliation: Reconciliation, side: Side, into: str) -> Items:
    """Make the relations of a side's items, numbered in an order that no arrival changes; their names begin with
    `into`."""
    con.execute(f"create or replace temp table {into}_all as {_items_sql(reconciliation, side)}")
    con.execute(f"create or replace temp table {into} as select * exclude (fault) from {into}_all where fault is null")
    con.execute(f"create or replace temp table {into}_unusable as select * from {into}_all where fault is not null")
    return Items(into, f"{into}_unusable")


def _items_sql(reconciliation: Reconciliation, side: Side) -> str:
    """SELECT of every row of a side, with what is wrong with it as `fault`, null where it can be compared.

    What an expression cannot work out of a row is null. A key with an empty part is null, and so never equals another.
    """
    columns = columns_of(side.source) or {}
    given = ", ".join(
        f"{identifier(name) if name in columns else 'cast(null as varchar)'} as {identifier(name)}" for name in CARRIED
    )
    parts = [f"nullif(trim({_tried(side, text, 'varchar')}), '')" for text in side.key]
    key = (
        f"case when {' and '.join(f'{part} is not null' for part in parts)} then concat_ws(chr(31), "
        f"{', '.join(parts)}) end"
    )
    currency = f"nullif(trim({_tried(side, side.currency, 'varchar')}), '')" if reconciliation.unit == "money" else "''"
    words = _tried(side, side.words, "varchar") if side.words else "cast(null as varchar)"
    where = f"where {_sql(side, side.when)}" if side.when else ""
    return f"""with read as (
            select {_record_id(side.source)} as record_id, coalesce({_entity(side.source)}, '') as entity, {given},
                   {key} as k, {currency} as currency, try({_sql(side, side.amount)}) as stated,
                   {_tried(side, side.day, "date")} as day, {_tried(side, side.document, "varchar")} as document,
                   {words} as words
            from {identifier(relation_of(side.source))} {where}),
        summed as ({_summed(side.source)}),
        numbered as (
            select *, try_cast(stated as decimal(18,4)) as amount, row_number() over (
                       partition by {"record_id" if side.source in MAPPABLE else "record_id, k, currency"}
                       order by k, day, stated, document, file_id, "position") as n
            from summed)
        select row_number() over (order by k, day, amount, record_id, document) as item, record_id, entity, partner,
            channel,
               file_id, "position", k, amount, day, words,
               coalesce(document, replace(k, chr(31), ' '), "position", record_id) as document,
               coalesce(currency, '') as currency,
               case when n > 1 then 'it is there twice'
                    when stated is null then 'it has no amount'
                    when amount is null then 'its amount ' || stated || ' is too large'
                    when amount <> stated then 'its amount ' || stated || ' has more than 4 decimals'
                    when currency is null then 'it has no currency' end as fault
        from numbered"""


def _summed(source: str) -> str:
    """What was read; of a derivation, whose rows are what was added to a record, a row a record."""
    if source in MAPPABLE or "record_id" not in (columns_of(source) or {}):
        return "select * from read"
    return """select record_id, entity, partner, channel, min(file_id) as file_id, min("position") as "position", k,
        currency,
                   sum(stated) as stated, min(day) as day, min(document) as document, min(words) as words
            from read group by record_id, entity, partner, channel, k, currency"""


def _record_id(source: str) -> str:
    """SQL of what identifies a row: its record, else all that it holds."""
    columns = columns_of(source) or {}
    if "record_id" in columns:
        return identifier("record_id")
    return f"md5(concat_ws('|', {', '.join(f'cast({identifier(name)} as varchar)' for name in columns)}))"


def _entity(source: str) -> str:
    return "entity" if "entity" in (columns_of(source) or {}) else "cast(null as varchar)"


def _tried(side: Side, text: str, kind: str) -> str:
    return f"cast(try({_sql(side, text)}) as {kind})"


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
    wanted = [
        *(("key", text, "varchar") for text in side.key),
        ("amount", side.amount, "decimal(18,4)"),
        ("day", side.day, "date"),
        ("document", side.document, "varchar"),
    ]
    wanted += [("when", side.when, "boolean")] if side.when else []
    wanted += [("currency", side.currency, "varchar")] if unit == "money" else []
    wanted += [("words", side.words, "varchar")] if side.words else []
    for key, text, kind in wanted:
        try:
            sql = _sql(side, text)
            found = con.execute(f"select typeof({sql}) from (select {listed})").fetchone()
        except ExpressionError as error:
            yield key, error.message, error.fix
        except duckdb.Error as error:
            yield key, first_line(error), "write an expression over the table's columns"
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
