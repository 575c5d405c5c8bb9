"""How good drafts are: each sample of a pack is drafted with that pack taken away, and compared with the pack.

`python -m tests.suggest.measure` prints a line for each sample and the sums. A field counts where the pack takes it
from a column that the sample has values in; fields that the pack takes from the same column count once. It is right
where the draft has the same table, and takes the field from such a column. What the draft calls sure is wrong
where the pack does not take the field of the draft's table from that column.
"""

from __future__ import annotations

import re
import shutil
import tempfile
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway import formats, suggest
from gateway.mapping.apply import drift
from gateway.mapping.language.expressions import names
from gateway.mapping.language.loaded import Loaded
from gateway.mapping.language.repeat import Repeat
from gateway.mapping.language.spec import FieldSpec, RecordSpec
from gateway.mapping.library.samples import samples
from gateway.model import MAPPABLE
from gateway.reading import ReadRequest
from gateway.settings import Limits
from gateway.suggest.draft import Draft
from gateway.suggest.vocabulary import direct

TABLES, DOCUMENTS = ("delimited", "workbook"), ("xml", "json")
ROOT = Path(__file__).parents[2] / "mappings"


@dataclass(frozen=True)
class Measured:
    """A draft compared with the pack of its sample."""

    pack: str
    sample: str
    format: str
    table: str
    same_table: bool
    fields: int
    right: int
    sure: int
    wrong: tuple[str, ...]

    def __str__(self) -> str:
        table = self.table if self.same_table else f"{self.table} (not the pack's)"
        wrong = f", wrong: {', '.join(self.wrong)}" if self.wrong else ""
        return f"{self.pack}, {self.sample}: {table}, {self.right} of {self.fields} right, {self.sure} sure{wrong}"


def measured(formats: tuple[str, ...], folder: Path) -> Iterator[Measured]:
    """Every sample of the packs of these formats, under a name that says nothing; `folder` is for copies."""
    packs = suggest.packs_of(ROOT)
    for name, pack in packs.items():
        if pack.mapping.file.format in formats:
            others = {other: loaded for other, loaded in packs.items() if other != name}
            for sample in samples(pack.path):
                copy = Path(shutil.copy(sample, folder / f"data{sample.suffix}"))
                [draft] = suggest.drafts([copy], others, "somebody")
                yield compared(draft, name, pack, sample, others)


def compared(draft: Draft, name: str, pack: Loaded, sample: Path, others: Mapping[str, Loaded]) -> Measured:
    """The draft of a sample beside the pack that reads it."""
    based_on = others[draft.based_on].mapping.record if draft.based_on else ()
    written = tomllib.loads(suggest.text(draft))
    drafted = based_on or [RecordSpec.model_validate(one) for one in written["record"]]
    repeat = Repeat.model_validate(written["file"].get("repeat", {"columns": "{n}"}))
    table = drafted[0].type
    theirs = [one for one in pack.mapping.record if one.type == table]
    present = with_values(sample, pack)
    wanted = _by_columns(theirs or pack.mapping.record[:1], present)
    allowed = {
        (field, column) for one in theirs for field in one.fields for column in columns_of(one, field, every=True)
    }
    given = {
        (field, column)
        for one in drafted
        if one.type == table
        for field, columns in fields_of(one)
        for column in (repeat.columns if columns <= {*repeat.into} else columns)
    }
    right = sum(
        any((field, column) in given & allowed for field in fields for column in columns)
        for columns, fields in wanted.items()
    )
    sure = sure_of(draft, drafted[0])
    wrong = tuple(f"{field} = {column}" for field, column in sure if (field, column) not in allowed)
    return Measured(
        name, sample.name, pack.mapping.file.format, table, bool(theirs), len(wanted), right, len(sure), wrong
    )


def sure_of(draft: Draft, record: RecordSpec) -> list[tuple[str, str]]:
    """(field, column) of what a draft calls sure in its first record."""
    lines = draft.records[0].fields if draft.records else []
    return [
        (line.key, column)
        for line in lines
        if line.certainty == "sure" and not line.key.startswith("_")
        for column in columns_of(record, line.key)
    ]


def _by_columns(records: Sequence[RecordSpec], present: set[str]) -> dict[frozenset[str], set[str]]:
    """Columns with values → the fields that a pack takes from them."""
    columns_by_field: dict[str, set[str]] = {}
    for record in records:
        for field, columns in fields_of(record):
            columns_by_field.setdefault(field, set()).update(columns & present)
    found: dict[frozenset[str], set[str]] = {}
    for field, columns in columns_by_field.items():
        if columns:
            found.setdefault(frozenset(columns), set()).add(field)
    return found


def with_values(sample: Path, pack: Loaded) -> set[str]:
    """The columns of a sample that hold values, of those that the pack reads; of alternatives each by itself."""
    mapping, found = pack.mapping, set[str]()
    for each in dict.fromkeys(record.each for record in mapping.record):
        records = [record for record in mapping.record if record.each == each]
        columns = tuple(drift.source_columns(mapping, records))
        request = ReadRequest(sample, sample.name, Limits(), mapping.file.options, each, columns)
        for batch in formats.named(mapping.file.format).read(request):
            found |= {name for name in columns if name in batch.schema.names and any(batch.column(name).to_pylist())}
    return {part for column in found for part in alternatives(column)}


def alternatives(column: str) -> set[str]:
    """A column, and of a path that has alternatives or conditions each path without them."""
    return {column, *re.sub(r"\[[^]]*]", "", column).split("|")}


def fields_of(record: RecordSpec) -> Iterator[tuple[str, set[str]]]:
    """(field, columns) of the fields that take the value of a column, also by helpers that are numbers."""
    for field, spec in record.fields.items():
        column = MAPPABLE[record.type].column(field)
        worked_out = spec.expr is not None and not (column and column.type.startswith("DECIMAL"))
        if column is not None and not worked_out and (columns := columns_of(record, field)):
            yield field, columns


def columns_of(record: RecordSpec, field: str, *, every: bool = False) -> set[str]:
    """The columns behind a field; `every`: also those that conditions in its expression name."""
    return _columns(record.fields[field], record.fields, every, 3)


def _columns(spec: FieldSpec, fields: Mapping[str, FieldSpec], every: bool, depth: int) -> set[str]:
    found = {*direct(spec), *(column for column in (spec.credit, spec.debit) if column)}
    found = {part for column in found for part in alternatives(column)}
    if spec.expr is not None and depth:
        bare, quoted = names(spec.expr)
        found |= quoted if every else set()
        for name in bare & set(fields):
            if every or (name.startswith("_") and fields[name].type in ("decimal", "rate")):
                found |= _columns(fields[name], fields, every, depth - 1)
    return found


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        found = list(measured(("delimited", "workbook"), Path(name)))
    print(*found, sep="\n")
    fields, right, sure = (sum(getattr(one, name) for one in found) for name in ("fields", "right", "sure"))
    wrong, tables = sum(len(one.wrong) for one in found), sum(one.same_table for one in found)
    print(
        f"{right} of {fields} fields right ({right / fields:.0%}); {sure} marked sure, {wrong} of them wrong;", end=" "
    )
    print(f"{tables} of {len(found)} tables")
