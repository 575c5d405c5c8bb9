"""`gateway suggest`: a draft mapping from sample files."""

from __future__ import annotations

import shlex
import sys
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway import atomic, shipped
from gateway.cli.invocation import DONE, PERSON, home_folder
from gateway.cli.output import err, out
from gateway.errors import HouseError
from gateway.init import make_drop_folders
from gateway.rights import SHARED_FILE_MODE, make_shared_folder
from gateway.settings.places import partner_below
from gateway.toml_lines import Lines

if TYPE_CHECKING:
    from gateway.suggest import Draft

SLIP = 0.8
"""So like is a name to another that it is a slip of it."""
ENTITIES_SHOWN = 3
NOBODY = "partner"
"""The partner of a draft that is only printed, where nobody names one."""


def suggest(
    files: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, help="One or several files of a feed.")],
    partner: Annotated[
        str, typer.Option("--partner", help="Who sends them; else the folder below inbound/ that they lie in.")
    ] = "",
    table: Annotated[str, typer.Option("--table", help="What a row is, as order_line; else what fits best.")] = "",
    write: Annotated[
        bool, typer.Option("--write", help="Write it to mappings/<partner>/; a file that exists is left alone.")
    ] = False,
) -> None:
    """Draft a mapping from sample files: every line with how sure it is and why."""
    from gateway import suggest as drafts

    partner = partner or partner_below(home_folder(), files[0])
    if write and not partner:
        raise HouseError(
            "write the draft", files[0].name, "Name the partner: --partner NAME.", "nothing says who sends it"
        )
    _check_partner(partner)
    root = home_folder() / "mappings"
    packs = drafts.packs_of(root) or drafts.packs_of(shipped.folder() / "mappings")
    found = drafts.drafts(files, packs, partner or NOBODY, table or None)
    if not write:
        sys.stdout.write("\n".join(map(drafts.text, found)))
        err.print("Nothing is written. Fix: add --partner NAME and --write to keep it below mappings/.")
    for draft in found if write else ():
        path = _written(root, draft, drafts.text(draft))
        out.print(f"Written: {path}")
        _next(draft, path, files[0])
    raise typer.Exit(PERSON if any(draft.todo for draft in found) else DONE)


def _check_partner(partner: str) -> None:
    """Raises HouseError for a partner that the settings do not know, where the name of one that they do is like it."""
    from gateway import settings
    from gateway.settings.load import FILE

    path = home_folder() / FILE
    known = settings.load(home_folder()).partners if partner and path.is_file() else {}
    meant = get_close_matches(partner, list(known), n=1, cutoff=SLIP)
    if not meant or partner in known:
        return
    line = Lines(path.read_text(encoding="utf-8")).of("partners", meant[0])
    entity = known[meant[0]].entity
    fix = (
        f"Write --partner {meant[0]}. If {partner} is a new one, add it to {FILE} first: [partners.{partner}] and "
        f'below it entity = "{entity}".'
    )
    cause = f'the settings know no partner "{partner}"; {FILE}:{line} has "{meant[0]}"'
    raise HouseError("draft a mapping for", partner, fix, cause)


def _written(root: Path, draft: Draft, text: str) -> Path:
    """Write the draft to a file that is not there yet."""
    folder = root / draft.partner
    path = folder / f"{draft.feed.removeprefix(f'{draft.partner}.')}.toml"
    if folder.resolve().parent != root.resolve() or not draft.partner.strip("."):
        raise HouseError(
            "write the draft", draft.partner, "Name one folder, as --partner acme.", "that is no partner's name"
        )
    if path.exists():
        hint = f"Move it away, or print the draft without --write and take what you need into {path.name}."
        raise HouseError("write the draft", str(path), hint, "the file exists")
    root.mkdir(parents=True, exist_ok=True)
    if not folder.exists():
        make_shared_folder(folder)
    atomic.write_atomically(path, text.encode())
    path.chmod(SHARED_FILE_MODE)
    for problem in make_drop_folders(home_folder(), [draft.partner]):
        err.print(problem)
    return path


def _next(draft: Draft, path: Path, file: Path) -> None:
    """What a person does now, in order."""
    from gateway import settings

    name = f"{draft.partner}/{path.stem}"
    command = shlex.join(["gateway", *([] if home_folder() == Path() else ["-C", str(home_folder())])])
    if draft.todo:
        out.print(f"Yours to write, in the lines with TODO: {', '.join(draft.todo)}.")
    config = settings.load(home_folder())
    partner = config.partners.get(draft.partner)
    placed = any("{location}" in line.value for record in draft.records for line in record.fields)
    if partner is None:
        whose = "its entity and the location of its warehouse" if placed else "its entity"
        entities = " or ".join(f'entity = "{one}"' for one in list(config.entities)[:ENTITIES_SHOWN])
        said = f"[partners.{draft.partner}], with {whose} below it"
        out.print(f"Yours to add to config.toml: {said}, as {entities}.")
    elif placed and not partner.location:
        out.print(f"Yours to add to config.toml: location, below [partners.{draft.partner}].")
    out.print(f"Next: {command} try {name} {shlex.quote(str(file))}")
    out.print(f"Then: {command} check {name}")
