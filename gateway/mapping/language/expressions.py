"""Expressions of mapping files and posting rules: SQL scalars from an allow-list.

A bare name is a field, a "quoted name" a source column as text, 'single quotes' hold text. sqlglot parses;
the SQL is written here from the tree, node by node, so what the user wrote never reaches the database as
text and a node that this module does not know cannot pass.

No value of a partner's file can make an expression fail while it runs: casts give empty where a text does
not fit, division by zero is empty, patterns and widths are written out in the mapping.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import lru_cache

from sqlglot import expressions as exp

from gateway import regular_expressions
from gateway.mapping.language import expression_faults
from gateway.mapping.language.functions import AGGREGATES, FUNCTIONS, MONEY
from gateway.mapping.language.grammar import ExpressionError, parse, short
from gateway.mapping.language.money import rounded_money
from gateway.sql import literal

__all__ = ["ExpressionError", "compile_scalar", "names"]

DEPTH_MAX = 100

_NUMBER = re.compile(r"\d{1,30}(\.\d{0,10})?|\.\d{1,10}")
_BINARY: dict[type[exp.Expression], str] = {
    exp.Add: "+",
    exp.Sub: "-",
    exp.DPipe: "||",
    exp.And: "and",
    exp.Or: "or",
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.GT: ">",
    exp.GTE: ">=",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.NullSafeEQ: "is not distinct from",
    exp.NullSafeNEQ: "is distinct from",
}
_LIKE: dict[type[exp.Expression], str] = {exp.Like: "like", exp.ILike: "ilike"}
_TYPES = {"INT": "bigint", "BIGINT": "bigint", "TEXT": "varchar", "VARCHAR": "varchar", "DATE": "date"}
_CASTS = "decimal(18,4), decimal(24,12), integer, text or date"
_SAID = {
    "Select": "a query",
    "In": "a query in `in (…)`",
    "Is": "`is` with anything but null, true or false",
    "Between": "`between symmetric`",
    "ByteString": "an escaped text",
    "RawString": "text between dollar signs",
    "Subquery": "a query",
    "Exists": "a query",
    "Union": "a query",
    "Lambda": "a lambda",
    "Placeholder": "a parameter",
    "Parameter": "a parameter",
    "SessionParameter": "a parameter",
    "Window": "a window function",
    "Struct": "a structure",
    "Bracket": "an index in [ ]",
    "Array": "a list",
    "Star": "the star",
    "Alias": "a name given with `as`",
    "Tuple": "a list in brackets",
    "Interval": "an interval",
    "RegexpLike": "the operator ~",
    "IntDiv": "the operator //",
    "Pow": "the operator **",
    "Escape": "`escape`",
    "PositionalColumn": "a column by its number",
    "Collate": "`collate`",
    "Dot": "a name with a dot",
    "PropertyEQ": "an assignment",
    "JSONExtract": "the arrow ->",
    "Filter": "`filter`",
    "Distinct": "`distinct`",
}


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

    An empty `columns` means that source columns are not known yet: every quoted name passes. With
    `aggregates` every name must stand inside an aggregate; first() and last() go by `_ordinal`.
    Raises ExpressionError for anything outside the allow-list and for unknown names (with the nearest one).
    """
    return _Writer(fields, columns, field_sql, column_sql, aggregates).write(parse(text))


@lru_cache(maxsize=4_096)
def names(text: str) -> tuple[frozenset[str], frozenset[str]]:
    """(fields, source columns) that the expression uses. Raises ExpressionError if it cannot be parsed."""
    fields: set[str] = set()
    columns: set[str] = set()
    for node in parse(text).find_all(exp.Column):
        (columns if node.this.args.get("quoted") else fields).add(node.name)
    return frozenset(fields), frozenset(columns)


