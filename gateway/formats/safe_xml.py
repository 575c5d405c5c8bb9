"""XML from partners: parsed in a stream, without DOCTYPE, entities of its own, or access to anything else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from lxml import etree

from gateway.errors import FileError

OUT_OF_MEMORY = "unknown error"
"""What lxml says where libxml2 found no fault in the document and had to stop all the same."""
_PROLOG_BYTES = 65_536
_BLANKS = re.compile(rb"(?:\xef\xbb\xbf)?[ \t\r\n]+(?=<)")
_NAMES_A_DTD = re.compile(
    r"\s*(?:<\?(?:(?!\?>).)*\?>\s*|<!--(?:(?!-->).)*-->\s*)*<!DOCTYPE\s+[\w:.\-]+\s+(?:SYSTEM|PUBLIC)\s[^\[\]<>]*>",
    re.DOTALL,
)


def opened(path: Path) -> BinaryIO:
    """A document from its first sign on: programs put blank lines before the XML declaration, where none may stand."""
    source = path.open("rb")
    head = source.read(_PROLOG_BYTES)
    begin = _BLANKS.match(head)
    source.seek(begin.end() if begin else 0)
    return source


def events(
    source: Any, name: str, kinds: Sequence[str], tags: Sequence[str] = (), *, doctype: bool = False
) -> Iterator[tuple[str, Any]]:
    """(event, element) from a path or stream, of all elements or those with these local names.

    doctype  a DOCTYPE is known to define nothing itself, as `names_a_dtd` says
    Raises FileError for another DOCTYPE, etree.XMLSyntaxError for a document that is not well-formed.
    """
    wanted = tuple(f"{{*}}{tag}" for tag in tags) or None
    first = True
    parser = etree.iterparse(
        source, events=tuple(kinds), tag=wanted, remove_comments=True, remove_pis=True, huge_tree=False, no_network=True
    )
    for event, element in parser:
        if first and not doctype:
            refuse_doctype(element, name)
        first = False
        yield event, element


def refuse_doctype(element: Any, name: str) -> None:
    """A DOCTYPE can carry entities; none of our documents needs one."""
    if element.getroottree().docinfo.internalDTD is not None:
        raise FileError(name, "the document has a DOCTYPE; entities are not allowed", "Send the document without it.")


def names_a_dtd(path: Path) -> bool:
    """Whether the document begins with a DOCTYPE that names a DTD and defines nothing itself. Nothing reads the DTD."""
    with path.open("rb") as source:
        head = source.read(_PROLOG_BYTES)
    codec = "utf-16" if head[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    return _NAMES_A_DTD.match(head.decode(codec, "ignore")) is not None


def emptied(source: Any, name: str, *tags: str) -> Iterator[Any]:
    """Each element with one of these local names at its end; emptied afterwards, so that memory stays flat."""
    for _, element in events(source, name, ("end",), tags):
        yield element
        element.clear(keep_tail=False)
        parent = element.getparent()
        while parent is not None and parent[0] is not element:
            del parent[0]


def local(tag: Any) -> str:
    """The name without its namespace; "" of a comment or processing instruction."""
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""
