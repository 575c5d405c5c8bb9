"""`[file] repeat`: what a row of a table holds several times, in numbered columns or in one cell."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from functools import cached_property
from typing import Any

from pydantic import ConfigDict, field_validator, model_validator

from gateway import regular_expressions
from gateway.toml_values import TomlTable

NUMBER = "{n}"
"""Stands for the number in the names of columns. The column of this name holds it, or the place in the list."""
ITEM = "{item}"
"""The column that counts the items of a row, from 1: what belongs to the row as a whole is taken with the first."""
COUNTERS = (NUMBER, ITEM)

_GROUP = re.compile(r"(?<!\\)\((?!\?)|\(\?P?<([A-Za-z_][A-Za-z0-9_]*)>")
"""A pair of brackets that gives what stands in it, with its name."""


class Repeat(TomlTable):
    """Each item that a row of the file holds becomes a row.

    columns    patterns of the names of numbered columns: {n} is the number, one * any text ("Item {n} *")
    into       of columns that hold the same for different things, as units in a column for each status: their names and
               their cells become two columns of these names
    blanks     whether blank cells of such columns become rows too
    cell       or the column whose cells hold a list, `separator` between its items
    parts      what an item is: a pattern in RE2 syntax whose named groups become the columns `cell/name`
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    columns: tuple[str, ...] = ()
    into: tuple[str, ...] = ()
    blanks: bool = False
    cell: str = ""
    separator: str = ""
    parts: str = ""

    @field_validator("columns", mode="before")
    @classmethod
    def _one_pattern(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_way(self) -> Repeat:
        if bool(self.columns) == bool(self.cell):
            raise ValueError("say either columns = the pattern of numbered columns, or cell = the column with lists")
        if bool(self.cell) != bool(self.separator) or bool(self.cell) != bool(self.parts):
            raise ValueError("`cell`, `separator` and `parts` go together")
        if (self.into or self.blanks) and (len(set(self.into)) != 2 or not self.columns):
            raise ValueError(
                '`columns` go into two new ones: into = ["Status", "Units"], what names them and what they hold'
            )
        for pattern in self.columns if not self.into else ():
            if pattern.count(NUMBER) != 1 or pattern.count("*") > 1:
                raise ValueError(f'"{pattern}" needs {{n}} once, where the number stands, and at most one *')
        if self.parts and (wrong := regular_expressions.why_not(self.parts)):
            raise ValueError(f"`parts` is no pattern ({wrong}): {regular_expressions.FIX}")
        names = [found[1] for found in _GROUP.finditer(self.parts)]
        if self.cell and (not names or None in names or len(set(names)) < len(names)):
            raise ValueError("every group of `parts` needs a name of its own, as in (?P<sku>.+); (?:…) is no group")
        if set(self.into) & {*self.columns, *COUNTERS} or len(set(self.columns)) < len(self.columns):
            raise ValueError("every column is named once in `columns`, and not in `into`")
        return self

    @cached_property
    def part_columns(self) -> dict[str, str]:
        """The columns that the parts of an item become, with the names of the parts."""
        return {f"{self.cell}/{found[1]}": found[1] for found in _GROUP.finditer(self.parts)}

    @cached_property
    def _patterns(self) -> list[re.Pattern[str]]:
        texts = [re.escape(one).replace(re.escape(NUMBER), "([0-9]+)") for one in self.columns]
        return [re.compile(text.replace(re.escape("*"), ".*"), re.DOTALL) for text in texts]

    def numbered(self, column: str) -> tuple[str, str] | None:
        """(the name with {n} for the number, the number) of a column of the file; None if it is not repeated.

        Of columns that go `into` two: (the name of the one with their cells, the column).
        """
        if self.into:
            return (self.into[1], column) if column in self.columns else None
        for pattern in self._patterns:
            if found := pattern.fullmatch(column):
                return column[: found.start(1)] + NUMBER + column[found.end(1) :], found[1]
        return None

    def rank(self, number: str) -> tuple[int, int, str, str]:
        """The order of numbers in a header, however long they are: 2 before 10; of columns as they are listed."""
        digits = number.lstrip("0")
        return self.columns.index(number) if self.into else 0, len(digits), digits, number

    def lacking(self, found: Collection[str]) -> list[str]:
        """The columns that go `into` two and that are not among those found in a file."""
        return [column for column in self.columns if column not in found] if self.into else []

    def place(self, number: str) -> str:
        """What follows the position of a row, of the item in columns of that number."""
        if self.into:
            return f", {number}"
        return f", {', '.join(one.replace(NUMBER, number) for one in self.columns)}"

    @cached_property
    def place_pattern(self) -> str:
        """A pattern that finds the number of `place` at the end of a position."""
        first, *others = (re.escape(one).replace(re.escape(NUMBER), "[0-9]+") for one in self.columns)
        return f", {', '.join([first.replace('[0-9]+', '([0-9]+)', 1), *others])}$"

    def makes(self, column: str) -> bool:
        """Whether a column of that name is made."""
        if self.into:
            return column in (*COUNTERS, *self.into)
        first = column.replace(NUMBER, "1", 1)
        return column in (*COUNTERS, *self.part_columns) or (first != column and self.numbered(first) is not None)

    def sources(self, columns: Iterable[str]) -> list[str]:
        """The file's columns behind these, the first of those that are numbered."""
        if self.into:
            return list(dict.fromkeys([*(column for column in columns if not self.makes(column)), *self.columns]))
        found = [column.replace(NUMBER, "1", 1) for column in columns if column not in (*COUNTERS, *self.part_columns)]
        return list(dict.fromkeys([*found, self.cell] if self.cell else found))
