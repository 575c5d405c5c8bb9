"""What the shape of a mapping cannot say: do the names exist, can the expressions run, is anything missing."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from difflib import get_close_matches
from pathlib import PurePosixPath

import pyarrow as pa

from gateway.errors import HomeFault
from gateway.mapping.language.expressions import ExpressionError, names
from gateway.mapping.language.loaded import Loaded
from gateway.mapping.language.spec import RecordSpec
from gateway.mapping.lint import expect, other_names, repeat, slips, tie_outs
from gateway.mapping.lint import fields as lint_fields
from gateway.mapping.lint.format_check import FormatCheck, said
from gateway.mapping.lint.probe import Probe
from gateway.model import MAPPABLE
from gateway.nearest import listed, nearest
from gateway.settings import zones
from gateway.toml_faults import keys_of, spelled

FIELDS_MAX = 120

Path = tuple[str | int, ...]

SLIP = 0.8
"""So alike are a name and its misspelling; names that only share words are less so."""

FAULTLESS_MAX = 10_000
_FAULTLESS: set[tuple[object, ...]] = set()
"""Mappings that were checked without a fault: all are read again whenever one of them, or a setting, changes."""

_FIELD = re.compile(r"[a-z_][a-z0-9_]*")
"""What fields are called, and no path of an interchange."""


def check(
    loaded: Loaded,
    lookups: Mapping[str, pa.Table] | Collection[str],
    *,
    columns: Collection[str] | None = None,
    probe: Probe | None = None,
) -> list[HomeFault]:
    """Every fault of a mapping that could be read, in order of their lines.

    lookups  the crosswalks, or only their names
    columns  header of a sample of the file; without it source columns are checked as far as the format can
    probe    shared between many checks; one is made if left out
    """
    key = (loaded.name, loaded.version, _known(lookups), frozenset(columns or ()))
    if key in _FAULTLESS:
        return []
    with Probe() as own:
        faults = sorted(set(_Checker(loaded, lookups, columns, probe or own).run()))
    if not faults:
        if len(_FAULTLESS) >= FAULTLESS_MAX:
            _FAULTLESS.clear()
        _FAULTLESS.add(key)
    return faults


def _known(lookups: Mapping[str, pa.Table] | Collection[str]) -> frozenset[tuple[str, ...]]:
    """What mappings are checked against: the name and the columns of each lookup, as far as they are given."""
    if isinstance(lookups, Mapping):
        return frozenset((name, *table.column_names) for name, table in lookups.items())
    return frozenset((name,) for name in lookups)


class _Checker:
    def __init__(
        self,
        loaded: Loaded,
        lookups: Mapping[str, pa.Table] | Collection[str],
        columns: Collection[str] | None,
        probe: Probe,
    ) -> None:
        self.loaded, self.mapping, self.lookups, self.probe = loaded, loaded.mapping, lookups, probe
        self.columns = frozenset(columns) if columns else None
        self.format = FormatCheck(self.mapping)
        self.one_file = not self.format.has_units

    def fault(self, path: tuple[str | int, ...], message: str, fix: str) -> HomeFault:
        file, line = self.loaded.place(*path)
        shown = path[2:] if path[0] == "record" and len(self.mapping.record) == 1 else path
        where = f"{spelled(shown)}: " if shown else ""
        return HomeFault(file, line, where + message, fix)

    def run(self) -> Iterator[HomeFault]:
        yield from self.head()
        yield from self.file()
        for index, record in enumerate(self.mapping.record):
            yield from self.record(index, record)
        for number, tie in enumerate(self.mapping.file.tie_out):
            yield from tie_outs.check(self, ("file", "tie_out", number), tie)
        yield from self.ignore()
        if self.one_file and self.columns is None:
            yield from slips.check(self)

    # --- the file as a whole --------------------------------------------------------------------------

    def head(self) -> Iterator[HomeFault]:
        mapping, folder = self.mapping, PurePosixPath(self.loaded.name).parts[1]
        if mapping.partner != folder:
            yield self.fault(
                ("partner",),
                f'"{mapping.partner}", but the file lies in the folder {folder}',
                f'write partner = "{folder}", or move the file',
            )
        if mapping.valid_from and mapping.valid_to and mapping.valid_to < mapping.valid_from:
            yield self.fault(
                ("valid_to",),
                f"{mapping.valid_to} is before valid_from, {mapping.valid_from}, so the mapping never holds",
                f"write {mapping.valid_from} or a later day, or an earlier valid_from",
            )
        yield from expect.check(self)

    def file(self) -> Iterator[HomeFault]:
        file = self.mapping.file
        for key in file.options:
            for where, model in (("at the top, above [file]", type(self.mapping)), ("below [[record]]", RecordSpec)):
                if key in keys_of(model):
                    yield self.fault(("file", key), f"`{key}` belongs {where}", "move it there")
        for path, message, fix in self.format.file():
            yield self.fault(("file", *path), message, fix)
        if not self.format.options_fault:
            yield from other_names.check(self)
            yield from repeat.check(self)
        for number, pattern in enumerate(file.match):
            if not pattern.strip() or "/" in pattern:
                yield self.fault(
                    ("file", "match", number),
                    f'"{pattern}" matches no file name',
                    'name files without folders, e.g. "*stock*.csv"',
                )

    def ignore(self) -> Iterator[HomeFault]:
        seen: set[str] = set()
        for number, rule in enumerate(self.mapping.file.ignore):
            path = ("file", "ignore", number)
            if rule.name in seen or rule.name in ("", "when"):
                yield self.fault(
                    (*path, "name"),
                    f'"{rule.name}" cannot name this rule',
                    "give each rule a name of its own, not `when`",
                )
            seen.add(rule.name)
            yield from self.condition((*path, "when"), rule.when, self._fields_for(rule.when))
            yield from self._of_every_row((*path, "when"), rule.when)

    def _of_every_row(self, path: Path, text: str) -> Iterator[HomeFault]:
        """A fault of a rule that looks at nothing of the row: it ignores all rows, or none."""
        with suppress(ExpressionError):
            if not any(names(text)):
                yield self.fault(
                    path,
                    "names no column and no field, so it is the same for every row",
                    "compare a column, as in \"SKU\" = 'Total', or remove the rule",
                )

    def _fields_for(self, text: str) -> dict[str, str]:
        """Fields of the record that a rule of the whole file can mean."""
        try:
            used = names(text)[0]
        except ExpressionError:
            used = frozenset()
        records = [record for record in self.mapping.record if record.type in MAPPABLE]
        fitting = [record for record in records if used <= set(record.fields)] or records
        return lint_fields.types(fitting[0]) if fitting else {}

    # --- records --------------------------------------------------------------------------------------

    def record(self, index: int, record: RecordSpec) -> Iterator[HomeFault]:
        path: tuple[str | int, ...] = ("record", index)
        table = MAPPABLE.get(record.type)
        if table is None:
            yield self.fault(
                (*path, "type"),
                f'there is no table "{record.type}"{nearest(record.type, MAPPABLE)}',
                f"use one of {listed(MAPPABLE, 30)}",
            )
            return
        for key, message, fix in self.format.each(record.each):
            yield self.fault((*path, *key), message, fix)
        if len(record.fields) > FIELDS_MAX:
            yield self.fault((*path, "fields"), f"has more than {FIELDS_MAX} fields", "split the record")
        for column in table.columns:
            if column.required and column.name not in record.fields:
                yield self.fault(
                    (*path, "fields"), f'{record.type} needs "{column.name}" ({column.doc})', f"add {column.name} = …"
                )
        for name in record.fields:
            yield from lint_fields.check(self, index, record, name)
        yield from lint_fields.cycles(self, index, record)
        for keys, text in record.conditions.items():
            yield from self.condition((*path, *keys), text, lint_fields.types(record))
        yield from self.key(path, record)
        yield from self.stored(path, record, ("known_by",), record.known_by)
        if record.document is not None:
            yield from self.stored(path, record, ("document", "number"), record.document.number)

    def key(self, path: tuple[str | int, ...], record: RecordSpec) -> Iterator[HomeFault]:
        if not record.key:
            yield self.fault((*path, "key"), "is empty", "name what makes the event unique: fields or source columns")
        needed = {column.name for column in MAPPABLE[record.type].columns if column.required}
        for number, name in enumerate(record.key):
            place = (*path, "key", number)
            if name in record.key[:number]:
                yield self.fault(place, f'"{name}" is named twice', "keep one")
            elif name in needed:  # Where it is no field yet, that is a fault of its own.
                continue
            elif name not in record.fields and self.columns is not None and name not in self.columns:
                close = nearest(name, [*record.fields, *self.columns])
                yield self.fault(
                    place,
                    f'"{name}" is neither a field nor a column of the file{close}',
                    "name fields or source columns",
                )
            elif name not in record.fields and self.columns is None:
                yield from self._unknown_key(place, record, name)

    def stored(self, path: Path, record: RecordSpec, keys: Path, named: Sequence[str]) -> Iterator[HomeFault]:
        """Faults of fields that know an event or a document: they are compared with columns of the ledger."""
        columns = [name for name in record.fields if MAPPABLE[record.type].column(name) is not None]
        for number, name in enumerate(named):
            if name not in columns:
                yield self.fault(
                    (*path, *keys, number),
                    f'"{name}" is not a field of {record.type} that this record has{nearest(name, columns)}',
                    f"name fields of the record: {listed(columns, 30)}",
                )

    def _unknown_key(self, place: Path, record: RecordSpec, name: str) -> Iterator[HomeFault]:
        """A fault where a name in the key, which is no field, cannot be a source column or is a misspelled field."""
        error = self.format.path(name, [record.each])
        field = _FIELD.fullmatch(name) is not None and (error is None or self.format.has_units)
        if error is not None and not field:
            close = nearest(name, [*record.fields, *([error.near] if error.near else [])])
            yield self.fault(
                place, f'"{name}" is neither a field nor a column of the file{close}', error.hint.rstrip(".")
            )
        elif error is not None or (field and self._means_a_field(record, name)):
            fix = f"name one of {listed(record.fields, 30)}, or a source column"
            if error is None:
                fix += f'; if a column is called so, let a field read it: _{name} = "{name}"'
            yield self.fault(place, f'the record has no field "{name}"{nearest(name, record.fields)}', fix)

    def _means_a_field(self, record: RecordSpec, name: str) -> bool:
        """Whether a name in the key that could be a column is a field that was misspelled or left out."""
        if any(name in other_names.readable_columns(one) for one in self.mapping.record):
            return False
        return MAPPABLE[record.type].column(name) is not None or bool(
            get_close_matches(name, record.fields, n=1, cutoff=SLIP)
        )

    # --- expressions ----------------------------------------------------------------------------------

    def expression(
        self,
        path: tuple[str | int, ...],
        text: str,
        fields: Mapping[str, str],
        wanted: str,
        *,
        aggregates: bool = False,
        columns: str = "VARCHAR",
    ) -> Iterator[HomeFault]:
        """Faults of an expression whose result fills a column of the SQL type `wanted`."""
        kind, trouble = "", ""
        try:
            kind, trouble = self.probe.kind(text, fields, aggregates=aggregates, columns=columns)
            yield from self.source_columns(path, sorted(names(text)[1]))
        except ExpressionError as error:
            yield self.fault(path, error.message, error.fix)
            return
        if trouble and not trouble.startswith("value: "):
            yield self.fault(path, trouble, lint_fields.CAST)
        elif not lint_fields.compatible(kind, wanted):
            yield self.fault(path, f"gives {kind}, but {lint_fields.said(wanted)} is wanted", lint_fields.CAST)

    def condition(self, path: tuple[str | int, ...], text: str, fields: Mapping[str, str]) -> Iterator[HomeFault]:
        """Faults of an expression that must be true or false whatever text comes."""
        try:
            kind, trouble = self.probe.kind(text, fields)
            yield from self.source_columns(path, sorted(names(text)[1]))
        except ExpressionError as error:
            yield self.fault(path, error.message, error.fix)
            return
        if trouble:
            yield self.fault(path, trouble.removeprefix("value: "), lint_fields.CAST)
        elif kind not in ("true/false", ""):
            yield self.fault(path, f"gives {kind}, but a condition is wanted", "compare it, as in \"Type\" = 'Sale'")

    def source_columns(self, path: Path, columns: Collection[str]) -> Iterator[HomeFault]:
        """Faults of source columns that the file's header does not have, or that the format cannot read."""
        for name in columns:
            if self.columns is not None:
                if name not in self.columns:
                    yield self.fault(
                        path,
                        f'"{name}" is not a column of the file{nearest(name, self.columns)}',
                        f"the file has {listed(self.columns)}",
                    )
            elif (error := self.format.path(name, self._eaches(path))) is not None:
                yield self.fault(path, *said(error))

    def alternatives(self, path: Path, columns: Sequence[str]) -> Iterator[HomeFault]:
        """Faults of source columns of which one is enough: where none is there, or where one cannot be read."""
        found = [list(self.source_columns(path, [name])) for name in columns]
        errors = [self.format.path(name, self._eaches(path)) for name in columns]
        if all(found) and (self.columns is not None or all(error and error.what == "column" for error in errors)):
            yield from found[0]
        elif self.columns is None:
            for faults, error in zip(found, errors, strict=True):
                yield from faults if error is not None and error.what != "column" else ()

    def _eaches(self, path: Path) -> list[str | None]:
        """The kinds of row for which something at that place is read."""
        records = self.mapping.record
        if path[0] == "record":
            return [records[int(path[1])].each]
        if path[1] == "tie_out":
            tie = self.mapping.file.tie_out[int(path[2])]
            wanted = tie.stated_by if path[-1] == "equals" and tie.stated_by else tie.record or records[0].type
            records = tuple(one for one in records if one.type == wanted)
        return list(dict.fromkeys(record.each for record in records))

    def zone(self, path: tuple[str | int, ...], zone: str) -> Iterator[HomeFault]:
        """A fault if there is no such time zone."""
        if (wrong := zones.fault(zone)) is not None:
            yield self.fault(path, *wrong)
