"""Items of a full count whose row could not be read: nobody knows what was counted, so they are not compared."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.books.reconcile.open_faults import open_faults_sql
from gateway.books.reconcile.registry import Reconciliation
from gateway.books.reconcile.tables import Working, source
from gateway.sql import literal

CODE = "NOT_COUNTED"


@dataclass(frozen=True, slots=True)
class Unread:
    """Relations of what the latest counts could not say.

    items  (entity, location, sku, file_id, position): items that a rejected row names
    rows   (entity, location): counts with rejected rows that name no known item
    """

    items: str
    rows: str


def find(working: Working, counts: str) -> Unread:
    """Make both relations. A row names an item by its SKU or a name that the partner has for it, in whatever column.

    It concerns the locations that it names, all of its file where it names none. A row that came later counts the item.
    """
    con = working.con
    con.execute(
        f"""create or replace temp table _unread_rows as
        with files as (
            select distinct s.file_id, l.entity, l.partner, l.location, l.as_of
            from inventory_snapshot_current s join {counts} l using (entity, partner, location, as_of)),
        rejected as (
            select distinct file_id, "position", recorded_at,
                   list_transform(json_extract_string(source_row, '$.*'), lambda word: lower(trim(word))) as said
            from ({open_faults_sql(con, ["ROW_REJECT"])}) where json_valid(source_row) and file_id in (select file_id
                from files)),
        places as (select file_id, list(lower(location) order by location) as places from files group by file_id)
        select f.*, r."position", r.recorded_at, r.said
        from rejected r join files f using (file_id) join places p using (file_id)
        where list_contains(r.said, lower(f.location)) or not list_has_any(r.said, p.places)"""
    )
    con.execute(
        """create or replace temp table _unread_items as
        with names as (
            select sku, '*' as partner, lower(trim(sku)) as name from item_current
            union select sku, '*', lower(trim(sku)) from stock
            union select sku, alias_partner, lower(trim(external_id)) from item_alias_current)
        select u.entity, u.partner, u.location, n.sku, u.file_id, u."position", u.as_of, u.recorded_at
        from _unread_rows u join names n on list_contains(u.said, n.name) and n.partner in ('*', u.partner)"""
    )
    con.execute(
        """create or replace temp table _unread_without_item as
        select distinct entity, location from _unread_rows
        anti join _unread_items using (entity, location, file_id, "position")"""
    )
    con.execute(
        """delete from _unread_items u where exists (
            select 1 from inventory_snapshot_current s where s.entity = u.entity and s.location = u.location
              and s.sku = u.sku and s.as_of = u.as_of and s.recorded_at > u.recorded_at)"""
    )
    return Unread("_unread_items", "_unread_without_item")


def show(working: Working, block: Reconciliation, counts: str, unread: Unread) -> None:
    """A line for each such item, with the book at the count's cut-off in every status."""
    working.add_detail(
        block,
        f"""with moved as (
            select m.entity, l.location, m.sku, m.qty from inventory_movement m
            join {counts} l on l.entity = m.entity and l.location = m.to_location and m.occurred_at <= l.as_of
            union all
            select m.entity, l.location, m.sku, -m.qty from inventory_movement m
            join {counts} l on l.entity = m.entity and l.location = m.from_location and m.occurred_at <= l.as_of),
        book as (select entity, location, sku, sum(qty) as qty from moved group by entity, location, sku)
        select u.entity, min(u.partner) as partner, u.location, u.sku, cast(min(u.as_of) as date) as event_date,
               min(b.qty) as book_qty, 'OPEN' as state, {literal(CODE)} as code,
               u.location || '|' || u.sku as business_key, {source("u")},
               'book at ' || strftime(min(u.as_of), '%Y-%m-%d %H:%M') || ' UTC' as book_reference
        from {unread.items} u left join book b using (entity, location, sku) group by u.entity, u.location, u.sku""",
    )
