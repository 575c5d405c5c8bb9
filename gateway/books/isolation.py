"""What the books cannot work out is left out of a run, with an exception that names it; everything else goes on.

A run of the books is a sequence of steps in one commit. A step that meets a value that it cannot work with (a sum that
is too large for its column, a cast that fails) ends the transaction. Its culprits are found by halves, in attempts that
are undone, and the run begins again without them. Each run first tries with nothing left out, so that an exception
closes when its cause is gone. A mistake in a rule is no such value: rules are checked before they count.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

import duckdb
import pyarrow as pa

from gateway.errors import first_line
from gateway.ledger.commit import Commit
from gateway.sql import lay, literal

CODE = "BOOKS_LEFT_OUT"
WHOLE = ""
"""Stands for all units of a step."""
SEARCH_S_MAX = 30.0
"""So long the culprits of a step are looked for; then the whole step is left out."""
WHY_MAX = 300
"""Characters of an error that its exception shows."""
DATA_ERRORS = (duckdb.DataError, duckdb.InvalidInputException, ArithmeticError, ValueError)
"""What a value may raise in the database, in Python's numbers and dates, and on the way between them."""

LeftOut = Mapping[str, Mapping[str, str]]
"""Step → unit → why it is left out."""
T = TypeVar("T")

_OUT, _WHY = "_left_out", "_left_out_why"
_OUT_ROWS = pa.schema([("unit", pa.utf8())])
_WHY_ROWS = pa.schema([("unit", pa.utf8()), ("why", pa.utf8())])


@dataclass(frozen=True, slots=True)
class Step:
    """A part of the run that can be left out by itself.

    name   identifies it, in the keys of exceptions too
    title  for people
    units  SELECT of what can be left out of it alone: unit (text), size (smaller ones are let in first), what (for
           people), entity, partner, sku, document, file_id, position; "" where it can only be left out whole
    """

    name: str
    title: str
    units: str = ""


class StepError(Exception):
    """A step met a value that it cannot work with; the transaction must be undone."""

    def __init__(self, step: Step, why: str) -> None:
        self.step, self.why = step, why
        super().__init__(f"{step.title}: {why}")


class _PassedError(Exception):
    """The step that was tried works; what it did is to be undone."""


class Attempt:
    """One attempt at a run. `tried` names the step at whose end the attempt is undone, "" for none."""

    def __init__(self, con: duckdb.DuckDBPyConnection, left_out: LeftOut, tried: str = "") -> None:
        self.con, self.left_out, self.tried = con, left_out, tried
        self.steps: list[Step] = []

    def step(self, step: Step, work: Callable[[str], int]) -> int:
        """Do a step and return what it counts, 0 where it is left out whole.

        `work` is given the relation (unit) of what it must leave out, "" if that is nothing.
        Raises StepError for a value that it cannot work with.
        """
        self.steps.append(step)
        units = self.left_out.get(step.name, {})
        if WHOLE in units:
            return 0
        if units:
            lay(self.con, _OUT, [(unit,) for unit in units], _OUT_ROWS)
        try:
            count = work(_OUT if units else "")
        except DATA_ERRORS as error:
            raise StepError(step, why(error)) from error
        if step.name == self.tried:
            raise _PassedError
        return count

    def is_whole(self, name: str) -> bool:
        """Whether a step is left out whole."""
        return WHOLE in self.left_out.get(name, {})

    def write(self, into: str) -> None:
        """Add a row to the relation (step, unit, title, why, what, entity, …) for each unit that its steps left out."""
        for step in self.steps:
            units = self.left_out.get(step.name, {})
            if not units:
                continue
            lay(self.con, _WHY, list(units.items()), _WHY_ROWS)
            named = step.units or "select null::varchar as unit, null::double as size where false"
            self.con.execute(
                f"""insert into {into} by name
                select {literal(step.name)} as step, w.unit, {literal(step.title)} as title, w.why, n.* exclude (unit,
                    size)
                from {_WHY} w left join (select distinct on (unit) * from ({named})
                    order by all) n on n.unit = w.unit"""
            )


def why(error: BaseException) -> str:
    """The first line of an error, without the kind and the advice to programmers that the database puts around it."""
    first = re.sub(r"^[\w ]{1,30} Error: ", "", first_line(error))
    first = first.partition(". You might want to")[0].rstrip("!. ")
    return first if len(first) <= WHY_MAX else f"{first[:WHY_MAX]}…"


