"""The part of an XML document that is in memory while it is read, each element looked at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any

from gateway.formats.safe_xml import local


@dataclass(slots=True)
class Passed:
    """The children of an element that were looked at, in the order of the document.

    counts  how many of each name, also of those that were dropped since
    kept    those that paths can reach, by name; "*" has all where a path reads any
    reached how many there are of these
    last    the last of them that is still there, None if none is: behind it begin those that were not looked at
    held    the last of them that is kept for good
    """

    counts: dict[str, int] = field(default_factory=dict)
    kept: dict[str, list[Any]] = field(default_factory=dict)
    reached: int = 0
    last: Any = None
    held: Any = None


class Tree:
    """The open elements, and what paths can reach beside them.

    path      of the rows; at any depth if `anywhere`
    around    names of the elements beside a row's ancestors that paths read
    whole     names of the elements that are kept until their end
    """

    def __init__(self, path: list[str], anywhere: bool, around: frozenset[str], whole: frozenset[str]) -> None:
        self.path, self.anywhere, self.around, self.whole = path, anywhere, around, whole
        self.root: Any = None
        self._document: Any = None
        self._above = 0
        self.depth = 0
        self._passed: dict[Any, Passed] = {}
        self._parent: Any = self
        self._prefix, self._place, self._fits = "", 0, False

    def enclose(self, document: Any) -> None:
        """The document is this element, which stands in an envelope."""
        above = sum(1 for _ in document.iterancestors())
        if self._document is None or above <= self._above:
            self._document, self._above = document, above

    def is_row(self, element: Any) -> bool:
        """Whether the element, at its end, is a row. Rows of one parent come together, so it is remembered."""
        if local(element.tag) != self.path[-1]:
            return False
        parent = element.getparent()
        if parent is self._parent:
            self._place += 1
            return self._fits
        above = list(element.iterancestors())[::-1]
        self.depth = len(above) + 1
        self._fits = self._is_path([local(one.tag) for one in (*above, element)])
        self._prefix = "".join(f"/{local(one.tag)}{f'[{n}]' if (n := self._number(one)) > 1 else ''}" for one in above)
        self._place, self._parent = self._number(element), parent
        return self._fits

    def position(self) -> str:
        """The path of the row that `is_row` was asked about last."""
        return f"{self._prefix}/{self.path[-1]}[{self._place}]"

    def within_whole(self, element: Any) -> bool:
        """Whether one of the elements around this one is kept until its end."""
        return bool(self.whole) and any(local(one.tag) in self.whole for one in element.iterancestors())

    def in_root(self) -> Iterator[Any]:
        """The elements in the document's root, without those that stand before what the last `prune` kept."""
        document = self._document if self._above else self.root
        if document is None:
            return iter(())
        passed = self._passed.get(document)
        return _behind(document, passed.held if passed else None)

    def passed(self, parent: Any, end: Any = None) -> Passed:
        """The children before `end`, a child that was not looked at yet; all of them without one."""
        found = self._passed.setdefault(parent, Passed())
        for child in takewhile(lambda one: one is not end, _behind(parent, found.last)):
            name = local(child.tag)
            found.counts[name] = found.counts.get(name, 0) + 1
            for reached in self.around.intersection((name, "*")):
                found.kept.setdefault(reached, []).append(child)
                found.reached += 1
            found.last = child
        return found

    def prune(self) -> tuple[int, Any]:
        """Drop the closed elements that no row can reach; gives how deep the document is open, and the inmost
        element."""
        open_: dict[Any, Passed] = {}
        names: list[str] = []
        node = inmost = self.root
        while node is not None:
            inmost = node
            names.append(local(node.tag))
            last = _last_child(node)
            if last is None or self._is_path(names) or names[-1] in self.whole:
                break
            if node is not self.root and self._reached(names[-1]):
                break
            open_[node] = self._dropped(node, last)
            node = last
        while node is not None:
            if node in self._passed:
                open_[node] = self._passed[node]
            node = _last_child(node)
        self._passed = open_
        return len(names), inmost

    def _dropped(self, node: Any, last: Any) -> Passed:
        """Drop the children before the last one, which may be open."""
        passed = self.passed(node, last)
        for child in list(takewhile(lambda one: one is not last, _behind(node, passed.held))):
            if self._reached(local(child.tag)):
                passed.held = child
            else:
                node.remove(child)
        passed.last = passed.held
        return passed

    def _reached(self, name: str) -> bool:
        return name in self.around or "*" in self.around

    def _is_path(self, names: list[str]) -> bool:
        return names[-len(self.path) :] == self.path if self.anywhere else names[self._above :] == self.path

    def _number(self, element: Any) -> int:
        """1 for the first element of its name within its parent."""
        parent = element.getparent()
        return 1 if parent is None else 1 + self.passed(parent, element).counts.get(local(element.tag), 0)


def _behind(parent: Any, child: Any) -> Iterator[Any]:
    """The children behind that one, all without one."""
    return iter(parent.iterchildren() if child is None else child.itersiblings())


def _last_child(element: Any) -> Any:
    """None where it has none. `element[-1]` and `len` would count all of them."""
    return next(element.iterchildren(reversed=True), None)
