"""Bytes, a mapping and master data → relations of canonical rows and the outcome of each file. Nothing is committed."""

from __future__ import annotations

from collections.abc import Mapping as Named
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow as pa

from gateway import readers
from gateway.errors import FeedError, FileError, HouseError
from gateway.home import Home
from gateway.intake.taken import Load, Taken
from gateway.intake.verdict import posting
from gateway.mapping.apply import apply, watch
from gateway.mapping.apply.mapped import Context, Mapped, Opener
from gateway.mapping.apply.repeated import Repeated
from gateway.mapping.language.expressions import ExpressionError
from gateway.mapping.language.loaded import Loaded
from gateway.mapping.language.spec import FieldSpec, Mapping
from gateway.model import MAPPABLE
from gateway.reading import Reading, ReadRequest
from gateway.settings import Config, Limits


@dataclass(frozen=True, slots=True)
class Aids:
    """What files are read with beside their mapping.

    items, aliases  SQL names of relations, as `MasterData` says
    lookups         crosswalks by name
    defaults        what the settings say of the partner: placeholder of a mapping → value, "" for none
    timezone        the entity's: that of times whose file and mapping state none
    """

    items: str
    aliases: str
    lookups: Named[str, pa.Table]
    limits: Limits
    defaults: Named[str, str] = field(default_factory=dict)
    timezone: str = "UTC"


def load(home: Home, files: Sequence[Taken], *, force: bool = False) -> Load:
    """Translate files of one feed that arrived on one day, with what the home has, and say which of them post.

    force  files that do not tie out post all the same
    Raises as `translate` does.
    """
    loaded = files[0].loaded
    if loaded is None:
        raise ValueError("no feed reads these files")
    defaults = agreed(home.settings, loaded.mapping.partner)
    entity = home.settings.entity_of(loaded.mapping.partner)
    zone = home.settings.entities[entity].timezone
    aids = Aids(*home.master.relations(), home.library.lookups, home.settings.limits, defaults, zone)
    mapped = translate(home.lake.con, loaded, files, aids)
    posts = posting(files, mapped, force=force)
    return Load(_prefix(files), entity, loaded.mapping.partner, files, mapped, posts)


def translate(con: duckdb.DuckDBPyConnection, loaded: Loaded, files: Sequence[Taken], aids: Aids) -> Mapped:
    """Read and map files of one feed that arrived on one day, into temporary tables of the connection.

    Raises FileError where one cannot be read, FeedError where the mapping is at fault, ApartError where they cannot be
    mapped together.
    """
    mapping = filled(loaded.mapping, aids.defaults, aids.timezone)
    context = Context(
        partner=mapping.partner,
        alias_relation=aids.aliases,
        item_relation=aids.items,
        lookups=aids.lookups,
        limits=aids.limits,
        prefix=_prefix(files),
        arrived=files[0].drop.arrived_at.date(),
        place=lambda *path: ":".join(map(str, loaded.place(*path))),
    )
    openers = [opener(one.drop.path, one.drop.name, mapping, one.good_units, aids.limits) for one in files]
    try:
        with watch.within(con, aids.limits.cpu_s_max, files[0].drop.name):
            mapped = apply.apply(con, mapping, openers, context)
    except FileError:
        raise
    except HouseError as error:
        raise FeedError(loaded.place_of(error.subject), error) from error
    except ExpressionError as error:
        raise FeedError(loaded.name, HouseError("compile", "its expressions", error.fix, error.message)) from error
    for outcome, one in zip(mapped.files, files, strict=True):
        outcome.held += one.faults
    return mapped


def read_through(home: Home, file: Taken) -> None:
    """Read all rows that a file's mapping reads, and map none. Raises FileError where it cannot be read."""
    if file.loaded is None:
        raise ValueError("no feed reads this file")
    mapping = file.loaded.mapping
    open_rows = opener(file.drop.path, file.drop.name, mapping, file.good_units, home.settings.limits)
    for each in dict.fromkeys(record.each for record in mapping.record):
        for _ in open_rows(each, ()):
            pass


def agreed(settings: Config, name: str) -> dict[str, str]:
    """What holds for a partner's documents where they say nothing: its currency, else that of its entity; its currency
    alone, as an account may be in any; its place."""
    partner = settings.partners.get(name)
    entity = settings.entities[settings.entity_of(name)]
    own = partner.currency if partner else ""
    return {
        "{currency}": own or entity.currency,
        "{own_currency}": own,
        "{location}": partner.location if partner else "",
    }


def filled(mapping: Mapping, defaults: Named[str, str], zone: str = "UTC") -> Mapping:
    """The mapping with the settings' values in place of the placeholders in its defaults, and the entity's time zone
    in fields of instants that name none."""

    def field_of(table: str, name: str, spec: FieldSpec) -> FieldSpec:
        update: dict[str, str | None] = {}
        if spec.default in defaults:
            update["default"] = defaults[str(spec.default)] or None
        if spec.timezone is None and zone != "UTC" and _kind(table, name, spec) == "datetime":
            update["timezone"] = zone
        return spec.model_copy(update=update) if update else spec

    records = tuple(
        record.model_copy(
            update={"fields": {name: field_of(record.type, name, spec) for name, spec in record.fields.items()}}
        )
        for record in mapping.record
    )
    return mapping.model_copy(update={"record": records})


def _kind(table: str, name: str, spec: FieldSpec) -> str:
    """How a field is read: as it says itself, else as its column holds it; helpers are text."""
    column = MAPPABLE[table].column(name)
    return spec.type or (column.kind if column else "text")


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
    repeat = mapping.file.repeat
    sources = tuple(columns) if repeat is None else tuple(repeat.sources(columns))
    request = ReadRequest(path, name, limits, mapping.file.options, each, sources, units)
    rows = readers.current().read(mapping.file.format, request)
    return rows if repeat is None else Repeated(rows, repeat, request, columns)


def _prefix(files: Sequence[Taken]) -> str:
    return f"m{files[0].file_id}"
