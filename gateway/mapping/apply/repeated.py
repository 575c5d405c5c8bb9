"""Rows that hold several items, in numbered columns or as a list in a cell: each item becomes a row."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gateway.errors import FileError
from gateway.mapping.apply.temporary_tables import Work
from gateway.mapping.apply.trim import filled
from gateway.mapping.language.repeat import COUNTERS, ITEM, NUMBER, Repeat
from gateway.reading import ORDINAL, POSITION, UNIT, UNREADABLE, Reading, ReadRequest, Wrapped, unreadable
from gateway.sql import identifier, literal
from gateway.whitespace import INVISIBLE

PIECE_BYTES = 32 << 20
"""Texts of a batch that is made; what stands beside the items of a row stands in each of its rows."""

ITEMS_AT_ONCE = 1_000_000
"""Items of lists that are taken apart at once: each needs many times the memory of its bytes."""


@dataclass(frozen=True, slots=True)
class _Items:
    """The items of a batch's rows, row by row; a row without any has one that is blank.

    rows     of each item, the place of its row
    cells    columns that are made
    numbers  of each item, as text; "" for a blank one
    places   what follows the row's position; "" for a blank one
    """

    rows: npt.NDArray[np.int64]
    cells: dict[str, pa.Array]
    numbers: pa.Array
    places: pa.Array


class Repeated(Wrapped):
    """The rows of a table with a row for each item of its rows; `received` counts these.

    The columns that are repeated are replaced by those that are made of them.
    """

    def __init__(self, rows: Reading, repeat: Repeat, request: ReadRequest, wanted: Sequence[str]) -> None:
        super().__init__(rows)
        self.repeat, self.request = repeat, request
        self.received, self.faults = 0, []
        self._made_bytes = 0
        self.groups: dict[str, dict[str, str]] = {}
        for column in rows.columns:
            if found := repeat.numbered(column):
                self.groups.setdefault(found[1], {})[found[0]] = column
        self.groups = {number: self.groups[number] for number in sorted(self.groups, key=repeat.rank)}
        made = [name for columns in self.groups.values() for name in columns]
        if repeat.cell in rows.columns:
            made += repeat.part_columns
        made += [name for name in (*COUNTERS, *repeat.into[:1]) if name in wanted]
        kept = [c for c in rows.columns if not repeat.numbered(c) and (c != repeat.cell or c in wanted)]
        self._refuse_taken(kept)
        self.columns = tuple(dict.fromkeys([*kept, *made]))
        self.numbers = tuple(self.groups)

    def _refuse_taken(self, kept: Sequence[str]) -> None:
        """Raises FileError where the file has a column of a name that is made: its values would be lost."""
        for name in {*self.repeat.into} & {*kept}:
            raise FileError(
                self.request.name,
                f'it has a column "{name}", and [file] repeat of its mapping makes one of that name',
                "Choose another name in `into`, and in the fields that read it.",
            )

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        given = ordinal = 0
        for whole in self.rows:
            given += whole.num_rows
            listed = self.repeat.cell in whole.schema.names
            for batch in self._pieces(whole) if listed else (whole,):
                items = self._listed(batch) if listed else self._numbered(batch)
                self.count(len(items.rows))
                yield from self._batches(batch, items, ordinal)
                ordinal += len(items.rows)
        self.received += self.rows.received - given
        self.faults = self.rows.faults

    def _pieces(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        """The batch in pieces of few items. Raises FileError at a cell with more items than the settings allow."""
        texts = pc.fill_null(batch.column(self.repeat.cell), "")
        counts = pc.count_substring(texts, self.repeat.separator).to_numpy(zero_copy_only=False).astype(np.int64) + 1
        most = self.request.limits.items_per_cell_max
        if (counts > most).any():
            first = int(np.argmax(counts > most))
            raise FileError(
                self.request.name,
                f"its list in {self.repeat.cell} has {counts[first]} items, blank ones included: "
                f"more than limits.items_per_cell_max ({most})",
                "Look at the cell. Split the list over several rows, or raise `items_per_cell_max` under [limits].",
                str(batch.column(POSITION)[first].as_py()),
            )
        pieces = np.cumsum(counts) // ITEMS_AT_ONCE
        for start, end in pairwise([0, *(np.flatnonzero(np.diff(pieces)) + 1).tolist(), batch.num_rows]):
            yield batch.slice(start, end - start)

    def _batches(self, batch: pa.RecordBatch, items: _Items, ordinal: int) -> Iterator[pa.RecordBatch]:
        within = np.arange(len(items.rows)) - np.searchsorted(items.rows, items.rows) + 1
        made = {ITEM: pc.cast(pa.array(within), pa.utf8()), **items.cells}
        made |= dict.fromkeys((NUMBER, *self.repeat.into[:1]), items.numbers)
        for start, end in pairwise(_cuts(batch, items.rows)):
            rows = pa.array(items.rows[start:end])
            places = items.places.slice(start, end - start)
            position = pc.binary_join_element_wise(batch.column(POSITION).take(rows), places, "")
            head = [pa.array(np.arange(ordinal + start, ordinal + end)), position, batch.column(UNIT).take(rows)]
            cells = [
                made[name].slice(start, end - start) if name in made else batch.column(name).take(rows)
                for name in self.columns
            ]
            yield self._bounded(pa.RecordBatch.from_arrays([*head, *cells], schema=self.schema))

    def _bounded(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The batch. Raises FileError once the rows that were made are larger than a file may be."""
        self._made_bytes += batch.nbytes
        most = self.request.limits.file_bytes_max
        if self._made_bytes > most:
            raise FileError(
                self.request.name,
                (
                    f"its items make rows of more than {most} bytes (limits.file_bytes_max): each has all that stands "
                    f"beside it"
                ),
                "Split the file, or raise `file_bytes_max` under [limits].",
                str(batch.column(POSITION)[0].as_py()),
            )
        return batch

    def _numbered(self, batch: pa.RecordBatch) -> _Items:
        """A group of columns is an item where one of them is filled, or where blanks are asked for."""
        size = batch.num_rows
        masks = [
            np.logical_or.reduce([self.repeat.blanks | filled(batch.column(column)) for column in columns.values()])
            for columns in self.groups.values()
        ]
        none = ~np.logical_or.reduce(masks) if masks else np.ones(size, bool)
        rows, groups = np.nonzero(np.array([*masks, none]).T)
        places = pa.array(groups * size + rows)
        blank, absent = pa.array([""] * size, pa.utf8()), pa.nulls(size, pa.utf8())
        cells = {}
        for name in dict.fromkeys(name for columns in self.groups.values() for name in columns):
            parts = [batch.column(c[name]) if name in c else absent for c in self.groups.values()]
            cells[name] = pa.concat_arrays([*parts, blank]).take(places)
        labels = [self.repeat.place(self.headings.get(number, number)) for number in self.groups]
        chosen = pa.array(groups)
        return _Items(
            rows, cells, pa.array([*self.groups, ""], pa.utf8()).take(chosen), pa.array([*labels, ""]).take(chosen)
        )

    def _listed(self, batch: pa.RecordBatch) -> _Items:
        """A list has an item wherever something stands between separators."""
        texts = pc.fill_null(batch.column(self.repeat.cell), "")
        wrong = pc.starts_with(texts, UNREADABLE)
        lists = pc.split_pattern(pc.if_else(wrong, "", texts), self.repeat.separator)
        parents = pc.list_parent_indices(lists).to_numpy(zero_copy_only=False)
        split = pc.utf8_trim(pc.list_flatten(lists), characters=INVISIBLE)
        there = filled(split)
        parents, split = parents[there], split.filter(pa.array(there))
        blank = np.setdiff1d(np.arange(batch.num_rows), parents)
        order = pa.array(np.argsort(np.concatenate([parents, blank]), kind="stable"))
        # The text of a cell without a value stands for all parts: what is wrong with it is reported there.
        rest = pc.if_else(wrong, texts, "").take(pa.array(blank))
        number = np.arange(len(parents)) - np.searchsorted(parents, parents) + 1
        numbers = pc.cast(pa.array(number), pa.utf8())
        places = pc.binary_join_element_wise(f", {self.repeat.cell} ", numbers, "")
        none = pa.array([""] * len(blank), pa.utf8())
        return _Items(
            np.sort(np.concatenate([parents, blank]), kind="stable"),
            {name: pa.concat_arrays([part, rest]).take(order) for name, part in self._parts(split).items()},
            pa.concat_arrays([numbers, none]).take(order),
            pa.concat_arrays([places, none]).take(order),
        )

    def _parts(self, split: pa.Array) -> dict[str, pa.Array]:
        """The parts of items; an item that does not fit the pattern has no value in any of them."""
        found = pc.extract_regex(split, f"(?s)^(?:{self.repeat.parts})$")
        misfits = pc.is_null(found)
        fix = "Write it as the other items are written, or let `parts` of [file] repeat in the mapping fit it too."
        said = pa.array(
            [
                unreadable(f'the item "{text}" of the list does not fit the pattern of its parts', fix, text)
                for text in split.filter(misfits).to_pylist()
            ],
            pa.utf8(),
        )
        return {
            column: pc.replace_with_mask(pc.struct_field(found, part), misfits, said)
            for column, part in self.repeat.part_columns.items()
        }


