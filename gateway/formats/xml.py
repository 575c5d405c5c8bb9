"""XML documents, streamed: a row for each element of a path, cells by relative paths.

Names are local names. In reach of a row are its own content, and of its ancestors everything that stood
before it, within a `whole` element also what stands behind it. A DOCTYPE that only names its DTD is passed
over, the DTD is never fetched; one that defines anything, and entities, are refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
from lxml import etree
from pydantic import BaseModel, ConfigDict

from gateway.errors import Fault, FileError, GatewayError
from gateway.formats import header as headers
from gateway.formats.contract import Reading, ReadRequest

BATCH_ROWS = 10_000
Getter = Callable[[Any], str | None]


class Options(BaseModel):
    """`[file]` settings, all of them local names.

    root      that the document's root may have (any if empty)
    body      that the elements in the root may have (any if empty); where given, the root must hold one, so that
              a document of another kind is refused and not taken for one without rows
    contains  of elements without which the document is another one and is refused, wherever they stand
    whole     of elements whose rows wait for their end, so that what stands behind them is in reach; one at a
              time is kept in memory
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    root: tuple[str, ...] = ()
    body: tuple[str, ...] = ()
    contains: tuple[str, ...] = ()
    whole: tuple[str, ...] = ()


def sniff(head: bytes, name: str) -> bool:
    """Markup: "<" and a name, "?" or "!"."""
    del name
    for encoding in ("utf-16", "utf-8-sig") if head[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig",):
        text = head.decode(encoding, "ignore").lstrip()
        if re.match(r"<[?!A-Za-z_]", text):
            return True
    return False


def read(request: ReadRequest) -> Reading:
    """Open a document for one kind of row. Raises FileError, GatewayError for a path that is none."""
    return _Xml(request)


class _Xml(Reading):
    def __init__(self, request: ReadRequest) -> None:
        self.request = request
        self.options: Options = headers.options(Options, request.options, "xml")
        self.columns = tuple(request.columns)
        self.getters = [_compile(column) for column in self.columns]
        self.each = _each(request.each or "")
        self.received = 0
        self.faults: list[Fault] = []
        self._has_body = False
        size = request.path.stat().st_size
        if size > request.limits.file_bytes_max:
            raise FileError(request.name, f"{size} bytes are more than file_bytes_max", "Split it or raise the limit.")

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        rows: list[tuple[str, list[str | None]]] = []
        done = 0
        try:
            for element, position in self._elements():
                rows.append((position, [get(element) for get in self.getters]))
                if len(rows) >= BATCH_ROWS:
                    yield self._batch(rows, done)
                    done += len(rows)
                    rows = []
        except etree.XMLSyntaxError as error:
            raise self._broken(error) from None
        if rows:
            yield self._batch(rows, done)

    def _batch(self, rows: list[tuple[str, list[str | None]]], done: int) -> pa.RecordBatch:
        self.received += len(rows)
        count = len(rows)
        cells = [pa.array([row[1][n] for row in rows], pa.utf8()) for n in range(len(self.columns))]
        return pa.RecordBatch.from_arrays(
            [
                pa.array(range(done, done + count), pa.int64()),
                pa.array([row[0] for row in rows], pa.utf8()),
                pa.array([0] * count, pa.int32()),
                *cells,
            ],
            schema=self.schema,
        )

    def _elements(self) -> Iterator[tuple[Any, str]]:
        """Each matching element at its end, with its path; it is emptied afterwards."""
        limits = self.request.limits
        stack: list[tuple[str, dict[str, int], int]] = []
        counts: dict[str, int] = {}
        missing, whole = set(self.options.contains), frozenset(self.options.whole)
        waiting: list[tuple[Any, str]] = []
        self._refuse_doctype()
        parser = etree.iterparse(self.request.path, events=("start", "end"), huge_tree=False, load_dtd=False)
        for event, element in parser:
            if not isinstance(element.tag, str):
                continue
            name = _local(element.tag)
            if event == "start":
                if not stack:
                    self._check_root(name, element)
                elif len(stack) == 1:
                    self._check_body(name, element)
                missing.discard(name)
                place = counts.get(name, 0) + 1
                counts[name] = place
                stack.append((name, counts, place))
                counts = {}
                if len(stack) > limits.xml_depth_max:
                    raise FileError(
                        self.request.name, f"elements are nested deeper than {limits.xml_depth_max}",
                        "Raise xml_depth_max if the document is right.", f"line {element.sourceline}",
                    )  # fmt: skip
                continue
            if len((element.text or "").encode()) > limits.xml_text_bytes_max:
                raise FileError(
                    self.request.name, f"the text of an element is longer than {limits.xml_text_bytes_max} bytes",
                    "Raise xml_text_bytes_max if the document is right.", f"line {element.sourceline}",
                )  # fmt: skip
            names = [entry[0] for entry in stack]
            if self._matches(names):
                position = "/" + "/".join(f"{n}[{p}]" if c.get(n, 1) > 1 or p > 1 or k == len(stack) - 1 else n
                                          for k, (n, c, p) in enumerate(stack))  # fmt: skip
                waiting.append((element, position))
            if (waiting or name in whole) and whole.isdisjoint(names[:-1]):
                yield from waiting
                waiting.clear()
                self._release(element)
            _, counts, _ = stack.pop()
        if self.options.body and not stack and not self._has_body:
            raise FileError(
                self.request.name, f"the document is empty, expected {' or '.join(self.options.body)}",
                "Send the document that the mapping is for.",
            )  # fmt: skip
        if stack or not counts:
            raise FileError(
                self.request.name,
                "the document is not well-formed: it ends before its elements are closed",
                "Send the whole document again; it was cut off.",
            )
        if missing:
            raise FileError(
                self.request.name, f"the document has no {' and no '.join(sorted(missing))}",
                "Send the document that the mapping is for.",
            )  # fmt: skip

    def _matches(self, names: list[str]) -> bool:
        anywhere, path = self.each
        if anywhere:
            return names[-len(path) :] == path
        return names == path

    @staticmethod
    def _release(element: Any) -> None:
        """Empty the element and drop its emptied elder siblings: memory stays flat."""
        element.clear(keep_tail=False)
        element.set("_done", "1")
        previous = element.getprevious()
        parent = element.getparent()
        if previous is not None and parent is not None and previous.get("_done") == "1":
            parent.remove(previous)

    def _check_root(self, name: str, element: Any) -> None:
        if self.options.root and name not in self.options.root:
            raise FileError(
                self.request.name, f"the document is a {name}, expected {' or '.join(self.options.root)}",
                "Send the document that the mapping is for.", f"line {element.sourceline}",
            )  # fmt: skip

    def _check_body(self, name: str, element: Any) -> None:
        if self.options.body and name not in self.options.body:
            raise FileError(
                self.request.name, f"the document holds a {name}, expected {' or '.join(self.options.body)}",
                "Send the document that the mapping is for.", f"line {element.sourceline}",
            )  # fmt: skip
        self._has_body = True

    def _refuse_doctype(self) -> None:
        """A DOCTYPE can define entities, which none of our documents needs. Some name a DTD: it is not read."""
        with self.request.path.open("rb") as source:
            head = source.read(65_536)
        if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
            head = head.decode("utf-16", "ignore").encode()
        place = head.upper().find(b"<!DOCTYPE")
        if place < 0:
            place = head.upper().find(b"<!ENTITY")
        root = re.search(rb"<[A-Za-z_]", head)
        if place >= 0 and (root is None or place < root.start()) and not _NAMES_A_DTD.match(head, place):
            raise FileError(
                self.request.name, "the document has a DOCTYPE; entities are not allowed",
                "Send the document without it.", f"line {head[:place].count(bytes([10])) + 1}",
            )  # fmt: skip

    def _broken(self, error: etree.XMLSyntaxError) -> FileError:
        line = error.position[0] if error.position else 0
        return FileError(
            self.request.name, f"the document is not well-formed: {error.msg}",
            "Send the whole document again; it may have been cut off.", f"line {line}",
        )  # fmt: skip


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _each(text: str) -> tuple[bool, list[str]]:
    """(anywhere, path of local names)."""
    anywhere = text.startswith("//")
    path = [part.rpartition(":")[2] for part in text.strip("/").split("/")]
    if not text.startswith("/") or not all(re.fullmatch(r"[\w.\-]+", part) for part in path):
        raise GatewayError("read each", text or "(none)", "Write //Ntry or /Document/Stmt/Ntry: what is a row.")
    return anywhere, path


_NAMES_A_DTD = re.compile(rb"<!DOCTYPE\s+[\w:.\-]+\s+(SYSTEM|PUBLIC)\s[^\[\]<>]*>", re.IGNORECASE)
_STEP = re.compile(r"([\w.\-:]+|\.\.|\.|@[\w.\-:]+)((?:\[[^\]]*\])*)")
_PREDICATE = re.compile(r"\[(?:(\d+)|([\w.\-/@:]+)\s*=\s*(?:'([^']*)'|\"([^\"]*)\"))\]")


def _compile(path: str) -> Getter:
    """A function that gives the text of a relative path; alternatives with "|", the first present counts.

    `count(path)` gives how many there are, `join(path)` the texts of all of them with blanks between.
    """
    called = re.fullmatch(r"(count|join)\((.+)\)", path.strip())
    if called:
        find_all = _finder(called.group(2))
        if called.group(1) == "count":
            return lambda element: str(sum(1 for _ in find_all(element)))
        return lambda element: " ".join(filter(None, map(_text, find_all(element)))) or None
    finders = [_finder(alternative.strip()) for alternative in path.split("|")]

    def get(element: Any) -> str | None:
        for find in finders:
            for found in find(element):
                return _text(found)
        return None

    return get


def _text(found: Any) -> str:
    return found if isinstance(found, str) else "".join(found.itertext()).strip()


def _finder(path: str) -> Callable[[Any], Iterator[Any]]:
    steps: list[Callable[[Any], Iterator[Any]]] = []
    rest = path
    while rest:
        found = _STEP.match(rest)
        if not found:
            raise GatewayError(
                "read path",
                path,
                "Write names with /, ../, @attribute, [1] or [Tp/Cd='CLBD']: ../Bal[Tp/Cd='CLBD']/Amt.",
            )
        steps.append(_step(found.group(1), found.group(2), path))
        rest = rest[found.end() :]
        if rest.startswith("/"):
            rest = rest[1:]
        elif rest:
            raise GatewayError("read path", path, f"Expected / before {rest}.")

    def find(element: Any) -> Iterator[Any]:
        def walk(node: Any, number: int) -> Iterator[Any]:
            if number == len(steps):
                yield node
                return
            for following in steps[number](node):
                yield from walk(following, number + 1)

        return walk(element, 0)

    return find


def _step(name: str, predicates: str, path: str) -> Callable[[Any], Iterator[Any]]:
    if name == "..":
        return lambda node: iter([node.getparent()] if node.getparent() is not None else [])
    if name == ".":
        return lambda node: iter([node])
    if name.startswith("@"):
        wanted = name[1:].rpartition(":")[2]
        return lambda node: (value for key, value in node.attrib.items() if _local(key) == wanted)
    local = name.rpartition(":")[2]
    tests = _predicates(predicates, path)

    def children(node: Any) -> Iterator[Any]:
        found = [c for c in node if isinstance(c.tag, str) and (local == "*" or _local(c.tag) == local)]
        for test in tests:
            found = test(found)
        return iter(found)

    return children


def _predicates(text: str, path: str) -> list[Callable[[list[Any]], list[Any]]]:
    tests: list[Callable[[list[Any]], list[Any]]] = []
    rest = text
    while rest:
        found = _PREDICATE.match(rest)
        if not found:
            raise GatewayError("read path", path, "A condition is [1] or [Tp/Cd='CLBD'].")
        number, inner, single, double = found.groups()
        tests.append(
            _nth(int(number)) if number else _equals(_compile(inner), single if single is not None else double)
        )
        rest = rest[found.end() :]
    return tests


def _nth(number: int) -> Callable[[list[Any]], list[Any]]:
    return lambda found: found[number - 1 : number]


def _equals(get: Getter, value: str) -> Callable[[list[Any]], list[Any]]:
    return lambda found: [element for element in found if get(element) == value]
