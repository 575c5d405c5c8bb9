"""Text → typed value, as SQL. The shape is checked before anything is cast, because casts are lenient
(`2025-2-3`, leading blanks, `1_000` and rounding of `1.23456` would pass).

Each function gives an expression that is NULL where the text cannot be read; the caller distinguishes
that from a blank.
"""

from __future__ import annotations

from gateway.mapping.compiler import amounts, dates, written_currencies
from gateway.mapping.language.spec import FieldSpec
from gateway.model import Column
from gateway.sql import one_of, words

RATE = "DECIMAL(24,12)"
"""Prices for a unit and rates, which have more decimals than amounts of money."""

NUMBERS = ("decimal", "rate")
"""Types of numbers with decimals."""

_YES = ("true", "yes", "y", "1")
_NO = ("false", "no", "n", "0")


def type_of(spec: FieldSpec, column: Column | None) -> str:
    """The field's type: as declared, else what the canonical column holds."""
    if spec.type is not None:
        return spec.type
    return "text" if column is None else column.kind


def sql_type(kind: str, column: Column | None) -> str:
    """SQL type of a field of that type."""
    if column is not None:
        return column.type
    return {
        "decimal": "DECIMAL(18,4)",
        "rate": RATE,
        "integer": "BIGINT",
        "date": "DATE",
        "datetime": "TIMESTAMPTZ",
        "boolean": "BOOLEAN",
    }.get(kind, "VARCHAR")


def room(kind: str, column: Column | None) -> amounts.Room:
    """What a number of that kind may hold, in that column."""
    return amounts.room(sql_type(kind, column) if column is None or column.type.startswith("DECIMAL") else "")


def typed(
    kind: str,
    text: str,
    spec: FieldSpec,
    column: Column | None,
    notation: amounts.Notation = "any",
    writing: amounts.Writing = amounts.PLAIN_WRITING,
) -> str:
    """SQL that reads `text` (SQL of trimmed text, NULL where blank) as a value of the kind, in the column's type.

    notation, writing  how numbers are read, and what may be written beside them
    """
    wanted = sql_type(kind, column)
    if kind in ("date", "datetime") and wanted in ("DATE", "TIMESTAMPTZ"):
        return dates.day(text, spec) if wanted == "DATE" else dates.instant(text, spec)
    natural, sql = _natural(kind, text, spec, column, notation, writing)
    if natural == wanted:
        return sql
    if wanted == "VARCHAR":
        return f"cast({sql} as varchar)"
    # Another type than the column's own is taken over only where nothing is lost.
    return f"case when {sql} = try_cast({sql} as {wanted}) then try_cast({sql} as {wanted}) end"


def _natural(
    kind: str, text: str, spec: FieldSpec, column: Column | None, notation: amounts.Notation, writing: amounts.Writing
) -> tuple[str, str]:
    """(SQL type, SQL) of the text as the kind itself."""
    if kind in NUMBERS or (kind == "integer" and spec.scale):
        into = room(kind, column)
        return into.type, amounts.scaled(text, spec, into, notation, writing)
    if kind == "integer":
        whole = (
            f"case when regexp_full_match({text}, '[+-]?[0-9]{{1,18}}') then cast({text} as bigint) "
            f"when regexp_full_match({text}, '[+-]?[0-9]{{1,18}}\\.0+') "
            f"then cast(split_part({text}, '.', 1) as bigint) end"
        )
        return "BIGINT", whole
    if kind in ("date", "datetime"):
        return ("DATE", dates.day(text, spec)) if kind == "date" else ("TIMESTAMPTZ", dates.instant(text, spec))
    if kind == "boolean":
        yes, no = one_of(f"lower({text})", _YES), one_of(f"lower({text})", _NO)
        return "BOOLEAN", f"case when {yes} then true when {no} then false end"
    if kind == "currency":
        code = one_of(f"upper({text})", written_currencies.codes())
        return "VARCHAR", f"case when {code} then upper({text}) else {written_currencies.of_one(text)} end"
    if column is not None and column.values:
        return "VARCHAR", known(text, column.values)
    return "VARCHAR", f"upper({text})" if kind == "code" else text


def known(text: str, values: tuple[str, ...]) -> str:
    """SQL for the one of `values` that the text is, in whatever case; NULL if none."""
    for function, cased in (("upper", str.upper), ("lower", str.lower)):
        if all(value == cased(value) for value in values):
            return f"case when {one_of(f'{function}({text})', values)} then {function}({text}) end"
    cases = " ".join(f"when {words([value.lower()])} then {words([value])}" for value in values)
    return f"case lower({text}) {cases} end"


def steady(sql: str, sql_type: str) -> str:
    """SQL for a value as text that is the same in every session, for keys."""
    return f"cast(epoch_us({sql}) as varchar)" if sql_type == "TIMESTAMPTZ" else f"cast({sql} as varchar)"
