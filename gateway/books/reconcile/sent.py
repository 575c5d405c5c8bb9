"""What was sent against what partners say of it: accepted is closed; rejected, overdue or unknown is an exception."""

from __future__ import annotations

import duckdb
import pyarrow as pa

from gateway.books.reconcile.registry import Reconciliation
from gateway.books.reconcile.tables import Recon, Working, source
from gateway.model.functional_groups import FUNCTIONAL
from gateway.outgoing import unsent_lines
from gateway.outgoing.unsent_lines import Unsent
from gateway.sql import has_rows

CODES = (
    "ACK_OVERDUE",
    "ACK_REJECTED",
    "ACK_UNKNOWN",
    unsent_lines.NO_ALIAS,
    unsent_lines.NO_UNIT,
    unsent_lines.UNWRITABLE,
    "SEND_CHANGED",
)
SERIES = {"997": "x12", "999": "x12", "ta1": "x12", "contrl": "edifact", "aperak": "edifact"}
"""What a partner may answer → the series of control numbers that it answers."""


def run(working: Working, block: Reconciliation) -> None:
    """Match by partner and control number, then say what is rejected, overdue or unknown."""
    con, recon = working.con, working.recon
    if not recon.config.send and not has_rows(con, "acknowledgement_sent", "document_sent", "acknowledgement"):
        return
    _agreements(con, recon)
    _sent(con)
    _said(con)
    _judged(con, recon)
    _detail(working, block)
    _exceptions(working, block)
    _unknown(working, block)
    _payments(working, block)
    if recon.config.send:
        unsent = unsent_lines.find(con, recon.config, recon.now)
        _blocked(working, block, unsent)
        _changed(working, block, unsent)


def _agreements(con: duckdb.DuckDBPyConnection, recon: Recon) -> None:
    partners = recon.config.partners.items()
    rows = [
        {
            "partner": name,
            "entity": partner.entity,
            "expect": partner.acknowledge.expect.upper(),
            "series": SERIES.get(partner.acknowledge.expect, ""),
            "within_s": partner.acknowledge.within_h * 3600,
        }
        for name, partner in partners
    ]
    names = ("partner", "entity", "expect", "series")
    schema = pa.schema([*((name, pa.utf8()) for name in names), ("within_s", pa.float64())])
    con.register("ack_rows", pa.Table.from_pylist(rows, schema))
    con.execute("create or replace temp table ack_agreement as select * from ack_rows")
    con.unregister("ack_rows")


def _sent(con: duckdb.DuckDBPyConnection) -> None:
    """What went out under a control number. Answers to answers are never expected, nor those to tests."""
    functional = " ".join(f"when '{kind}' then '{code}'" for kind, code in FUNCTIONAL.items())
    con.execute(
        f"""create or replace temp table ack_sent as
        with everything as (
            select partner, series, control_no, kind, name, null as send, null::bigint as sets,
                   coalesce(test_flag, false) as test, recorded_at,
                   kind in ('824', 'APERAK') as answerable
            from acknowledgement_sent where state = 'COMPOSED' and series <> 'feedback'
            union all
            select partner, series, control_no, kind, name, send, sets, test_flag, recorded_at, true
            from document_sent where state = 'COMPOSED')
        select s.*, g.entity, case s.kind {functional} end as functional, g.expect, g.within_s,
               s.answerable and not s.test and g.series = s.series as awaited
        from everything s left join ack_agreement g using (partner)"""
    )


def _said(con: duckdb.DuckDBPyConnection) -> None:
    """Answers with the control number that they name, the newest file of each kind to each number.

    Numbers of groups are counted for each functional identifier: SH 2 and AG 2 are two groups.
    """
    con.execute(
        """create or replace temp table ack_said as
        with numbered as (
            select a.*, case when kind in ('TA1', '997', '999') then 'x12' else 'edifact' end as series,
                   try_cast(case when kind in ('997', '999') then group_no
                                 when kind = 'APERAK' then regexp_extract(document_no, '^([0-9]+)-[0-9]+$', 1)
                                 else interchange_no end as bigint) as number
            from acknowledgement_current a where kind not in ('BANSTA', 'PAIN.002'))
        select * from numbered
        qualify file_id = first_value(file_id) over (
            partition by partner, series, number, kind, group_kind
            order by acknowledged_at desc, recorded_at desc, file_id)"""
    )
    con.execute(
        """create or replace temp table ack_answered as
        select s.partner, s.series, s.control_no, s.sets, s.expect,
               a.kind as answer, a.level, a.status, a.set_no, a.errors, a.error_position, a.message as words,
               a.sets_received, a.record_id, a.file_id, a."position"
        from ack_sent s join ack_said a
          on a.partner = s.partner and a.series = s.series and a.number = s.control_no
         and (a.group_kind is null or s.functional is null or a.group_kind = s.functional)
         and (s.answerable or a.kind = 'TA1' or a.kind = 'CONTRL')"""
    )


