"""EDIFACT as it is written: segments, messages and the interchange around them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

Composite = tuple[str, ...]
Segment = tuple[str | Composite, ...]

_LEVELS = {"UNOA": "UNOA", "UNOB": "UNOB"}
_NOT_UNOA = re.compile(r"[^A-Z0-9 .,\-()/='+:?!\"%&*;<>]")
_NOT_UNOB = re.compile(r"[^ -~]")
NOT_UNOC = re.compile(r"[^ -~\xa0-\xff]")


def message(reference: str, kind: Composite, body: Sequence[Segment]) -> list[Segment]:
    """A message of these segments."""
    return [("UNH", reference, kind), *body, ("UNT", str(len(body) + 2), reference)]


def interchange(
    sender: Composite,
    receiver: Composite,
    number: int,
    at: datetime,
    syntax: str,
    test: bool,
    messages: Sequence[Sequence[Segment]],
) -> str:
    """The whole interchange; texts are in the characters of UNOA or UNOB if that is the syntax, else of UNOC."""
    level = _LEVELS.get(syntax, "UNOC")
    flag: Segment = ("", "", "", "", "", "1") if test else ()
    header: Segment = (
        "UNB",
        (level, "3"),
        sender,
        receiver,
        (f"{at:%y%m%d}", f"{at:%H%M}"),
        str(number),
        *flag,
    )
    footer: Segment = ("UNZ", str(len(messages)), str(number))
    segments = [header, *(segment for message in messages for segment in message), footer]
    return "".join(_written(segment, level) for segment in segments)


def _written(segment: Segment, level: str) -> str:
    """A segment with its terminator; what is empty at the end is left out."""
    elements = [_joined([part] if isinstance(part, str) else part, level) for part in segment]
    while not elements[-1]:
        elements.pop()
    return f"{'+'.join(elements)}'"


def _joined(components: Sequence[str], level: str) -> str:
    filled = max((n for n, text in enumerate(components, start=1) if text), default=0)
    return ":".join(_escaped(text, level) for text in components[:filled])


def _escaped(text: str, level: str) -> str:
    """Text in the characters of the syntax level, others as points, service characters released."""
    if level == "UNOA":
        text = _NOT_UNOA.sub(".", text.upper())
    text = (_NOT_UNOB if level == "UNOB" else NOT_UNOC).sub(".", text)
    return re.sub(r"([?+:'])", r"?\1", text)
