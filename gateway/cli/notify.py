"""`gateway notify`: digests and alerts that are due, and how sending stands."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from gateway.cli.invocation import DONE, PERSON, home_folder, opened
from gateway.cli.output import out

if TYPE_CHECKING:
    from gateway.settings import Config


def notify() -> None:
    """Send the digests and alerts that are due, and end; `gateway run` does so by itself."""
    from gateway import notifications

    with opened(read_only=True) as home:
        notifier = notifications.Notifier(home_folder(), home.settings, home.rules, home.feeds)
        now = home.now
    with closing(notifier):
        for due in notifier.look(now):
            out.print(f"{due.message.kind} to {notifications.identity(due.recipient)}: {due.message.subject}")
    problems = [row for row in states(home.settings, home.lake.folder) if row["problem"]]
    for row in problems:
        out.print(f"not sent to {row['to']}: {row['problem']}")
    raise typer.Exit(PERSON if problems else DONE)


def states(settings: Config, folder: Path) -> list[dict[str, Any]]:
    """A row for each recipient: the last digest, open alerts, and why sending fails. `folder` is the ledger's."""
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
                "alerted and open": len(kept.alerted),
                "fails since": kept.problem_since,
                "problem": kept.problem,
            }
        )
    return rows
