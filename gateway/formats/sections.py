"""Tables that are made of sections of different columns, such as a header, lines and totals: what a mapping says of
them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Literal

from pydantic import ConfigDict, Field, model_validator

from gateway.formats import header as headers
from gateway.formats.header import folded
from gateway.formats.path_errors import PathError, closest
from gateway.toml_values import TomlTable


class Section(TomlTable):
    """A kind of row, and how its rows are recognised. Cells are compared without regard to case.

    name     what `each` and the columns of its rows are called by: `cart/Ordered Date`
    tag      first cell of every row; a * at its end stands for any text
    labels   first cell of rows that hold labels and values by turns: each label is a column. Rows that follow one
             another are one, until a label comes again
    header   cells of the row with its column names; the rows below it are its rows, or with `tag` those with the tag
    title    only cell of a row; below it stand the header and the rows, or with `columns` the rows
    columns  names of the columns where no header has them; "" for a cell that is not needed. Alone: its rows are those
    with
             so many cells
    reach    whether rows of other sections take its values from the last row "above" them or the next one "below"
    within   section that it is part of: where that begins again, the reach ends. "" for none; left out, the section
    that
             is listed before it
    once     it has one row in the file: that holds throughout, also behind a row that fits no section
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, pattern="^[^/]+$")
    tag: str = ""
    labels: tuple[str, ...] = ()
    header: tuple[str, ...] = ()
    title: str = ""
    columns: tuple[str, ...] = ()
    reach: Literal["above", "below"] = "above"
    within: str | None = None
    once: bool = False

    @model_validator(mode="after")
    def _recognisable(self) -> Section:
        given = [key for key in ("tag", "labels", "header", "title") if getattr(self, key)]
        if len(given) != 1 and given != ["tag", "header"] and (given or not self.columns):
            raise ValueError(
                f"section {self.name}: say one of tag, labels, header, title or columns, or tag and header"
            )
        if self.columns and (self.labels or self.header):
            raise ValueError(f"section {self.name}: its columns have names in the file, remove `columns`")
        if self.reach == "below" and self.within is None:
            raise ValueError(f'section {self.name}: say `within` which section its rows belong, "" for the whole file')
        named = [name for name in self.columns if name]
        if len(set(named)) < len(named):
            raise ValueError(f"section {self.name}: two of its columns have the same name")
        return self

    @property
    def width(self) -> int:
        """Number of cells by which its rows are recognised, 0 where something else shows them."""
        return 0 if self.tag or self.labels or self.header or self.title else len(self.columns)

    @cached_property
    def heads(self) -> frozenset[str]:
        """The cells of its header, as they are compared; none where it has no header."""
        return frozenset(map(folded, self.header))

    @cached_property
    def firsts(self) -> frozenset[str]:
        """The first cells that its rows may begin with, as they are compared; none where only a header shows them."""
        return frozenset(map(folded, self.labels or filter(None, [self.tag or self.title])))

    def begun(self, first: str, alone: bool) -> bool:
        """Whether a row with this first cell is one of its own, or its title where the cell is `alone`."""
        if self.tag.endswith("*"):
            return first.startswith(folded(self.tag[:-1]))
        return first in self.firsts and (alone or not self.title)

    @property
    def begins(self) -> str:
        """How its rows are recognised, in words."""
        if self.header:
            return f"a header with {', '.join(self.header)} ({self.name})"
        if self.width:
            return f"{self.width} cells ({self.name})"
        shown = " or ".join(f'"{text}"' for text in self.labels or (self.tag or self.title,))
        return f"{shown} in the first cell ({self.name})"


def check(sections: Sequence[Section], header_set: bool) -> None:
    """Raises ValueError for sections of which two are alike, or lie within one that is not listed before them.

    header_set  whether the mapping also says `header` or `columns` for the file as a whole
    """
    if header_set and sections:
        raise ValueError("the sections have headers of their own: remove `header` and `columns` of [file]")
    marks: dict[tuple[str, ...], str] = {}
    names: list[str] = []
    for section in sections:
        if section.name in names:
            raise ValueError(f"two sections are called {section.name}")
        if section.within and section.within not in names:
            raise ValueError(
                f"section {section.name}: within = {section.within} is no section that is listed before it"
            )
        names.append(section.name)
        heads = [("header", *sorted(section.heads))] if section.header else []
        width = [("width", str(section.width))] if section.width else []
        for mark in heads or width or [("first", first) for first in section.firsts]:
            if mark in marks:
                raise ValueError(f"sections {marks[mark]} and {section.name} begin alike")
            marks[mark] = section.name


def around(sections: Sequence[Section]) -> dict[str, frozenset[str]]:
    """The sections that each is part of, by `within` and beyond."""
    found: dict[str, frozenset[str]] = {}
    before = ""
    for section in sections:
        parent = before if section.within is None else section.within
        found[section.name] = frozenset({parent}) | found[parent] if parent else frozenset()
        before = section.name if section.reach == "above" else before
    return found


def check_each(each: str | None, sections: Sequence[Section]) -> None:
    """A table without sections has one kind of row, and no `each`. Raises PathError."""
    if not sections:
        headers.check_each(each)
        return
    names = [section.name for section in sections]
    if each not in names:
        syntax = f"Write each = one of {', '.join(names)}."
        raise PathError("each", each or "", "is not the name of a section", syntax, closest(each or "", names))


def check_path(path: str, each: str | None, sections: Sequence[Section]) -> None:
    """Whether rows of the section `each` can have a column: any, unless its section lists them. Raises PathError."""
    name, _, column = path.partition("/")
    by_name = {section.name: section for section in sections}
    section = by_name.get(name) if column else None
    section, column = (section, column) if section else (by_name.get(each or ""), path)
    if section and section.columns:
        headers.check_column(column, False, [one for one in section.columns if one])


def listed(options: dict[str, Any], each: str | None) -> set[str]:
    """Names of the columns that the sections of a mapping's options list, for rows of one of them."""
    return {
        column if section["name"] == each else f"{section['name']}/{column}"
        for section in options.get("section", ())
        for column in section.get("columns", ())
    }
