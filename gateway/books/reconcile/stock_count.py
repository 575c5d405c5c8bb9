"""What a partner counted against the book as at the count's own cut-off, never against now."""

from __future__ import annotations

import pyarrow as pa

from gateway.books import feeds
from gateway.books.reconcile import uncounted
from gateway.books.reconcile.registry import Reconciliation
from gateway.books.reconcile.tables import Working, source
from gateway.books.stock.views import HOLDS
from gateway.model import MAPPABLE, status
from gateway.sql import identifier, lay

CODES = (
    "QTY_SHORT",
    "QTY_OVER",
    "STATUS_MISMATCH",
    "SKU_UNKNOWN",
    "NEG_ON_HAND",
    "SNAPSHOT_MISSING",
    "UNITS_HELD",
    uncounted.CODE,
)
LISTED_MAX = 20
"""Buckets that the exception of a hold names."""
_STALE = pa.schema(
    [
        *((name, pa.utf8()) for name in ("feed", "partner", "entity")),
        ("event_date", pa.date32()),
        ("period", pa.utf8()),
        ("due", pa.utf8()),
    ]
)
OUTSIDE = ", ".join(f"'{name}'" for name in status.OUTSIDE)


def run(working: Working, block: Reconciliation) -> None:
    """Compare the latest full count of each location, and look for stock below nothing and unknown names."""
    stale, counts = _stale(working), _latest(working)
    unread = uncounted.find(working, counts)
    _compare(working, block, stale, counts, unread)
    uncounted.show(working, block, counts, unread)
    working.exceptions_from_detail(
        block,
        """case code when 'STATUS_MISMATCH' then 'At ' || location || ' ' || sku || ': the partner holds '
                || abs(coalesce(external_qty, 0) - coalesce(book_qty, 0)) || ' units in another status than the book'
           when 'NOT_COUNTED' then 'At ' || location || ' ' || sku || ': not counted: its row was rejected; book '
                || coalesce(book_qty, 0) || ' at the cut-off'
           else 'At ' || location || ' ' || sku || ' ' || bucket || ': counted ' || coalesce(external_qty, 0)
                || ', book ' || coalesce(book_qty, 0) || ' at the cut-off' end
           || case when contains(book_reference, 'carried forward')
                then '; the count is carried forward, no newer one came' else '' end
           || case when contains(book_reference, 'rejected rows')
                then '; rows of the count that name no item were rejected: it may be one of them' else '' end""",
    )
    if working.recon.feeds:
        _missing(working, block, stale)
    _negative(working, block)
    _unknown(working, block)
    if working.recon.config.hold:
        _held(working, block)


def _stale(working: Working) -> str:
    """Make the relation of the feeds whose last count is carried forward, since a newer one did not come; its name."""
    rows = []
    for feed in working.recon.feeds:
        standing = feeds.standings(feed, working.arrivals[feed.name], working.recon.now)
        missing = feeds.carried_forward(feed, standing, working.recon.now)
        if missing is not None:
            period = missing.period
            rows.append((feed.name, feed.partner, feed.entity, period.day, period.key, feed.local(period.due)))
    lay(working.con, "_stale", rows, _STALE)
    return "_stale"


def _missing(working: Working, block: Reconciliation, stale: str) -> None:
    """Say of each location whose count did not come which count stays in use."""
    working.add_exceptions(
        block,
        f"""with fed as (select distinct file_id, feed from file),
        counted as (
            select f.feed, c.entity, c.location, max(c.as_of) as as_of from inventory_snapshot_current c
            join fed f using (file_id) where c.scope = 'FULL' group by all)
        select 'SNAPSHOT_MISSING' as code,
               concat_ws('|', s.feed, c.location, s.period) as business_key, s.entity, s.partner, c.location,
               s.feed as document, s.event_date,
               s.feed || ' of ' || s.period || ' was due at ' || s.due || ' and did not come; '
               || coalesce('the count of ' || strftime(c.as_of, '%Y-%m-%d %H:%M') || ' UTC at ' || c.location
                           || ' stays in use, compared with the book of that time', 'there is no earlier one')
               as message
        from {stale} s left join counted c using (feed)""",
    )


