"""One full pass over a home."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from gateway.atomic import sweep
from gateway.books import run as books
from gateway.books.reconcile import Outcome
from gateway.dispatch import Dispatch
from gateway.errors import HouseError
from gateway.home import Home
from gateway.init import make_drop_folders
from gateway.intake.result import FileResult, Receipt
from gateway.intake.take import Intake
from gateway.ledger import locking
from gateway.progress import counted
from gateway.transports.folder import Folder
from gateway.workbooks.write import write_workbooks

ENDED = "what was committed stays, nothing else was changed. Fix: run it again, it goes on with what waits"
"""What a process says that is asked to end."""


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
def taking_files(intake: Intake) -> Iterator[None]:
    """Held by the one process that takes files at a home. Raises HouseError when another does."""
    home = intake.home
    store = home.lake.store
    with locking.intake(store.catalog, store.catalog.name):
        for place in (store.folder, store.archive.scratch, *(home.folder / "outbound").glob("*/")):
            sweep(place)
        intake.suspects.recall()
        with _ended_orderly(intake):
            yield


@contextmanager
def _ended_orderly(intake: Intake) -> Iterator[None]:
    """A process that is asked to end, by Ctrl-C too, notes first that this is no death of a file, and says that it
    ends.

    What it does may be done again: a commit that is under way is undone.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(number: int) -> None:
        intake.suspects.close()
        os.write(2, f"ended by {signal.Signals(number).name}: {ENDED}\n".encode())
        os._exit(128 + number)

    def end(number: int, frame: object) -> None:
        # In a thread: what the signal interrupted may hold the lock of the note.
        threading.Thread(target=leave, args=(number,), name="leave", daemon=True).start()

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def run_once(home: Home, *, progress: bool = False) -> Pass:
    """Take everything that waits in the drop folders, settle it, answer partners, run the books, write the workbooks.

    Raises HouseError when another process takes files at this home.
    """
    intake = Intake(home)
    with taking_files(intake):
        problems = make_drop_folders(home.folder, home.partners)
        files, left = _take_all(intake, progress)
        problems += left
        acknowledgements: list[Path] = []
        try:
            acknowledgements = Dispatch(home).write()
        except HouseError as error:
            problems.append(str(error))
        outcome = run_books(home)
        workbooks = write_workbooks(
            home.folder, home.lake, home.context, home.rules.metrics, reconciled=home.reconciled
        )
        return Pass(files, outcome, workbooks, acknowledgements, problems)


def run_books(home: Home) -> Outcome:
    """Run the books in one commit; nothing is committed when nothing changed.

    Raises HouseError when the disk is full.
    """
    con = home.lake.con
    try:
        home.lake.fit_threads()
        outcome = books.run(home.commit, con, home.rules, home.context)
    except duckdb.Error as error:
        locking.refuse_for_all(error, home.lake.store.restoring, *home.lake.store.folders)
        raise
    home.reconciled = True
    return outcome


def _take_all(intake: Intake, progress: bool) -> tuple[list[FileResult], list[str]]:
    home = intake.home
    folder = Folder(home.folder, home.settings)
    drops = intake.in_order(folder.poll())
    problems = [f"{problem.message}. Fix: {problem.hint}" for problem in folder.problems]
    files: list[FileResult] = []
    with counted("files", len(drops), shown=progress) as count:
        for receipts in intake.take(drops):
            for receipt in receipts:
                files += receipt.files
                problems += _settle(folder, receipt)
            count(len(receipts))
    return files, problems


def _settle(folder: Folder, receipt: Receipt) -> list[str]:
    """Put away what was committed; returns what was in the way."""
    if receipt.committed:
        try:
            folder.settle(receipt.drop)
        except HouseError as error:
            return [str(error)]
    return []
