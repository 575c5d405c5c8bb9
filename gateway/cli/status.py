"""`gateway status`: what needs a person, what came today, what closed, what is due, on one screen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway import settings as configuration
from gateway.cli.invocation import DONE, PERSON, home_folder
from gateway.cli.output import filled, out, parts, print_json, print_rows

if TYPE_CHECKING:
    from gateway.books.feeds import Feed

EXCEPTIONS_MAX = 20
FILES_MAX = 20
"""So many are shown without `--all`; how many there are is always said."""
FOR_INFORMATION = 4
"""The severity of exceptions that need nobody."""


def status(
    everything: Annotated[
        bool, typer.Option("--all", help="Every open exception, and every file of today and of yesterday.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """What needs a person, what came, closed and is due, and the trial balance; works while another process commits.

    Exit code 1 while a file is held or an exception is open that is not only for information.
    """
    from gateway.books import feeds as expected
    from gateway.cli import notify
    from gateway.ledger import lake
    from gateway.mapping.library import load
    from gateway.reports import exceptions, files, journal

    settings = configuration.load(home_folder())
    feeds = expected.feeds_of(load.read_all(home_folder()), settings)
    now = datetime.now(UTC)
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    yesterday = today - timedelta(days=1)
    with lake.open_lake(home_folder(), settings, read_only=True) as ledger:
        con = ledger.con
        found = {
            "files": files.by_state(con),
            "files of today": files.states_since(con, yesterday if everything else today),
            "expected today": _expected_today(con, feeds),
            "needs a person": files.pending(con),
            "exceptions": exceptions.by_code(con),
            "open exceptions": exceptions.worst(con, None if everything else EXCEPTIONS_MAX),
            "closed since yesterday": exceptions.closed_of(con, [exceptions.ALL], yesterday),
            "trial balance": journal.trial_balance(con),
            "notifications": notify.states(settings, ledger.folder),
        }
    if as_json:
        print_json(found)
    else:
        _print(found, everything)
    raise typer.Exit(PERSON if found["needs a person"] or _pressing(found) else DONE)


def _pressing(found: Mapping[str, Any]) -> int:
    """How many open exceptions are not only for information."""
    return sum(row["open"] for row in found["exceptions"] if row["severity"] < FOR_INFORMATION)


def _print(found: Mapping[str, Any], everything: bool) -> None:
    waiting, pressing = len(found["needs a person"]), _pressing(found)
    out.print(f"{waiting} files wait for a person, {pressing} open exceptions need one.", style="bold")
    for file in found["needs a person"]:
        _block(f"{file['state']}  {file['partner']}/{file['name']}  {file['file_id']}", file)
    shown, count = found["open exceptions"], sum(row["open"] for row in found["exceptions"])
    out.print(_title("Open exceptions", len(shown), count), style="bold")
    for row in shown:
        _block(_head(row), row)
    if len(shown) < count:
        _table("Open by code", found["exceptions"])
    files = found["files of today"]
    most = len(files) if everything else FILES_MAX
    _table(
        _title("Files since yesterday" if everything else "Files of today", min(most, len(files)), len(files)),
        files[:most],
    )
    closed = [
        {key: row[key] for key in ("code", "business_key", "exception_id", "resolution", "note")}
        for row in found["closed since yesterday"]
    ]
    most = len(closed) if everything else EXCEPTIONS_MAX
    _table(_title("Closed since yesterday", min(most, len(closed)), len(closed)), filled(closed[:most]))
    _table("Expected today", found["expected today"])
    _table("All files", found["files"])
    _table("Trial balance", found["trial balance"])
    _table("Notifications", found["notifications"])


def _title(name: str, shown: int, count: int) -> str:
    return name if shown == count else f"{name}: {shown} of {count}, `gateway status --all` shows every one"


def _head(row: Mapping[str, Any]) -> str:
    """Code, severity, owner, due day, place, amount and id of an exception in one line."""
    place = "/".join(str(part) for part in (row["partner"], row["file"]) if part)
    figure = f"{row['amount']} {row['currency'] or ''}".strip() if row["amount"] is not None else row["qty"]
    due = f"due {row['due']}{', late' if row['late'] else ''}"
    parts = (row["code"], f"severity {row['severity']}", row["owner"], due, place, row["position"], figure)
    return "  ".join(str(part) for part in (*parts, row["exception_id"]) if part not in (None, ""))


def _block(first: str, row: Mapping[str, Any]) -> None:
    """A line, and below it what is wrong, a line each, and the fix."""
    out.print(first)
    for part in parts(row.get("reason") or row.get("message") or ""):
        out.print(f"    {part}")
    if row.get("fix"):
        out.print(f"    Fix: {row['fix']}")
    elif row.get("suggestion"):
        out.print(f"    Suggested: {row['suggestion']}")


def _table(title: str, rows: Sequence[dict[str, Any]]) -> None:
    out.print(title, style="bold")
    print_rows(rows)


def _expected_today(con: Any, feeds: list[Feed]) -> list[dict[str, Any]]:
    from gateway.books import feeds as expected

    now = datetime.now(UTC)
    came = expected.arrivals(con, feeds)
    rows = []
    for feed in feeds:
        for one in expected.of_today(expected.standings(feed, came[feed.name], now), now):
            came_at = one.file and one.file.arrived_at.astimezone(feed.expect.zone)
            state = f"came at {came_at:%Y-%m-%d %H:%M}" if came_at else one.state(now)
            due = one.period.due.astimezone(feed.expect.zone)
            rows.append({"feed": feed.name, "period": one.period.key, "due": f"{due:%Y-%m-%d %H:%M%z}", "state": state})
    return rows
