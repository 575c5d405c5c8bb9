"""Mapping files as loaded: each with its version and the places of its keys, and the faults of the broken ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.errors import HomeFault
from gateway.mapping.language.spec import Mapping
from gateway.toml_lines import Lines

if TYPE_CHECKING:
    import pyarrow as pa

PASSIVE = ("standard", "lookups", "samples", "examples")
"""Folders below `mappings/` that hold no partner's mappings."""

MASTER_DATA = "master-data.csv"
"""In a folder of samples: the items and aliases that they are read with."""

FIELD_DEPTH = 4
"""Parts of the key path of a field: ("record", 0, "fields", "sku")."""


@dataclass(frozen=True, slots=True)
class Pack:
    """What a mapping is based on: its file, its lines, and for each record of the merged mapping its number
    in the partner's file and in the pack (None where that file has no such record)."""

    name: str
    lines: Lines
    records: tuple[tuple[int | None, int | None], ...]


@dataclass(frozen=True, slots=True)
class Loaded:
    """A mapping, where it came from, its version and its lines.

    name     "mappings/acme/stock.toml"
    version  first 16 hex digits of SHA-256 over the file, its pack and its lookups
    lines    lines of the keys in the file itself; `place` also knows those that come from the pack
    text     the file, its pack and its lookups, as they are hashed
    """

    mapping: Mapping
    path: Path
    name: str
    version: str
    lines: Lines
    pack: Pack | None = None
    text: bytes = b""

    @property
    def passive(self) -> bool:
        """Whether no file is read by it: a pack, or an example."""
        return self.name.split("/")[1] in PASSIVE

    def place(self, *path: str | int) -> tuple[str, int]:
        """(file, line) of a key of the mapping: where it is written, be that the file or its pack."""
        return place(self.name, self.lines, self.pack, path)

    def place_of(self, text: str) -> str:
        """ "file:line" of the key whose value is this text (a path, an expression), the file alone if none is."""
        whole = self.mapping.model_dump(by_alias=True, exclude_unset=True)
        path = next((path for path, value in _values(whole) if value == text), None)
        # A field is merged whole: what its pack says about it in more words is not what is in force.
        return ":".join(map(str, self.place(*path[:FIELD_DEPTH]))) if path else self.name

    def holds_on(self, day: date) -> bool:
        """Whether the mapping serves files that arrive on that day."""
        begin, end = self.mapping.valid_from, self.mapping.valid_to
        return (begin is None or begin <= day) and (end is None or day <= end)

    def shares_days_with(self, other: Loaded) -> bool:
        """Whether there is a day on which both mappings hold."""
        ours, theirs = self.mapping, other.mapping
        return not any(
            first.valid_to is not None and second.valid_from is not None and first.valid_to < second.valid_from
            for first, second in ((ours, theirs), (theirs, ours))
        )


def _values(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Everything in nested tables and lists that is neither, each with its key path."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _values(inner, (*path, key))
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            yield from _values(inner, (*path, number))
    else:
        yield path, value


def place(name: str, lines: Lines, pack: Pack | None, path: tuple[str | int, ...]) -> tuple[str, int]:
    """(file, line) of the key, in whichever of the two files it is written; the partner's file goes first."""
    if pack is None:
        return name, lines.of(*path)
    own_path, pack_path = path, path
    if len(path) > 1 and path[0] == "record" and isinstance(path[1], int) and path[1] < len(pack.records):
        own, other = pack.records[path[1]]
        own_path = () if own is None else ("record", own, *path[2:])
        pack_path = () if other is None else ("record", other, *path[2:])
    depth, line = lines.find(own_path)
    pack_depth, pack_line = pack.lines.find(pack_path)
    return (pack.name, pack_line) if pack_depth > depth else (name, line)


@dataclass
class Library:
    """All active mappings of a home by feed, its lookups, and the faults of what is not active.

    mappings  the newest mapping of each feed
    earlier   further mappings of the same feeds, for other days (`valid_from`, `valid_to`)
    """

    mappings: dict[str, Loaded] = field(default_factory=dict)
    faults: list[HomeFault] = field(default_factory=list)
    lookups: dict[str, pa.Table] = field(default_factory=dict)
    earlier: list[Loaded] = field(default_factory=list)

    def at(self, path: Path) -> Loaded | None:
        """The active mapping that was read from that file."""
        return next((one for one in (*self.mappings.values(), *self.earlier) if one.path == path), None)

    def of_partner(self, partner: str, day: date) -> list[Loaded]:
        """The partner's mappings that hold on that day, in order of their files."""
        found = [
            loaded
            for loaded in (*self.mappings.values(), *self.earlier)
            if loaded.mapping.partner == partner and loaded.holds_on(day)
        ]
        return sorted(found, key=lambda loaded: loaded.name)