@dataclass
class _Writer:
    """Writes SQL for the nodes that are allowed."""

    fields: Collection[str]
    columns: Collection[str]
    field_sql: Callable[[str], str]
    column_sql: Callable[[str], str]
    aggregates: bool
    inside: str = ""
    depth: int = 0

    def write(self, node: exp.Expression) -> str:
        """SQL of one node, in brackets where its parts could bind otherwise."""
        if self.depth >= DEPTH_MAX:
            raise ExpressionError("the expression is nested too deeply", "split it into helper fields")
        self.depth += 1
        try:
            return self._node(node)
        finally:
            self.depth -= 1

    def _node(self, node: exp.Expression) -> str:
        operator = _BINARY.get(type(node))
        if operator is not None:
            return f"({self.write(node.this)} {operator} {self.write(node.expression)})"
        if type(node) in _LIKE:
            return self._like(node)
        if isinstance(node, exp.Literal):
            return self._literal(node)
        if isinstance(node, exp.Column):
            return self._name(node)
        if isinstance(node, exp.Anonymous):
            return self._call(node)
        if isinstance(node, exp.Cast):
            return f"try_cast({self.write(node.this)} as {_type(node)})"
        if isinstance(node, exp.Paren):
            return self.write(node.this)
        return self._syntax(node)

    def _syntax(self, node: exp.Expression) -> str:
        """The nodes with a syntax of their own."""
        if isinstance(node, exp.Null):
            return "null"
        if isinstance(node, exp.Boolean):
            return "true" if node.this else "false"
        if isinstance(node, exp.Not | exp.Neg):
            return f"({'not' if isinstance(node, exp.Not) else '-'} {self.write(node.this)})"
        if isinstance(node, exp.Mul):
            # Two DECIMAL(18,4) multiply within 18 digits, which overflows at ten thousand million: widen first.
            return f"({self.write(node.this)} * 1::decimal(38,0) * {self.write(node.expression)})"
        if isinstance(node, exp.Div):
            # Division is in floating point in the database: brought back to an exact number at once.
            divided = f"{self.write(node.this)} / nullif({self.write(node.expression)}, 0)"
            return f"try_cast({divided} as decimal(38,10))"
        if isinstance(node, exp.Mod):
            return f"({self.write(node.this)} % nullif({self.write(node.expression)}, 0))"
        if isinstance(node, exp.Between) and not node.args.get("symmetric"):
            low, high = self.write(node.args["low"]), self.write(node.args["high"])
            return f"({self.write(node.this)} between {low} and {high})"
        if isinstance(node, exp.Is) and isinstance(node.expression, exp.Null | exp.Boolean):
            return f"({self.write(node.this)} is {self.write(node.expression)})"
        if isinstance(node, exp.In) and node.expressions and not node.args.get("query"):
            return f"({self.write(node.this)} in ({self._listed(node.expressions)}))"
        if isinstance(node, exp.Case):
            return self._case(node)
        if isinstance(node, exp.BitwiseAnd):
            raise ExpressionError("& does not join texts here", "write || between them, or `and` between conditions")
        kind = type(node).__name__
        raise ExpressionError(
            f"{_SAID.get(kind, f'`{kind.lower()}`')} is not allowed in an expression",
            "use fields, \"source columns\", 'text', numbers, comparisons and the functions of docs/mapping.md",
        )

    def _like(self, node: exp.Expression) -> str:
        """The database tries every place for each `%` where the pattern has a `_`, which takes hours for a long
        text."""
        operator, pattern = _LIKE[type(node)], node.expression
        if not (isinstance(pattern, exp.Literal) and pattern.is_string):
            raise ExpressionError(f"the pattern of `{operator}` must be written out", "as in sku like 'A%'")
        text = self.write(node.this)
        if "_" not in pattern.name or pattern.name.count("%") < 2:
            return f"({text} {operator} {self._literal(pattern)})"
        flags = "'i'" if operator == "ilike" else "''"
        return f"regexp_full_match({text}, {literal(regular_expressions.of_like(pattern.name))}, {flags})"

    def _listed(self, nodes: Collection[exp.Expression]) -> str:
        return ", ".join(self.write(node) for node in nodes)

    def _literal(self, node: exp.Literal) -> str:
        if node.is_string:
            if "\x00" in node.name:
                raise ExpressionError("a text has a NUL character", "remove it")
            return literal(node.name)
        if not _NUMBER.fullmatch(node.name):
            raise ExpressionError(
                f"{node.name} is not a number that can be used", "write digits with a decimal point: 1234.50"
            )
        return str(node.name)

    def _name(self, node: exp.Column) -> str:
        name = node.name
        if node.args.get("table") is not None or isinstance(node.this, exp.Star):
            raise ExpressionError(
                f"{short(node.sql(dialect='duckdb', comments=False))} is not a name",
                'put a column name with dots in one pair of double quotes: "a.b"',
            )
        if self.aggregates and not self.inside:
            shown = f'"{name}"' if node.this.args.get("quoted") else name
            raise ExpressionError(
                f"{shown} has a value in each row, but one figure is wanted", f"write first({shown}) or sum({shown})"
            )
        if node.this.args.get("quoted"):
            if self.columns and name not in self.columns:
                raise expression_faults.no_column(name, self.fields, self.columns)
            return self.column_sql(name)
        if name not in self.fields:
            raise expression_faults.no_field(name, self.fields, self.columns)
        return self.field_sql(name)

    def _call(self, node: exp.Anonymous) -> str:
        name = str(node.this).lower()
        if name in AGGREGATES and self.aggregates:
            return self._aggregate(name, node)
        function = FUNCTIONS.get(name)
        if function is None:
            raise expression_faults.no_function(name, self.aggregates)
        expression_faults.check_arguments(name, function, node.expressions)
        if function.sql == MONEY:
            return rounded_money(*map(self.write, node.expressions))
        return f"{function.sql}({self._listed(node.expressions)})"

    def _aggregate(self, name: str, node: exp.Anonymous) -> str:
        if self.inside:
            raise ExpressionError(f"{name}() is inside {self.inside}()", "add up once")
        function, arguments = AGGREGATES[name], node.expressions
        if name == "count" and (not arguments or isinstance(arguments[0], exp.Star)):
            return "count(*)"
        expression_faults.check_arguments(name, function, arguments)
        distinct = ""
        argument = arguments[0]
        if isinstance(argument, exp.Distinct) and name == "count" and len(argument.expressions) == 1:
            distinct, argument = "distinct ", argument.expressions[0]
        self.inside = name
        try:
            inner = self.write(argument)
        finally:
            self.inside = ""
        return f"{function.sql}({inner}, _ordinal)" if name in ("first", "last") else f"{name}({distinct}{inner})"

    def _case(self, node: exp.Case) -> str:
        parts = ["case"]
        if node.this is not None:
            parts.append(self.write(node.this))
        for branch in node.args["ifs"]:
            parts.append(f"when {self.write(branch.this)} then {self.write(branch.args['true'])}")
        if node.args.get("default") is not None:
            parts.append(f"else {self.write(node.args['default'])}")
        return " ".join(parts) + " end"


def _type(node: exp.Cast) -> str:
    kind = node.to
    # A plain `decimal` comes from the parser as decimal(18,3); the fourth decimal must never be lost.
    parameters = [parameter.name for parameter in kind.expressions]
    if kind.this.name == "DECIMAL" and parameters in ([], ["18", "3"], ["18", "4"]):
        return "decimal(18,4)"
    if kind.this.name == "DECIMAL" and parameters == ["24", "12"]:
        return "decimal(24,12)"
    if kind.this.name in _TYPES and not parameters:
        return _TYPES[kind.this.name]
    raise ExpressionError(f"a value cannot be cast to {kind.sql(dialect='duckdb').lower()} here", f"cast to {_CASTS}")
