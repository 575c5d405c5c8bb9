"""Draft mappings from sample files: what a file shows, what it seems to be, and what a person must still say.

`fitting` finds the pack that reads a file as it is. Where there is none, `look` sees a table, `shapes` the values of
its columns, `vocabulary` and `words` know the names, `assign` gives columns to fields and `tables` makes the draft.
`draft` writes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from gateway.errors import HouseError
from gateway.mapping.language.loaded import Loaded
from gateway.mapping.library.load import load_file
from gateway.model import MAPPABLE
from gateway.nearest import listed, nearest
from gateway.reading import Unit
from gateway.settings import Limits
from gateway.suggest import fitting, sets, tables, trees, vocabulary
from gateway.suggest.draft import Draft, text
from gateway.suggest.look import Seen, joined, look

__all__ = ["Draft", "Loaded", "drafts", "packs_of", "text"]


def packs_of(root: Path) -> dict[str, Loaded]:
    """The packs of a home by their names, as "standard/x12/945"; `root` is its folder `mappings`."""
    found = {}
    for path in sorted(root.glob("standard/*/*.toml")):
        loaded, _ = load_file(path, root)
        if loaded is not None:
            found[path.relative_to(root).with_suffix("").as_posix()] = loaded
    return found


def drafts(
    paths: Sequence[Path],
    packs: Mapping[str, Loaded],
    partner: str,
    table: str | None = None,
    limits: Limits | None = None,
) -> list[Draft]:
    """The draft mappings of files of a feed: one, or one for each kind of set in an interchange.

    table  what a row is, where a person names it: then no pack is looked for
    Raises HouseError where none can be made.
    """
    if table is not None and table not in MAPPABLE:
        known = f"there is no such table{nearest(table, MAPPABLE)}"
        raise HouseError("suggest a mapping for table", table, f"Use one of {listed(MAPPABLE, 30)}.", known)
    limits = limits or Limits()
    looks, units = fitting.unit_formats(paths, limits)
    if units:
        found = fitting.of_units(units, looks[0], packs, partner) if table is None else []
        return found or _sets(paths, looks[0], units, partner, table, limits)
    if "xml" in looks or "json" in looks:
        return [_document(paths, looks, packs, partner, table, limits)]
    seen = [_table(path, limits) for path in paths]
    whole = joined(seen)
    words = vocabulary.of({name: loaded.mapping for name, loaded in packs.items()})
    based = fitting.of_table(whole, packs, partner, words) if table is None else None
    return [based or tables.draft(whole, words, partner, table)]


def _table(path: Path, limits: Limits) -> Seen:
    return look(path, limits) or _nothing(path, "it shows no table of two columns or more")


def _document(
    paths: Sequence[Path],
    looks: Sequence[str],
    packs: Mapping[str, Loaded],
    partner: str,
    table: str | None,
    limits: Limits,
) -> Draft:
    """The draft for documents: of the pack that reads them, else of what repeats in them."""
    based = fitting.of_document(paths, looks, packs, partner, limits) if table is None else None
    if based is not None:
        return based
    words = vocabulary.of({name: loaded.mapping for name, loaded in packs.items()})
    name = next(one for one in looks if one in ("xml", "json"))
    seen = trees.see(paths, name, lambda one: tables.assigned(one, one.shapes, words, table).score)
    if seen is None:
        return _nothing(paths[0], "nothing in it repeats or has values")
    return tables.draft(seen, words, partner, table)


def _sets(
    paths: Sequence[Path],
    name: str,
    units: Sequence[Unit],
    partner: str,
    table: str | None,
    limits: Limits,
) -> list[Draft]:
    """A draft for each kind of set that no pack reads, of what stands in the first file."""
    kinds = sorted({unit.kind for unit in units})
    if name not in ("x12", "edifact"):
        _unread(paths[0], kinds)
    words, result = vocabulary.of({}), []  # The names of packs are places in other sets.
    for kind in kinds:
        seen = sets.see(paths[0], name, kind, limits, lambda one: tables.assigned(one, one.shapes, words, table).score)
        if seen is None:
            _unread(paths[0], kinds)
        found = sets.draft(seen, kind, units, tables.draft(seen, words, partner, table))
        result.append(replace(found, feed=f"{partner}.{kind.lower()}"))
    return result


def _unread(path: Path, kinds: Sequence[str]) -> NoReturn:
    fix = f'Write a mapping with transaction = "{kinds[0]}" and what its segments mean: docs/mapping.md.'
    raise HouseError("suggest a mapping for", str(path), fix, f"no pack reads its sets: {', '.join(kinds)}")


def _nothing(path: Path, cause: str) -> NoReturn:
    hint = "Give it a CSV or a workbook with a header, or base a mapping on a pack: docs/packs.md lists them."
    raise HouseError("suggest a mapping for", str(path), hint, cause)
