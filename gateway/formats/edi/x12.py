"""ANSI X12: any version, any delimiters, several interchanges, groups and transaction sets in a file.

Acknowledgements of interchanges (TA1) are units of their own. EBCDIC is translated, line ends that wrap the
text are dropped, binary data (BIN, BDS) are given as hexadecimal digits.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache, partial
from typing import Any

from gateway.errors import FileError
from gateway.formats import header as headers
from gateway.formats.edi.envelopes import Dialect, Level, Trouble
from gateway.formats.edi.envelopes import read as read_envelopes
from gateway.formats.edi.interchange import Header, Syntax, forget, stretches
from gateway.formats.edi.loops import Plan
from gateway.formats.edi.octets import BLANK, opening
from gateway.formats.edi.paths import EACH_SYNTAX, parse, parse_each, parse_summary
from gateway.formats.edi.rows import InterchangeOptions, InterchangeReading
from gateway.formats.edi.segments import Delimiters, Segments
from gateway.formats.path_errors import PathError, closest
from gateway.model.functional_groups import FUNCTIONAL
from gateway.reading import Envelope, Reading, ReadRequest

__all__ = ["Options", "check_each", "check_path", "check_transaction", "forget", "read", "sniff", "units"]

ISA_ELEMENTS = 16
_BETWEEN_GROUPS = ("TA3", "ISB", "ISE")
_SECURITY = ("S1S", "S1E", "S2S", "S2E", "S3S", "S3E", "S4S", "S4E", "SVA")
_BINARY = ((b"BIN", 1), (b"BDS", 2))
_PADDED_BYTES = 1024
"""Bytes that line ends and filling may take between the ISA and the segment behind it."""
_SHORTEST_SEGMENT = 4

DIALECT = Dialect(
    interchange=Level(
        "ISA", "IEA", "interchange", "groups", (13, 0), (1, 0), (2, 0), ("ISA13", "IEA01", "IEA02"), numeric=True
    ),
    group=Level("GS", "GE", "group", "sets", (6, 0), (1, 0), (2, 0), ("GS06", "GE01", "GE02"), numeric=True),
    unit=Level("ST", "SE", "set", "segments", (2, 0), (1, 0), (2, 0), ("ST02", "SE01", "SE02")),
    sender=((5, 0), (6, 0)),
    receiver=((7, 0), (8, 0)),
    test=((15, 0), frozenset("T")),
    kind=(1, 0),
    version=(),
    group_version=(8, 0),
    alone=("TA1",),
    outside=lambda segment: segment in _BETWEEN_GROUPS or segment in _SECURITY,
    functional=lambda kind: FUNCTIONAL.get(kind, ""),
)
"""ISA13, IEA02, GS06 and GE02 are numbers (N0); ST02 and SE02 are text (AN)."""


class Options(InterchangeOptions):
    """`[file]` settings."""

    summary: tuple[str, ...] = ("W03", "W14", "W76", "CTT", "TDS", "AK9")


def sniff(head: bytes, name: str) -> bool:
    """An ISA, perhaps behind a byte order mark and blanks."""
    del name
    return bool(opening(head, SYNTAX.sniffs))


def read(request: ReadRequest) -> Reading:
    """Open a file for one kind of row. Raises FileError, PathError for a path that is not valid."""
    options: Options = headers.options(Options, request.options, "x12")
    plan = Plan(
        parse_each(request.each or "ST"),
        tuple(map(parse_summary, options.summary)),
        tuple(parse(column) for column in request.columns),
    )
    return InterchangeReading(request, partial(stretches, request, SYNTAX, options.encoding), _dialect, plan)


def units(request: ReadRequest) -> Envelope:
    """Every transaction set, and what is wrong with it or with the envelopes around it."""
    return read_envelopes(request, stretches(request, SYNTAX), _dialect, _conform)


def check_each(each: str | None, options: Mapping[str, Any]) -> None:
    """Whether `each` names nested segments. Raises PathError."""
    del options
    if not each:
        raise PathError("each", "", "does not say what a row is", EACH_SYNTAX)
    parse_each(each)


def check_path(path: str, each: str | None, options: Mapping[str, Any]) -> None:
    """Whether a path names an element of a segment. Raises PathError."""
    del each, options
    parse(path)


def check_transaction(kind: str) -> None:
    """Whether a transaction set can be of that kind, as ST01 says it. Raises PathError."""
    if not re.fullmatch("[0-9A-Z]{3}", kind):
        near = closest(kind, [kind[:3], kind[-3:]]) if re.search(r"^\d{3}|\d{3}$", kind) else ""
        raise PathError("transaction", kind, "is not a kind of transaction set", 'Write its three digits: "945".', near)


def _dialect(table: Segments) -> Dialect:
    del table
    return DIALECT


def _header(head: bytes, name: str, place: int) -> Header:
    """Read the ISA by its separators, so that one with slightly wrong widths still serves."""
    if not head.startswith(b"ISA"):
        found = head[:20].decode("latin-1")
        raise FileError(
            name,
            f'expected an interchange that begins with ISA, found "{found}"',
            "Send whole X12 interchanges and nothing between them.",
            f"byte {place}",
        )
    separator = head[3:4]
    if separator in (b"\r", b"\n"):
        raise FileError(
            name,
            "a line ends behind ISA, where the element separator is expected",
            "Send the ISA in one line, with a separator such as *.",
            f"byte {place}",
        )
    at = 3
    for _ in range(ISA_ELEMENTS - 1):
        at = head.find(separator, at + 1, 400)
        if at < 0:
            raise FileError(name, "the ISA segment has fewer than 16 elements", "Send the whole ISA.", f"byte {place}")
    behind = _component_and_terminator(head, at + 1, separator)
    if behind is None:
        raise FileError(
            name,
            "no GS, TA1 or IEA follows the 16 elements of the ISA segment",
            "Check that the ISA is whole and has 16 elements.",
            f"byte {place}",
        )
    component, terminator = behind
    if not terminator:
        raise FileError(name, "the file ends within the ISA segment", "Send the whole file.", f"byte {place}")
    segment = terminator[0]
    version, repetition = (part.strip() for part in _elements(head[:at], separator, 12, 11))
    delimiters = Delimiters(separator[0], component, segment, _repetition(version, repetition))
    if max(separator[0], component) >= 0x80:
        raise FileError(
            name,
            "a separator in the ISA is not an ASCII character",
            "Use ASCII separators, as * and >.",
            f"byte {place}",
        )
    if segment in (separator[0], component):
        raise FileError(
            name,
            "the ISA names the same character as separator and as terminator",
            "Use a character of its own for each.",
            f"byte {place}",
        )
    return Header(delimiters, (b"ISA" + separator,), (b"IEA" + separator,), 4, terminator=terminator)


def _elements(isa: bytes, separator: bytes, *numbers: int) -> Iterator[bytes]:
    elements = isa.translate(None, delete=b"\r\n").split(separator)
    return (elements[number] for number in numbers)


def _repetition(version: bytes, character: bytes) -> int:
    """ISA11 is the repetition separator from version 00402 on; before, it names the standards body."""
    if len(character) == 1 and version >= b"00402" and not character.isalnum() and character[0] < 0x80:
        return character[0]
    return -1


def _component_and_terminator(head: bytes, at: int, separator: bytes) -> tuple[int, bytes] | None:
    """ISA16 and the terminator: what stands between the last separator of the ISA and the segment that follows it.

    ISA16 may be missing (−1), and lines may be broken or filled with blanks before and behind the terminator, which is
    one character. None where something else stands there, b"" where the file ends before it.
    """
    shown = head[at : at + 1]
    component = shown[0] if shown.strip(BLANK) and shown != separator and not shown.isalnum() else -1
    following = _following(separator).search(head, at, at + _PADDED_BYTES)
    if following is None:
        rest = head[at + 1 :].strip(BLANK)
        return (component, rest[:1]) if len(rest) < _SHORTEST_SEGMENT else None
    behind = head[at + 1 : following.start()]
    mark = behind.strip(BLANK)
    if mark:
        # One character, which some senders write twice.
        characters = mark.decode("utf-8", "replace")
        return (component, mark[: len(mark) // len(characters)]) if len(set(characters)) == 1 else None
    line_ends = bytes(byte for byte in behind if byte in b"\r\n")
    if not line_ends or _ends_its_line(head[at + 1 :], shown):
        return -1, shown
    return component, line_ends[-1:]


@lru_cache
def _following(separator: bytes) -> re.Pattern[bytes]:
    """A segment that may follow the ISA; a line may be broken within its name."""
    tags = (tag + separator for tag in (b"GS", b"TA1", b"IEA", b"ISB", b"ST"))
    return re.compile(b"|".join(rb"[\r\n]*".join(re.escape(bytes([byte])) for byte in tag) for tag in tags))


def _ends_its_line(text: bytes, character: bytes) -> bool:
    """Whether the first line that is not blank ends with the character: then that is the terminator."""
    return text.lstrip().split(b"\n", 1)[0].rstrip().endswith(character)


def _conform(table: Segments) -> Iterator[Trouble]:
    """Segments with binary data that are not as long as they say."""
    for tag, number in _BINARY:
        found = table.where(tag.decode())
        lengths, data = (table.text(found, n).to_pylist() for n in (number, number + 1))
        for index, length, digits in zip(found.tolist(), lengths, data, strict=True):
            declared = length.strip()
            if not (declared.isascii() and declared.isdigit() and len(digits) == 2 * int(declared[:15])):
                yield (
                    index,
                    f"{tag.decode()}/{number:02d}",
                    declared,
                    f'{tag.decode()}{number:02d} is "{declared}", and the segment does not end after that many bytes',
                    "Ask the sender to state the true length of the binary data.",
                )


SYNTAX = Syntax((b"ISA",), _header, _BINARY)
