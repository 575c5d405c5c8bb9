"""What a mapping's records are compiled to: fields as targets, joins, conditions, all by names of steps."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from gateway.mapping.compiler.values import sql_type
from gateway.mapping.language.spec import FieldSpec, RecordSpec
from gateway.model import Column, Table

JoinKind = Literal["fill_down", "lookup", "alias"]

_MASKS = ((8, "TINYINT"), (16, "SMALLINT"), (32, "INTEGER"), (64, "BIGINT"))

FIELDS_MAX = 120
"""Fields of a record: each has a bit in the record's masks."""


@dataclass
class Target:
    """One field of one record.

    bit      its bit in the record's masks
    text     SQL of its text before typing, NULL where blank; "" where it has none
    own_text SQL of the text of the row itself, of a field that is filled down; "" of other fields
    value    name of the step with its value
    key      SQL of what it adds to a source key, if not its value: the sender's own name of a crosswalked field
    broken   SQL conditions under which there is something that cannot be read
    unmapped SQL condition under which its code went to suspense or its name is unknown, "" if it cannot; once the
             record is compiled, the step with that code or name, NULL where it is known
    unread   step with a text that was filled down and cannot be read, "" for other fields
    dropped  step with a text that cannot be read and costs only the field, "" for other fields
    packs    step with the units of the pack that its alias names, "" for fields without an alias
    packs_of_one  step with those units where the alias is of the first name that the row has, "" without an alias
    base     steps with the unit of measure that the item of its alias is counted in, and what that is; [] without
    uncounted step with a unit of measure whose size nobody states, "" for other fields
    needs    fields of the record that it is made from
    """

    record: int
    bit: int
    name: str
    spec: FieldSpec
    column: Column | None
    kind: str
    text: str = ""
    own_text: str = ""
    value: str = ""
    key: str = ""
    broken: list[str] = field(default_factory=list)
    unmapped: str = ""
    unread: str = ""
    dropped: str = ""
    packs: str = ""
    packs_of_one: str = ""
    base: list[str] = field(default_factory=list)
    uncounted: str = ""
    needs: frozenset[str] = frozenset()

    @property
    def type(self) -> str:
        """SQL type of its value."""
        return sql_type(self.kind, self.column)

    @property
    def tag(self) -> str:
        """Part of the names of its steps."""
        return f"{self.record}_{self.bit}"

    @property
    def required(self) -> bool:
        """Whether a blank is a fault: as declared, else as the canonical column demands."""
        if self.spec.required is not None:
            return self.spec.required
        return self.column is not None and self.column.required


@dataclass(frozen=True, slots=True)
class Counted:
    """What a unit of measure makes of a quantity; the names are of steps.

    factor   base units in one
    unknown  the code whose size nobody states, NULL where it is known
    """

    factor: str
    unknown: str


@dataclass(frozen=True, slots=True)
class Join:
    """Something that a row gets from the whole file or from a crosswalk.

    target   the first field that asks for it; others may ask for the same
    others   those
    keys   SQL of the codes or names it is asked with (for fill_down the text to fill, then the columns of its group)
    day    SQL of the row's event day, "" if the row has none
    base   whether an alias must say in which unit of measure its item is counted
    """

    kind: JoinKind
    stage: int
    target: Target
    keys: tuple[str, ...]
    day: str = ""
    base: bool = False
    others: list[Target] = field(default_factory=list)

    @property
    def asks(self) -> tuple[object, ...]:
        """What is asked of what: fields for which this is equal are given the same."""
        spec = self.target.spec
        return self.kind, self.keys, self.day, self.base, spec.lookup, spec.on, spec.alias

    @property
    def tags(self) -> list[str]:
        """Tags of the fields that ask for it."""
        return [target.tag for target in (self.target, *self.others)]


@dataclass
class Record:
    """One [[record]] of the mapping, compiled; the names are of steps.

    replaces, adds  conditions of its document; "" where it has none
    """

    index: int
    spec: RecordSpec
    table: Table
    targets: dict[str, Target] = field(default_factory=dict)
    broken: dict[int, str] = field(default_factory=dict)
    wrong: str = ""
    applies: str = ""
    key: str = ""
    replaces: str = ""
    adds: str = ""

    @property
    def mask(self) -> str:
        """SQL type of its masks, the smallest that has a bit for each field: every row carries some of them."""
        bits = len(self.spec.fields) + 1
        return next((name for width, name in _MASKS if bits <= width), "HUGEINT")

    def is_helper(self, name: str) -> bool:
        """Whether a name in `on` or `counted_in` means a helper field, and not a source column."""
        return name.startswith("_") and name in self.targets

    def bits(self, wanted: Iterable[str]) -> int:
        """The mask of these fields."""
        return sum(1 << self.targets[name].bit for name in wanted)

    def behind(self, wanted: Iterable[str]) -> list[str]:
        """These fields and all that they are made from."""
        found: dict[str, None] = {}
        waiting = [name for name in wanted if name in self.targets]
        while waiting:
            name = waiting.pop()
            if name not in found:
                found[name] = None
                waiting += self.targets[name].needs
        return sorted(found)
