"""Desired − posted = the difference: how everything that follows from events is posted.

A derivation names a table of what was posted, the columns that identify what is posted there, and the measures. For
the keys that new rows touch, desired values are compared with the sum of what was posted, and the difference becomes
new rows; nothing is edited. So what arrives late, twice, corrected or in another order ends in the same balances, and
what is no longer desired is taken back under the keys under which it was posted, whatever today's rules say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import duckdb

from gateway.ledger.commit import Commit
from gateway.sql import identifier, instant


@dataclass(frozen=True, slots=True)
class Derivation:
    """What is derived.

    table     canonical table that keeps what was posted: key, carried columns and measures, a row a posting
    key       columns that identify what is posted
    measures  columns that are summed
    carried   further columns of what is desired or, where nothing is desired any more, of what was posted
    scope     columns by which a pass finds what new rows touch
    unposted  columns of what is desired that `table` does not need to have → SQL where nothing is desired any more
    """

    table: str
    key: tuple[str, ...]
    measures: tuple[str, ...]
    carried: tuple[str, ...]
    scope: tuple[str, ...]
    unposted: Mapping[str, str] = field(default_factory=dict)


def differences(con: duckdb.DuckDBPyConnection, derivation: Derivation, desired: str, scope: str, into: str) -> int:
    """Make the relation `into` of what is to be posted, and return the number of its rows.

    desired  relation with key, measures, carried and unposted columns, one row a key
    scope    relation of the touched values of the derivation's scope columns

    `into` has the same columns and `times`: how often the key was posted before.
    """
    con.execute(f"create or replace temp table {into} as {_differences_sql(derivation, desired, scope)}")
    row = con.execute(f"select count(*) from {into}").fetchone()
    return int(row[0]) if row else 0


def record(commit: Commit, derivation: Derivation, posted: str) -> int:
    """Insert what was posted, a relation with the columns of the derivation's table, within the commit."""
    return commit.insert(derivation.table, f"select *, {instant(commit.at)} as recorded_at from ({posted})")


def posting(derivation: Derivation) -> str:
    """SQL of what tells a row of `differences` from every other posting: its key, and how often that was posted."""
    return f"concat_ws('|', {', '.join(map(identifier, derivation.key))}, times)"


def _differences_sql(derivation: Derivation, desired: str, scope: str) -> str:
    keys, measures = derivation.key, derivation.measures
    kept = ", ".join(f"coalesce(d.{identifier(n)}, p.{identifier(n)}) as {identifier(n)}"
                     for n in (*keys, *derivation.carried))  # fmt: skip
    less = ", ".join(
        f"cast(coalesce(d.{identifier(n)}, 0) - coalesce(p.{identifier(n)}, 0) as decimal(18,4)) as {identifier(n)}"
        for n in measures
    )
    changed = " or ".join(f"coalesce(d.{identifier(n)}, 0) <> coalesce(p.{identifier(n)}, 0)" for n in measures)
    only = "".join(f", coalesce(d.{identifier(n)}, {sql}) as {identifier(n)}" for n, sql in derivation.unposted.items())
    same = " and ".join(f"p.{identifier(n)} = d.{identifier(n)}" for n in keys)
    return f"""with posted as ({_posted_sql(derivation, scope)})
        select {kept}, {less}{only}, coalesce(p.times, 0) as times
        from {desired} d full join posted p on {same}
        where p.times is null or {changed}"""


def _posted_sql(derivation: Derivation, scope: str) -> str:
    """What was posted under each key that the scope touches."""
    keys = ", ".join(map(identifier, derivation.key))
    first = ", ".join(f"min({identifier(n)}) as {identifier(n)}" for n in derivation.carried)
    sums = ", ".join(f"sum({identifier(n)}) as {identifier(n)}" for n in derivation.measures)
    touched = ", ".join(map(identifier, derivation.scope))
    return f"""select {keys}, {first}, {sums}, count(*) as times
        from {derivation.table} semi join {scope} using ({touched}) group by {keys}"""
