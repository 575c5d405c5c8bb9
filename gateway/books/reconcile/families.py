"""The reconciliations that are code: a module each, with the exception codes that it raises."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gateway.books.reconcile import files, payout, sent, settlement, stock_count, subledger
from gateway.books.reconcile.registry import Reconciliation
from gateway.books.reconcile.tables import Working


@dataclass(frozen=True, slots=True)
class Family:
    """How a reconciliation is worked out, and every code that it may raise."""

    run: Callable[[Working, Reconciliation], None]
    codes: tuple[str, ...]


FAMILIES: dict[str, Family] = {
    "files": Family(files.run, files.CODES),
    "payout": Family(payout.run, payout.CODES),
    "sent": Family(sent.run, sent.CODES),
    "settlement": Family(settlement.run, settlement.CODES),
    "stock_count": Family(stock_count.run, stock_count.CODES),
    "subledger": Family(subledger.run, subledger.CODES),
}
"""By the name that a block of mappings/reconciliations.toml gives as its `family`."""
