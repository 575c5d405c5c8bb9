"""Questions to the ledger: `stock`, `trace` and `query`."""

from __future__ import annotations

import sys
from collections import Counter
from typing import Annotated, Any, Literal

import typer

from gateway import settings as configuration
from gateway.cli.invocation import home_folder
from gateway.cli.output import print_json, print_rows
from gateway.csv_text import csv_text
from gateway.errors import HouseError, upper_first


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
        typer.Option(
            "--as-of",
            help='The ledger as it was then: 2026-10-31 (end of the day), 2026-11-01T08:00:00Z, "close US 2026-10".',
        ),
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
    if as_of is not None and as_of.split()[:1] == ["close"]:
        as_of = _closed(as_of, settings)
    with lake.open_lake(home_folder(), settings, read_only=True, as_of=as_of) as ledger:
        _views(ledger.con, settings)
        try:
            if (contents := _contents(ledger.con, sql)) is not None:
                return list(contents[0]) if contents else [], contents
            queries.check(ledger.con, sql)
            return retry(lambda: _answer(ledger.con, sql))
        except duckdb.Error as error:
            cause, fix = query_faults.explained(ledger.con, sql, error)
            raise HouseError("run query", sql[:80], f"{upper_first(fix)}.", cause) from None


def _closed(as_of: str, settings: configuration.Config) -> str:
    """The version of the ledger that "close ENTITY PERIOD" names. Raises HouseError where there is none."""
    from gateway.ledger import lake
    from gateway.ledger.locking import retry

    with lake.open_lake(home_folder(), settings, read_only=True) as ledger:
        snapshots = retry(
            lambda: ledger.con.execute(
                """select snapshot from period_event where event = 'CLOSED' and entity || ' ' || period = ?
                order by "at" desc limit 1""",
                [" ".join(as_of.split()[1:])],
            ).fetchone()
        )
    if snapshots is None:
        fix = '`gateway periods` lists what is closed; write it like "close US 2026-10".'
        raise HouseError("open ledger", f"as of {as_of}", fix, "that period was not closed")
    return str(snapshots[0])


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
