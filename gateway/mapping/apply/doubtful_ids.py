"""Identifiers that a program made: numbers with decimals, `10023.0`, which is another one than 10023, and words for
nothing, `nan`, which rows have in common that have nothing to do with one another."""

from __future__ import annotations

from gateway.mapping.apply.faults import faults_of, first_column, not_yet_noted
from gateway.mapping.apply.invisible import as_written
from gateway.mapping.apply.temporary_tables import Work
from gateway.mapping.compiler.compiler import Compiler
from gateway.mapping.compiler.targets import Record, Target
from gateway.sql import identifier, literal

_DOUBTS = (
    (
        # A whole number of three digits or more: `2.0` may be a version, or a lot.
        "[0-9]{3,}[.]0+",
        "is an identifier that was written as a number with decimals",
        "Have the program read and write identifiers as text; its rows count under the identifier as it stands.",
    ),
    (
        "(?i:nan|none|null|undefined|<na>|[(]null[)])|[\\\\]N",
        "is a word for nothing in the place of an identifier",
        "Name it in `blank` of the field, or have the program leave the cell blank; its rows count under that word.",
    ),
)
"""(pattern, what it is, the fix) of each kind."""
_NAMES = ("_id", "_no", "_ref", "sku", "gtin", "item_code", "rma", "po", "asn", "lot", "serial")


def add(work: Work, compiler: Compiler, relation: str, name: str) -> None:
    """One fault for each such identifier, on its first row, with the count. Its rows count."""
    records = compiler.records
    found = [(record, target) for record in records for target in record.targets.values() if _is_id(record, target)]
    if not found:
        return
    # One question for all, since hardly any file has one.
    pattern = literal("|".join(one for one, _, _ in _DOUBTS))
    some = " or ".join(f"regexp_full_match({value}, {pattern})" for value in sorted({t.value for _, t in found}))
    if work.con.execute(f"select 1 from {identifier(relation)} where {some} limit 1").fetchone() is None:
        return
    for record, target in found:
        accepted = f"{compiler.ignored} is null and not {compiler.rejected} and {record.applies}"
        column = first_column(compiler, record, target)
        for pattern, what, hint in _DOUBTS:
            where = f"{accepted} and regexp_full_match({target.value}, {literal(pattern)})"
            rows = not_yet_noted(name, relation, where, target.value, "ROW_DOUBTFUL", column)
            work.con.execute(faults_of(name, record, rows, "ROW_DOUBTFUL", column, literal(what), hint))


def _is_id(record: Record, target: Target) -> bool:
    named = target.name.endswith(_NAMES) or target.name in record.spec.key
    return named and target.spec.source is not None and as_written(target)
