"""Names in a mapping that must be in the settings or the ledger: partners, channels, locations."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from gateway.errors import HomeFault
from gateway.mapping.language.loaded import Loaded
from gateway.mapping.language.spec import FieldSpec
from gateway.mapping.lint.slips import is_slip
from gateway.model.status import OUTSIDE
from gateway.nearest import listed, nearest
from gateway.settings import Config

LOCATIONS = ("location", "from_location", "to_location")
"""Fields that hold a location."""


def unknown(loaded: Loaded, settings: Config | None, locations: Collection[str]) -> Iterator[HomeFault]:
    """Every name of a mapping that is not known; packs name nothing of a home.

    locations  those of the ledger
    """
    if settings is None or loaded.passive:
        return
    yield from _without_entity(loaded, settings)
    yield from _unknown_channels(loaded, settings)
    yield from _unknown_locations(loaded, settings, locations)


def _without_entity(loaded: Loaded, settings: Config) -> Iterator[HomeFault]:
    """A fault of a mapping whose partner has no settings, where others have or there are several entities: its rows go
    to the books of the first."""
    name = loaded.mapping.partner
    if name not in settings.partners and (settings.partners or len(settings.entities) > 1):
        message = f'`partner`: "{name}" is not one of [partners] in config.toml{nearest(name, settings.partners)}'
        yield HomeFault(*loaded.place("partner"), message, f"add [partners.{name}] with its entity there")


def _unknown_channels(loaded: Loaded, settings: Config) -> Iterator[HomeFault]:
    """A fault for each channel that a mapping names and the settings do not: what comes for it would not post."""
    for number, record in enumerate(loaded.mapping.record):
        for channel in _stated(record.fields.get("channel")):
            if channel not in settings.channels:
                close = nearest(channel, settings.channels)
                yield HomeFault(
                    *loaded.place("record", number, "fields", "channel"),
                    f'`channel`: "{channel}" is not one of [channels] in config.toml, and its rows would not post for '
                    f"{loaded.mapping.partner}{close}",
                    f'add [channels."{channel}"] with its entity and revenue there',
                )


def _unknown_locations(loaded: Loaded, settings: Config, kept: Collection[str]) -> Iterator[HomeFault]:
    """A fault for each location that a mapping states and nobody knows: its units would stand at a place of their own.

    kept  the locations of the ledger: all there are, where there are any; the settings name those of some partners
    """
    known = {*kept, *(partner.location for partner in settings.partners.values())} - {""}
    for number, record in enumerate(loaded.mapping.record):
        for field in LOCATIONS:
            for name in _stated(record.fields.get(field)):
                slip = any(is_slip(name, one) for one in known)
                if name not in known and name not in OUTSIDE and (kept or slip):
                    yield HomeFault(
                        *loaded.place("record", number, "fields", field),
                        f'`{field}`: "{name}" is no location of the ledger or of [partners] in config.toml'
                        f"{nearest(name, known)}",
                        f"write one of {listed(known)}, or send it with the file of locations",
                    )


def _stated(field: FieldSpec | None) -> list[str]:
    """The texts that a mapping itself states for a field."""
    stated = (field.constant, *(field.map or {}).values()) if field is not None else ()
    return [name for name in dict.fromkeys(stated) if isinstance(name, str)]
