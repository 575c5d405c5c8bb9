"""What is wrong with posting rules, found before anything is posted by them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches

import duckdb

from gateway.books.posting.conditions import compile_expression
from gateway.books.posting.rules import Posting, Rule
from gateway.books.posting.sources import columns_of, known
from gateway.errors import HomeFault
from gateway.mapping.language.expressions import ExpressionError
from gateway.sql import identifier
from gateway.toml_lines import Lines

FILE = "mappings/posting.toml"
_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "DECIMAL")
_KINDS = {"amount": "a number", "date": "a date", "when": "true or false", "document": "a text"}


NEEDED = {"bank_line": ("may_be_payout",)}
"""Conditions that reconciliations ask for."""


def faults(posting: Posting, text: str) -> list[HomeFault]:
    """Every fault of the rules, with the line of `text` (posting.toml) that it stands on."""
    lint = _Lint(Lines(text), posting.conditions)
    with duckdb.connect() as con:
        found = [*lint.names(posting.rule), *lint.missing(), *lint.conditions_of(con)]
        for number, rule in enumerate(posting.rule):
            found += lint.rule(con, number, rule)
    return sorted(found)


class _Lint:
    def __init__(self, lines: Lines, conditions: Mapping[str, Mapping[str, str]]) -> None:
        self.lines, self.conditions = lines, conditions

    def fault(self, path: tuple[str | int, ...], message: str, fix: str) -> HomeFault:
        return HomeFault(FILE, self.lines.of(*path), message, fix)

    def names(self, rules: Sequence[Rule]) -> Iterator[HomeFault]:
        """Names that several rules have: journal lines and the ids of entries carry them."""
        times = Counter(rule.name for rule in rules)
        for number, rule in enumerate(rules):
            if times[rule.name] > 1:
                yield self.fault(
                    ("rule", number, "name"), f"{times[rule.name]} rules have the name {rule.name}", "rename it"
                )

    def missing(self) -> Iterator[HomeFault]:
        """Conditions that are not there and are needed."""
        for on, names in NEEDED.items():
            for name in set(names) - set(self.conditions.get(on, {})):
                message = f"[conditions.{on}] has no {name}, which a reconciliation asks for"
                yield self.fault(("conditions", on), message, f'write {name} = "…" there, an expression over {on}')

    def conditions_of(self, con: duckdb.DuckDBPyConnection) -> Iterator[HomeFault]:
        """Conditions that are wrong by themselves."""
        for on, named in self.conditions.items():
            columns = columns_of(on)
            if columns is None:
                yield self._unknown(("conditions", on), on)
                continue
            for name, text in named.items():
                yield from self._expression(con, ("conditions", on, name), text, columns, "when", {})

    def rule(self, con: duckdb.DuckDBPyConnection, number: int, rule: Rule) -> Iterator[HomeFault]:
        """Faults of one rule."""
        path = ("rule", number)
        columns = columns_of(rule.on)
        if columns is None:
            yield self._unknown((*path, "on"), rule.on)
            return
        shared = self.conditions.get(rule.on, {})
        if rule.class_ and rule.class_ not in columns:
            near = _near(rule.class_, columns)
            yield self.fault(
                (*path, "class"), f'{rule.on} has no column "{rule.class_}"{near}', "name one of its columns"
            )
        for key, text, kind in _expressions(rule):
            yield from self._expression(con, (*path, *key), text, columns, kind, shared)

    def _unknown(self, path: tuple[str | int, ...], on: str) -> HomeFault:
        message = f'there is no table or derivation "{on}"{_near(on, known())}'
        return self.fault(path, message, f"name one of {', '.join(known())}")

    def _expression(
        self,
        con: duckdb.DuckDBPyConnection,
        path: tuple[str | int, ...],
        text: str,
        columns: Mapping[str, str],
        kind: str,
        conditions: Mapping[str, str],
    ) -> Iterator[HomeFault]:
        try:
            sql = compile_expression(text, columns, conditions)
        except ExpressionError as error:
            yield self.fault(path, error.message, error.fix)
            return
        found = _type(con, sql, columns)
        if not _fits(kind, found):
            what = f"the expression gives {_said(found)}, {kind} needs {_KINDS[kind]}"
            yield self.fault(path, what, "write an expression of that kind")


def _expressions(rule: Rule) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
    """(key, expression, kind) of everything that a rule computes."""
    yield ("document",), rule.document, "document"
    yield ("date",), rule.date, "date"
    if rule.when:
        yield ("when",), rule.when, "when"
    if rule.amount:
        yield ("amount",), rule.amount, "amount"
    for place, leg in enumerate(rule.legs):
        yield ("legs", place, "amount"), leg.amount, "amount"


def _type(con: duckdb.DuckDBPyConnection, sql: str, columns: Mapping[str, str]) -> str:
    """SQL type of an expression, or the database's words where it refuses it."""
    listed = ", ".join(f"cast(null as {kind}) as {identifier(name)}" for name, kind in columns.items())
    try:
        row = con.execute(f"select typeof({sql}) from (select {listed})").fetchone()
    except duckdb.Error as error:
        return str(error).split("\n", maxsplit=1)[0]
    return str(row[0]) if row else ""


def _fits(kind: str, found: str) -> bool:
    if kind == "amount":
        return found.startswith(_NUMBERS)
    if kind == "date":
        return found.startswith(("DATE", "TIMESTAMP"))
    if kind == "when":
        return found == "BOOLEAN"
    return "Error" not in found


def _said(found: str) -> str:
    known_kinds = {"VARCHAR": "a text", "BOOLEAN": "true or false", "DATE": "a date", '"NULL"': "nothing"}
    if found.startswith(_NUMBERS):
        return "a number"
    return "a date and time" if found.startswith("TIMESTAMP") else known_kinds.get(found, found)


def _near(name: str, names: Sequence[str] | Mapping[str, str]) -> str:
    near = get_close_matches(name, list(names), n=1)
    return f"; did you mean {near[0]}?" if near else ""
