"""A rule of `ignore` that leaves out every row of a file: the rule is wrong, or the file has no data."""

from __future__ import annotations

from collections.abc import Callable

from gateway.errors import Fault
from gateway.fault_codes import ROWS_IGNORED
from gateway.mapping.apply import faults
from gateway.mapping.apply.mapped import Mapped, Outcome
from gateway.mapping.apply.temporary_tables import Work
from gateway.mapping.language.spec import Mapping

ROWS_MIN = 2
"""A single row may well be a total of nothing."""
PACKS = "mappings/standard/"
"""Rules of packs say what a standard means: a whole file may be a simulation, or a test."""


def add(work: Work, mapping: Mapping, mapped: Mapped, place: Callable[..., str]) -> None:
    """Report it once for a file, before other reasons why the file is held; `place` as in Context."""
    for number, outcome in enumerate(mapped.files):
        fault = _fault(mapping, outcome, place)
        if fault is not None and outcome.held:
            outcome.held.insert(0, fault)
        elif fault is not None:
            faults.add(work, mapped.faults, number, [fault])


def _fault(mapping: Mapping, outcome: Outcome, place: Callable[..., str]) -> Fault | None:
    rules = {rule.name: index for index, rule in enumerate(mapping.file.ignore)}
    [(name, rows), *others] = [*outcome.ignored.items()] or [("", 0)]
    if others or name not in rules or rows != outcome.received or rows < ROWS_MIN:
        return None
    rule = mapping.file.ignore[rules[name]]
    where = place("file", "ignore", rules[name], "when")
    if where.startswith(PACKS):
        return None
    return Fault(
        ROWS_IGNORED,
        f'the rule "{name}" of `ignore` leaves out all {rows} rows, so nothing of the file is read: {rule.when}',
        f"Correct the condition in {where}, `gateway check`, and `gateway replay` the file. If the file has no rows "
        "of data, nothing needs to be done.",
    )
