"""OFX and QFX: statements of bank accounts and cards, as SGML (1.x) or XML (2.x).

A unit is a statement response. The format states closing balances only, so nothing can be verified but that the
bank answered, and whole. What a transaction says against itself is reported and counts (`ofx_doubts`). A row is a
transaction (each = "STMTTRN") or any other element of a statement by its name (each = "LEDGERBAL|AVAILBAL"). A value is
looked for in the row, then in what is around it; what belongs to another element is only reached by that element's
name.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gateway.errors import Fault, FileError
from gateway.formats import header as headers
from gateway.formats.bank.ofx_doubts import Doubts
from gateway.formats.bank.ofx_elements import CUT_OFF, HOLDERS, TRANSACTION, Element, elements, plain_texts, values
from gateway.formats.bank.statements import (
    BATCH_ROWS,
    Options,
    Rows,
    Scanned,
    Statement,
    StatementReading,
    Statements,
    check_count,
    encoding_of,
    pieces,
)
from gateway.formats.path_errors import PathError, Repair, closest, repaired
from gateway.reading import Envelope, Reading, ReadRequest, Unit
from gateway.settings import Limits

RESPONSES = {"STMTTRNRS": "STMTRS", "CCSTMTTRNRS": "CCSTMTRS", "INVSTMTTRNRS": "INVSTMTRS"}
"""Responses, each with the statement that it holds."""
AROUND = frozenset(
    (*RESPONSES, *RESPONSES.values(), "BANKMSGSRSV1", "CREDITCARDMSGSRSV1", "BANKTRANLIST", "SONRS", "OFX")
)
"""What stands around a row: values directly in it are in the row's reach by their own name."""
SYNTAX = "Write TRNAMT, STMTTRN/TRNAMT, CURRENCY/CURSYM, BANKACCTFROM/ACCTID, CURDEF, or name() for the row's name."
_NAME = "[A-Z][A-Z0-9_.]*"
_EACH = re.compile(rf"{_NAME}(\|{_NAME})*")
_PATH = re.compile(rf"{_NAME}(/{_NAME})*|name\(\)")
_EACH_SYNTAX = "Name the elements that are rows: STMTTRN, or LEDGERBAL|AVAILBAL."
_REPAIRS: tuple[Repair, ...] = (
    lambda text: "".join(text.split()),
    lambda text: re.sub("/+", "/", text).strip("/"),
    lambda text: re.sub(r"\|+", "|", text).strip("|"),
    str.upper,
)
_SNIFF = re.compile(rb"OFXHEADER\s*[:=]|<OFX(?:\s[^<>]*)?>", re.IGNORECASE)
_ROOT = re.compile(r"<OFX(?:\s[^<>]*)?>", re.IGNORECASE)
_TAG_NAME = re.compile(r"</?[A-Za-z][A-Za-z0-9_.]*(?=\s*/?\s*>)")
_SMALL = re.compile(r"</?[A-Z0-9_.]*[a-z]")
_XML = re.compile(rb"<\?xml|OFXHEADER\s*=")
_DECLARED = re.compile(rb"CHARSET:\s*([\w\-]+)|encoding\s*=\s*[\"']([\w\-]+)")
_WINDOWS, _ISO = re.compile("(?:WINDOWS-|CP)?(125[0-8])"), re.compile("(?:ISO-?)?(8859-[0-9]{1,2})")


def sniff(head: bytes, name: str) -> bool:
    """An OFX header, or the root itself."""
    del name
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        head = head.decode("utf-16", "ignore").encode()
    return _SNIFF.search(head[:4096]) is not None


def read(request: ReadRequest) -> Reading:
    """Open a file for one kind of row. Raises FileError, PathError for a path that is not valid."""
    options: Options = headers.options(Options, request.options, "ofx")
    return _Ofx(request, request.each or TRANSACTION, options.encoding)


def check_each(each: str | None, options: Mapping[str, Any]) -> None:
    """Whether `each` names elements. Raises PathError."""
    del options
    if not _EACH.fullmatch(each or ""):
        near = repaired(each or "", _REPAIRS, lambda one: _EACH.fullmatch(one) is not None)
        raise PathError("each", each or "", "does not name elements", _EACH_SYNTAX, near)


def check_path(path: str, each: str | None, options: Mapping[str, Any]) -> None:
    """Whether a path names an element, and that of one kind of row only. Raises PathError."""
    del options
    _own(path, (each or TRANSACTION).split("|"))


def check_transaction(kind: str) -> None:
    """Whether a statement can be of that kind; there is one. Raises PathError."""
    if kind != "OFX":
        raise PathError("transaction", kind, "is not a kind of statement", "Write OFX.", closest(kind, ["OFX"]))


def _own(text: str, each: Sequence[str]) -> str:
    """A path below the row. Raises PathError that shows the syntax."""
    if not _PATH.fullmatch(text):
        near = repaired(text, _REPAIRS, lambda one: _PATH.fullmatch(one) is not None)
        raise PathError("path", text, "does not name an element", SYNTAX, near)
    first, slash, rest = text.partition("/")
    if first in each and len(each) > 1:
        raise PathError("path", text, f"begins with {first}, and not every row is one", SYNTAX, rest)
    return rest if slash and first in each else text