def _judged(con: duckdb.DuckDBPyConnection, recon: Recon) -> None:
    """One row for each thing sent that is awaited or answered. A later report of stock stands for an earlier one."""
    con.execute(
        f"""create or replace temp table ack_judged as
        with verdicts as (
            select partner, series, control_no,
                   bool_or(status in ('REJECTED', 'PARTIAL') or (level = 'GROUP' and sets_received < sets)) as bad,
                   bool_or(answer = expect and status = 'ACCEPTED'
                           and level = case when answer in ('997', '999') then 'GROUP' when answer = 'APERAK' then 'SET'
                                            else 'INTERCHANGE' end) as good,
                   string_agg(distinct nullif(concat_ws(' ', 'set ' || set_no, error_position, errors, words), ''), '; '
                              order by nullif(concat_ws(' ', 'set ' || set_no, error_position, errors, words), ''))
                       filter (status in ('REJECTED', 'PARTIAL') or level = 'ERROR') as errors,
                   any_value(answer order by status in ('REJECTED', 'PARTIAL') desc, record_id) as answer,
                   any_value(file_id order by status in ('REJECTED', 'PARTIAL') desc, record_id) as file_id,
                   any_value("position" order by status in ('REJECTED', 'PARTIAL') desc, record_id) as "position"
            from ack_answered group by all),
        single as (
            select s.*, coalesce(v.bad, false) as bad, coalesce(v.good, false) as good, v.errors, v.answer, v.file_id,
                   v."position"
            from ack_sent s left join verdicts v using (partner, series, control_no)
            where s.awaited or v.answer is not null),
        followed as (
            select *, s.kind in ('846', 'INVRPT') and exists (
                select 1 from single t where t.send = s.send and t.partner = s.partner and t.control_no > s.control_no
                  and t.good and not t.bad) as replaced
            from single s)
        select *, case when replaced then 'MATCHED' when bad then 'OPEN' when good or not awaited then 'MATCHED'
                       when recorded_at + to_seconds(within_s) < {recon.now_sql} then 'OPEN' else 'TIMING' end as state,
               case when replaced then null when bad then 'ACK_REJECTED' when good or not awaited then null
                    when recorded_at + to_seconds(within_s) < {recon.now_sql} then 'ACK_OVERDUE' end as code
        from followed"""
    )


def _detail(working: Working, block: Reconciliation) -> None:
    working.add_detail(
        block,
        """select entity, partner, kind as bucket, name as document,
               cast(recorded_at as date) as event_date, state, code,
               partner || '|' || series || '|' || control_no as business_key, file_id, "position",
               'control number ' || control_no as book_reference
        from ack_judged""",
    )


def _exceptions(working: Working, block: Reconciliation) -> None:
    working.add_exceptions(
        block,
        """select code, partner || '|' || series || '|' || control_no as business_key,
               entity, partner, name as document, cast(recorded_at as date) as event_date,
               kind || ' ' || control_no || ' of ' || strftime(recorded_at, '%Y-%m-%d %H:%M') || ' UTC'
                   || case code when 'ACK_OVERDUE' then ' was not acknowledged (' || expect || ') in time'
                   else ' was rejected by ' || answer || coalesce(': ' || errors, '') end as message,
               file_id, "position"
        from ack_judged where code is not null""",
    )


