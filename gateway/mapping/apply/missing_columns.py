"""Columns that the mapping needs and the file lacks: one fault for all of them, with what is the likely cause."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from difflib import get_close_matches

from gateway.errors import Fault
from gateway.formats import above
from gateway.mapping.language import named_columns
from gateway.mapping.language.expressions import names
from gateway.mapping.language.spec import Mapping

SHOWN_MAX = 40
_AGAIN = "Then `gateway check`, and `gateway replay` the file."


def fault(
    mapping: Mapping, missing: Sequence[str], present: Sequence[str], place: Callable[..., str], *, none_there: bool
) -> Fault:
    """Why the file is held: `missing` columns are not among those `present`.

    none_there  whether not a single column is there that the mapping needs
    """
    if written := _other_delimiter(mapping, missing, present):
        return _delimiter_fault(mapping, written, present[0], place)
    like = {column: near for column in missing if (near := _near(column, present))}
    shown = ", ".join(
        f'"{column}"' + (f' ("{like[column]}" looks like it)' if column in like else "") for column in missing
    )
    said = f"the column {shown} is missing" if len(missing) == 1 else f"{len(missing)} columns are missing: {shown}"
    found = ", ".join(list(present)[:SHOWN_MAX])
    hint = _hint(mapping, missing, place, none_there=none_there)
    return Fault("FILE_REJECT", f"{said}. Found: {found}", hint, column=missing[0])


def _hint(mapping: Mapping, missing: Sequence[str], place: Callable[..., str], *, none_there: bool) -> str:
    if none_there and len(missing) > 1 and mapping.file.options.get("header", True) is not True:
        where = place("file", "header")
        return f"Write in `header`, {where}, which row has the column names, if it is another one. {_AGAIN}"
    if len(missing) > 1:
        return "Send the file with these columns, or write their new names in the mapping, if it is the right file."
    [column] = missing
    path = next(_reading(mapping, column), ())
    where = place(*path)
    if above.is_above(column):
        return f"Send the file with that line above its header, or name the new label in the mapping, {where}."
    if path and path[-1] in ("when", "expr"):
        text = f"write a text in single quotes: '{column}'"
        return f"Send the file with that column, or name the new header in the mapping, {where}; {text}."
    return f"Send the file with that column, or name the new header in the mapping, {where}."


def _reading(mapping: Mapping, column: str) -> Iterator[tuple[str | int, ...]]:
    """The key paths of the mapping that name a source column: fields first, then what else does."""
    for number, record in enumerate(mapping.record):
        for name, spec in record.fields.items():
            if column in named_columns.sources(spec):
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


def _other_delimiter(mapping: Mapping, missing: Sequence[str], present: Sequence[str]) -> str:
    """Name of what separates the columns of a header that was read as a single one, "" where nothing does."""
    if mapping.file.format != "delimited" or len(present) != 1:
        return ""
    from gateway.formats.text.delimited import DELIMITERS  # Not at the top: other mappings need not load it.

    for name in ("semicolon", "comma", "tab", "pipe"):
        parts = {part.strip(' "').casefold() for part in present[0].split(DELIMITERS[name])}
        if len(parts) > 1 and parts & {column.strip().casefold() for column in missing}:
            return name
    return ""


def _delimiter_fault(mapping: Mapping, written: str, header: str, place: Callable[..., str]) -> Fault:
    named = mapping.file.options.get("delimiter", "comma")
    return Fault(
        "FILE_REJECT",
        f'the columns are separated by {written}, and the mapping says {named}: the header is "{header[:200]}"',
        f'Write delimiter = "{written}" in {place("file", "delimiter")}. {_AGAIN}',
        "line 1",
    )
