"""Packs that are byte for byte as the program ships them: `gateway check` need not read them again.

The program's tests hold every pack to its samples. `packs.sha256` lists the files that they were run on: the packs with
their samples, the rules and the lookups. Whatever of it is changed, missing or new in a home ends the verdict on the
packs that depend on it. What the samples of packs become depends on nothing else of a home
(`gateway.home.open_packs`). `make pages` writes the list.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

from gateway import shipped

LIST = Path(__file__).with_name("packs.sha256")
PACKS, LOOKUPS = "standard", "lookups"
RULES = ("chart.toml", "posting.toml")
"""What the rows of samples are posted by."""


class ShippedPacks:
    """The packs of a home, compared with those of the program; `root` is the home's folder `mappings`."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._folders: dict[Path, bool] = {}

    def holds(self, path: Path) -> bool:
        """Whether a mapping is a pack as it was shipped, with everything that the verdict on it depends on."""
        folder = path.parent
        if folder.parent != self._root / PACKS:
            return False
        if folder not in self._folders:
            self._folders[folder] = self._as_shipped(folder)
        return self._folders[folder]

    def _as_shipped(self, folder: Path) -> bool:
        own = self._listed_in(f"{PACKS}/{folder.name}")
        try:
            if {_name(path, self._root) for path in _files(folder)} != own:
                return False
            packs = "".join(path.read_text(encoding="utf-8") for path in folder.glob("*.toml"))
            lookups = {name for name in self._listed_in(LOOKUPS) if Path(name).stem in packs}
            needed = own | lookups | set(RULES)
            return all(_digest(self._root / name) == self._listed[name] for name in needed)
        except (OSError, UnicodeDecodeError):  # The check itself says what cannot be read.
            return False

    def _listed_in(self, folder: str) -> set[str]:
        return {name for name in self._listed if name.startswith(f"{folder}/")}

    @cached_property
    def _listed(self) -> dict[str, str]:
        """Name below `mappings` → digest; nothing where the list is missing: then everything is checked."""
        lines = LIST.read_text(encoding="utf-8").splitlines() if LIST.is_file() else []
        return {name: digest for digest, name in (line.split("  ", 1) for line in lines)}


def text() -> str:
    """The list for the packs, rules and lookups that come with the program, as `sha256sum` writes it."""
    root = shipped.folder() / "mappings"
    files = [*_files(root / PACKS), *_files(root / LOOKUPS), *(root / name for name in RULES)]
    return "".join(f"{_digest(path)}  {_name(path, root)}\n" for path in sorted(files))


def _files(folder: Path) -> Iterable[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def _name(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    sys.stdout.write(text())
