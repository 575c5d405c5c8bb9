"""The workbooks of a pass, written to outbound/finance and outbound/operations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gateway.books import reconcile
from gateway.books.metrics import Metric
from gateway.books.reconcile.tables import Recon, Working
from gateway.ledger import departures
from gateway.ledger.lake import Lake
from gateway.regular_file import sha256_of
from gateway.workbooks import FINANCE, OPERATIONS, current, outdated


def write_workbooks(
    home: Path, ledger: Lake, context: Recon, metrics: Sequence[Metric], *, reconciled: bool
) -> list[Path]:
    """Write the exception and the reconciliation workbook of a home, record their hashes; returns their paths.

    The name carries the day that the figures are of and the ledger's version, so that a workbook that is out
    with somebody is never overwritten. Nothing is written for a version that has its workbooks already. A copy of the
    newest issue of each is below outbound/current. Outdated ones go as `workbooks.keep` says.
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
        current.refresh(ledger, outbound, paths)
        return paths
    # What draws sheets takes long to load, and many passes have nothing to draw.
    from gateway.workbooks.both_books import write_both

    working = Working(ledger.con, context)
    if not reconciled:
        reconcile.fill(working)
    issued = write_both(working, metrics, version, exceptions, reconciliation)
    _record(ledger, outbound, {exceptions: {"issued": issued}, reconciliation: {}})
    current.refresh(ledger, outbound, paths)
    outdated.remove(ledger, outbound, context.config.workbooks.keep)
    return paths


def _record(ledger: Lake, outbound: Path, written: Mapping[Path, Mapping[str, Any]]) -> None:
    """Note in the ledger which bytes they have; `found` are those that a process left that ended before it did."""
    if not written:
        return
    files = {_name(outbound, path): {"sha256": sha256_of(path), **facts} for path, facts in written.items()}
    departures.record(ledger, departures.WORKBOOKS, files)


def _name(outbound: Path, path: Path) -> str:
    return path.relative_to(outbound).as_posix()
