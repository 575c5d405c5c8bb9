"""Settings as read from TOML, before they are checked: whatever a person wrote may stand anywhere."""

from __future__ import annotations

from typing import Any

from gateway.toml_lines import Path


def table_of(raw: dict[str, Any], key: str) -> dict[str, Any]:
    """The table under a key, {} if there is none."""
    found = raw.get(key)
    return found if isinstance(found, dict) else {}


def list_of(raw: dict[str, Any], key: str) -> list[Any]:
    """The list under a key, [] if there is none."""
    found = raw.get(key)
    return found if isinstance(found, list) else []


def at(raw: Any, path: Path) -> Any:
    """What lies at a path, None if nothing does."""
    for part in path:
        if isinstance(raw, dict):
            raw = raw.get(str(part))
        elif isinstance(raw, list) and isinstance(part, int):
            raw = raw[part]
        else:
            return None
    return raw
