"""Packs that are byte for byte as the program ships them: `gateway check` need not read them again.

The program's tests hold every pack to its samples. `packs.sha256` lists the files that they were run on: the packs with
their samples, and the lookups. Whatever of it is changed, missing or new in a home ends the verdict on the packs that
depend on it. What the samples of packs become depends on nothing else of a home (`gateway.home.open_packs`) but the
rules by which their rows post, and no expectation of a pack says anything of entries. `make pages` writes the list.
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
        try:
            if folder not in self._folders:
                self._folders[folder] = self._as_shipped(folder)
            return self._folders[folder] and self._has_lookups(path)
        except (OSError, UnicodeDecodeError):  # The check itself says what cannot be read.
            return False

    def _as_shipped(self, folder: Path) -> bool:
        """Whether it holds what was shipped: of the packs beside a pack another one may match its samples better."""
        own = self._listed_in(f"{PACKS}/{folder.name}")
        return {_name(path, self._root) for path in _files(folder)} == own and all(map(self._is_listed, own))

    def _has_lookups(self, path: Path) -> bool:
        """Whether the lookups that the pack names are those that were shipped."""
        pack = path.read_text(encoding="utf-8")
        return all(self._is_listed(name) for name in self._listed_in(LOOKUPS) if Path(name).stem in pack)

    def _is_listed(self, name: str) -> bool:
        return _digest(self._root / name) == self._listed[name]

    def _listed_in(self, folder: str) -> set[str]:
        return {name for name in self._listed if name.startswith(f"{folder}/")}

    @cached_property
    def _listed(self) -> dict[str, str]:
        """Name below `mappings` → digest; nothing where the list is missing: then everything is checked."""
        lines = LIST.read_text(encoding="utf-8").splitlines() if LIST.is_file() else []
        return {name: digest for digest, name in (line.split("  ", 1) for line in lines)}


def text() -> str:
    """The list for the packs and lookups that come with the program, as `sha256sum` writes it."""
    root = shipped.folder() / "mappings"
    files = [*_files(root / PACKS), *_files(root / LOOKUPS)]
    return "".join(f"{_digest(path)}  {_name(path, root)}\n" for path in sorted(files))


def _files(folder: Path) -> Iterable[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def _name(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    sys.stdout.write(text())
