"""What is wrong with a TOML file of the home, in the words of the person who wrote it.

Two kinds: the text is no TOML (`read`), or its keys and values are not those that its model allows (`Shape`).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticCustomError

from gateway import toml_syntax
from gateway.errors import HomeFault
from gateway.nearest import nearest
from gateway.regular_file import read_regular
from gateway.toml_lines import Path as KeyPath

Place = Callable[..., tuple[str, int]]
"""Gives (file, line) of a key path."""

_BEGINNING = 400
"""So many bytes are looked at for a NUL, which UTF-16 has beside each Latin letter."""
_BARE = re.compile(r"[\w-]+")
_SECRET = re.compile(r"(pass(word|wd|phrase)|pwd|secret|token)(?!\w*_e)", re.IGNORECASE)
"""How a secret is called; a misspelt `password_env` is none."""
_NUMBER, _WHOLE, _LIST, _DAY = "a number", "a whole number", "a list in [ ]", "a date such as 2026-01-31"
_TRUTH = "true or false"
_TRUTHS = {"true": ("true", "yes", "y", "on", "1", "ja", "wahr"), "false": ("false", "no", "n", "off", "0", "nein")}
_WANTED = {
    "string_type": "text in quotes",
    "tuple_type": _LIST,
    "list_type": _LIST,
    "bool_type": _TRUTH,
    "bool_parsing": _TRUTH,
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_from_float": _WHOLE,
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "decimal_type": _NUMBER,
    "decimal_parsing": _NUMBER,
    "date_type": _DAY,
    "date_parsing": _DAY,
    "date_from_datetime_parsing": _DAY,
    "date_from_datetime_inexact": _DAY,
    "dict_type": "a table in { }",
    "model_type": "a table in { }",
    "model_attributes_type": "a table in { }",
}


def wrong(message: str, fix: str, key: str = "") -> PydanticCustomError:
    """What a validator raises that knows the fix too; `key` is the key of the table that it is about."""
    return PydanticCustomError("wrong", "{message}; {fix}", {"message": message, "fix": fix, "key": key})


def read(path: Path, name: str, bytes_max: int) -> tuple[dict[str, Any] | None, str, list[HomeFault]]:
    """The file's data and text; (None, text, faults) if it is no TOML in UTF-8 of at most so many bytes.

    `name` is what faults call the file. The data is shared with others who read the same: it must not be changed.
    """
    content, faults = content_of(path, name, bytes_max)
    return (None, "", faults) if content is None else parsed(content, name)


def content_of(path: Path, name: str, bytes_max: int) -> tuple[bytes | None, list[HomeFault]]:
    """The file's bytes; (None, faults) if there are more of them than so many, or it cannot be read."""
    try:
        if path.stat().st_size > bytes_max:
            problem = f"has more than {bytes_max:,} bytes, which no such file needs"
            return None, [HomeFault(name, 1, problem, "check that it is the right file")]
        return read_regular(path), []
    except OSError as error:
        return None, [HomeFault(name, 1, f"cannot be read: {error.strerror}", "check the file and its rights")]


@lru_cache(maxsize=256)
def parsed(content: bytes, name: str) -> tuple[dict[str, Any] | None, str, list[HomeFault]]:
    """What `read` says of a file with these bytes.

    Remembered: many mappings are based on one pack, and all are read again whenever one of them changes.
    """
    if b"\0" in content[:_BEGINNING]:
        return None, "", [HomeFault(name, 1, "is UTF-16 text, or no text", "save the file as UTF-8")]
    try:
        text = content.decode("utf-8-sig")
        return tomllib.loads(text), text, []
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        return None, "", [HomeFault(name, line, "is not UTF-8 text", "save the file as UTF-8")]
    except tomllib.TOMLDecodeError as error:
        line, reason, fix = toml_syntax.explained(str(error), text)
        return None, text, [HomeFault(name, line, f"is not valid TOML: {reason}", fix)]
    except RecursionError:
        return None, "", [HomeFault(name, 1, "has lists nested too deeply", "check its brackets")]


