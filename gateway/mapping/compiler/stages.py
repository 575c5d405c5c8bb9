"""The rows of a kind as SQL, stage by stage. Every SELECT computes only what is asked of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.mapping.compiler.steps import Plan


@dataclass(frozen=True, slots=True)
class Joined:
    """What a stage gets from outside its rows.

    gives  name of a step → SQL over the rows `t` of the stage before and what `tail` joins
    asked  SQL over the stage before that `gives` and `tail` use
    tail   join clause, "" if none is needed
    """

    gives: Mapping[str, str]
    asked: tuple[str, ...]
    tail: str = ""


@dataclass
class Stages:
    """Rows of one kind.

    base     SQL of a relation in which all stages up to `reached` are columns
    reached  −1 as long as the relation holds nothing but source texts
    """

    plan: Plan
    base: str
    reached: int = -1
    _joined: dict[int, list[Joined]] = field(default_factory=dict)

    def join(self, stage: int, joined: Joined) -> None:
        """Supply a stage with something from outside."""
        self._joined.setdefault(stage, []).append(joined)

    def reach(self, *sqls: str) -> str:
        """SQL of a relation with all that these expressions use, beside `_ordinal`, `_position` and `_unit`."""
        names = {name for sql in sqls for name in self.plan.uses(sql)}
        return self._relation(self.plan.stage(*sqls), names)

    def _relation(self, stage: int, wanted: set[str]) -> str:
        if stage <= self.reached:
            return self.base
        joins = self._joined.get(stage, ())
        own, needed = self.plan.closure(stage, wanted, {name for one in joins for name in one.gives})
        joined = [one for one in joins if needed & set(one.gives)]
        below = needed.union(*(self.plan.uses(sql) for one in joined for sql in one.asked))
        source = self._relation(stage - 1, below) if stage else self.base
        if joined:
            gives = [f"{sql} as {name}" for one in joined for name, sql in one.gives.items()]
            source = f"(select t.*, {', '.join(gives)} from {source} t {' '.join(one.tail for one in joined)})"
        return self.plan.levels(own, source)
