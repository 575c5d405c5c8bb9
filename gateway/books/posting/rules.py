"""Posting rules, as `mappings/posting.toml` declares them."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Literal

from pydantic import ConfigDict, Field, model_validator

from gateway.books.posting.chart import Chart
from gateway.books.posting.conditions import compile_condition
from gateway.model.status import STATUSES
from gateway.settings import Strict
from gateway.toml_faults import wrong

NOTHING = "none"


class Leg(Strict):
    """One pair: a positive amount debits the one role and credits the other."""

    amount: str
    debit: str
    credit: str


class Rule(Strict):
    """One posting rule; see the head of posting.toml for what each key means."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_by_name=True)

    name: str
    on: str
    when: str = ""
    document: str
    date: str
    granularity: Literal["record", "document-day", "document-class-day"]
    amount: str = ""
    debit: str = ""
    credit: str = ""
    class_: str = Field("", alias="class")
    classes: dict[str, str] = Field(default_factory=dict)
    legs: tuple[Leg, ...] = ()
    memo: str = ""
    valid_from: datetime.date | None = None
    valid_to: datetime.date | None = None

    def holds_beside(self, other: Rule) -> bool:
        """Whether there is an accounting day on which both rules hold."""
        first, last = datetime.date.min, datetime.date.max
        begin = max(self.valid_from or first, other.valid_from or first)
        return begin <= min(self.valid_to or last, other.valid_to or last)

    @model_validator(mode="after")
    def _one_way(self) -> Rule:
        if bool(self.legs) == bool(self.amount):
            raise ValueError("give either `amount` or `legs`")
        if bool(self.class_) != bool(self.classes):
            raise ValueError("`class` and `classes` go together")
        if self.amount and not (self.debit and (self.credit or self.classes)):
            raise ValueError("`amount` needs `debit`, and `credit` or `classes`")
        for key, value in {"debit": self.debit, "credit": self.credit, "classes": self.classes}.items():
            if value and self.legs:
                raise wrong(f"`{key}` does nothing beside `legs`", "name the roles in each leg", key)
        if self.credit and self.classes:
            raise wrong("`credit` and `classes` both name the other account", "remove one of them", "credit")
        if self.class_ and self.granularity == "document-day":
            fix = 'write granularity = "document-class-day"'
            raise wrong("a rule with `class` makes an entry for each class", fix, "granularity")
        if self.valid_from and self.valid_to and self.valid_to < self.valid_from:
            raise wrong("the rule ends before it begins", "write a later day", "valid_to")
        if self.granularity == "document-class-day" and not self.class_:
            raise wrong("there is no `class` by which entries could be made", 'write "document-day"', "granularity")
        return self


class StockRule(Strict):
    """Another role for a status outside of our stock, for the movements that have all that the rule names.

    status  SUPPLIER, CUSTOMER, ADJUST or SINK: the side of the movement whose role is replaced
    type    kind of movement, "" for any
    reason  our reason codes, of which the movement has one; empty for any
    other   status of the other side, "" for any
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    status: str
    role: str
    type: str = ""
    reason: tuple[str, ...] = ()
    other: str = ""

    @property
    def named(self) -> int:
        """How many properties of the movement the rule names: that of more is the more specific one."""
        return sum(map(bool, (self.type, self.reason, self.other)))

    def hides(self, later: StockRule) -> bool:
        """Whether every movement of a rule further down is one of this rule too, which is as specific."""
        same = (self.status, self.type, self.other) == (later.status, later.type, later.other)
        return same and bool(self.reason) == bool(later.reason) and set(later.reason) <= set(self.reason)


class StockRoles(Strict):
    """Which role's value a bucket of stock belongs to.

    roles        role of each status
    written_off  statuses on hand that hold no value: what comes into them is posted to their role, what leaves is worth
                 nothing
    rule         other roles by kind, reason and the other side; the most specific one counts, of several the first
    opening      roles of movements of type OPENING, as homes have them that are older than `rule`
    """

    roles: dict[str, str]
    written_off: tuple[str, ...] = ()
    rule: tuple[StockRule, ...] = ()
    opening: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _complete(self) -> StockRoles:
        missing = sorted(set(STATUSES) - set(self.roles))
        unknown = sorted(set(self.roles) - set(STATUSES))
        if missing or unknown:
            raise ValueError(f"statuses without a role: {missing}; statuses that do not exist: {unknown}")
        return self

    @property
    def rules(self) -> list[StockRule]:
        """All rules in the order in which they are asked."""
        older = [StockRule(status=status, role=role, type="OPENING") for status, role in self.opening.items()]
        return sorted((*self.rule, *older), key=lambda rule: -rule.named)


class Posting(Strict):
    """posting.toml. `conditions` are named expressions over a table, for several rules; one may use those above it."""

    rule: tuple[Rule, ...]
    stock: StockRoles
    conditions: dict[str, dict[str, str]] = Field(default_factory=dict)

    def condition(self, on: str, name: str) -> str:
        """SQL of a named condition. Raises ExpressionError where it is not allowed."""
        return compile_condition(self.conditions.get(on, {}), on, name)


@dataclass(frozen=True)
class PostingRules:
    """Chart and posting rules of a home; `version` is the hash of their files, which journal lines carry."""

    chart: Chart
    posting: Posting
    version: str