def name_numbers(work: Work, table: str, repeat: Repeat, files: Mapping[int, Reading]) -> None:
    """Call numbered columns in faults as the file does: that of the row's number, where it has no item the first."""
    if repeat.into:
        _name_cells(work, table, repeat, files)
        return
    found = work.con.execute(
        f"select distinct _file from {identifier(table)} where contains(column_name, '{NUMBER}')"
    ).fetchall()
    for (file,) in found:
        columns = [name for name in files[file].columns if name != NUMBER and NUMBER in name] if file in files else []
        first = next(iter(files[file].numbers), NUMBER) if columns else NUMBER
        number = f"coalesce(nullif(regexp_extract(position, {literal(repeat.place_pattern)}, 1), ''), {literal(first)})"
        for column in columns:
            real = f"replace({literal(column)}, '{NUMBER}', {number})"
            texts = ("column_name", "message", "source_row")
            named = ", ".join(f"{text} = replace({text}, {literal(column)}, {real})" for text in texts)
            work.con.execute(f"update {identifier(table)} set {named} where _file = {file}")


def _name_cells(work: Work, table: str, repeat: Repeat, files: Mapping[int, Reading]) -> None:
    """Call the column with the cells as the file calls that of the row: where it has none, the first."""
    made = repeat.into[1]
    for file, rows in files.items():
        names = [rows.headings.get(column, column) for column in repeat.columns]
        pattern = f", ({'|'.join(map(re.escape, names))})$"
        real = f"coalesce(nullif(regexp_extract(position, {literal(pattern)}, 1), ''), {literal(names[0])})"
        work.con.execute(
            f"""update {identifier(table)} set column_name = {real},
                    message = case when starts_with(message, {literal(f"{made}: ")})
                        then {real} || substr(message, {len(made) + 1}) else message end,
                    hint = replace(hint, {literal(f"Fill in {made} and")}, 'Fill in ' || {real} || ' and')
                where _file = {file} and column_name = {literal(made)}"""
        )


def _cuts(batch: pa.RecordBatch, rows: npt.NDArray[np.int64]) -> list[int]:
    """Where to cut the rows that are made, so that no batch has many more bytes than it should."""
    sizes = np.zeros(batch.num_rows, np.int64)
    for name in batch.schema.names:
        if name not in (ORDINAL, UNIT):
            sizes += pc.fill_null(pc.binary_length(batch.column(name)), 0).to_numpy(zero_copy_only=False)
    pieces = np.cumsum(sizes[rows]) // PIECE_BYTES
    return [0, *(np.flatnonzero(np.diff(pieces)) + 1).tolist(), len(rows)]
