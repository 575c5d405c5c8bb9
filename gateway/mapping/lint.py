"""What the shape of a mapping cannot say: do the names exist, can the expressions be read, is anything missing."""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable, Collection, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from gateway.mapping import values
from gateway.mapping.expressions import ExpressionError, compile_scalar, names
from gateway.mapping.load import Loaded, MappingFault
from gateway.mapping.spec import FieldSpec, RecordSpec
from gateway.model import MAPPABLE

OptionsCheck = Callable[[str, Mapping[str, Any]], str]
STRUCTURED = ("x12", "xml")


def check(loaded: Loaded, lookups: Collection[str], options_check: OptionsCheck | None = None) -> list[MappingFault]:
    """Every fault of a mapping that could be read.

    options_check(format, options) gives "" or what is wrong with the format's own options.
    """
    return list(_Checker(loaded, lookups).run(options_check))


class _Checker:
    def __init__(self, loaded: Loaded, lookups: Collection[str]) -> None:
        self.loaded, self.mapping, self.lookups = loaded, loaded.mapping, lookups

    def fault(self, path: tuple[Any, ...], message: str, mend: str) -> MappingFault:
        return MappingFault(self.loaded.name, self.loaded.lines.of(*path), message, mend)

    def run(self, options_check: OptionsCheck | None) -> Iterator[MappingFault]:
        file = self.mapping.file
        if options_check is not None:
            wrong = options_check(file.format, file.options)
            if wrong:
                yield self.fault(("file",), wrong, "see the format's options in docs/mapping.md")
        for number, rule in enumerate(file.ignore):
            yield from self.expression(("file", "ignore", number), rule.when, ())
        for index, record in enumerate(self.mapping.record):
            yield from self.record(index, record)
        yield from self.tie_outs()
        if self.mapping.expect is not None:
            yield from self.zone(("expect", "timezone"), self.mapping.expect.timezone)

    def record(self, index: int, record: RecordSpec) -> Iterator[MappingFault]:
        path = ("record", index)
        table = MAPPABLE.get(record.type)
        if table is None:
            near = get_close_matches(record.type, MAPPABLE, n=1)
            mend = f'did you mean "{near[0]}"?' if near else f"use one of {', '.join(MAPPABLE)}"
            yield self.fault((*path, "type"), f'there is no table "{record.type}"', mend)
            return
        if self.mapping.file.format in STRUCTURED and not record.each:
            yield self.fault(path, "`each` is missing: it says what a row is", 'e.g. each = "LX/W12" or "//Ntry"')
        for name, field in record.fields.items():
            yield from self.field(index, record, name, field)
        for column in table.columns:
            if column.required and column.name not in record.fields:
                yield self.fault((*path, "fields"), f"{record.type} needs the field `{column.name}`", "add it")
        if record.when:
            yield from self.expression((*path, "when"), record.when, record.fields)
        if not record.key:
            yield self.fault((*path, "key"), "the key is empty", "name what makes the event unique")

    def field(self, index: int, record: RecordSpec, name: str, field: FieldSpec) -> Iterator[MappingFault]:
        path = ("record", index, "fields", name)
        table = MAPPABLE[record.type]
        column = table.column(name)
        if column is None and not name.startswith("_"):
            near = get_close_matches(name, [c.name for c in table.columns], n=1)
            hint = f'did you mean "{near[0]}"? Rename the key' if near else "rename the key"
            yield self.fault(
                path, f'table {record.type} has no field "{name}"', f'{hint}, or begin it with "_" if it is a helper'
            )
        if field.expr is not None:
            yield from self.expression(path, field.expr, record.fields)
        if field.lookup is not None and field.lookup not in self.lookups:
            near = get_close_matches(field.lookup, list(self.lookups), n=1)
            mend = f'did you mean "{near[0]}"?' if near else f"add mappings/lookups/{field.lookup}.csv"
            yield self.fault(path, f'there is no lookup "{field.lookup}"', mend)
        for form in field.formats:
            if form != "iso":
                try:
                    values.shape(form)
                except ValueError as error:
                    yield self.fault(path, f'format "{form}": {error}', "mend the format")
        if field.timezone is not None:
            yield from self.zone(path, field.timezone)
        if field.packs_of is not None:
            other = record.fields.get(field.packs_of)
            if other is None or other.alias is None:
                yield self.fault(
                    path, f'packs_of = "{field.packs_of}" names no field with an alias', "name the sku field"
                )
        if (
            column is not None
            and column.values
            and isinstance(field.constant, str)
            and field.constant not in column.values
        ):
            yield self.fault(
                path, f'"{field.constant}" is not allowed for {name}', f"use one of {', '.join(column.values)}"
            )
        for code in (field.map or {}).values():
            if column is not None and column.values and code not in column.values:
                yield self.fault(
                    path, f'map gives "{code}", which {name} may not be', f"use one of {', '.join(column.values)}"
                )

    def expression(self, path: tuple[Any, ...], text: str, fields: Collection[str]) -> Iterator[MappingFault]:
        try:
            compile_scalar(text, fields, (), field_sql=values.name, column_sql=values.name)
        except ExpressionError as error:
            yield self.fault(path, error.message, error.mend)

    def tie_outs(self) -> Iterator[MappingFault]:
        for number, tie in enumerate(self.mapping.file.tie_out):
            wanted = tie.record or self.mapping.record[0].type
            record = next((r for r in self.mapping.record if r.type == wanted), None)
            path = ("file", "tie_out", number)
            if record is None:
                yield self.fault(path, f'tie-out over "{wanted}": no record of that type', "name a [[record]] type")
                continue
            for name in tie.by:
                if name not in record.fields:
                    yield self.fault(path, f'tie-out by "{name}": no such field', "name a field of the record")
            try:
                compile_scalar(
                    tie.equals, record.fields, (), field_sql=values.name, column_sql=values.name, aggregates=True
                )
                if tie.sum is not None:
                    names(tie.sum)
            except ExpressionError as error:
                yield self.fault(path, f"tie-out: {error.message}", error.mend)

    def zone(self, path: tuple[Any, ...], zone: str) -> Iterator[MappingFault]:
        known = zoneinfo.available_timezones()
        if zone not in known:
            near = get_close_matches(zone, known, n=1)
            yield self.fault(
                path, f'"{zone}" is no time zone', f'did you mean "{near[0]}"?' if near else "e.g. Europe/Berlin"
            )
