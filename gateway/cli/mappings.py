"""Mappings that a command names: found below mappings/, and read so that they can be used."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.errors import HouseError
from gateway.mapping.library import load
from gateway.nearest import listed

if TYPE_CHECKING:
    from gateway.home import Home


def all_of(home: Path) -> list[Path]:
    """The partners' mappings, then the packs."""
    root = home / "mappings"
    partners = [path for path in root.glob("*/*.toml") if path.parent.name not in load.PASSIVE]
    return sorted(partners) + sorted(root.glob("standard/*/*.toml"))


def path_of(name: str, home: Path) -> Path:
    """The file of a mapping named with or without `mappings/` and `.toml`. Raises HouseError naming the nearest."""
    root = home / "mappings"
    path = root / (name.removeprefix("mappings/").removesuffix(".toml") + ".toml")
    if not path.resolve().is_relative_to(root.resolve()) or not path.is_file():
        known = [p.relative_to(root).with_suffix("").as_posix() for p in all_of(home)]
        near = get_close_matches(name, known, n=1)
        own = [one for one in known if one.split("/")[0] not in load.PASSIVE]
        fix = f"Write one of {listed(own)}, or a pack of docs/packs.md." if own else "Write one: docs/mapping.md."
        hint = f"Write {near[0]}, if that is what you mean." if near else fix
        raise HouseError("find mapping", name, hint, "there is no such file below mappings/")
    return path


def usable(home: Home, path: Path) -> load.Loaded:
    """The mapping, checked. Raises HouseError with all its faults."""
    from gateway.mapping.lint import lint

    loaded, faults = load.load_file(path, home.folder / "mappings")
    if loaded is not None:
        faults = lint.check(loaded, home.library.lookups)
    if loaded is None or faults:
        raise HouseError(
            "use mapping", path.stem, "Then run the command again.", "; ".join(map(str, faults)).rstrip(".")
        )
    return loaded
