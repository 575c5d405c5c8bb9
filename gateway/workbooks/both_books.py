"""Both workbooks of one version of the ledger: what is in them is gathered once, then each is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from gateway.books.metrics import Metric
from gateway.books.posting import reference, sources
from gateway.books.reconcile.tables import Recon, Working
from gateway.errors import HouseError
from gateway.failures import explained
from gateway.workbooks.book_data import BookRun
from gateway.workbooks.exception_book import write_exception_book
from gateway.workbooks.gather import gather
from gateway.workbooks.reconciliation_book import write_reconciliation_book


def write_both(
    working: Working, metrics: Sequence[Metric], version: int, exceptions: Path, reconciliation: Path
) -> str:
    """Write the exception and the reconciliation workbook of that version; returns the hash of what the first issues.

    The relations of `working` are those of this version. Raises HouseError if the disk is full or writing
    is forbidden.
    """
    posted = sources.tables_of(rule.on for rule in working.recon.rules.posting.rule)
    data = gather(working, _run(working.recon, version), metrics, reference.ACCOUNTS, posted)
    try:
        issued = write_exception_book(exceptions, data)
        write_reconciliation_book(reconciliation, data)
    except OSError as error:
        outbound = exceptions.parent.parent
        hint = "Check disk space and permissions; they are written the next time."
        refused = explained(error, "write workbooks to", str(outbound), outbound)
        raise refused or HouseError("write workbooks to", str(outbound), hint, str(error)) from error
    return issued


def _run(context: Recon, version: int) -> BookRun:
    currencies = {entity.currency for entity in context.config.entities.values()}
    return BookRun(
        run_id=f"v{version}",
        as_of=context.now,
        created_at=datetime.now(UTC),
        entity=", ".join(f"{key} {entity.name}".strip() for key, entity in context.config.entities.items()),
        ledger_version=version,
        home_currency=currencies.pop() if len(currencies) == 1 else "",
    )
