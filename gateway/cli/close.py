"""Commands about periods: `close`, `soft-close`, `reopen`, `periods`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.files import BY
from gateway.cli.invocation import PERSON, home_folder, opened
from gateway.cli.output import filled, out, print_json, print_rows
from gateway.errors import HouseError
from gateway.nearest import nearest

if TYPE_CHECKING:
    from datetime import date

    from gateway.books.periods import Act, Point
    from gateway.home import Home

ENTITY = typer.Argument(metavar="ENTITY", help="Legal entity, as config.toml names it.")
PERIOD = typer.Argument(metavar="PERIOD", help="As 2026-10.")
COMMENT = typer.Option("--comment", help="Why; the ledger keeps it.")


def close(
    entity: Annotated[str, ENTITY],
    period: Annotated[str, PERIOD],
    comment: Annotated[str, COMMENT],
    accept: Annotated[
        list[str] | None, typer.Option("--accept", metavar="POINT", help="A point of the checklist to accept as it is.")
    ] = None,
    by: Annotated[str, BY] = "",
) -> None:
    """Close a period of an entity after a checklist: nothing posts in it any more, late files post in the next one."""
    from gateway.model.periods import CLOSED

    with opened() as home:
        act = _act(home, entity, period, CLOSED, by, comment)
        points = _checklist(home, act, accept or [])
        for point in points:
            _print(point)
        if not all(point.ok for point in points):
            out.print(f"{entity} {period} stays as it is.", style="bold")
            raise typer.Exit(PERSON)
        _do(home, act, points)
    out.print(f'It is closed. As it is now: `gateway query --as-of "close {entity} {period}" …`')


def soft_close(
    entity: Annotated[str, ENTITY],
    period: Annotated[str, PERIOD],
    comment: Annotated[str, COMMENT],
    by: Annotated[str, BY] = "",
) -> None:
    """Close a period to files: only opening balances and manual entries still post in it."""
    from gateway.model.periods import SOFT_CLOSED

    with opened() as home:
        _do(home, _act(home, entity, period, SOFT_CLOSED, by, comment))


def reopen(
    entity: Annotated[str, ENTITY],
    period: Annotated[str, PERIOD],
    comment: Annotated[str, COMMENT],
    by: Annotated[str, BY] = "",
) -> None:
    """Open the last closed period of an entity again. What posted in a later one meanwhile stays there."""
    from gateway.model.periods import REOPENED

    with opened() as home:
        _do(home, _act(home, entity, period, REOPENED, by, comment))


def periods(
    entity: Annotated[str, typer.Argument(metavar="[ENTITY]", help="Only of this entity.")] = "",
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """The periods of each entity: open or closed, by whom, how many entries, and how many of these came late."""
    from gateway import settings as configuration
    from gateway.books import periods as books
    from gateway.ledger import lake
    from gateway.ledger.locking import retry

    with lake.open_lake(home_folder(), configuration.load(home_folder()), read_only=True) as ledger:
        rows = retry(lambda: books.of_entity(ledger.con, entity))
    if as_json:
        print_json(rows)
    else:
        print_rows(filled(rows))


def _act(home: Home, entity: str, period: str, event: str, by: str, comment: str) -> Act:
    """What is asked for. Raises HouseError for an entity or a period that there is not."""
    from gateway.books.periods import Act
    from gateway.books.posting.posting_days import first_day
    from gateway.person import one_line, user

    if entity not in home.settings.entities:
        close_to = nearest(entity, home.settings.entities)
        fix = f"Name one of {', '.join(home.settings.entities)}."
        raise HouseError("find entity", entity, fix, f"config.toml has none of that name{close_to}")
    try:
        first_day(period)
    except ValueError:
        raise HouseError("read period", period, "Write it like 2026-10.", "that is no month") from None
    return Act(entity, period, event, one_line(by) or user(), one_line(comment))


def _checklist(home: Home, act: Act, accept: Sequence[str]) -> list[Point]:
    from gateway.books.reconcile.tables import Working
    from gateway.once import run_books
    from gateway.reports import checklist

    unknown = [name for name in accept if name not in checklist.NAMES]
    if unknown:
        fix = f"Name some of {', '.join(checklist.NAMES)}."
        raise HouseError("accept", unknown[0], fix, f"no point has that name{nearest(unknown[0], checklist.NAMES)}")
    run_books(home)
    settings = home.settings
    partners = {name for name in home.partners if settings.entity_of(name) == act.entity}
    working = Working(home.lake.con, home.context)
    return checklist.checklist(working, act.entity, act.period, _today(home, act), partners, accept)


def _today(home: Home, act: Act) -> date:
    """Today where the entity is."""
    from zoneinfo import ZoneInfo

    return home.now.astimezone(ZoneInfo(home.settings.entities[act.entity].timezone)).date()


def _do(home: Home, act: Act, points: Sequence[Point] = ()) -> None:
    from gateway.books import periods as books

    con, version = home.lake.con, home.lake.version()
    home.commit(lambda commit: books.act(commit, con, act, version, _today(home, act), points))
    out.print(f"{act.entity} {act.period}: {act.event} by {act.by}.")


def _print(point: Point) -> None:
    state = "accepted" if point.accepted else "ok" if point.ok else "open"
    out.print(f"{state:9}{point.name:12}{point.question}{': ' + point.found if point.found else ''}")
    if not point.ok:
        out.print(f"{'':21}Fix: {point.fix}")
