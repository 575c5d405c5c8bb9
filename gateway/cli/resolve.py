"""`gateway resolve`: what a person decides about an exception."""

from __future__ import annotations

from typing import Annotated

import typer

from gateway.cli.files import BY
from gateway.cli.invocation import opened
from gateway.cli.output import out


def resolve(
    exception: Annotated[str, typer.Argument(metavar="EXCEPTION", help="Its exception_id; the first digits do.")],
    resolution: Annotated[str, typer.Option("--as", metavar="RESOLUTION", help="The answer, as IGNORE or KEEP_BOOK.")],
    comment: Annotated[str, typer.Option("--comment", help="Why.")],
    target: Annotated[str, typer.Option(help="The order, document or SKU that the answer names.")] = "",
    value: Annotated[str, typer.Option(help="The value that the answer corrects to.")] = "",
    by: Annotated[str, BY] = "",
) -> None:
    """Decide about an exception: the ledger keeps who, when and why. It closes if that settles it, until it changes."""
    from gateway.books.exceptions.decisions import Decision, decide
    from gateway.cli.show import only
    from gateway.once import run_books
    from gateway.person import one_line, user
    from gateway.reports import shown

    with opened() as home:
        con = home.lake.con
        named = [one for one in shown.named(con, exception) if one[0] == "exception"]
        _, whole = only(named, exception, "resolve")
        decision = Decision(
            whole, resolution, one_line(comment), one_line(by) or user(), one_line(target), one_line(value)
        )
        meaning = home.commit(lambda commit: decide(commit, con, home.rules.registry.resolutions_of, decision))
        outcome = run_books(home)
        [now] = con.execute("select status from exception where exception_id = ?", [whole]).fetchall()
    closed = now == ("CLOSED",)
    out.print(f"{whole}: {meaning.name} by {decision.by}. It {'is closed' if closed else 'stays open'}.")
    if not closed:
        out.print(f"{meaning.name}: {meaning.meaning}" if not meaning.closes else f"It changed: `gateway show {whole}`")
    out.print(f"{outcome.open} exceptions open, {outcome.opened} opened, {outcome.closed} closed.")
