"""Checks of one field of a mapping."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from itertools import combinations
from typing import Protocol

import pyarrow as pa

from gateway.errors import HomeFault
from gateway.mapping.compiler import dates, values
from gateway.mapping.language.code_patterns import is_pattern, meet, rank
from gateway.mapping.language.expressions import ExpressionError, names
from gateway.mapping.language.loaded import Loaded
from gateway.mapping.language.named_columns import columns_of, named_helpers
from gateway.mapping.language.spec import FieldSpec, RecordSpec, SignRule
from gateway.mapping.lint import date_formats, lookup_names
from gateway.mapping.lint.probe import compatible
from gateway.model import MAPPABLE, Column
from gateway.nearest import listed, nearest
from gateway.toml_faults import keys_of

__all__ = ["CAST", "check", "compatible", "cycles", "said", "types"]

CAST = "source columns are text: write cast(\"…\" as decimal(18,4)) for numbers, compare text with '…'"
_DATES = ("date", "datetime")
_KINDS = {
    "DECIMAL": ("decimal", "rate", "integer"),
    "BIGINT": ("integer", "decimal"),
    "DATE": _DATES,
    "TIMESTAMPTZ": _DATES,
    "BOOLEAN": ("boolean",),
    "VARCHAR": ("text", "code", "currency", "integer"),
}
"""Declared types that can fill a column of each SQL type."""
_DOCUMENTS = {
    "order_line": "order_id",
    "shipment_line": "shipment_no",
    "return_event": "order_id",
    "receipt_line": "receipt_no",
    "purchase_order_line": "po",
    "asn_line": "asn",
    "supplier_invoice_line": "invoice_no",
}
"""Tables of lines of documents, and the field with the document's number."""
ITEM = "sku"
"""The field of every table that holds an item."""
Path = tuple[str | int, ...]


class Checker(Protocol):
    """What a check of a field needs of the mapping's check."""

    loaded: Loaded
    lookups: Mapping[str, pa.Table] | Collection[str]
    one_file: bool

    def fault(self, path: Path, message: str, fix: str) -> HomeFault: ...
    def expression(self, path: Path, text: str, fields: Mapping[str, str], wanted: str) -> Iterator[HomeFault]: ...
    def source_columns(self, path: Path, columns: Collection[str]) -> Iterator[HomeFault]: ...
    def alternatives(self, path: Path, columns: Sequence[str]) -> Iterator[HomeFault]: ...
    def zone(self, path: Path, zone: str) -> Iterator[HomeFault]: ...


def said(sql_type: str) -> str:
    """What a column of the SQL type holds, for people."""
    name = sql_type.split("(", maxsplit=1)[0]
    return {
        "DECIMAL": "a number",
        "BIGINT": "a whole number",
        "DATE": "a date",
        "TIMESTAMPTZ": "a date and time",
        "BOOLEAN": "true or false",
    }.get(name, "text")


def types(record: RecordSpec) -> dict[str, str]:
    """SQL type of each field of a record of a known table."""
    table = MAPPABLE[record.type]
    return {
        name: values.sql_type(values.type_of(field, table.column(name)), table.column(name))
        for name, field in record.fields.items()
    }


def check(checker: Checker, index: int, record: RecordSpec, name: str) -> Iterator[HomeFault]:
    """Faults of one field of a record of a known table."""
    path: Path = ("record", index, "fields", name)
    field, table = record.fields[name], MAPPABLE[record.type]
    column = table.column(name)
    if column is None and not name.startswith("_"):
        known = [one.name for one in table.columns]
        fix = 'rename the key, or start it with "_" if it is only a helper'
        if name in keys_of(RecordSpec):
            fix = f"`{name}` belongs above [record.fields]"
        yield checker.fault(path, f'table {record.type} has no field "{name}"{nearest(name, known)}', fix)
    if field.alias and column is not None and name != ITEM:
        yield checker.fault(
            (*path, "alias"),
            f"gives our SKU for a partner's name of an item, and {record.type}.{name} holds none: {column.doc}",
            f"remove `alias`, or write it on {ITEM} or on a helper field that {ITEM} reads",
        )
    wanted = values.sql_type(values.type_of(field, column), column)
    yield from _type(checker, path, field, column)
    yield from _sources(checker, path, field, record, wanted)
    yield from _crosswalk(checker, path, field, record, column)
    yield from _written(checker, path, field, column, wanted)
    yield from _reading(checker, path, field, column)


