"""Processes that tests start, to kill them or to work beside them.

They are forked from one that has loaded what they need: each would otherwise import for a second or two, and a kill
would fall into imports.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(
    [
        "gateway.cli",
        "gateway.workbooks.both_books",
        "openpyxl",
        "pyarrow.compute",
        "pyarrow.dataset",
        "lxml.etree",
        "babel",
        # What a process runs is in one of these.
        "tests.answers.test_acknowledgements",
        "tests.documents.test_sending",
        "tests.intake.test_crash_suspects",
        "tests.ledger.test_archive",
        "tests.ledger.test_backup",
        "tests.ledger.test_lake",
        "tests.ledger.test_locking",
        "tests.ledger.test_maintenance",
        "tests.ledger.test_postgres_catalog",
        "tests.test_daemon",
        "tests.test_daemon_kill",
        "tests.transports.test_claims",
    ]
)


def process_of(target: Callable[..., None], *arguments: Any) -> BaseProcess:
    """A process that does this in the environment of now; it is to be started."""
    return PROCESSES.Process(target=_run, args=(dict(os.environ), target, arguments))


def _run(environment: Mapping[str, str], target: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    target(*arguments)


def command(log: Path, *arguments: str) -> None:
    """`gateway ARGUMENTS` in this process, which has nothing else to do; what it prints goes into a file."""
    from gateway import cli

    with log.open("w") as target:
        os.dup2(target.fileno(), 1)
        os.dup2(target.fileno(), 2)
    sys.argv = ["gateway", *arguments]
    cli.main()


@contextmanager
def asked_to_stop(process: BaseProcess) -> Iterator[None]:
    """What is done while a process runs; then it is asked to stop, and must end in order."""
    try:
        yield
        process.terminate()
        process.join(30)
        assert process.exitcode == 0
    finally:
        process.kill()
        process.join()
