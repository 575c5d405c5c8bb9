"""Commands about files: `once`, `try`, `replay`, `release`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from gateway.cli.invocation import DONE, PERSON, opened
from gateway.cli.output import err, out, parts, print_json, table

if TYPE_CHECKING:
    from gateway.intake.result import FileResult
    from gateway.once import Pass
    from gateway.sql import Rows

EVENTS_MAX = 20
"""So many exceptions that opened, changed or closed in a pass are named."""


def once(
    now: Annotated[
        str | None, typer.Option(help="Evaluate the books at this instant, as 2026-11-01T08:00:00Z.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the results as JSON.")] = False,
) -> None:
    """Take everything that waits, bring the books up to date, write the workbooks, and end."""
    from gateway import readers
    from gateway.intake.result import pending
    from gateway.ledger.commit import newest_head
    from gateway.once import run_once
    from gateway.reports import exceptions

    with readers.bounded(), opened(now=now) as home:
        before = newest_head(home.lake.con)
        done = run_once(home, progress=err.is_terminal)
        events = exceptions.events_since(home.lake.con, before.seq if before else 0)
    if as_json:
        print_json(
            {
                "files": [asdict(f) for f in done.files],
                "books": asdict(done.books),
                "exceptions": events,
                "workbooks": [str(p) for p in done.workbooks],
                "acknowledgements": [str(p) for p in done.acknowledgements],
                "problems": done.problems,
            }
        )
    else:
        _print_pass(done, events)
    raise typer.Exit(PERSON if list(pending(done.files)) else DONE)


def _print_pass(done: Pass, events: Rows) -> None:
    from gateway.intake.result import pending

    if done.files:
        out.print(_file_table(done.files))
    for file in pending(done.files):
        _print_reason(file)
    for problem in done.problems:
        out.print(f"[bold]not taken[/] {escape(problem)}", markup=True)
    for path in done.acknowledgements:
        out.print(f"acknowledgement {path}")
    books = table("reconciliation", "matched", "timing", "open")
    for line in done.books.lines:
        books.add_row(f"{line.reconciliation}  {line.title}", str(line.matched), str(line.timing), str(line.open))
    out.print(books)
    out.print(f"{done.books.open} exceptions open, {done.books.opened} opened, {done.books.closed} closed.")
    for event in events[:EVENTS_MAX]:
        what = event["note"] or event["message"]
        out.print(f"{event['event'].lower()} {event['code']} {event['business_key']} {event['exception_id']}: {what}")
    if len(events) > EVENTS_MAX:
        out.print(f"and {len(events) - EVENTS_MAX} more: `gateway status --all`")
    for path in done.workbooks:
        out.print(f"workbook {path}")


def _print_reason(file: FileResult) -> None:
    """Whose file it is, why it waits, and what to do: in one line, or a line for each part of the reason."""
    found = parts(file.reason)
    head, fix = (
        f"[bold]{file.state}[/] {escape(f'{file.partner}/{file.name}')}:",
        f"Fix: {file.fix}" if file.fix else "",
    )
    if len(found) == 1:
        end = "" if file.reason.endswith((".", "?", "!")) else "."
        out.print(f"{head} {escape(file.reason)}" + (f"{end} {escape(fix)}" if fix else ""), markup=True)
        return
    out.print(head, markup=True)
    for line in (*found, *filter(None, [fix])):
        out.print(f"    {line}")


def _file_table(files: Sequence[FileResult]) -> Table:
    columns = ("state", "partner", "file", "feed", "received", "accepted", "rejected", "duplicate", "ignored")
    printed = table(*columns)
    for f in files:
        # What is held is neither accepted nor rejected before somebody decides.
        rejected = "held" if f.state == "HELD" and f.rejected else f.rejected
        numbers = (f.received, f.accepted, rejected, f.duplicate, f.ignored)
        printed.add_row(f.state, f.partner, f.name, f.feed, *map(str, numbers))
    return printed


BY = typer.Option("--by", help="Who asks for it; left out: the user of this process.")
COMMENT = typer.Option("--comment", help="Why; it stands in the audit trail.")


def replay(file_ids: list[str], by: Annotated[str, BY] = "", comment: Annotated[str, COMMENT] = "") -> None:
    """Read archived files again under today's mappings; what changed is restated, the rest is a duplicate."""
    _again(file_ids, by, comment, force=False)


def release(file_id: str, by: Annotated[str, BY] = "", comment: Annotated[str, COMMENT] = "") -> None:
    """Let a held file post although it does not tie out; who released it and why is in the audit trail."""
    _again([file_id], by, comment, force=True)


def _again(file_ids: list[str], by: str, comment: str, *, force: bool) -> None:
    from gateway import readers
    from gateway.intake.again import again
    from gateway.intake.result import pending
    from gateway.once import run_books
    from gateway.person import one_line, user

    who = one_line(by) or user()
    with readers.bounded(), opened() as home:
        results = [
            result
            for file_id in file_ids
            for result in again(home, file_id, force=force, by=who, comment=one_line(comment))
        ]
        run_books(home)
    out.print(_file_table(results))
    raise typer.Exit(PERSON if list(pending(results)) else DONE)
