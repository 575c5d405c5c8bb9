"""Mappings as text, for tests whose subject is not the mapping."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path


def delimited(feed: str, table: str, key: Sequence[str], fields: Mapping[str, str]) -> str:
    """A mapping of one record over CSV files that begin with the feed's own name.

    feed    "partner.name"
    fields  field → the column's name, "=" and a constant, or "{ … }" as in a mapping
    """
    partner, name = feed.split(".")
    head = f'feed = "{feed}"\npartner = "{partner}"\n[file]\nmatch = ["{name}*.csv"]\nformat = "delimited"\n'
    record = f'[[record]]\ntype = "{table}"\nkey = {list(key)}\n[record.fields]\n'
    return head + record + "".join(f"{field} = {_source(text)}\n" for field, text in fields.items())


def _source(text: str) -> str:
    if text.startswith("{"):
        return text
    return f'{{ constant = "{text[1:]}" }}' if text.startswith("=") else f'"{text}"'


def write_delimited(home: Path, feed: str, table: str, key: Sequence[str], fields: Mapping[str, str]) -> None:
    """Put the mapping into a home."""
    partner, name = feed.split(".")
    path = home / "mappings" / partner / f"{name}.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(delimited(feed, table, key, fields))
