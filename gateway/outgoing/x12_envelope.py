"""X12 as it is written: segments, functional groups and the interchange around them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from gateway.model.functional_groups import FUNCTIONAL

Segment = tuple[str, ...]
Party = tuple[str, ...]
"""(identifier, qualifier, …) of an interchange's sender or receiver."""

_FORBIDDEN = re.compile(r"[^ -~]|[*>^~]")


def clean(text: str) -> str:
    """Text that needs no escape, which X12 does not have: other characters become blanks, runs of blanks one."""
    return " ".join(_FORBIDDEN.sub(" ", text).split())


def group(
    kind: str,
    version: str,
    sender: str,
    receiver: str,
    number: int,
    at: datetime,
    sets: Sequence[Sequence[Segment]],
    implementation: Segment = (),
) -> list[Segment]:
    """A functional group of these sets of one kind, numbered from 0001; `version` is GS08."""
    segments: list[Segment] = [
        ("GS", FUNCTIONAL[kind], sender, receiver, f"{at:%Y%m%d}", f"{at:%H%M}", str(number), "X", version)
    ]
    for place, body in enumerate(sets, start=1):
        control = f"{place:04d}"
        segments += [("ST", kind, control, *implementation), *body, ("SE", str(len(body) + 2), control)]
    segments.append(("GE", str(len(sets)), str(number)))
    return segments


def interchange(
    sender: Party, receiver: Party, number: int, at: datetime, version: str, test: bool, segments: Sequence[Segment]
) -> str:
    """The whole interchange; `version` is ISA12."""
    header = (
        "ISA",
        "00",
        " " * 10,
        "00",
        " " * 10,
        _wide(sender[1], 2),
        _wide(sender[0], 15),
        _wide(receiver[1], 2),
        _wide(receiver[0], 15),
        f"{at:%y%m%d}",
        f"{at:%H%M}",
        "^" if version >= "00402" else "U",
        f"{version:0>5.5}",
        f"{number:09d}",
        "0",
        "T" if test else "P",
        ">",
    )
    groups = sum(segment[0] == "GS" for segment in segments)
    footer = ("IEA", str(groups), f"{number:09d}")
    return "".join(map(_written, [header, *(tuple(map(clean, segment)) for segment in segments), footer]))


def _wide(text: str, chars: int) -> str:
    return clean(text)[:chars].ljust(chars)


def _written(segment: Segment) -> str:
    """A segment with its terminator; empty elements at its end are left out."""
    if segment[0] != "ISA":
        while not segment[-1]:
            segment = segment[:-1]
    return f"{'*'.join(segment)}~"
