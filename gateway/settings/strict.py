"""The model that all settings follow, and the types that several of them use."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, ConfigDict

from gateway.settings import zones
from gateway.toml_faults import wrong
from gateway.toml_values import TomlTable

LOOPBACK = ("localhost", "127.0.0.1", "::1")
"""Hosts that are this machine: the way to them needs no encryption."""


class Strict(TomlTable):
    """Settings where an unknown key is a fault: a typing slip must never be ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _known_zone(value: str) -> str:
    if (fault := zones.fault(value)) is not None:
        raise wrong(*fault)
    return value


Zone = Annotated[str, AfterValidator(_known_zone)]
"""Name of a time zone."""
