"""Mapping data → TOML as a person would write it: a line for each field, tables only for `[file]` and `[[record]]`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import tomlkit
from tomlkit.items import Item, Table


def text(data: Mapping[str, Any]) -> str:
    """The TOML text of a mapping's data, as `load.expanded` gives it; read again it is the same data."""
    document = tomlkit.document()
    for key, value in data.items():
        if key not in ("file", "record"):
            document.add(key, _inline(value))
    if "file" in data:
        document.add("file", _table(data["file"]))
    if "record" in data:
        records = tomlkit.aot()
        for record in data["record"]:
            table = _table({key: value for key, value in record.items() if key != "fields"})
            if "fields" in record:
                table.add("fields", _table(record["fields"]))
            records.append(table)
        document.add("record", records)
    return tomlkit.dumps(document)


def _table(data: Mapping[str, Any]) -> Table:
    table = tomlkit.table()
    for key, value in data.items():
        table.add(key, _inline(value))
    return table


def _inline(value: Any) -> Item:
    if isinstance(value, dict):
        inline = tomlkit.inline_table()
        for key, inner in value.items():
            inline.add(key, _inline(inner))
        return inline
    if isinstance(value, list):
        array = tomlkit.array()
        for inner in value:
            array.append(_inline(inner))
        array.multiline(multiline=any(isinstance(inner, dict) for inner in value))
        return array
    return cast(Item, tomlkit.item(value))
