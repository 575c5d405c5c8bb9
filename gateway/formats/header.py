"""Finding the header row of a table, and giving every column a name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Annotated, Any, Literal, NoReturn

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from gateway.errors import FileError, HouseError, upper_first
from gateway.formats import above
from gateway.formats.path_errors import PathError, closest
from gateway.reading import cell_parts
from gateway.toml_faults import Shape
from gateway.toml_values import TomlTable
from gateway.whitespace import INVISIBLE, shown

SEARCH_ROWS = 200
HITS_MIN = 2
"""Wanted columns that a row below the first must have to be taken for the header in its place."""
_MARK_AS_TEXT = "\ufeff".encode().decode("cp1252")


class HeaderSearch(TomlTable):
    """Where the header is: the first row that contains all these names, or a row number (from 1)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    contains: tuple[str, ...] = ()
    row: int | None = Field(None, ge=1)

    @model_validator(mode="after")
    def _one_of_them(self) -> HeaderSearch:
        if bool(self.contains) == (self.row is not None):
            raise ValueError("give either contains = [names] or row = number")
        return self


def _listed(names: Any) -> Any:
    return (
        {name: [other] if isinstance(other, str) else other for name, other in names.items()}
        if isinstance(names, dict)
        else names
    )


OtherNames = Annotated[dict[str, tuple[str, ...]], BeforeValidator(_listed)]
"""Column as the mapping names it → the names that it may have in the header instead, as in other languages."""


@dataclass(frozen=True, slots=True)
class Header:
    """The column names, and the number (from 1) of the line or row that the data start after.

    headings  columns that have another name in the file → that name
    above     the rows above it, where a column is wanted that is a value there
    """

    columns: tuple[str, ...]
    line: int
    headings: Mapping[str, str] = field(default_factory=dict)
    above: above.Rows = ()


def named_alike(cells: Sequence[str], other_names: Mapping[str, Sequence[str]]) -> tuple[Sequence[str], dict[str, str]]:
    """(cells of a header with the mapping's names, these names → those in the file).

    Another name counts only where the mapping's own is not there, of several the first that is listed.
    """
    present = {folded(cell): place for place, cell in reversed(list(enumerate(cells)))} if other_names else {}
    found: dict[int, str] = {}
    for name, others in other_names.items():
        places = [present[folded(other)] for other in others if folded(other) in present]
        if places and folded(name) not in present:
            found.setdefault(places[0], name)
    if not found:
        return cells, {}
    headings = {name: _name(cells[place]) for place, name in found.items()}
    return [found.get(place, cell) for place, cell in enumerate(cells)], headings


class OptionsError(HouseError):
    """Options that a format does not have; `faults` are (key, what is wrong, the fix) of each."""

    def __init__(self, format_name: str, faults: Sequence[tuple[str, str, str]]) -> None:
        self.faults = tuple(faults)
        causes = "; ".join(message for _, message, _ in faults)
        super().__init__("check options of format", format_name, f"{upper_first(faults[0][2])}.", causes)


def options(model: type[BaseModel], given: Any, format_name: str) -> Any:
    """Check a format's options. Raises OptionsError naming every faulty key."""
    given = dict(given)
    try:
        return model.model_validate(given)
    except ValidationError as error:
        found = Shape(model, "[file]", part=True).faults(error, given, lambda *path: (str(path[0]) if path else "", 0))
        raise OptionsError(format_name, [(fault.file, fault.message, fault.fix) for fault in found]) from None


def check_each(each: str | None) -> None:
    """A table has one kind of row. Raises PathError for an `each`."""
    if each:
        raise PathError("each", each, "names a kind of row, and a table has only one", "Remove `each`.")


def check_column(name: str, search: HeaderSearch | bool, listed: Sequence[str]) -> None:
    """A column of a table without a header is one of those that are listed; one above a header has a label.

    Raises PathError.
    """
    if above.is_above(name):
        above.check(name, headed=search is not False)
    if search is False and listed and name not in listed:
        syntax = f"The columns are {', '.join(listed)}."
        raise PathError("column", name, "is not a column of the file", syntax, closest(name, listed))


def find(
    rows: Iterable[tuple[int, Sequence[str]]],
    search: HeaderSearch | bool,
    name: str,
    given: Sequence[str] = (),
    wanted: Sequence[str] = (),
    other_names: Mapping[str, Sequence[str]] | None = None,
) -> Header:
    """Find the header among (last line, cells) pairs; `other_names` are `OtherNames`.

    With `search` true it is the first row that is not blank; where that has none of the wanted columns, and one of the
    first 200 rows has two of them (or all, of fewer), the first such row: lines that stand above a header have none.

    Raises FileError when it is not within the first 200 rows, saying which names were looked for and what
    the nearest row has.
    """
    if search is False:
        _, cells = next(_filled(_texts(rows)), (0, ()))
        if not cells:
            raise _no_rows(name)
        return Header(tuple(given) or tuple(f"#{n + 1}" for n in range(len(cells))), 0)
    headings: dict[int, dict[str, str]] = {}
    before: list[tuple[int, Sequence[str]]] = []
    in_header = [one for one in wanted if not above.is_above(one)]
    renamed = {one: others for one, others in (other_names or {}).items() if not above.is_above(one)}
    seen = rows if len(in_header) == len(wanted) else _kept(rows, before)
    found = _found(_renamed(_texts(seen), renamed, headings), search, name, in_header)
    titles = tuple(row for row in before if row[0] < found.line)
    return _in_own_case(replace(found, headings=headings.get(found.line, {}), above=titles), in_header)


