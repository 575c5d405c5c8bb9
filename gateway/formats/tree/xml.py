"""XML documents, streamed: a row for each element of a path, cells by relative paths.

Names are local names. In reach of a row are its own content, and of the elements around it their attributes
and everything that stood before the row, within a `whole` element also what stands behind it. DOCTYPE and
entities are refused; where the mapping says so, a DOCTYPE may name a DTD, which is never read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from lxml import etree
from pydantic import BaseModel, ConfigDict

from gateway.errors import Fault, FileError
from gateway.formats import header as headers
from gateway.formats.path_errors import PathError, repaired
from gateway.formats.safe_xml import local, names_a_dtd, refuse_doctype
from gateway.formats.tree import tree_paths
from gateway.reading import Reading, ReadRequest, check_size

BATCH_ROWS = 10_000
CHUNK_BYTES = 8 << 10
EACH_SYNTAX = "Write //Ntry or /Document/Stmt/Ntry: what is a row."
_EACH = re.compile(r"//?(?:[^/:]*:)?[\w.\-]+(?:/(?:[^/:]*:)?[\w.\-]+)*/?")
_EACH_REPAIRS = (str.strip, lambda text: re.sub("(?<=.)/+", "/", text), lambda text: f"//{text.strip('/')}")
Getter = Callable[[Any], str | None]
Finder = Callable[[Any], Iterator[Any]]
_NAME = re.compile(r"[^\W\d][\w.\-\xb7]*|[*.]|\.\.")


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


def sniff(head: bytes, name: str) -> bool:
    """Markup: "<" and a name, "?" or "!"."""
    del name
    codec = "utf-16" if head[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    return re.match(r"\s*<[?!A-Za-z_]", head.decode(codec, "ignore")) is not None


def read(request: ReadRequest) -> Reading:
    """Open a document for one kind of row. Raises FileError, PathError for a path that is none."""
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
        self.whole = frozenset(self.options.whole)
        self.getters = [_getter(path, self.whole) for path in paths]
        self.around = frozenset(name for path in paths for name in _wanted_around(path))
        self.anywhere, self.path = _each(request.each or "")
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
        tree = _Tree(self.path, self.anywhere, self.around, self.whole)
        missing = set(self.options.contains)
        waiting: list[tuple[Any, str]] = []
        names = {self.path[-1], *missing, *self.whole}
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
                    if event == "end" and waiting and not _within(element, self.whole):
                        yield from waiting
                        waiting.clear()
                self._check_body(tree.root)
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

    def _check_body(self, root: Any) -> None:
        """Every element in the root must be one that the mapping names."""
        for element in root if self.options.body and root is not None else ():
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
        line = error.position[0] if error.position else 0
        return FileError(
            self.request.name, f"the document is not well-formed: {error.msg}",
            "Send the whole document again; it may have been cut off.", f"line {line}",
        )  # fmt: skip


class _Tree:
    """The part of the document that is in memory: the open elements, and what paths can reach beside them."""

    def __init__(self, path: list[str], anywhere: bool, around: frozenset[str], whole: frozenset[str]) -> None:
        self.path, self.anywhere, self.around, self.whole = path, anywhere, around, whole
        self.root: Any = None
        self.depth = 0
        self._dropped: dict[Any, dict[str, int]] = {}
        self._parent: Any = self
        self._prefix, self._place, self._fits = "", 0, False

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

    def position(self, element: Any) -> str:
        """The path of the row that `is_row` was asked about last."""
        return f"{self._prefix}/{local(element.tag)}[{self._place}]"

    def prune(self) -> tuple[int, Any]:
        """Drop the closed elements that no row can reach; gives how deep the document is open, and the inmost element."""
        kept: dict[Any, dict[str, int]] = {}
        names: list[str] = []
        node = inmost = self.root
        while node is not None:
            inmost = node
            names.append(local(node.tag))
            if len(node) == 0 or self._is_path(names) or names[-1] in self.whole:
                break
            if node is not self.root and self._reached(names[-1]):
                break
            counts = kept[node] = self._dropped.get(node, {})
            for child in node[:-1]:
                name = local(child.tag)
                if not self._reached(name):
                    counts[name] = counts.get(name, 0) + 1
                    node.remove(child)
            node = node[-1]
        self._dropped = kept
        return len(names), inmost

    def _reached(self, name: str) -> bool:
        return name in self.around or "*" in self.around

    def _is_path(self, names: list[str]) -> bool:
        return names[-len(self.path) :] == self.path if self.anywhere else names == self.path

    def _number(self, element: Any) -> int:
        """1 for the first element of its name within its parent."""
        dropped = self._dropped.get(element.getparent(), {})
        name = local(element.tag)
        return 1 + dropped.get(name, 0) + sum(1 for _ in element.itersiblings(f"{{*}}{name}", preceding=True))


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


def _within(element: Any, names: frozenset[str]) -> bool:
    """Whether one of the elements around this one has such a name."""
    return bool(names) and any(local(one.tag) in names for one in element.iterancestors())


def _getter(path: tree_paths.Path, whole: frozenset[str] = frozenset()) -> Getter:
    """A function that gives the text of a path from an element, None where nothing is."""
    finders = [_finder(steps, whole) for steps in path.alternatives]
    if path.function == "count":
        return lambda element: str(sum(1 for _ in finders[0](element)))
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


def _finder(steps: tuple[tree_paths.Step, ...], whole: frozenset[str]) -> Finder:
    levels = tree_paths.outward(steps)
    moves = [_move(step) for step in steps[levels:]]
    begin = _around(levels, steps[levels], whole) if levels else moves[0]
    rest = moves[1:]
    if not rest:
        return begin

    def walk(found: Iterator[Any], number: int) -> Iterator[Any]:
        for one in found:
            if number == len(rest):
                yield one
            else:
                yield from walk(rest[number](one), number + 1)

    return lambda element: walk(begin(element), 0)


def _around(levels: int, step: tree_paths.Step, whole: frozenset[str]) -> Finder:
    """The first step of a path that leads out: an attribute of an element around the row, or what stood before it.

    Within a whole element, also what stands behind it.
    """
    tests = [_test(test) for test in step.tests]
    attribute = _move(step) if step.name.startswith("@") else None
    tag = f"{{*}}{_plain(step.name)}"

    def find(element: Any) -> Iterator[Any]:
        for _ in range(levels - 1):
            element = element.getparent()
            if element is None:
                return iter(())
        if attribute is not None:
            parent = element.getparent()
            return iter(()) if parent is None else attribute(parent)
        found = list(element.itersiblings(tag, preceding=True))[::-1]
        if _within(element, whole):
            found += element.itersiblings(tag)
        for test in tests:
            found = test(found)
        return iter(found)

    return find


def _move(step: tree_paths.Step) -> Finder:
    name = _plain(step.name)
    if step.name.startswith("@"):
        return lambda element: (value for key, value in element.attrib.items() if local(key) == name)
    if name == ".":
        return lambda element: iter((element,))
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
