"""The journal lines that a reconciliation ties to: a condition, checked against the model, the chart and the rules."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from fnmatch import fnmatchcase

import duckdb
import sqlglot
from sqlglot import exp

from gateway.books.reconcile.registry import Tie
from gateway.errors import first_line
from gateway.mapping.language.expressions import ExpressionError, compile_scalar
from gateway.model import TABLES
from gateway.nearest import nearest
from gateway.sql import identifier

DERIVED_RULES = "stock-*"
"""The rules that post the value of stock are made of the stock roles; their names begin so."""

_COLUMNS = {column.name: column.type for column in TABLES["journal_line"].columns}


def tie_sql(tie: Tie) -> str:
    """SQL condition of the journal lines. Raises ExpressionError for what is not allowed, and for unknown columns."""
    return compile_scalar(tie.lines, _COLUMNS, (), field_sql=identifier, column_sql=identifier)


def tie_faults(
    con: duckdb.DuckDBPyConnection, tie: Tie, roles: Collection[str], rules: Collection[str]
) -> Iterator[tuple[str, str]]:
    """(what is wrong, the fix) of a tie: no condition, or roles and rules that no journal line can have."""
    listed = ", ".join(f"cast(null as {kind}) as {identifier(name)}" for name, kind in _COLUMNS.items())
    try:
        row = con.execute(f"select typeof({tie_sql(tie)}) from (select {listed})").fetchone()
    except ExpressionError as error:
        yield error.message, error.fix
        return
    except duckdb.Error as error:
        yield first_line(error), "write a condition over the columns of journal_line"
        return
    if row is None or row[0] != "BOOLEAN":
        yield f"the expression gives {row[0] if row else 'nothing'}", "write one that gives true or false"
        return
    for column, known, where in (("role", roles, "chart.toml"), ("rule", [*rules, DERIVED_RULES], "posting.toml")):
        for pattern in sorted(_named(tie.lines, column)):
            if not any(fnmatchcase(name, pattern) or fnmatchcase(pattern, name) for name in known):
                yield f'there is no {column} "{pattern}"{nearest(pattern, known)}', f"name one of mappings/{where}"


def _named(text: str, column: str) -> set[str]:
    """What a condition compares a column with: texts, and patterns of LIKE with * for %."""
    found: set[str] = set()
    for node in sqlglot.parse_one(text, dialect="duckdb").find_all(exp.EQ, exp.NEQ, exp.In, exp.Like):
        sides: Mapping[str, object] = node.args
        compared = [node.this, sides.get("expression"), *node.args.get("expressions", [])]
        if any(isinstance(side, exp.Column) and side.name == column for side in compared):
            texts = [side.name for side in compared if isinstance(side, exp.Literal) and side.is_string]
            found |= (
                {text.replace("%", "*").replace("_", "?") for text in texts} if isinstance(node, exp.Like) else {*texts}
            )
    return found
