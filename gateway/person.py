"""The person behind this process, and what a person says in an option."""

from __future__ import annotations

import getpass
import os

from gateway.whitespace import INVISIBLE

COMMENT_CHARS_MAX = 1000


def user() -> str:
    """The user of this process as the system names it."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return f"user {os.getuid()}"


def one_line(text: str) -> str:
    """A person's words without line breaks and what nobody sees around them, so many characters at most.

    Bytes of an option that are no UTF-8 are half characters here, which no table takes.
    """
    return " ".join(text.encode("utf-8", "replace").decode().split()).strip(INVISIBLE)[:COMMENT_CHARS_MAX]