def _kept(
    rows: Iterable[tuple[int, Sequence[str]]], into: list[tuple[int, Sequence[str]]]
) -> Iterator[tuple[int, Sequence[str]]]:
    for row in rows:
        into.append(row)
        yield row


def _texts(rows: Iterable[tuple[int, Sequence[str]]]) -> Iterator[tuple[int, Sequence[str]]]:
    """The rows with the texts that a person sees."""
    return ((line, [cell_parts(cell)[2] for cell in cells]) for line, cells in rows)


def _in_own_case(found: Header, wanted: Sequence[str]) -> Header:
    """The header with the names that the mapping has for columns which differ only in case or white space.

    Not so where the mapping's own spelling is there, or where two columns differ only so.
    """
    own = {name for name in wanted if name in found.columns}
    alike: dict[str, list[int]] = {}
    for place, column in enumerate(found.columns):
        if column not in own:
            alike.setdefault(folded(column), []).append(place)
    columns, headings = list(found.columns), dict(found.headings)
    for name in wanted:
        places = alike.pop(folded(name), []) if name not in own else []
        if len(places) == 1:
            headings[name] = headings.pop(columns[places[0]], columns[places[0]])
            columns[places[0]] = name
    return replace(found, columns=tuple(columns), headings=headings)


def _renamed(
    rows: Iterable[tuple[int, Sequence[str]]],
    other_names: Mapping[str, Sequence[str]],
    headings: dict[int, dict[str, str]],
) -> Iterator[tuple[int, Sequence[str]]]:
    """The rows as if each were a header with the mapping's names; `headings` gets what was renamed in which line."""
    for line, cells in rows:
        named, changed = named_alike(cells, other_names)
        if changed:
            headings[line] = changed
        yield line, named


def _found(
    rows: Iterable[tuple[int, Sequence[str]]], search: HeaderSearch | Literal[True], name: str, wanted: Sequence[str]
) -> Header:
    if search is True:
        return _first(rows, name, wanted)
    if search.row is not None:
        return _numbered(rows, search, name)
    best: tuple[int, int, Sequence[str]] = (-1, 0, ())
    for line, cells in _filled(rows):
        hits = _hits(cells, search.contains)
        if hits == len(search.contains):
            return Header(names(cells), line)
        best = max(best, (hits, -line, cells), key=lambda b: b[:2])
    return _missing(name, search, best)


def _filled(rows: Iterable[tuple[int, Sequence[str]]]) -> Iterator[tuple[int, Sequence[str]]]:
    """The first rows, without blank ones."""
    return ((line, cells) for line, cells in islice(rows, SEARCH_ROWS) if any(cell.strip(INVISIBLE) for cell in cells))


def _first(rows: Iterable[tuple[int, Sequence[str]]], name: str, wanted: Sequence[str]) -> Header:
    first: Header | None = None
    for line, cells in _filled(rows):
        hits = _hits(cells, wanted)
        if first is None:
            first = Header(names(cells), line)
            if hits or not wanted:
                break
        elif hits >= min(HITS_MIN, len(set(wanted))):
            return Header(names(cells), line)
    if first is None:
        raise _no_rows(name)
    return first


def _numbered(rows: Iterable[tuple[int, Sequence[str]]], search: HeaderSearch, name: str) -> Header:
    for line, cells in rows:
        if search.row is not None and line >= search.row:
            if line == search.row and any(cell.strip(INVISIBLE) for cell in cells):
                return Header(names(cells), line)
            break
    return _missing(name, search, (0, 0, ()))


def _hits(cells: Sequence[str], wanted: Sequence[str]) -> int:
    present = {folded(cell) for cell in cells}
    return sum(folded(one) in present for one in set(wanted))


def _no_rows(name: str) -> FileError:
    return FileError(name, "the file has no rows", "Send the file again with its header and data.")


def folded(cell: str) -> str:
    """A cell as it is compared with a name."""
    return _name(cell).casefold()


def _name(cell: str) -> str:
    """A header cell as a name: white space once between words, nothing invisible around them.

    A byte order mark that a program took for three letters of cp1252 is invisible too, and so are quotes behind it.
    """
    if cell.startswith(_MARK_AS_TEXT):
        cell = cell.removeprefix(_MARK_AS_TEXT).strip('"')
    return " ".join(cell.strip(INVISIBLE).split())


def _missing(name: str, search: HeaderSearch, best: tuple[int, int, Sequence[str]]) -> NoReturn:
    """Raise FileError that says what was looked for and what the nearest row has."""
    wanted = f"in row {search.row}" if search.row else f"with {', '.join(search.contains)}"
    where = "" if search.row else f" in the first {SEARCH_ROWS} rows"
    near = f"; nearest is line {-best[1]}: {shown(', '.join(best[2])[:200])}" if best[2] else ""
    cells = [_name(cell) for cell in best[2] if cell.strip(INVISIBLE)]
    likely = [(one, closest(one, cells)) for one in search.contains if not _hits(cells, [one])]
    alike = ", ".join(f"{shown(cell)} for {one}" for one, cell in likely if cell)
    raise FileError(
        name,
        f"no header {wanted}{where}{near}{f'; it may have {alike}' if alike else ''}",
        "Send the file with that header, or name its columns in [file.other_names] of the mapping.",
    )


def names(cells: Sequence[str]) -> tuple[str, ...]:
    """Trimmed header names; "#3" for a nameless third column, "Qty#2" for the second of the same name."""
    seen: dict[str, int] = {}
    result = []
    for number, cell in enumerate(cells):
        name = _name(cell) or f"#{number + 1}"
        seen[name] = seen.get(name, 0) + 1
        result.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return tuple(result)
