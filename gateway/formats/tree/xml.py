"""XML documents, streamed: a row for each element of a path, cells by relative paths.

Names are local names. In reach of a row are its own content, and of the elements around it their attributes
and everything that stood before the row, within a `whole` element also what stands behind it. DOCTYPE and
entities are refused; where the mapping says so, a DOCTYPE may name a DTD, which is never read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from lxml import etree
from pydantic import BaseModel, ConfigDict, field_validator

from gateway.errors import Fault, FileError
from gateway.formats import header as headers
from gateway.formats.path_errors import PathError, repaired
from gateway.formats.safe_xml import OUT_OF_MEMORY, local, names_a_dtd, refuse_doctype
from gateway.formats.tree import tree_paths
from gateway.formats.tree.xml_tree import Tree
from gateway.reading import Reading, ReadRequest, check_size

BATCH_ROWS = 10_000
CHUNK_BYTES = 8 << 10
EACH_SYNTAX = "Write //Ntry or /Document/Stmt/Ntry: what is a row."
_EACH = re.compile(r"//?(?:[^/:]*:)?[\w.\-]+(?:/(?:[^/:]*:)?[\w.\-]+)*/?")
_EACH_REPAIRS = (str.strip, lambda text: re.sub("(?<=.)/+", "/", text), lambda text: f"//{text.strip('/')}")
Getter = Callable[[Any], str | None]
Finder = Callable[[Any], Iterable[Any]]
_LOCAL = re.compile(r"[^\W\d][\w.\-\xb7]*")
_NAME = re.compile(rf"{_LOCAL.pattern}|[*.]|\.\.")


class Options(BaseModel):
    """`[file]` settings; names are local names.

    root      that the document's root may have (any if empty)
    body      that the elements in the root may have (any if empty); where given, the root must hold one, so that
              a document of another kind is refused and not taken for one without rows
    contains  of elements without which the document is another one and is refused, wherever they stand
    whole     of elements whose rows wait for their end, so that what stands behind them is in reach; one at a
              time is kept in memory
    doctype   whether the document may name a DTD
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    root: tuple[str, ...] = ()
    body: tuple[str, ...] = ()
    contains: tuple[str, ...] = ()
    whole: tuple[str, ...] = ()
    doctype: bool = False

    @field_validator("root", "body", "contains", "whole")
    @classmethod
    def _names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if not _LOCAL.fullmatch(name):
                raise ValueError(f'no element can be called "{name}": write its name without a prefix, as in Document')
        return value


