"""Quantities in a unit of measure whose size nobody states: they count as single units and are reported."""

from __future__ import annotations

from gateway.fault_codes import UNIT_UNKNOWN
from gateway.mapping.apply.faults import faults_of
from gateway.mapping.apply.mapped import FILE_SHIFT
from gateway.mapping.apply.temporary_tables import Work
from gateway.mapping.compiler import measures
from gateway.mapping.compiler.compiler import Compiler
from gateway.mapping.compiler.targets import Record, Target
from gateway.mapping.language import named_columns
from gateway.sql import identifier, literal, words

_BASE = "or give the item that unit as its base unit if that is what you count, then replay the file."
_MEASURE = literal(
    "is a measure and counts no items: the quantity is taken as stated (expected a count, such as EA or DZN)"
)
_ASK = f"Ask the sender to count items, {_BASE}"
_PACKAGE = literal(
    "does not say how many units are in one: the quantity is taken as stated "
    "(expected EA, a count such as DZN, or an alias that says how many units are in one)"
)
_ADD = f"Add an alias of the item with its pack quantity, {_BASE}"


def add_uncounted(work: Work, compiler: Compiler, relation: str, name: str) -> None:
    """One fault for each such unit of a file, on its first row, with the count.

    Fields of a row share their units: the fields that are stored are asked first, then the helpers.
    """
    steps = list(dict.fromkeys(t.uncounted for r in compiler.records for t in r.targets.values() if t.uncounted))
    if not steps:
        return
    some = f"select 1 from {identifier(relation)} where coalesce({', '.join(steps)}) is not null limit 1"
    if work.con.execute(some).fetchone() is None:
        return
    for record in compiler.records:
        done = {""}
        for target in sorted(record.targets.values(), key=lambda target: target.column is None):
            if target.uncounted not in done:
                done.add(target.uncounted)
                _add(work, compiler, relation, name, record, target)


def _add(work: Work, compiler: Compiler, relation: str, name: str, record: Record, target: Target) -> None:
    rows = f"""(select _ordinal, _position, {target.uncounted} as text from {identifier(relation)}
        where {compiler.ignored} is null and not {compiler.rejected} and {record.applies} and {target.value} <> 0
            and (_ordinal >> {FILE_SHIFT}, {target.uncounted}) not in (
                select _ordinal >> {FILE_SHIFT}, value from {identifier(name)} where code = {literal(UNIT_UNKNOWN)}))"""
    column = ", ".join(map(compiler.heading, _columns(record, target)))
    measured = f"text in ({words([code for codes in measures.MEASURES for code in codes])})"
    for kind, what, hint in ((measured, _MEASURE, _ASK), (f"not ({measured})", _PACKAGE, _ADD)):
        those = f"(select * from {rows} where {kind})"
        work.con.execute(faults_of(name, record, those, UNIT_UNKNOWN, column, what, hint))


def _columns(record: Record, target: Target) -> list[str]:
    """The source columns with the unit, also through helper fields, without those of the quantity."""
    behind = [record.targets[name] for name in record.behind({target.name})]
    helpers = [one for one in behind if one.name in target.spec.counted_in]
    own = {c for one in behind if one not in helpers for c in named_columns.columns_of(one.spec, record.spec.fields)}
    named = [name for name in target.spec.counted_in if not record.is_helper(name)]
    named += [c for one in helpers for c in named_columns.columns_of(one.spec, record.spec.fields)]
    return [c for c in dict.fromkeys(named) if c not in own] or named
