"""Identifiers that a program took for numbers with decimals, `10023.0`: each is another one than 10023."""

from __future__ import annotations

from gateway.mapping.apply.faults import faults_of, first_column, not_yet_noted
from gateway.mapping.apply.invisible import as_written
from gateway.mapping.apply.temporary_tables import Work
from gateway.mapping.compiler.compiler import Compiler
from gateway.mapping.compiler.targets import Record, Target
from gateway.sql import identifier, literal

_FLOAT = "[0-9]{3,}[.]0+"
"""A whole number of three digits or more with decimals: `2.0` may be a version, or a lot."""
_NAMES = ("_id", "_no", "_ref", "sku", "gtin", "item_code", "rma", "po", "asn", "external_id")
_HINT = "Have the program read and write identifiers as text; its rows count under the identifier as it stands."


def add(work: Work, compiler: Compiler, relation: str, name: str) -> None:
    """One fault for each such identifier, on its first row, with the count. Its rows count."""
    found = [
        (record, target) for record in compiler.records for target in record.targets.values() if _is_id(record, target)
    ]
    values = sorted({target.value for _, target in found})
    if not values:
        return
    # One question for all, since hardly any file has one.
    some = " or ".join(f"regexp_full_match({value}, {literal(_FLOAT)})" for value in values)
    if work.con.execute(f"select 1 from {identifier(relation)} where {some} limit 1").fetchone() is None:
        return
    for record, target in found:
        accepted = f"{compiler.ignored} is null and not {compiler.rejected} and {record.applies}"
        where = f"{accepted} and regexp_full_match({target.value}, {literal(_FLOAT)})"
        column = first_column(compiler, record, target)
        rows = not_yet_noted(name, relation, where, target.value, "ROW_DOUBTFUL", column)
        what = literal("is an identifier that was written as a number with decimals")
        work.con.execute(faults_of(name, record, rows, "ROW_DOUBTFUL", column, what, _HINT))


def _is_id(record: Record, target: Target) -> bool:
    named = target.name.endswith(_NAMES) or target.name in record.spec.key
    return named and target.spec.source is not None and as_written(target)
