"""Files below `mappings` that look like mappings and that nobody reads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from gateway.errors import HomeFault

RULES = ("chart.toml", "metrics.toml", "posting.toml", "reconciliations.toml")
"""Files at the top of `mappings`."""
_OTHER_NAMES = ("*/*.toml.*", "*/*.tml", "*/*.TOML")


def faults(root: Path) -> Iterator[HomeFault]:
    """A fault for each: it is named otherwise, or in no partner's folder."""
    for path in sorted({path for pattern in _OTHER_NAMES for path in root.glob(pattern)}):
        if path.suffix != ".toml" and path.is_file() and not path.name.startswith("."):
            name = f"mappings/{path.relative_to(root).as_posix()}"
            right = f"{path.name.split('.')[0]}.toml"
            yield HomeFault(name, 1, "is not read: a mapping is called .toml", f"rename it to {right}, or remove it")
    for path in sorted(root.glob("*.toml")):
        if path.name not in RULES and not path.name.startswith("."):
            fix = f"move it to mappings/<partner>/{path.name}"
            yield HomeFault(f"mappings/{path.name}", 1, "is not read: a mapping is in the folder of its partner", fix)
