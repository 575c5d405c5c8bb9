"""Names that others give to files: which are ignored, which are refused, and how they are shown."""

from __future__ import annotations

import fnmatch
import unicodedata
from collections.abc import Sequence


def ignored(name: str, patterns: Sequence[str]) -> bool:
    """Whether a file is not meant for the gateway: under way, or of an editor. Upper and lower case are alike."""
    return any(fnmatch.fnmatchcase(name.lower(), pattern.lower()) for pattern in patterns)


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


def shown(name: str) -> str:
    """A name that is safe to print: shortened, control characters as escapes."""
    return repr(name[:300])[1:-1]
