"""Which opening balances and manual entries post, and why others do not."""

from __future__ import annotations

from gateway.books.posting.reference import ACCOUNTS

INCOMPLETE, UNKNOWN, DAYS = "ENTRY_INCOMPLETE", "ACCOUNT_UNKNOWN", "ENTRY_DAYS_DIFFER"
UNBALANCED, CONTROL = "ENTRY_UNBALANCED", "MANUAL_JE_CONTROL"
"""Exception codes, of which an entry has the first that fits."""
EQUITY = "opening_equity"
"""Role of the account that opening balances post against."""

_ROLES = f"(select account, min(role) as role, bool_or(control) as control from {ACCOUNTS} group by account)"
"""Account number → role; a chart may give several roles one account."""
IS_STOCK = "coalesce(starts_with(role, 'stock_'), false)"
"""SQL: the account is one of stock, whose opening value comes with opening stock and posts from there."""

OPENING = f"""select o.record_id, o.file_id, o."position", o.entity, o.partner, cast(o.day as varchar) as entry, o.day,
        o.account, a.role, o.currency, o.amount, o.subledger_key, o.channel
    from opening_balance_current o left join {_ROLES} a using (account)"""
"""SELECT of the opening balances in force; `role` is empty for an account that the chart does not have."""

_LINES = f"""select m.record_id, m.file_id, m."position", m.entity, m.partner, m.entry_no as entry, m.day, m.account,
        a.role, a.control, m.currency, coalesce(m.debit, 0) - coalesce(m.credit, 0) as amount, m.reason, m.person,
        m.approved_by, m.channel, m.sku, m.location, m.order_id, m.settlement_id, m.recorded_at
    from manual_entry_current m left join {_ROLES} a using (account)"""

_OTHER_PERSON = "coalesce(nullif(lower(trim(approved_by)), ''), lower(trim(person))) <> lower(trim(person))"

# What else a file says of an entry, in rows that were rejected: what is left may balance by chance. Which cell of such
# a row is the number of its entry only the mapping knows. The newest file with a line of the entry counts.
_REJECTED = """select distinct f.file_id, trim(unnest(json_extract_string(f.source_row, '$.*'))) as entry
    from fault f join (select file_id, max(recorded_at) as at from file where state <> 'DUPLICATE' group by file_id) n
      on n.file_id = f.file_id and n.at = f.recorded_at
    where f.code = 'ROW_REJECT' and f.record_type = 'manual_entry'"""

MANUAL = f"""with lines as ({_LINES}),
    rejected as ({_REJECTED}),
    sums as (select entity, partner, entry, currency, sum(amount) as net from lines group by all),
    entries as (
        select l.entity, l.partner, l.entry,
               case when (arg_max(l.file_id, (l.recorded_at, l.file_id)), l.entry) in (
                             select (file_id, entry) from rejected) then '{INCOMPLETE}'
                    when bool_or(l.role is null) then '{UNKNOWN}'
                    when count(distinct l.day) > 1 then '{DAYS}'
                    when bool_or(s.net <> 0) then '{UNBALANCED}'
                    when bool_or(l.control and not ({_OTHER_PERSON})) then '{CONTROL}' end as held
        from lines l join sums s using (entity, partner, entry, currency) group by l.entity, l.partner, l.entry)
    select l.*, e.held, s.net
    from lines l join entries e using (entity, partner, entry) join sums s using (entity, partner, entry, currency)"""
"""SELECT of the lines of manual entries in force. `held` is the code of what is wrong with the line's entry, empty
where it posts; `net` is debits − credits of the entry in the line's currency."""
