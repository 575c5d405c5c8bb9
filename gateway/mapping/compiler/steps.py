"""The order in which the columns of a mapping are computed.

A step is a named SQL expression over source texts and earlier steps. Steps fall into stages: stage 0 can be
read off a row by itself and is computed while the file streams by; a later stage needs what joins over the
whole file supply (values filled down, crosswalks, aliases). Within a stage, steps are nested by depth, so
that each is computed once however many others use it.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable
from dataclasses import dataclass, field

_NAME = re.compile(r"__[a-z]+[0-9_]*")


@dataclass(frozen=True, slots=True)
class Step:
    """One column: its SQL ("" where a join supplies it) and where it stands."""

    sql: str
    stage: int
    depth: int
    uses: frozenset[str]


@dataclass
class Plan:
    """Steps by name. Names start with two underscores, so that an expression shows what it uses."""

    steps: dict[str, Step] = field(default_factory=dict)
    _by_sql: dict[str, str] = field(default_factory=dict)

    def uses(self, sql: str) -> frozenset[str]:
        """Names of earlier steps in an expression."""
        return frozenset(name for name in _NAME.findall(sql) if name in self.steps)

    def stage(self, *sqls: str) -> int:
        """The first stage in which all of these can be computed."""
        return max((self.steps[name].stage for sql in sqls for name in self.uses(sql)), default=0)

    def add(self, name: str, sql: str) -> str:
        """Add a step after those that it uses; the name, for use in others.

        That is the name of an earlier step where the SQL is the same: records of one kind of row read many cells alike,
        and the planning of a statement takes as long as its text is.
        """
        if sql in self._by_sql:
            return self._by_sql[sql]
        uses = self.uses(sql)
        stage = self.stage(sql)
        depths = [self.steps[other].depth for other in uses if self.steps[other].stage == stage]
        self.steps[name] = Step(sql, stage, max(depths, default=0) + 1, uses)
        self._by_sql[sql] = name
        return name

    def given(self, name: str, stage: int) -> str:
        """Add a column that the relation of that stage holds already."""
        self.steps.setdefault(name, Step("", stage, 0, frozenset()))
        return name

    def closure(self, stage: int, wanted: Iterable[str], given: Container[str]) -> tuple[list[str], set[str]]:
        """(steps of a stage that are needed for `wanted` and not given, in order; what else is needed)."""
        needed = set(wanted)
        own = []
        for name, step in reversed(self.steps.items()):
            if name in needed and step.stage == stage and step.sql and name not in given:
                own.append(name)
                needed |= step.uses
        own.reverse()
        return own, needed - set(own)

    def following(self, stage: int, given: Iterable[str]) -> list[str]:
        """Steps of a stage that use nothing but these and one another, in order."""
        known = set(given)
        for name, step in self.steps.items():
            if step.stage == stage and step.uses and step.uses <= known:
                known.add(name)
        return [name for name in self.steps if name in known and self.steps[name].sql]

    def levels(self, names: Iterable[str], source: str) -> str:
        """A relation with these steps of one stage added, nested by depth."""
        by_depth: dict[int, list[str]] = {}
        for name in names:
            by_depth.setdefault(self.steps[name].depth, []).append(f"{self.steps[name].sql} as {name}")
        for depth in sorted(by_depth):
            source = f"(select *, {', '.join(by_depth[depth])} from {source})"
        return source

    def carried(self, stage: int, wanted: Iterable[str]) -> list[str]:
        """Columns of this and earlier stages that later stages or `wanted` need, in order of their making."""
        needed = {name for text in wanted for name in self.uses(text)}
        for step in self.steps.values():
            if step.stage > stage:
                needed |= step.uses
        return [name for name, step in self.steps.items() if step.stage <= stage and name in needed]
