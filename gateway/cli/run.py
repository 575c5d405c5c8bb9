"""`gateway run` and `gateway top`: the daemon, and a look at it."""

from __future__ import annotations

from typing import Annotated

import typer

from gateway import settings as configuration
from gateway.cli.invocation import home_folder
from gateway.cli.output import out


def run() -> None:
    """Watch the drop folders and servers until stopped (SIGTERM or Ctrl-C)."""
    from gateway import daemon, readers

    with readers.bounded():
        daemon.run(home_folder())


def top(
    once: Annotated[bool, typer.Option("--once", help="Print the state once and exit.")] = False,
    every: Annotated[float, typer.Option(min=0.2, help="Seconds between updates.")] = 2.0,
) -> None:
    """Watch the running gateway: transports, feeds, what needs a person. `daemon.listen` must be set."""
    from gateway import top as live
    from gateway.ledger.store import folder_of
    from gateway.state_server import token_of_a_run

    settings = configuration.load(home_folder())
    shown = settings.daemon
    token = configuration.secret_of(shown.token_env) or token_of_a_run(folder_of(home_folder(), settings))
    if once or not out.is_terminal:
        out.print(live.drawn(live.ask(shown.listen, token)))
        return
    live.watch(shown.listen, out, every, token)
