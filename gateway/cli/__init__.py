"""The command `gateway`: a thin host of the rooms below. A file a group of commands; `COMMANDS` lists them all.

A command imports what it needs when it runs: each waits only for its own rooms to load.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from gateway import __version__, failures
from gateway.cli import (
    check,
    close,
    files,
    invocation,
    notify,
    questions,
    references,
    resolve,
    run,
    setup,
    show,
    status,
    suggest,
    trial,
    trial_balance,
    upkeep,
    what_if,
)
from gateway.cli.invocation import DONE, INTERRUPTED, PERSON, USAGE
from gateway.cli.output import err
from gateway.errors import HouseError
from gateway.log import log

__all__ = ["COMMANDS", "DONE", "PERSON", "USAGE", "app", "main"]

COMMANDS: dict[str, Callable[..., Any]] = {
    "init": setup.init,
    "once": files.once,
    "run": run.run,
    "top": run.top,
    "status": status.status,
    "show": show.show,
    "notify": notify.notify,
    "check": check.check,
    "suggest": suggest.suggest,
    "try": trial.try_,
    "what-if": what_if.what_if,
    "query": questions.query,
    "tables": references.tables,
    "fields": references.fields,
    "stock": questions.stock,
    "trial-balance": trial_balance.trial_balance,
    "trace": questions.trace,
    "verify": upkeep.verify,
    "doctor": upkeep.doctor,
    "maintain": upkeep.maintain,
    "backup": upkeep.backup,
    "restore": upkeep.restore,
    "replay": files.replay,
    "release": files.release,
    "resolve": resolve.resolve,
    "periods": close.periods,
    "soft-close": close.soft_close,
    "close": close.close,
    "reopen": close.reopen,
    "generate": setup.generate,
    "demo": setup.demo,
}
"""Name → command, in the order of `--help`."""

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)


def _version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"gateway {__version__}\n")
        raise typer.Exit(DONE)


@app.callback()
def _main(
    context: typer.Context,
    home: Annotated[Path, typer.Option("-C", "--home", help="The home directory.", readable=False)] = Path(),
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Partner files in, a reconciled ledger, workbooks out."""
    invocation.set_home_folder(home)
    invocation.set_command(context.invoked_subcommand or "")


for _name, _command in COMMANDS.items():
    app.command(name=_name)(_command)


def main() -> None:
    """Entry point: an operator's error, or what the machine refuses, is one clear line and exit code 2."""
    log.to_stderr(terminal=err.is_terminal)
    signal.signal(signal.SIGINT, _interrupted)
    try:
        app()
    except HouseError as error:
        _fail(error)
    except BrokenPipeError:
        # Who reads the answer has read enough. The interpreter would complain once more when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except Exception as error:
        if _Interrupted.said:  # A library may make another error of it.
            sys.exit(INTERRUPTED)
        home = invocation.home_folder()
        places = (home, home / "ledger", home / "outbound", Path(tempfile.gettempdir()))
        failure = failures.explained(error, "run", f"gateway {invocation.command()}".strip(), *places)
        if failure is None:
            raise
        _fail(failure)


class _Interrupted:
    said = False


def _interrupted(number: int, frame: object) -> NoReturn:
    """Ctrl-C: end in order; at once where it comes again."""
    if _Interrupted.said:
        os._exit(INTERRUPTED)
    _Interrupted.said = True
    os.write(2, f"ended by Ctrl-C: {invocation.ENDED}\n".encode())
    sys.exit(INTERRUPTED)


def _fail(error: HouseError) -> NoReturn:
    err.print(str(error), markup=False)
    sys.exit(USAGE)
