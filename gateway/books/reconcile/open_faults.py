"""Faults of files that are still open, and the exceptions that they make."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from gateway.books.reconcile.registry import Reconciliation
from gateway.books.reconcile.tables import Working, source
from gateway.fault_codes import LINE_MISSING, ROW_DOUBLED
from gateway.ledger import views
from gateway.model import MAPPABLE
from gateway.sql import identifier, literal, words

MESSAGES_MAX = 5
PLACES_MAX = 5
"""So many different messages and places an exception of equal faults says; all stand in the list of rejected rows."""
_TAKEN = "('ACCEPTED', 'RELEASED')"


def open_faults(working: Working, block: Reconciliation, codes: Sequence[str]) -> None:
    """Make an exception of the open faults of each code and key."""
    working.add_exceptions(
        block,
        f"""select code, business_key,
               entity, min(partner) as partner, min(name) as document,
               cast(min(arrived_at) as date) as event_date, min(amount) as amount, min(currency) as currency,
               {_message()} as message, {source()}
        from ({open_faults_sql(working.con, codes)}) group by code, business_key, entity""",
    )


def _message() -> str:
    """SQL of what is said of equal faults: the first messages; of several rejected rows also how many, and where."""
    first = "list_sort(list_distinct(list(message)))"
    # Shorter texts first: "line 9" comes before "line 10".
    places = 'list_sort(list_distinct(list(struct_pack(n := length("position"), p := "position"))))'
    return f"""array_to_string({first}[:{MESSAGES_MAX}], '; ')
        || case when len({first}) > {MESSAGES_MAX} then '; and ' || (len({first}) - {MESSAGES_MAX})
            || ' more such' else '' end
        || case when code = 'ROW_REJECT' and len({places}) > 1
           then ' (' || len({places}) || ' rows: '
                || array_to_string(list_transform({places}[:{PLACES_MAX}], x -> x.p), ', ')
                || case when len({places}) > {PLACES_MAX} then ', …' else '' end || ')' else '' end"""


def open_faults_sql(con: duckdb.DuckDBPyConnection, codes: Sequence[str]) -> str:
    """SELECT of the open faults of these codes, with name, state, bytes and arrival of their file.

    A fault stays open until one of these corrects it: its file is released or replayed without it; a later file of the
    same partner with the same name is accepted; of a file that is refused, the same bytes are accepted as another file;
    of a rejected row, a file that came later has the record of the same key. A doubled row counts whatever comes under
    the name of its file: it is open until one record of its key is left, or a later file has its key twice. So does a
    line that a version of its document has not: it is open until it is taken back, or a later file states it again.
    """
    later = "({0}.recorded_at, {0}.name, {0}.arrived_at) > (p.recorded_at, p.name, p.arrived_at)"
    doubled = f"""p.code = '{ROW_DOUBLED}' and p.state <> 'HELD' and p.source_key in ({_still_doubled(con, codes)})
        and not exists (select 1 from present q where q.code = p.code and q.source_key = p.source_key
                        and q.state <> 'HELD' and {later.format("q")})"""
    return f"""with newest as (select file_id, max(recorded_at) as at from file where state <> 'DUPLICATE'
        group by file_id),
        present as (
            select f.*, s.name, s.state, s.arrived_at, s.sha256 from fault f
            join newest n on n.file_id = f.file_id and f.recorded_at = n.at
            join {views.STANDING} s on s.file_id = f.file_id
            where f.code in ({words(list(codes))})),
        corrected as ({_corrected(con, codes)})
        select p.* from present p left join corrected c on c.source_key = p.source_key
        where ({doubled}) or (p.code = '{LINE_MISSING}' and p.state <> 'HELD' and c.arrived_at <= p.arrived_at)
          or (p.code not in ('{ROW_DOUBLED}', '{LINE_MISSING}')
          and not (p.state = 'RELEASED' and p.code in ('CONTROL_TOTAL', 'SETTLE_NOT_FOOT'))
          and not exists (
            select 1 from file g where g.partner = p.partner and g.name = p.name and g.file_id <> p.file_id
              and g.state in {_TAKEN} and {later.format("g")})
          and not (p.code = 'FILE_REJECT' and p.sha256 in (select sha256 from file where state in {_TAKEN}))
          and (c.arrived_at is null or c.arrived_at <= p.arrived_at))"""


def _corrected(con: duckdb.DuckDBPyConnection, codes: Sequence[str]) -> str:
    """SELECT of source_key, arrived_at: the records under the keys of rejected rows and of lines that a version lacks,
    and when the last of them came."""
    tables = sorted({name for code in ("ROW_REJECT", LINE_MISSING) if code in codes for name in _named(con, code)})
    parts = [
        f"""select source_key, file_id from {identifier(MAPPABLE[name].present)} where source_key in (
            select source_key from present where record_type = {literal(name)})
            {"and reversal_of is null" if MAPPABLE[name].column("reversal_of") else ""}"""
        for name in tables
    ]
    nothing = "select null::uuid as source_key, null::varchar as file_id where false"
    return f"""select r.source_key, max(s.arrived_at) as arrived_at from ({" union all ".join(parts) or nothing}) r
            join file s on s.file_id = r.file_id and s.state in {_TAKEN} group by r.source_key"""


def _still_doubled(con: duckdb.DuckDBPyConnection, codes: Sequence[str]) -> str:
    """SELECT of the keys of doubled rows of which there is still more than one record."""
    parts = [
        f"""select source_key from {identifier(MAPPABLE[name].present)} where occurrence > 1
            {"and reversal_of is null" if MAPPABLE[name].column("reversal_of") else ""}"""
        for name in (_named(con, ROW_DOUBLED) if ROW_DOUBLED in codes else ())
    ]
    return " union all ".join(parts) or "select null::uuid as source_key where false"


def _named(con: duckdb.DuckDBPyConnection, code: str) -> list[str]:
    """Tables of the records whose rows have faults of that code."""
    named = con.execute(
        f"select distinct record_type from fault where code = {literal(code)} and source_key is not null order by 1"
    )
    return [name for (name,) in named.fetchall() if name in MAPPABLE]
