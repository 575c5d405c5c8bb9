"""Which row of a table holds the names of its columns: below titles, and pairs of a label and a value."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.suggest import shapes
from gateway.suggest.vocabulary import USUAL_WORDS
from gateway.suggest.words import meant

WIDE = 0.6
"""A header has names for so large a share of the cells of the widest row at least."""
NAME_CHARACTERS_MAX = 80
PAIR = 2
"""A label and its value are so many cells."""
DIFFERENT = 0.9
"""So large a share of the names are different ones."""

Cells = Sequence[str]


def header_row(rows: Sequence[Cells]) -> int | None:
    """Which of the first filled rows holds the names: a wide one that holds nothing but different texts.

    It is the first such row, unless that is a title: then a later one names more columns; or it stands above numbers or
    days that no row before it has there, but beside a label, and all its names are words of the trade, or the table has
    two columns.
    """
    widest = max((sum(map(bool, cells)) for cells in rows), default=0)
    found: int | None = None
    begun = False
    for number, cells in enumerate(rows):
        names = [cell for cell in cells if cell]
        if len(names) < max(2, WIDE * widest) or len(set(names)) < len(names) * DIFFERENT:
            continue
        if not all(map(_nameable, names)):
            begun = begun or (found is None and len(names) == widest)
        elif found is None:
            if not begun or _below_pairs(rows, number):
                found = number
        elif _is_title(rows, found, number):
            found = number
    return found


def _nameable(text: str) -> bool:
    """Whether a text can be the name of a column: it has letters, and is neither a number nor a date."""
    if text in ("#", "%"):
        return True
    short = len(text) <= NAME_CHARACTERS_MAX and text.casefold() not in shapes.BLANKS
    return short and any(map(str.isalpha, text)) and not shapes.of([text]).timely


def _below_pairs(rows: Sequence[Cells], number: int) -> bool:
    """Whether a row is a header although full rows stand before it: they are pairs, and it names what is below it."""
    pairs = all(sum(map(bool, cells)) <= PAIR for cells in rows[:number])
    return pairs and _usual(rows[number]) == sum(map(bool, rows[number])) and bool(_named(rows, number))


def _is_title(rows: Sequence[Cells], first: int, later: int) -> bool:
    """Whether a row that could be the header is a title above the one that is."""
    if list(rows[first]) == list(rows[later]):  # As on each page of a printed list.
        return False
    names, more = (sum(map(bool, rows[number])) for number in (first, later))
    between = rows[first + 1 : later]
    if any(sum(map(bool, cells)) > max(names, PAIR) for cells in between):
        return False
    if more > names:
        return True
    named = _named(rows, later)
    if more < names or not named:
        return False
    data = [cells for cells in between if any(_alike(cells, column, kind) for column, kind in named)]
    if not all(_usual(cells[:1]) for cells in data):  # A label has its number beside it, too.
        return False
    usual, less = _usual(rows[later]), _usual(rows[first])
    return (usual == more and less < names) or (more == PAIR and usual >= less)


def _named(rows: Sequence[Cells], number: int) -> list[tuple[int, bool]]:
    """(place, whether they are numbers) of the columns of numbers or days below a row that has texts there."""
    found = []
    for place, name in enumerate(rows[number]):
        shape = shapes.of([cells[place] for cells in rows[number + 1 :] if place < len(cells)])
        if name and (shape.numeric or shape.timely):
            found.append((place, shape.numeric))
    return found


def _alike(cells: Cells, place: int, numeric: bool) -> bool:
    shape = shapes.of([cells[place]] if place < len(cells) else [])
    return shape.numeric if numeric else shape.timely


def _usual(cells: Cells) -> int:
    """How many cells are words of the trade, and no label of a value beside it."""
    return sum(bool(USUAL_WORDS & set(meant(cell))) for cell in cells if cell and not cell.endswith(":"))
