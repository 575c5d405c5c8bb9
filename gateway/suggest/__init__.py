"""Draft mappings from sample files: what a file shows, what it seems to be, and what a person must still say.

`look` sees a table, `shapes` the values of its columns, `vocabulary` and `words` know the names, `assign` gives columns
to fields, `tables` makes the draft and `draft` writes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from gateway.errors import FileError, HouseError
from gateway.mapping.language.loaded import Loaded
from gateway.mapping.library.load import load_file
from gateway.model import MAPPABLE
from gateway.nearest import listed, nearest
from gateway.settings import Limits
from gateway.suggest import tables, vocabulary
from gateway.suggest.draft import Draft, text
from gateway.suggest.look import Seen, joined, look

__all__ = ["Draft", "draft", "packs_of", "text"]


def packs_of(root: Path) -> dict[str, Loaded]:
    """The packs of a home by their names, as "standard/x12/945"; `root` is its folder `mappings`."""
    found = {}
    for path in sorted(root.glob("standard/*/*.toml")):
        loaded, _ = load_file(path, root)
        if loaded is not None:
            found[path.relative_to(root).with_suffix("").as_posix()] = loaded
    return found


def draft(
    paths: Sequence[Path],
    packs: Mapping[str, Loaded],
    partner: str,
    table: str | None = None,
    limits: Limits | None = None,
) -> Draft:
    """The draft mapping of a feed with these samples. Raises HouseError where none can be made, FileError."""
    if table is not None and table not in MAPPABLE:
        known = f"there is no such table{nearest(table, MAPPABLE)}"
        raise HouseError("suggest a mapping for table", table, f"Use one of {listed(MAPPABLE, 30)}.", known)
    words = vocabulary.of({name: loaded.mapping for name, loaded in packs.items()})
    seen = joined([_seen(path, limits or Limits()) for path in paths])
    return tables.draft(seen, words, partner, table)


def _seen(path: Path, limits: Limits) -> Seen:
    try:
        seen = look(path, limits)
    except FileError as error:
        raise HouseError("read", str(path), error.hint, error.cause or str(error)) from None
    if seen is None:
        hint = "Give it a CSV or a workbook with a header, or base a mapping on a pack: docs/packs.md lists them."
        raise HouseError("suggest a mapping for", str(path), hint, "it shows no table of two columns or more")
    return seen
