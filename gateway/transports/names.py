"""Names that others give to files: which are ignored, which are refused, and how they are shown."""

from __future__ import annotations

import fnmatch
import re
import unicodedata
from collections.abc import Collection, Sequence
from functools import cache

from gateway.display import visible


def ignored(name: str, patterns: Sequence[str]) -> bool:
    """Whether a file is not meant for the gateway: under way, or of an editor. Upper and lower case are alike."""
    return _any_of(tuple(patterns)).match(name.lower()) is not None


@cache
def _any_of(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(fnmatch.translate(pattern.lower()) for pattern in patterns) or r"(?!)")


def refusal(name: str, chars_max: int) -> str:
    """ "" or why a file of that name is left alone."""
    if len(name) > chars_max:
        return f"has a name of more than {chars_max} characters"
    if "/" in name or name in ("", ".", ".."):
        return "has a path for a name"
    kinds = {unicodedata.category(character) for character in name}
    if "Cs" in kinds:
        return "has a name that is not UTF-8"
    if "Cc" in kinds:
        return "has control characters in its name"
    return ""


LONE_MARKER = ("is a marker without its file", "Remove it, or send the file again.")
"""What is wrong with a marker that stays alone, and the fix."""


def is_marked(name: str, marker: str, present: Collection[str]) -> bool:
    """Whether a file is whole by its marker: a second file with the same name and this suffix; "" requires none."""
    return not marker or (name + marker in present and not name.endswith(marker))


def is_lone_marker(name: str, marker: str, present: Collection[str]) -> bool:
    """Whether this is a marker, and the file that it belongs to is not there."""
    return bool(marker) and name.endswith(marker) and name.removesuffix(marker) not in present


def shown(name: str) -> str:
    """A name that is safe to print: shortened, control characters as escapes."""
    return visible(name[:300])
