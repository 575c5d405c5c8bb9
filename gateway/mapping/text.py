"""Quoting for SQL that is made of names and texts of partners' files."""

from __future__ import annotations

from collections.abc import Sequence

_MARK = "\x1f"


def quote(text: str) -> str:
    """An SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def ident(name: str) -> str:
    """A quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def one_of(sql: str, texts: Sequence[str]) -> str:
    """SQL: whether a text is one of these.

    A longer IN list is made into a join, and that runs over all rows even where a query does not ask for its result.
    A regular expression is compiled anew for every query and thread: a list of currencies takes longer than the rows
    of most files. So the text is looked for between marks that no word has.
    """
    return f"(contains({quote(_MARK + _MARK.join(texts) + _MARK)}, concat({quote(_MARK)}, {sql}, {quote(_MARK)})) and not contains({sql}, {quote(_MARK)}))"


def words(texts: tuple[str, ...] | list[str]) -> str:
    """SQL literals, separated by commas, for an IN list."""
    return ", ".join(map(quote, texts))
