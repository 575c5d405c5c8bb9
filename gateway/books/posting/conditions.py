"""Expressions of posting rules as SQL, with the named conditions that several rules share."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from gateway.books.posting.sources import columns_of
from gateway.mapping.language.expressions import compile_scalar
from gateway.sql import identifier


def compile_expression(text: str, columns: Collection[str], conditions: Mapping[str, str]) -> str:
    """SQL of an expression over columns; a name of a condition stands for that condition.

    Raises ExpressionError for what is not allowed, and for unknown names.
    """

    def sql_of(name: str) -> str:
        if name in columns:
            return identifier(name)
        # A condition is made of columns alone: it cannot name itself.
        return f"({compile_scalar(conditions[name], columns, (), field_sql=identifier, column_sql=identifier)})"

    return compile_scalar(text, {*columns, *conditions}, (), field_sql=sql_of, column_sql=identifier)


def compile_condition(conditions: Mapping[str, str], on: str, name: str) -> str:
    """SQL of one named condition over the columns of a table or derivation."""
    return compile_expression(conditions[name], columns_of(on) or {}, {})
