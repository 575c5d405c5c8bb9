"""The person behind this process, and what a person says in an option."""

from __future__ import annotations

import getpass
import os

COMMENT_CHARS_MAX = 1000


def user() -> str:
    """The user of this process as the system names it."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return f"user {os.getuid()}"


def one_line(text: str) -> str:
    """A person's words without line breaks, so many characters at most."""
    return " ".join(text.split())[:COMMENT_CHARS_MAX]
