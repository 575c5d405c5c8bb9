"""The workbooks of a pass, written to outbound/finance and outbound/operations."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from gateway.books import reconcile
from gateway.books.metrics import Metric
from gateway.books.posting import reference, sources
from gateway.books.reconcile.tables import Recon, Working
from gateway.errors import HouseError
from gateway.ledger.lake import Lake
from gateway.workbooks.book_data import BookRun
from gateway.workbooks.exception_book import write_exception_book
from gateway.workbooks.gather import gather
from gateway.workbooks.reconciliation_book import write_reconciliation_book


def write_workbooks(
    home: Path, ledger: Lake, context: Recon, metrics: Sequence[Metric], *, reconciled: bool
) -> list[Path]:
    """Write the exception and the reconciliation workbook of a home; returns their paths.

    The name carries the day that the figures are of and the ledger's version, so that a workbook that is out
    with somebody is never overwritten. Nothing is written for a version that has its workbooks already.
    `reconciled` says that the connection's reconciliation tables are those of this version already.
    Raises HouseError if the disk is full or writing is forbidden: no half workbook is left.
    """
    version = ledger.version()
    stamp = f"{context.now:%Y-%m-%d}-v{version}"
    exceptions = home / "outbound" / "finance" / f"exceptions-{stamp}.xlsx"
    reconciliation = home / "outbound" / "operations" / f"reconciliation-{stamp}.xlsx"
    if not (exceptions.exists() and reconciliation.exists()):
        working = Working(ledger.con, context)
        if not reconciled:
            reconcile.fill(working)
        currencies = {entity.currency for entity in context.config.entities.values()}
        run = BookRun(
            run_id=f"v{version}",
            as_of=context.now,
            created_at=datetime.now(UTC),
            entity=", ".join(f"{key} {entity.name}".strip() for key, entity in context.config.entities.items()),
            ledger_version=version,
            home_currency=currencies.pop() if len(currencies) == 1 else "",
        )
        posted = sources.tables_of(rule.on for rule in context.rules.posting.rule)
        data = gather(working, run, metrics, reference.ACCOUNTS, posted)
        try:
            write_exception_book(exceptions, data)
            write_reconciliation_book(reconciliation, data)
        except OSError as error:
            hint = "Check disk space and permissions; they are written the next time."
            raise HouseError("write workbooks to", str(home / "outbound"), hint, str(error.strerror)) from error
    return [exceptions, reconciliation]
