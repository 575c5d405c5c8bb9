"""`gateway check`: every mistake in the files of a home, and what samples become."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from gateway import notifications
from gateway import settings as configuration
from gateway.cli.invocation import DONE, PERSON, USAGE, home_folder
from gateway.cli.mappings import all_of, path_of, usable
from gateway.cli.output import err, out
from gateway.home import open_samples
from gateway.intake.attempt import attempt
from gateway.mapping.language import toml
from gateway.mapping.library import load
from gateway.mapping.lint import lint


def check(
    mappings: Annotated[list[str] | None, typer.Argument(help="Mappings below mappings/; all if left out.")] = None,
    expand: Annotated[
        bool, typer.Option("--expand", help="Print each mapping with what it is based on, as TOML, and end.")
    ] = False,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Write what the samples now become as what is expected of them.")
    ] = False,
) -> None:
    """Lint mappings, packs, their lookups and the accounting rules, and check them against their samples."""
    from gateway.books.rules import load as load_rules

    notifications.check(home_folder(), configuration.load(home_folder()), load_rules(home_folder()))
    root = home_folder() / "mappings"
    library = load.load_all(home_folder())
    paths = [path_of(name, home_folder()) for name in mappings] if mappings else all_of(home_folder())
    faults = [] if mappings else list(library.faults)
    sound = []
    for path in paths:
        loaded, found = load.load_file(path, root)
        found = found if loaded is None else lint.check(loaded, library.lookups)
        faults += [fault for fault in found if fault not in faults]
        sound += [] if found else [path]
    if expand:
        _print_expanded(sound, root)
    for fault in faults:
        (err if expand else out).print(str(fault))
    if expand:
        raise typer.Exit(USAGE if faults else DONE)
    differences = _check_samples(sound, refresh=refresh)
    for line in differences:
        out.print(line)
    out.print(f"Mappings checked: {len(paths)}; faults: {len(faults) + len(differences)}.")
    raise typer.Exit(USAGE if faults else PERSON if differences else DONE)


def _print_expanded(paths: list[Path], root: Path) -> None:
    for path in paths:
        data, _ = load.expanded(path, root)
        sys.stdout.write(f"# mappings/{path.relative_to(root).as_posix()}\n{toml.text(data or {})}\n")


def _check_samples(paths: list[Path], *, refresh: bool) -> list[str]:
    """A line for each difference between what samples become and what is expected of them."""
    from gateway.mapping.library import samples

    found: list[str] = []
    with open_samples(home_folder()) as home:
        ours = home.master.tables()
        for path in paths:
            home.master.replace(*(samples.master_data(path) or ours))
            found += samples.check(path, lambda p, s: attempt(home, usable(home, p), s), refresh=refresh)
    return found
