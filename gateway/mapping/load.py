"""Mapping files → checked mappings, each fault with its file and line.

A broken mapping never stops the others: it is a fault of the library and is not active.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import pyarrow as pa
from pydantic import BaseModel, ValidationError

from gateway.mapping import lookups as lookup_files
from gateway.mapping.lines import Lines
from gateway.mapping.spec import (
    Acknowledge,
    Expect,
    FieldSpec,
    FileSpec,
    Ignore,
    Mapping,
    RecordSpec,
    SignRule,
    TieOut,
)

PASSIVE = ("standard", "lookups", "samples", "examples")
FILE_BYTES_MAX = 1_000_000


@dataclass(frozen=True, slots=True)
class MappingFault:
    """One defect of a mapping file: where, what, and the mend."""

    file: str
    line: int
    message: str
    mend: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}. Mend: {self.mend}"


@dataclass(frozen=True, slots=True)
class Loaded:
    """A mapping, where it came from, its version and its lines."""

    mapping: Mapping
    path: Path
    name: str
    version: str
    lines: Lines


@dataclass
class Library:
    """All active mappings of a home by feed, its lookups, and the faults of what is not active."""

    mappings: dict[str, Loaded] = field(default_factory=dict)
    faults: list[MappingFault] = field(default_factory=list)
    lookups: dict[str, pa.Table] = field(default_factory=dict)


def load_all(home: Path) -> Library:
    """Read every active mapping below `<home>/mappings`; never raises for a broken one."""
    root = home / "mappings"
    library = Library()
    library.lookups, faults = lookup_files.load_all(root / "lookups")
    library.faults += [MappingFault(f.file, f.line, f.message, f.mend) for f in faults]
    for path in sorted(root.glob("*/*.toml")):
        if path.parent.name in PASSIVE:
            continue
        loaded, found = load_file(path, root)
        library.faults += found
        if loaded is None:
            continue
        twin = library.mappings.get(loaded.mapping.feed)
        if twin is not None:
            library.faults.append(
                MappingFault(loaded.name, loaded.lines.of("feed"), f'feed "{loaded.mapping.feed}" is also in {twin.name}',
                             "give each feed a name of its own")
            )  # fmt: skip
            continue
        library.mappings[loaded.mapping.feed] = loaded
    return library


def load_file(path: Path, root: Path) -> tuple[Loaded | None, list[MappingFault]]:
    """One mapping file, with what it is based on. (None, faults) if it is broken."""
    name = f"mappings/{path.relative_to(root).as_posix()}"
    raw, text, faults = _toml(path, name)
    if raw is None:
        return None, faults
    lines = Lines(text)
    digest = hashlib.sha256(text.encode())
    base = raw.get("based_on")
    if base is not None:
        raw, faults = _based(raw, str(base), root, name, lines, digest)
        if raw is None:
            return None, faults
    try:
        mapping = Mapping.model_validate(raw)
    except ValidationError as error:
        return None, [_translated(name, lines, e) for e in error.errors()]
    for lookup in sorted({f.lookup for r in mapping.record for f in r.fields.values() if f.lookup}):
        for suffix in (".csv", ".xlsx"):
            file = root / "lookups" / f"{lookup}{suffix}"
            if file.exists():
                digest.update(file.read_bytes())
    return Loaded(mapping, path, name, digest.hexdigest()[:16], lines), []


def _toml(path: Path, name: str) -> tuple[dict[str, Any] | None, str, list[MappingFault]]:
    try:
        content = path.read_bytes()
    except OSError as error:
        return None, "", [MappingFault(name, 1, f"cannot be read: {error.strerror}", "check the file")]
    if len(content) > FILE_BYTES_MAX:
        return None, "", [MappingFault(name, 1, "is larger than a mapping can be", "check the file")]
    try:
        text = content.decode("utf-8-sig")
        return tomllib.loads(text), text, []
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        return None, "", [MappingFault(name, line, "is not UTF-8 text", "save it as UTF-8")]
    except tomllib.TOMLDecodeError as error:
        line = getattr(error, "lineno", None) or _line_in(str(error))
        reason = str(error).split(" (at")[0]
        return (
            None,
            text,
            [MappingFault(name, line, f"is not valid TOML: {reason}", "check quotes, brackets and = there")],
        )


def _line_in(message: str) -> int:
    found = message.rpartition("line ")[2].split(",")[0].split(")")[0]
    return int(found) if found.isdigit() else 1


def _based(
    raw: dict[str, Any], base: str, root: Path, name: str, lines: Lines, digest: Any
) -> tuple[dict[str, Any] | None, list[MappingFault]]:
    """Lay the partner's keys over the pack's: tables key by key, records by their type, in order."""
    path = root / f"{base}.toml"
    line = lines.of("based_on")
    if not base.startswith("standard/") or ".." in base:
        return None, [MappingFault(name, line, f'based_on = "{base}" is no pack', 'name one below "standard/"')]
    if not path.exists():
        packs = [p.relative_to(root).with_suffix("").as_posix() for p in root.glob("standard/*/*.toml")]
        near = get_close_matches(base, packs, n=1)
        hint = f'did you mean "{near[0]}"' if near else f"there are {', '.join(sorted(packs)[:20])}"
        return None, [MappingFault(name, line, f'there is no pack "{base}"', hint)]
    pack, text, faults = _toml(path, f"mappings/{base}.toml")
    if pack is None:
        return None, faults
    if "based_on" in pack:
        return None, [MappingFault(name, line, f"{base} is itself based on another", "packs are one level deep")]
    digest.update(text.encode())
    return _merged(pack, raw), []


def _merged(pack: dict[str, Any], raw: dict[str, Any]) -> dict[str, Any]:
    result = {**pack, **{key: value for key, value in raw.items() if key not in ("file", "record")}}
    result["file"] = {**pack.get("file", {}), **raw.get("file", {})}
    records = [dict(record) for record in pack.get("record", [])]
    used: set[int] = set()
    for own in raw.get("record", []):
        place = next((n for n, r in enumerate(records) if r.get("type") == own.get("type") and n not in used), None)
        if place is None:
            records.append(own)
            used.add(len(records) - 1)
            continue
        used.add(place)
        fields = {**records[place].get("fields", {}), **own.get("fields", {})}
        records[place] = {**records[place], **own, "fields": fields}
    result["record"] = records
    return result


_MODELS: dict[str, type[BaseModel]] = {
    "file": FileSpec, "record": RecordSpec, "fields": FieldSpec, "tie_out": TieOut, "ignore": Ignore,
    "expect": Expect, "acknowledge": Acknowledge, "sign": SignRule,
}  # fmt: skip


def _translated(name: str, lines: Lines, error: Any) -> MappingFault:
    """A validation error in the words of the person who wrote the file."""
    loc = [part for part in error["loc"] if not (isinstance(part, str) and "[" in part)]
    line = lines.of(*loc)
    key = ".".join(str(part) for part in loc)
    if error["type"] == "extra_forbidden":
        known = _known(loc)
        near = get_close_matches(str(loc[-1]), known, n=1, cutoff=0.5)
        mend = f"did you mean `{near[0]}`?" if near else f"known keys are {', '.join(known)}"
        return MappingFault(name, line, f"unknown key `{key}`", mend)
    if error["type"] == "missing":
        return MappingFault(name, line, f"`{key}` is missing", "add it")
    message = error["msg"].removeprefix("Value error, ")
    return MappingFault(name, line, f"`{key}`: {message}", f"found {str(error.get('input'))[:80]!r}; change it")


def _known(loc: Sequence[Any]) -> list[str]:
    parents = [part for part in loc[:-1] if isinstance(part, str)]
    model: type[BaseModel] = Mapping
    for part in reversed(parents):
        if part in _MODELS:
            model = _MODELS[part]
            break
    else:
        model = FieldSpec if "fields" in parents else Mapping
    if "fields" in parents and parents[-1] != "sign":
        model = FieldSpec
    return sorted(field.alias or key for key, field in model.model_fields.items())
