"""XML documents, streamed: a row for each element of a path, cells by relative paths.

Names are local names. In reach of a row are its own content, and of the elements around it their attributes
and everything that stood before the row, within a `whole` element also what stands behind it. DOCTYPE and
entities are refused; where the mapping says so, a DOCTYPE may name a DTD, which is never read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from lxml import etree
from pydantic import ConfigDict, field_validator

from gateway.errors import Fault, FileError
from gateway.formats import header as headers
from gateway.formats.path_errors import PathError, repaired
from gateway.formats.safe_xml import OUT_OF_MEMORY, local, names_a_dtd, opened, refuse_doctype
from gateway.formats.tree.xml_paths import LOCAL, compiled, getter, wanted_around
from gateway.formats.tree.xml_tree import Tree
from gateway.formats.tree.xml_walk import Walk
from gateway.reading import Reading, ReadRequest, check_size, without_rows
from gateway.toml_values import TomlTable

BATCH_ROWS = 10_000
CHUNK_BYTES = 8 << 10
EACH_SYNTAX = "Write //Ntry or /Document/Stmt/Ntry: what is a row."
ENVELOPE_ELEMENTS_MAX = 1_000
"""How far into a document its own root is looked for, within an envelope."""
_BEHIND_THE_END = ("Extra content at the end", "XML declaration allowed only at the start")
_EACH = re.compile(r"//?(?:[^/:]*:)?[\w.\-]+(?:/(?:[^/:]*:)?[\w.\-]+)*/?")
_EACH_REPAIRS = (str.strip, lambda text: re.sub("(?<=.)/+", "/", text), lambda text: f"//{text.strip('/')}")


class Options(TomlTable):
    """`[file]` settings; names are local names.

    root      that the document's root may have (any if empty), be it in an envelope of another namespace (the
              business message envelope of ISO 20022, a DataPDU of SWIFT, a StandardBusinessDocument, SOAP)
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
            if not LOCAL.fullmatch(name):
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
    getter(compiled(path))


def describe(request: ReadRequest) -> str:
    """The name of its root. Raises FileError."""
    try:
        with opened(request.path) as source:
            _, root = next(etree.iterparse(source, events=("start",), huge_tree=False, no_network=True))
    except etree.XMLSyntaxError as error:
        raise FileError(request.name, f"it is not well-formed: {error.msg}", "Send the document again.") from None
    return f"an XML document with the root {local(root.tag)}"


