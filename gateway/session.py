"""Opening a home, and one full pass over it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from rich.progress import track

from gateway import config as configuration
from gateway.atomic import sweep
from gateway.books.reconcile import Outcome
from gateway.errors import GatewayError
from gateway.ledger import lake
from gateway.pipeline import FileResult, Gateway
from gateway.transports.folder import Folder
from gateway.workbooks import write_workbooks


@dataclass(slots=True)
class Pass:
    """What one pass did."""

    files: list[FileResult]
    books: Outcome
    workbooks: list[Path] = field(default_factory=list)


@contextmanager
def open_gateway(
    home: Path, *, now: datetime | None = None, read_only: bool = False, scratch: bool = False
) -> Iterator[Gateway]:
    """A home's gateway. With `scratch` nothing is written: an absent ledger is replaced by an empty one."""
    settings = configuration.load(home)
    folder = lake.folder_of(home, settings)
    if not scratch:
        if not read_only:
            for place in (folder, folder / "files", *(home / "outbound").glob("*/")):
                sweep(place)
        with lake.open_lake(home, settings, read_only=read_only) as ledger:
            yield Gateway(home, settings, ledger, now)
        return
    if lake.exists(folder):
        with lake.open_lake(home, settings, read_only=True) as ledger:
            yield Gateway(home, settings, ledger, now)
        return
    temporary = Path(tempfile.mkdtemp(prefix="gateway-"))
    elsewhere = settings.model_copy(update={"ledger": settings.ledger.model_copy(update={"path": str(temporary)})})
    try:
        with lake.open_lake(home, elsewhere) as ledger:
            yield Gateway(home, elsewhere, ledger, now)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def run_once(gateway: Gateway, *, progress: bool = False) -> Pass:
    """Take everything that waits in the drop folders, settle it, run the books and write the workbooks."""
    folder = Folder(gateway.home, gateway.config)
    drops = folder.poll()
    files: list[FileResult] = []
    # Master data first: the names in the other files are looked up in it.
    drops.sort(key=lambda drop: not gateway.is_master_data(drop.partner))
    size = max(1, gateway.config.limits.files_per_commit_max)
    parts = [drops[start : start + size] for start in range(0, len(drops), size)]
    for part in track(parts, "files", disable=not progress, transient=True):
        try:
            receipts = gateway.take(part)
        except OSError as error:
            raise GatewayError("take", "files", "Check disk space and permissions.", str(error)) from error
        for receipt in receipts:
            files += receipt.files
            if receipt.committed:
                folder.settle(receipt.drop)
    books = gateway.run_books()
    return Pass(files, books, write_workbooks(gateway))
