"""The nearest known name to a name that is not known, for messages."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches


def nearest(name: str, known: Collection[str]) -> str:
    """`; did you mean "…"?`, or nothing where no known name is like it."""
    exact = get_close_matches(name, list(known), n=1, cutoff=0.6)
    folded = {word.casefold(): word for word in known}
    found = exact or [folded[word] for word in get_close_matches(name.casefold(), folded, n=1, cutoff=0.6)]
    proper = found[0] if found else None
    return f'; did you mean "{proper}"?' if proper is not None else ""


def listed(known: Collection[str], most: int = 12) -> str:
    """The known names in order, so many at most."""
    names = sorted(known)
    return (", ".join(names[:most]) + (", …" if len(names) > most else "")) or "none"
