"""Checks of `[file] repeat`: that it can be applied, and that source columns are named as it makes them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gateway.errors import HomeFault
from gateway.mapping.language.repeat import COUNTERS, NUMBER, Repeat
from gateway.mapping.lint.other_names import Checker, columns_of
from gateway.nearest import listed, nearest

TABLES = ("delimited", "workbook")


def check(checker: Checker) -> Iterator[HomeFault]:
    """Faults of a repetition that cannot be, of which nothing is read, or whose columns are called otherwise."""
    file = checker.mapping.file
    repeat, path = file.repeat, ("file", "repeat")
    if repeat is None:
        return
    if file.format not in TABLES:
        yield checker.fault(
            path,
            f"rows of a {file.format} file are not repeated: this is for {listed(TABLES)}",
            "remove `repeat`; in other formats `each` of the record says what a row is",
        )
        return
    columns = sorted(columns_of(checker.mapping))
    misnamed = [found for column in columns if (found := _misnamed(repeat, column)) is not None]
    for message, fix in misnamed:
        yield checker.fault(path, message, fix)
    if repeat.into:
        yield from _unread(checker, repeat, columns)
    elif not misnamed and not any(repeat.makes(column) for column in columns if column not in COUNTERS):
        made = ", ".join(repeat.part_columns or repeat.columns)
        yield checker.fault(path, "the mapping reads none of the columns that it makes", f"read one of {made}")


def _unread(checker: Checker, repeat: Repeat, columns: Sequence[str]) -> Iterator[HomeFault]:
    """A column that is made and that nothing reads."""
    rest = [column for column in columns if not repeat.makes(column) and column not in repeat.columns]
    for name in repeat.into:
        if name not in columns:
            close = nearest(name, rest)
            yield checker.fault(
                ("file", "repeat", "into"),
                f'the mapping does not read "{name}", which it makes{close}',
                f'name "{name}" in a field',
            )


def _misnamed(repeat: Repeat, column: str) -> tuple[str, str] | None:
    """(what is wrong with the name of a source column, the fix), None if it may be one of the file or is made."""
    if found := repeat.numbered(column):
        kind = "columns" if repeat.into else "numbered columns"
        return f'"{column}" is one of its {kind}', f'name "{found[0]}" in the fields'
    if repeat.makes(column):
        return None
    if repeat.columns and not repeat.into and NUMBER in column:
        return f'no pattern of `columns` fits "{column}"', "name the column or the pattern as the file does"
    if repeat.cell and column.startswith(f"{repeat.cell}/"):
        close = nearest(column, repeat.part_columns)
        return f'"{column}" is no part{close}', f"use one of {listed(repeat.part_columns)}"
    return None
