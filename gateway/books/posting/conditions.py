"""Expressions of posting rules as SQL, with the named conditions that several rules share."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import takewhile

from gateway.books.posting.sources import columns_of
from gateway.mapping.language.expressions import compile_scalar
from gateway.sql import identifier


def compile_expression(text: str, columns: Collection[str], conditions: Mapping[str, str]) -> str:
    """SQL of an expression over columns; a name of a condition stands for that condition, which may use those above it.

    Raises ExpressionError for what is not allowed, and for unknown names.
    """

    def sql_of(name: str) -> str:
        if name in columns:
            return identifier(name)
        return f"({compile_expression(conditions[name], columns, above(conditions, name))})"

    return compile_scalar(text, {*columns, *conditions}, (), field_sql=sql_of, column_sql=identifier)


def compile_condition(conditions: Mapping[str, str], on: str, name: str) -> str:
    """SQL of one named condition over the columns of a table or derivation."""
    return compile_expression(conditions[name], columns_of(on) or {}, above(conditions, name))


def above(conditions: Mapping[str, str], name: str) -> dict[str, str]:
    """The conditions that stand above one in the file: those that it may use, so that none can lead back to itself."""
    return dict(takewhile(lambda one: one[0] != name, conditions.items()))
