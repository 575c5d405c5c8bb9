"""What is wrong with the shape of a mapping, in the words of the person who wrote it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from gateway.mapping.language.expression_faults import nearest
from gateway.mapping.language.loaded import MappingFault
from gateway.mapping.language.spec import (
    Acknowledge,
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

Place = Callable[..., tuple[str, int]]
"""Gives (file, line) of a key path."""

_WANTED = {
    "string_type": "text in quotes",
    "tuple_type": "a list in [ ]",
    "list_type": "a list in [ ]",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "decimal_type": "a number",
    "decimal_parsing": "a number",
    "date_type": "a date such as 2026-01-31",
    "date_parsing": "a date such as 2026-01-31",
    "date_from_datetime_parsing": "a date such as 2026-01-31",
    "date_from_datetime_inexact": "a date such as 2026-01-31",
    "dict_type": "a table in { }",
    "model_type": "a table in { }",
    "model_attributes_type": "a table in { }",
}
_NEEDED = {
    (): "every mapping says feed, partner, [file] and at least one [[record]]",
    ("file",): 'as in format = "delimited"',
    ("record",): "every [[record]] says type, key and [record.fields]",
    ("tie_out",): 'as in tie_out = [{ sum = "amount", equals = \'first("total")\' }]',
    ("ignore",): 'as in ignore = [{ name = "total row", when = "\\"SKU\\" = \'Total\'" }]',
    ("expect",): 'as in expect = { every = "1 day", by = "09:00" }',
    ("sign",): 'as in sign = { from = "CR/DR", negative = ["DR"] }',
}


def faults(error: ValidationError, raw: dict[str, Any], place: Place) -> list[MappingFault]:
    """One fault for each key that is wrong, with its file and line, in order."""
    by_key: dict[tuple[str | int, ...], list[Any]] = {}
    for one in error.errors():
        if one["type"] == "too_short" and one["input"]:
            continue  # an echo: its entries are there, but wrong, and told by themselves
        by_key.setdefault(_written(one["loc"], one["type"], raw), []).append(one)
    found = []
    for path, errors in by_key.items():
        file, line = place(*path)
        found.append(MappingFault(file, line, *_said(path, errors, raw)))
    return sorted(found)


def _written(loc: Sequence[str | int], kind: str, raw: Any) -> tuple[str | int, ...]:
    """The path as it is written: without the names that the check gives to alternatives."""
    path: tuple[str | int, ...] = ()
    for number, part in enumerate(loc):
        inside = isinstance(raw, dict) and part in raw
        if inside or (isinstance(raw, list) and isinstance(part, int) and part < len(raw)):
            raw = raw[part]
            path += (part,)
        elif kind == "missing" and number == len(loc) - 1:
            path += (part,)
    return path


def spelled(path: Sequence[str | int]) -> str:
    """A key path as people write it: record[1].fields.amount, counted from 1."""
    text = ""
    for part in path:
        text += f"[{part + 1}]" if isinstance(part, int) else f"{'.' if text else ''}{part}"
    return text or "the mapping"


def _said(path: tuple[str | int, ...], errors: list[Any], raw: Any) -> tuple[str, str]:
    """(message, fix) for all that the check says about one key."""
    key = spelled(path)
    kinds = {error["type"]: error for error in errors}
    if "extra_forbidden" in kinds:
        return _unknown(path)
    if "missing" in kinds:
        return f"`{key}` is missing", _NEEDED.get(_parents(path[:-1])[-1:], "add it")
    if path == ("record",) and isinstance(raw.get("record"), dict):
        return "`record` is a single table", "write [[record]] with two brackets: a mapping may make several"
    wanted = list(dict.fromkeys(_WANTED[kind] for kind in kinds if kind in _WANTED))
    if "literal_error" in kinds and (isinstance(kinds["literal_error"]["input"], str) or not wanted):
        return _not_listed(key, kinds["literal_error"])
    if wanted:
        if len(path) == 4 and path[2] == "fields":
            wanted = ["a column in quotes", *wanted]
        return f"`{key}` must be {' or '.join(wanted)}, not {_shown(errors[0]['input'])}", "change the value"
    if "value_error" in kinds:
        return f"`{key}`: {kinds['value_error']['msg'].removeprefix('Value error, ')}", "change what is written there"
    if "too_short" in kinds:
        return f"`{key}` is empty", "name at least one"
    reason = errors[0]["msg"].removeprefix("Input ").removeprefix("should ")
    return f"`{key}` should {reason}, not {_shown(errors[0]['input'])}", "change the value"


def _unknown(path: tuple[str | int, ...]) -> tuple[str, str]:
    last = str(path[-1])
    known = keys_of(model_at(path[:-1]))
    close = nearest(last, known)
    elsewhere = [where for where, model in _HOMES.items() if last in keys_of(model)]
    if not close and elsewhere:
        return f"unknown key `{spelled(path)}`", f"`{last}` belongs {elsewhere[0]}"
    fix = "rename the key" if close else f"the keys here are {', '.join(known)}"
    return f"unknown key `{spelled(path)}`{close.replace(chr(34), '`')}", fix


def _not_listed(key: str, error: Any) -> tuple[str, str]:
    listed = error["ctx"]["expected"]
    allowed = [word.strip("' ") for word in listed.replace(" or ", ", ").split(",")]
    close = nearest(str(error["input"]), allowed)
    return f"`{key}` cannot be {_shown(error['input'])}{close}", f"use {listed}"


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list | tuple):
        return "a list"
    return f'"{value[:40]}"' if isinstance(value, str) else str(value)[:40]


_HOMES: dict[str, type[BaseModel]] = {
    "at the top, above [file]": Mapping,
    "below [file]": FileSpec,
    "below [[record]], above [record.fields]": RecordSpec,
    "in a field of [record.fields]": FieldSpec,
    "in an entry of tie_out": TieOut,
    "below [expect]": Expect,
}


def keys_of(model: type[BaseModel]) -> list[str]:
    """The keys that a table of this kind may have, as they are written."""
    return sorted(field.alias or key for key, field in model.model_fields.items())


def model_at(path: Sequence[str | int]) -> type[BaseModel]:
    """The kind of table that stands at a path."""
    parents = _parents(path)
    if "fields" in parents:
        return SignRule if parents[-1] == "sign" and len(parents) > 3 else FieldSpec
    models: dict[str, type[BaseModel]] = {
        "tie_out": TieOut, "ignore": Ignore, "expect": Expect, "fallback": Fallback,
        "acknowledge": Acknowledge, "record": RecordSpec, "file": FileSpec,
    }  # fmt: skip
    return models.get(parents[-1] if parents else "", Mapping)


def _parents(path: Sequence[str | int]) -> tuple[str, ...]:
    return tuple(part for part in path if isinstance(part, str))
