"""Paths into XML documents: names of elements and attributes are local names.

A path is asked of an element; the cells of whole rows come from `xml_walk`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from gateway.formats.path_errors import PathError
from gateway.formats.safe_xml import local
from gateway.formats.tree import tree_paths
from gateway.formats.tree.xml_tree import Tree

Getter = Callable[[Any], str | None]
Finder = Callable[[Any], Iterable[Any]]
LOCAL = re.compile(r"[^\W\d][\w.\-\xb7]*")
"""The local name of an element."""
_NAME = re.compile(rf"{LOCAL.pattern}|[*.]|\.\.")


def wanted_around(path: tree_paths.Path) -> Iterator[str]:
    """Names of the elements beside a row's ancestors that the path reads."""
    for steps in path.alternatives:
        levels = tree_paths.outward(steps)
        if levels and not steps[levels].name.startswith("@"):
            yield plain(steps[levels].name)


def compiled(text: str) -> tree_paths.Path:
    """Read a path whose steps can be names of elements and attributes. Raises PathError."""
    path = tree_paths.compiled(text)
    for steps in path.alternatives:
        if any(step.name.startswith("@") for step in steps[:-1]):
            raise PathError("path", text, "has a step behind an attribute", tree_paths.SYNTAX)
    wrong = next((name for name in tree_paths.names(path) if not _NAME.fullmatch(plain(name))), None)
    if wrong is not None:
        raise PathError("path", text, f'has a step "{wrong}", which no element can be called', tree_paths.SYNTAX)
    return path


def plain(name: str) -> str:
    return name.removeprefix("@").rpartition(":")[2]


def getter(path: tree_paths.Path, tree: Tree | None = None) -> Getter:
    """A function that gives the text of a path from an element, None where nothing is."""
    finders = [_finder(steps, tree) for steps in path.alternatives]
    if path.function == "count":
        return lambda element: str(len(list(finders[0](element))))
    if path.function == "join":
        return lambda element: " ".join(filter(None, map(text_of, finders[0](element)))) or None

    def get(element: Any) -> str | None:
        for find in finders:
            for found in find(element):
                return text_of(found)
        return None

    return get


def text_of(found: Any) -> str:
    """The text of an element, or an attribute's value."""
    if isinstance(found, str):
        return found
    return (found.text or "").strip() if len(found) == 0 else "".join(found.itertext()).strip()


def _finder(steps: tuple[tree_paths.Step, ...], tree: Tree | None) -> Finder:
    levels = tree_paths.outward(steps)
    if levels:
        return _around(levels, steps[levels], _walk([_move(step) for step in steps[levels + 1 :]]), tree)
    return _walk([_move(step) for step in steps])


def _walk(moves: list[Finder]) -> Finder:
    """One move after the other."""
    if not moves:
        return lambda element: (element,)
    first, *others = moves
    if not others:
        return first
    rest = _walk(others)
    return lambda element: (found for one in first(element) for found in rest(one))


def _around(levels: int, step: tree_paths.Step, rest: Finder, tree: Tree | None) -> Finder:
    """A path that leads out: to an attribute of an element around the row, or to what stood before it.

    Within a whole element, also to what stands behind it.
    """
    beside = _Attributes(step) if step.name.startswith("@") else _Beside(step, rest, tree)

    def find(element: Any) -> Iterable[Any]:
        for _ in range(levels - 1):
            element = element.getparent()
            if element is None:
                return ()
        parent = element.getparent()
        return () if parent is None else beside(element, parent)

    return find


