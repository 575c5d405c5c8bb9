"""The day on which something is posted: its own, or the first open one where its period is closed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import duckdb

from gateway.model.periods import CLOSED, REOPENED
from gateway.sql import literal


def first_day(period: str) -> date:
    """The first day of a period "YYYY-MM". Raises ValueError for what is none."""
    if len(period) != len("2026-10"):
        raise ValueError(f"no period: {period}")
    return date.fromisoformat(f"{period}-01")


def following(period: str) -> str:
    """The period after that one."""
    day = first_day(period)
    return f"{day.year + day.month // 12:04d}-{day.month % 12 + 1:02d}"


@dataclass(frozen=True, slots=True)
class PostingDays:
    """Entity → the first day on which it still posts; an entity that closed nothing is not among them.

    rules   for what the gateway posts: behind the last period that is closed or soft-closed
    people  for opening balances and manual entries: behind the last one that is closed
    """

    rules: Mapping[str, date]
    people: Mapping[str, date]

    def sql(self, entity: str, day: str, *, by_person: bool = False) -> str:
        """SQL of the posting day, given SQL of an entity and of the day of what happened."""
        opens = self.people if by_person else self.rules
        cases = " ".join(
            f"when {literal(name)} then greatest({day}, date '{first}')" for name, first in sorted(opens.items())
        )
        return f"case {entity} {cases} else {day} end" if cases else day


def read(con: duckdb.DuckDBPyConnection) -> PostingDays:
    """As the ledger's periods stand now."""
    found = con.execute(
        f"""select entity, max(period), max(period) filter (event = {literal(CLOSED)})
        from period_state where event <> {literal(REOPENED)} group by entity"""
    ).fetchall()
    return PostingDays(
        {entity: first_day(following(last)) for entity, last, _ in found},
        {entity: first_day(following(closed)) for entity, _, closed in found if closed},
    )
