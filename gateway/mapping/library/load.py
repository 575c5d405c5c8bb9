"""Mapping files → checked mappings, each fault with its file and line.

A broken mapping never stops the others: it is a fault of the library and is not active.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from gateway.errors import HomeFault
from gateway.mapping.language import shape_faults
from gateway.mapping.language.loaded import PASSIVE, Library, Loaded, Pack, place
from gateway.mapping.language.spec import Mapping
from gateway.mapping.library import dropped, stray_files
from gateway.mapping.library import lookups as lookup_files
from gateway.mapping.library import packs as merge
from gateway.nearest import listed, nearest
from gateway.toml_faults import read
from gateway.toml_lines import Lines

__all__ = ["PASSIVE", "HomeFault", "Library", "Loaded", "expanded", "load_all", "load_file"]

FILE_BYTES_MAX = 1_000_000
_PACK = re.compile(r"standard/[A-Za-z0-9_-]+/[A-Za-z0-9_.-]*[A-Za-z0-9_-]")


def read_all(home: Path) -> Library:
    """Every mapping below `<home>/mappings` that has the right shape, not linted: for those who read no file with
    them."""
    root, library = home / "mappings", Library()
    good: list[Loaded] = []
    for path in _files(root):
        loaded, faults = load_file(path, root)
        library.faults += faults
        good += [] if loaded is None else [loaded]
    for one in sorted(good, key=lambda one: _precedence(one, None)):
        _activate(library, one)
    return library


def load_all(home: Path, last: Library | None = None) -> Library:
    """Read and lint every mapping below `<home>/mappings`; never raises for a broken one.

    last  what was read before: in place of a mapping or lookup that is broken now, the one that was good
    """
    from gateway.mapping.lint import lint
    from gateway.mapping.lint.probe import Probe

    root = home / "mappings"
    library = Library()
    library.lookups, faults = lookup_files.load_all(root / "lookups")
    library.faults += faults
    if last is not None:
        broken = {Path(fault.file).stem for fault in faults}
        library.lookups = {n: t for n, t in last.lookups.items() if n in broken} | library.lookups
    library.faults += stray_files.faults(root)
    good: list[Loaded] = []
    with Probe() as probe:
        for path in _files(root):
            loaded, faults = load_file(path, root)
            if loaded is not None:
                faults = lint.check(loaded, library.lookups, probe=probe)
            if loaded is None or faults:
                library.faults += faults
                loaded = last.at(path) if last is not None else None
            if loaded is not None:
                good.append(loaded)
    for one in sorted(good, key=lambda one: _precedence(one, last)):
        _activate(library, one)
    return library


def _precedence(loaded: Loaded, last: Library | None) -> tuple[bool, bool, int, str]:
    """Of two mappings that read one feed, that in force stays; else that whose feed is named for its partner; else
    that with the shorter name, as copies have longer ones."""
    mapping = loaded.mapping
    new = last is not None and last.at(loaded.path) is None
    return new, not mapping.feed.startswith(f"{mapping.partner}."), len(loaded.name), loaded.name


def _files(root: Path) -> list[Path]:
    found = sorted(root.glob("*/*.toml"))
    return [path for path in found if path.parent.name not in PASSIVE and not path.name.startswith(".")]


def _activate(library: Library, loaded: Loaded) -> None:
    """Two mappings may share a feed only if they hold on different days."""
    feed = loaded.mapping.feed
    twins = [one for one in (*library.mappings.values(), *library.earlier) if one.mapping.feed == feed]
    for twin in twins:
        if twin.shares_days_with(loaded):
            file, line = loaded.place("feed")
            library.faults.append(
                HomeFault(
                    file,
                    line,
                    f'the feed "{feed}" is also in {twin.name}, on the same days',
                    "remove the copy; or give each feed a name of its own, or end one with valid_to before valid_from "
                    "of the other",
                )
            )
            return
    newest = max([*twins, loaded], key=lambda one: (one.mapping.valid_from is not None, one.mapping.valid_from))
    library.mappings[feed] = newest
    library.earlier = [one for one in library.earlier if one.mapping.feed != feed]
    library.earlier += [one for one in (*twins, loaded) if one is not newest]


def load_file(path: Path, root: Path) -> tuple[Loaded | None, list[HomeFault]]:
    """One mapping file with the pack it is based on; `root` is the folder `mappings`.

    (None, faults) if it cannot be used. What the shape cannot say is `lint`'s.
    """
    name = f"mappings/{path.relative_to(root).as_posix()}"
    raw, text, faults = read(path, name, FILE_BYTES_MAX)
    if raw is None:
        return None, faults
    lines, pack = Lines(text), None
    parts = [text.encode()]
    if "based_on" in raw:
        base, pack_text, problem = _pack(raw["based_on"], root, name, lines)
        if base is None:
            return None, problem
        if problem := list(dropped.faults(base, raw, name, lines)):
            return None, problem
        parts.append(b"\0pack\0" + pack_text.encode())
        raw, records = merge.merged(base, raw)
        pack = Pack(f"mappings/{raw['based_on']}.toml", Lines(pack_text), records)
    elif problem := list(dropped.faults(None, raw, name, lines)):
        return None, problem
    try:
        mapping = Mapping.model_validate(raw)
    except ValidationError as error:
        return None, shape_faults.faults(error, raw, lambda *key: place(name, lines, pack, key))
    for lookup in sorted({f.lookup for r in mapping.record for f in r.fields.values() if f.lookup}):
        parts.append(f"\0lookup\0{lookup}\0".encode() + lookup_files.content(root / "lookups", lookup))
    whole = b"".join(parts)
    return Loaded(mapping, path, name, hashlib.sha256(whole).hexdigest()[:16], lines, pack, whole), []


def expanded(path: Path, root: Path) -> tuple[dict[str, Any] | None, list[HomeFault]]:
    """The mapping as TOML data with its pack laid under it: what `gateway check --expand` prints."""
    name = f"mappings/{path.relative_to(root).as_posix()}"
    raw, text, faults = read(path, name, FILE_BYTES_MAX)
    if raw is None or "based_on" not in raw:
        return raw, faults
    base, _, faults = _pack(raw["based_on"], root, name, Lines(text))
    if base is None:
        return None, faults
    result, _ = merge.merged(base, raw)
    for key in ("based_on", "drop"):
        result.pop(key, None)
    return result, []


def _pack(base: Any, root: Path, name: str, lines: Lines) -> tuple[dict[str, Any] | None, str, list[HomeFault]]:
    """The pack's data and text. (None, "", faults) if there is none, or it is itself based on another."""

    def no(message: str, fix: str) -> tuple[None, str, list[HomeFault]]:
        return None, "", [HomeFault(name, lines.of("based_on"), message, fix)]

    if not isinstance(base, str) or not _PACK.fullmatch(base):
        return no(f'based_on = "{base}" names no pack', 'write "standard/<family>/<document>", e.g. "standard/x12/945"')
    path = root / f"{base}.toml"
    if not path.is_file():
        packs = [p.relative_to(root).with_suffix("").as_posix() for p in root.glob("standard/*/*.toml")]
        return no(f'there is no pack "{base}"{nearest(base, packs)}', f"there are {listed(packs)}")
    data, text, faults = read(path, f"mappings/{base}.toml", FILE_BYTES_MAX)
    if data is None:
        return None, "", faults
    if "based_on" in data:
        return no(f'"{base}" is itself based on another pack', "packs are one level deep: name the one below it")
    return data, text, []
