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
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from gateway import formats, suggest
from gateway.errors import HouseError
from gateway.formats.header import folded
from gateway.mapping.apply import drift
from gateway.mapping.language.expressions import names
from gateway.mapping.language.loaded import Loaded
from gateway.mapping.language.repeat import Repeat
from gateway.mapping.language.spec import FieldSpec, RecordSpec
from gateway.mapping.library.samples import samples
from gateway.model import MAPPABLE
from gateway.reading import ReadRequest
from gateway.settings import Limits
from gateway.suggest import trees
from gateway.suggest.assign import OWN_FORMS
from gateway.suggest.draft import Draft
from gateway.suggest.vocabulary import direct

TABLES, DOCUMENTS = ("delimited", "workbook"), ("xml", "json")
Places = Callable[[str, str], set[str]]
"""(path of a row, column) → what the column is in the file, from wherever it is named."""
ROOT = Path(__file__).parents[2] / "mappings"


@cache
def shipped() -> dict[str, Loaded]:
    """The packs that ship, read once."""
    return suggest.packs_of(ROOT)


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
    """Every sample of the packs of these formats, under a name that says nothing; `folder` is for copies.

    Without the forms of our own people: by its columns alone a balance of an account may be a bank's.
    """
    packs = shipped()
    for name, pack in packs.items():
        if pack.mapping.file.format in formats and not {one.type for one in pack.mapping.record} & OWN_FORMS.keys():
            others = {other: loaded for other, loaded in packs.items() if other != name}
            for sample in samples(pack.path):
                copy = Path(shutil.copy(sample, folder / f"data{sample.suffix}"))
                [draft] = suggest.drafts([copy], others, "somebody")
                yield compared(draft, name, pack, sample, others)


def of_documents(folder: Path, *, named: bool = False) -> Iterator[Measured]:
    """Every sample of the packs of documents, with all packs away that read documents of its root.

    named  the table is named, as a person does with `--table`
    """
    packs = shipped()
    for name, pack in packs.items():
        if pack.mapping.file.format not in DOCUMENTS:
            continue
        others = {other: loaded for other, loaded in packs.items() if other != name and not _same_root(loaded, pack)}
        table = pack.mapping.record[0].type if named else None
        for sample in samples(pack.path):
            copy = Path(shutil.copy(sample, folder / f"data{sample.suffix}"))
            try:
                [draft] = suggest.drafts([copy], others, "somebody", table)
            except HouseError:  # It fits no table.
                draft = Draft("somebody.data", "somebody")
            yield compared(draft, name, pack, sample, others)


def _same_root(one: Loaded, other: Loaded) -> bool:
    return bool({*one.mapping.file.options.get("root", ())} & {*other.mapping.file.options.get("root", ())})


def places_in(sample: Path, format_: str) -> Places:
    """(path of a row, column) → the paths of a document's elements that the column names, from its root."""
    if format_ not in DOCUMENTS:
        return lambda each, column: {column}
    root = trees.document(sample, format_)
    every = [path for path, _ in trees.walk(root, (root.tag,) if root.tag else ())]

    def found(each: str, column: str) -> set[str]:
        places = set()
        for one in re.sub(r"\[[^]]*]", "", each).split("|"):
            names = tuple(filter(None, one.split("/")))
            rows = {path for path in every if (path[-len(names) :] == names if one.startswith("//") else path == names)}
            rows |= {(root.tag,)} if names in ((), (root.tag,)) else set()
            for row in rows:
                inner = [name for name in column.split("/") if name not in ("..", ".")]
                up = column.split("/").count("..")
                places.add("/".join([*row[: len(row) - up], *inner]))
        return places

    return found


def compared(draft: Draft, name: str, pack: Loaded, sample: Path, others: Mapping[str, Loaded]) -> Measured:
    """The draft of a sample beside the pack that reads it."""
    based_on = others[draft.based_on].mapping.record if draft.based_on else ()
    written = tomllib.loads(suggest.text(draft))
    drafted = based_on or [RecordSpec.model_validate(one) for one in written.get("record", ())]
    repeat = Repeat.model_validate(written.get("file", {}).get("repeat", {"columns": "{n}"}))
    table = drafted[0].type if drafted else ""
    theirs = [one for one in pack.mapping.record if one.type == table]
    places = places_in(sample, pack.mapping.file.format)
    also = pack.mapping.file.options.get("other_names", {}).items()
    same = {
        folded(other): column for column, others in also for other in ([others] if isinstance(others, str) else others)
    }

    def named(column: str) -> str:
        return same.get(folded(column), column)

    present = with_values(sample, pack)
    wanted = _by_places(theirs or pack.mapping.record[:1], present, places)
    allowed = {
        (field, place)
        for one in theirs
        for field in one.fields
        for column in columns_of(one, field, every=True)
        for place in places(one.each or "", column)
    }
    given = {
        (field, place)
        for one in drafted
        if one.type == table
        for field, columns in fields_of(one)
        for column in (repeat.columns if columns <= {*repeat.into} else columns)
        for place in places(one.each or "", named(column))
    }
    right = sum(
        any((field, place) in given & allowed for field in fields for place in found)
        for found, fields in wanted.items()
    )
    sure = sure_of(draft, drafted[0]) if drafted else []
    wrong = tuple(
        f"{field} = {column}"
        for field, column in sure
        if not {(field, place) for place in places(drafted[0].each or "", named(column))} & allowed
    )
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


def _by_places(records: Sequence[RecordSpec], present: set[str], places: Places) -> dict[frozenset[str], set[str]]:
    """Places with values → the fields that a pack takes from them."""
    of_field: dict[str, set[str]] = {}
    for record in records:
        for field, columns in fields_of(record):
            for column in columns & present:
                of_field.setdefault(field, set()).update(places(record.each or "", column))
    found: dict[frozenset[str], set[str]] = {}
    for field, those in of_field.items():
        if those:
            found.setdefault(frozenset(those), set()).add(field)
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


def summary(found: Sequence[Measured]) -> str:
    """The sums."""
    fields, right, sure = (sum(getattr(one, name) for one in found) for name in ("fields", "right", "sure"))
    wrong, tables = sum(len(one.wrong) for one in found), sum(one.same_table for one in found)
    return (
        f"{right} of {fields} fields right ({right / fields:.0%}); {sure} marked sure, {wrong} of them wrong; "
        f"{tables} of {len(found)} tables"
    )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        of_tables = list(measured(TABLES, Path(name)))
        of_xml, with_table = (list(of_documents(Path(name), named=named)) for named in (False, True))
    print(*of_tables, *of_xml, sep="\n")
    for what, found in (
        ("tables", of_tables),
        ("documents of unknown roots", of_xml),
        ("the same, with --table", with_table),
    ):
        print(f"{what}: {summary(found)}")
