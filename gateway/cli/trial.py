"""`gateway try`: what a mapping makes of a file, and what that would change."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway import settings as configuration
from gateway.cli.invocation import DONE, PERSON, home_folder, opened
from gateway.cli.output import filled, out, print_json, print_rows
from gateway.errors import FileError

if TYPE_CHECKING:
    from gateway.home import Home
    from gateway.mapping.language.loaded import Loaded

ROWS_MAX, LINES_MAX = 20, 40
"""So many rows of a table, and lines of entries, are printed without `--all`."""

_NAMES = typer.Argument(
    metavar="[MAPPING] FILE",
    help="A mapping below mappings/ (left out: the one that claims the file), and a file or the id of an archived one.",
)


def try_(
    names: Annotated[list[str], _NAMES],
    partner: Annotated[str, typer.Option(help="Whose file it is, if no mapping is named.")] = "",
    everything: Annotated[bool, typer.Option("--all", help="Every row, change and line.")] = False,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Show what a mapping makes of a file: rows, faults, entries, and what would change. Writes nothing."""
    from gateway import readers
    from gateway.cli import mappings
    from gateway.intake.candidate import candidate, mappings_of

    if len(names) > 2:
        raise typer.BadParameter("write [MAPPING] FILE: one mapping at most, and one file")
    configuration.load(home_folder())
    path = mappings.path_of(names[0], home_folder()) if len(names) == 2 else None
    with readers.bounded(), opened(scratch=True) as home, tempfile.TemporaryDirectory() as scratch:
        under = mappings.usable(home, path) if path else None
        with candidate(home, names[-1], Path(scratch), partner) as one:
            results = _results(home, one.path, [under] if under else mappings_of(home, one))
    if as_json:
        print_json(results[0] if under else results)
    else:
        for result in results:
            _print(result, everything)
    raise typer.Exit(PERSON if any(result["held"] for result in results) else DONE)


def _results(home: Home, path: Path, mappings: Sequence[Loaded]) -> list[dict[str, Any]]:
    from gateway.intake.attempt import attempt

    results = []
    for loaded in mappings:
        try:
            results.append({"mapping": loaded.name, **attempt(home, loaded, path)})
        except FileError as error:
            results.append({"mapping": loaded.name, **_unreadable(path, error)})
    return results


def _unreadable(file: Path, error: FileError) -> dict[str, Any]:
    """The result for a file that cannot be read at all: it would be quarantined for this reason."""
    fault = {
        "position": error.position,
        "code": error.code,
        "message": error.cause or str(error),
        "hint": error.hint,
    }
    counts = dict.fromkeys(("received", "accepted", "rejected", "duplicate", "ignored"), 0)
    empty = {"records": {}, "faults": [fault], "entries": [], "changes": {}}
    return {"file": file.name, "counts": counts, "held": True, **empty}


def _line(fault: Mapping[str, str]) -> str:
    """Code, place, message and fix of a fault, each where there is one."""
    place = f"{fault['code']} {fault['position']}".rstrip()
    end = "" if fault["message"].endswith((".", "?")) else "."
    return f"{place}: {fault['message']}{end}" + (f" Fix: {fault['hint']}" if fault["hint"] else "")


def _print(result: Mapping[str, Any], everything: bool) -> None:
    counts = ", ".join(f"{n} {k}" for k, n in result["counts"].items())
    if result["held"]:  # What is held is neither accepted nor rejected before somebody decides.
        counts = f"{result['counts']['received']} received, none accepted"
    out.print(f"{result['file']} under {result['mapping']}: {counts}")
    if result["held"]:
        out.print("The file would be held: none of it would post.")
    for fault in result["faults"]:
        out.print(_line(fault))
    for name, rows in result["records"].items():
        change = result["changes"].get(name, {})
        said = ", ".join(f"{change[kind]} {kind}" for kind in ("new", "changed", "duplicate") if kind in change)
        out.print(f"{name}: {len(rows)} rows" + (f": {said}" if said else ""), style="bold")
        _print_changes(change.get("changes", ()), everything)
        if taken_back := len(change.get("taken_back", ())):
            out.print(f"taken back: {taken_back}; their keys stand less often in this file than in an earlier one")
        shown = rows if everything else rows[:ROWS_MAX]
        print_rows([{k: v for k, v in row.items() if k != "_ordinal"} for row in filled(shown)])
        _print_rest(len(rows) - len(shown))
    if result["entries"]:
        out.print(f"entries: {len(result['entries'])} lines", style="bold")
        keys = ("entry_id", "date", "account", "role", "debit", "credit", "currency", "document")
        shown = result["entries"] if everything else result["entries"][:LINES_MAX]
        print_rows([{k: line[k] for k in keys} for line in shown])
        _print_rest(len(result["entries"]) - len(shown))


def _print_changes(changed: Sequence[Mapping[str, Any]], everything: bool) -> None:
    """A line for each changed row: its place, and each field as it is and as it would be."""
    shown = changed if everything else changed[:ROWS_MAX]
    for row in shown:
        fields = ", ".join(f"{name} {_said(old)} → {_said(new)}" for name, (old, new) in row["fields"].items())
        out.print(f"changed at {row['position']}: {fields or 'nothing but its place'}")
    _print_rest(len(changed) - len(shown))


def _said(value: Any) -> str:
    return "(empty)" if value is None else str(value)


def _print_rest(count: int) -> None:
    if count > 0:
        out.print(f"… and {count} more; --all shows them")
