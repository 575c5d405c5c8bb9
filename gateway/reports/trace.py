"""What a number leads to: the records behind it, their file, and the place in it."""

from __future__ import annotations

from collections.abc import Iterable

import duckdb

from gateway.model import MAPPABLE
from gateway.sql import Rows, identifier, literal, rows_of, words

STOCK = ("QTY_SHORT", "QTY_OVER", "STATUS_MISMATCH", "NEG_ON_HAND")
"""Exceptions whose figure of ours is the sum of movements."""


def places(tables: Iterable[str] = MAPPABLE) -> str:
    """Relation as SQL: record_table, record_id, file_id, position of every record of these tables, replaced ones
    too."""
    parts = (
        f'select {literal(table)} as record_table, record_id, file_id, "position" from {identifier(table)}'
        for table in tables
    )
    nothing = "select '' as record_table, '' as record_id, '' as file_id, '' as \"position\" where false"
    return f"({' union all '.join(parts) or nothing})"


def _movements() -> str:
    """SELECT of the movements that make our figure of an exception about stock, up to the moment of the count."""
    sides = " union all ".join(
        f"""select record_id, file_id, "position", entity, {side}_location as location, sku, {side}_status as status,
                   {sign}qty as qty, type, occurred_at from inventory_movement"""
        for side, sign in (("to", ""), ("from", "-"))
    )
    return f"""select 'movement', concat_ws(' ', m.record_id, m.type, m.status), m.qty, null, m.record_id, m.file_id,
                       m."position", epoch_us(m.occurred_at)
                from (select e.*, split_part(e.business_key, '|', 3) as of_status,
                             (select max(s.as_of) from inventory_snapshot_current s
                              where s.scope = 'FULL' and s.entity = e.entity and s.location = e.location
                                and cast(s.as_of as date) = e.event_date) as as_of
                      from asked join exception e on e.exception_id = id where e.code in ({words(STOCK)})) a
                join ({sides}) m on m.entity = a.entity and m.location = a.location and m.sku = a.sku
                 and (m.status = a.of_status or a.code = 'STATUS_MISMATCH')
                 and (m.occurred_at <= a.as_of or a.code = 'NEG_ON_HAND')"""


def trace(con: duckdb.DuckDBPyConnection, name: str) -> Rows:
    """Where the thing of that id comes from; nothing if there is none of that id.

    name    entry_id of the journal, exception_id, match_id, record_id or file_id
    Result  kind (journal line, exception, movement, match, record, file), what (id and line or side), amount (debit −
            credit of a line, difference of an exception, units into or out of the place, amount of a match's side),
            currency, record_table, record_id, file_id,
            file (name), partner, feed, position, sha256 (of the bytes in the archive); an exception has no record
    """
    return list(
        rows_of(
            con,
            f"""with asked as (select {literal(name)} as id),
            heads as (
                select 'journal line' as kind, concat(j.entry_id, ' line ', j.line_no) as what,
                       j.debit - j.credit as amount, j.currency, s.record_id, j.file_id, null as "position",
                           j.line_no as place
                from asked join journal_line j on j.entry_id = id
                left join journal_source s on s.entry_id = j.entry_id and s.line_no = j.line_no
                union all
                select 'exception', concat(e.exception_id, ' ', e.code), coalesce(e.amount, e.qty), e.currency, null,
                       e.file_id, e."position", 0
                from asked join exception e on e.exception_id = id
                union all
                {_movements()}
                union all
                select 'match', concat(m.match_id, ' side ', m.side), m.amount, null, m.record_id, null, null, 0
                from asked join match_line m on m.match_id = id
                union all
                select 'record', r.record_id, null, null, r.record_id, r.file_id, r."position", 0
                from asked join {places()} r on r.record_id = id
                union all
                select 'file', f.file_id, null, null, null, f.file_id, null, 0
                from asked join file_state f on f.file_id = id),
            found as (
                select h.* exclude (file_id, "position"), r.record_table, coalesce(r.file_id, h.file_id) as file_id,
                       coalesce(r."position", h."position") as "position"
                from heads h left join (select * from {places()} where record_id in (select record_id from heads)) r
                  on r.record_id = h.record_id)
            select kind, what, amount, currency, record_table, record_id, file_id, f.name as file, f.partner, f.feed,
                   "position", f.sha256
            from found left join file_state f using (file_id)
            order by kind, place, what, record_table, record_id""",
        )
    )
