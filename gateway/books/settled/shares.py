"""Parts of settlement lines that go to other accounts than their classes say, posted as what is desired less what was.

A settlement line posts when it comes. Whether its dispute is lost, its claim was open or its amount holds tax, other
records say, before or after it, or time does. What they say is a share of the line: a row of `settlement_share`.
"""

from __future__ import annotations

from datetime import datetime
from functools import partial

import duckdb

from gateway.books import derived
from gateway.books.derived import Derivation
from gateway.books.isolation import Step, again
from gateway.books.posting.entries import Entries
from gateway.books.posting.late_channels import WAITED
from gateway.books.posting.lines import POSTING, day_sql
from gateway.books.posting.reference import ENTITIES
from gateway.books.posting.rules import PostingRules
from gateway.books.posting.sources import DERIVED
from gateway.books.settled import claims, disputes, payments, taxes
from gateway.ledger.commit import Commit
from gateway.sql import has_rows, instant

ON = "settlement_share"
SCOPES = "_share_scopes"
"""Disputes, orders and items that something new is known about."""
_RECORDS, _LINES, _ORDERS, _ITEMS = "_share_records", "_share_lines", "_share_orders", "_share_items"
"""What something new is known about: records of lines, those of these lines that may have a share, orders and items."""
_TAXED = "_share_taxed"
"""Orders that can have a share of tax, or have one."""

_ABOUT = "record_id, entity, channel, currency, canonical_class, order_id, item_code, adjustment_id, sku"
"""What scopes are made of."""

SETTLEMENT_SHARE = Derivation(
    table=ON,
    key=("record_id", "kind", "day"),
    measures=("amount",),
    carried=("scope", "entity", "channel", "settlement_id", "order_id", "currency"),
    scope=("scope",),
)
_SCOPE = f"""case when canonical_class in {disputes.CLASSES} then {disputes.SCOPE}
    when canonical_class = 'reimbursement' and sku <> '' then {claims.SCOPE} else {taxes.SCOPE} end"""

STEP = Step(
    "shares",
    "Parts of settlement lines",
    f"""select {_SCOPE} as unit, max(abs(amount))::double as size, min(settlement_id || ' ' || coalesce(order_id, ''))
               as what, min(entity) as entity, min(partner) as partner, min(sku) as sku,
               min(settlement_id) as document, min(file_id) as file_id, min("position") as "position"
        from settlement_line group by unit""",
)


def run(
    commit: Commit,
    con: duckdb.DuckDBPyConnection,
    rules: PostingRules,
    since: datetime | None,
    without: str = "",
    *,
    days: int,
    now: datetime,
) -> int:
    """Post the shares of what was touched since that instant (None: all) and of disputes that grew old.

    without  relation (unit) of scopes that stay as they were
    days     days after which a dispute of which nothing more is heard is lost
    now      the instant of the run

    Returns the number of shares that changed.
    """
    if not has_rows(con, "settlement_line") or all(rule.on != ON for rule in rules.posting.rule):
        return 0
    today = f"cast({instant(now)} as date)"
    _touched(con, since, days, today)
    if without:
        con.execute(f"delete from {SCOPES} where scope in (select unit from {without})")
    return derived.run(commit, con, rules, SETTLEMENT_SHARE, partial(_desired, con, days, today), SCOPES, _post)


