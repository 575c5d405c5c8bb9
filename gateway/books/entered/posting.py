"""Opening balances and manual entries, posted to the journal by number of the account.

A manual entry posts as a whole or not at all. What a later file restates is taken back as it was posted, and
posted again.
"""

from __future__ import annotations

from datetime import datetime
from functools import partial

import duckdb

from gateway.books import derived
from gateway.books.derived import Derivation
from gateway.books.entered.verdicts import EQUITY, IS_STOCK, MANUAL, OPENING
from gateway.books.isolation import Step, again
from gateway.books.posting.entries import Entries
from gateway.books.posting.rules import PostingRules
from gateway.ledger.commit import Commit
from gateway.model.entered import DIMENSIONS
from gateway.sql import instant, literal

OPENING_RULE, MANUAL_RULE = "opening-balance", "manual-entry"
"""What the journal names as the rule of their lines."""
_SCOPE = ("entity", "partner", "entry")
_TOUCHED, _DESIRED = "_entered_touched", "_entered_desired"
_CARRIED = ("kind", *_SCOPE, "day", "document", "currency", *DIMENSIONS, "memo")

ENTERED_VALUE = Derivation(
    table="entered_value", key=("record_id", "role"), measures=("amount",), carried=_CARRIED, scope=_SCOPE
)

_ENTRIES = """select record_id, supersedes, entity, partner, cast(day as varchar) as entry, recorded_at, file_id,
        "position" from opening_balance
    union all
    select record_id, supersedes, entity, partner, entry_no, recorded_at, file_id, "position" from manual_entry"""

STEP = Step(
    "entered",
    "Opening balances and manual entries",
    f"""select concat_ws('|', entity, partner, entry) as unit, 0::double as size, 'entry ' || entry as what, entity,
        partner, null::varchar as sku, entry as document, min(file_id) as file_id, null::varchar as "position"
       from ({_ENTRIES}) group by entity, partner, entry""",
)


def run(
    commit: Commit, con: duckdb.DuckDBPyConnection, rules: PostingRules, since: datetime | None, without: str = ""
) -> int:
    """Post what opening balances and manual entries ask for beyond what was posted; the number of records that changed.

    Looked at are those that are new since that instant (None: all) and those of which nothing is posted: the chart may
    have their account by now. Entries of the relation `without` (unit) stay as they were.
    """
    after = "true" if since is None else f"recorded_at > {instant(since)}"
    listed = ", ".join(_SCOPE)
    con.execute(
        f"""create or replace temp table {_TOUCHED} as
        with every as ({_ENTRIES}), new as (select * from every where {after})
        select {listed} from new
        union select {listed} from every where record_id in (select supersedes from new)
        union select {listed} from every where record_id not in (select record_id from entered_value)
        union select {listed} from every where concat_ws('|', {listed}) in (select unit from ({again(STEP.name)}))"""
    )
    if without:
        con.execute(f"delete from {_TOUCHED} where concat_ws('|', {listed}) in (select unit from {without})")
    return derived.run(commit, con, rules, ENTERED_VALUE, partial(_desired, con), _TOUCHED, _post)


def _desired(con: duckdb.DuckDBPyConnection) -> str:
    """Relation of what each record in force should have posted."""
    of_order, of_settlement = "role = 'channel_receivable'", "role in ('payouts_in_transit', 'reserves_held')"
    con.execute(
        f"""create or replace temp table {_DESIRED} as
        select record_id, role, 'OPENING' as kind, entity, partner, entry, day,
               coalesce(subledger_key, 'opening ' || entry) as document, currency, channel, null::varchar as sku,
               null::varchar as location, case when {of_order} then subledger_key end as order_id,
               case when {of_settlement} then subledger_key end as settlement_id, 'Opening balance' as memo, amount
        from ({OPENING}) semi join {_TOUCHED} using (entity, partner, entry)
        where role is not null and not {IS_STOCK}
        union all by name
        select record_id, role, 'MANUAL' as kind, entity, partner, entry, day, entry as document, currency, channel,
               sku, location, order_id, settlement_id, reason as memo, amount
        from ({MANUAL}) semi join {_TOUCHED} using (entity, partner, entry)
        where held is null"""
    )
    return _DESIRED


def _post(entries: Entries, new: str) -> str:
    """An entry for each manual entry, day and currency, and for each file, day and currency of opening balances."""
    whole = "kind, entity, partner, entry, day, currency, file"
    dimensions = ", ".join(DIMENSIONS)
    rule = f"case kind when 'OPENING' then '{OPENING_RULE}' else '{MANUAL_RULE}' end"
    entries.con.execute(
        f"""create or replace temp table _entered_sides as
        with keyed as (select *, case kind when 'OPENING' then salt else '' end as file from {new}),
        ids as (
            select {whole}, 'E' || left(md5(concat_ws('|', {whole}, bit_xor(md5_number_lower(posting)),
                       bit_xor(md5_number_upper(posting)))), 20) as entry_id
            from keyed group by {whole}),
        sides as (select * from keyed join ids using ({whole}))
        select record_id, entry_id, {rule} as rule, entity, day, currency, role, document, {dimensions}, memo, amount
        from sides
        union all by name
        select record_id, entry_id, {rule} as rule, entity, day, currency, {literal(EQUITY)} as role,
               'opening ' || entry as document, memo, -amount as amount
        from sides where kind = 'OPENING'"""
    )
    entries.add("_entered_sides", by_person=True)
    listed = ", ".join((*ENTERED_VALUE.key, *ENTERED_VALUE.carried, *ENTERED_VALUE.measures))
    return f"select {listed} from {new}"
