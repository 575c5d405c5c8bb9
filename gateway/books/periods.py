"""Periods of an entity: a person closes them one after another, softly first if wanted, and opens the last one again.

A closed period takes no more entries: what comes late posts on the first day of the next open one, with its own day
beside it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date

import duckdb

from gateway.books.posting.posting_days import first_day, following
from gateway.errors import HouseError
from gateway.ledger.commit import Commit
from gateway.model.periods import CLOSED, PERIOD_EVENT, REOPENED, SOFT_CLOSED
from gateway.sql import Rows, literal, rows_of, words

OPEN = "OPEN"
"""The state of a period that nobody closed, or somebody opened again."""

_VERBS = {SOFT_CLOSED: "soft-close", CLOSED: "close", REOPENED: "reopen"}


@dataclass(frozen=True, slots=True)
class Point:
    """What was looked at before a period was closed.

    name      by which a person accepts it
    question  what must hold
    found     what was found where it does not hold, "" where it does
    fix       what to do about it
    accepted  whether a person accepted what was found
    """

    name: str
    question: str
    found: str = ""
    fix: str = ""
    accepted: bool = False

    @property
    def ok(self) -> bool:
        """Whether the period may be closed, as far as this point goes."""
        return not self.found or self.accepted


@dataclass(frozen=True, slots=True)
class Act:
    """What a person does to a period "YYYY-MM" of an entity, and why."""

    entity: str
    period: str
    event: str
    by: str
    comment: str


def act(
    commit: Commit,
    con: duckdb.DuckDBPyConnection,
    wanted: Act,
    snapshot: int,
    today: date,
    checklist: Sequence[Point] = (),
) -> None:
    """Close a period, softly or wholly, or open it again: an event in the ledger, and its audit row.

    snapshot  version of the ledger as it is now
    today     in the entity's time zone
    Raises HouseError where the state of the period, or of those beside it, forbids it, or no reason is given.
    """
    _refuse(con, wanted, today)
    said = {"entity": wanted.entity, "period": wanted.period, "event": wanted.event, "decided_by": wanted.by}
    said |= {"comment": wanted.comment}
    if wanted.event == CLOSED:
        points = [asdict(point) for point in checklist]
        said |= {"checklist": json.dumps(points, ensure_ascii=False), "snapshot": str(snapshot)}
    listed = ", ".join(f'?::varchar as "{name}"' for name in said)
    commit.insert(PERIOD_EVENT.name, f'select {listed}, ?::timestamptz as "at"', [*said.values(), commit.at])
    accepted = [point.name for point in checklist if point.accepted]
    detail = {"comment": wanted.comment, **({"accepted": accepted} if accepted else {})}
    commit.audit(wanted.by, f"period.{wanted.event.lower()}", f"{wanted.entity} {wanted.period}", detail)


def _refuse(con: duckdb.DuckDBPyConnection, wanted: Act, today: date) -> None:
    """Raise HouseError where the period may not be given that state now."""
    if not wanted.comment.strip():
        raise _refused(wanted, "--comment must not be empty", "Say why; the ledger keeps it.")
    if wanted.event != REOPENED and first_day(wanted.period) > today:
        # What comes until then would post behind it.
        raise _refused(wanted, f"it has not begun: today is {today}", "Name a month that has begun.")
    states = {str(row["period"]): str(row["state"]) for row in of_entity(con, wanted.entity)}
    now = states.get(wanted.period, OPEN)
    if wanted.event == REOPENED:
        later = [period for period, state in states.items() if period > wanted.period and state != OPEN]
        if now == OPEN:
            raise _refused(wanted, "it is open", "Nothing is to be done.")
        if later:
            fix = f"Open {max(later)} first: periods are opened again from the last one on."
            raise _refused(wanted, f"{', '.join(sorted(later))} behind it is not open", fix)
    elif now in (wanted.event, CLOSED):
        cause = f"it is {now.lower().replace('_', '-')} already"
        raise _refused(wanted, cause, "Open it again first: `gateway reopen`.")
    elif before := _unclosed_before(con, wanted):
        fix = f"`gateway {_VERBS[wanted.event]} {wanted.entity} {before[0]}` first: periods are closed in their order."
        raise _refused(wanted, f"{', '.join(before)} before it has entries and is not closed", fix)


def _unclosed_before(con: duckdb.DuckDBPyConnection, wanted: Act) -> list[str]:
    """Periods of the entity before that one that have entries and are behind the last one in the wanted state."""
    enough = {wanted.event, CLOSED}
    return [
        period
        for (period,) in con.execute(
            f"""select distinct period from journal_line
            where entity = {literal(wanted.entity)} and period < {literal(wanted.period)}
              and period > coalesce((select max(period) from period_state where entity = {literal(wanted.entity)}
                                     and event in ({words(sorted(enough))})), '')
            order by period"""
        ).fetchall()
    ]


def of_entity(con: duckdb.DuckDBPyConnection, entity: str = "") -> Rows:
    """Each period that has entries or a state, oldest first: entity, period, state, decided_by, at, comment, entries,
    late (entries that post in it for a day of an earlier period).

    entity  "" for all
    """
    of = f"where entity = {literal(entity)}" if entity else ""
    return list(
        rows_of(
            con,
            f"""with posted as (
                select entity, period, count(distinct entry_id) as entries,
                       count(distinct entry_id) filter (strftime(event_day, '%Y-%m') < period) as late
                from journal_line {of} group by all)
            select entity, period,
                   case when event is null or event = '{REOPENED}' then '{OPEN}' else event end as state, decided_by,
                   "at", comment, coalesce(entries, 0) as entries, coalesce(late, 0) as late
            from posted full join (select * from period_state {of}) using (entity, period) order by entity, period""",
        )
    )


def last_day(period: str) -> str:
    """SQL of the last day of a period."""
    return f"(date '{first_day(following(period))}' - 1)"


def _refused(wanted: Act, cause: str, fix: str) -> HouseError:
    return HouseError(_VERBS[wanted.event], f"{wanted.entity} {wanted.period}", fix, cause)
