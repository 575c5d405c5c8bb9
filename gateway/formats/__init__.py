"""Readers: bytes → record batches of text columns with positions. One module a format.

Adding a format is one module with the verbs of `verbs.Format`, one line in `FORMATS`, one golden pair.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from gateway.errors import FileError, HouseError
from gateway.formats import header as headers
from gateway.formats.bank import bai2, mt940, ofx
from gateway.formats.edi import edifact, x12
from gateway.formats.text import delimited, fixed
from gateway.formats.tree import json_lines, xml
from gateway.formats.verbs import Format, Interchange, Table
from gateway.formats.workbook import reader
from gateway.reading import Envelope, ReadRequest

HEAD_BYTES = 65_536
"""So much of a file shows its format."""

FORMATS: dict[str, Format] = {
    "edifact": cast(Format, edifact),
    "x12": cast(Format, x12),
    "mt940": cast(Format, mt940),
    "bai2": cast(Format, bai2),
    "ofx": cast(Format, ofx),
    "workbook": cast(Format, reader),
    "xml": cast(Format, xml),
    "json": cast(Format, json_lines),
    "delimited": cast(Format, delimited),
    "fixed": cast(Format, fixed),
}
"""The registry. Where the content looks like several formats, the first of them is the most specific."""


def named(name: str) -> Format:
    """The format module of that name. Raises HouseError naming the known ones."""
    try:
        return FORMATS[name]
    except KeyError:
        raise HouseError(
            "find format", name, f"Use one of {', '.join(sorted(FORMATS))}.", "there is no such format"
        ) from None


def interchange_of(name: str) -> Interchange | None:
    """The format module of that name if its files hold units that are claimed one by one."""
    module = named(name)
    return cast(Interchange, module) if hasattr(module, "units") else None


@dataclass(frozen=True, slots=True)
class Looked:
    """What a file looks like.

    empty     whether it has no bytes
    looks     names of the formats that it looks like, in the order of the registry, up to one of interchanges
    envelope  the units of an interchange, None of other files
    """

    empty: bool
    looks: Sequence[str] = ()
    envelope: Envelope | None = None


def looked(request: ReadRequest) -> Looked:
    """Look at the beginning of a file, and at all of it if it is an interchange. Raises FileError."""
    with request.path.open("rb") as source:
        head = source.read(HEAD_BYTES)
    looks: list[str] = []
    for key in _sniffing(head, request.name) if head else ():
        looks.append(key)
        if interchange_of(key):
            return Looked(False, looks, units(request, key))
    return Looked(not head, looks)


def units(request: ReadRequest, name: str) -> Envelope:
    """The units of a file of that interchange format. Raises FileError."""
    interchange = interchange_of(name)
    if interchange is None:
        raise ValueError(f"{name} has no units")
    return interchange.units(request)


def sniffed(head: bytes, name: str) -> list[str]:
    """Names of the formats that the beginning of a file looks like, in the order of the registry."""
    return list(_sniffing(head, name))


def _sniffing(head: bytes, name: str) -> Iterator[str]:
    return (key for key, module in FORMATS.items() if module.sniff(head, name))


def described(request: ReadRequest, looks: Sequence[str]) -> str:
    """What a file of one of these formats shows of itself, for people: "a CSV with the columns a, b"."""
    for key in looks:
        describe = getattr(FORMATS[key], "describe", None)
        if describe is not None:
            try:
                return str(describe(request))
            except FileError:
                continue
    return " or ".join(looks) or "no known format"


def table(request: ReadRequest, name: str) -> Table | None:
    """A file of that format as the table it is, None where its files are no tables. Raises FileError."""
    found = getattr(FORMATS[name], "table", None)
    return found(request) if found else None


def forget() -> None:
    """Give back the memory of the files that were read last."""
    for module in FORMATS.values():
        getattr(module, "forget", lambda: None)()


def check_options(module: Format, options: dict[str, object], name: str) -> None:
    """Check a format's own options. Raises HouseError naming every faulty key."""
    headers.options(module.Options, options, name)


def check_transaction(name: str, kind: str) -> None:
    """Check the kind of units that a mapping claims, where files of the format have units. Raises PathError."""
    interchange = interchange_of(name)
    if interchange is not None:
        interchange.check_transaction(kind)


def options_fault(name: str, options: Mapping[str, object]) -> HouseError | None:
    """What is wrong with the options of a format, None if nothing is."""
    try:
        check_options(named(name), dict(options), name)
    except HouseError as error:
        return error
    return None
