"""Bytes and a mapping → relations of canonical rows and the outcome of each file. Nothing is committed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gateway import formats
from gateway.errors import FeedError, FileError, HouseError
from gateway.home import Home
from gateway.intake.taken import Load, Taken
from gateway.mapping.apply import apply
from gateway.mapping.apply.mapped import Context, Mapped, Opener
from gateway.mapping.language.loaded import Loaded
from gateway.mapping.language.spec import Mapping
from gateway.reading import Reading, ReadRequest
from gateway.settings import Limits


def translate(home: Home, files: Sequence[Taken], *, force: bool = False) -> Load:
    """Read and map files of one feed that arrived on one day, into temporary tables.

    force  files that do not tie out post all the same
    Raises FileError where one cannot be read, FeedError where the mapping is at fault, ApartError where they cannot be
    mapped together.
    """
    loaded = files[0].loaded
    if loaded is None:
        raise ValueError("no feed reads these files")
    context = _context(home, loaded.mapping, files[0])
    openers = [opener(one.drop.path, one.drop.name, loaded.mapping, one.good_units, context.limits) for one in files]
    try:
        mapped = apply.apply(home.lake.con, loaded.mapping, openers, context)
    except FileError:
        raise
    except HouseError as error:
        raise FeedError(loaded.name, error) from error
    for outcome, one in zip(mapped.files, files, strict=True):
        outcome.held += one.faults
    posts = [n for n, one in enumerate(files) if not one.test and (force or not mapped.files[n].held)]
    return Load(context.prefix, _entity(home, loaded), loaded.mapping.partner, files, mapped, posts)


def unread(home: Home, file: Taken) -> Load:
    """A file that no feed reads, or the parts of it that none does: it has no rows."""
    partner = home.settings.partners.get(file.drop.partner)
    return Load(
        prefix=f"m{file.file_id}",
        entity=partner.entity if partner else "",
        partner=file.drop.partner,
        files=[file],
        mapped=Mapped([]),
        posts=(),
    )


def opener(path: Path, name: str, mapping: Mapping, units: frozenset[int] | None, limits: Limits) -> Opener:
    """Opens the file for one kind of row after the other."""

    def open_rows(each: str | None, columns: Sequence[str]) -> Reading:
        wanted = columns or apply.source_columns(mapping, [r for r in mapping.record if r.each == each])
        return read(path, name, mapping, each, wanted, limits, units)

    return open_rows


def read(
    path: Path,
    name: str,
    mapping: Mapping,
    each: str | None,
    columns: Sequence[str],
    limits: Limits,
    units: frozenset[int] | None = None,
) -> Reading:
    """The rows of a file as a mapping reads it. Raises FileError, HouseError for what the mapping asks in vain."""
    request = ReadRequest(path, name, limits, mapping.file.options, each, tuple(columns), units)
    return formats.named(mapping.file.format).read(request)


def _context(home: Home, mapping: Mapping, first: Taken) -> Context:
    return Context(
        partner=mapping.partner,
        alias_relation=home.master.aliases,
        item_relation=home.master.items,
        lookups=home.library.lookups,
        limits=home.settings.limits,
        prefix=f"m{first.file_id}",
        arrived=first.drop.arrived_at.date(),
    )


def _entity(home: Home, loaded: Loaded) -> str:
    partner = home.settings.partners.get(loaded.mapping.partner)
    return partner.entity if partner else next(iter(home.settings.entities))
