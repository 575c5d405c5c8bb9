"""Why the lookup that a mapping names cannot be used."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from gateway.nearest import nearest


def fault(mapping: Path, name: str, known: Collection[str]) -> tuple[str, str]:
    """(what is wrong, the fix): it has a fault of its own, is a file of another kind, or there is none.

    mapping  the file of the mapping; lookups are in the folder `lookups` beside those of the partners
    """
    root = next((each for each in mapping.parents if each.name == "mappings"), mapping.parent)
    folder = root / "lookups"
    # The name comes from a mapping: it is compared with what the folder has, and never leads out of it.
    found = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    for file in (f"{name}.csv", f"{name}.xlsx"):
        if file in found:
            return f'the lookup "{name}" cannot be used', f"correct mappings/lookups/{file}; its own fault says what"
    for file in sorted(found):
        if file.startswith(f"{name}."):
            return f'the lookup "{name}" is called {file}', f"save it as mappings/lookups/{name}.csv"
    return f'there is no lookup "{name}"{nearest(name, known)}', f"add mappings/lookups/{name}.csv"
