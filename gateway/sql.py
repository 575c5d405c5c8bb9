"""Quoting for SQL that is made of names and texts of partners' files."""

from __future__ import annotations

import re
from collections.abc import Sequence


def quote(text: str) -> str:
    """An SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def ident(name: str) -> str:
    """A quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def one_of(sql: str, texts: Sequence[str]) -> str:
    """SQL: whether a text is one of these. A longer IN list is made into a join, and that runs over all rows even
    where a query does not ask for its result; a regular expression is as fast and only runs where it is asked for."""
    return f"regexp_full_match({sql}, {quote('|'.join(map(re.escape, texts)))})"


def words(texts: tuple[str, ...] | list[str]) -> str:
    """SQL literals, separated by commas, for an IN list."""
    return ", ".join(map(quote, texts))
