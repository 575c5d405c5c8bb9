"""The reconciliations of a home, as `mappings/reconciliations.toml` declares them. Nothing else lists them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal

from pydantic import ConfigDict, Field, model_validator

from gateway.books.exceptions.codes import Code
from gateway.settings import Strict

FAMILIES = ("late_files", "stock_count", "settlement", "payout", "subledger", "files", "sent")
"""What the program compares by itself; each is the module of that name, late_files goes with files."""

Answers = Literal["STOCK", "LISTING", "SETTLEMENT", "PAYOUT", "RETURNS", "RECEIPTS", "MASTER", "ROWS", "OTHER"]


class Tie(Strict):
    """Journal lines that a side must equal: BOOK the whole book side, BALANCE what is open of it."""

    basis: Literal["BOOK", "BALANCE"]
    lines: str
    amount: Literal["amount", "functional_amount"] = "amount"


class Side(Strict):
    """One side: rows of a canonical table or view. Everything but `source` is an expression over its columns.

    key       parts of what identifies an item
    amount    money or units of an item
    document  what a person calls it
    """

    model_config = ConfigDict(extra="forbid", frozen=True, validate_by_name=True)

    source: str = Field(alias="from")
    when: str = ""
    key: tuple[str, ...] = Field(min_length=1)
    amount: str
    day: str
    document: str
    currency: str = "currency"


class Pass(Strict):
    """One way to match what is still open.

    by        key: one item of each side with the same key; group: all items with the same key; amount: the only two
              items with the same amount
    absolute  largest difference, in the unit
    relative  largest difference as a share of the book side; where both are given, both hold
    days      largest distance of the two days, 0 to 366; without it days do not matter
    """

    by: Literal["key", "group", "amount"]
    absolute: float = Field(0, ge=0)
    relative: float = Field(0, ge=0, le=1)
    days: int | None = Field(None, ge=0, le=366)

    @model_validator(mode="after")
    def _tolerance(self) -> Pass:
        if (self.absolute > 0) != (self.relative > 0):
            raise ValueError("give both `absolute` and `relative`, or neither: a tolerance is bounded twice")
        if self.by == "amount" and (self.absolute or self.days is None):
            raise ValueError('by = "amount" needs `days` and takes no tolerance')
        return self


class Open(Strict):
    """Codes of what stays open: of either side, of a pair that differs, and after how many days."""

    external: str
    book: str
    differs: str
    after_days: int = Field(0, ge=0, le=366)


class Reconciliation(Strict):
    """One block; see the head of reconciliations.toml for what each key means."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_by_name=True)

    letter: str = Field(pattern=r"^[a-z][a-z0-9]{0,3}$")
    slug: str = Field(pattern=r"^[a-z][a-z0-9-]{0,40}$")
    title: str
    sheet: str = Field(pattern=r"^[A-Z][A-Z0-9_]{0,23}$")
    unit: Literal["units", "money"]
    answers: Answers = "OTHER"
    always_shown: bool = False
    codes: dict[str, Code]
    tie: Tie | None = None
    family: str = ""
    external: Side | None = None
    book: Side | None = None
    passes: tuple[Pass, ...] = Field((), alias="pass")
    open: Open | None = None

    @model_validator(mode="after")
    def _whole(self) -> Reconciliation:
        declared = (self.external, self.book, self.passes, self.open)
        if self.family and any(declared):
            raise ValueError("a family compares by itself: leave out external, book, pass and open")
        if not self.family and not all(declared):
            raise ValueError("give a family, or external, book, at least one pass, and open")
        if self.family and self.family not in FAMILIES:
            raise ValueError(f"there is no family {self.family}; known are {', '.join(FAMILIES)}")
        named = {self.open.external, self.open.book, self.open.differs} if self.open else set()
        if named - set(self.codes):
            raise ValueError(f"codes without a definition: {', '.join(sorted(named - set(self.codes)))}")
        return self


class Registry(Strict):
    """All reconciliations, in the order in which they are shown."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_by_name=True, ignored_types=(cached_property,))

    reconciliations: tuple[Reconciliation, ...] = Field(alias="reconciliation")

    @model_validator(mode="before")
    @classmethod
    def _unique(cls, data: Any) -> Any:
        blocks = data.get("reconciliation", []) if isinstance(data, Mapping) else []
        for name in ("letter", "slug", "sheet"):
            found = [block.get(name) for block in blocks if isinstance(block, Mapping)]
            twice = sorted({str(one) for one in found if found.count(one) > 1})
            if twice:
                raise ValueError(f"{name} {', '.join(twice)} stands in several reconciliations")
        return data

    @property
    def codes(self) -> dict[tuple[str, str], Code]:
        """(letter, code) → what it means."""
        return {(one.letter, code): meaning for one in self.reconciliations for code, meaning in one.codes.items()}

    @property
    def families(self) -> set[str]:
        """Families that are asked for."""
        return {one.family for one in self.reconciliations}