class Shape:
    """The keys and values that a file may have, and the words for those that it may not.

    A file that can say more of a fault overrides `special`, `needed` or `model_at`.
    """

    def __init__(self, root: type[BaseModel], whole: str, *, part: bool = False) -> None:
        """`whole` is what messages call it; `part` says that it is a table of a file, which may have no keys."""
        self.root, self.whole, self.part = root, whole, part

    def faults(self, error: ValidationError, raw: Mapping[str, Any], place: Place) -> list[HomeFault]:
        """One fault for each key that is wrong, with its file and line, in order."""
        if not raw and not self.part:
            return [HomeFault(*place(), "is empty", self.needed((next(iter(self.root.model_fields)),)))]
        by_key: dict[KeyPath, list[Any]] = {}
        for detail in error.errors():
            if detail["type"] == "too_short" and detail["input"]:
                continue  # An echo: its entries are there, but wrong, and reported by themselves.
            path = _written(detail["loc"], detail["type"], raw)
            if detail["type"] == "wrong" and detail["ctx"]["key"]:
                path += (detail["ctx"]["key"],)
            by_key.setdefault(path, []).append(detail)
        # Of a key that may be a table or a plain value, what is wrong inside of the table is the fault.
        inner = {path[:end] for path in by_key for end in range(len(path))}
        by_key = {path: details for path, details in by_key.items() if path not in inner}
        return sorted(HomeFault(*place(*path), *self._said(path, errors, raw)) for path, errors in by_key.items())

    def special(self, path: KeyPath, kinds: Mapping[str, Any], raw: Any) -> tuple[str, str] | None:
        """(message, fix) where the file knows better than the general words."""
        return None

    def needed(self, path: KeyPath) -> str:
        """The fix for a key that is missing."""
        return self._example(path) or "add it"

    def model_at(self, path: KeyPath) -> type[BaseModel]:
        """The kind of table at a path; the whole file where there is none."""
        model: Any = self.root
        for part in path:
            if isinstance(model, type) and issubclass(model, BaseModel):
                model = _annotation(model, str(part))
            else:
                model = _inner(model)
        return model if isinstance(model, type) and issubclass(model, BaseModel) else self.root

    def homes(self, key: str) -> list[str]:
        """The tables that have a key of that name, as their headings are written."""
        return [heading for heading, model in tables(self.root) if key in keys_of(model)]

    def _example(self, path: KeyPath) -> str:
        field = self.model_at(path[:-1]).model_fields.get(str(path[-1])) if path else None
        return f"write it as in {path[-1]} = {field.examples[0]}" if field is not None and field.examples else ""

    def _said(self, path: KeyPath, errors: list[Any], raw: Any) -> tuple[str, str]:
        """(message, fix) for all that the check says about one key."""
        key = spelled(path) or self.whole
        kinds = {error["type"]: error for error in errors}
        known = self.special(path, kinds, raw)
        if known is not None:
            return known
        if "extra_forbidden" in kinds:
            return self._unknown(path)
        if "missing" in kinds:
            return f"`{key}` is missing", self.needed(path)
        if "wrong" in kinds:
            return f"`{key}`: {kinds['wrong']['ctx']['message']}", kinds["wrong"]["ctx"]["fix"]
        return self._value(path, key, kinds)

    def _value(self, path: KeyPath, key: str, kinds: Mapping[str, Any]) -> tuple[str, str]:
        first = next(iter(kinds.values()))
        brackets = _brackets(key, path, kinds)
        if brackets is not None:
            return brackets
        wanted = list(dict.fromkeys(_WANTED[kind] for kind in kinds if kind in _WANTED))
        literal = kinds.get("literal_error")
        if literal is not None and (
            not wanted or (isinstance(literal["input"], str) and literal["ctx"]["expected"] != "''")
        ):
            return _not_listed(key, literal)
        if wanted:
            wanted = self.wanted(path, wanted)
            message = f"`{key}` must be {' or '.join(wanted)}, not {shown(first['input'])}"
            return message, self._example(path) or _as_wanted(path, wanted, first["input"])
        if "value_error" in kinds:
            reason = kinds["value_error"]["msg"].removeprefix("Value error, ")
            return f"`{key}`: {reason}", self._example(path) or "change what is written there"
        if "too_short" in kinds or "string_too_short" in kinds:
            return f"`{key}` is empty", "name at least one" if "too_short" in kinds else "write what it is"
        if "string_pattern_mismatch" in kinds and self._example(path):
            return f"`{key}` cannot be {shown(first['input'])}", self._example(path)
        reason = first["msg"].removeprefix("Input ").removeprefix("should ")
        return f"`{key}` should {reason}, not {shown(first['input'])}", "change the value"

    def wanted(self, path: KeyPath, kinds: list[str]) -> list[str]:
        """What may stand at a path, given what the check expects there."""
        return kinds

    def _unknown(self, path: KeyPath) -> tuple[str, str]:
        last = str(path[-1])
        known = keys_of(self.model_at(path[:-1]))
        close = nearest(last, known)
        variables = [key for key in known if key.endswith("_env")] if _SECRET.search(last) else []
        if variables:
            [named] = get_close_matches(f"{last}_env", variables, n=1, cutoff=0)
            fix = f'put it into an environment variable and name that: {named} = "…"'
            return f"`{spelled(path)}`: a secret does not belong in this file", fix
        elsewhere = self.homes(last)
        if not close and elsewhere:
            return f"unknown key `{spelled(path)}`", f"`{last}` belongs {' or '.join(elsewhere[:4])}"
        fix = "rename the key" if close else f"the keys here are {', '.join(known)}"
        return f"unknown key `{spelled(path)}`{close.replace(chr(34), '`')}", fix


