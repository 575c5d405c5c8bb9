"""UN/EDIFACT: batch and interactive interchanges, syntax versions 1 to 4, any service characters.

UNA or the default service characters, release characters, and the character set that UNB names. An element
without a component is its first component: `BGM/02` is `BGM/02-1`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from gateway.errors import FileError
from gateway.formats import header as headers
from gateway.formats.edi.envelopes import Dialect, Level, Trouble
from gateway.formats.edi.envelopes import read as read_envelopes
from gateway.formats.edi.interchange import Header, Syntax, forget, stretches
from gateway.formats.edi.loops import Plan
from gateway.formats.edi.octets import BLANK, opening
from gateway.formats.edi.paths import EACH_SYNTAX, first_component, parse_each, parse_edifact, parse_summary
from gateway.formats.edi.rows import InterchangeOptions, InterchangeReading
from gateway.formats.edi.segments import Delimiters, Segments
from gateway.formats.path_errors import PathError
from gateway.reading import Envelope, Reading, ReadRequest

__all__ = ["Options", "check_each", "check_path", "check_transaction", "forget", "read", "sniff", "units"]

CHARSETS = {
    "UNOC": "iso8859-1",
    "UNOD": "iso8859-2",
    "UNOE": "iso8859-5",
    "UNOF": "iso8859-7",
    "UNOG": "iso8859-3",
    "UNOH": "iso8859-4",
    "UNOI": "iso8859-6",
    "UNOJ": "iso8859-8",
    "UNOK": "iso8859-9",
    "UNOL": "iso8859-15",
    "UNOW": "utf-8",
    "UNOX": "utf-8",
    "UNOY": "utf-8",
}
"""Codec of each syntax identifier (0001). UNOA, UNOB and others are ASCII: what else comes is read as UTF-8 or
Windows-1252."""

REPETITION_SINCE = 4
"""The syntax version from which the fifth character of UNA separates repetitions; before, the place is reserved (ISO
9735:1988, 6.3) and its character is data. Interactive interchanges have had it from the beginning."""

BATCH = Dialect(
    interchange=Level(
        "UNB", "UNZ", "interchange", "messages", (5, 1), (1, 1), (2, 1), ("UNB 0020", "UNZ 0036", "UNZ 0020")
    ),
    group=Level("UNG", "UNE", "group", "messages", (5, 1), (1, 1), (2, 1), ("UNG 0048", "UNE 0060", "UNE 0048")),
    unit=Level("UNH", "UNT", "message", "segments", (1, 1), (1, 1), (2, 1), ("UNH 0062", "UNT 0074", "UNT 0062")),
    sender=((2, 2), (2, 1)),
    receiver=((3, 2), (3, 1)),
    test=((11, 1), frozenset("1234")),
    kind=(2, 1),
    version=((2, 2), (2, 3), (2, 5)),
    group_version=None,
    alone=(),
    outside=lambda segment: segment == "UNA" or segment.startswith("US"),
)

INTERACTIVE = replace(
    BATCH,
    interchange=Level(
        "UIB",
        "UIZ",
        "interchange",
        "messages",
        (2, 1),
        (2, 1),
        (1, 1),
        ("UIB 0300", "UIZ 0036", "UIZ 0300"),
        optional=True,
    ),
    unit=Level(
        "UIH", "UIT", "message", "segments", (2, 1), (2, 1), (1, 1), ("UIH 0340", "UIT 0074", "UIT 0340"), optional=True
    ),
    sender=((6, 2), (6, 1)),
    receiver=((7, 2), (7, 1)),
    test=((10, 1), frozenset("1234")),
    kind=(1, 1),
    version=((1, 2), (1, 3), (1, 4)),
)

_ENDS = {b"UNB": b"UNZ", b"UIB": b"UIZ"}
_LEVEL_B = Delimiters(element=0x1D, component=0x1F, segment=0x1C)
_UNDECODABLE = "\N{REPLACEMENT CHARACTER}".encode()


class Options(InterchangeOptions):
    """`[file]` settings."""

    summary: tuple[str, ...] = ("UNS[S]", "CNT")


def sniff(head: bytes, name: str) -> bool:
    """UNA and a header, or one of the headers, perhaps behind a byte order mark and blanks."""
    del name
    text = opening(head, SYNTAX.sniffs)
    if text.startswith(b"UNA"):
        following = text[9:].lstrip(BLANK)
        return following[:3].isalnum() and following[3:4] == text[4:5]
    return bool(text)


def read(request: ReadRequest) -> Reading:
    """Open a file for one kind of row. Raises FileError, PathError for a path that is not valid."""
    options: Options = headers.options(Options, request.options, "edifact")
    plan = Plan(
        tuple(first_component(step) for step in parse_each(request.each or "UNH")),
        tuple(first_component(parse_summary(part)) for part in options.summary),
        tuple(parse_edifact(column) for column in request.columns),
    )
    return InterchangeReading(request, partial(stretches, request, SYNTAX, options.encoding), _dialect, plan)


def units(request: ReadRequest) -> Envelope:
    """Every message, and what is wrong with it or with the envelopes around it."""
    return read_envelopes(request, stretches(request, SYNTAX), _dialect, _conform)


def check_each(each: str | None, options: Mapping[str, Any]) -> None:
    """Whether `each` names nested segments. Raises PathError."""
    del options
    if not each:
        raise PathError("each", "", "does not say what a row is", EACH_SYNTAX)
    parse_each(each)


def check_path(path: str, each: str | None, options: Mapping[str, Any]) -> None:
    """Whether a path names an element of a segment, by its place or its data element. Raises PathError."""
    del each, options
    parse_edifact(path)


def check_transaction(kind: str) -> None:
    """Whether a message can be of that type, as UNH says it. Raises PathError."""
    if not re.fullmatch("[A-Z0-9]{6}", kind):
        near = kind.strip().upper() if re.fullmatch("[A-Za-z]{6}", kind.strip()) else ""
        raise PathError("transaction", kind, "is not a type of message", 'Write its six letters: "INVRPT".', near)


def _dialect(table: Segments) -> Dialect:
    return INTERACTIVE if len(table.where("UIB")) else BATCH


def _header(head: bytes, name: str, place: int) -> Header:
    """Read UNA, and of UNB or UIB the syntax identifier and version."""
    where = f"byte {place}"
    una = head[3:9] if head.startswith(b"UNA") else b""
    begin = len(head) - len(head[9:].lstrip(BLANK)) if una else 0
    tag, mark = head[begin : begin + 3], head[begin + 3 : begin + 4]
    if tag not in _ENDS:
        found = head[begin : begin + 20].decode("latin-1")
        behind = " behind UNA" if una else ""
        raise FileError(
            name,
            f'expected the interchange header UNB{behind}, found "{found}"',
            "Send whole interchanges, from UNB to UNZ, and nothing between them.",
            where,
        )
    element = una[1:2] or (b"\x1d" if mark == b"\x1d" else b"+")
    if mark != element:
        raise FileError(
            name,
            f'{tag.decode()} is followed by "{mark.decode("latin-1")}", not by the element separator',
            "Name the service characters that are used in UNA.",
            where,
        )
    delimiters = _delimiters(una, element)
    syntax = head[begin + 4 :].translate(None, delete=b"\r\n").split(element, 1)[0][:40]
    identifier, _, rest = syntax.decode("latin-1").partition(chr(delimiters.component))
    version = rest.split(chr(delimiters.component))[0].strip()
    repeats = tag == b"UIB" or (version.isdigit() and int(version) >= REPETITION_SINCE)
    if not repeats:
        delimiters = replace(delimiters, repetition=-1)
    elif not una and version.isdigit() and int(version) >= REPETITION_SINCE and element == b"+":
        delimiters = replace(delimiters, repetition=ord("*"))
    used = [
        byte
        for byte in (
            delimiters.element,
            delimiters.component,
            delimiters.segment,
            delimiters.repetition,
            delimiters.release,
        )
        if byte >= 0
    ]
    if len(set(used)) < len(used) or max(used) >= 0x80:
        raise FileError(
            name,
            f'the service characters "{una.decode("latin-1")}" are not five different ASCII characters',
            "Fix UNA: component and element separator, decimal mark, release character, reserve, terminator.",
            where,
        )
    charset = CHARSETS.get(identifier.strip(), "")
    tags = tuple(other + element for other in _ENDS)
    return Header(delimiters, (b"UNA", *tags), (_ENDS[tag] + element,), begin + 3, charset)


def _delimiters(una: bytes, element: bytes) -> Delimiters:
    """The service characters of UNA, or the default ones; a space stands for one that is not used."""
    if not una:
        return _LEVEL_B if element == b"\x1d" else Delimiters(ord("+"), ord(":"), ord("'"), release=ord("?"))
    component, _, _, release, repetition, segment = una
    return Delimiters(
        element[0],
        component,
        segment,
        repetition if repetition != ord(" ") else -1,
        release if release != ord(" ") else -1,
    )


def _conform(table: Segments) -> Iterator[Trouble]:
    """Segments with bytes that are not in the interchange's character set, and packages."""
    found = table.data.find(_UNDECODABLE)
    wrong: set[int] = set()
    while found >= 0:
        wrong.add(int(np.searchsorted(table.end, found)))
        found = table.data.find(_UNDECODABLE, found + 1)
    for index in wrong:
        segment = table.id(index)
        message = f"segment {segment} has bytes that are not in the character set that UNB names"
        text = table.raw(index, index + 1).decode(errors="replace")
        yield index, segment, text, message, "Ask the sender to name in UNB the character set that is used."
    for index in table.where("UNO").tolist():
        message = "a package (UNO) holds an object that is not a message"
        yield index, "UNO", "", message, "Send the object as a file of its own."


SYNTAX = Syntax((b"UNA", b"UNB+", b"UNB\x1d", b"UIB+", b"UNH+"), _header)
