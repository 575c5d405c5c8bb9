"""Desired − posted = the difference: how everything that follows from events is posted.

A derivation names a table of what was posted, the columns that identify what is posted there, and the measures. For
the keys that new rows touch, desired values are compared with the sum of what was posted, and the difference becomes
new rows; nothing is edited. So what arrives late, twice, corrected or in another order ends in the same balances, and
what is no longer desired is taken back under the keys under which it was posted, whatever today's rules say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import duckdb

from gateway.books.posting.entries import Entries
from gateway.books.posting.lines import POSTING
from gateway.books.posting.rules import PostingRules
from gateway.ledger.commit import Commit
from gateway.sql import has_rows, identifier, instant


@dataclass(frozen=True, slots=True)
class Derivation:
    """Entries that follow from several records, posted as the difference between what is desired and what was posted.

    table     canonical table that keeps what was posted: key, carried columns and measures, a row a posting
    key       columns that identify what is posted; mostly `record_id` is one of them
    measures  columns that are summed
    carried   further columns of what is desired or, where nothing is desired any more, of what was posted
    scope     columns by which a pass finds what new rows touch
    newest    carried columns of which the newest that was posted counts, not the first
    restated  SQL over what is desired (d) and what was posted (p) of keys that are posted though no measure changed
    unposted  columns of what is desired that `table` does not need to have → SQL where nothing is desired any more
    """

    table: str
    key: tuple[str, ...]
    measures: tuple[str, ...]
    carried: tuple[str, ...]
    scope: tuple[str, ...]
    newest: tuple[str, ...] = ()
    restated: str = "false"
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


def run(
    commit: Commit,
    con: duckdb.DuckDBPyConnection,
    rules: PostingRules,
    derivation: Derivation,
    desired: Callable[[], str],
    scope: str,
    post: Callable[[Entries, str], str],
) -> int:
    """Post what is desired beyond what was posted, within the commit, and return the number of keys that changed.

    desired  makes the relation that `differences` compares; it is not asked where `scope` is empty
    scope    as for `differences`
    post     is given the entries to fill and the relation of what is to be posted, which has all that entries
             need; returns a SELECT of the columns of the derivation's table
    """
    if not has_rows(con, scope):
        return 0
    new, to_post = f"_{derivation.table}_new", f"_{derivation.table}_post"
    changed = differences(con, derivation, desired(), scope, new)
    if changed:
        con.execute(f"create or replace temp view {to_post} as {_to_post_sql(derivation, new)}")
        entries = Entries(con, rules, f"_{derivation.table}")
        posted = post(entries, to_post)
        entries.write(commit)
        commit.insert(derivation.table, f"select *, {instant(commit.at)} as recorded_at from ({posted})")
        entries.drop()
    return changed


def _to_post_sql(derivation: Derivation, new: str) -> str:
    """What is to be posted, with the columns that make its entries.

    An entry holds postings of one file's records alone, and its id covers each: what other files share the pass makes
    no difference, and records of one document that become known in several passes have an entry for each pass.
    """
    keys = ", ".join(map(identifier, derivation.key))
    salt = "split_part(record_id, '.', 1)" if "record_id" in derivation.key else "''"
    return f"""select *, 1 as sign, '' as file_id, {salt} as salt,
            concat_ws('|', {keys}, times) as {POSTING} from {new}"""


def _differences_sql(derivation: Derivation, desired: str, scope: str) -> str:
    keys, measures = derivation.key, derivation.measures
    kept = ", ".join(
        f"coalesce(d.{identifier(n)}, p.{identifier(n)}) as {identifier(n)}" for n in (*keys, *derivation.carried)
    )
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
        where p.times is null or {changed} or (d.{identifier(keys[0])} is not null and {derivation.restated})"""


def _posted_sql(derivation: Derivation, scope: str) -> str:
    """What was posted under each key that the scope touches."""
    keys = ", ".join(map(identifier, derivation.key))
    first = ", ".join(f"min({identifier(n)}) as {identifier(n)}" for n in derivation.carried)
    first += "".join(f", arg_max({identifier(n)}, recorded_at) as {identifier(n)}" for n in derivation.newest)
    sums = ", ".join(f"sum({identifier(n)}) as {identifier(n)}" for n in derivation.measures)
    touched = ", ".join(map(identifier, derivation.scope))
    return f"""select {keys}, {first}, {sums}, count(*) as times
        from {derivation.table} semi join {scope} using ({touched}) group by {keys}"""
