"""OFX as elements: SGML without closing tags (1.x) and XML (2.x), as banks really send them, in bounded pieces.

An element with a text is a value, and so are the usual ones (`VALUES`) without one. Others without a text are taken to
hold others until their closing tag, or that of what is around them, comes; banks write the closing tag of a sibling, as
</STMTRS> for </CCSTMTRS>. Transactions (STMTTRN), of which a file has many, come many at a time, with their contents as
they stand.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from gateway.errors import FileError

TRANSACTION = "STMTTRN"
CUT_OFF = "Send the whole file again; it was cut off."
_OPEN, _CLOSE = f"<{TRANSACTION}>", f"</{TRANSACTION}>"
_TAG = re.compile(r"<(/?[A-Z][A-Z0-9_.]*)\s*(?:/\s*)?>")
_VALUE = re.compile(r"<([A-Z][A-Z0-9_.]*)>([^<]*)")
_EMPTY = re.compile(r"<([A-Z][A-Z0-9_.]*)\s*/\s*>")
VALUES = frozenset(
    (
        "CODE",
        "SEVERITY",
        "MESSAGE",
        "DTSERVER",
        "LANGUAGE",
        "ORG",
        "FID",
        "INTU.BID",
        "TRNUID",
        "CURDEF",
        "BANKID",
        "BRANCHID",
        "ACCTID",
        "ACCTTYPE",
        "ACCTKEY",
        "DTSTART",
        "DTEND",
        "BALAMT",
        "DTASOF",
        "MKTGINFO",
    )
)
"""Elements around transactions that never hold others: without a text, and perhaps without an end, they are blank."""
_SIBLINGS = (
    frozenset(("STMTRS", "CCSTMTRS", "INVSTMTRS")),
    frozenset(("STMTTRNRS", "CCSTMTTRNRS", "INVSTMTTRNRS")),
    frozenset(("BANKMSGSRSV1", "CREDITCARDMSGSRSV1", "INVSTMTMSGSRSV1")),
    frozenset(("BANKACCTFROM", "CCACCTFROM", "INVACCTFROM")),
    frozenset(("BANKTRANLIST", "INVTRANLIST")),
    frozenset(("LEDGERBAL", "AVAILBAL")),
)
"""Elements of which one stands in the place of another."""
_SGML_ESCAPE = re.compile("&(?:amp|lt|gt|nbsp);")
_XML_ESCAPE = re.compile("&(?:amp|lt|gt|nbsp|apos|quot|#[0-9]{1,7}|#x[0-9A-Fa-f]{1,6});")
DEPTH_WITHIN_MAX = 8
"""How deep elements are nested within a transaction; what is deeper is a value."""


@dataclass(slots=True)
class Element:
    """What comes next in a file.

    path      names from OFX down to the element
    value     its text, None where it begins (`ended` false) or ends
    contents  of transactions that follow each other: everything between the tags of each, else None
    """

    path: tuple[str, ...]
    value: str | None = None
    ended: bool = False
    contents: list[str] | None = None


def elements(pieces: Iterable[str], name: str, chars_max: int, depth_max: int, xml: bool = False) -> Iterator[Element]:
    """The elements of a text in order, which is SGML or XML. Raises FileError where it is no whole OFX document."""
    walk = _Walk(name, chars_max, depth_max, xml)
    rest = ""
    for piece in pieces:
        rest += piece
        cut = _cut(rest)
        if cut:
            yield from walk.piece(rest[:cut])
            rest = rest[cut:]
        walk.check_length(rest)
    yield from walk.piece(rest)
    walk.end()


def _cut(text: str) -> int:
    """Before the last tag and the text behind it, and not within a transaction; 0 if there is no such place."""
    begun, done = text.rfind(_OPEN), text.rfind(_CLOSE)
    if begun > done:
        return begun
    behind = done + len(_CLOSE) if done >= 0 else 0
    last = text.rfind("<")
    while last > 0 and not _TAG.match(text, last):
        last = text.rfind("<", 0, last)
    return max(last, behind)


class _Walk:
    def __init__(self, name: str, chars_max: int, depth_max: int, xml: bool) -> None:
        self.name, self.chars_max, self.depth_max, self.xml = name, chars_max, depth_max, xml
        self.stack: list[str] = []
        self.value = ""
        self.documents = 0

    def check_length(self, text: str) -> None:
        """Raises FileError for an element past the limit."""
        if len(text) > self.chars_max:
            raise FileError(
                self.name, f"an element is longer than {self.chars_max} characters", "Check that it is an OFX file."
            )

    def piece(self, text: str) -> Iterator[Element]:
        """The elements of a piece that begins and ends between tags."""
        if "<!--" in text:
            text = _replaced(text, "<!--", "-->", lambda _: "")
        first, *others = text.split(_OPEN)
        yield from self._outside(first)
        run: list[str] = []
        for other in others:
            content, closed, behind = other.partition(_CLOSE)
            if not self.stack or not closed:
                where = "outside a statement" if closed else "without its end"
                raise FileError(self.name, f"there is a {TRANSACTION} {where}", CUT_OFF)
            if len(content) > self.chars_max:
                self.check_length(content)
            run.append(content)
            if behind and not behind.isspace():
                yield self._transactions(run)
                run = []
                yield from self._outside(behind)
        if run:
            yield self._transactions(run)

    def _transactions(self, contents: list[str]) -> Element:
        return Element((*self.stack, TRANSACTION), contents=contents)

    def _outside(self, text: str) -> Iterator[Element]:
        parts = _TAG.split(_EMPTY.sub(r"<\1></\1>", text) if "/>" in text or "/ >" in text else text)
        if parts[0].strip() and self.stack:
            raise FileError(self.name, f'there is text outside an element: "{parts[0].strip()[:60]}"', CUT_OFF)
        for tag, behind in zip(parts[1::2], parts[2::2], strict=True):
            text = behind.strip()
            if tag[0] == "/":
                yield from self._close(tag[1:])
                if text and self.stack:
                    raise FileError(self.name, f'there is text outside an element: "{text[:60]}"', CUT_OFF)
            elif text or tag in VALUES:
                self.check_length(text)
                self._inside(tag)
                self.value = tag
                yield Element((*self.stack, tag), plain(text, self.xml))
            else:
                self._inside(tag)
                self.stack.append(tag)
                self.value = ""
                if len(self.stack) > self.depth_max:
                    raise FileError(
                        self.name,
                        f"elements are nested deeper than {self.depth_max}",
                        "Raise limits.xml_depth_max if the document is right.",
                    )
                yield Element(tuple(self.stack))

    def _inside(self, tag: str) -> None:
        if not self.stack and tag != "OFX":
            raise FileError(self.name, f"expected <OFX>, found <{tag}>", "Send the bank's OFX or QFX file.")
        self.documents += not self.stack

    def _close(self, tag: str) -> Iterator[Element]:
        if tag == self.value:
            self.value = ""
            return
        tag = self._meant(tag)
        if tag not in self.stack:
            raise FileError(self.name, f"</{tag}> closes nothing", "Ask the bank for a well-formed file.")
        while True:
            # What was not closed before what is around it is an empty value.
            closed = tuple(self.stack)
            if self.stack.pop() == tag:
                yield Element(closed, ended=True)
                return

    def _meant(self, tag: str) -> str:
        """The element that a closing tag closes: of that name, else the sibling that is open."""
        if tag in self.stack:
            return tag
        siblings: frozenset[str] = next((one for one in _SIBLINGS if tag in one), frozenset())
        return next((one for one in reversed(self.stack) if one in siblings), tag)

    def end(self) -> None:
        """Raises FileError where the document is not whole."""
        if self.documents == 0:
            raise FileError(self.name, "there is no <OFX> in it", "Send the bank's OFX or QFX file.")
        if self.stack:
            raise FileError(self.name, f"the file ends before </{self.stack[-1]}>", CUT_OFF)


def plain(text: str, xml: bool = False) -> str:
    """A text without its escapes: those of SGML, `&amp; &lt; &gt; &nbsp;` (OFX 1.6, section 2.3.2.1), or those of XML.

    Any other `&` is one that the bank did not escape.
    """
    if "&" not in text and "<" not in text:
        return text
    if "<![CDATA[" in text:
        text = _replaced(text, "<![CDATA[", "]]>", lambda found: found.replace("&", "&amp;"))
    return (_XML_ESCAPE if xml else _SGML_ESCAPE).sub(lambda found: html.unescape(found.group()), text)


def plain_texts(texts: pa.StringArray, xml: bool = False) -> pa.StringArray:
    """`plain` for each of many texts."""
    if not pc.any(pc.match_substring_regex(texts, "&|<!")).as_py():
        return texts
    rare = r"<!\[CDATA\[|&(?:apos|quot|#)" if xml else r"<!\[CDATA\["
    if pc.any(pc.match_substring_regex(texts, rare)).as_py():
        return pa.array([None if text is None else plain(text, xml) for text in texts.to_pylist()], pa.utf8())
    # None of these makes another one as long as that of & comes last.
    for escape, character in (("&lt;", "<"), ("&gt;", ">"), ("&nbsp;", "\xa0"), ("&amp;", "&")):
        texts = pc.replace_substring(texts, escape, character)
    return texts


def _replaced(text: str, begin: str, end: str, change: Callable[[str], str]) -> str:
    """A text with everything between two marks changed and the marks left out; in one pass."""
    found, at = [], 0
    while (start := text.find(begin, at)) >= 0:
        stop = text.find(end, start + len(begin))
        if stop < 0:
            break
        found += [text[at:start], change(text[start + len(begin) : stop])]
        at = stop + len(end)
    return "".join([*found, text[at:]])


HOLDERS = frozenset(("CURRENCY", "ORIGCURRENCY", "PAYEE", "EXTDPAYEE", "BANKACCTTO", "CCACCTTO", "IMAGEDATA"))
"""Elements within a transaction that hold others."""


def values(content: str, holders: frozenset[str] = HOLDERS) -> dict[str, str]:
    """Path below the element → text of its values, "CURRENCY/CURSYM" for one within another; of two the first.

    The texts keep blanks and escapes. What holds none of `holders`, and nothing twice, is flat.
    """
    found = dict(_VALUE.findall(content))
    if len(found) + content.count("</") == content.count("<") and holders.isdisjoint(found):
        return found
    parts = _TAG.split(_EMPTY.sub(r"<\1></\1>", content) if "/>" in content else content)
    return _nested(parts[1::2], parts[2::2])


def _nested(tags: list[str], texts: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    stack: list[str] = []
    closing = {tag[1:] for tag in tags if tag[0] == "/"}
    for place, (tag, text) in enumerate(zip(tags, texts, strict=True)):
        if tag[0] == "/":
            if tag[1:] in stack:
                del stack[stack.index(tag[1:]) :]
            continue
        closed_at_once = place + 1 < len(tags) and tags[place + 1] == f"/{tag}"
        holds = tag in closing and not closed_at_once and not text.strip() and len(stack) < DEPTH_WITHIN_MAX
        if holds:
            stack.append(tag)
        else:
            found.setdefault("/".join([*stack, tag]), text)
    return found
