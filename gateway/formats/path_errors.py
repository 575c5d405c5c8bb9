"""A path, an `each` or a `transaction` that a format does not have, and the nearest form that it has."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from difflib import get_close_matches

from gateway.errors import HouseError

Repair = Callable[[str], str]
"""Corrects one usual mistake in a path; returns the text unchanged where it does not have it."""


class PathError(HouseError):
    """What a mapping names and the format cannot compile: `text`, why, the nearest valid form, and the syntax.

    what    "path", "each" …; "column" where the mapping lists the file's columns and this is none of them
    reason  goes on from the quoted text: "does not name an element"
    near    a form that compiles, "" where none is near
    """

    def __init__(self, what: str, text: str, reason: str, syntax: str, near: str = "") -> None:
        self.what, self.text = what, text
        self.near = near if near != text else ""
        self.reason = reason + (f'; did you mean "{near}"?' if self.near else "")
        super().__init__(f"read {what}", text or "(none)", syntax, self.reason)


def repaired(text: str, repairs: Iterable[Repair], is_path: Callable[[str], bool]) -> str:
    """The text after the fewest repairs, applied in order, that make it a path; "" if they do not."""
    for repair in repairs:
        before, text = text, repair(text)
        if text != before and is_path(text):
            return text
    return ""


def closest(text: str, known: Collection[str]) -> str:
    """The known name that is most like the text, "" where none is like it."""
    found = get_close_matches(text, known, n=1) or get_close_matches(text.lower(), known, n=1)
    return found[0] if found else ""
