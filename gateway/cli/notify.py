"""`gateway notify`: digests and alerts that are due, and how sending stands."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from gateway.cli.invocation import DONE, PERSON, home_folder
from gateway.cli.output import out

if TYPE_CHECKING:
    from gateway.settings import Config


def notify() -> None:
    """Send the digests, alerts and heads of the audit chain that are due, and end; `gateway run` does so by itself."""
    from gateway import settings

    config = settings.load(home_folder())
    if not config.notify.to:
        out.print("Nobody is notified: config.toml has no [[notify.to]].")
        raise typer.Exit(DONE)
    from gateway import notifications
    from gateway.books import feeds, rules
    from gateway.mapping.library import load

    expected = feeds.feeds_of(load.read_all(home_folder()), config)
    with closing(notifications.Notifier(home_folder(), config, rules.load(home_folder()), expected)) as notifier:
        for due in notifier.look(datetime.now(UTC)):
            out.print(f"{due.message.kind} to {notifications.identity(due.recipient)}: {due.message.subject}")
        problems = [row for row in states(config, notifier.folder) if row["problem"]]
    for row in problems:
        out.print(f"not sent to {row['to']}: {row['problem']}")
    raise typer.Exit(PERSON if problems else DONE)


def states(settings: Config, folder: Path) -> list[dict[str, Any]]:
    """A row for each recipient: the last digest, the last head's number, open alerts, and why sending fails.

    `folder` is the ledger's.
    """
    if not settings.notify.to:
        return []
    from gateway import notifications
    from gateway.notifications import state

    known = state.read(folder)
    rows = []
    for name in map(notifications.identity, settings.notify.to):
        kept = known.get(name, state.Notified())
        rows.append(
            {
                "to": name,
                "last digest": kept.digest,
                "last head": kept.head.partition(":")[0],
                "alerted and open": len(kept.alerted),
                "fails since": kept.problem_since,
                "problem": kept.problem,
            }
        )
    return rows
