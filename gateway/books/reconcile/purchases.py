"""What was received against what was invoiced, order by order, and invoices against the prices of their orders.

Units that are only one of both are listed by line of the receipt or of the invoice: together they are the balance of
what is received and not invoiced. What no receipt explains in time is an exception, and so is another price.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal

import pyarrow as pa

from gateway.books.coins import at_cost, coin
from gateway.books.posting.reference import ENTITIES
from gateway.books.procurement.matching import match
from gateway.books.procurement.purchases import Key, Purchases, gather
from gateway.books.reconcile.registry import Reconciliation
from gateway.books.reconcile.tables import Working
from gateway.settings.tolerance import Tolerance
from gateway.sql import lay, literal

CODES = ("INVOICE_VARIANCE", "INVOICE_NO_RECEIPT")
_BOTH, _RECEIPTS, _LINES, _VARIANCES = "_bought", "_bought_receipts", "_bought_lines", "_bought_variances"
_KEYS = [(name, pa.utf8()) for name in ("entity", "po", "sku", "line")]
_FIGURES = [("qty", pa.int64()), ("amount", pa.int64())]
_SCHEMAS = {
    _BOTH: pa.schema([*_KEYS, *_FIGURES]),
    _RECEIPTS: pa.schema([("record_id", pa.utf8()), *_FIGURES]),
    _LINES: pa.schema([("record_id", pa.utf8()), *_FIGURES, ("waits", pa.bool_()), ("functional", pa.bool_())]),
    _VARIANCES: pa.schema(
        [*_KEYS, ("currency", pa.utf8()), *_FIGURES, ("ordered", pa.int64()), ("record_id", pa.utf8())]
    ),
}


@dataclass(slots=True)
class _Found:
    """Rows of the four relations."""

    both: list[tuple[str, str, str, str, int, int]] = field(default_factory=list)
    receipts: list[tuple[str, int, int]] = field(default_factory=list)
    lines: list[tuple[str, int, int, bool, bool]] = field(default_factory=list)
    variances: list[tuple[str | int, ...]] = field(default_factory=list)


def run(working: Working, block: Reconciliation) -> None:
    """Compare receipts with invoices, and invoices with orders."""
    known = gather(working.con, "")
    found = _Found()
    for key in sorted(known.receipts.keys() | known.billed.keys()):
        _match(known, key, found)
    for record_id in sorted(known.unplaced):
        row = known.rows[record_id]
        found.lines.append((record_id, row.qty, row.amount, bool(row.po and row.item), False))
    _vary(known, working.recon.config.tolerance, found)
    lay(working.con, _BOTH, found.both, _SCHEMAS[_BOTH])
    lay(working.con, _RECEIPTS, found.receipts, _SCHEMAS[_RECEIPTS])
    lay(working.con, _LINES, found.lines, _SCHEMAS[_LINES])
    lay(working.con, _VARIANCES, found.variances, _SCHEMAS[_VARIANCES])
    _list(working, block)
    _report(working, block)


def _match(known: Purchases, key: Key, found: _Found) -> None:
    """What of a key is both received and invoiced, and what is only one of both."""
    outcome = match(known.receipts.get(key, ()), known.billed.get(key, ()), known.minor(key.entity))
    units = sum(one.billed_qty for one in outcome.costs)
    if units:
        found.both.append((*key, units, sum(one.billed for one in outcome.costs)))
    for receipt, cost in zip(known.receipts.get(key, ()), outcome.costs, strict=True):
        if receipt.qty > cost.billed_qty:
            found.receipts.append((receipt.record_id, receipt.qty - cost.billed_qty, cost.billed))
    found.lines += [(record_id, qty, amount, True, True) for record_id, qty, amount in outcome.open]


def _vary(known: Purchases, tolerance: Tolerance, found: _Found) -> None:
    """Items of orders that are invoiced at another price than ordered, in the currency of both.

    Allowances and charges that an invoice states apart are no part of its price.
    """
    invoiced: dict[tuple[Key, str], list[str]] = defaultdict(list)
    for key, lines in known.billed.items():
        for line in lines:
            invoiced[key, known.rows[line.record_id].currency].append(line.record_id)
    for (key, currency), records in invoiced.items():
        rows = [known.rows[record_id] for record_id in records]
        prices = [known.ordered(key, row.po_line) for row in rows]
        expected = [
            at_cost(row.qty, price.price, coin(currency))
            for row, price in zip(rows, prices, strict=True)
            if price and price.currency == currency
        ]
        amount, due = sum(row.amount for row in rows), sum(expected)
        beyond = max(Decimal(abs(amount - due)) / 10_000 - tolerance.invoice_amount, 0)
        if len(expected) == len(rows) and (beyond or abs(amount - due) > tolerance.invoice_share * abs(due)):
            found.variances.append((*key, currency, sum(row.qty for row in rows), amount, due, records[0]))


def _figure(name: str) -> str:
    """SQL of a number in 1/10,000 as a decimal."""
    return f"cast({name} as decimal(18,0)) * 0.0001::decimal(5,4)"


def _list(working: Working, block: Reconciliation) -> None:
    """A line for each item of an order that is both, and for each line of a receipt or an invoice that is only one."""
    role = literal(working.recon.rules.posting.stock.roles["SUPPLIER"])
    days = working.recon.config.tolerance.invoice_days
    working.add_detail(
        block,
        f"""with worth as (
            select record_id, sum(case when credit_role = {role} then value else -value end) as value
            from stock_value where {role} in (debit_role, credit_role) group by record_id)
        select b.entity, b.sku, 'BOTH' as bucket, b.po as document, f.functional as currency,
               {_figure("b.qty")} as external_qty, {_figure("b.qty")} as book_qty,
               {_figure("b.amount")} as external_amount, {_figure("b.amount")} as book_amount,
               'MATCHED' as state, concat_ws('|', b.po, b.sku, nullif(b.line, '')) as business_key
        from {_BOTH} b left join {ENTITIES} f using (entity)
        union all by name
        select m.entity, m.partner, m.to_location as location, m.sku, 'RECEIVED' as bucket,
               m.document_no as document, cast(m.occurred_at as date) as event_date, f.functional as currency,
               {_figure("r.qty")} as external_qty, coalesce(w.value, 0) - {_figure("r.amount")} as external_amount,
               'TIMING' as state, concat_ws('|', m.document_no, m.document_line, m.sku) as business_key,
               m.file_id, m."position"
        from {_RECEIPTS} r join inventory_movement m using (record_id) left join worth w using (record_id)
        left join {ENTITIES} f on f.entity = m.entity
        union all by name
        select m.entity, m.partner, m.sku, 'CORRECTED' as bucket, m.document_no as document,
               cast(m.occurred_at as date) as event_date, f.functional as currency, w.value as external_amount,
               'TIMING' as state, concat_ws('|', m.document_no, m.document_line, m.sku) as business_key,
               m.file_id, m."position"
        from worth w join inventory_movement m using (record_id) left join {ENTITIES} f on f.entity = m.entity
        where m.from_status <> 'SUPPLIER' and w.value <> 0
        union all by name
        select l.entity, l.partner, l.sku, 'INVOICED' as bucket, l.invoice_no as document,
               l.invoice_date as event_date, case when i.functional then f.functional else l.currency end as currency,
               {_figure("i.qty")} as book_qty, {_figure("i.amount")} as book_amount,
               case when i.waits and l.invoice_date + {days} >= cast({working.recon.now_sql} as date)
                   then 'TIMING' else 'OPEN' end as state,
               case when state = 'OPEN' then 'INVOICE_NO_RECEIPT' end as code,
               concat_ws('|', l.partner, l.supplier, l.invoice_no) as business_key, l.file_id, l."position"
        from {_LINES} i join supplier_invoice_line l using (record_id) left join {ENTITIES} f on f.entity = l.entity
        """,
    )


def _report(working: Working, block: Reconciliation) -> None:
    working.exceptions_from_detail(
        block,
        """'Invoice ' || document || ': ' || 'no receipt explains ' || book_amount || ' ' || currency
           || '. It stays in what is received and not invoiced'""",
    )
    working.add_exceptions(
        block,
        f"""select 'INVOICE_VARIANCE' as code, concat_ws('|', v.po, v.sku, nullif(v.line, '')) as business_key,
               v.entity, l.partner, v.sku, v.po as document, l.invoice_date as event_date,
               {_figure("v.qty")} as external_qty, {_figure("v.qty")} as book_qty,
               {_figure("v.amount")} as external_amount, {_figure("v.ordered")} as book_amount,
               {_figure("v.amount - v.ordered")} as amount, v.currency,
               v.po || ', ' || v.sku || ': ' || {_figure("v.qty")} || ' units are invoiced at '
                   || {_figure("v.amount")} || ' ' || v.currency || ', ordered at ' || {_figure("v.ordered")}
                   as message, l.file_id, l."position"
        from {_VARIANCES} v join supplier_invoice_line l using (record_id)""",
    )
