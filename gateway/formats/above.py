"""What the lines above the header of a table say, as "Report date: 2026-11-01" or "Warehouse;HAM1".

A mapping names such a value as a column, "above/Warehouse": it is the same in every row of the file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

import pyarrow as pa

from gateway.errors import FileError
from gateway.formats.literals import literal
from gateway.formats.path_errors import PathError
from gateway.reading import Reading, Wrapped, cell_parts
from gateway.whitespace import INVISIBLE, shown

PREFIX = "above/"
REST = "*"
"""In a label, the place of the value within the cell: "Stock as of *"."""
_SAYS = ":=\uff1a"
"""What stands between a label and its value in one cell."""
_SYNTAX = (
    'Write the label as it stands there, "above/Warehouse"; where the value is within a text without a colon, '
    'a * for it: "above/Stock as of *".'
)

Rows = Sequence[tuple[int, Sequence[str]]]
"""(line, cells) of the rows above a header."""


def is_above(column: str) -> bool:
    """Whether a column is a value above the header."""
    return column.startswith(PREFIX)


def check(column: str, *, headed: bool) -> None:
    """Whether a value above the header can be read; `headed` says that there is a header. Raises PathError."""
    label = column.removeprefix(PREFIX)
    if not headed:
        raise PathError("path", column, "is a value above the header, and the file has no header", _SYNTAX)
    if not label.replace(REST, "").strip() or label.count(REST) > 1:
        raise PathError("path", column, "names no label above the header", _SYNTAX)


def texts(
    rows: Rows,
    wanted: Sequence[str],
    other_names: Mapping[str, Sequence[str]],
    name: str,
    place: Callable[[int], str],
) -> dict[str, str]:
    """Column → its text, of those wanted that a line has; where one is not there, also all that could be meant.

    other_names  the labels that columns may have in the file instead of the mapping's own
    place        position of a line, in words
    Raises FileError where a label stands twice with two values, or where other labels stand beside it.
    """
    asked = {one: _labels(one, other_names) for one in dict.fromkeys(wanted) if is_above(one)}
    every = {_key(label) for labels in asked.values() for label in labels}
    found: dict[str, str] = {}
    for column, labels in asked.items():
        for label in labels:
            said = [(line, value) for line, cells in rows for value in _values(cells, label)]
            if said:
                found[column] = _one(said, label, every, name, place)
                break
    return found if len(found) == len(asked) else offered(rows) | found


def beside(rows: Reading, values: Mapping[str, str]) -> Reading:
    """The rows of a table with the values above its header in each of them; a column of that name goes before."""
    values = {column: text for column, text in values.items() if column not in rows.columns}
    return _Beside(rows, values) if values else rows


def offered(rows: Rows) -> dict[str, str]:
    """Column → text of all that the lines say: each text before a colon, and each first of several cells."""
    found: dict[str, str] = {}
    for _, cells in rows:
        for number, cell in enumerate(cells):
            text = cell_parts(cell)[2].strip(INVISIBLE)
            label = re.split(f"[{_SAYS}]", text, maxsplit=1)[0].strip(INVISIBLE)
            first = not any(one.strip(INVISIBLE) for one in cells[:number])
            if label and (label != text or (first and any(one.strip(INVISIBLE) for one in cells[number + 1 :]))):
                found.setdefault(PREFIX + label, next(_values(cells, label), ""))
    return found


class _Beside(Wrapped):
    def __init__(self, rows: Reading, values: Mapping[str, str]) -> None:
        super().__init__(rows)
        self.request, self.values = rows.request, values
        self.columns = (*rows.columns, *values)

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        schema = self.schema
        for batch in self.rows:
            more = [pa.repeat(pa.scalar(text, pa.utf8()), batch.num_rows) for text in self.values.values()]
            yield pa.RecordBatch.from_arrays([*batch.columns, *more], schema=schema)
        self.received, self.faults = self.rows.received, self.rows.faults


def _labels(column: str, other_names: Mapping[str, Sequence[str]]) -> list[str]:
    return [one.removeprefix(PREFIX) for one in (column, *other_names.get(column, ()))]


def _one(said: Sequence[tuple[int, str]], label: str, every: set[str], name: str, place: Callable[[int], str]) -> str:
    """The value of a label that stands in these lines. Raises FileError where that is not one."""
    (line, value), *others = said
    for other_line, other in others:
        if other != value:
            raise FileError(
                name,
                f'"{label}" is there twice above the header: "{shown(value)}" in {place(line)}, '
                f'"{shown(other)}" in {place(other_line)}',
                "Send one file for each, or describe the lines as sections ([[file.section]]).",
                place(other_line),
            )
    if _key(value) in every:
        raise FileError(
            name,
            f'after "{label}" comes "{shown(value)}", which is a label itself: the values seem to be in the next row',
            "Describe the two lines as a section whose header has these labels ([[file.section]]).",
            place(line),
        )
    return value


def _values(cells: Sequence[str], label: str) -> Iterator[str]:
    """The values that a label has in a row: within its cell, or in the next one that is filled."""
    before, rest, after = label.partition(REST)
    whole = re.compile(f"{_spaced(before)}(.*){_spaced(after)}", re.IGNORECASE | re.DOTALL)
    begun = re.compile(rf"{_spaced(label.rstrip(_SAYS + ' '))}\s*[{_SAYS}](.*)", re.IGNORECASE | re.DOTALL)
    for number, cell in enumerate(cells):
        text = cell_parts(cell)[2].strip(INVISIBLE)
        if rest:
            if match := whole.fullmatch(text):
                yield match[1].strip(INVISIBLE)
            continue
        within = begun.fullmatch(text)
        if within is not None and within[1].strip(INVISIBLE):
            yield within[1].strip(INVISIBLE)
        elif within is not None or _key(text) == _key(label):
            yield _next(cells[number + 1 :], label)


def _next(cells: Sequence[str], label: str) -> str:
    """The next filled cell: merged cells repeat the label, and a colon may have a cell of its own."""
    seen = (cell for cell in cells if _key(cell_parts(cell)[2]) not in ("", _key(label)))
    return literal(next(seen, ""))


def _key(text: str) -> str:
    """A label as it is compared: without the colon behind it."""
    return " ".join(text.strip(INVISIBLE).rstrip(_SAYS + " ").split()).casefold()


def _spaced(text: str) -> str:
    return r"\s+".join(map(re.escape, re.split(r"\s+", text)))
