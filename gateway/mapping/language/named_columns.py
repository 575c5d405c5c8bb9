"""The source columns that a field or a record of a mapping names."""

from __future__ import annotations

from gateway.mapping.language.expressions import names
from gateway.mapping.language.spec import FieldSpec, RecordSpec, SignRule


def record_columns(record: RecordSpec) -> list[str]:
    """Source columns that a record names: those of its fields, its conditions and its key."""
    found: dict[str, None] = {}
    for spec in record.fields.values():
        found |= dict.fromkeys(read_columns(spec, record.fields))
    for text in record.conditions.values():
        found |= dict.fromkeys(sorted(names(text)[1]))
    return [*found | dict.fromkeys(key for key in record.key if key not in record.fields)]


def columns_of(spec: FieldSpec, record_fields: dict[str, FieldSpec]) -> list[str]:
    """Source columns that a field names."""
    helpers = named_helpers(spec, record_fields)
    columns = [name for name in sources(spec) if name not in helpers]
    columns += [column for column in (spec.fill_down, *(spec.within or ()), spec.credit, spec.debit) if column]
    columns += [name for name in spec.on if not (name.startswith("_") and name in record_fields)]
    if isinstance(spec.sign, SignRule):
        columns.append(spec.sign.source)
    if spec.expr is not None:
        columns += sorted(names(spec.expr)[1])
    return columns


def read_columns(spec: FieldSpec, record_fields: dict[str, FieldSpec]) -> list[str]:
    """Source columns that a field names, with those of its unit of measure."""
    helpers = {name for name in record_fields if name.startswith("_")}
    return [*columns_of(spec, record_fields), *(name for name in spec.counted_in if name not in helpers)]


def sources(spec: FieldSpec) -> tuple[str, ...]:
    """The columns of `from`, in the order in which they are asked."""
    return (spec.source,) if isinstance(spec.source, str) else (spec.source or ())


def named_helpers(spec: FieldSpec, record_fields: dict[str, FieldSpec]) -> list[str]:
    """The helper fields that `from` of a field with an alias names: each holds a name of the item. All other names are
    source columns, also one that a helper is called like."""
    helpers = (name for name in sources(spec) if spec.alias and name.startswith("_") and name in record_fields)
    return [name for name in helpers if record_fields[name] != spec]
