"""Mappings that `gateway check` found without a fault, so that it need not read again what nobody changed.

A verdict counts only for the same content of everything that it depends on, on the same day:

- the program: its version, its modules as they are installed, the packages and the Python that it runs on
- `config.toml` and every lookup of the home
- every file of the mapping's folder: the mapping, its neighbours, samples, expectations, their master data
- the rules, for a mapping of a partner, and where an expectation of a pack says what its rows post
- every pack, for a mapping that may be based on one
- the items and aliases of the ledger, where the samples of a partner's folder bring none

Only mappings without a fault are noted: a fault is found again each time. The file may be removed at any time.
"""

from __future__ import annotations

import hashlib
import json
import sys
import sysconfig
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import gateway
from gateway.atomic import write_atomically
from gateway.mapping.language.loaded import MASTER_DATA


class Verdicts:
    """The verdicts of a home, kept in the file `kept`.

    master_data  gives what samples are read with that bring no master data: any text that changes with it
    """

    def __init__(self, home: Path, kept: Path, master_data: Callable[[], str]) -> None:
        self._home, self._root, self._kept = home, home / "mappings", kept
        self._master_data = master_data
        self._folders: dict[Path, str] = {}
        self._sound = _read(kept)

    def holds(self, path: Path) -> bool:
        """Whether the mapping was without a fault, and nothing that this depends on has changed since."""
        now = self._of(path.parent)
        return bool(now) and self._sound.get(self._name(path)) == now

    def note(self, paths: Iterable[Path]) -> None:
        """Keep that these mappings are without a fault, as their files were when `holds` was asked for them.

        Where nothing can be written, the next check reads them again.
        """
        noted = self._sound | {self._name(path): self._of(path.parent) for path in paths}
        noted = {name: digest for name, digest in noted.items() if digest and (self._root / name).is_file()}
        if noted != self._sound:
            self._sound = noted
            with suppress(OSError):
                write_atomically(self._kept, json.dumps(noted, indent=0).encode())

    def _name(self, path: Path) -> str:
        return path.relative_to(self._root).as_posix()

    def _of(self, folder: Path) -> str:
        """A digest of everything that verdicts on the mappings of a folder depend on, read once; "" if it cannot be."""
        if folder not in self._folders:
            try:
                self._folders[folder] = hashlib.sha256("\n".join(self._parts(folder)).encode()).hexdigest()
            except OSError:  # The check itself says what cannot be read.
                self._folders[folder] = ""
        return self._folders[folder]

    def _parts(self, folder: Path) -> Iterator[str]:
        yield self._common
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        yield _digest(files, self._home)
        partners = folder.parent == self._root
        if partners or any(b'"entries"' in path.read_bytes() for path in files if path.suffix == ".json"):
            yield self._rules
        if not partners:
            return
        yield self._packs
        if (folder / "samples").is_dir() and not (folder / "samples" / MASTER_DATA).is_file():
            yield self._items

    @cached_property
    def _common(self) -> str:
        files = [*self._home.glob("*.toml"), *(self._root / "lookups").rglob("*")]
        shared = sorted(path for path in files if path.is_file())
        return f"{datetime.now(UTC).date()} {_program()} {_digest(shared, self._home)}"

    @cached_property
    def _rules(self) -> str:
        return _digest(sorted(path for path in self._root.glob("*.toml") if path.is_file()), self._home)

    @cached_property
    def _packs(self) -> str:
        return _digest(sorted((self._root / "standard").glob("*/*.toml")), self._home)

    @cached_property
    def _items(self) -> str:
        return self._master_data()


def _program() -> str:
    """What runs: another version, a changed module or another package may judge otherwise."""
    package = Path(gateway.__file__).parent
    modules = sorted(path for path in package.rglob("*") if path.is_file() and path.suffix != ".pyc")
    stamps = [(str(path.relative_to(package)), path.stat().st_size, path.stat().st_mtime_ns) for path in modules]
    places = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    packages = sorted(path.name for place in places for path in Path(place).glob("*.dist-info"))
    whole = repr((gateway.__version__, sys.version, stamps, packages))
    return hashlib.sha256(whole.encode()).hexdigest()


def _digest(files: Iterable[Path], home: Path) -> str:
    """A digest of the names and the content of files."""
    whole = hashlib.sha256()
    for path in files:
        content = path.read_bytes()
        whole.update(f"{path.relative_to(home).as_posix()}\0{len(content)}\0".encode())
        whole.update(content)
    return whole.hexdigest()


def _read(kept: Path) -> dict[str, str]:
    """What was kept; nothing, where there is none or it is not whole: then everything is checked."""
    try:
        found = json.loads(kept.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
