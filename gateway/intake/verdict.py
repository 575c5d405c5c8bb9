"""State and counts of a file: worked out here for files that are taken, tried, replayed or released.

received = accepted + rejected + duplicate + ignored, always.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from gateway.errors import Fault
from gateway.intake.duplicates import Compared
from gateway.intake.taken import Load, Taken
from gateway.mapping.apply.mapped import FILE_SHIFT, Mapped

REASON_CHARS_MAX = 2000


@dataclass(slots=True)
class Counts:
    """Source rows of one file: everything that a row makes is new or changed, is there already, replaces something."""

    accepted: int = 0
    duplicate: int = 0
    restated: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is said of a file as one feed.

    ignored   number of rows by the rule that left them out
    restated  how many of the accepted rows replace an earlier one
    fix       what a person does about the reason
    """

    state: str
    received: int
    accepted: int
    rejected: int
    duplicate: int
    ignored: dict[str, int]
    reason: str = ""
    restated: int = 0
    fix: str = ""

    @property
    def ignored_rows(self) -> int:
        """Rows that rules left out."""
        return sum(self.ignored.values())


def posting(files: Sequence[Taken], mapped: Mapped, *, force: bool = False) -> list[int]:
    """Numbers of the files whose rows count: what is held does so by `force` alone, a test never."""
    return [
        number
        for number, (file, outcome) in enumerate(zip(files, mapped.files, strict=True))
        if not file.test and (force or not outcome.held)
    ]


def verdicts(
    con: duckdb.DuckDBPyConnection, load: Load, compared: Sequence[Compared], *, force: bool = False
) -> list[Verdict]:
    """The verdict on each file of a load. `force` releases what is held."""
    counts = _counts(con, load, compared)
    return [_verdict(load, number, counts[number], force=force) for number in range(len(load.files))]


def refused(reason: str, units: int, fix: str = "") -> Verdict:
    """The verdict on what no feed reads: all its units are rejected."""
    return Verdict("QUARANTINED", units, 0, units, 0, {}, reason[:REASON_CHARS_MAX], fix=fix)


def held(reason: str, fix: str = "") -> Verdict:
    """The verdict on a file that its feed's mapping cannot read: no row of it is known yet."""
    return Verdict("HELD", 0, 0, 0, 0, {}, reason[:REASON_CHARS_MAX], fix=fix)


def first_fix(faults: Sequence[Fault]) -> str:
    """The first fix that faults know, "" where none does."""
    return next((fault.hint for fault in faults if fault.hint), "")


def _verdict(load: Load, number: int, counts: Counts, *, force: bool) -> Verdict:
    outcome, file = load.mapped.files[number], load.files[number]
    received = outcome.received + len(file.broken)
    reason = "; ".join([fault.message for fault in outcome.held] + [file.by] * bool(file.by))[:REASON_CHARS_MAX]
    if file.test:
        return Verdict("SHADOW", received, 0, 0, 0, {"test interchange": received}, reason)
    if outcome.held and not force:
        return Verdict("HELD", received, 0, received, 0, {}, reason, fix=first_fix(outcome.held))
    shadow = load.loaded is not None and load.loaded.mapping.mode == "shadow"
    state = "RELEASED" if outcome.held else "SHADOW" if shadow else "ACCEPTED"
    rejected = outcome.rejected + len(file.broken)
    return Verdict(
        state, received, counts.accepted, rejected, counts.duplicate, dict(outcome.ignored), reason, counts.restated
    )


def _counts(con: duckdb.DuckDBPyConnection, load: Load, compared: Sequence[Compared]) -> list[Counts]:
    counts = [Counts() for _ in load.files]
    if not any(one.known for one in compared):
        for number in load.posts:
            outcome = load.mapped.files[number]
            counts[number].accepted = outcome.received - outcome.rejected - sum(outcome.ignored.values())
        return counts
    sources = " union all ".join(f"select _ordinal, _kind, state from {one.kinds}" for one in compared)
    # A row is a duplicate if everything it makes is already there.
    for number, *found in con.execute(
        f"""select _ordinal >> {FILE_SHIFT}, count(*) filter (fresh), count(*) filter (not fresh),
                   count(*) filter (changed)
        from (select _ordinal, bool_or(state <> 'same') as fresh, bool_or(state = 'changed') as changed
              from ({sources}) group by _kind, _ordinal) group by 1"""
    ).fetchall():
        counts[number] = Counts(*found)
    return counts