def _touched(con: duckdb.DuckDBPyConnection, since: datetime | None, days: int, today: str) -> None:
    """Scopes of new lines and of those that they replace, of orders and items that changed, and old disputes."""
    after = "true" if since is None or not _had_rules(con, since) else f"recorded_at > {instant(since)}"
    con.execute(
        f"""create or replace temp table {_RECORDS} as
        with new as (select record_id, supersedes from settlement_line where {after})
        select record_id from new union select supersedes from new where supersedes is not null
        union select record_id from settlement_line where channel in {WAITED}
        union {disputes.changing_sql(days, today)}"""
    )
    con.execute(
        f"""create or replace temp table {_ORDERS} as
        select entity, order_id from order_line where {after}
        union select entity, order_id from shipment_value where {after}"""
    )
    con.execute(
        f"""create or replace temp table {_ITEMS} as
        select distinct entity, sku from stock_value where {after} and '{claims.ROLE}' in (debit_role, credit_role)"""
    )
    if not has_rows(con, _RECORDS, _ORDERS, _ITEMS, f"({again(STEP.name)})"):
        con.execute(f"create or replace temp table {SCOPES} as select '' as scope limit 0")
        return
    payments.name_orders(con)
    _touched_lines(con)
    con.execute(
        f"""create or replace temp table {SCOPES} as
        select {disputes.SCOPE} as scope from {_LINES} where canonical_class in {disputes.CLASSES}
        union select {taxes.SCOPE} from {_ORDERS}
        union select {claims.SCOPE} from {_ITEMS}"""
    )


def _had_rules(con: duckdb.DuckDBPyConnection, since: datetime) -> bool:
    """Whether rules posted shares by then: those of an older home may have come later, and have all to do."""
    kept = f"select 1 from posting_rules where text like '%{ON}%' and recorded_at <= {instant(since)} limit 1"
    return con.execute(kept).fetchone() is not None


def _touched_lines(con: duckdb.DuckDBPyConnection) -> None:
    """The lines whose shares may change, each with the order that it names now and the one that it named before; their
    orders and items are touched too."""
    con.execute(
        f"""insert into {_RECORDS} select record_id from {payments.LINES}
        where {_SCOPE} in (select unit from ({again(STEP.name)}))"""
    )
    con.execute(f"insert into {_RECORDS} {payments.depending_sql(_RECORDS)}")
    con.execute(f"create or replace temp table {_TAXED} as {taxes.ORDERS}")
    wanted = f"""semi join {_RECORDS} using (record_id)
        where canonical_class in {disputes.CLASSES} or canonical_class in ('reimbursement', 'refund_principal')
            or (entity, order_id) in (select entity, order_id from {_TAXED})"""
    con.execute(
        f"""create or replace temp table {_LINES} as
        with raw as (select {_ABOUT} from settlement_line {wanted})
        select * from raw
        union all select {_ABOUT} from {payments.LINES} {wanted}
        union all select r.* replace (h.order_id as order_id) from raw r
            join (select distinct record_id, order_id from {ON}) h using (record_id)"""
    )
    con.execute(
        f"""create or replace temp table {_ORDERS} as
        select distinct entity, order_id from (
            from {_ORDERS} union all select entity, order_id from {_LINES} where canonical_class in {taxes.STATING})
        semi join {_TAXED} using (entity, order_id)"""
    )
    con.execute(
        f"""insert into {_ITEMS} select entity, sku from {_LINES}
        where canonical_class = 'reimbursement' and sku <> '' except select * from {_ITEMS}"""
    )


def _desired(con: duckdb.DuckDBPyConnection, days: int, today: str) -> str:
    """Relation of the shares of what was touched."""
    parts = (disputes.desired_sql(SCOPES, days, today), claims.desired_sql(_ITEMS), taxes.desired_sql(con, _ORDERS))
    found = " union all by name ".join(f"select * from ({part}) where amount <> 0" for part in parts)
    con.execute(
        f"""create or replace temp table _share_desired as
        select * exclude (happened_at, later, _zone), {day_sql("happened_at")} + later as day
        from (select p.*, coalesce(f.timezone, 'UTC') as _zone from ({found}) p left join {ENTITIES} f using (entity))
        semi join {SCOPES} using (scope)"""
    )
    return "_share_desired"


def _post(entries: Entries, new: str) -> str:
    entries.post(ON, new, (*DERIVED[ON], POSTING))
    listed = ", ".join((*SETTLEMENT_SHARE.key, *SETTLEMENT_SHARE.carried, *SETTLEMENT_SHARE.measures))
    return f"select {listed} from {new}"
