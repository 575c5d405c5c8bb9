"""The reconciliations that are code: a module each, with the exception codes that it raises."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gateway.books.reconcile import (
    files,
    gl_balance,
    left_out,
    payout,
    purchases,
    sent,
    settlement,
    settlement_lines,
    stock_count,
    subledger,
)


@dataclass(frozen=True, slots=True)
class Family:
    """How a reconciliation is worked out, every code that it may raise, and its two sides in words.

    reads  canonical tables of which single rows can be left out, where it cannot work with their values
    units  or a SELECT of what can be left out, as `Step.units` has it; `run` is then given the relation of what is
    whole  whether those tables are all that it compares: without a row in any of them there is nothing to do
    """

    run: Callable[..., None]
    codes: tuple[str, ...]
    external: str
    book: str
    reads: tuple[str, ...] = ()
    units: str = ""
    whole: bool = False


FAMILIES: dict[str, Family] = {
    "files": Family(
        files.run,
        files.CODES,
        "the rows of the files that came, and the files that were expected",
        "the rows that were accepted, rejected, duplicate or ignored",
    ),
    left_out.FAMILY: Family(
        left_out.run, left_out.CODES, "values that the books cannot work with", "what they are left out of"
    ),
    "gl_balance": Family(
        gl_balance.run,
        gl_balance.CODES,
        "the balances of accounts that the general ledger outside states for a day",
        "the journal until the end of that day",
        ("gl_balance",),
        whole=True,
    ),
    "payout": Family(
        payout.run,
        payout.CODES,
        "deposits that the bank booked",
        "payouts that settlements announce",
        ("bank_line", "settlement"),
        whole=True,
    ),
    "purchases": Family(
        purchases.run,
        purchases.CODES,
        "what warehouses received, at its cost",
        "what suppliers invoiced for it, in the order of receipts and invoices",
        ("supplier_invoice_line", "purchase_order_line"),
        whole=True,
    ),
    "sent": Family(
        sent.run, sent.CODES, "acknowledgements from partners", "documents and acknowledgements that went out"
    ),
    "settlement": Family(
        settlement.run,
        settlement.CODES,
        "what the channel settled for each order beyond its opening balance",
        "what was shipped of the order, at the order's prices",
        ("settlement_line",),
    ),
    "settlement_lines": Family(
        settlement_lines.run,
        settlement_lines.CODES,
        "the sum of a settlement's lines, from every file",
        "the total that the settlement states",
        ("settlement", "settlement_line"),
        whole=True,
    ),
    "stock_count": Family(
        stock_count.run,
        stock_count.CODES,
        "the partner's latest full count of each location, by SKU and status",
        "the movements until the cut-off of that count",
        ("inventory_movement", "inventory_snapshot"),
    ),
    "subledger": Family(
        subledger.run,
        subledger.CODES,
        "the value of stock, movement by movement",
        "the balances of the stock accounts",
        units=subledger.UNITS,
    ),
}
"""By the name that a block of mappings/reconciliations.toml gives as its `family`."""
