"""A draft mapping as data: lines of TOML, each with how sure it is and why."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.suggest.assign import Certainty
from gateway.whitespace import shown as visible


@dataclass(frozen=True, slots=True)
class Line:
    """A key with its value as TOML.

    todo  a person must write the value: the line stands in the draft as a comment, with an example
    """

    key: str
    value: str
    certainty: Certainty | None = None
    why: str = ""
    todo: bool = False


@dataclass
class Record:
    """A `[[record]]` with its fields."""

    type: str
    key: tuple[str, ...]
    fields: list[Line] = field(default_factory=list)
    when: str = ""
    certainty: Certainty | None = None
    why: str = ""
    each: str = ""


@dataclass
class Draft:
    """A draft mapping.

    head      its keys, without `[file]`
    unmapped  (column, examples) of the columns that nothing reads
    notes     what a person should know
    """

    feed: str
    partner: str
    head: list[Line] = field(default_factory=list)
    file: list[Line] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    unmapped: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    based_on: str = ""

    @property
    def todo(self) -> list[str]:
        """What a person must write, as "table.field"."""
        return list(dict.fromkeys(f"{one.type}.{line.key}" for one in self.records for line in one.fields if line.todo))


def quoted(text: str) -> str:
    """A text as TOML."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def inline(values: Mapping[str, Any]) -> str:
    """A table in one line, its one key `from` in the short form."""
    if set(values) == {"from"}:
        return shown(values["from"])
    return "{ " + ", ".join(f"{_key(key)} = {shown(value)}" for key, value in values.items()) + " }"


def shown(value: Any) -> str:
    """A value as TOML."""
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(key)} = {shown(one)}" for key, one in value.items()) + " }"
    if isinstance(value, Sequence):
        return "[" + ", ".join(map(shown, value)) + "]"
    return str(value)


def _key(name: str) -> str:
    return name if name.replace("_", "").replace("-", "").isalnum() and name.isascii() else quoted(name)


def text(draft: Draft) -> str:
    """The draft as a file that a person reads and `gateway check` checks."""
    return "\n".join(_lines(draft)) + "\n"


def _lines(draft: Draft) -> Iterator[str]:
    yield "# A draft by `gateway suggest`. Behind every line stands how sure it is, and why: `sure`, `likely`, `guess`."
    if draft.todo:
        yield f"# Lines that begin with `# TODO` are yours to write: {', '.join(draft.todo)}."
    for note in draft.notes:
        yield f"# {visible(note)}"
    yield ""
    yield from _aligned([Line("feed", quoted(draft.feed)), Line("partner", quoted(draft.partner)), *draft.head])
    if draft.file:
        yield from ("", "[file]")
        yield from _aligned(draft.file)
    if draft.unmapped:
        rest = "take those that matter out of `known` and into a field" if _has_known(draft) else "the first are"
        yield from ("", f"# What no field reads; {rest}:")
        yield from (f"#   {quoted(column)}: {visible(examples)}" for column, examples in draft.unmapped)
    for record in draft.records:
        yield from ("", "[[record]]")
        head = [Line("type", quoted(record.type), record.certainty, record.why)]
        head += [Line("each", quoted(record.each))] if record.each else []
        head += [Line("when", quoted(record.when))] if record.when else []
        head += [Line("key", shown(list(record.key)))] if record.key else []
        if record.type == "bank_line":
            head.append(Line("repeats", quoted("count"), why="a bank may book the same line twice on a day"))
        yield from _aligned(head)
        if record.fields:
            yield from ("", "[record.fields]")
            yield from _aligned(record.fields)


def _has_known(draft: Draft) -> bool:
    return any(line.key == "known" for line in draft.file)


def _aligned(lines: Sequence[Line]) -> Iterator[str]:
    width = max(len(line.key) for line in lines)
    for line in lines:
        said = ": ".join(part for part in (line.certainty or "", line.why) if part)
        key = f"# TODO {line.key}" if line.todo else line.key.ljust(width)
        yield f"{key} = {line.value}" + (f"  # {visible(said)}" if said else "")
