"""Quoting for SQL that is made of names and texts of partners' files."""

from __future__ import annotations


def quote(text: str) -> str:
    """An SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def ident(name: str) -> str:
    """A quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def words(texts: tuple[str, ...] | list[str]) -> str:
    """SQL literals, separated by commas, for an IN list."""
    return ", ".join(map(quote, texts))
