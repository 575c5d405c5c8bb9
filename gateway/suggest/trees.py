"""A document (XML, JSON) as a table: what repeats is a row, what stands in it and around it is a column."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any

from gateway.errors import FileError
from gateway.formats import encoding
from gateway.formats.safe_xml import events, local, names_a_dtd
from gateway.suggest import shapes
from gateway.suggest.look import ROWS_KEPT, Seen
from gateway.suggest.words import meant

NODES_MAX = 200_000
"""So many elements of a document are looked at."""
JSON_BYTES_MAX = 30_000_000
"""A larger document is not parsed for a draft."""
LEAVES_MIN = 2
"""A row has so many values at least."""
CANDIDATES = 8
"""So many kinds of rows are compared."""
AROUND = 4
"""So many levels around a row are looked at."""
_GENERAL = "number code value name text type status date description reference start end percent indicator"
GENERAL = frozenset(_GENERAL.split())
PLAIN = frozenset(("quantity", "amount", "currency", "time"))
_WRAPS = (
    "party entity number name header information details credential contact address legal registration reference "
    "prtry proprietary othr other document"
)
WRAPS = frozenset(_WRAPS.split())
"""Words that only wrap others: of an element that is called so alone the one around it counts."""
LINE = "line"
OWN = frozenset(("number", "code", "value", "name", "text"))
"""Words that mean something only with the name of the element around them; those for which any element of the row or
around it is enough; and those that need it also in the row itself."""
ROWS = ("line", "lineitem", "entry", "ntry", "row", "record", "position")
"""Elements whose names end so are rows, also where a sample has one of them only."""
ITEM, QUANTITY = "item", "quantity"
_SYNTAX = set("/[]|()'\"")

Names = tuple[str, ...]


@dataclass(slots=True)
class Node:
    """An element or a value: its name, its text, what stands in it; attributes are called @name."""

    tag: str
    text: str = ""
    inner: list[Node] = field(default_factory=list)


def see(paths: Sequence[Path], name: str, score: Callable[[Seen], float]) -> Seen | None:
    """The rows that score best in documents of a feed, None where nothing in them is a row. Raises FileError.

    name  their format: xml or json
    """
    read = [_document(path, name) for path in paths]
    for path, (_, options) in zip(paths, read, strict=True):
        if options != read[0][1]:
            cause = f"it has {_said(options)}, but {paths[0].name} has {_said(read[0][1])}"
            raise FileError(path.name, cause, "Draft each kind of document by itself.")
    roots = [root for root, _ in read]
    repeated = set().union(*map(_repeated, roots))
    found = [_seen(paths, name, read[0][1], roots, row, repeated) for row in _rows(roots, repeated)]
    return max(found, key=score, default=None)


def _said(options: dict[str, Any]) -> str:
    """What distinguishes a kind of document, for people."""
    return f"the root {options['root'][0]}" if "root" in options else f"a document{' in each line' * bool(options)}"


# --- documents as nodes ---------------------------------------------------------------------------------


def document(path: Path, name: str) -> Node:
    """A document, as far as it is looked at. Raises FileError."""
    return _document(path, name)[0]


def _document(path: Path, name: str) -> tuple[Node, dict[str, Any]]:
    return _xml(path) if name == "xml" else _json(path)


def _xml(path: Path) -> tuple[Node, dict[str, Any]]:
    """The document, as far as it is looked at. Raises FileError."""
    from lxml import etree

    root: Any = None
    doctype = names_a_dtd(path)
    try:
        with path.open("rb") as source:
            for _, element in islice(events(source, path.name, ("end",), (), doctype=doctype), NODES_MAX):
                root = element.getroottree().getroot()
    except etree.XMLSyntaxError as error:
        raise FileError(path.name, f"it is not well-formed: {error.msg}", "Send the document again.") from None
    if root is None:
        raise FileError(path.name, "it holds no element", "Send the document again.")
    return _node(root), {"root": [local(root.tag)]} | ({"doctype": True} if doctype else {})


def _node(element: Any) -> Node:
    inner = [Node(f"@{local(name)}", value) for name, value in element.attrib.items()]
    return Node(local(element.tag), (element.text or "").strip(), inner + [_node(child) for child in element])


def _json(path: Path) -> tuple[Node, dict[str, Any]]:
    """The document, or the first lines where each is one. Raises FileError."""
    text = path.read_bytes()[:JSON_BYTES_MAX].decode(encoding.detect(path, "auto"), "replace").removeprefix("\ufeff")
    lines = text.splitlines()
    try:
        if len(lines) > 1 and all(_is_document(line) for line in lines[:2]):
            found = [json.loads(line, parse_float=str, parse_int=str) for line in lines[:ROWS_KEPT] if line.strip()]
            return Node("", inner=[_value("", one) for one in found]), {"lines": True}
        return _value("", json.loads(text, parse_float=str, parse_int=str)), {}
    except ValueError as error:
        large = path.stat().st_size > JSON_BYTES_MAX
        fix = "Give it a smaller sample." if large else "Send the document again."
        raise FileError(path.name, f"it is not valid JSON: {error}", fix) from None


def _is_document(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def _value(name: str, value: Any) -> Node:
    if isinstance(value, dict):
        inner = [
            _value(key, one) for key, given in value.items() for one in (given if isinstance(given, list) else [given])
        ]
        return Node(name, inner=inner)
    if isinstance(value, list):
        return Node(name, inner=[_value(name, one) for one in value])
    return Node(name, "" if value is None else str(value).lower() if isinstance(value, bool) else str(value))


# --- rows -----------------------------------------------------------------------------------------------


def _rows(roots: Sequence[Node], repeated: set[Names]) -> list[Names]:
    """The paths of what may be a row: what repeats and has values, first what has the most; else what has values."""
    leaves: dict[Names, set[Names]] = {}
    for path, node in chain.from_iterable(walk(root, ()) for root in roots):
        if node.inner:
            leaves.setdefault(path, set()).update(names for names, _ in _leaves(node, path, repeated))
    wide = [path for path in leaves if len(leaves[path]) >= LEAVES_MIN]
    several = [path for path in wide if path in repeated] or wide
    return sorted(several, key=lambda path: (-len(leaves[path]), len(path)))[:CANDIDATES]


def _repeated(root: Node) -> set[Names]:
    """The paths of what stands several times in one element, and of what is called as rows are."""
    found: set[Names] = set()
    for path, node in [((), root), *walk(root, ())]:
        counts = Counter(child.tag for child in node.inner)
        found |= {(*path, tag) for tag, count in counts.items() if count > 1}
        found |= {(*path, child.tag) for child in node.inner if child.inner and _is_row(child)}
    return found


def _is_row(node: Node) -> bool:
    """Whether an element is called as rows are; an item is one where it has a quantity of its own."""
    name = node.tag.lower()
    counted = name.endswith(ITEM) and any(QUANTITY in meant(inner.tag.removeprefix("@")) for inner in node.inner)
    return name.endswith(ROWS) or counted


def walk(node: Node, path: Names) -> Iterator[tuple[Names, Node]]:
    """(path, element or value) of everything in a node, behind the path of the node itself."""
    for child in node.inner:
        yield (*path, child.tag), child
        yield from walk(child, (*path, child.tag))


def _leaves(node: Node, path: Names, repeated: set[Names]) -> Iterator[tuple[Names, str]]:
    """(whole path, text) of every value in a node; what repeats in it is a row of its own, and no value of this one."""
    for child in node.inner:
        names = (*path, child.tag)
        if names in repeated:
            continue
        if child.text or not child.inner:
            yield names, child.text
        yield from _leaves(child, names, repeated)


def _seen(
    paths: Sequence[Path], name: str, options: dict[str, Any], roots: Sequence[Node], row: Names, repeated: set[Names]
) -> Seen:
    """The documents as rows of that path."""
    rows, labels = list[dict[str, str]](), dict[str, str]()
    instances = chain.from_iterable(islice(_instances(root, (), row), ROWS_KEPT) for root in roots)
    for around, node in instances:
        cells: dict[str, str] = {}
        for names, text in _leaves(node, row, repeated):
            inside = names[len(row) :]
            _put(cells, labels, "/".join(inside), (node.tag, *inside), text, own=True)
        for level, (outer, inner) in enumerate(reversed(around[-AROUND:]), start=1):
            above = row[: len(row) - level]
            for names, text in _leaves_beside(outer, inner, above, repeated, before=name == "xml"):
                inside = names[len(above) :]
                _put(cells, labels, "../" * level + "/".join(inside), (outer.tag, *inside), text)
        rows.append(cells)
    columns = tuple(labels)
    table = [[cells.get(column, "") for column in columns] for cells in rows]
    each = ("/".join(filter(None, row)) or "/") if name == "json" else _each(roots, row)
    seen = Seen(tuple(paths), name, options, 0, 0, columns, table, [], labels=_different(labels), each=each)
    seen.shapes.update({column: shapes.of(seen.values(column)) for column in columns})
    return seen


def _put(
    cells: dict[str, str], labels: dict[str, str], column: str, names: Names, text: str, *, own: bool = False
) -> None:
    if column not in cells and all(not set(name) & _SYNTAX and name for name in names[1:]):
        cells[column] = text
        labels.setdefault(column, label(names, own=own))


def _instances(node: Node, around: tuple[tuple[Node, Node], ...], row: Names) -> Iterator[tuple[Any, Node]]:
    """((element around it, its element on the way) … outermost first, element) of every row."""
    for child in node.inner:
        if child.tag == row[0]:
            way = (*around, (node, child))
            if len(row) == 1:
                yield way, child
            else:
                yield from _instances(child, way, row[1:])


def _leaves_beside(
    outer: Node, inner: Node, path: Names, repeated: set[Names], *, before: bool
) -> Iterator[tuple[Names, str]]:
    """The values around a row; `before`: only those that stand before it, which is all that streaming reaches."""
    for child in outer.inner:
        if child is inner:
            if before:
                return
            continue
        yield from _leaves(Node("", inner=[child]), path, repeated)


def _each(roots: Sequence[Node], row: Names) -> str:
    same = {path for root in roots for path, _ in walk(root, ()) if path[-1] == row[-1]}
    return f"//{row[-1]}" if len(same) == 1 else "/" + "/".join((roots[0].tag, *row))


def label(names: Sequence[str], *, own: bool = False) -> str:
    """What a value is called: its name, and where that is general the name of the nearest element around it that says
    more. The number of a line itself is called so, whatever its document is; that of another line is a reference."""
    plain = [name.removeprefix("@") for name in names if name]
    if len(plain) < 2:
        return "".join(plain)
    words = set(meant(plain[-1]))
    general = OWN if own and len(plain) == 2 else GENERAL if len(plain) == 2 else GENERAL | PLAIN
    if own and len(plain) == 2 and words == {"number"} and meant(plain[0])[-1:] == (LINE,):
        return f"{LINE} {plain[-1]}"
    if len(plain) > 2 and words == {LINE, "number"} and meant(plain[-2])[-1:] == ("reference",):
        return " ".join(plain[-2:])
    if not words <= general | (WRAPS if len(plain) > 2 else frozenset()):
        return plain[-1]
    around = next((name for name in plain[-2::-1] if not set(meant(name)) <= WRAPS), plain[-2])
    return f"{around} {plain[-1]}"


def _different(labels: dict[str, str]) -> dict[str, str]:
    """Labels by column, each once: of several columns with the same the nearest one to the row has it."""
    taken: dict[str, str] = {}
    for column in sorted(labels, key=lambda one: (one.count("/"), len(one))):
        taken.setdefault(labels[column], column)
    return {column: text if taken[text] == column else column for column, text in labels.items()}
