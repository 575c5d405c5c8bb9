"""The verbs of a format module, the same for each.

A format is one module with `Options` (a pydantic model of its `[file]` settings), `sniff(head, name)` and
`read(request)`; interchange formats also offer `units(request)`. A module may offer `describe(request)`, what a
file shows of itself, in words and without a mapping's options, and `forget()`, which gives back what it keeps
between a claim and the reading.
"""

from __future__ import annotations

from typing import Any, Protocol

from gateway.reading import Envelope, Reading, ReadRequest


class Format(Protocol):
    """The verbs of a format module."""

    Options: type[Any]

    def sniff(self, head: bytes, name: str) -> bool:
        """Whether the beginning of a file (64 KiB) looks like this format."""

    def read(self, request: ReadRequest) -> Reading:
        """Open a file. Raises FileError."""


class Interchange(Format, Protocol):
    """The verbs of a format whose files hold units of claim."""

    def units(self, request: ReadRequest) -> Envelope:
        """Every unit, and what is wrong with it or with the envelopes around it. Raises FileError."""
