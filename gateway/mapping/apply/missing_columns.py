"""Columns that the mapping needs and the file lacks: one fault for all of them, with what is the likely cause."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from difflib import get_close_matches

from gateway.errors import Fault
from gateway.mapping.compiler import fields
from gateway.mapping.language.expressions import names
from gateway.mapping.language.spec import Mapping

SHOWN_MAX = 40
_AGAIN = "Then `gateway check`, and `gateway replay` the file."
_DELIMITERS = {";": "semicolon", ",": "comma", "\t": "tab", "|": "pipe"}


def fault(
    mapping: Mapping, missing: Sequence[str], present: Sequence[str], place: Callable[..., str], *, all_: bool
) -> Fault:
    """Why the file is held: `missing` columns are not among those `present`; `all_` says that no needed one is."""
    if (sign := _other_delimiter(mapping, missing, present)) is not None:
        return _delimiter_fault(mapping, sign, present[0], place)
    like = {column: near for column in missing if (near := _near(column, present))}
    shown = ", ".join(
        f'"{column}"' + (f' ("{like[column]}" looks like it)' if column in like else "") for column in missing
    )
    said = f"the column {shown} is missing" if len(missing) == 1 else f"{len(missing)} columns are missing: {shown}"
    found = ", ".join(list(present)[:SHOWN_MAX])
    return Fault("FILE_REJECT", f"{said}. Found: {found}", _hint(mapping, missing, place, all_=all_), column=missing[0])


def _hint(mapping: Mapping, missing: Sequence[str], place: Callable[..., str], *, all_: bool) -> str:
    if all_ and len(missing) > 1 and mapping.file.options.get("header", True) is not True:
        where = place("file", "header")
        return f"Write in `header`, {where}, which row has the column names, if it is another one. {_AGAIN}"
    if len(missing) > 1:
        return "Send the file with these columns, or write their new names in the mapping, if it is the right file."
    [column] = missing
    path = next(_reading(mapping, column), ())
    where = place(*path)
    if path and path[-1] in ("when", "expr"):
        text = f"write a text in single quotes: '{column}'"
        return f"Send the file with that column, or name the new header in the mapping, {where}; {text}."
    return f"Send the file with that column, or name the new header in the mapping, {where}."


def _reading(mapping: Mapping, column: str) -> Iterator[tuple[str | int, ...]]:
    """The key paths of the mapping that name a source column: fields first, then what else does."""
    for number, record in enumerate(mapping.record):
        for name, spec in record.fields.items():
            if column in fields.sources(spec):
                yield "record", number, "fields", name
        for name, spec in record.fields.items():
            if spec.expr and column in names(spec.expr)[1]:
                yield "record", number, "fields", name, "expr"
        if column in record.key:
            yield "record", number, "key"
        if record.when and column in names(record.when)[1]:
            yield "record", number, "when"


def _near(column: str, present: Sequence[str]) -> str:
    folded = {name.strip().casefold(): name for name in present}
    near = get_close_matches(column.strip().casefold(), list(folded), n=1, cutoff=0.6)
    return folded[near[0]] if near else ""


def _other_delimiter(mapping: Mapping, missing: Sequence[str], present: Sequence[str]) -> str | None:
    """The sign that separates the columns of a header that was read as a single one, None where there is none."""
    if mapping.file.format != "delimited" or len(present) != 1:
        return None
    for sign in _DELIMITERS:
        parts = {part.strip(' "').casefold() for part in present[0].split(sign)}
        if len(parts) > 1 and parts & {column.strip().casefold() for column in missing}:
            return sign
    return None


def _delimiter_fault(mapping: Mapping, sign: str, header: str, place: Callable[..., str]) -> Fault:
    named, written = mapping.file.options.get("delimiter", "comma"), _DELIMITERS[sign]
    return Fault(
        "FILE_REJECT",
        f'the columns are separated by {written}, and the mapping says {named}: the header is "{header[:200]}"',
        f'Write delimiter = "{written}" in {place("file", "delimiter")}. {_AGAIN}',
        "line 1",
    )