class Around:
    """The paths that begin outside of a row: asked again only where what they can see has changed since the row
    before."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._getters: dict[int, list[tuple[int, Getter]]] = {}
        self._levels: dict[int, bool] = {}
        self._seen: list[Any] = []
        self._found: list[tuple[int, int, str | None]] = []

    def add(self, column: int, rank: int, steps: tuple[tree_paths.Step, ...], function: str) -> None:
        """A path of a column, of which this is the alternative of that rank."""
        levels = tree_paths.outward(steps)
        beside = not steps[levels].name.startswith("@")
        self._levels[levels] = self._levels.get(levels, False) or beside
        get = getter(tree_paths.Path((steps,), function), self._tree)
        self._getters.setdefault(column, []).append((rank, get))

    def found(self, element: Any) -> Sequence[tuple[int, int, str | None]]:
        """(column, rank, text) of each column of which something is found, by its first alternative that is there."""
        if not self._getters:
            return ()
        seen = [] if self._tree.within_whole(element) else list(self._sight(element))
        if not seen or seen != self._seen:
            self._seen = seen
            self._found = [one for column in self._getters if (one := self._first(column, element)) is not None]
        return self._found

    def _first(self, column: int, element: Any) -> tuple[int, int, str | None] | None:
        for rank, get in self._getters[column]:
            text = get(element)
            if text is not None:
                return column, rank, text
        return None

    def _sight(self, element: Any) -> Iterator[Any]:
        """What the paths can see: the elements around, and how many elements beside these they can reach."""
        for level in range(1, max(self._levels) + 1):
            parent = element.getparent()
            if parent is None:
                return
            if level in self._levels:
                yield parent
                yield self._tree.passed(parent, element).reached if self._levels[level] else 0
            element = parent


class _Attributes:
    """The attributes of that name of the element around: the same for all rows in it."""

    def __init__(self, step: tree_paths.Step) -> None:
        self._move = _move(step)
        self._parent: Any = None
        self._found: list[str] = []

    def __call__(self, element: Any, parent: Any) -> list[str]:
        if parent is not self._parent:
            self._parent, self._found = parent, list(self._move(parent))
        return self._found


class _Beside:
    """What a path finds from the siblings of an element on: of one parent, each of them is looked at once."""

    def __init__(self, step: tree_paths.Step, rest: Finder, tree: Tree | None) -> None:
        self._name, self._rest, self._tree = plain(step.name), rest, tree
        self._tests = [(test, getter(test.path) if test.path else None) for test in step.tests]
        self._begin(None)

    def _begin(self, parent: Any) -> None:
        self._parent = parent
        self._found: list[Any] = []
        self._done = 0
        self._seen = [0] * len(self._tests)

    def __call__(self, element: Any, parent: Any) -> list[Any]:
        tree = self._tree
        whole = tree is not None and tree.within_whole(element)
        if tree is None or (whole and self._name in (local(element.tag), "*")):
            # It is no sibling of its own: each of them sees others.
            self._begin(None)
            tag = f"{{*}}{self._name}"
            siblings = list(element.itersiblings(tag, preceding=True))[::-1]
            siblings += element.itersiblings(tag) if whole else ()
        else:
            if parent is not self._parent:
                self._begin(parent)
            siblings = tree.passed(parent, None if whole else element).kept.get(self._name, [])
        for one in siblings[self._done :]:
            if self._fits(one):
                self._found += self._rest(one)
        self._done = len(siblings)
        return self._found

    def _fits(self, sibling: Any) -> bool:
        """Whether it passes the conditions; to be asked in the order of the document."""
        for place, (test, get) in enumerate(self._tests):
            self._seen[place] += 1
            if self._seen[place] != test.number if get is None else get(sibling) != test.value:
                return False
        return True


def _move(step: tree_paths.Step) -> Finder:
    name = plain(step.name)
    if step.name.startswith("@"):
        # `attrib.items()` would look for each of them among all.
        return lambda element: (element.get(key) for key in element.attrib if local(key) == name)
    if name == ".":
        return lambda element: (element,)
    tag = f"{{*}}{name}"
    tests = [_test(test) for test in step.tests]
    if not tests:
        return lambda element: element.iterchildren(tag)

    def children(element: Any) -> Iterator[Any]:
        found = list(element.iterchildren(tag))
        for test in tests:
            found = test(found)
        return iter(found)

    return children


def _test(test: tree_paths.Test) -> Callable[[list[Any]], list[Any]]:
    if test.path is None:
        return lambda found: found[test.number - 1 : test.number]
    get = getter(test.path)
    return lambda found: [element for element in found if get(element) == test.value]
