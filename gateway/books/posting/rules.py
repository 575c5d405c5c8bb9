"""The accounting settings below `mappings/`: chart of accounts, posting rules, exception codes.

Each file is checked whole; all faults are told at once. Their common hash is the version that journal lines
carry, so that an auditor can tell which rules made an entry.
"""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import ConfigDict, Field, ValidationError, model_validator

from gateway.errors import HouseError
from gateway.model.settlement import CLASSES
from gateway.model.status import STATUSES
from gateway.settings import Strict

CHART, POSTING, CODES = "chart.toml", "posting.toml", "exception-codes.toml"
NOTHING = "none"


class Account(Strict):
    """An account of the chart."""

    number: str
    name: str


class Chart(Strict):
    """Role → account."""

    accounts: dict[str, Account]


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

    @model_validator(mode="after")
    def _one_way(self) -> Rule:
        if bool(self.legs) == bool(self.amount):
            raise ValueError("say either `amount` or `legs`")
        if bool(self.class_) != bool(self.classes):
            raise ValueError("`class` and `classes` go together")
        if self.amount and not (self.debit and (self.credit or self.classes)):
            raise ValueError("`amount` needs `debit`, and `credit` or `classes`")
        unknown = sorted(set(self.classes) - set(CLASSES)) if self.on == "settlement_line" else []
        if unknown:
            raise ValueError(f"classes {', '.join(unknown)} do not exist; known are {', '.join(CLASSES)}")
        return self

    def roles(self) -> set[str]:
        """Every account role that the rule names."""
        named = {self.debit, self.credit, *self.classes.values()}
        for leg in self.legs:
            named |= {leg.debit, leg.credit}
        return named - {"", NOTHING}


class StockRoles(Strict):
    """Which role's value a bucket of stock belongs to."""

    roles: dict[str, str]
    opening: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _complete(self) -> StockRoles:
        missing = sorted(set(STATUSES) - set(self.roles))
        unknown = sorted(set(self.roles) - set(STATUSES))
        if missing or unknown:
            raise ValueError(f"statuses without a role: {missing}; statuses that do not exist: {unknown}")
        return self


class Posting(Strict):
    """posting.toml."""

    rule: tuple[Rule, ...]
    stock: StockRoles


class Code(Strict):
    """What an exception code means."""

    severity: int = Field(ge=1, le=4)
    owner: str
    days: float = Field(gt=0)
    suggestion: str
    title: str


@dataclass(frozen=True)
class Rules:
    """All accounting settings of a home. `codes` is keyed by (reconciliation, code)."""

    chart: Chart
    posting: Posting
    codes: dict[tuple[str, str], Code]
    version: str


Settings = TypeVar("Settings", bound=Strict)


def load(home: Path) -> Rules:
    """Read and check the accounting settings. Raises HouseError naming file and key of every fault."""
    digest = hashlib.sha256()
    raw = {name: _read(home / "mappings" / name, digest) for name in (CHART, POSTING, CODES)}
    chart = _check(Chart, raw[CHART], CHART)
    posting = _check(Posting, raw[POSTING], POSTING)
    codes = {
        (reconciliation, code): _check(Code, values, f"{CODES} [{reconciliation}] {code}")
        for reconciliation, table in raw[CODES].items()
        for code, values in table.items()
    }
    named = set(posting.stock.roles.values()) | set(posting.stock.opening.values())
    for rule in posting.rule:
        named |= rule.roles()
    missing = sorted(named - set(chart.accounts))
    if missing:
        raise HouseError(
            "check posting rules", POSTING, f"Add {', '.join(missing)} to {CHART}.", "roles without an account"
        )
    return Rules(chart, posting, codes, digest.hexdigest()[:16])


def _read(path: Path, digest: Any) -> dict[str, Any]:
    try:
        content = path.read_bytes()
        digest.update(content)
        return tomllib.loads(content.decode())
    except FileNotFoundError:
        raise HouseError("read", str(path), "Run `gateway init` to lay it down.", "missing") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise HouseError("read", str(path), "Fix the TOML there.", str(error)) from None


def _check(kind: type[Settings], raw: dict[str, Any], subject: str) -> Settings:
    try:
        return kind.model_validate(raw)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise HouseError("check", subject, "Fix these keys and try again.", faults) from None
