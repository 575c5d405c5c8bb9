"""All cells of a row by one walk through its element: the paths of a mapping as a tree of steps.

Each path that begins within the row is compiled into the tree; paths that begin outside of it are asked one by one, and
only where what is around the row has changed since the last row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.formats.safe_xml import local
from gateway.formats.tree import tree_paths
from gateway.formats.tree.xml_paths import Around, getter, plain, text_of
from gateway.formats.tree.xml_tree import Tree

TAGS_MAX = 1_000
"""Tags of a document that are remembered at a step: more are no document of a mapping."""


@dataclass(frozen=True, slots=True, eq=False)
class _Test:
    """A condition of a step: its place among those before, or what has that value."""

    number: int
    get: Callable[[Any], str | None] | None
    value: str


@dataclass(slots=True, eq=False)
class _Step:
    """What is wanted of the elements that a step leads to.

    firsts      (column, rank of the alternative): the text of the first one counts
    joins       columns that join their texts
    counts      columns that count them
    attributes  the same of an attribute, by its name
    inner       the steps from there
    known       those of them that lead to elements with a tag
    wanted      whether something of the elements themselves is wanted
    leads       whether something in them is
    """

    name: str
    tests: tuple[_Test, ...] = ()
    firsts: list[tuple[int, int]] = field(default_factory=list)
    joins: list[int] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    attributes: dict[str, _Step] = field(default_factory=dict)
    inner: dict[tree_paths.Step, _Step] = field(default_factory=dict)
    known: dict[str, tuple[_Step, ...]] = field(default_factory=dict)
    wanted: bool = False
    leads: bool = False

    def to(self, tag: str) -> tuple[_Step, ...]:
        """The steps that lead to an element with that tag; `known` gets them."""
        name = local(tag)
        found = tuple(step for step in self.inner.values() if step.name in (name, "*"))
        if len(self.known) < TAGS_MAX:
            self.known[tag] = found
        return found


class Walk:
    """The cells of rows, in the order of the paths."""

    def __init__(self, paths: Sequence[tree_paths.Path], tree: Tree) -> None:
        self._row = _Step(".")
        self._empty = ["0" if path.function == "count" else None for path in paths]
        self._worst = [max((len(path.alternatives) for path in paths), default=0)] * len(paths)
        self._counts = [column for column, path in enumerate(paths) if path.function == "count"]
        self._joins = [column for column, path in enumerate(paths) if path.function == "join"]
        self._around = Around(tree)
        for column, path in enumerate(paths):
            for rank, steps in enumerate(path.alternatives):
                if tree_paths.outward(steps):
                    self._around.add(column, rank, steps, path.function)
                else:
                    self._add(column, rank, steps, path.function)

    def _add(self, column: int, rank: int, steps: Sequence[tree_paths.Step], function: str) -> None:
        at = self._row
        for step in steps:
            name = plain(step.name)
            at.leads = at.leads or name != "."
            if step.name.startswith("@"):
                at = at.attributes.setdefault(name, _Step(name))
            elif name != ".":
                at = at.inner.setdefault(step, _Step(name, tuple(map(_test, step.tests))))
        at.wanted = True
        {"count": at.counts, "join": at.joins}.get(function, []).append(column)
        if not function:
            at.firsts.append((column, rank))

    def cells(self, element: Any) -> list[str | None]:
        """Of one row; None where nothing is."""
        found = _Found(self._empty.copy(), self._worst.copy())
        for column, rank, text in self._around.found(element):
            found.ranks[column], found.cells[column] = rank, text
        found.row(element, self._row)
        for column in self._joins:
            if column in found.texts:
                found.cells[column] = " ".join(filter(None, found.texts[column])) or None
        for column in self._counts:
            if column in found.numbers:
                found.cells[column] = str(found.numbers[column])
        return found.cells


@dataclass(slots=True)
class _Found:
    """What was found of a row; of alternatives, the one with the least rank counts."""

    cells: list[str | None]
    ranks: list[int]
    texts: dict[int, list[str]] = field(default_factory=dict)
    numbers: dict[int, int] = field(default_factory=dict)

    def row(self, element: Any, step: _Step) -> None:
        """What is wanted of the row itself, and of what is in it."""
        self._note(element, step)
        self._visit(element, step)

    def _visit(self, element: Any, step: _Step) -> None:
        """What is wanted of the attributes of an element, and of the elements in it."""
        if step.attributes:
            for key, value in element.attrib.iteritems():
                attribute = step.attributes.get(local(key))
                if attribute is not None:
                    self._note(value, attribute)
        if not step.inner:
            return
        seen: dict[_Step, list[int]] = {}
        known = step.known
        for child in element:
            tag = child.tag
            leads = known.get(tag)
            for inner in step.to(tag) if leads is None else leads:
                if inner.tests and not _fits(child, inner, seen):
                    continue
                if inner.wanted:
                    self._note(child, inner)
                if inner.leads:
                    self._visit(child, inner)

    def _note(self, found: Any, step: _Step) -> None:
        ranks, text = self.ranks, None
        for column, rank in step.firsts:
            if rank < ranks[column]:
                if text is None:
                    text = text_of(found)
                ranks[column], self.cells[column] = rank, text
        for column in step.joins:
            self.texts.setdefault(column, []).append(text_of(found))
        for column in step.counts:
            self.numbers[column] = self.numbers.get(column, 0) + 1


def _test(test: tree_paths.Test) -> _Test:
    return _Test(test.number, getter(test.path) if test.path else None, test.value)


def _fits(element: Any, step: _Step, seen: dict[_Step, list[int]]) -> bool:
    """Whether it passes the conditions; to be asked in the order of the document.

    seen  how many came to each condition so far
    """
    counts = seen.setdefault(step, [0] * len(step.tests))
    for place, test in enumerate(step.tests):
        counts[place] += 1
        if counts[place] != test.number if test.get is None else test.get(element) != test.value:
            return False
    return True
