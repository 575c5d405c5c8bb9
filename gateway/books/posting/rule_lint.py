"""What is wrong with posting rules, found before anything is posted by them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import chain, pairwise

import duckdb

from gateway.books.posting.conditions import above, compile_expression
from gateway.books.posting.rules import NOTHING, Posting, Rule, StockRoles, StockRule
from gateway.books.posting.sources import NUMBERS, columns_of, domains_of, known
from gateway.books.posting.truth import Domain, Truth
from gateway.errors import HomeFault, first_line
from gateway.mapping.language.expressions import ExpressionError, names
from gateway.model.status import MOVING, ON_HAND, OUTSIDE, STATUSES
from gateway.nearest import listed, nearest
from gateway.sql import identifier
from gateway.toml_lines import Lines

FILE = "mappings/posting.toml"
SUSPENSE = "suspense"
"""Role of a class that a rule does not name."""
_KINDS = {"amount": "a number", "date": "a date", "when": "true or false", "document": "a text"}
Path = tuple[str | int, ...]


NEEDED = {"bank_line": ("may_be_payout", "is_payment")}
"""Conditions that reconciliations ask for."""

ADDED = {"bank_line": ("is_payment",)}
"""Those of them that homes lack that were laid down before."""


def faults(posting: Posting, text: str, roles: Collection[str]) -> list[HomeFault]:
    """Every fault of the rules, with the line of `text` (posting.toml) that it stands on.

    `roles` are those that have an account in the chart.
    """
    lint = _Lint(Lines(text), posting.conditions, roles)
    found = [*lint.names(posting.rule), *lint.missing(), *lint.stock(posting.stock)]
    with duckdb.connect() as con:
        conditions = list(lint.conditions_of(con))
        of_rules = [list(lint.rule(con, number, rule)) for number, rule in enumerate(posting.rule)]
    found += [*conditions, *chain.from_iterable(of_rules)]
    # What a rule means can be asked only where every expression of it is right.
    right = [(number, rule) for number, rule in enumerate(posting.rule) if not of_rules[number] and not conditions]
    found += [*lint.unreachable(right), *lint.twice(right)]
    if not conditions:
        found += lint.empty_conditions()
    return sorted(found)


class _Lint:
    def __init__(self, lines: Lines, conditions: Mapping[str, Mapping[str, str]], roles: Collection[str]) -> None:
        self.lines, self.conditions, self.roles = lines, conditions, roles

    def fault(self, path: Path, message: str, fix: str) -> HomeFault:
        return HomeFault(FILE, self.lines.of(*path), message, fix)

    def names(self, rules: Sequence[Rule]) -> Iterator[HomeFault]:
        """Rules of one name, which journal lines carry: each must begin on the day after the one before it ended."""
        named: dict[str, list[int]] = {}
        for number, rule in enumerate(rules):
            named.setdefault(rule.name, []).append(number)
        for name, numbers in named.items():
            ordered = sorted(numbers, key=lambda number: rules[number].valid_from or date.min)
            for before, number in pairwise(ordered):
                yield from self._follows(name, rules[before], number, rules[number])

    def _follows(self, name: str, before: Rule, number: int, rule: Rule) -> Iterator[HomeFault]:
        path: Path = ("rule", number, "valid_from" if rule.valid_from else "name")
        if before.on != rule.on:
            yield self.fault(path, f"two rules on {before.on} and {rule.on} have the name {name}", "rename one of them")
        elif before.holds_beside(rule):
            message = f"two rules have the name {name} and hold on the same days"
            fix = "rename one of them, or let `valid_to` of the earlier one end before `valid_from` of this one"
            yield self.fault(path, message, fix)
        elif before.valid_to and rule.valid_from and rule.valid_from - before.valid_to > timedelta(days=1):
            message = (
                f"no rule {name} holds between {before.valid_to} and {rule.valid_from}, so that nothing posts then"
            )
            yield self.fault(path, message, "begin on the day after the earlier one has ended, or rename it")

    def missing(self) -> Iterator[HomeFault]:
        """Conditions that are not there and are needed."""
        for on, wanted in NEEDED.items():
            for name in set(wanted) - set(self.conditions.get(on, {})):
                message = f"[conditions.{on}] has no {name}, which a reconciliation asks for"
                yield self.fault(("conditions", on), message, f'write {name} = "…" there, an expression over {on}')

    def conditions_of(self, con: duckdb.DuckDBPyConnection) -> Iterator[HomeFault]:
        """Conditions that are wrong by themselves. One may use those above it."""
        for on, named in self.conditions.items():
            columns = columns_of(on)
            if columns is None:
                yield self._unknown(("conditions", on), on)
                continue
            for name, text in named.items():
                path = ("conditions", on, name)
                if name in columns:
                    yield self.fault(
                        path, f"{on} has a column {name}, which is meant wherever {name} stands", "rename it"
                    )
                yield from self._expression(con, path, text, on, "when", above(named, name))

    def rule(self, con: duckdb.DuckDBPyConnection, number: int, rule: Rule) -> Iterator[HomeFault]:
        """Faults of the rule with this number in posting.toml, each with its line."""
        path = ("rule", number)
        columns = columns_of(rule.on)
        if columns is None:
            yield self._unknown((*path, "on"), rule.on)
            return
        if "currency" not in columns:
            message = f"{rule.on} has no currency, so that no entry can be made of it"
            yield self.fault((*path, "on"), message, f"name one of {', '.join(known())}")
            return
        yield from self._roles(path, rule)
        yield from self._classes(path, rule, columns)
        for key, text, kind in _expressions(rule):
            yield from self._expression(con, (*path, *key), text, rule.on, kind, self.conditions.get(rule.on, {}))

    def _roles(self, path: Path, rule: Rule) -> Iterator[HomeFault]:
        """Roles without an account, and pairs that come to nothing."""
        pairs: list[tuple[Path, str, str]] = [((), rule.debit, rule.credit)]
        pairs += [(("legs", place), leg.debit, leg.credit) for place, leg in enumerate(rule.legs)]
        for key, debit, credit in pairs:
            for side, role in (("debit", debit), ("credit", credit)):
                if role:
                    yield from self.role((*path, *key, side), role)
            if debit and debit == credit:
                message = f"debits and credits {debit}, so that it posts nothing"
                yield self.fault((*path, *key, "credit"), message, "name another role")

    def _classes(self, path: Path, rule: Rule, columns: Mapping[str, str]) -> Iterator[HomeFault]:
        if not rule.class_:
            return
        if rule.class_ not in columns:
            message = f'{rule.on} has no column "{rule.class_}"{nearest(rule.class_, columns)}'
            yield self.fault((*path, "class"), message, "name one of its columns")
            return
        values = domains_of(rule.on)[rule.class_].values
        for name, role in rule.classes.items():
            if values and name not in values:
                message = f'{rule.class_} is never "{name}"{nearest(name, values)}'
                yield self.fault((*path, "classes", name), message, f"name one of {listed(values, 40)}")
            if role != NOTHING:
                yield from self.role((*path, "classes", name), role)
            if role == rule.debit:
                message = f"debits and credits {role}, so that it posts nothing"
                yield self.fault((*path, "classes", name), message, f'name another role, or "{NOTHING}"')
        yield from self.role((*path, "classes"), SUSPENSE)

    def stock(self, stock: StockRoles) -> Iterator[HomeFault]:
        """Roles of stock without an account, names that do not exist, and rules that never count."""
        for table, named in (("roles", stock.roles), ("opening", stock.opening)):
            for status, role in named.items():
                path = ("stock", table, status)
                yield from self.role(path, role)
                yield from self._one_of(path, "status", status, STATUSES)
        yield from self._written_off(stock)
        for number, rule in enumerate(stock.rule):
            yield from self._stock_rule(("stock", "rule", number), rule)
            for before, other in enumerate(stock.rule[:number]):
                if other.hides(rule):
                    message = f"never counts, since rule {before + 1} asks for the same and stands above it"
                    fix = "remove one of them, or name more in this one"
                    yield self.fault(("stock", "rule", number, "reason" if rule.reason else "role"), message, fix)

    def _stock_rule(self, path: Path, rule: StockRule) -> Iterator[HomeFault]:
        types = domains_of("inventory_movement")["type"].values
        yield from self.role((*path, "role"), rule.role)
        yield from self._one_of((*path, "status"), "status outside of our stock", rule.status, OUTSIDE)
        yield from self._one_of((*path, "type"), "kind of movement", rule.type, ("", *types))
        yield from self._one_of((*path, "other"), "status", rule.other, ("", *STATUSES))
        if not rule.named:
            fix = "name its `type`, `reason` or `other`; or change [stock.roles], which holds for all movements"
            yield self.fault((*path, "role"), "names no movement that it is for", fix)

    def _one_of(self, path: Path, what: str, name: str, names: Sequence[str]) -> Iterator[HomeFault]:
        if name not in names:
            message = f'there is no {what} "{name}"{nearest(name, names)}'
            yield self.fault(path, message, f"name one of {listed(list(filter(None, names)), 40)}")

    def _written_off(self, stock: StockRoles) -> Iterator[HomeFault]:
        """Statuses that are not on hand, or whose role holds the value of others: it would be taken for theirs."""
        for place, status in enumerate(stock.written_off):
            path = ("stock", "written_off", place)
            yield from self._one_of(path, "status on hand", status, ON_HAND)
            for holder in (*ON_HAND, *MOVING):
                if holder not in stock.written_off and stock.roles[holder] == stock.roles.get(status):
                    message = f"{status} is written off, but its role {stock.roles[holder]} holds the value of {holder}"
                    yield self.fault(path, message, f"give {status} the role of an expense in [stock.roles]")
                    break

    def role(self, path: Path, role: str) -> Iterator[HomeFault]:
        """The fault of a role that has no account."""
        if role not in self.roles:
            message = f'the role "{role}" has no account in mappings/chart.toml{nearest(role, self.roles)}'
            yield self.fault(
                path, message, f'name a role of the chart, or add {role} = {{ number = "…", name = "…" }} there'
            )

    def unreachable(self, rules: Sequence[tuple[int, Rule]]) -> Iterator[HomeFault]:
        """Rules whose condition no record can meet."""
        for number, rule in rules:
            if rule.when and self._truth(rule.on).never(rule.when):
                message = f"no record of {rule.on} can meet this, so that the rule never posts"
                yield self.fault(("rule", number, "when"), message, "correct the condition, or remove the rule")

    def empty_conditions(self) -> Iterator[HomeFault]:
        """Named conditions that no record can meet."""
        for on, named in self.conditions.items():
            for name, text in named.items():
                if self._truth(on).never(text):
                    message = f"no record of {on} can meet {name}"
                    yield self.fault(("conditions", on, name), message, "correct it, or remove it")

    def twice(self, rules: Sequence[tuple[int, Rule]]) -> Iterator[HomeFault]:
        """Rules that post what another rule posts of the same records."""
        for place, (number, rule) in enumerate(rules):
            for _, other in rules[:place]:
                same_days = rule.name != other.name and rule.holds_beside(other)
                if _postings(rule) == _postings(other) and same_days and self._overlap(rule, other):
                    message = f'posts the same again as the rule "{other.name}", of the same records'
                    fix = "remove one of them, or make their `when` exclude one another"
                    yield self.fault(("rule", number, "name"), message, fix)
                    break

    def _overlap(self, one: Rule, other: Rule) -> bool:
        """Whether all records of one rule are certainly records of the other as well."""
        first, second = one.when or "true", other.when or "true"
        return self._truth(one.on).includes(first, second) or self._truth(one.on).includes(second, first)

    def _truth(self, on: str) -> Truth:
        return Truth(domains_of(on), self.conditions.get(on, {}))

    def _unknown(self, path: Path, on: str) -> HomeFault:
        message = f'there is no table or derivation "{on}"{nearest(on, known())}'
        return self.fault(path, message, f"name one of {', '.join(known())}")

    def _expression(
        self,
        con: duckdb.DuckDBPyConnection,
        path: Path,
        text: str,
        on: str,
        kind: str,
        conditions: Mapping[str, str],
    ) -> Iterator[HomeFault]:
        columns = columns_of(on) or {}
        try:
            later = (names(text)[0] & self.conditions.get(on, {}).keys()) - conditions.keys() - columns.keys()
            if later:
                message = f"{', '.join(sorted(later))} does not stand above, where a condition finds what it uses"
                yield self.fault(path, message, "put it above this one")
                return
            sql = compile_expression(text, columns, conditions)
        except ExpressionError as error:
            # The line of a condition names what is wrong with it; rules that use it need not repeat that.
            yield self.fault(path, error.message, error.fix)
            return
        found = _type(con, sql, columns)
        if not _fits(kind, found):
            what = f"the expression gives {_said(found)}, {kind} needs {_KINDS[kind]}"
            yield self.fault(path, what, "write an expression of that kind")
            return
        yield from self._strangers(path, text, domains_of(on))

    def _strangers(self, path: Path, text: str, domains: Mapping[str, Domain]) -> Iterator[HomeFault]:
        """Comparisons with a text that a column never holds."""
        for column, value in Truth(domains, {}).strangers(text):
            values = domains[column].values
            message = f"{column} is never '{value}'{nearest(value, values)}"
            yield self.fault(path, message, f"compare it with one of {listed(values, 40)}")


def _postings(rule: Rule) -> tuple[object, ...]:
    """What a rule posts of a record, whatever it is called."""
    legs = tuple((leg.amount, leg.debit, leg.credit) for leg in rule.legs)
    return rule.on, rule.amount, rule.debit, rule.credit, rule.class_, tuple(sorted(rule.classes.items())), legs


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
        return first_line(error)
    return str(row[0]) if row else ""


def _fits(kind: str, found: str) -> bool:
    if kind == "amount":
        return found.startswith(NUMBERS)
    if kind == "date":
        return found.startswith(("DATE", "TIMESTAMP"))
    if kind == "when":
        return found == "BOOLEAN"
    return "Error" not in found


def _said(found: str) -> str:
    known_kinds = {"VARCHAR": "a text", "BOOLEAN": "true or false", "DATE": "a date", '"NULL"': "nothing"}
    if found.startswith(NUMBERS):
        return "a number"
    return "a date and time" if found.startswith("TIMESTAMP") else known_kinds.get(found, found)