def _latest(working: Working) -> str:
    """Make the relation of the latest full count of each location, and one of its files; its name."""
    working.con.execute(
        f"""create or replace temp table _latest_counts as
        select entity, partner, location, max(as_of) as as_of, any_value(file_id
            order by as_of desc, file_id) as last_file
        from inventory_snapshot_current where scope = 'FULL' and as_of <= {working.recon.now_sql} group by all"""
    )
    return "_latest_counts"


def _compare(working: Working, block: Reconciliation, stale: str, counts: str, unread: uncounted.Unread) -> None:
    """Statuses that the partner never reports are not compared. Tolerance: units and value, none for A items."""
    tolerance = working.recon.config.tolerance
    working.add_detail(
        block,
        f"""with latest as (from {counts}),
        stale as (
            select distinct l.entity, l.partner, l.location, s.period from latest l
            join (select distinct file_id, feed from file) f on f.file_id = l.last_file
            join {stale} s on s.feed = f.feed),
        counted as (
            select s.entity, s.partner, s.location, s.as_of, s.sku, s.status, sum(s.qty) as qty,
                   {source("s")}
            from inventory_snapshot_current s join latest l
              on l.entity = s.entity and l.partner = s.partner and l.location = s.location and l.as_of = s.as_of
            where s.sku not like '?%' group by all),
        reported as (select distinct entity, location, status from counted),
        moved as (
            select m.entity, l.location, m.sku, m.to_status as status, m.qty from inventory_movement m
            join latest l on l.entity = m.entity and l.location = m.to_location and m.occurred_at <= l.as_of
            union all
            select m.entity, l.location, m.sku, m.from_status, -m.qty from inventory_movement m
            join latest l on l.entity = m.entity and l.location = m.from_location and m.occurred_at <= l.as_of),
        book as (
            select entity, location, sku, status, sum(qty) as qty from moved
            semi join reported using (entity, location, status)
            where sku not like '?%' group by all having sum(qty) <> 0),
        cost as (
            select entity, sku, any_value(unit_cost order by occurred_at desc, unit_cost) as unit_cost
            from stock_value where unit_cost is not null group by all),
        paired as (
            select coalesce(c.entity, b.entity) as entity, l.partner, coalesce(c.location, b.location) as location,
                   coalesce(c.sku, b.sku) as sku, coalesce(c.status, b.status) as status, l.as_of,
                   c.qty as external, b.qty as book, coalesce(c.qty, 0) - coalesce(b.qty, 0) as difference,
                   c.file_id, c."position"
            from counted c full join book b
              on b.entity = c.entity and b.location = c.location and b.sku = c.sku and b.status = c.status
            join latest l on l.entity = coalesce(c.entity, b.entity) and l.location = coalesce(c.location, b.location)
            where not exists (select 1 from {unread.items} u where u.entity = l.entity and u.location = l.location
                              and u.sku = coalesce(c.sku, b.sku))),
        judged as (
            select b.*, i.abc, k.unit_cost,
                   sum(b.difference) over (partition by b.entity, b.location, b.sku) as net,
                   count(*) filter (b.difference <> 0) over (partition by b.entity, b.location, b.sku) as off
            from paired b left join (select sku, max(abc) as abc from item_current group by sku) i using (sku)
            left join cost k on k.entity = b.entity and k.sku = b.sku)
        select entity, partner, location, sku, status as bucket,
               cast(as_of as date) as event_date, external as external_qty, book as book_qty,
               case when difference = 0 then 'MATCHED'
                   when coalesce(abc, '') <> 'A' and abs(difference) <= {tolerance.stock_units}
                   and abs(difference) * coalesce(unit_cost, 0) <= {tolerance.stock_value}
                   then 'WITHIN_TOLERANCE' else 'OPEN' end as state,
               case when difference = 0 then null when off > 1 and net = 0 then 'STATUS_MISMATCH'
                   when difference < 0 then 'QTY_SHORT' else 'QTY_OVER' end as code,
               location || '|' || sku || '|' || case when off > 1 and net = 0 then 'AVAILABLE' else status
                   end as business_key,
               file_id, "position",
               'book at ' || strftime(as_of, '%Y-%m-%d %H:%M') || ' UTC'
                   || coalesce('; count carried forward, that of ' || period || ' did not come', '')
                   || case when external is null and exists (
                        select 1 from {unread.rows} u where u.entity = judged.entity and u.location = judged.location)
                      then '; rejected rows of the count name no item' else '' end as book_reference
        from judged left join stale using (entity, partner, location)""",
    )


