"""Questions to the ledger: `status`, `stock`, `trace` and `query`."""

from __future__ import annotations

import sys
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from gateway import settings as configuration
from gateway.cli.invocation import home_folder
from gateway.cli.output import out, print_json, print_rows
from gateway.csv_text import csv_text
from gateway.errors import HouseError

if TYPE_CHECKING:
    from gateway.books.feeds import Feed


def status(as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """Files, what is expected today, open exceptions and the trial balance; works while another process commits."""
    from gateway.books import feeds as expected
    from gateway.cli import notify
    from gateway.ledger import lake
    from gateway.mapping.library import load
    from gateway.reports import exceptions, files, journal

    settings = configuration.load(home_folder())
    feeds = expected.feeds_of(load.read_all(home_folder()), settings)
    with lake.open_lake(home_folder(), settings, read_only=True) as ledger:
        con = ledger.con
        found = {
            "files": files.by_state(con),
            "expected today": _expected_today(con, feeds),
            "needs a person": files.pending(con),
            "exceptions": exceptions.by_code(con),
            "trial balance": journal.trial_balance(con),
            "notifications": notify.states(settings, ledger.folder),
        }
    if as_json:
        print_json(found)
        return
    for title, rows in found.items():
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


def stock(
    sku: Annotated[str, typer.Option(help="Only this item.")] = "",
    location: Annotated[str, typer.Option(help="Only at this location.")] = "",
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """What is in stock now, in base units, and what of it may be sold."""
    from gateway.ledger import lake
    from gateway.ledger.locking import retry
    from gateway.reports import stock as reports

    settings = configuration.load(home_folder())
    with lake.open_lake(home_folder(), settings, read_only=True) as ledger:
        _views(ledger.con, settings)
        _show(retry(lambda: reports.on_hand(ledger.con, sku, location)), as_json)


def trace(
    name: Annotated[str, typer.Argument(help="ID of an entry, an exception, a match, a record or a file.")],
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """What a number leads to: its records, their files, and the places in them."""
    from gateway.ledger import lake
    from gateway.ledger.locking import retry
    from gateway.reports import trace as reports

    with lake.open_lake(home_folder(), configuration.load(home_folder()), read_only=True) as ledger:
        rows = retry(lambda: reports.trace(ledger.con, name))
    if not rows:
        hint = "Take it from a workbook, or from `gateway status` or `gateway query`."
        raise HouseError("trace", name, hint, "no entry, exception, match, record or file has that id")
    _show(rows, as_json)


def _views(con: Any, settings: configuration.Config) -> None:
    from gateway.books.stock import views

    views.create_views(con)
    views.hold(con, settings.hold)


def _show(rows: list[dict[str, Any]], as_json: bool) -> None:
    (print_json if as_json else print_rows)(rows)


def query(
    sql: Annotated[
        str, typer.Argument(help="A SELECT over the ledger's tables and views; or `show tables`, `describe TABLE`.")
    ],
    form: Annotated[Literal["table", "csv", "json"], typer.Option("--format")] = "table",
    as_of: Annotated[
        str | None,
        typer.Option("--as-of", help="The ledger as it was then: 2026-10-31 (end of the day) or 2026-11-01T08:00:00Z."),
    ] = None,
) -> None:
    """Ask the ledger; read-only, and possible while another process commits."""
    columns, rows = _ask(sql, as_of)
    if form == "json":
        print_json(rows)
    elif form == "csv":
        sys.stdout.write(csv_text(columns, ([row[column] for column in columns] for row in rows), "\n"))
    else:
        print_rows(rows)


def _ask(sql: str, as_of: str | None) -> tuple[list[str], list[dict[str, Any]]]:
    """(column names, rows). Raises HouseError for what is not a question that the ledger can answer."""
    import duckdb

    from gateway.ledger import lake, queries, query_faults
    from gateway.ledger.locking import retry

    settings = configuration.load(home_folder())
    with lake.open_lake(home_folder(), settings, read_only=True, as_of=as_of) as ledger:
        _views(ledger.con, settings)
        try:
            if (contents := _contents(ledger.con, sql)) is not None:
                return list(contents[0]) if contents else [], contents
            queries.check(ledger.con, sql)
            return retry(lambda: _answer(ledger.con, sql))
        except duckdb.Error as error:
            cause, fix = query_faults.explained(ledger.con, sql, error)
            raise HouseError("run query", sql[:80], f"{fix[0].upper()}{fix[1:]}.", cause) from None


def _contents(con: Any, sql: str) -> list[dict[str, Any]] | None:
    """What the ledger holds (`show tables`) or a table of it (`describe TABLE`); None for every other question."""
    from gateway.model import references
    from gateway.sql import identifier

    words = sql.strip().rstrip(";").split()
    if [word.lower() for word in words] == ["show", "tables"]:
        return [dict(row) for row in references.tables()]
    if len(words) == 2 and words[0].lower() in ("describe", "desc"):
        name = words[1].strip('"').lower()
        columns = con.execute(f"describe {identifier(name)}").fetchall()
        return [dict(row) for row in references.described(name, [(column[0], column[1]) for column in columns])]
    return None


def _answer(con: Any, sql: str) -> tuple[list[str], list[dict[str, Any]]]:
    """(column names, rows): the names are known also where there is no row."""
    from gateway.sql import rows_of

    columns = [column[0] for column in con.execute(f"describe {sql}").fetchall()]
    twice = [name for name, count in Counter(columns).items() if count > 1]
    if twice:
        raise HouseError(
            "run query", sql[:80], 'Give them different names with "as".', f"two columns are named {twice[0]}"
        )
    return columns, list(rows_of(con, sql))