def _unknown(working: Working, block: Reconciliation) -> None:
    """Of partners that have agreed to acknowledge: answers to what was never sent, or to a set that was not in it."""
    working.add_exceptions(
        block,
        f"""with heads as (
            select a.*, g.entity as owner_entity,
                   coalesce(a.group_kind || ' ', '') || coalesce(a.group_no, a.interchange_no)
                   || coalesce(' set ' || case when a.level = 'SET' then a.set_no end, '') as what
            from ack_said a join ack_agreement g on g.partner = a.partner and g.expect <> 'NONE'
            where (a.kind in ('997', '999') and a.level in ('GROUP', 'SET'))
               or (a.kind in ('TA1', 'CONTRL') and a.level = 'INTERCHANGE'))
        select 'ACK_UNKNOWN' as code,
               h.partner || '|' || h.kind || '|' || h.what as business_key, min(h.owner_entity) as entity, h.partner,
               h.what as document, min(cast(h.acknowledged_at as date)) as event_date,
               h.partner || ' acknowledges ' || h.what || ' by ' || h.kind || ', which was never sent to it' as message,
               {source("h")}
        from heads h
        where case h.level when 'SET' then exists (
                select 1 from ack_answered d where d.record_id = h.record_id and try_cast(h.set_no as bigint) > d.sets)
              else not exists (select 1 from ack_answered d where d.record_id = h.record_id) end
        group by h.partner, h.kind, h.what""",
    )


def _payments(working: Working, block: Reconciliation) -> None:
    """Payment orders that a bank rejected, by the newest status of each. They are sent by others."""
    working.add_exceptions(
        block,
        """select 'ACK_REJECTED' as code,
               partner || '|BANSTA|' || document_no as business_key, entity, partner, document_no as document,
               cast(acknowledged_at as date) as event_date,
               'Payment order ' || document_no || ' was rejected by the bank'
                   || coalesce(': ' || nullif(concat_ws(' ', errors, error_position, message), ''), '') as message,
               file_id, "position" from (select * from acknowledgement_current where kind in ('BANSTA', 'PAIN.002')
              qualify row_number() over (partition by partner, document_no
                                         order by acknowledged_at desc, recorded_at desc, record_id desc) = 1)
        where status = 'REJECTED'""",
    )


def _blocked(working: Working, block: Reconciliation, unsent: Unsent) -> None:
    """What a document should hold and cannot: once for an item, line by line for a number."""
    working.add_exceptions(
        block,
        f"""with held as (
            select *, document || ' to ' || partner || ' (' || send || '): ' as head,
                   blocked = '{unsent_lines.NO_ALIAS}' or unit is null as of_item
            from {unsent.lines} where blocked is not null)
        select blocked as code,
               concat_ws('|', send, sku, case when not of_item then document_no end, case when not of_item
                   then line_no end) as business_key,
               entity, min(partner) as partner, min(location) as location, sku,
               case when count(distinct document_no) = 1 then min(document_no) end as document,
               min(cast("at" as date)) as event_date, sum(qty) filter (record_table is not null) as book_qty,
               min(head) || sku || case
                   when blocked = '{unsent_lines.NO_ALIAS}' then ' has no name of kind ' || min(names) || ' there'
                   when min(of_item) then ' has no unit (base_uom)'
                   when blocked = '{unsent_lines.NO_UNIT}' then ': ' || min(qty) || ' are no whole number of packs of '
                   || min(pack) || ' (' || min(document_no) || ')'
                   else ' of ' || min(document_no) || ' has a number that is too long, or holds characters that '
                   || 'cannot be written' end as message
        from held group by entity, send, blocked, sku, case when not of_item then document_no end,
                           case when not of_item then line_no end""",
    )


def _changed(working: Working, block: Reconciliation, unsent: Unsent) -> None:
    """Orders that differ from what the warehouse was sent, as long as it has not shipped."""
    working.add_exceptions(
        block,
        f"""with ordered as (
            select t.send, t.document_no, t.line_no, t.qty as sent_qty, s.partner, o.* exclude (line_no, partner),
                   case o.order_status when 'CANCELLED' then 0 else o.qty - coalesce(o.cancelled_qty, 0) end as left_qty
            from {unsent.sent} t join {unsent.settings} s using (send)
            join order_line_current o on o.source_key || '/' || o.occurrence = t.record_key
            where t.record_table = 'order_line' and not s.test and {unsent_lines.NOT_SHIPPED})
        select 'SEND_CHANGED' as code,
               send || '|' || document_no || '|' || coalesce(line_no, '') as business_key, entity, partner,
               channel, location, sku, order_id as document, cast(ordered_at as date) as event_date,
               sent_qty as external_qty, left_qty as book_qty, sent_qty - left_qty as qty,
               'Order ' || order_id || ' line ' || line_no || ': ' || partner || ' was asked to ship ' || sent_qty
                   || ', now it is ' || left_qty as message,
               file_id, "position"
        from ordered where sent_qty <> left_qty""",
    )
