"""The workbooks of a pass, written to outbound/finance and outbound/operations."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from gateway.books import figures, reconcile
from gateway.errors import GatewayError
from gateway.outbound.contract import BookRun
from gateway.outbound.exception_book import write_exception_book
from gateway.outbound.reconciliation_book import write_reconciliation_book
from gateway.pipeline import Gateway


def write_workbooks(gateway: Gateway) -> list[Path]:
    """Write the exception and the reconciliation workbook; returns their paths.

    The name carries the day that the figures are of and the ledger's version, so that a workbook that is out
    with somebody is never overwritten. Nothing is written for a version that has its workbooks already.
    Raises GatewayError if the disk is full or writing is forbidden: no half workbook is left.
    """
    version = gateway.lake.version()
    stamp = f"{gateway.now:%Y-%m-%d}-v{version}"
    exceptions = gateway.home / "outbound" / "finance" / f"exceptions-{stamp}.xlsx"
    reconciliation = gateway.home / "outbound" / "operations" / f"reconciliation-{stamp}.xlsx"
    if not (exceptions.exists() and reconciliation.exists()):
        con = gateway.lake.con
        if not gateway.reconciled:
            reconcile.view(con, gateway.recon)
        currencies = {entity.currency for entity in gateway.config.entities.values()}
        run = BookRun(
            run_id=f"v{version}",
            as_of=gateway.now,
            created_at=datetime.now(UTC),
            entity="",
            ledger_version=version,
            home_currency=currencies.pop() if len(currencies) == 1 else "",
        )
        data = figures.gather(con, run)
        try:
            write_exception_book(exceptions, data)
            write_reconciliation_book(reconciliation, data)
        except OSError as error:
            hint = "Check disk space and permissions; they are written the next time."
            raise GatewayError(
                "write workbooks to", str(gateway.home / "outbound"), hint, str(error.strerror)
            ) from error
    return [exceptions, reconciliation]
