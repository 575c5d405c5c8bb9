"""Laying down a home: configuration, rules, packs, and on request the example partners."""

from __future__ import annotations

import shutil
import stat
from pathlib import Path

from gateway import first_settings, shipped
from gateway.errors import HouseError

FOLDERS = ("inbound", "outbound", "ledger", "mappings")
FOLDER_MODE = 0o750
"""Partners' data is for the gateway's user and group alone."""


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
            folder.chmod(FOLDER_MODE)  # Whatever the umask says.
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
            partner = relative.parts[1]
            (home / "inbound" / partner).mkdir(parents=True, exist_ok=True)
    return written


def _copy(path: Path, target: Path, written: list[Path]) -> None:
    if target.exists() or path.resolve() == target.resolve():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, target)
    written.append(target)
