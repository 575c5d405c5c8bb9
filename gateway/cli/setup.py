"""Making homes and what goes into them: `init`, `generate`, `demo`."""

from __future__ import annotations

from typing import Annotated

import typer

from gateway import init as homes
from gateway import settings as configuration
from gateway.cli.invocation import DONE, PERSON, home_folder
from gateway.cli.output import err, out
from gateway.errors import HouseError


def init(
    with_examples: Annotated[bool, typer.Option("--with-examples", help="Activate the example partners.")] = False,
) -> None:
    """Lay down a home: configuration, packs and rules. Files that exist are left alone."""
    try:
        written = homes.lay_down(home_folder(), examples=with_examples, own=not with_examples)
    except OSError as error:
        raise HouseError("lay down", str(home_folder()), "Choose a folder that you may write to.", str(error)) from None
    out.print(f"{len(written)} files written to {home_folder().resolve()}.")
    if with_examples:
        out.print("Drop files in inbound/<partner>/, then run `gateway once`.")
    else:
        out.print(
            "Name your company in config.toml, then draft a mapping: `gateway suggest FILE --partner NAME --write`."
        )


def generate(
    days: Annotated[int, typer.Option(min=7, max=366)] = 14,
    orders_per_day: Annotated[int, typer.Option(min=5, max=20_000)] = 40,
    seed: int = 7,
) -> None:
    """Write the files of the synthetic business into inbound/, and truth.csv beside it."""
    from gateway import synthetic

    configuration.load(home_folder())
    truth = synthetic.generate(home_folder(), seed=seed, days=days, orders_per_day=orders_per_day)
    out.print(f"{truth.files} files; {len(truth.planted)} planted discrepancies in {home_folder() / 'truth.csv'}")
    out.print(f"Look at the books with: gateway -C {home_folder()} once --now {truth.now.isoformat()}")


def demo() -> None:
    """Make a home in ./demo, let two weeks of business pass through it, and compare with the planted truth."""
    from gateway import demo as demonstration

    raise typer.Exit(DONE if demonstration.run(home_folder() / "demo", out, err.is_terminal) else PERSON)
