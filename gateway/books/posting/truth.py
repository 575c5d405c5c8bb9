"""Whether a condition can be true at all, and whether one condition includes another.

A column that is compared with constants takes each value that makes a difference. Whatever else a condition asks
(`like`, functions, sums, other columns) may come out either way. So what is found here is certain, and what is not
certain counts as possible. Logic is SQL's: true, false, and null for unknown.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise, product
from math import prod
from typing import Any

from sqlglot import expressions as exp

from gateway.mapping.language.grammar import parse

STATES_MAX = 20_000
"""Combinations of values that are looked at; a condition with more counts as possible."""

_ORDERED: dict[type[exp.Expression], Callable[[Any, Any], bool]] = {
    exp.GT: operator.gt,
    exp.GTE: operator.ge,
    exp.LT: operator.lt,
    exp.LTE: operator.le,
}
_EQUAL = (exp.EQ, exp.NEQ, exp.NullSafeEQ, exp.NullSafeNEQ)

State = Mapping[str, Any]
Answer = Callable[[State], Any]
"""Value of an expression in a state: of each column, and of each question that is not followed."""


@dataclass(frozen=True, slots=True)
class Domain:
    """What a column may hold: `kind` is number, text, flag or other; `values` all texts if they are known."""

    kind: str
    values: tuple[str, ...] = ()
    always_null: bool = False


class _UnfollowedError(Exception):
    """A question whose answer does not follow from the values that are looked at."""


@dataclass(slots=True)
class Truth:
    """Conditions over the same columns. `conditions` are those that have a name."""

    domains: Mapping[str, Domain]
    conditions: Mapping[str, str]
    compared: dict[str, set[Any]] = field(default_factory=dict)
    free: set[str] = field(default_factory=set)

    def never(self, text: str) -> bool:
        """Whether no record can meet the condition."""
        answer = self._answer(parse(text))
        states = self._states()
        return states is not None and not any(answer(state) is True for state in states)

    def includes(self, wide: str, narrow: str) -> bool:
        """Whether each record that meets `narrow` meets `wide` as well."""
        outer, inner = self._answer(parse(wide)), self._answer(parse(narrow))
        states = self._states()
        return states is not None and all(outer(state) is True for state in states if inner(state) is True)

    def strangers(self, text: str) -> Iterator[tuple[str, str]]:
        """(column, text): comparisons with a text that the column never holds."""
        for node in parse(text).find_all(*_EQUAL, exp.In):
            sides = [node.this, *node.expressions] if isinstance(node, exp.In) else [node.this, node.expression]
            for side in sides:
                column, named = _plain(side)
                values = self.domains[column].values if column in self.domains else ()
                for other in sides if values else ():
                    if isinstance(other, exp.Literal) and other.is_string and other.name not in (*values, *named):
                        yield column, other.name

    def _states(self) -> Iterator[State] | None:
        """Every combination of values, None where there are too many."""
        choices = {name: self._choices(self.domains[name], asked) for name, asked in self.compared.items()}
        choices |= {question: [True, False, None] for question in self.free}
        if prod(map(len, choices.values())) > STATES_MAX:
            return None
        return (dict(zip(choices, combination, strict=True)) for combination in product(*choices.values()))

    def _choices(self, domain: Domain, asked: set[Any]) -> list[Any]:
        if domain.always_null:
            return [None]
        if domain.kind == "number":
            ordered = sorted(asked)
            between = [(low + high) / 2 for low, high in pairwise(ordered)]
            beyond = [ordered[0] - 1, ordered[-1] + 1] if ordered else [Decimal(0)]
            return [None, *ordered, *between, *beyond]
        if domain.kind == "flag":
            return [None, True, False]
        # The last one stands for every text that the condition does not name.
        return [None, *domain.values] if domain.values else [None, *sorted(asked), "".join(sorted(asked)) + "…"]

    # --- questions ------------------------------------------------------------------------------------

    def _answer(self, node: exp.Expression) -> Answer:
        if isinstance(node, exp.Paren):
            return self._answer(node.this)
        if isinstance(node, exp.Boolean):
            return lambda _: node.this
        if isinstance(node, exp.Not):
            return _not(self._answer(node.this))
        if isinstance(node, exp.And | exp.Or):
            left, right = self._answer(node.this), self._answer(node.expression)
            return _and(left, right) if isinstance(node, exp.And) else _not(_and(_not(left), _not(right)))
        if isinstance(node, exp.Column) and node.name not in self.domains and node.name in self.conditions:
            return self._answer(parse(self.conditions[node.name]))
        try:
            return self._comparison(node)
        except _UnfollowedError:
            question = node.sql(dialect="duckdb")
            self.free.add(question)
            return lambda state: state[question]

    def _comparison(self, node: exp.Expression) -> Answer:
        if isinstance(node, exp.Column) and self._domain(node).kind == "flag":
            return self._value(node, [])
        if isinstance(node, exp.Is) and isinstance(node.expression, exp.Null):
            value = self._value(node.this, [])
            return lambda state: value(state) is None
        if isinstance(node, exp.In) and node.expressions and not node.args.get("query"):
            return _any([self._compared(exp.EQ, node.this, one) for one in node.expressions])
        if isinstance(node, exp.Between) and not node.args.get("symmetric"):
            low = self._compared(exp.GTE, node.this, node.args["low"])
            return _and(low, self._compared(exp.LTE, node.this, node.args["high"]))
        if type(node) in _EQUAL or type(node) in _ORDERED:
            return self._compared(type(node), node.this, node.expression)
        raise _UnfollowedError

    def _compared(self, kind: type[exp.Expression], one: exp.Expression, other: exp.Expression) -> Answer:
        """A comparison of one column with constants of its kind."""
        columns = {column.name: self._domain(column) for side in (one, other) for column in side.find_all(exp.Column)}
        if len(columns) != 1:
            raise _UnfollowedError
        [(name, domain)] = columns.items()
        if domain.kind == "other" or (kind in _ORDERED and domain.kind != "number"):
            raise _UnfollowedError
        constants: list[Any] = []
        left, right = self._value(one, constants), self._value(other, constants)
        wanted = {"number": Decimal, "text": str, "flag": bool}[domain.kind]
        known = {constant for constant in constants if constant is not None}
        if not all(isinstance(constant, wanted) for constant in known):
            raise _UnfollowedError
        self.compared[name] |= known
        return _compare(kind, left, right)

    def _value(self, node: exp.Expression, constants: list[Any]) -> Answer:
        """A column, a constant, or `coalesce` of them."""
        if isinstance(node, exp.Paren):
            return self._value(node.this, constants)
        if isinstance(node, exp.Column):
            self._domain(node)
            self.compared.setdefault(node.name, set())
            return lambda state: state[node.name]
        if isinstance(node, exp.Anonymous) and str(node.this).lower() == "coalesce":
            parts = [self._value(part, constants) for part in node.expressions]
            return lambda state: next((value for part in parts if (value := part(state)) is not None), None)
        constant = _constant(node)
        constants.append(constant)
        return lambda _: constant

    def _domain(self, node: exp.Column) -> Domain:
        if node.name not in self.domains:
            raise _UnfollowedError
        return self.domains[node.name]


def _plain(node: exp.Expression) -> tuple[str, list[str]]:
    """(column, texts that stand for null) of a column or `coalesce` of one; ("", []) of anything else."""
    if isinstance(node, exp.Paren):
        return _plain(node.this)
    if isinstance(node, exp.Column):
        return node.name, []
    if isinstance(node, exp.Anonymous) and str(node.this).lower() == "coalesce":
        columns = [part.name for part in node.expressions if isinstance(part, exp.Column)]
        texts = [part.name for part in node.expressions if isinstance(part, exp.Literal)]
        if len(columns) == 1 and len(columns) + len(texts) == len(node.expressions):
            return columns[0], texts
    return "", []


def _constant(node: exp.Expression) -> Any:
    if isinstance(node, exp.Null):
        return None
    if isinstance(node, exp.Neg) and isinstance(node.this, exp.Literal) and not node.this.is_string:
        return -Decimal(node.this.name)
    if isinstance(node, exp.Literal):
        return node.name if node.is_string else Decimal(node.name)
    if isinstance(node, exp.Boolean):
        return bool(node.this)
    raise _UnfollowedError


def _compare(kind: type[exp.Expression], left: Answer, right: Answer) -> Answer:
    def answer(state: State) -> bool | None:
        one, other = left(state), right(state)
        if kind in (exp.NullSafeEQ, exp.NullSafeNEQ):
            return (one == other) is (kind is exp.NullSafeEQ)
        if one is None or other is None:
            return None
        if kind in _ORDERED:
            return _ORDERED[kind](one, other)
        return (one == other) is (kind is exp.EQ)

    return answer


def _not(part: Answer) -> Answer:
    def answer(state: State) -> bool | None:
        value = part(state)
        return None if value is None else not value

    return answer


def _and(left: Answer, right: Answer) -> Answer:
    def answer(state: State) -> bool | None:
        values = (left(state), right(state))
        return False if False in values else None if None in values else True

    return answer


def _any(parts: list[Answer]) -> Answer:
    def answer(state: State) -> bool | None:
        values = [part(state) for part in parts]
        return True if True in values else None if None in values else False

    return answer
