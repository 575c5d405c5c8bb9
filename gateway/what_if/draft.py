"""A draft: a file that somebody edited outside of the home, and the file of the home whose place it would take."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.errors import HouseError
from gateway.mapping.language.loaded import Library

RULES = {"posting.toml": "rule", "reconciliations.toml": "reconciliation", "metrics.toml": "metric", "chart.toml": ""}
"""Files of rules below mappings/, with the list that each holds."""
SETTINGS = "config.toml"


@dataclass(frozen=True, slots=True)
class Draft:
    """A draft.

    path   the edited file
    place  the file whose place it would take, below the home
    feed   of a draft of a mapping: its feed; "" for rules and settings
    """

    path: Path
    place: Path
    feed: str = ""


def draft_of(path: Path, library: Library) -> Draft:
    """What a file is a draft of. A mapping takes the place of that of its feed, or of none yet; rules and settings are
    known by their name or by what they hold. Raises HouseError if it is none of these."""
    data = _read(path)
    if isinstance(data.get("feed"), str):
        feed = data["feed"]
        there = library.mappings.get(feed)
        partner = str(data.get("partner", ""))
        place = Path(there.name) if there else Path("mappings") / partner / path.name
        return Draft(path, place, feed)
    if path.name == SETTINGS or "entities" in data:
        return Draft(path, Path(SETTINGS))
    for name, list_ in RULES.items():
        if path.name == name or (list_ and list_ in data):
            return Draft(path, Path("mappings") / name)
    fix = f"Name a mapping with its `feed`, or one of {', '.join(RULES)}, {SETTINGS}."
    raise HouseError("what-if", str(path), fix, "it is no mapping, no rules and no settings")


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise HouseError("what-if", str(path), "Name a file that can be read.", str(error.strerror)) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise HouseError("what-if", str(path), "Correct it; `gateway check` names each mistake.", str(error)) from error
