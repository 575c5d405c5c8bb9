"""Readers: bytes → record batches of text columns with positions. One module a format.

Adding a format is one module with the verbs of `verbs.Format`, one line in `FORMATS`, one golden pair. A module is
imported when its format is asked for: all of them take as long as many a command.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import cast

from gateway.errors import FileError, HouseError
from gateway.formats import header as headers
from gateway.formats.verbs import Format, Interchange, Table
from gateway.reading import Envelope, ReadRequest

HEAD_BYTES = 65_536
"""So much of a file shows its format."""

FORMATS: dict[str, str] = {
    "edifact": "gateway.formats.edi.edifact",
    "x12": "gateway.formats.edi.x12",
    "mt940": "gateway.formats.bank.mt940",
    "bai2": "gateway.formats.bank.bai2",
    "ofx": "gateway.formats.bank.ofx",
    "workbook": "gateway.formats.workbook.reader",
    "xml": "gateway.formats.tree.xml",
    "json": "gateway.formats.tree.json_lines",
    "delimited": "gateway.formats.text.delimited",
    "fixed": "gateway.formats.text.fixed",
}
"""The registry: the module of each format.

Where the content looks like several formats, the first of them is the most specific.
"""


def named(name: str) -> Format:
    """The format module of that name. Raises HouseError naming the known ones."""
    if name not in FORMATS:
        raise HouseError("find format", name, f"Use one of {', '.join(sorted(FORMATS))}.", "there is no such format")
    return cast(Format, import_module(FORMATS[name]))


def import_all() -> None:
    """Import every format's module."""
    for name in FORMATS:
        named(name)


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
    return (key for key in FORMATS if named(key).sniff(head, name))


def described(request: ReadRequest, looks: Sequence[str]) -> str:
    """What a file of one of these formats shows of itself, for people: "a CSV with the columns a, b"."""
    for key in looks:
        describe = getattr(named(key), "describe", None)
        if describe is not None:
            try:
                return str(describe(request))
            except FileError:
                continue
    return " or ".join(looks) or "no known format"


def table(request: ReadRequest, name: str) -> Table | None:
    """A file of that format as the table it is, None where its files are no tables. Raises FileError."""
    found = getattr(named(name), "table", None)
    return found(request) if found else None


def forget() -> None:
    """Give back the memory of the files that were read last."""
    for place in FORMATS.values():
        getattr(sys.modules.get(place), "forget", lambda: None)()


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