class _Xml(Reading):
    def __init__(self, request: ReadRequest) -> None:
        self.request = request
        self.options: Options = headers.options(Options, request.options, "xml")
        self.columns = tuple(request.columns)
        paths = [compiled(column) for column in self.columns]
        around = frozenset(name for path in paths for name in wanted_around(path))
        anywhere, self.path = _each(request.each or "")
        self.tree = Tree(self.path, anywhere, around, frozenset(self.options.whole))
        self.walk = Walk(paths, self.tree)
        self.received = 0
        self.faults: list[Fault] = []
        self._has_body = self._enveloped = False
        check_size(request, may_be_empty=True)

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        rows: list[tuple[str, list[str | None]]] = []
        done = 0
        try:
            for element, position in self._elements():
                rows.append((position, self.walk.cells(element)))
                if len(rows) == BATCH_ROWS:
                    yield self._batch(rows, done)
                    done += len(rows)
                    rows = []
        except etree.XMLSyntaxError as error:
            raise self._broken(error) from None
        if rows:
            yield self._batch(rows, done)
        if not self.received:
            self.faults.append(without_rows(self.request.each))

    def _batch(self, rows: list[tuple[str, list[str | None]]], done: int) -> pa.RecordBatch:
        self.count(len(rows))
        cells = [pa.array(column, pa.utf8()) for column in zip(*(row[1] for row in rows), strict=True)]
        for texts in cells:
            lengths = pc.binary_length(texts)
            if (pc.max(lengths).as_py() or 0) > self.request.limits.xml_text_bytes_max:
                position = rows[pc.index(lengths, pc.max(lengths)).as_py()][0]
                raise FileError(
                    self.request.name,
                    "a text has more bytes than xml_text_bytes_max",
                    "Raise limits.xml_text_bytes_max if the document is right.",
                    position,
                )
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
            events=("start", "end"),
            tag=(self._root_tag(), *(f"{{*}}{name}" for name in sorted(names | set(self.options.root)))),
            remove_comments=True,
            remove_pis=True,
            huge_tree=False,
            no_network=True,
        )
        with opened(self.request.path) as source:
            while chunk := source.read(CHUNK_BYTES):
                parser.feed(chunk)
                for event, element in parser.read_events():
                    if event == "start":
                        if tree.root is None:
                            tree.root = element
                        if self._enveloped and self._is_enclosed(element):
                            tree.enclose(element)
                        if missing:
                            missing.discard(local(element.tag))
                        continue
                    if tree.is_row(element):
                        self._check_depth(tree.depth, element)
                        waiting.append((element, tree.position()))
                    if waiting and not tree.within_whole(element):
                        yield from waiting
                        waiting.clear()
                self._check_body()
                self._check_depth(*tree.prune())
            parser.close()
        if self.options.body and not self._has_body:
            raise self._unexpected("the document is empty", self.options.body)
        if missing:
            raise FileError(
                self.request.name,
                f"the document has no {' and no '.join(sorted(missing))}",
                "Send the document that the mapping reads.",
            )

    def _root_tag(self) -> str:
        """The tag of the root, which must be one that the mapping names. A DOCTYPE that is not allowed is refused."""
        with opened(self.request.path) as source:
            return self._root_tag_of(etree.iterparse(source, events=("start",), huge_tree=False, no_network=True))

    def _root_tag_of(self, begun: Iterator[tuple[str, Any]]) -> str:
        _, root = next(begun)
        if not (self.options.doctype and names_a_dtd(self.request.path)):
            refuse_doctype(root, self.request.name)
        if self.options.root and local(root.tag) not in self.options.root:
            self._enveloped = any(self._is_enclosed(element) for _, element in islice(begun, ENVELOPE_ELEMENTS_MAX))
            if not self._enveloped:
                raise self._unexpected(f"the document is a {local(root.tag)}", self.options.root, root.sourceline)
        return str(root.tag)

    def _is_enclosed(self, element: Any) -> bool:
        """Whether an element is the root of a document, in an envelope of another namespace."""
        own, above = (etree.QName(one).namespace for one in (element, element.getroottree().getroot()))
        return local(element.tag) in self.options.root and own != above

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
            self.request.name,
            f"{what}, expected {' or '.join(wanted)}",
            "Send the document that the mapping reads.",
            f"line {line}" if line else "",
        )

    def _check_depth(self, depth: int, element: Any) -> None:
        if depth > self.request.limits.xml_depth_max:
            raise FileError(
                self.request.name,
                f"elements are nested deeper than {self.request.limits.xml_depth_max}",
                "Raise limits.xml_depth_max if the document is right.",
                f"line {element.sourceline}",
            )

    def _broken(self, error: etree.XMLSyntaxError) -> FileError:
        if error.msg == OUT_OF_MEMORY:
            raise MemoryError from None
        line = error.position[0] if error.position else 0
        fix = "Send the whole document again; it may have been cut off."
        if (error.msg or "").startswith(_BEHIND_THE_END):
            fix = "Send each document as a file of its own, with nothing behind its end."
        elif "encoding" in (error.msg or ""):
            fix = "Send the document in the encoding that its first line declares, or declare the one that it is in."
        return FileError(self.request.name, f"the document is not well-formed: {error.msg}", fix, f"line {line}")


def _each(text: str) -> tuple[bool, list[str]]:
    """(anywhere, path of local names)."""
    if not _EACH.fullmatch(text):
        near = repaired(text, _EACH_REPAIRS, lambda one: _EACH.fullmatch(one) is not None)
        raise PathError("each", text, "is not the path of an element", EACH_SYNTAX, near)
    return text.startswith("//"), [part.rpartition(":")[2] for part in text.strip("/").split("/")]