def _type(checker: Checker, path: Path, field: FieldSpec, column: Column | None) -> Iterator[HomeFault]:
    if field.type is None or column is None:
        return
    fitting = _KINDS.get(column.type.split("(")[0], (field.type,))
    if field.type not in fitting:
        yield checker.fault(
            (*path, "type"),
            f"{column.name} holds {said(column.type)}, not {field.type}",
            f'leave `type` out, or write type = "{fitting[0]}"',
        )


def _sources(checker: Checker, path: Path, field: FieldSpec, record: RecordSpec, wanted: str) -> Iterator[HomeFault]:
    if isinstance(field.source, str):
        yield from checker.source_columns((*path, "from"), [field.source])
    elif field.source is not None:
        if not field.source:
            yield checker.fault((*path, "from"), "names no column", "name one, or leave the field out")
        helpers = named_helpers(field, record.fields)
        if not helpers:
            yield from checker.alternatives((*path, "from"), field.source)
        else:
            yield from _beside_helpers(checker, (*path, "from"), field.source, helpers, record)
    for key in ("fill_down", "credit", "debit"):
        if getattr(field, key) is not None:
            yield from checker.source_columns((*path, key), [getattr(field, key)])
    yield from _group(checker, path, field, record)
    if isinstance(field.sign, SignRule):
        yield from checker.source_columns((*path, "sign", "from"), [field.sign.source])
    yield from checker.source_columns((*path, "on"), [one for one in field.on if one not in _helpers(record)])
    if field.expr is not None:
        fields = {name: kind for name, kind in types(record).items() if name != path[-1]}
        yield from checker.expression((*path, "expr"), field.expr, fields, wanted)


def _helpers(record: RecordSpec) -> list[str]:
    return [name for name in record.fields if name.startswith("_")]


def _beside_helpers(
    checker: Checker, path: Path, given: Sequence[str], helpers: Sequence[str], record: RecordSpec
) -> Iterator[HomeFault]:
    """Faults of what `from` names beside helper fields, and of a helper that holds no text."""
    for name in given:
        if name not in helpers and name.startswith("_"):
            known = nearest(name, _helpers(record))
            yield checker.fault(path, f'there is no helper field "{name}"{known}', "name a helper field of the record")
        elif name in helpers and types(record)[name] != "VARCHAR":
            yield checker.fault(path, f'"{name}" holds no text, as the name of an item is', "name a helper with a text")
    yield from checker.source_columns(path, [name for name in given if not name.startswith("_")])


def _group(checker: Checker, path: Path, field: FieldSpec, record: RecordSpec) -> Iterator[HomeFault]:
    """Faults of the group of `fill_down`. In tables of lines of documents it must be named: else what one document
    leaves blank is filled with the value of the document above."""
    if field.within is not None:
        yield from checker.source_columns((*path, "within"), field.within)
        if field.fill_down in field.within:
            yield checker.fault(
                (*path, "within"), "names the column that is filled down", "name the column of the group"
            )
        return
    number, columns = record.fields.get(_DOCUMENTS.get(record.type, "")), list[str]()
    if number is not None:
        with suppress(ExpressionError):  # A fault of its own.
            columns = columns_of(number, record.fields)
    if checker.one_file and field.fill_down is not None and columns and field.fill_down not in columns:
        yield checker.fault(
            (*path, "fill_down"),
            f"reaches beyond the end of a document: a blank {field.fill_down} of one {_DOCUMENTS[record.type]} is "
            f"filled "
            "from the one above",
            f'write within = "{columns[0]}", or within = [] if it is meant for the whole file',
        )


