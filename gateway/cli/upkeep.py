"""Upkeep of the ledger: `verify`, `maintain`, `backup`, `restore`, `doctor`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway import settings as configuration
from gateway.cli.invocation import DONE, PERSON, home_folder
from gateway.cli.output import out, print_json

if TYPE_CHECKING:
    from gateway.ledger.lake import Lake
    from gateway.ledger.verify import Finding


def verify(
    restored: Annotated[
        str, typer.Option(help="Why the ledger was put back on purpose: recorded in its anchors before the check.")
    ] = "",
    head: Annotated[
        list[str] | None,
        typer.Option(help="NUMBER:HASH of an audit row, from a notification or an anchor: is it in this ledger?"),
    ] = None,
) -> None:
    """Check that the ledger still says what was committed: rows, chain, anchors, archive, sums, and what left it."""
    import duckdb

    from gateway.ledger import lake
    from gateway.ledger import verify as verification

    settings = configuration.load(home_folder())
    if restored:
        _record(settings, restored)
    with lake.open_lake(home_folder(), settings, read_only=True) as ledger:
        findings, notes = verification.verify(ledger), []
        try:
            for found, noted in _beside(ledger, settings, head or []):
                findings += found
                notes += noted
        except duckdb.Error as error:
            findings.append(verification.unread("anchors, answers, workbooks, deliveries and archive", error))
    for finding in findings:
        out.print(f"{finding.table} {finding.row}: {finding.message}")
    for note in notes:
        out.print(f"Note: {note}.")
    out.print(
        "The ledger is intact: every row is as it was committed." if not findings else f"{len(findings)} findings."
    )
    raise typer.Exit(PERSON if findings else DONE)


def _beside(
    ledger: Lake, settings: configuration.Config, heads: list[str]
) -> Iterator[tuple[list[Finding], list[str]]]:
    """(findings, notes) about what is kept beside the tables."""
    from gateway.ledger import anchor_check, outside
    from gateway.transports import delivered
    from gateway.workbooks import issued_check

    home = home_folder()
    anchored = anchor_check.check(ledger, home, settings)
    yield anchored.findings, anchored.notes
    known = anchor_check.check_heads(ledger, heads)
    yield known.findings, known.notes
    yield outside.answers(ledger, home), [*outside.unnamed(ledger), *outside.without_text(ledger)]
    yield issued_check.check(ledger, home)
    yield delivered.check(ledger, home)


def _record(settings: configuration.Config, why: str) -> None:
    from gateway.ledger import lake, restore

    with lake.open_lake(home_folder(), settings) as ledger:
        seq = restore.state_restored(ledger, why)
    out.print(f"Recorded in the anchors: the ledger was put back to audit row {seq} on purpose.")


def maintain() -> None:
    """Keep the ledger's files in order: merge small ones, remove unused ones, seal them. Nothing is forgotten."""
    from gateway.ledger import lake, maintenance

    settings = configuration.load(home_folder())
    with lake.open_lake(home_folder(), settings) as ledger:
        done = maintenance.maintain(ledger)
    out.print(
        f"{done.rows} rows moved into data files; {done.merged} files merged into {done.made}, "
        f"{done.removed} removed, {done.sealed} sealed."
    )


def backup(
    target: Annotated[Path, typer.Argument(help="A folder on another disk; each backup becomes a folder in it.")],
) -> None:
    """Copy the home as it stands after one commit, and verify the copy; works while another process commits."""
    from gateway.ledger import backup as backups

    done = backups.back_up(home_folder(), configuration.load(home_folder()), target)
    out.print(f"{done.folder}: {done.copied} files copied, {done.linked} shared with the backup before; verified.")


def restore(
    backup: Annotated[Path, typer.Argument(help="A folder that `gateway backup` made, or another home.")],
) -> None:
    """Put the ledger of a backup where config.toml says it lies, which must be empty, and verify it."""
    from gateway.ledger import restore as restoration

    done = restoration.restore(home_folder(), configuration.load(home_folder()), backup)
    out.print(f"{done.place}: {done.copied} files copied, {done.present} were there already; verified.")


def doctor(
    servers: Annotated[bool, typer.Option(help="Call the servers too.")] = True,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Look at rights, disk, clock, ledger, locks, secrets and servers, and say what to do. Changes nothing."""
    from dataclasses import asdict

    from gateway.doctor import examine

    found = list(examine(home_folder(), servers=servers))
    if as_json:
        print_json([{**asdict(one), "good": one.good} for one in found])
    else:
        for one in found:
            fix = f". Fix: {one.fix}" if one.fix else ""
            out.print(f"{'ok   ' if one.good else 'wrong'} {one.subject}: {one.what}{fix}")
    raise typer.Exit(DONE if all(one.good for one in found) else PERSON)
