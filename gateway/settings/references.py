"""Names in `config.toml` that refer to another table of it, and names that must be unique.

They are checked in the data as read, so that they are reported together with the faults of single keys.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from gateway.errors import HomeFault
from gateway.nearest import listed, nearest
from gateway.settings.raw import at, list_of, table_of
from gateway.toml_faults import Place, spelled
from gateway.toml_lines import Path

_OF_PARTNERS = ("send", "folder", "sftp", "ftps", "s3", "surge")
"""Lists of tables that each name a partner."""


def faults(raw: dict[str, Any], place: Place) -> list[HomeFault]:
    """Entities, channels and partners that are named and not there or do not fit; two [[send]] of the same name."""
    return [*_unknown(raw, place), *_other_entity(raw, place), *_doubled(raw, place)]


def _unknown(raw: dict[str, Any], place: Place) -> Iterator[HomeFault]:
    for path, kind in _uses(raw):
        name = at(raw, path)
        known = list(table_of(raw, kind))
        if kind == "entities" and not known:
            continue  # That there are none is a fault by itself.
        if isinstance(name, str) and name not in known:
            message = f'`{spelled(path)}`: "{name}" is not one of [{kind}]{nearest(name, known)}'
            fix = f"name one of {listed(known)}, or add" if known else "add"
            yield HomeFault(*place(*path), message, f"{fix} [{kind}.{name}]")


def _uses(raw: dict[str, Any]) -> Iterator[tuple[Path, str]]:
    """(key path, the table whose names may stand there)."""
    for kind in ("channels", "partners"):
        for name in table_of(raw, kind):
            yield (kind, name, "entity"), "entities"
    for name in table_of(raw, "partners"):
        if at(raw, ("partners", name, "channel")):
            yield ("partners", name, "channel"), "channels"
    for table in _OF_PARTNERS:
        for number in range(len(list_of(raw, table))):
            yield (table, number, "partner"), "partners"


def _other_entity(raw: dict[str, Any], place: Place) -> Iterator[HomeFault]:
    """Partners that run a channel of another entity: what they sell would stand in books that do not own the
    channel."""
    for name in table_of(raw, "partners"):
        channel, entity = (at(raw, ("partners", name, key)) for key in ("channel", "entity"))
        owner = at(raw, ("channels", channel, "entity")) if isinstance(channel, str) and channel else None
        if isinstance(owner, str) and isinstance(entity, str) and owner != entity:
            path = ("partners", name, "channel")
            message = f'`{spelled(path)}`: the channel "{channel}" belongs to {owner}, the partner to {entity}'
            yield HomeFault(*place(*path), message, "give both the same entity")


def _doubled(raw: dict[str, Any], place: Place) -> Iterator[HomeFault]:
    seen: Counter[str] = Counter()
    for number in range(len(list_of(raw, "send"))):
        name = at(raw, ("send", number, "name"))
        if isinstance(name, str):
            seen[name] += 1
            if seen[name] > 1:
                path = ("send", number, "name")
                message = f'`{spelled(path)}`: the name "{name}" is used by another [[send]] too'
                yield HomeFault(*place(*path), message, "give each [[send]] a name of its own")
