"""Lines that a `[[send]]` asks for and that were not sent yet, each with what is in its way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import duckdb
import pyarrow as pa

from gateway.settings import Config, Send
from gateway.sql import instant

NO_ALIAS, NO_UNIT, UNWRITABLE = "SEND_NO_ALIAS", "SEND_NO_UNIT", "SEND_UNWRITABLE"

NOT_SHIPPED = """not exists (select 1 from shipment_line_current h where h.order_id = o.order_id
                          and (h.sku = o.sku or h.line_no = o.line_no))"""
"""Nobody shipped anything of the order line `o` yet."""

_X12 = "[^ -~]|[*>^~]|  |^ | $"
_EDIFACT = r"[^ -~\x{A0}-\x{FF}]|^ | $"
_DOCUMENT_CHARS, _ITEM_CHARS, _LINE_CHARS, _PLACE_CHARS = 22, 35, 30, 80


@dataclass(frozen=True, slots=True)
class Unsent:
    """Names of relations, as at the instant that was asked for.

    lines     send, partner, entity, document, series, names, test, record_table, record_id, record_key, document_no,
              line_no, sku, status, qty (base units), at, location, origin, item and pack (as the partner names and
              counts it), units (of `pack`), unit, and more that the document shows. `blocked` is the exception code
              of a line that cannot be sent, null where nothing is in its way; other lines go on
    sent      the newest line that was sent of each record: send, record_key, record_table, document_no, line_no,
              sku, qty, document_id, recorded_at
    settings  send, partner, entity, document, series, names, since, skip, less_safety, test
    """

    lines: str = "send_unsent"
    sent: str = "send_sent"
    settings: str = "send_setting"


def find(con: duckdb.DuckDBPyConnection, config: Config, now: datetime) -> Unsent:
    """Find what there is to send as at `now`."""
    _settings(con, config.send, config)
    con.execute(
        """create or replace temp table send_sent as
        select l.send, l.record_key, l.record_table, l.document_no, l.line_no, l.sku, l.qty, l.document_id,
            l.recorded_at
        from document_line l join send_setting s on s.send = l.send and s.test = l.test_flag
        where l.record_key is not null
        qualify row_number() over (partition by l.send, l.record_key order by l.recorded_at desc) = 1"""
    )
    con.execute(
        f"""create or replace temp table send_line as
        {_stock(now)}
        union all by name {_orders()}
        union all by name {_transfers()}
        union all by name {_advices()}
        union all by name {_returns()}"""
    )
    _resolve(con, now)
    return Unsent()


def _settings(con: duckdb.DuckDBPyConnection, sends: Sequence[Send], config: Config) -> None:
    """The tables send_setting, send_place and send_status."""
    rows = [
        {
            "send": send.name,
            "partner": send.partner,
            "entity": config.partners[send.partner].entity,
            "document": send.document,
            "series": send.series,
            "names": send.names,
            "skip": send.unnamed == "skip",
            "less_safety": send.less_safety,
            "test": send.test,
            "since": str(send.since) or None,
        }
        for send in sends
    ]
    texts = ("send", "partner", "entity", "document", "series", "names", "since")
    flags = ("skip", "less_safety", "test")
    schema = pa.schema([*((name, pa.utf8()) for name in texts), *((name, pa.bool_()) for name in flags)])
    pairs = pa.schema([("send", pa.utf8()), ("value", pa.utf8())])
    places = [{"send": send.name, "value": place} for send in sends for place in send.locations]
    statuses = [{"send": send.name, "value": status} for send in sends for status in send.statuses]
    for name, table in (
        ("send_setting", pa.Table.from_pylist(rows, schema)),
        ("send_place", pa.Table.from_pylist(places, pairs)),
        ("send_status", pa.Table.from_pylist(statuses, pairs)),
    ):
        con.register("send_given", table)
        con.execute(f"create or replace temp table {name} as select * from send_given")
        con.unregister("send_given")
    con.execute(
        """create or replace temp table send_setting as
        select * replace (cast(since as date)::timestamptz as since) from send_setting"""
    )


def _stock(now: datetime) -> str:
    """Units in each status of each item that ever was at the places; nothing left is sent as 0."""
    return f"""
        select s.send, null as record_table, null as record_id, null as record_key, m.location as document_no,
               null as line_no, m.sku, t.value as status,
               greatest(coalesce(sum(m.qty) filter (m.status = t.value), 0)
                        - case when s.less_safety and t.value = 'AVAILABLE' then coalesce(min(i.safety_qty), 0)
                               else 0 end, 0) as qty,
               {instant(now)} as "at", m.location
        from send_setting s join send_place p using (send) join send_status t using (send)
        join (select entity, to_location as location, sku, to_status as status, qty, occurred_at from inventory_movement
              union all
              select entity, from_location, sku, from_status, -qty, occurred_at from inventory_movement) m
          on m.location = p.value and m.entity = s.entity and m.occurred_at <= {instant(now)} and m.sku not like '?%'
        left join (select sku, max(safety_qty) as safety_qty from item_current group by sku) i on i.sku = m.sku
        where s.document in ('846', 'INVRPT')
        group by s.send, s.less_safety, m.location, m.sku, t.value"""


def _orders() -> str:
    """Open order lines of the places that nobody shipped yet."""
    return f"""
        select s.send, 'order_line' as record_table, o.record_id, o.source_key || '/' || o.occurrence as record_key,
               o.order_id as document_no, o.line_no, o.sku, o.qty - coalesce(o.cancelled_qty, 0) as qty,
               o.ordered_at as "at", o.location, cast(o.promise_at as date) as due, o.ship_to_name, o.ship_to_code,
               o.ship_to_street, o.ship_to_city, o.ship_to_region, o.ship_to_postcode, o.ship_to_country
        from send_setting s join send_place p using (send)
        join order_line_current o on o.location = p.value and o.entity = s.entity and o.partner <> s.partner
        where s.document = '940' and o.ordered_at >= s.since and o.order_status = 'OPEN'
          and coalesce(o.hold_reason, '') = '' and o.qty > coalesce(o.cancelled_qty, 0)
          and {NOT_SHIPPED}"""


def _transfers() -> str:
    """Stock of ours on its way to the places."""
    return """
        select s.send, 'inventory_movement' as record_table, m.record_id,
               m.source_key || '/' || m.occurrence as record_key, coalesce(m.document_no, m.record_id) as document_no,
               m.document_line as line_no, m.sku, m.qty, m.occurred_at as "at", m.to_location as location,
               m.from_location as origin, m.lot, m.serial
        from send_setting s join send_place p using (send)
        join inventory_movement_current m on m.to_location = p.value and m.entity = s.entity and m.partner <> s.partner
        where s.document = '943' and m.occurred_at >= s.since and m.type = 'TRANSFER' and m.to_status = 'XFER_TRANSIT'
          and m.from_location <> m.to_location"""


def _advices() -> str:
    """Goods of suppliers on their way to the places."""
    return """
        select s.send, 'asn_line' as record_table, a.record_id, a.source_key || '/' || a.occurrence as record_key,
               a.asn as document_no, a.line_no, a.sku, a.qty, a.shipped_at as "at", a.location,
               coalesce(a.supplier, a.partner) as origin, a.po as reference, a.eta as due, a.carrier, a.lot, a.serial
        from send_setting s join send_place p using (send)
        join asn_line_current a on a.location = p.value and a.entity = s.entity and a.partner <> s.partner
        where s.document = '943' and a.shipped_at >= s.since"""


def _returns() -> str:
    """Returns that were authorised; with places, only those that come back to them."""
    return """
        select s.send, 'return_event' as record_table, r.record_id, r.source_key || '/' || r.occurrence as record_key,
               coalesce(r.rma, r.order_id, r.record_id) as document_no, r.line_no, r.sku, r.qty, r.occurred_at as "at",
               r.location, r.order_id, r.serial, r.reason, r.disposition
        from send_setting s join return_event_current r on r.entity = s.entity and r.partner <> s.partner
        where s.document = '180' and r.occurred_at >= s.since and r.stage = 'AUTHORISED'
          and (not exists (select 1 from send_place p where p.send = s.send)
               or r.location in (select value from send_place p where p.send = s.send))"""


def _resolve(con: duckdb.DuckDBPyConnection, now: datetime) -> None:
    """Leave out what was sent, and find the partner's name of each item, its unit, and what is in the way."""
    forbidden = f"case series when 'x12' then '{_X12}' else '{_EDIFACT}' end"
    con.execute(
        f"""create or replace temp table send_unsent as
        with named as (
            select s.send, a.sku, arg_min(struct_pack(item := a.external_id, pack := coalesce(a.pack_qty, 1)),
                (coalesce(a.pack_qty, 1), a.alias_partner = '*', a.external_id)) as alias
            from send_setting s join item_alias_current a
              on a.id_type = s.names and a.alias_partner in (s.partner, '*')
             and coalesce(a.valid_from, date '0001-01-01') <= cast({instant(now)} as date)
             and coalesce(a.valid_to, date '9999-12-31') >= cast({instant(now)} as date)
            where coalesce(a.pack_qty, 1) > 0
            group by s.send, a.sku),
        items as (select sku, min(name) as description, upper(min(base_uom)) as unit
                  from item_current group by sku),
        found as (
            select l.*, s.partner, s.entity, s.document, s.series, s.names, s.test, s.skip,
                   case when s.names = 'SKU' then l.sku else n.alias.item end as item,
                   case when s.names = 'SKU' then 1::decimal(18,4) else n.alias.pack end as pack, i.description, i.unit
            from send_line l join send_setting s using (send)
            left join named n on n.send = l.send and n.sku = l.sku left join items i on i.sku = l.sku
            where l.record_key is null or not exists (
                select 1 from send_sent t where t.send = l.send and t.record_key = l.record_key))
        select * exclude (skip), case when pack = 1 then qty else cast((qty - qty % pack) / pack as decimal(18,4))
            end as units,
               case when item is null or sku like '?%' then '{NO_ALIAS}'
                    when unit is null or (record_table is not null and qty % pack <> 0) then '{NO_UNIT}'
                    when len(document_no) > {_DOCUMENT_CHARS} and record_table is not null or len(item) > {_ITEM_CHARS}
                      or len(line_no) > {_LINE_CHARS} or len(location) > {_PLACE_CHARS} or len(origin) > {_PLACE_CHARS}
                      or len(list_filter([item, document_no, line_no, location, origin, reference, order_id, lot,
                          serial],
                                         lambda cell: regexp_matches(cell, {forbidden}))) > 0
                    then '{UNWRITABLE}' end as blocked
        from found where not (skip and item is null)"""
    )
