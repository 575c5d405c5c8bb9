"""`gateway what-if`: what a draft of a mapping, of rules or of settings would change."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.invocation import DONE, instant, opened
from gateway.cli.output import out, print_json
from gateway.errors import HouseError

if TYPE_CHECKING:
    from gateway.what_if import Difference

SHOWN_MAX = 20
"""So many differences of a part are printed without `--all`."""


def what_if(
    draft: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="An edited copy of a mapping or of rules.")
    ],
    since: Annotated[str, typer.Option(help="Only files that arrived since then: 2026-11-01.")] = "",
    workbook: Annotated[Path | None, typer.Option(help="Write the differences to this new workbook too.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every difference.")] = False,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Show what an edited mapping, rules or settings would change: the archive is read under it, nothing is written.

    A mapping is tried on the files of its feed in a copy of the ledger; rules and settings need the whole archive,
    twice.
    """
    from gateway import readers
    from gateway import what_if as room

    if workbook is not None and workbook.exists():
        raise HouseError("what-if", str(workbook), "Name a file that is not there yet.", "it exists")
    with readers.bounded(), opened(read_only=True) as home:
        found, read = room.what_if(home, room.draft_of(draft, home.library), instant(since or None))
    if workbook is not None:
        from gateway.what_if import book

        book.write(workbook, found, datetime.now(UTC), f"What if {draft.name}")
    if as_json:
        print_json([{"part": one.part, **one.key, "before": one.before, "after": one.after} for one in found])
    else:
        _print(found, read, everything)
        if workbook is not None:
            out.print(f"workbook {workbook}")
    raise typer.Exit(DONE)


def _print(found: Sequence[Difference], read: int, everything: bool) -> None:
    from gateway.what_if import PARTS

    out.print(f"{read} files were read under the draft: {len(found)} differences. Nothing was written to the ledger.")
    for part in PARTS:
        rows = [one for one in found if one.part == part]
        if rows:
            out.print(f"{part}: {len(rows)}", style="bold")
        shown = rows if everything else rows[:SHOWN_MAX]
        for one in shown:
            out.print(f"  {' '.join(one.key.values())}: {_change(one.before, one.after)}")
        if len(rows) > len(shown):
            out.print(f"  … and {len(rows) - len(shown)} more; --all shows them")


def _change(before: dict[str, Any] | None, after: dict[str, Any] | None) -> str:
    """What differs in words: each value that does, or that the row comes or goes."""
    if before is None or after is None:
        side, word = (after, "new") if before is None else (before, "gone")
        values = ", ".join(f"{name} {value}" for name, value in (side or {}).items() if name != "content")
        return f"{word}: {values}"
    changed = [name for name in before if before[name] != after[name]]
    if changed == ["content"]:
        return f"as many rows ({before['rows']}) with other content"
    return ", ".join(f"{name} {before[name]} → {after[name]}" for name in changed if name != "content")
