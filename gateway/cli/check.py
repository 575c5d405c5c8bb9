"""`gateway check`: every mistake in the files of a home, and what samples become."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from gateway import settings as configuration
from gateway.cli.invocation import DONE, PERSON, USAGE, home_folder
from gateway.cli.output import err, out
from gateway.errors import HomeFaultsError
from gateway.init import open_to_others
from gateway.progress import counted
from gateway.settings import Config

if TYPE_CHECKING:
    from gateway.home import Home
    from gateway.mapping.library.load import Loaded
    from gateway.mapping.library.verdicts import Verdicts

T = TypeVar("T")


def check(
    mappings: Annotated[list[str] | None, typer.Argument(help="Mappings in mappings/; default: all.")] = None,
    expand: Annotated[
        bool,
        typer.Option(
            "--expand", help="Print each mapping merged with the pack that it is based on, as TOML, and exit."
        ),
    ] = False,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Write what the samples now become as their expected result.")
    ] = False,
) -> None:
    """Check settings and rules; lint mappings, packs and their lookups, and check them against their samples."""
    from gateway.cli.mappings import all_of, path_of

    settings, faults, notes = _settings()
    usable_home = not faults
    paths = [path_of(name, home_folder()) for name in mappings] if mappings else all_of(home_folder())
    master_data = cache(partial(_master_data, settings))
    verdicts = _verdicts(settings, master_data) if settings and usable_home and not (expand or refresh) else None
    changed = paths if mappings or expand or refresh else _changed(paths)
    unknown = [path for path in changed if verdicts is None or not verdicts.holds(path)]
    sound, found, missing = _lint(unknown, settings, master_data, whole=not mappings)
    faults += found
    if expand:
        _print_expanded([*sound], home_folder() / "mappings")
    for fault in faults:
        (err if expand else out).print(fault)
    if expand:
        raise typer.Exit(USAGE if faults else DONE)
    tried = _check_samples(sound, refresh=refresh) if usable_home else {}
    if verdicts is not None:
        verdicts.note(path for path, lines in tried.items() if not lines)
    differences = [line for lines in tried.values() for line in lines]
    for line in differences:
        out.print(line)
    for note in (*notes, *missing, *filter(None, [open_to_others(home_folder())])):
        out.print(f"Note: {note}")
    if not usable_home:
        out.print("Samples were not checked, because the settings or the rules have faults.")
    out.print(f"Mappings checked: {len(paths)}; faults: {len(faults) + len(differences)}.")
    raise typer.Exit(USAGE if faults else PERSON if differences else DONE)


def _settings() -> tuple[Config | None, list[str], tuple[str, ...]]:
    """The settings, if they can be used; a line for each fault of theirs and of the rules; and for what rules lack.

    Raises HouseError for a file that is missing, and for messages that cannot be made.
    """
    from gateway import notifications
    from gateway.books.rules import load as load_rules

    faults: list[str] = []

    def used(load_: Callable[[Path], T]) -> T | None:
        try:
            return load_(home_folder())
        except HomeFaultsError as error:
            faults.extend(map(str, error.faults))
            return None

    settings, rules = used(configuration.load), used(load_rules)
    if settings and rules:
        notifications.check(home_folder(), settings, rules)
    return settings, faults, rules.notes if rules else ()


def _changed(paths: list[Path]) -> list[Path]:
    """All but the packs that are as they were shipped."""
    from gateway.mapping.library.shipped_packs import ShippedPacks

    packs = ShippedPacks(home_folder() / "mappings")
    return [path for path in paths if not packs.holds(path)]


MasterDataOf = Callable[[], tuple[str, frozenset[str]]]
"""`_master_data` of a home, which opens its ledger once."""


def _verdicts(settings: Config, master_data: MasterDataOf) -> Verdicts:
    """What earlier checks of this home found without a fault."""
    from gateway.ledger import lake
    from gateway.mapping.library.verdicts import Verdicts

    kept = lake.folder_of(home_folder(), settings) / "tmp" / "checked.json"
    return Verdicts(home_folder(), kept, lambda: master_data()[0])


def _lint(
    paths: list[Path], settings: Config | None, master_data: MasterDataOf, *, whole: bool
) -> tuple[dict[Path, Loaded], list[str], list[str]]:
    """The mappings without faults, and a line for each fault of the others; with `whole` those of the library too.

    Third, what the home's mappings together leave out.
    """
    from gateway.mapping.claim import overlaps
    from gateway.mapping.library import load
    from gateway.mapping.lint import together

    root = home_folder() / "mappings"
    library = load.load_all(home_folder())
    named = {f"mappings/{path.relative_to(root).as_posix()}" for path in paths}
    found_by_all = [*library.faults, *overlaps.faults(list(library.mappings.values()))]
    # What a named mapping has to do with: its own place, or its name in the message.
    faults = [one for one in found_by_all if whole or any(name in f"{one.file} {one.message}" for name in named)]
    missing = list(together.missing(list(library.mappings.values())))
    if not paths:
        return {}, [str(fault) for fault in faults], missing
    from gateway.cli import names
    from gateway.mapping.lint import lint
    from gateway.mapping.lint.probe import Probe

    sound: dict[Path, Loaded] = {}
    _, locations = master_data()
    with Probe() as probe, counted("mappings", len(paths), shown=err.is_terminal) as count:
        for path in paths:
            loaded, found = load.load_file(path, root)
            if loaded is not None:
                found = [
                    *lint.check(loaded, library.lookups, probe=probe),
                    *names.unknown(loaded, settings, locations),
                ]
            faults += [fault for fault in found if fault not in faults]
            if loaded is not None and not found:
                sound[path] = loaded
            count(1)
    return sound, [str(fault) for fault in faults], missing


def _master_data(settings: Config | None) -> tuple[str, frozenset[str]]:
    """A text that changes with the items, aliases and locations of the ledger, "" without one; and those locations."""
    from gateway.ledger import lake
    from gateway.master_data import MasterData

    if settings is None or not lake.exists(home_folder(), settings):
        return "", frozenset()
    with lake.open_lake(home_folder(), settings, read_only=True) as ledger:
        rows = ledger.con.execute("select distinct location from location_current").fetchall()
        locations = frozenset(name for (name,) in rows)
        return f"{MasterData(ledger.con).digest()} {sorted(locations)}", locations


def _print_expanded(paths: list[Path], root: Path) -> None:
    from gateway.mapping.language import toml
    from gateway.mapping.library import load

    for path in paths:
        data, _ = load.expanded(path, root)
        sys.stdout.write(f"# mappings/{path.relative_to(root).as_posix()}\n{toml.text(data or {})}\n")


def _check_samples(sound: Mapping[Path, Loaded], *, refresh: bool) -> dict[Path, list[str]]:
    """For each mapping a line for each difference between what its samples become and what is expected of them."""
    from gateway.home import PACKS, open_packs, open_samples
    from gateway.mapping.library import samples

    of_folder = cache(partial(samples.by_mapping, known=sound))
    found: dict[Path, list[str]] = {path: [] for path in sound}
    with_samples = {path: files for path in sound if (files := of_folder(path.parent)[path])}
    packs = {path: files for path, files in with_samples.items() if path.parent.parent.name == PACKS}
    own = {path: files for path, files in with_samples.items() if path not in packs}
    total = sum(map(len, with_samples.values()))
    with counted("samples", total, shown=err.is_terminal) as count:
        for opened, tried in ((open_samples, own), (open_packs, packs)):
            if tried:
                with opened(home_folder()) as home:
                    for path, lines in _differences(home, sound, tried, refresh=refresh):
                        found[path] = lines
                        count(len(tried[path]))
    return found


def _differences(
    home: Home, sound: Mapping[Path, Loaded], tried: Mapping[Path, list[Path]], *, refresh: bool
) -> Iterator[tuple[Path, list[str]]]:
    from gateway.mapping.library import samples

    ours, last = home.master.tables(), None
    for path, files in tried.items():
        if path.parent != last:
            home.master.replace(*(samples.master_data(path) or ours))
            last = path.parent
        yield path, samples.check(path, lambda p, s: _tried(home, sound[p], s), refresh=refresh, files=files)


def _tried(home: Home, loaded: Loaded, sample: Path) -> dict[str, Any]:
    """What a sample becomes, in one transaction: each statement alone asks the catalog for its newest snapshot first.

    Nobody else uses this catalog. What ends a transaction is tried again without one, where its own error comes out.
    """
    import duckdb

    from gateway.intake.attempt import attempt
    from gateway.ledger.connection import transaction

    home.master.relations()  # What is made in the transaction may be gone after it.
    try:
        with transaction(home.lake.con):
            return attempt(home, loaded, sample)
    except duckdb.Error:
        return attempt(home, loaded, sample)
