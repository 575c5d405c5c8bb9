"""Expressions of mapping files and posting rules: SQL scalars from an allow-list.

Parsed by sqlglot and rendered again from the tree: what the user wrote never reaches the database as text.
A bare name is a field, a "quoted name" a source column as text, 'single quotes' hold text.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from difflib import get_close_matches

import sqlglot
from sqlglot import expressions as exp
from sqlglot.errors import SqlglotError

CHARACTERS_MAX = 4_000

FUNCTIONS = frozenset(
    [
        "abs",
        "ceil",
        "coalesce",
        "concat",
        "concat_ws",
        "contains",
        "date_trunc",
        "floor",
        "greatest",
        "if",
        "least",
        "left",
        "length",
        "lower",
        "lpad",
        "ltrim",
        "nullif",
        "regexp_extract",
        "regexp_matches",
        "replace",
        "right",
        "round",
        "rpad",
        "rtrim",
        "sign",
        "split_part",
        "starts_with",
        "strftime",
        "substr",
        "substring",
        "suffix",
        "trim",
        "upper",
        "year",
        "month",
        "day",
    ]
)
AGGREGATES = frozenset(("first", "last", "sum", "min", "max", "count"))
CASTS = frozenset(("DECIMAL", "INT", "BIGINT", "TEXT", "VARCHAR", "DATE"))

_NODES = (
    exp.Literal, exp.Boolean, exp.Null, exp.Paren, exp.Neg, exp.Not, exp.And, exp.Or, exp.Add, exp.Sub, exp.Mul,
    exp.Div, exp.Mod, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Is, exp.In, exp.Between, exp.Like,
    exp.ILike, exp.Case, exp.If, exp.DPipe, exp.Identifier, exp.DataType, exp.DataTypeParam, exp.Tuple,
    exp.NullSafeEQ, exp.NullSafeNEQ, exp.Var,
)  # fmt: skip


class ExpressionError(ValueError):
    """An expression that is not allowed; `message` says why and `mend` what to do."""

    def __init__(self, message: str, mend: str) -> None:
        self.message, self.mend = message, mend
        super().__init__(f"{message}. Mend: {mend}")


def compile_scalar(
    text: str,
    fields: Collection[str],
    columns: Collection[str],
    *,
    field_sql: Callable[[str], str],
    column_sql: Callable[[str], str],
    aggregates: bool = False,
) -> str:
    """The expression as DuckDB SQL, with names put in by `field_sql` and `column_sql`.

    Raises ExpressionError for anything outside the allow-list and for unknown names (with the nearest one).
    An empty `columns` means that source columns are not known yet: every quoted name passes.
    """
    tree = _parse(text)
    _check(tree, aggregates)

    def put(node: exp.Expression) -> exp.Expression:
        if not isinstance(node, exp.Column):
            return node
        name = node.name
        if name == "_ordinal" and aggregates:
            return node
        if node.this.args.get("quoted"):
            if columns and name not in columns:
                raise ExpressionError(f'"{name}" is not a column of the file{_near(name, columns)}', "use its header")
            return _raw(column_sql(name))
        if name not in fields:
            raise ExpressionError(
                f"{name} is not a field{_near(name, fields)}",
                "source columns stand in double quotes, text in single quotes",
            )
        return _raw(field_sql(name))

    return tree.transform(_ordered).transform(put).sql(dialect="duckdb")


def _ordered(node: exp.Expression) -> exp.Expression:
    """first() and last() go by the order of the file and leave blanks out."""
    if not isinstance(node, exp.First | exp.Last):
        return node
    function = "arg_min" if isinstance(node, exp.First) else "arg_max"
    return exp.Anonymous(this=function, expressions=[node.this.copy(), exp.column("_ordinal")])


def names(text: str) -> tuple[set[str], set[str]]:
    """(fields, source columns) that the expression uses. Raises ExpressionError if it cannot be parsed."""
    fields: set[str] = set()
    columns: set[str] = set()
    for node in _parse(text).find_all(exp.Column):
        (columns if node.this.args.get("quoted") else fields).add(node.name)
    return fields, columns


def _parse(text: str) -> exp.Expression:
    if len(text) > CHARACTERS_MAX:
        raise ExpressionError(f"the expression has more than {CHARACTERS_MAX} characters", "split it into helpers")
    try:
        trees = sqlglot.parse(text, dialect="duckdb")
    except SqlglotError as error:
        reason = str(error).split("\n", maxsplit=1)[0]
        raise ExpressionError(f"cannot be read as an expression: {reason}", "check brackets and quotes") from None
    if len(trees) != 1 or trees[0] is None:
        raise ExpressionError("is not one expression", "write a single expression without a semicolon")
    tree = trees[0]
    return tree if isinstance(tree, exp.Expression) else exp.Null()


def _check(tree: exp.Expression, aggregates: bool) -> None:
    for node in tree.walk():
        if isinstance(node, exp.Column):
            if node.args.get("table") is not None:
                raise ExpressionError(f"{node.sql()} has a dot", "put a column name with dots in double quotes")
        elif isinstance(node, exp.Cast | exp.TryCast):
            if node.to.this.name not in CASTS:
                raise ExpressionError(f"cast to {node.to.sql()} is not allowed", f"use one of {_listed(CASTS)}")
        elif isinstance(node, exp.Func) and not isinstance(node, exp.And | exp.Or | exp.Case | exp.If):
            _check_function(node, aggregates)
        elif isinstance(node, exp.Star) and isinstance(node.parent, exp.Count):
            continue
        elif not isinstance(node, _NODES):
            raise ExpressionError(
                f"{type(node).__name__.lower()} is not allowed in an expression", "use scalar functions only"
            )


def _check_function(node: exp.Func, aggregates: bool) -> None:
    rendered = node.sql(dialect="duckdb").split("(", maxsplit=1)[0].strip().lower()
    name = node.name.lower() if isinstance(node, exp.Anonymous) else rendered
    known = FUNCTIONS | (AGGREGATES if aggregates else frozenset())
    if name in known or (node.sql_name().lower() in known):
        return
    if name in AGGREGATES:
        raise ExpressionError(f"{name}() adds up over rows", "it is allowed in tie-outs only")
    raise ExpressionError(f"the function {name}() is not allowed{_near(name, known)}", f"use one of {_listed(known)}")


def _near(name: str, known: Collection[str]) -> str:
    found = get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f'; did you mean "{found[0]}"?' if found else ""


def _listed(known: Collection[str]) -> str:
    return ", ".join(sorted(known))


def _raw(sql: str) -> exp.Expression:
    return exp.Paren(this=sqlglot.parse_one(sql, dialect="duckdb"))
