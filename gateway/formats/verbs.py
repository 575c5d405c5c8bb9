"""The verbs of a format module, the same for each.

A format is one module with `Options` (a pydantic model of its `[file]` settings), `sniff(head, name)`,
`read(request)`, `check_each(each, options)` and `check_path(path, each, options)`; interchange formats also offer
`units(request)` and `check_transaction(kind)`. A module may offer `describe(request)`, what a file shows of itself, in
words and without a mapping's options, `table(request)`, its layout and rows before there is a mapping, and `forget()`,
which gives back what it keeps between a claim and the reading.

What `check_each` and `check_path` accept, `read` accepts: they compile with the same code, and need no file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from gateway.reading import Envelope, Reading, ReadRequest


@dataclass(frozen=True, slots=True)
class Table:
    """A table as its file shows it, before there is a mapping.

    options  the `[file]` settings that the file shows: delimiter and encoding, or the sheet
    rows     (line or row number, cells) of every row, without regard to a header; iterated once
    """

    options: Mapping[str, Any]
    rows: Iterator[tuple[int, list[str]]]


class Format(Protocol):
    """The verbs of a format module."""

    Options: type[Any]

    def sniff(self, head: bytes, name: str) -> bool:
        """Whether the beginning of a file (64 KiB) looks like this format."""

    def read(self, request: ReadRequest) -> Reading:
        """Open a file. Raises FileError, PathError."""

    def check_each(self, each: str | None, options: Mapping[str, Any]) -> None:
        """Whether `each` says what a row is. Raises PathError; HouseError for options that are wrong."""

    def check_path(self, path: str, each: str | None, options: Mapping[str, Any]) -> None:
        """Whether a source column can be read for rows of that `each`. Raises PathError."""


class Interchange(Format, Protocol):
    """The verbs of a format whose files hold units of claim."""

    def units(self, request: ReadRequest) -> Envelope:
        """Every unit, and what is wrong with it or with the envelopes around it. Raises FileError."""

    def check_transaction(self, kind: str) -> None:
        """Whether a unit can be of that kind. Raises PathError."""
