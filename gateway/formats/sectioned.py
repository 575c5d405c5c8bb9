"""Reads tables that are made of sections: finds what every row is, and gives rows what other sections say of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gateway.errors import Fault, FileError
from gateway.formats import header as headers
from gateway.formats.header import folded
from gateway.formats.sections import Section, around, check_each
from gateway.reading import Reading, ReadRequest, cell_parts, unreadable
from gateway.whitespace import INVISIBLE, shown

BATCH_ROWS = 20_000
TEXT_SHOWN = 80
FIX = "Correct the row, or describe its kind in a [[file.section]] of the mapping."
"""What helps where a row is of no kind that the mapping knows."""


@dataclass(frozen=True, slots=True)
class Source:
    """The rows of a table as they stand in the file.

    rows    opens it: (line, cells) of every row in order, with no cells for blank ones
    place   position of a line, in words
    raw     a row as one line of text
    padded  short rows are filled up
    """

    rows: Callable[[], Iterator[tuple[int, list[str]]]]
    place: Callable[[int], str]
    raw: Callable[[Sequence[str]], str]
    padded: bool


@dataclass(slots=True)
class Part:
    """A row of a section, or several with labels.

    section  its name; "" where the row fits none
    values   column → text; None where the section begins and has no row yet, and where the row has too many or too few
    cells wrong    why a row does not fit, and the fix
    """

    line: int
    section: str
    values: dict[str, str] | None = None
    wrong: tuple[str, str] = ("", "")
    cells: Sequence[str] = ()


@dataclass
class Splitter:
    """Says what every row of a table is.

    names     columns of each section, as its last header names them
    headings  columns with another name in the file, `section/column` → that name
    table     the section whose rows stand without a mark below its header, and the header's line
    filled    whether it has a row: a blank line ends it then
    awaited   the section whose title was read and whose header comes next
    labelled  the rows with labels that are put together
    """

    sections: Sequence[Section]
    other_names: headers.OtherNames
    padded: bool
    names: dict[str, tuple[str, ...]] = field(default_factory=dict)
    headings: dict[str, str] = field(default_factory=dict)
    table: tuple[Section, int] | None = None
    filled: bool = False
    awaited: Section | None = None
    labelled: Part | None = None

    def parts(self, rows: Iterator[tuple[int, list[str]]]) -> Iterator[Part]:
        """What the rows are, in order, from the beginning: nothing of an earlier reading holds."""
        self.names = {section.name: section.columns for section in self.sections}
        self.table, self.filled, self.awaited, self.labelled = None, False, None, None
        for line, cells in rows:
            seen = [cell_parts(cell)[2].strip(INVISIBLE) for cell in cells]
            if not any(seen):
                self.table = None if self.filled else self.table
                continue
            part = self._part(line, cells, seen)
            if self.labelled is not None and part is not self.labelled:
                yield self.labelled
            self.labelled = part if self._has_labels(part) else None
            if self.labelled is None:
                yield part
        if self.labelled is not None:
            yield self.labelled

    def _has_labels(self, part: Part) -> bool:
        return part.values is not None and any(one.labels for one in self.sections if one.name == part.section)

    def _part(self, line: int, cells: list[str], seen: list[str]) -> Part:
        named, changed = headers.named_alike(seen, self.other_names)
        present = set(map(folded, named))
        heads = [one for one in self.sections if one.header and one.heads <= present]
        if heads:
            return self._begin(max(heads, key=lambda one: len(one.header)), line, named, changed)
        found = self._marked(seen)
        if found is not None:
            self.table = self.awaited = None
            return self._of_mark(found, line, cells, seen)
        if self.awaited is not None:
            return self._begin(self.awaited, line, named, changed)
        own = (
            None
            if self.table is None
            else self._fitted(self.table[0], line, cells, f"the header in line {self.table[1]}")
        )
        wide = next((one for one in self.sections if one.width == len(cells)), None)
        if wide is not None and (own is None or own.values is None):
            self.table = None
            return self._fitted(wide, line, cells, "the section")
        if own is not None:
            self.filled = True
            return own
        begins = "; ".join(section.begins for section in self.sections)
        text = shown(", ".join(filter(None, seen))[:TEXT_SHOWN])
        return Part(line, "", None, (f"the row {text} fits no section: expected {begins}", FIX), cells)

    def _begin(self, section: Section, line: int, cells: Sequence[str], changed: Mapping[str, str]) -> Part:
        """The header of a section."""
        while cells and not cells[-1]:
            cells = cells[:-1]
        self.names[section.name] = headers.names(cells)
        self.headings |= {f"{section.name}/{column}": heading for column, heading in changed.items()}
        self.table, self.filled, self.awaited = None if section.tag else (section, line), False, None
        return Part(line, section.name)

    def _marked(self, seen: Sequence[str]) -> Section | None:
        """The section whose tag, title or label a row begins with; a whole tag goes before one with a *."""
        first, alone = folded(seen[0]), not any(seen[1:])
        found = [one for one in self.sections if first and one.begun(first, alone)]
        found.sort(key=lambda one: (one.tag.endswith("*"), -len(one.tag)))
        return found[0] if found else None

    def _of_mark(self, section: Section, line: int, cells: list[str], seen: Sequence[str]) -> Part:
        if section.labels:
            return self._with_labels(section, line, cells, seen)
        if section.tag:
            return self._fitted(section, line, cells, "the section")
        if section.columns:
            self.table, self.filled = (section, line), False
        else:
            self.awaited = section
        return Part(line, section.name)

    def _fitted(self, section: Section, line: int, cells: list[str], what: str) -> Part:
        """A row by the columns of its section: blank cells behind them are nothing."""
        names = self.names[section.name]
        if not names and section.tag and not section.header:
            names = tuple(f"#{number}" for number in range(1, len(cells) + 1))
        least = max((n for n, name in enumerate(names, start=1) if name not in ("", f"#{n}")), default=0)
        beyond = any(cell.strip(INVISIBLE) for cell in cells[len(names) :])
        if beyond or (len(cells) < least and not self.padded):
            message = f"the row has {len(cells)} cells, {what} of {section.name} has {len(names)}"
            return Part(line, section.name, None, (message, FIX), cells)
        filled = [*cells, *[""] * (len(names) - len(cells))]
        return Part(
            line, section.name, {name: cell for name, cell in zip(names, filled, strict=False) if name}, cells=cells
        )

    def _with_labels(self, section: Section, line: int, cells: list[str], seen: Sequence[str]) -> Part:
        labels, values = seen[0::2], [*cells[1::2], ""][: len(seen[0::2])]
        if any(value.strip(INVISIBLE) and not label for label, value in zip(labels, values, strict=True)):
            message = f"a cell of section {section.name} has no label before it: labels and values stand by turns"
            return Part(line, section.name, None, (message, FIX), cells)
        named, changed = headers.named_alike(labels, self.other_names)
        self.headings |= {f"{section.name}/{column}": heading for column, heading in changed.items()}
        pairs = {n: value for n, label, value in zip(headers.names(named), labels, values, strict=True) if label}
        whole = self.labelled
        if whole is None or whole.section != section.name or whole.values is None or pairs.keys() & whole.values.keys():
            return Part(line, section.name, pairs, cells=cells)
        whole.values |= pairs
        return whole


@dataclass(slots=True)
class Given:
    """What a section gives to rows of others: from each line on its values, None for none, or the position of a row
    that fits no section."""

    section: Section
    lines: list[int] = field(default_factory=list)
    values: list[dict[str, str] | str | None] = field(default_factory=list)

    def add(self, line: int, values: dict[str, str] | str | None) -> None:
        """What it gives from a line on."""
        self.lines.append(line)
        self.values.append(values)

    def column(self, column: str) -> pa.Array:
        """The texts of a column, one for each line; behind a row that fits no section there is no value."""
        texts: list[str | None] = []
        last = ""
        for values in self.values:
            if isinstance(values, str):
                what = f"{values} fits no section, so it is not known whose {self.section.name} this row has"
                texts.append(unreadable(what, FIX, last or "?"))
            else:
                texts.append(None if values is None else values.get(column))
                last = cell_parts(texts[-1] or "")[2]
        return pa.array(texts, pa.utf8())

    def places(self, rows: npt.NDArray[np.int64]) -> pa.Array:
        """For rows at these lines, the places of what is given to them."""
        lines = np.array(self.lines, np.int64)
        behind = np.searchsorted(lines, rows, side="right")
        place = behind - 1 if self.section.reach == "above" else behind
        return pa.array(place, mask=(place < 0) | (place >= len(lines)))


class Sectioned(Reading):
    """The rows of one section, with the columns of the others in reach. The file is read twice."""

    def __init__(
        self, request: ReadRequest, sections: Sequence[Section], other_names: headers.OtherNames, source: Source
    ) -> None:
        check_each(request.each, sections)
        self.request, self.each, self.source = request, request.each or "", source
        self.faults: list[Fault] = []
        self.received = 0
        self.splitter = Splitter(sections, other_names, source.padded)
        self.around = around(sections)
        self.given = {one.name: Given(one) for one in sections if one.name != self.each}
        found = self._look_through()
        reached = [
            name
            for name, given in self.given.items()
            if given.section.reach == "below" or self.each not in self.around[name]
        ]
        self.others = {f"{name}/{column}": (name, column) for name in reached for column in found[name]}
        self.columns = (*found[self.each], *self.others)
        own = f"{self.each}/"
        self.headings = {column.removeprefix(own): heading for column, heading in self.splitter.headings.items()}
        if len(self.columns) > request.limits.columns_max:
            raise FileError(
                request.name,
                f"its sections have {len(self.columns)} columns, more than columns_max",
                "Check the sections of the mapping, or raise limits.columns_max.",
            )

    def _parts(self) -> Iterator[Part]:
        return self.splitter.parts(self.source.rows())

    def _look_through(self) -> dict[str, dict[str, None]]:
        """The columns of every section. Notes what sections give. Raises FileError where no row fits any."""
        found = {one.name: dict.fromkeys(filter(None, one.columns)) for one in self.splitter.sections}
        misfit: Part | None = None
        fitting = 0
        for part in self._parts():
            if part.wrong[0]:
                misfit = misfit or part
                for given in self.given.values():
                    if not given.section.once:
                        given.add(part.line, self.source.place(part.line))
                continue
            fitting += 1
            found[part.section].update(dict.fromkeys(filter(None, part.values or self.splitter.names[part.section])))
            self._give(part)
        if misfit is not None and not fitting:
            raise FileError(self.request.name, misfit.wrong[0], FIX, self.source.place(misfit.line))
        return found

    def _give(self, part: Part) -> None:
        """Note the values of a row, and that the sections within its own have none from here on."""
        for name, given in self.given.items():
            if name == part.section and given.section.once and any(given.values):
                raise FileError(
                    self.request.name,
                    f"section {name}, which stands once in a file, comes again",
                    "Send two files, or remove `once` from the section in the mapping.",
                    self.source.place(part.line),
                )
            if name == part.section and (part.values is not None or given.section.reach == "above"):
                given.add(part.line, part.values)
            elif part.section in self.around[name]:
                given.add(part.line, None)

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        texts = {column: self.given[section].column(name) for column, (section, name) in self.others.items()}
        rows: list[Part] = []
        done = 0
        for part in self._parts():
            if part.wrong[0]:
                self._reject(part)
            elif part.section == self.each and part.values is not None:
                rows.append(part)
            if len(rows) >= BATCH_ROWS:
                yield self._batch(rows, texts, done)
                rows, done = [], done + len(rows)
        if rows:
            yield self._batch(rows, texts, done)

    def _batch(self, rows: Sequence[Part], texts: Mapping[str, pa.Array], done: int) -> pa.RecordBatch:
        self.count(len(rows))
        lines = np.array([part.line for part in rows], np.int64)
        own = self.columns[: len(self.columns) - len(self.others)]
        places = {name: given.places(lines) for name, given in self.given.items()}
        cells = [pa.array([(part.values or {}).get(column) for part in rows], pa.utf8()) for column in own]
        cells += [texts[column].take(places[section]) for column, (section, _) in self.others.items()]
        head = [
            pa.array(np.arange(done, done + len(rows), dtype=np.int64)),
            pa.array([self.source.place(part.line) for part in rows], pa.utf8()),
            pa.array(np.zeros(len(rows), dtype=np.int32)),
        ]
        return pa.RecordBatch.from_arrays([*head, *cells], schema=self.schema)

    def _reject(self, part: Part) -> None:
        self.received += 1
        place, (message, fix) = self.source.place(part.line), part.wrong
        fault = Fault("ROW_REJECT", message, fix, place, row={"#raw": self.source.raw(part.cells)})
        self.note(fault, "Check the sections of the mapping.")