def sniff(head: bytes, name: str) -> bool:
    """Markup: "<" and a name, "?" or "!"."""
    del name
    codec = "utf-16" if head[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    return re.match(r"\s*<[?!A-Za-z_]", head.decode(codec, "ignore")) is not None


def read(request: ReadRequest) -> Reading:
    """Open a document for one kind of row. Raises FileError, PathError for a path that is not valid."""
    return _Xml(request)


def check_each(each: str | None, options: Mapping[str, Any]) -> None:
    """Whether `each` is the path of an element. Raises PathError."""
    del options
    _each(each or "")


def check_path(path: str, each: str | None, options: Mapping[str, Any]) -> None:
    """Whether a path leads from an element to a text. Raises PathError."""
    del each, options
    _getter(_compiled(path))


def describe(request: ReadRequest) -> str:
    """The name of its root. Raises FileError."""
    try:
        _, root = next(etree.iterparse(request.path, events=("start",), huge_tree=False, no_network=True))
    except etree.XMLSyntaxError as error:
        raise FileError(request.name, f"it is not well-formed: {error.msg}", "Send the document again.") from None
    return f"an XML document with the root {local(root.tag)}"


class _Xml(Reading):
    def __init__(self, request: ReadRequest) -> None:
        self.request = request
        self.options: Options = headers.options(Options, request.options, "xml")
        self.columns = tuple(request.columns)
        paths = [_compiled(column) for column in self.columns]
        around = frozenset(name for path in paths for name in _wanted_around(path))
        anywhere, self.path = _each(request.each or "")
        self.tree = Tree(self.path, anywhere, around, frozenset(self.options.whole))
        self.getters = [_getter(path, self.tree) for path in paths]
        self.received = 0
        self.faults: list[Fault] = []
        self._has_body = False
        check_size(request, may_be_empty=True)

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        rows: list[tuple[str, list[str | None]]] = []
        done = 0
        try:
            for element, position in self._elements():
                rows.append((position, [get(element) for get in self.getters]))
                if len(rows) == BATCH_ROWS:
                    yield self._batch(rows, done)
                    done += len(rows)
                    rows = []
        except etree.XMLSyntaxError as error:
            raise self._broken(error) from None
        if rows:
            yield self._batch(rows, done)

    def _batch(self, rows: list[tuple[str, list[str | None]]], done: int) -> pa.RecordBatch:
        self.count(len(rows))
        cells = [pa.array([row[1][n] for row in rows], pa.utf8()) for n in range(len(self.columns))]
        for texts in cells:
            lengths = pc.binary_length(texts)
            if (pc.max(lengths).as_py() or 0) > self.request.limits.xml_text_bytes_max:
                position = rows[pc.index(lengths, pc.max(lengths)).as_py()][0]
                raise FileError(
                    self.request.name, "a text has more bytes than xml_text_bytes_max",
                    "Raise limits.xml_text_bytes_max if the document is right.", position,
                )  # fmt: skip
        return pa.RecordBatch.from_arrays(
            [
                pa.array(range(done, done + len(rows)), pa.int64()),
                pa.array([row[0] for row in rows], pa.utf8()),
                pa.array([0] * len(rows), pa.int32()),
                *cells,
            ],
            schema=self.schema,
        )

    # --- the stream -------------------------------------------------------------------------------------

    def _elements(self) -> Iterator[tuple[Any, str]]:
        """Each row at its end, with its path. What no path can reach any more is dropped between."""
        tree = self.tree
        missing = set(self.options.contains)
        waiting: list[tuple[Any, str]] = []
        names = {self.path[-1], *missing, *tree.whole}
        parser: Any = etree.XMLPullParser(
            events=("start", "end"), tag=(self._root_tag(), *(f"{{*}}{name}" for name in sorted(names))),
            remove_comments=True, remove_pis=True, huge_tree=False, no_network=True,
        )  # fmt: skip
        with self.request.path.open("rb") as source:
            while chunk := source.read(CHUNK_BYTES):
                parser.feed(chunk)
                for event, element in parser.read_events():
                    if tree.root is None:
                        tree.root = element
                    missing.discard(local(element.tag))
                    if event == "end" and tree.is_row(element):
                        self._check_depth(tree.depth, element)
                        waiting.append((element, tree.position(element)))
                    if event == "end" and waiting and not tree.within_whole(element):
                        yield from waiting
                        waiting.clear()
                self._check_body()
                self._check_depth(*tree.prune())
            parser.close()
        if self.options.body and not self._has_body:
            raise self._unexpected("the document is empty", self.options.body)
        if missing:
            raise FileError(
                self.request.name, f"the document has no {' and no '.join(sorted(missing))}",
                "Send the document that the mapping reads.",
            )  # fmt: skip

    def _root_tag(self) -> str:
        """The tag of the root, which must be one that the mapping names. A DOCTYPE that is not allowed is refused."""
        begun = etree.iterparse(self.request.path, events=("start",), huge_tree=False, no_network=True)
        _, root = next(begun)
        if not (self.options.doctype and names_a_dtd(self.request.path)):
            refuse_doctype(root, self.request.name)
        if self.options.root and local(root.tag) not in self.options.root:
            raise self._unexpected(f"the document is a {local(root.tag)}", self.options.root, root.sourceline)
        return str(root.tag)

    def _check_body(self) -> None:
        """Every element in the root must be one that the mapping names."""
        for element in self.tree.in_root() if self.options.body else ():
            if local(element.tag) not in self.options.body:
                raise self._unexpected(
                    f"the document holds a {local(element.tag)}", self.options.body, element.sourceline
                )
            self._has_body = True

    def _unexpected(self, what: str, wanted: tuple[str, ...], line: int = 0) -> FileError:
        return FileError(
            self.request.name, f"{what}, expected {' or '.join(wanted)}",
            "Send the document that the mapping reads.", f"line {line}" if line else "",
        )  # fmt: skip

    def _check_depth(self, depth: int, element: Any) -> None:
        if depth > self.request.limits.xml_depth_max:
            raise FileError(
                self.request.name, f"elements are nested deeper than {self.request.limits.xml_depth_max}",
                "Raise limits.xml_depth_max if the document is right.", f"line {element.sourceline}",
            )  # fmt: skip

    def _broken(self, error: etree.XMLSyntaxError) -> FileError:
        if error.msg == OUT_OF_MEMORY:
            raise MemoryError from None
        line = error.position[0] if error.position else 0
        return FileError(
            self.request.name, f"the document is not well-formed: {error.msg}",
            "Send the whole document again; it may have been cut off.", f"line {line}",
        )  # fmt: skip


# --- paths --------------------------------------------------------------------------------------------


def _each(text: str) -> tuple[bool, list[str]]:
    """(anywhere, path of local names)."""
    if not _EACH.fullmatch(text):
        near = repaired(text, _EACH_REPAIRS, lambda one: _EACH.fullmatch(one) is not None)
        raise PathError("each", text, "is not the path of an element", EACH_SYNTAX, near)
    return text.startswith("//"), [part.rpartition(":")[2] for part in text.strip("/").split("/")]


def _wanted_around(path: tree_paths.Path) -> Iterator[str]:
    """Names of the elements beside a row's ancestors that the path reads."""
    for steps in path.alternatives:
        levels = tree_paths.outward(steps)
        if levels and not steps[levels].name.startswith("@"):
            yield _plain(steps[levels].name)


def _compiled(text: str) -> tree_paths.Path:
    """Read a path whose steps can be names of elements and attributes. Raises PathError."""
    path = tree_paths.compiled(text)
    wrong = next((name for name in tree_paths.names(path) if not _NAME.fullmatch(_plain(name))), None)
    if wrong is not None:
        raise PathError("path", text, f'has a step "{wrong}", which no element can be called', tree_paths.SYNTAX)
    return path


def _plain(name: str) -> str:
    return name.removeprefix("@").rpartition(":")[2]


def _getter(path: tree_paths.Path, tree: Tree | None = None) -> Getter:
    """A function that gives the text of a path from an element, None where nothing is."""
    finders = [_finder(steps, tree) for steps in path.alternatives]
    if path.function == "count":
        return lambda element: str(len(list(finders[0](element))))
    if path.function == "join":
        return lambda element: " ".join(filter(None, map(_text, finders[0](element)))) or None

    def get(element: Any) -> str | None:
        for find in finders:
            for found in find(element):
                return _text(found)
        return None

    return get


def _text(found: Any) -> str:
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
        self._name, self._rest, self._tree = _plain(step.name), rest, tree
        self._tests = [(test, _getter(test.path) if test.path else None) for test in step.tests]
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
    name = _plain(step.name)
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
    get = _getter(test.path)
    return lambda found: [element for element in found if get(element) == test.value]