def _crosswalk(
    checker: Checker, path: Path, field: FieldSpec, record: RecordSpec, column: Column | None
) -> Iterator[HomeFault]:
    allowed = column.values if column is not None else ()
    if field.lookup is not None:
        yield from _lookup(checker, path, field, allowed)
    yield from _map_codes(checker, (*path, "map"), field.map or {})
    for key, code in (field.map or {}).items():
        if allowed and code.casefold() not in [value.casefold() for value in allowed]:
            yield checker.fault(
                (*path, "map", key),
                f'"{code}" is not allowed{nearest(code, allowed)}',
                f"use one of {listed(allowed, 30)}",
            )
    if field.missing == "suspense" and allowed and "suspense" not in allowed:
        yield checker.fault((*path, "missing"), "this field has no value `suspense`", 'write missing = "reject"')
    if field.check is not None and (field.alias or field.map or field.lookup):
        yield checker.fault(
            (*path, "check"),
            "checks an identifier as it was sent, and this field holds another value",
            "put it on a helper field that reads the same column",
        )
    if field.check is not None and values.sql_type(values.type_of(field, column), column) != "VARCHAR":
        yield checker.fault((*path, "check"), "checks a text, and this field holds none", "leave `check` out")
    yield from _counted(checker, path, field, record)


def _counted(checker: Checker, path: Path, field: FieldSpec, record: RecordSpec) -> Iterator[HomeFault]:
    """Faults of what says how many base units one of a quantity is."""
    aliased = [name for name, one in record.fields.items() if one.alias]
    for name in field.packs_of:
        if name not in aliased:
            yield checker.fault(
                (*path, "packs_of"),
                f'"{name}" is not a field with an alias',
                f"fields with an alias: {listed(aliased)}",
            )
    units = [one for one in field.counted_in if one not in _helpers(record)]
    yield from checker.source_columns((*path, "counted_in"), units)
    if field.pack_size is not None:
        size = record.fields.get(field.pack_size)
        column = MAPPABLE[record.type].column(field.pack_size)
        if size is None or values.type_of(size, column) != "decimal":
            numbers = [name for name, one in record.fields.items() if one.type == "decimal"]
            yield checker.fault(
                (*path, "pack_size"),
                f'"{field.pack_size}" is not a field with a number',
                f"fields with a number: {listed(numbers)}",
            )


def _map_codes(checker: Checker, path: Path, table: Mapping[str, str]) -> Iterator[HomeFault]:
    """Codes of which neither is more definite, where some text fits both and they do not mean the same."""
    for (one, meaning), (code, other) in combinations(table.items(), 2):
        first, second = one.strip().lower(), code.strip().lower()
        alike = is_pattern(first) and is_pattern(second) and rank(first) == rank(second)
        if meaning != other and (first == second or (alike and meet(first, second))):
            yield checker.fault(
                (*path, code),
                f'fits texts that "{one}" fits as well, and neither is more definite',
                "write one of them with a longer beginning, or as whole texts",
            )


def _lookup(checker: Checker, path: Path, field: FieldSpec, allowed: tuple[str, ...]) -> Iterator[HomeFault]:
    name = field.lookup or ""
    if name not in checker.lookups:
        yield checker.fault((*path, "lookup"), *lookup_names.fault(checker.loaded.path, name, checker.lookups))
        return
    if not isinstance(checker.lookups, Mapping):
        return
    table = checker.lookups[name]
    codes = table.num_columns - 1
    if table.column_names[-1] in allowed:
        yield checker.fault(
            (*path, "lookup"),
            f'the lookup "{name}" has no header: its first line ends with the value "{table.column_names[-1]}"',
            "write a first line with names for the columns, such as code,value",
        )
    if len(field.on) != codes:
        yield checker.fault(
            (*path, "on"),
            f'names {len(field.on)} columns, the lookup "{name}" has {codes} code columns',
            f"name one source column for each of {', '.join(table.column_names[:-1])}",
        )
    folded = {value.casefold() for value in allowed}
    given = table.column(codes).unique().to_pylist()
    for value in [one for one in given if folded and one.casefold() not in folded][:3]:
        yield checker.fault(
            (*path, "lookup"),
            f'the lookup "{name}" gives "{value}", which is not allowed here' + nearest(value, allowed),
            f"use one of {listed(allowed, 30)}",
        )