def units(request: ReadRequest) -> Envelope:
    """Every statement, and what is wrong with it."""
    return _statements(request).envelope


# --- statements ------------------------------------------------------------------------------------------------


def _elements(path: Path, name: str, limits: Limits, encoding: str = "auto") -> Iterator[Element]:
    text = pieces(path, name, encoding, _declared(path))
    return elements(_from_root(text, name), name, limits.cell_bytes_max, limits.xml_depth_max, _is_xml(path))


def _declared(path: Path) -> str:
    """The codec that the header names, cp1252 where it names none that is known."""
    declared = _DECLARED.search(_head(path))
    codec = (declared.group(1) or declared.group(2)).decode().upper() if declared else ""
    if windows := _WINDOWS.fullmatch(codec):
        return f"cp{windows[1]}"
    iso = _ISO.fullmatch(codec)
    try:
        return codecs.lookup(f"iso{iso[1]}").name if iso else "cp1252"
    except LookupError:
        return "cp1252"


def _head(path: Path) -> bytes:
    with path.open("rb") as source:
        head = source.read(4096)
    return head.decode("utf-16", "ignore").encode() if head[:2] in (b"\xff\xfe", b"\xfe\xff") else head


def _is_xml(path: Path) -> bool:
    """Whether it is OFX 2, which is XML; OFX 1 is SGML with three escapes."""
    return _XML.search(_head(path)) is not None


def _from_root(text: Iterator[str], name: str) -> Iterator[str]:
    """The text from <OFX> on; what stands before it is the header."""
    head = ""
    for piece in text:
        head += piece
        root = _ROOT.search(head)
        if root:
            yield from _in_capitals(chain(["<OFX>" + head[root.end() :]], text))
            return
        if len(head) > 100_000:
            break
    raise FileError(name, "there is no <OFX> in it", "Send the bank's OFX or QFX file.")


def _in_capitals(text: Iterator[str]) -> Iterator[str]:
    """The text with the names of its elements in capitals, as the standard has them."""
    rest = ""
    for piece in text:
        rest += piece
        cut = rest.rfind("<") if rest.rfind(">") < rest.rfind("<") else len(rest)
        whole, rest = rest[:cut], rest[cut:]
        yield _TAG_NAME.sub(lambda found: found.group().upper(), whole) if _SMALL.search(whole) else whole
    yield rest


@Scanned
def _statements(request: ReadRequest) -> Statements:
    name, limits = request.name, request.limits
    signon: dict[str, str] = {}
    found: list[Statement] = []
    head: dict[str, str] = {}
    response = ""
    for element in _elements(request.path, name, limits):
        if element.contents is not None:
            continue
        last = element.path[-1]
        if element.value is not None:
            kept = head if response else signon if "SONRS" in element.path else None
            if kept is not None:
                kept.setdefault("/".join(element.path), element.value)
        elif last in RESPONSES and not element.ended:
            _check_ended(response, name)
            response, head = last, {}
        elif last == response and element.ended:
            check_count(name, limits, len(found) + 1)
            found.append(_statement(len(found), response, head, signon))
            response = ""
        elif response and last == RESPONSES[response]:
            head.setdefault("/".join(element.path) + "/", "")
    _check_ended(response, name)
    if not found:
        answer = _value(signon, "STATUS/MESSAGE") or _value(signon, "STATUS/CODE") or "nothing"
        raise FileError(
            name,
            f"it holds no statement; the bank's answer to the signon is: {answer}",
            "Ask the bank for the statement again.",
        )
    return Statements(tuple(found), np.arange(len(found), dtype=np.int32))


forget = _statements.forget


def _check_ended(response: str, name: str) -> None:
    """Raise FileError for a response that is open where another begins, or at the end: its rows would be nobody's."""
    if response:
        raise FileError(name, f"a {response} has no end", CUT_OFF)


def _value(head: dict[str, str], path: str) -> str:
    return next((text for key, text in head.items() if key.endswith(f"/{path}")), "")


def _statement(ordinal: int, response: str, head: dict[str, str], signon: dict[str, str]) -> Statement:
    account = _value(head, "ACCTID")
    position = f"/OFX/…/{response}[{ordinal + 1}]"
    faults = []
    statement = RESPONSES[response]
    answered = any(f"/{statement}/" in key for key in head)
    if response == "INVSTMTTRNRS":
        faults.append("it is an investment statement; only those of bank accounts and cards can be read")
    elif not answered:
        code, message = _value(head, "STATUS/CODE"), _value(head, "STATUS/MESSAGE")
        faults.append(f"the bank answered without a statement: {code} {message}".rstrip())
    elif not account:
        faults.append("ACCTID is missing, so the account is unknown")
    unit = Unit(
        ordinal=ordinal,
        kind="OFX",
        sender=_value(head, "BANKID") or _value(signon, "FI/FID") or _value(signon, "INTU.BID"),
        receiver=account,
        interchange=_value(head, "TRNUID"),
        control=statement,
        position=position,
        faults=tuple(
            Fault("FILE_REJECT", f"statement {account}".rstrip() + f": {text}", "Ask the bank for it again.", position)
            for text in faults
        ),
    )
    return Statement(unit, {**head, **signon})


