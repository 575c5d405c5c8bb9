"""`gateway trial-balance`: the accounts of each entity, cut at a day."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated

import typer

from gateway import settings as configuration
from gateway.cli.invocation import DONE, PERSON, home_folder
from gateway.cli.output import err, filled, out, print_json, print_rows
from gateway.errors import HouseError


def trial_balance(
    at: Annotated[str, typer.Option(help="The last day that counts, as 2026-10-31; today if left out.")] = "",
    since: Annotated[str, typer.Option(help="First day of the movement; the first of that month if left out.")] = "",
    entity: Annotated[str, typer.Option(help="Only this entity.")] = "",
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Opening, movement and closing of each account, in each currency and in the entity's; debit positive.

    Exit code 1 where the accounts of an entity do not come to zero.
    """
    from gateway.books import rules
    from gateway.books.posting import reference
    from gateway.ledger import lake
    from gateway.ledger.locking import retry
    from gateway.reports import balances

    last = _day("--at", at) if at else datetime.now(UTC).date()
    first = _day("--since", since) if since else last.replace(day=1)
    if first > last:
        raise HouseError("trial-balance", f"--since {first}", "Name an earlier day.", f"it is after {last}")
    settings = configuration.load(home_folder())
    if entity and entity not in settings.entities:
        known = ", ".join(settings.entities)
        raise HouseError(
            "trial-balance", f"--entity {entity}", f"Name one of {known}.", "config.toml has no such entity"
        )
    with lake.open_lake(home_folder(), settings, read_only=True) as ledger:
        reference.prepare(ledger.con, settings, rules.load(home_folder()))
        accounts, sums = retry(lambda: balances.by_account(ledger.con, first, last, entity))
    if as_json:
        print_json({"since": str(first), "at": str(last), "accounts": accounts, "sums": sums})
    else:
        out.print(f"Trial balance at {last}, movement since {first}", style="bold")
        print_rows(accounts)
        print_rows(filled(sums))
    wrong = balances.broken(sums)
    for row in wrong:
        what = row["currency"] or f"{row['functional']} (functional)"
        err.print(f"The accounts of {row['entity']} do not come to zero in {what}. Fix: run `gateway verify`.")
    raise typer.Exit(PERSON if wrong else DONE)


def _day(option: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise HouseError("trial-balance", f"{option} {text}", "Write it as 2026-10-31.", "it is no day") from None
