"""The settings and mappings that come with the program: `gateway init` copies them into a home."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parent


def folder() -> Path:
    """Where they lie: in the package, or beside it in a checkout."""
    packed = PACKAGE / "_home"
    return packed if packed.is_dir() else PACKAGE.parent


def rules(name: str) -> dict[str, Any]:
    """What a file of accounting rules holds, as posting.toml."""
    return tomllib.loads((folder() / "mappings" / name).read_text(encoding="utf-8"))