def spelled(path: Sequence[str | int]) -> str:
    """A key path as people write it: record[1].fields.amount, counted from 1."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part + 1}]"
        else:
            text += f"{'.' if text else ''}{part if _BARE.fullmatch(part) else repr(part)}"
    return text


def shown(value: Any) -> str:
    """A wrong value as the file has it, or the kind of it where it is long."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list | tuple):
        return "a list"
    return f'"{value[:40]}"' if isinstance(value, str) else str(value)[:40]


def keys_of(model: type[BaseModel]) -> list[str]:
    """The keys that a table of this kind may have, as they are written."""
    return sorted(field.alias or key for key, field in model.model_fields.items())


def tables(
    root: type[BaseModel], prefix: str = "", heading: str = "at the top"
) -> Iterator[tuple[str, type[BaseModel]]]:
    """Every table of a file: ("below [limits]", its model) …; of many as [[sftp]], of named ones as
    [partners.<name>]."""
    yield heading, root
    for key, field in root.model_fields.items():
        inner = _inner(field.annotation)
        model = inner if inner is not None else field.annotation
        if isinstance(model, type) and issubclass(model, BaseModel):
            kind = get_origin(field.annotation)
            path = f"{prefix}.{key}".lstrip(".") + (".<name>" if kind is dict else "")
            yield from tables(model, path, f"below [[{path}]]" if kind in (tuple, list) else f"below [{path}]")


def _annotation(model: type[BaseModel], key: str) -> Any:
    for name, field in model.model_fields.items():
        if key == (field.alias or name):
            return field.annotation
    return None


def _inner(annotation: Any) -> Any:
    """What a list or a table of names holds."""
    arguments = get_args(annotation)
    if get_origin(annotation) is dict:
        return arguments[1]
    return arguments[0] if get_origin(annotation) in (tuple, list) else None


def _written(loc: Sequence[str | int], kind: str, raw: Any) -> KeyPath:
    """The path as it is written: without the names that the check gives to alternatives."""
    path: KeyPath = ()
    for number, part in enumerate(loc):
        inside = isinstance(raw, dict) and part in raw
        if inside or (isinstance(raw, list) and isinstance(part, int) and part < len(raw)):
            raw = raw[part]
            path += (part,)
        elif kind == "missing" and number == len(loc) - 1:
            path += (part,)
    return path


def _brackets(key: str, path: KeyPath, kinds: Mapping[str, Any]) -> tuple[str, str] | None:
    """One bracket where two belong, or two where one does."""
    heading = ".".join(str(part) for part in path if isinstance(part, str))
    if "tuple_type" in kinds and isinstance(kinds["tuple_type"]["input"], dict):
        return f"`{key}` is a single table", f"write [[{heading}]] with two brackets: there may be several"
    if "model_type" in kinds and isinstance(kinds["model_type"]["input"], list):
        return f"`{key}` is a list of tables", f"write [{heading}] with one bracket: there is only one"
    return None


def _as_wanted(path: KeyPath, wanted: Sequence[str], value: Any) -> str:
    """The fix for a value of another kind: the same value in that kind where it can be, else an example."""
    last = str(path[-1]) if path else ""
    if _LIST in wanted and isinstance(value, str):
        parts = ", ".join(f'"{part.strip()}"' for part in value.split(","))
        return f"write {last} = [{parts}]"
    if "text in quotes" in wanted and isinstance(value, int | float):
        return f'write it in quotes: "{value}"'
    plain = _unquoted(wanted, value)
    if plain:
        return f"write {last} = {plain}, without quotes"
    if _NUMBER in wanted or _WHOLE in wanted:
        return "write digits without quotes, such as 100"
    return f"write {wanted[0]}"


def _unquoted(wanted: Sequence[str], value: Any) -> str:
    """A number or truth value that was written as text, as TOML has it; "" where the text is neither."""
    text = value.strip().lower() if isinstance(value, str) else str(value)
    if _TRUTH in wanted:
        return next((plain for plain, words in _TRUTHS.items() if text in words), "")
    pattern = r"-?\d+" if _WHOLE in wanted else r"-?\d+(\.\d+)?"
    return text if {_NUMBER, _WHOLE} & {*wanted} and re.fullmatch(pattern, text, re.ASCII) else ""


def _not_listed(key: str, error: Any) -> tuple[str, str]:
    listed = error["ctx"]["expected"]
    allowed = [word.strip("' ") for word in listed.replace(" or ", ", ").split(",")]
    close = nearest(str(error["input"]), allowed)
    return f"`{key}` cannot be {shown(error['input'])}{close}", f"use {listed}"
