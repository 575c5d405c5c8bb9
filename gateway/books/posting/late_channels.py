"""Records that came before their channel was configured: they are posted once it is, as they would have been at once.

Only `[channels]` knows the `revenue` of a channel. A rule whose `when` asks for it takes no record of a channel that is
not there; until then an exception names the channel (CHANNEL_UNKNOWN), and its records stay in the ledger unposted.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import duckdb

from gateway.books.isolation import Step, again
from gateway.books.posting.conditions import compile_expression
from gateway.books.posting.entries import Entries
from gateway.books.posting.lines import POSTING
from gateway.books.posting.reference import CHANNELS
from gateway.books.posting.rules import Posting, PostingRules, Rule
from gateway.books.posting.sources import DERIVED, SHIPMENT_AMOUNTS, columns_of
from gateway.ledger.commit import Commit
from gateway.model import MAPPABLE
from gateway.sql import has_rows, identifier, instant, words

UNKNOWN = "CHANNEL_UNKNOWN"
WAITED = f"""(select channel from exception where code = '{UNKNOWN}' and status = 'OPEN')"""
"""SQL of the channels that open exceptions name."""


def rules_by_source(posting: Posting) -> dict[str, list[Rule]]:
    """Table or derivation → its rules that ask for the channel's revenue."""
    found: dict[str, list[Rule]] = {}
    for rule in posting.rule:
        conditions = posting.conditions.get(rule.on, {})
        if rule.when and '"revenue"' in compile_expression(rule.when, columns_of(rule.on) or {}, conditions):
            found.setdefault(rule.on, []).append(rule)
    return found


def step_of(on: str) -> Step:
    """Late postings from a table or derivation, as a step of the books: by file, or record of a derivation."""
    derived = on in DERIVED
    unit, table = ("record_id", "shipment_value") if derived else ("file_id", on)
    file = "null::varchar as partner, null::varchar as file_id" if derived else "partner, file_id"
    units = f"""select distinct {unit} as unit, 0::double as size, {unit} as what, entity, null::varchar as sku,
        {unit} as document,
            {file}, null::varchar as "position" from {table}"""
    return Step(f"late {on}", f"Postings from {on} of channels that came late", units)


def run(
    commit: Commit,
    con: duckdb.DuckDBPyConnection,
    rules: PostingRules,
    since: datetime | None,
    on: str,
    depending: Sequence[Rule],
    without: str = "",
) -> int:
    """Post what waited in a table or derivation for a channel that is configured now; the number of records.

    A file and its channel post together: what has no line yet has not posted. Looked at are files since that instant
    (None: all), those that were left out before, and the channels that an open exception names.

    on         table or derivation
    depending  its rules that ask for the channel's revenue, as `rules_by_source` gives them
    without    relation of what is left out
    """
    if not has_rows(con, on):
        return 0
    entries, relation = Entries(con, rules, "_late"), f"_late_{on}"
    sql = _derived_sql(depending, without) if on in DERIVED else _records_sql(on, depending, since, without)
    con.execute(f"create or replace temp table {relation} as {sql}")
    row = con.execute(f"select count(*) from {relation}").fetchone()
    count = int(row[0]) if row else 0
    columns = [name for name in columns_of(on) or {} if name != "revenue"] + [POSTING] * (on in DERIVED)
    for rule in depending if count else ():
        entries.apply(rule, relation, columns)
    if count:
        entries.write(commit)
    entries.drop()
    return count


def _records_sql(table: str, rules: Sequence[Rule], since: datetime | None, without: str) -> str:
    """The records of a table that have not posted, and those that they replace, with sign −1."""
    after = "true" if since is None else f"r.recorded_at > {instant(since)}"
    left_out = f"and r.file_id not in (select unit from {without})" if without else ""
    own = [identifier(column.name) for column in MAPPABLE[table].columns]
    return f"""with came as materialized (
            select distinct r.file_id, r.channel from {table} r join {CHANNELS} using (channel)
            where {after} or r.channel in {WAITED} or r.file_id in (select unit from ({again(step_of(table).name)}))),
        waited as (
            select file_id, channel from came r
            where r.file_id in (select file_id from file where state in ('ACCEPTED', 'RELEASED')) {left_out}
              and not exists (select 1 from journal_line j where j.file_id = r.file_id and j.channel = r.channel
                              and j.rule in ({_names(rules)})))
        select record_id, 1 as sign, entity, file_id, file_id as salt, {", ".join(own)}
        from {table} semi join waited using (file_id, channel) where withdrawn is not true
        union all
        select o.record_id, -1, o.entity, n.file_id, n.file_id, {", ".join(f"o.{name}" for name in own)}
        from {table} o join {table} n on n.supersedes = o.record_id
        join waited w on w.file_id = n.file_id and w.channel = o.channel"""


def _derived_sql(rules: Sequence[Rule], without: str) -> str:
    """What shipments of a channel that waited have earned, where nothing of it has posted."""
    left_out = f"and record_id not in (select unit from {without})" if without else ""
    sums = ", ".join(f"sum({name}) as {name}" for name in SHIPMENT_AMOUNTS)
    return f"""select record_id, 1 as sign, entity, channel, '' as file_id, 'channel' as salt, record_id as posting,
        order_id, sku,
               min(shipped_at) as shipped_at, min(qty) as qty, currency, {sums}
        from shipment_value join {CHANNELS} using (channel)
        where (channel in {WAITED} or record_id in (select unit from ({again(step_of("shipment_value").name)})))
          {left_out} and record_id not in (
            select s.record_id from journal_source s join journal_line using (entry_id, line_no)
            where rule in ({_names(rules)}))
        group by record_id, entity, channel, order_id, sku, currency"""


def _names(rules: Sequence[Rule]) -> str:
    return words([rule.name for rule in rules])
