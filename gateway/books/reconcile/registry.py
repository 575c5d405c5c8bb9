"""The reconciliations of a home, as `mappings/reconciliations.toml` declares them. Nothing else lists them."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from pydantic import ConfigDict, Field, model_validator

from gateway.books.exceptions.codes import Code
from gateway.model import resolutions
from gateway.settings import Strict
from gateway.toml_faults import wrong


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
    words     text in which a pass by words looks for the key of the other side
    """

    model_config = ConfigDict(extra="forbid", frozen=True, validate_by_name=True)

    source: str = Field(alias="from")
    when: str = ""
    key: tuple[str, ...] = Field(min_length=1)
    amount: str
    day: str
    document: str
    currency: str = "currency"
    words: str = ""


class Pass(Strict):
    """One way to match what is still open.

    by        key: two items with the same key; group: all items with the same key; amount: two items with the same
              amount; words: two items of which one has the other's key as a whole word in its text, or one with several
              Two items match only where neither has another candidate
    absolute  largest difference, in the unit
    relative  largest difference as a share of the book side; where both are given, both hold
    days      largest distance of the two days, 0 to 366; without it days do not matter
    """

    by: Literal["key", "group", "amount", "words"]
    absolute: Decimal = Field(Decimal(0), ge=0, decimal_places=4)
    relative: Decimal = Field(Decimal(0), ge=0, le=1)
    days: int | None = Field(None, ge=0, le=366)

    @model_validator(mode="after")
    def _tolerance(self) -> Pass:
        if (self.absolute > 0) != (self.relative > 0):
            key = "relative" if self.absolute else "absolute"
            raise wrong("a tolerance needs two bounds", "give both `absolute` and `relative`, or neither", key)
        if self.by == "amount" and (self.absolute or self.days is None):
            raise wrong('by = "amount" needs `days` and takes no tolerance', "write `days`, and no tolerance", "by")
        return self

    def in_words(self) -> str:
        """As matches and pages name it: "key within 0.5 and 1.0% within 30 days"."""
        tolerance = f" within {self.absolute:g} and {self.relative:.1%}" if self.absolute else ""
        return f"{self.by}{tolerance}" + (f" within {self.days} days" if self.days is not None else "")


class Open(Strict):
    """Codes of what stays open.

    external, book  items that only this side has
    differs         items that belong together with another amount
    ambiguous       several candidates that are equally good; without it they are open under the codes above
    unusable        rows that cannot be compared: without amount or currency, or there twice; without it, as above
    after_days      days from an item's day on in which the other side may still come
    """

    external: str
    book: str
    differs: str
    ambiguous: str = ""
    unusable: str = ""
    after_days: int = Field(0, ge=0, le=366)

    def codes(self) -> tuple[str, ...]:
        """The exception codes that are set, in the order of the fields."""
        return tuple(filter(None, (self.external, self.book, self.differs, self.ambiguous, self.unusable)))


class Reconciliation(Strict):
    """One block; see the head of reconciliations.toml for what each key means."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_by_name=True)

    letter: str = Field(pattern=r"^[a-z][a-z0-9]{0,3}$")
    slug: str = Field(pattern=r"^[a-z][a-z0-9-]{0,40}$")
    title: str
    sheet: str = Field(pattern=r"^[A-Z][A-Z0-9_]{0,23}$")
    unit: Literal["units", "money"]
    answers: str = "OTHER"
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
            raise wrong("a family compares without them", "leave out external, book, pass and open", "family")
        if not self.family and not all(declared):
            fix = "write `family`, or all of external, book, pass (at least one) and open"
            raise wrong("it declares nothing to compare", fix, "letter")
        return self

    def kind_of(self, code: str) -> str:
        """The kind of resolutions that an exception of that code may be given."""
        return self.codes[code].answers or self.answers


class Registry(Strict):
    """All reconciliations, in the order in which they are shown; `owners` are the teams by their letters."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_by_name=True)

    owners: dict[str, str] = Field(examples=['{ TR = "Treasury" }'])
    reconciliations: tuple[Reconciliation, ...] = Field(alias="reconciliation")

    def resolutions_of(self, letter: str, code: str) -> tuple[str, ...]:
        """The resolutions that an exception may be given; those of every kind where nothing declares its code."""
        block = next((one for one in self.reconciliations if one.letter == letter and code in one.codes), None)
        return resolutions.resolutions_of(block.kind_of(code) if block else "")

    @property
    def codes(self) -> dict[tuple[str, str], Code]:
        """(letter, code) → what it means."""
        return {(one.letter, code): meaning for one in self.reconciliations for code, meaning in one.codes.items()}
