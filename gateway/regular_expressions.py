"""Patterns that people write over texts of strangers: RE2, whose time grows with the text and nothing else.

The database and Arrow share that library, so what passes here runs in both.
"""

from __future__ import annotations

FIX = "write it in RE2 syntax, without look-ahead, look-behind and references back"


def why_not(pattern: str) -> str:
    """What is wrong with a pattern, "" if nothing is."""
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        pc.match_substring_regex(pa.array([""]), pattern)
    except pa.ArrowInvalid as error:
        return str(error).rpartition("expression: ")[2]
    return ""


def has_group(pattern: str, number: int) -> bool:
    """Whether a pattern has so many pairs of brackets that give what stands in them."""
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        pc.replace_substring_regex(pa.array([""]), pattern, f"\\{number}")
    except pa.ArrowInvalid:
        return False
    return True


def of_like(pattern: str) -> str:
    """The pattern that matches what LIKE does: % is any text, _ any character, a line end too."""
    return "".join({"%": "(?s:.*)", "_": "(?s:.)"}.get(mark) or quoted(mark) for mark in pattern)


def quoted(mark: str) -> str:
    """A character that stands for itself."""
    return mark if mark.isalnum() or not mark.isascii() else f"\\x{{{ord(mark):x}}}"