# --- rows ------------------------------------------------------------------------------------------------------


class _Ofx(StatementReading):
    def __init__(self, request: ReadRequest, each: str, encoding: str) -> None:
        check_each(each, request.options)
        self.each, self.encoding = tuple(each.split("|")), encoding
        self.own = [_own(column, self.each) for column in request.columns]
        self.xml = _is_xml(request.path)
        self.holders = HOLDERS | {path.partition("/")[0] for path in self.own if "/" in path}
        super().__init__(request, _statements(request), encoding_of(request.path, encoding, _declared(request.path)))

    def head(self, column: int) -> Callable[[Statement], str | None] | None:
        """Nothing: every path may be the row's own."""
        del column
        return None

    def rows(self) -> Iterator[Rows]:
        """Rows of the file, so many at a time."""
        batch, doubts = _Batch(), Doubts()
        response, ordinal, counts = "", -1, dict.fromkeys(self.each, 0)
        open_row: tuple[tuple[str, ...], dict[str, str]] | None = None
        for element in _elements(self.request.path, self.request.name, self.request.limits, self.encoding):
            last = element.path[-1]
            if element.contents is None and element.value is None and last in RESPONSES:
                if not element.ended:
                    ordinal += 1
                    counts = dict.fromkeys(self.each, 0)
                response = "" if element.ended else last
            elif not response:
                continue
            elif element.contents is not None:
                if TRANSACTION in self.each:
                    found = [values(content, self.holders) for content in element.contents]
                    doubts.see(ordinal, counts[TRANSACTION], found)
                    batch.add(TRANSACTION, counts[TRANSACTION], ordinal, found)
                    counts[TRANSACTION] += len(found)
            elif open_row is None:
                if last in self.each and element.value is None and not element.ended:
                    open_row = (element.path, {})
            elif element.value is not None:
                open_row[1].setdefault("/".join(element.path[len(open_row[0]) :]), element.value)
            elif element.ended and len(element.path) <= len(open_row[0]):
                batch.add(open_row[0][-1], counts[open_row[0][-1]], ordinal, [open_row[1]])
                counts[open_row[0][-1]] += 1
                open_row = None
            if len(batch.blocks) >= BATCH_ROWS:
                yield self._rows(batch)
                batch = _Batch()
        doubtful = list(doubts.faults([one.unit.position for one in self.statements.found]))
        yield replace(
            self._rows(batch),
            faults=[fault for _, fault in doubtful],
            faulty_blocks=[statement for statement, _ in doubtful],
        )

    def _rows(self, batch: _Batch) -> Rows:
        prefixes = self._of_statement(batch, lambda statement: f"{statement.unit.position}/…/")
        numbers = pc.cast(pa.array(batch.numbers, pa.int64()), pa.utf8())
        positions = pc.binary_join_element_wise(prefixes, pa.array(batch.names, pa.utf8()), "[", numbers, "]", "")
        named = frozenset().union(*batch.values)
        return Rows(positions, batch.blocks, lambda column: self._cells(batch, column, named))

    def _cells(self, batch: _Batch, column: int, named: frozenset[str]) -> pa.Array:
        path = self.own[column]
        if path == "name()":
            return pa.array(batch.names, pa.utf8())
        if path not in named:
            return self._inherited_cells(batch, column)
        texts = plain_texts(
            pc.utf8_trim_whitespace(pa.array([one.get(path) for one in batch.values], pa.utf8())), self.xml
        )
        return pc.coalesce(texts, self._inherited_cells(batch, column)) if texts.null_count else texts

    def _inherited_cells(self, batch: _Batch, column: int) -> pa.Array:
        return self._of_statement(batch, lambda statement: _reached(statement, self.columns[column]))

    def _of_statement(self, batch: _Batch, get: Callable[[Statement], str | None]) -> pa.Array:
        """What each row has of its statement."""
        blocks = np.array(batch.blocks, np.int64)
        begins = np.flatnonzero(np.diff(blocks, prepend=-1))
        texts = pa.array([get(self.statements.found[block]) for block in blocks[begins].tolist()], pa.utf8())
        return texts.take(pa.array(np.repeat(np.arange(len(begins)), np.diff(begins, append=len(blocks)))))


def _reached(statement: Statement, path: str) -> str | None:
    """What a path reads of the statement: of several the first."""
    for key, text in statement.head.items():
        if key.endswith(f"/{path}") and ("/" in path or key.split("/")[-2] in AROUND):
            return text
    return None


class _Batch:
    """Rows that wait for their batch."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.numbers: list[int] = []
        self.blocks: list[int] = []
        self.values: list[dict[str, str]] = []

    def add(self, name: str, before: int, statement: int, values: list[dict[str, str]]) -> None:
        """Rows of that name in the statement, behind `before` others."""
        self.names += [name] * len(values)
        self.numbers += range(before + 1, before + 1 + len(values))
        self.blocks += [statement] * len(values)
        self.values += values
