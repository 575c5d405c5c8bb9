"""Laying down a home: configuration, rules, packs, folders of partners, and on request the example partners."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Iterable
from pathlib import Path

from gateway import first_settings, shipped
from gateway.errors import HouseError
from gateway.rights import SHARED_FILE_MODE, SHARED_FOLDER_MODE, make_shared_folder, ownership

FOLDERS = ("inbound", "outbound", "ledger", "mappings")
FOLDER_MODE = 0o750
"""Partners' data is for the gateway's user and group alone."""
SHARED = ("inbound", "mappings")
"""Where the group works too: it drops files, and edits mappings."""


def open_to_others(home: Path) -> str:
    """What is wrong where everybody on the machine gets into the home, and the fix; "" where nobody else does."""
    if not home.stat().st_mode & stat.S_IRWXO:
        return ""
    return f"everybody on this machine can look into the home. Fix: chmod {FOLDER_MODE:04o} {home}"


def lay_down(home: Path, *, examples: bool, own: bool = False) -> list[Path]:
    """Create what is missing of a home; never overwrite a file. Returns what was written.

    examples  also make the example partners' mappings and their lookups active
    own       settings for a company of one's own, without the parties of the examples
    """
    origin = shipped.folder()
    if not (origin / "mappings").is_dir():
        raise HouseError("lay down", str(home), "Install the package again.", "its mappings are missing")
    written: list[Path] = []
    for folder in (home, *(home / name for name in FOLDERS)):
        if not folder.is_dir():
            folder.mkdir(parents=True)
            # Whatever the umask says.
            folder.chmod(SHARED_FOLDER_MODE if folder.parent == home and folder.name in SHARED else FOLDER_MODE)
    config = home / "config.toml"
    if own and not config.exists():
        config.write_text(first_settings.TEXT, encoding="utf-8")
        written.append(config)
    _copy(origin / "config.toml", config, written)
    for path in sorted((origin / "mappings").rglob("*")):
        relative = path.relative_to(origin / "mappings")
        if path.is_dir():
            continue
        _copy(path, home / "mappings" / relative, written)
        if examples and relative.parts[0] == "examples":
            _copy(path, home / "mappings" / Path(*relative.parts[1:]), written)
    if examples:
        make_drop_folders(home, {path.name for path in (origin / "mappings" / "examples").iterdir() if path.is_dir()})
    return written


def make_drop_folders(home: Path, partners: Iterable[str]) -> list[str]:
    """Make `inbound/<partner>/` where it is missing; returns why one cannot be made, and the fix."""
    problems = []
    for folder in (home / "inbound", *(home / "inbound" / partner for partner in sorted(partners))):
        if folder.exists() or folder.is_symlink():
            continue
        try:
            make_shared_folder(folder)
        except OSError as error:
            what = f"{folder.relative_to(home)}/ cannot be made: {error.strerror}"
            why = f"of the folder above: {ownership(folder.parent)}"
            problems.append(f"{what}; {why}. Fix: let the group write there, or make it: install -d -m 2770 {folder}")
    return problems


def _copy(path: Path, target: Path, written: list[Path]) -> None:
    if target.exists() or path.resolve() == target.resolve():
        return
    for folder in reversed([folder for folder in target.parents if not folder.exists()]):
        make_shared_folder(folder)
    shutil.copyfile(path, target)
    if target.name != "config.toml":
        target.chmod(SHARED_FILE_MODE)
    written.append(target)
