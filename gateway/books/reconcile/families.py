"""The reconciliations that are code: a module each, with the exception codes that it raises."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gateway.books.reconcile import files, payout, sent, settlement, settlement_lines, stock_count, subledger
from gateway.books.reconcile.registry import Reconciliation
from gateway.books.reconcile.tables import Working


@dataclass(frozen=True, slots=True)
class Family:
    """How a reconciliation is worked out, every code that it may raise, and its two sides in words."""

    run: Callable[[Working, Reconciliation], None]
    codes: tuple[str, ...]
    external: str
    book: str


FAMILIES: dict[str, Family] = {
    "files": Family(
        files.run,
        files.CODES,
        "the rows of the files that came, and the files that were expected",
        "the rows that were accepted, rejected, duplicate or ignored",
    ),
    "payout": Family(payout.run, payout.CODES, "deposits that the bank booked", "payouts that settlements announce"),
    "sent": Family(
        sent.run, sent.CODES, "acknowledgements from partners", "documents and acknowledgements that went out"
    ),
    "settlement": Family(
        settlement.run,
        settlement.CODES,
        "what the channel settled for each order",
        "what was shipped of the order, at the order's prices",
    ),
    "settlement_lines": Family(
        settlement_lines.run,
        settlement_lines.CODES,
        "the sum of a settlement's lines, from every file",
        "the total that the settlement states",
    ),
    "stock_count": Family(
        stock_count.run,
        stock_count.CODES,
        "the partner's latest full count of each location, by SKU and status",
        "the movements until the cut-off of that count",
    ),
    "subledger": Family(
        subledger.run,
        subledger.CODES,
        "the value of stock, movement by movement",
        "the balances of the stock accounts",
    ),
}
"""By the name that a block of mappings/reconciliations.toml gives as its `family`."""