def isolated(
    commit: Callable[[Callable[[Commit], T]], T],
    con: duckdb.DuckDBPyConnection,
    work: Callable[[Commit, Attempt], T],
) -> T:
    """Do the work in one commit, without what it cannot work out.

    Raises what the work raises but for StepError, after rolling back.
    """
    left_out: dict[str, Mapping[str, str]] = {}
    while True:
        attempt = Attempt(con, left_out)
        try:
            return commit(partial(_with, attempt, work))
        except StepError as error:
            name = error.step.name
            known = of_ledger(con).get(name, {})
            found = None
            if name not in left_out and WHOLE not in known:
                found = _Search(commit, con, work, left_out, error.step).culprits(known)
            left_out[name] = found or {WHOLE: error.why}


def _with(attempt: Attempt, work: Callable[[Commit, Attempt], T], commit: Commit) -> T:
    return work(commit, attempt)


@dataclass(frozen=True, slots=True)
class _Search(Generic[T]):
    """The search for the units of a step that it cannot work with, within a run that leaves out others already."""

    commit: Callable[[Callable[[Commit], T]], T]
    con: duckdb.DuckDBPyConnection
    work: Callable[[Commit, Attempt], T]
    left_out: LeftOut
    step: Step

    def culprits(self, known: Collection[str]) -> dict[str, str] | None:
        """The units without which the step works, with the error of each; None where nobody can say.

        Let in are first all but those that an earlier run left out, then halves of what fails.
        """
        if not self.step.units:
            return None
        rows = self.con.execute(
            f"select unit from ({self.step.units}) group by unit order by max(size), unit"
        ).fetchall()
        units = [unit for (unit,) in rows if unit]
        if not units or self._error(units) is not None:
            return None
        found, undecided = by_halves(units, [part for part in _parts(units, known) if part], self._error)
        return None if undecided else found

    def _error(self, units: Iterable[str]) -> str | None:
        """Why the step fails without these units, None if it works. Nothing is kept of the attempt."""
        out = {**self.left_out, self.step.name: dict.fromkeys(units, "")}
        attempt = Attempt(self.con, out, self.step.name)
        try:
            self.commit(partial(_with, attempt, self.work))
        except _PassedError:
            return None
        except StepError as error:
            if error.step.name != self.step.name:
                raise
            return error.why
        raise AssertionError(f"the run has no step {self.step.name}")


def by_halves(
    units: Iterable[str], waiting: list[list[str]], error: Callable[[Iterable[str]], str | None]
) -> tuple[dict[str, str], list[str]]:
    """(units that cannot be let in and the error of each, units that nobody looked at in time).

    Let in are the waiting parts, the last one first, and of a part that fails its halves.

    error  says what fails without these units, None if nothing does
    """
    out, found = dict.fromkeys(units), dict[str, str]()
    end = time.monotonic() + SEARCH_S_MAX
    while waiting and time.monotonic() <= end:
        part = waiting.pop()
        why_not = error(out.keys() - set(part))
        if why_not is None:
            for unit in part:
                del out[unit]
        elif len(part) == 1:
            found[part[0]] = why_not
        else:
            middle = len(part) // 2
            waiting += [part[middle:], part[:middle]]
    return found, [unit for part in waiting for unit in part]


def _parts(units: Sequence[str], known: Collection[str]) -> list[list[str]]:
    """What is let in, the last part first: all that no earlier run left out, then each of the others."""
    return [*([unit] for unit in reversed(units) if unit in known), [unit for unit in units if unit not in known]]


def of_ledger(con: duckdb.DuckDBPyConnection) -> dict[str, dict[str, str]]:
    """What the last run left out, as the open exceptions say."""
    found: dict[str, dict[str, str]] = {}
    for key, message in con.execute(
        f"select business_key, message from exception where code = '{CODE}' and status = 'OPEN' order by all"
    ).fetchall():
        name, _, unit = str(key).partition("|")
        found.setdefault(name, {})[unit] = message
    return found


def again(name: str) -> str:
    """SELECT of the open exceptions of a step, with `unit`: what must be tried again, new or not."""
    return f"""select *, substr(business_key, {len(name) + 2}) as unit from exception
        where code = '{CODE}' and status = 'OPEN' and starts_with(business_key, {literal(name + "|")})"""