def _written(checker: Checker, path: Path, field: FieldSpec, column: Column | None, wanted: str) -> Iterator[HomeFault]:
    """Values that the mapping itself states."""
    for key, value in (("constant", field.constant), ("default", field.default)):
        if value is None or value == "":
            continue
        text = str(value).lower() if isinstance(value, bool) else str(value)
        allowed = column.values if column is not None else ()
        if allowed and text.casefold() not in [one.casefold() for one in allowed]:
            yield checker.fault(
                (*path, key), f'"{text}" is not allowed{nearest(text, allowed)}', f"use one of {listed(allowed, 30)}"
            )
        elif not _reads(text, wanted):
            yield checker.fault(
                (*path, key), f'"{text}" is not {said(wanted)}', "write the value as the column holds it"
            )


def _reads(text: str, wanted: str) -> bool:
    kind = wanted.split("(", maxsplit=1)[0]
    try:
        if kind in ("DECIMAL", "BIGINT"):
            number = Decimal(text)
            return number.is_finite() and (kind == "DECIMAL" or number == int(number))
        if kind == "DATE":
            date.fromisoformat(text)
        elif kind == "TIMESTAMPTZ":
            datetime.fromisoformat(text)
        elif kind == "BOOLEAN":
            return text.lower() in ("true", "false", "yes", "no", "y", "n", "1", "0")
    except (ValueError, InvalidOperation):
        return False
    return True


def _reading(checker: Checker, path: Path, field: FieldSpec, column: Column | None) -> Iterator[HomeFault]:
    kind = values.type_of(field, column)
    for number, form in enumerate(field.formats):
        if form in ("iso", *dates.BY_CODE, dates.SERIAL):
            continue
        if (wrong := date_formats.fault(form)) is not None:
            yield checker.fault((*path, "formats", number), *wrong)
    if field.formats and kind not in _DATES:
        yield checker.fault(
            (*path, "formats"),
            f"formats are for dates, and this field is {kind}",
            'write type = "date" or remove `formats`',
        )
    required = field.required if field.required is not None else column is not None and column.required
    if field.unread == "field" and required:
        yield checker.fault((*path, "unread"), "a required field cannot stay empty", "remove `unread`")
    if field.timezone is not None:
        yield from checker.zone((*path, "timezone"), field.timezone)
    numeric = kind in (*values.NUMBERS, "integer")
    for key in ("scale", "sign", "packs_of", "counted_in"):
        if getattr(field, key) not in (None, ()) and not numeric:
            yield checker.fault(
                (*path, key), f"`{key}` is for numbers, and this field is {kind}", 'write type = "decimal" or remove it'
            )


def cycles(checker: Checker, index: int, record: RecordSpec) -> Iterator[HomeFault]:
    """A fault where expressions need one another."""
    needs: dict[str, set[str]] = {}
    for name, field in record.fields.items():
        try:
            needs[name] = set(record.fields) & names(field.expr)[0] if field.expr is not None else set()
            needs[name] |= set(named_helpers(field, record.fields))
        except ExpressionError:
            needs[name] = set()
    while ready := [name for name, wanted in needs.items() if not wanted & (set(needs) - {name})]:
        needs = {name: wanted for name, wanted in needs.items() if name not in ready}
    if needs:
        first = next(iter(needs))
        yield checker.fault(
            ("record", index, "fields", first),
            f"{', '.join(needs)} need one another",
            "let one of them come from a source column",
        )
