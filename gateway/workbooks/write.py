"""The workbooks of a pass, written to outbound/finance and outbound/operations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway.books import reconcile
from gateway.books.metrics import Metric
from gateway.books.posting import reference, sources
from gateway.books.reconcile.tables import Recon, Working
from gateway.errors import HouseError
from gateway.failures import explained
from gateway.ledger import departures
from gateway.ledger.lake import Lake
from gateway.regular_file import sha256_of
from gateway.workbooks import FINANCE, OPERATIONS, outdated
from gateway.workbooks.book_data import BookRun
from gateway.workbooks.exception_book import write_exception_book
from gateway.workbooks.gather import gather
from gateway.workbooks.reconciliation_book import write_reconciliation_book


def write_workbooks(
    home: Path, ledger: Lake, context: Recon, metrics: Sequence[Metric], *, reconciled: bool
) -> list[Path]:
    """Write the exception and the reconciliation workbook of a home, record their hashes; returns their paths.

    The name carries the day that the figures are of and the ledger's version, so that a workbook that is out
    with somebody is never overwritten. Nothing is written for a version that has its workbooks already. Outdated ones
    go as `workbooks.keep` says.
    `reconciled` says that the connection's reconciliation tables are those of this version already.
    Raises HouseError if the disk is full or writing is forbidden: no half workbook is left.
    """
    version = departures.version_of_figures(ledger)
    stamp = f"{context.now:%Y-%m-%d}-v{version}"
    outbound = home / "outbound"
    exceptions = outbound / FINANCE / f"exceptions-{stamp}.xlsx"
    reconciliation = outbound / OPERATIONS / f"reconciliation-{stamp}.xlsx"
    paths = [exceptions, reconciliation]
    if all(path.exists() for path in paths):
        known = {file.name for file in departures.recorded(ledger, departures.WORKBOOKS, stamp)}
        _record(ledger, outbound, {path: {"found": True} for path in paths if _name(outbound, path) not in known})
        return paths
    working = Working(ledger.con, context)
    if not reconciled:
        reconcile.fill(working)
    posted = sources.tables_of(rule.on for rule in context.rules.posting.rule)
    data = gather(working, _run(context, version), metrics, reference.ACCOUNTS, posted)
    try:
        issued = write_exception_book(exceptions, data)
        write_reconciliation_book(reconciliation, data)
    except OSError as error:
        hint = "Check disk space and permissions; they are written the next time."
        refused = explained(error, "write workbooks to", str(outbound), outbound)
        raise refused or HouseError("write workbooks to", str(outbound), hint, str(error)) from error
    _record(ledger, outbound, {exceptions: {"issued": issued}, reconciliation: {}})
    outdated.remove(ledger, outbound, context.config.workbooks.keep)
    return paths


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


def _record(ledger: Lake, outbound: Path, written: Mapping[Path, Mapping[str, Any]]) -> None:
    """Note in the ledger which bytes they have; `found` are those that a process left that ended before it did."""
    if not written:
        return
    files = {_name(outbound, path): {"sha256": sha256_of(path), **facts} for path, facts in written.items()}
    departures.record(ledger, departures.WORKBOOKS, files)


def _name(outbound: Path, path: Path) -> str:
    return path.relative_to(outbound).as_posix()
