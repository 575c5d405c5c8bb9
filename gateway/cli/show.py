"""`gateway show`: all that the ledger knows of one file or one exception."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from gateway import settings as configuration
from gateway.cli.invocation import home_folder
from gateway.cli.output import filled, out, parts, print_json, print_rows
from gateway.errors import HouseError

_IN_PARTS = ("reason", "message")
"""Values that may have several parts, a line each."""


def show(
    name: Annotated[str, typer.Argument(metavar="ID", help="A file_id or an exception_id; its first digits do.")],
    save: Annotated[Path | None, typer.Option(help="Write the received bytes of the file here.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every row and every fault.")] = False,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Show a file or an exception: states, rows, faults, entries, the mapping's version; save the received bytes."""
    from gateway.ledger import lake
    from gateway.ledger.locking import retry
    from gateway.reports import shown

    with lake.open_lake(home_folder(), configuration.load(home_folder()), read_only=True) as ledger:
        kind, whole = only(retry(lambda: shown.named(ledger.con, name)), name)
        if kind == "file":
            found = retry(lambda: shown.file(ledger.con, whole, everything=everything))
        else:
            found = retry(lambda: shown.exception(ledger.con, whole))
        saved = _save(ledger.store.archive, found or {}, save) if save else None
    if as_json:
        print_json(found)
    else:
        _print(found or {})
    if saved:
        out.print(f"The received bytes are in {saved}.")


def only(found: list[tuple[str, str]], name: str, operation: str = "show") -> tuple[str, str]:
    """The only id that begins so. Raises HouseError if none does, or several do."""
    if not found:
        raise HouseError(
            operation, name, "Take it from `gateway status` or a workbook.", "no file or exception has that id"
        )
    if len(found) > 1:
        several = ", ".join(f"{kind} {whole}" for kind, whole in found)
        raise HouseError(operation, name, "Write more of it.", f"several ids begin so: {several}")
    return found[0]


def _save(archive: Any, found: dict[str, Any], target: Path) -> Path:
    """Write the archived bytes of the file (that of the exception) to a new file. Raises HouseError."""
    from gateway.ledger import archive as archives

    sources = found.get("states") or found.get("file")
    if not sources:
        raise HouseError("save bytes to", str(target), "Leave --save out.", "this exception comes from no file")
    if target.exists():
        raise HouseError("save bytes to", str(target), "Name a file that is not there yet.", "it exists")
    return archives.restore(archive, sources[-1]["sha256"], target)


def _print(found: dict[str, Any]) -> None:
    """Each part below its title: the newest state as a line a value, lists as tables."""
    for title, part in found.items():
        if title == "rows":
            for table, rows in part.items():
                out.print(f"rows in {table}: {len(rows)} shown", style="bold")
                print_rows(filled(rows))
            continue
        out.print(title, style="bold")
        if title in ("states", "exception", "file"):
            for row in part if isinstance(part, list) else [part]:
                _print_values(row)
        elif isinstance(part, list):
            print_rows(filled(part))
        else:
            out.print(f"  {part}")


def _print_values(row: dict[str, Any]) -> None:
    width = max(map(len, row))
    for key, value in row.items():
        if value in (None, ""):
            continue
        first, *rest = parts(value) if key in _IN_PARTS else [value]
        out.print(f"  {key:<{width}}  {first}")
        for part in rest:
            out.print(f"  {'':<{width}}  {part}")
