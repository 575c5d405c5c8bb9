"""Checks of `[file.other_names]`: the names that columns may have in the header instead of the mapping's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Protocol

from gateway.errors import HomeFault
from gateway.mapping.language import named_columns
from gateway.mapping.language.expressions import ExpressionError, names
from gateway.mapping.language.spec import Mapping, RecordSpec
from gateway.nearest import nearest


class Checker(Protocol):
    """What these checks need of the mapping's check."""

    mapping: Mapping

    def fault(self, path: tuple[str | int, ...], message: str, fix: str) -> HomeFault: ...


def check(checker: Checker) -> Iterator[HomeFault]:
    """Faults of names for a column that the mapping does not read, and of a name for two columns."""
    repeat = checker.mapping.file.repeat
    columns = columns_of(checker.mapping)
    if repeat is not None:
        columns = {*filter(None, [repeat.cell]), *(name for name in columns if not repeat.makes(name))}
    owners = {column.casefold(): column for column in columns}
    for name, others in checker.mapping.file.options.get("other_names", {}).items():
        path = ("file", "other_names", name)
        known = name in checker.mapping.file.known
        if name not in columns and not known and not (repeat and repeat.numbered(name)):
            yield checker.fault(
                path,
                f'the mapping reads no column "{name}"{nearest(name, columns)}',
                "name a column as the mapping calls it, and then its names in files",
            )
        for other in [others] if isinstance(others, str) else others:
            owner = owners.setdefault(other.casefold(), name)
            if owner != name:
                yield checker.fault(path, f'"{other}" is a name of the column "{owner}" too', "keep it for one of them")


def readable_columns(record: RecordSpec) -> set[str]:
    """Source columns of the fields; an expression that cannot be read names none, and is a fault of its own."""
    found: set[str] = set()
    for spec in record.fields.values():
        with suppress(ExpressionError):
            found.update(named_columns.read_columns(spec, record.fields))
    return found


def columns_of(mapping: Mapping) -> set[str]:
    """Every source column that the mapping names, in expressions as far as they can be read."""
    found = {key for record in mapping.record for key in record.key if key not in record.fields}
    found = found.union(*map(readable_columns, mapping.record))
    texts = [record.when for record in mapping.record] + [rule.when for rule in mapping.file.ignore]
    texts += [tie.equals for tie in mapping.file.tie_out]
    for text in texts:
        with suppress(ExpressionError):
            found |= names(text or "0")[1]
    return found
