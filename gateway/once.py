"""Opening a home, and one full pass over it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from rich.progress import Progress

from gateway import settings as configuration
from gateway.atomic import sweep
from gateway.books.reconcile import Outcome
from gateway.errors import HouseError
from gateway.ledger import lake, locking
from gateway.pipeline import FileResult, Gateway, Receipt
from gateway.transports.folder import Folder
from gateway.workbooks.write import write_workbooks


@dataclass(slots=True)
class Pass:
    """What one pass did.

    acknowledgements  files for partners that were written
    problems          what was left alone in the drop folders, and what could not be removed or written
    """

    files: list[FileResult]
    books: Outcome
    workbooks: list[Path] = field(default_factory=list)
    acknowledgements: list[Path] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


@contextmanager
def open_gateway(
    home: Path, *, now: datetime | None = None, read_only: bool = False, scratch: bool = False
) -> Iterator[Gateway]:
    """A home's gateway. With `scratch` nothing is written: an absent ledger is replaced by an empty one."""
    settings = configuration.load(home)
    folder = lake.folder_of(home, settings)
    if not scratch:
        with lake.open_lake(home, settings, read_only=read_only) as ledger:
            yield Gateway(home, settings, ledger, now)
        return
    if lake.exists(folder):
        with lake.open_lake(home, settings, read_only=True) as ledger:
            yield Gateway(home, settings, ledger, now)
        return
    with _throwaway(home, settings, now) as gateway:
        yield gateway


@contextmanager
def _throwaway(home: Path, settings: configuration.Config, now: datetime | None) -> Iterator[Gateway]:
    """An empty ledger that is removed afterwards."""
    temporary = Path(tempfile.mkdtemp(prefix="gateway-"))
    elsewhere = settings.model_copy(update={"ledger": settings.ledger.model_copy(update={"path": str(temporary)})})
    try:
        with lake.open_lake(home, elsewhere) as ledger:
            yield Gateway(home, elsewhere, ledger, now)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def taking_files(gateway: Gateway) -> Iterator[None]:
    """Held by the one process that takes files at a home. Raises HouseError when another does."""
    folder = gateway.lake.folder
    with locking.intake(folder):
        for place in (folder, folder / "files", *(gateway.home / "outbound").glob("*/")):
            sweep(place)
        gateway.suspects.recall()
        yield


@contextmanager
def open_samples(home: Path) -> Iterator[Gateway]:
    """A home's gateway with its master data, but an empty ledger: what a sample becomes does not depend on deliveries."""
    settings = configuration.load(home)
    known = None
    if lake.exists(lake.folder_of(home, settings)):
        with open_gateway(home, read_only=True) as gateway:
            known = gateway.master_data()
    with _throwaway(home, settings, None) as gateway:
        if known is not None:
            gateway.read_with(*known)
        yield gateway


def run_once(gateway: Gateway, *, progress: bool = False) -> Pass:
    """Take everything that waits in the drop folders, settle it, tell partners, run the books, write the workbooks.

    Raises HouseError when another process takes files at this home.
    """
    with taking_files(gateway):
        files, problems = _take_all(gateway, progress)
        acknowledgements: list[Path] = []
        try:
            acknowledgements = gateway.write_outbound()
        except HouseError as error:
            problems.append(str(error))
        books = gateway.run_books()
        return Pass(
            files,
            books,
            write_workbooks(gateway.home, gateway.lake, gateway.recon, reconciled=gateway.reconciled),
            acknowledgements,
            problems,
        )


def _take_all(gateway: Gateway, progress: bool) -> tuple[list[FileResult], list[str]]:
    folder = Folder(gateway.home, gateway.config)
    drops = gateway.in_order(folder.poll())
    problems = [f"{problem.message}. {problem.hint}" for problem in folder.problems]
    files: list[FileResult] = []
    with Progress(transient=True, disable=not progress) as bar:
        task = bar.add_task("files", total=len(drops))
        for receipts in gateway.take(drops):
            for receipt in receipts:
                files += receipt.files
                problems += _settle(folder, receipt)
            bar.advance(task, len(receipts))
    return files, problems


def _settle(folder: Folder, receipt: Receipt) -> list[str]:
    """Put away what was committed; what is in the way is told."""
    if receipt.committed:
        try:
            folder.settle(receipt.drop)
        except HouseError as error:
            return [str(error)]
    return []
