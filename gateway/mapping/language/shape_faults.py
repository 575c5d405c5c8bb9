"""What is wrong with the shape of a mapping, in the words of the person who wrote it."""

from __future__ import annotations

from collections.abc import Mapping as Table
from typing import Any

from pydantic import BaseModel, ValidationError

from gateway.errors import HomeFault
from gateway.mapping.language.repeat import Repeat
from gateway.mapping.language.spec import (
    Expect,
    Fallback,
    FieldSpec,
    FileSpec,
    Ignore,
    Mapping,
    RecordSpec,
    SignRule,
    TieOut,
)
from gateway.toml_faults import Place, Shape, keys_of
from gateway.toml_lines import Path

_NEEDED = {
    (): "every mapping has feed, partner, [file] and at least one [[record]]",
    ("file",): 'as in format = "delimited"',
    ("record",): "every [[record]] has type, key and [record.fields]",
    ("tie_out",): 'as in tie_out = [{ sum = "amount", equals = \'first("total")\' }]',
    ("ignore",): 'as in ignore = [{ name = "total row", when = "\\"SKU\\" = \'Total\'" }]',
    ("expect",): 'as in expect = { every = "1 day", by = "09:00" }',
    ("sign",): 'as in sign = { from = "CR/DR", negative = ["DR"] }',
}
_HOMES: dict[str, type[BaseModel]] = {
    "at the top, above [file]": Mapping,
    "below [file]": FileSpec,
    "below [[record]], above [record.fields]": RecordSpec,
    "in a field of [record.fields]": FieldSpec,
    "in an entry of tie_out": TieOut,
    "below [expect]": Expect,
}
_OPTIONS = ("delimiter", "encoding", "quote", "header", "columns", "comment", "ragged", "sheet", "merged")
"""Keys below [file] of the formats that people edit most."""
_MODELS: dict[str, type[BaseModel]] = {
    "tie_out": TieOut,
    "ignore": Ignore,
    "expect": Expect,
    "fallback": Fallback,
    "record": RecordSpec,
    "file": FileSpec,
    "repeat": Repeat,
}


class _MappingShape(Shape):
    """A field may be a column in short, and a pack may hold half of the keys: a mapping knows both."""

    def special(self, path: Path, kinds: Table[str, Any], raw: Any) -> tuple[str, str] | None:
        if path == ("acknowledge",):
            partner = raw.get("partner") if isinstance(raw.get("partner"), str) else "<name>"
            message = "`acknowledge` does not belong in a mapping: it is agreed with the partner for all of its files"
            return message, f'write it in config.toml, as in [partners.{partner}.acknowledge] feedback = "csv"'
        if (
            path == ("record",)
            and isinstance(raw.get("record"), dict)
            and not {"missing", "extra_forbidden"} & {*kinds}
        ):
            return "`record` is a single table", "write [[record]] with two brackets: a mapping may make several"
        return None

    def needed(self, path: Path) -> str:
        return _NEEDED.get(_parents(path[:-1])[-1:], "add it")

    def wanted(self, path: Path, kinds: list[str]) -> list[str]:
        return ["a column in quotes", *kinds] if len(path) == 4 and path[2] == "fields" else kinds

    def model_at(self, path: Path) -> type[BaseModel]:
        parents = _parents(path)
        if "fields" in parents:
            return SignRule if parents[-1] == "sign" and len(parents) > 3 else FieldSpec
        return _MODELS.get(parents[-1] if parents else "", Mapping)

    def homes(self, key: str) -> list[str]:
        found = [where for where, model in _HOMES.items() if key in keys_of(model)][:1]
        return found or (["below [file]"] if key in _OPTIONS else [])


_SHAPE = _MappingShape(Mapping, "the mapping")


def faults(error: ValidationError, raw: dict[str, Any], place: Place) -> list[HomeFault]:
    """One fault for each key that is wrong, with its file and line, in order."""
    return _SHAPE.faults(error, raw, place)


def _parents(path: Path) -> tuple[str, ...]:
    return tuple(part for part in path if isinstance(part, str))
