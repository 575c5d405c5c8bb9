"""SWIFT account statements: MT940, MT942 and their kin, in blocks or as bare tags, many in a file.

A unit is a statement, over all its pages in the file. Its entries must lead from the opening balance to the
closing one, each page must go on where the last one ended, and the totals of an interim report must be those of
its entries. A row is an entry (each = ":61"), a balance ("balance") or the statement ("statement").
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from gateway.errors import Fault
from gateway.formats import header as headers
from gateway.formats.bank import mt940_fields as mt
from gateway.formats.bank.mt940_statements import statements
from gateway.formats.bank.remittance import Details, Parts
from gateway.formats.bank.statements import (
    RESEND,
    Cells,
    Options,
    Rows,
    Statement,
    StatementReading,
    encoding_of,
    lines_of,
    pieces,
)
from gateway.formats.bank.swift import Fields, fields
from gateway.formats.path_errors import PathError, closest
from gateway.reading import Envelope, Reading, ReadRequest

__all__ = ["Options", "check_each", "check_path", "check_transaction", "forget", "read", "sniff", "units"]

EACH = (":61", "balance", "statement")
KINDS = ("MT940", "MT941", "MT942", "MT950")
"""The usual kinds of statements."""
SYNTAX = (
    "Write :25, :28/number, :60/amount, :61/amount, :86, :86/?20, :86/EREF, or balance/amount where each = "
    '"balance". Entries have: ' + ", ".join(mt.ENTRY) + "."
)
_SNIFF = re.compile(rb"(?:^|[\r\n]|@@)(?:\{1:F\d\d|:(?:20|21|25P?|28C?|34F|60[FM]|61|62[FM]|64|86|90[CD]|NS):)")
_PATH = re.compile(r":([0-9]{2}[A-Z]?|NS)(?:/(.+))?")


def sniff(head: bytes, name: str) -> bool:
    """A SWIFT block, or a field of a statement at the start of a line."""
    del name
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        head = head.decode("utf-16", "ignore").encode()
    return _SNIFF.search(head.removeprefix(b"\xef\xbb\xbf")[:4096]) is not None


def read(request: ReadRequest) -> Reading:
    """Open a file for one kind of row. Raises FileError, PathError for a path that is not valid."""
    options: Options = headers.options(Options, request.options, "mt940")
    each = request.each or ":61"
    check_each(each, request.options)
    return _Mt940(request, each, options.encoding)


def check_each(each: str | None, options: Mapping[str, Any]) -> None:
    """Whether rows are entries, balances or statements. Raises PathError."""
    del options
    if each not in EACH:
        syntax = f"Write {', '.join(EACH[:-1])} or {EACH[-1]}."
        raise PathError("each", each or "", "does not say what a row is", syntax, closest(each or "", EACH))


def check_path(path: str, each: str | None, options: Mapping[str, Any]) -> None:
    """Whether a path names a field, or a part of it that it has. Raises PathError."""
    del options
    _path(path, each or ":61")


def check_transaction(kind: str) -> None:
    """Whether a statement can be of that kind. Raises PathError."""
    if not re.fullmatch("MT9[0-9]{2}", kind):
        syntax = f"Write one of {', '.join(KINDS)}."
        raise PathError("transaction", kind, "is not a kind of statement", syntax, closest(f"MT{kind[-3:]}", KINDS))


def _path(text: str, each: str) -> tuple[str, str]:
    """(tag or block or "balance", subfield or ""). Raises PathError that shows the syntax."""
    if re.fullmatch(r"\{[123]\}", text):
        return text, ""
    known: Iterable[str] = ()
    if text.startswith("balance/") and each == "balance":
        tag, part = "balance", text.removeprefix("balance/")
        known = ("tag", *mt.SUBFIELDS["60"][0])
    else:
        found = _PATH.fullmatch(text)
        if found is None:
            raise _no_path(text, each, "does not name a field")
        tag, part = found.group(1), found.group(2) or ""
        if tag == "61":
            known = (*mt.ENTRY, "booking_date") if each == ":61" else ()
        elif tag == "86":
            known = (part,)
        else:
            known = mt.SUBFIELDS[tag[:2]][0] if tag[:2] in mt.SUBFIELDS else ()
    if tag == "61" and each != ":61":
        raise _no_path(text, each, f'belongs to an entry, and each = "{each}"')
    if part and part not in known:
        raise _no_path(text, each, f"names {part}, which {text.partition('/')[0]} does not have")
    return tag, part


def _no_path(text: str, each: str, reason: str) -> PathError:
    known = [f":{tag}/{part}" for tag, (parts, _) in mt.SUBFIELDS.items() for part in parts]
    known += [f":{tag}" for tag in ("20", "25", "28", "60", "62", "86", "86/purpose", "86/name")]
    known += [f":61/{part}" for part in (*mt.ENTRY, "booking_date") if each == ":61"]
    known += [f"balance/{part}" for part in ("tag", *mt.SUBFIELDS["60"][0]) if each == "balance"]
    return PathError("path", text, reason, SYNTAX, closest(text, known))


def units(request: ReadRequest) -> Envelope:
    """Every statement, and what is wrong with it."""
    return statements(request).envelope


forget = statements.forget


class _Mt940(StatementReading):
    def __init__(self, request: ReadRequest, each: str, encoding: str) -> None:
        self.each, self.encoding = each, encoding
        self.paths = [_path(column, each) for column in request.columns]
        asked = {part for tag, part in self.paths if tag == "86" and part}
        self.details = Parts(asked)
        super().__init__(request, statements(request), encoding_of(request.path, encoding))

    def head(self, column: int) -> Callable[[Statement], str | None] | None:
        """What a column reads of the statement."""
        tag, part = self.paths[column]
        if tag in ("balance", "61") or (tag == "86" and self.each == ":61"):
            return None
        if tag == "86" and part:
            return lambda statement: self.details.of(statement.head.get("86", "")).get(part)
        if tag == "25" and not part:
            part = "account"
        if not part:
            return lambda statement: statement.head.get(tag)
        return lambda statement: (
            (mt.subfields(tag, statement.head[tag]) or {}).get(part) if tag in statement.head else None
        )

    def rows(self) -> Iterator[Rows]:
        """The rows of each piece of the file, in order; with `each = "statement"` all at once."""
        if self.each == "statement":
            found = self.statements.found
            first = np.unique(self.statements.of, return_index=True)[1]
            yield Rows([one.unit.position for one in found], first.tolist(), lambda _: pa.nulls(0, pa.utf8()))
            return
        source = pieces(self.request.path, self.request.name, self.encoding)
        for piece in fields(source, self.request.name, self.request.limits.cell_bytes_max):
            yield self._entries(piece) if self.each == ":61" else self._balances(piece)

    def _balances(self, piece: Fields) -> Rows:
        places = [
            place
            for place, (tag, text) in enumerate(zip(piece.tags, piece.texts, strict=True))
            if tag in mt.BALANCES and not mt.is_left_out(tag, text)
        ]
        parts = [mt.subfields(piece.tags[place], piece.texts[place]) for place in places]
        good = [(place, one) for place, one in zip(places, parts, strict=True) if one is not None]
        bad = [place for place, one in zip(places, parts, strict=True) if one is None]

        def cells(column: int) -> pa.Array:
            part = self.paths[column][1]
            return pa.array([piece.tags[place] if part == "tag" else one.get(part) for place, one in good], pa.utf8())

        return Rows(
            [f"line {piece.lines[place]}" for place, _ in good],
            [piece.messages[place] for place, _ in good],
            cells,
            [_unread(piece, place, "expected C or D, date, currency and amount with a comma") for place in bad],
            [piece.messages[place] for place in bad],
        )

    def _entries(self, piece: Fields) -> Rows:
        tags, texts = piece.tags, piece.texts
        places = [place for place, tag in enumerate(tags) if tag == "61"]
        parsed = mt.entries([texts[place] for place in places])
        bad = {places[number]: wrong for number, wrong in mt.troubles(parsed).items()}
        if bad:
            parsed = [entry for place, entry in zip(places, parsed, strict=True) if place not in bad]
            places = [place for place in places if place not in bad]
        entries = _Entries(piece, places, [entry for entry in parsed if entry is not None], self.details)
        return Rows(
            lines_of(piece.lines, places),
            [piece.messages[place] for place in places],
            lambda column: entries.cells(*self.paths[column]),
            [_unread(piece, place, message) for place, message in bad.items()],
            [piece.messages[place] for place in bad],
        )


def _unread(piece: Fields, place: int, message: str) -> Fault:
    text = f":{piece.tags[place]}:{piece.texts[place]}"
    return Fault(
        "ROW_REJECT",
        f'"{text[:80]}": {message}',
        RESEND,
        f"line {piece.lines[place]}",
        f":{piece.tags[place]}",
        piece.texts[place][:200],
        {f":{piece.tags[place]}": piece.texts[place]},
    )


class _Entries:
    """Entries of one piece with the :86: behind each; what a mapping does not ask for is not taken apart."""

    def __init__(self, piece: Fields, places: list[int], parsed: list[mt.Entry], parts: Parts) -> None:
        self.piece, self.places, self.parts = piece, places, parts
        self.columns = dict(zip(mt.ENTRY, zip(*parsed, strict=True), strict=True)) if parsed else {}
        self._texts: Cells | None = None
        self._parted: Details | None = None

    def cells(self, tag: str, part: str) -> pa.Array:
        """The values of a path for each entry, null where it has none. `part` is "" for the whole field."""
        if not self.places:
            return pa.array([], pa.utf8())
        if tag == "86":
            return self._details(part)
        if not part:
            return pa.array([self.piece.texts[place] for place in self.places], pa.utf8())
        if part == "booking_date":
            days = map(mt.booking_date, self.columns["value_date"], self.columns["entry_date"])
            return pa.array(list(days), pa.utf8())
        return pa.array(self.columns[part], pa.utf8())

    def _details(self, part: str) -> pa.Array:
        if self._texts is None:
            self._texts = self._behind()
        if not part:
            return pa.array(self._texts, pa.utf8())
        if self._parted is None:
            self._parted = Details(self.parts, self._texts)
        return self._parted.column(part)

    def _behind(self) -> Cells:
        """The text of the :86: that follows each entry in its message; None where none does."""
        piece = self.piece
        tags, texts = [*piece.tags, "", ""], piece.texts
        found: Cells = []
        for place in self.places:
            if tags[place + 1] != "86" or piece.messages[place + 1] != piece.messages[place]:
                found.append(None)
            elif tags[place + 2] != "86":
                found.append(texts[place + 1])
            else:
                end = place + 2
                while tags[end] == "86" and piece.messages[end] == piece.messages[place]:
                    end += 1
                found.append("\n".join(texts[place + 1 : end]))
        return found
