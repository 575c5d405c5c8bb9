"""What every transport offers: whole files in, files out, nothing lost in between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from gateway.errors import Fault, HouseError
from gateway.transports.opening import Version


class UnreachableError(HouseError):
    """The other side does not answer or was refused: whatever else is asked of it now would fail as well."""


@dataclass(frozen=True, slots=True)
class Drop:
    """A whole file that waits to be taken.

    partner     who sent it: the name of the drop folder or of the server's partner (what authenticated it)
    name        the name it was delivered under (untrusted text)
    path        a local file with its bytes
    arrived_at  UTC instant of its last change at the place of delivery
    via         how it came: "folder", or kind and name of the server, as "sftp:<name>"
    token       what the transport needs to settle it: its version, opaque to others
    listed      the version of `path` when it was found, where others can write to it; None where only the gateway can
    """

    partner: str
    name: str
    path: Path
    arrived_at: datetime
    via: str
    token: str = ""
    listed: Version | None = None


class Transport(Protocol):
    """The verbs of a transport. Each raises HouseError, which the caller logs and retries later.

    problems  what the last poll left alone, and why
    soon      whether the last poll saw files that the next ones may bring: files that grow, or more than it takes at
    once
    """

    name: str
    problems: list[Fault]

    @property
    def soon(self) -> bool: ...

    def poll(self) -> list[Drop]:
        """The files that are whole and have been still, in the order of their names. Never a half-written one.

        A file is offered again in every poll until it is settled.
        """

    def settle(self, drop: Drop) -> None:
        """Called after the drop's commit: take it out of the place of delivery. May be called again."""

    def deliver(self, files: Sequence[Path], folder: str = "") -> None:
        """Write files to the partner atomically: temporary name, rename, removal on failure."""

    def close(self) -> None:
        """Release connections; may be called from another thread to end what is under way."""
