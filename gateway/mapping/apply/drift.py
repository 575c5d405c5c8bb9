"""The source columns that a mapping names, and files whose columns are not those."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pyarrow as pa

from gateway.errors import Fault
from gateway.formats import above, sections
from gateway.mapping.apply import faults, missing_columns, tie_out
from gateway.mapping.apply.mapped import nowhere
from gateway.mapping.apply.trim import filled
from gateway.mapping.language import named_columns
from gateway.mapping.language.code_patterns import fits
from gateway.mapping.language.expressions import names
from gateway.mapping.language.spec import Mapping, RecordSpec
from gateway.model import MAPPABLE
from gateway.reading import POSITION, Reading, Wrapped, cell_parts


def source_columns(mapping: Mapping, records: Sequence[RecordSpec]) -> list[str]:
    """Every source column that these records (over one kind of row), the ignore rules and the tie-outs name."""
    found: dict[str, None] = {}
    for record in records:
        found |= dict.fromkeys(named_columns.record_columns(record))
    for rule in mapping.file.ignore:
        found |= dict.fromkeys(sorted(names(rule.when)[1]))
    for tie in mapping.file.tie_out:
        if tie_out.runs_over(mapping, tie, records):
            found |= dict.fromkeys(tie_out.columns(tie))
    return list(found)


def check(
    mapping: Mapping,
    rows: Reading,
    wanted: Sequence[str],
    records: Sequence[RecordSpec],
    place: Callable[..., str] = nowhere,
) -> list[Fault]:
    """Columns that are needed and not there, or there and not known; `place` as in Context."""
    if mapping.file.drift == "ignore":
        return []
    repeat = mapping.file.repeat
    made = repeat.into if repeat is not None else ()
    columns = [*(column for column in rows.columns if column not in made), *(rows.numbers if made else ())]
    present = [rows.headings.get(column, column) for column in columns]
    missing = [*lacking(records, set(rows.columns)), *unlisted(mapping, rows)]
    none_there = len(missing) >= len(list(lacking(records, set())))
    found = [missing_columns.fault(mapping, missing, present, place, none_there=none_there)] if missing else []
    if mapping.file.drift == "hold":
        new = unknown(mapping, rows.columns, wanted, records[0].each)
        found += [faults.unknown_column(column) for column in new]
    return found


def unknown(mapping: Mapping, columns: Sequence[str], wanted: Sequence[str], each: str | None = None) -> list[str]:
    """The columns of a file that its mapping names nowhere: neither in a field nor in `known` or `columns`.

    What records of other sections read of their own rows is known too.
    """
    listed = mapping.file.options.get("columns", ())
    known = {*wanted, *mapping.file.known, *(one["name"] if isinstance(one, dict) else one for one in listed)}
    known |= sections.listed(mapping.file.options, each)
    for record in mapping.record if mapping.file.options.get("section") else ():
        own = {column if "/" in column else f"{record.each}/{column}" for column in source_columns(mapping, [record])}
        known |= {column.removeprefix(f"{each}/") for column in own}
    patterns = [name.casefold() for name in mapping.file.known]
    return [
        column
        for column in columns
        if column not in known
        and not above.is_above(column)
        and not any(fits(name, column.casefold()) if "*" in name else name == column.casefold() for name in patterns)
    ]


def watched(mapping: Mapping, rows: Reading, wanted: Sequence[str], each: str | None = None) -> Reading:
    """The rows, with a fault for each column that holds values and that the mapping does not know."""
    columns = unknown(mapping, rows.columns, wanted, each) if mapping.file.drift == "hold-missing" else []
    return _Watched(rows, columns) if columns else rows


class _Watched(Wrapped):
    """A reading that counts the values of some columns while it is read."""

    def __init__(self, rows: Reading, unknown: Sequence[str]) -> None:
        super().__init__(rows)
        self.unknown = unknown

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        counts = dict.fromkeys(self.unknown, 0)
        first: dict[str, tuple[str, str]] = {}
        for batch in self.rows:
            for column in self.unknown:
                texts = batch.column(column)
                there = filled(texts)
                counts[column] += int(there.sum())
                if counts[column] and column not in first:
                    place = int(np.flatnonzero(there)[0])
                    first[column] = (batch.column(POSITION)[place].as_py(), cell_parts(texts[place].as_py())[2])
            yield batch
        self.received = self.rows.received
        found = [faults.column_with_values(name, counts[name], *first[name]) for name in first]
        self.faults = [*self.rows.faults, *found]


def lacking(records: Sequence[RecordSpec], present: set[str]) -> list[str]:
    """The source columns that these records need and that are not there."""
    needed = dict.fromkeys(column for record in records for column in _needed(record, present))
    return [column for column in needed if column not in present]


def unlisted(mapping: Mapping, rows: Reading) -> list[str]:
    """The columns that `repeat` lists one by one and that are not there: what they hold would be lost unseen."""
    return [] if mapping.file.repeat is None else mapping.file.repeat.lacking(rows.numbers)


def _needed(record: RecordSpec, present: set[str]) -> Iterator[str]:
    """Source columns without which the record would be made wrongly: those of required fields, of amounts'
    signs, of the key and of the condition."""
    table = MAPPABLE[record.type]
    for name, field in record.fields.items():
        yield from field.within or ()
        column = table.column(name)
        required = field.required if field.required is not None else bool(column and column.required)
        if required and field.default is None:
            alternatives = () if named_columns.named_helpers(field, record.fields) else named_columns.sources(field)
            rest = [c for c in named_columns.read_columns(field, record.fields) if c not in alternatives]
            if alternatives and not present & set(alternatives):
                yield alternatives[0]
            yield from rest
        elif field.sign is not None and not isinstance(field.sign, str):
            yield field.sign.source
    yield from (key for key in record.key if key not in record.fields)
    # What only a condition of the document names may be absent: the version then says nothing of other lines.
    if record.when:
        yield from sorted(names(record.when)[1])