def _negative(working: Working, block: Reconciliation) -> None:
    working.add_exceptions(
        block,
        f"""select 'NEG_ON_HAND' as code,
               location || '|' || sku || '|' || status as business_key, entity, location, sku,
               cast(last_moved_at as date) as event_date, qty as book_qty, qty,
               'The book of ' || location || ' holds ' || qty || ' of ' || sku || ' ' || status as message
        from stock where qty < 0 and location not in ({OUTSIDE})
          and status not in ({OUTSIDE}) and sku not like '?%'""",
    )


def _unknown(working: Working, block: Reconciliation) -> None:
    """Names of items that nobody knew when their files were read.

    Such an exception is open while rows of its file count under the name, even if it is known by now: the file is to be
    replayed. It closes when they are replaced, by a replay or by a later file; without such rows, when the name is
    known.
    """
    if not working.con.execute("select 1 from fault where code = 'SKU_UNKNOWN' limit 1").fetchone():
        return
    known = """exists (select 1 from item_alias_current a where a.external_id = f.value
                       and a.alias_partner in (f.partner, '*'))
               or exists (select 1 from item_current i where i.sku = f.value)"""
    working.add_exceptions(
        block,
        f"""with counted as ({_under_unknown_names()}),
        named as (
            select f.*, {known} as known, c.now > 0 as counts, c.file_id is not null as counted
            from fault f left join counted c on c.file_id = f.file_id and c.sku = '?' || f.value
            where f.code = 'SKU_UNKNOWN')
        select 'SKU_UNKNOWN' as code, business_key, entity,
               min(f.partner) as partner, '?' || min(value) as sku,
               any_value(message order by f.file_id, f.recorded_at desc, message)
                   || case when bool_and(known)
                      then '. It is known now. Fix: `gateway replay '
                          || string_agg(distinct f.file_id, ' ' order by f.file_id) || '`' else '' end as message,
               {source("f")}
        from named f where case when counted then counts else not known end
        group by business_key, entity""",
    )


def _under_unknown_names() -> str:
    """SELECT of file_id, sku, now: names behind '?' in each file's records, and how many of these hold now."""
    # As a range and not by `like`: files of the lake without such names are not read.
    unknown = "sku >= '?' and sku < '@'"
    # What takes a movement back is no row of the file.
    own = {name: " and reversal_of is null" if table.column("reversal_of") else "" for name, table in MAPPABLE.items()}
    parts = [
        f"""select file_id, sku, record_id in (select record_id from {identifier(table.present)} where {unknown}) as now
            from {identifier(name)} where {unknown}{own[name]}"""
        for name, table in MAPPABLE.items()
        if table.column("sku")
    ]
    return f"select file_id, sku, count(*) filter (now) as now from ({' union all '.join(parts)}) group by all"


def _held(working: Working, block: Reconciliation) -> None:
    """Units that a hold keeps from sale: one exception for each hold and location while it lasts, naming them."""
    units = "rtrim(rtrim(cast(s.qty as varchar), '0'), '.')"
    working.add_exceptions(
        block,
        f"""with listed as (
            select s.entity, s.location, h.hold_no, s.qty, {units} || ' ' || s.sku || ' ' || s.status as held,
                   row_number() over (partition by s.entity, s.location, h.hold_no order by s.sku, s.status) as n
            from stock s join {HOLDS} h
              on s.location = coalesce(h.location, s.location) and s.sku = coalesce(h.sku, s.sku)
            where cast({working.recon.now_sql} as date) between h.since and coalesce(h.until, date '9999-12-31')
              and s.qty > 0 and s.location not in ({OUTSIDE}) and s.status not in ({OUTSIDE})),
        summed as (
            select entity, location, hold_no, sum(qty) as qty, count(*) - {LISTED_MAX} as more,
                   string_agg(held, ', ' order by n) filter (n <= {LISTED_MAX}) as held
            from listed group by all)
        select 'UNITS_HELD' as code, entity, s.location, h.sku, h.since as event_date,
               concat_ws('|', s.location, coalesce(h.sku, '*'), h.since, h.reason) as business_key,
               s.qty as book_qty, s.qty,
               h.reason || ', held at ' || s.location || ' from ' || h.since || coalesce(' to ' || h.until, '')
               || ': ' || held || case when more > 0 then ' and ' || more || ' more' else '' end as message
        from summed s join {HOLDS} h using (hold_no)""",
    )
