"""A file that somebody wants to try: on disk or in the archive, under the mapping that is named or that claims it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from gateway import readers
from gateway.errors import HouseError
from gateway.home import Home
from gateway.intake.again import archived
from gateway.intake.claim import claim
from gateway.ledger import archive
from gateway.mapping.language.loaded import Loaded
from gateway.nearest import nearest
from gateway.settings.places import partner_below
from gateway.transports.transport import Drop


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file to try: where its bytes are, and the partner that it is known to come from, "" for none."""

    path: Path
    partner: str = ""


@contextmanager
def candidate(home: Home, name: str, temporary: Path, partner: str = "") -> Iterator[Candidate]:
    """A file by its path, or by the id under which the archive has it; `temporary` is a folder for its bytes.

    A path below inbound/ says whose file it is. Raises HouseError where there is neither.
    """
    path = Path(name).absolute()  # Who reads it may stand elsewhere.
    if path.is_file():
        yield Candidate(path, partner or partner_below(home.folder, path))
        return
    try:
        file = archived(home, name)
    except HouseError:
        raise HouseError(
            "try", name, "Write the path of a file, or a file_id from `gateway status`.", "there is no such file"
        ) from None
    target = temporary / Path(file.name).name
    archive.restore(home.lake.store.archive, file.sha256, target)
    os.utime(target, (file.arrived_at.timestamp(), file.arrived_at.timestamp()))
    yield Candidate(target, partner or file.partner)


def mappings_of(home: Home, one: Candidate) -> list[Loaded]:
    """The mappings that would read the file: of its partner, or else of the only partner that would.

    Raises HouseError if none would, or mappings of several partners; FileError if its envelopes cannot be read.
    """
    partners = sorted({loaded.mapping.partner for loaded in home.library.mappings.values()})
    broken = [str(fault) for fault in home.library.faults if not one.partner or f"/{one.partner}/" in fault.file]
    if one.partner and one.partner not in partners:
        known = f"no mapping is of that partner{nearest(one.partner, partners)}"
        fix = "Name a partner that has mappings." if not broken else "Then run it again."
        cause = "; ".join(broken).rstrip(".") or known
        raise HouseError("try", f"{one.path.name} of {one.partner}", fix, cause)
    arrived_at = datetime.fromtimestamp(one.path.stat().st_mtime, UTC)
    found: dict[str, list[Loaded]] = {}
    why = ""
    for partner in [one.partner] if one.partner else partners:
        claims = claim(home, Drop(partner, one.path.name, one.path, arrived_at, "try")).claims
        readers.current().forget()
        why = claims.fault.message if claims.fault else "; ".join(fault.message for fault in claims.unclaimed[:1])
        if claims.taken:
            found[partner] = [loaded for loaded, _ in claims.taken]
    if len(found) == 1:
        return next(iter(found.values()))
    if found:
        names = ", ".join(loaded.name for several in found.values() for loaded in several)
        raise HouseError("try", one.path.name, "Name the mapping or --partner.", f"several would read it: {names}")
    if broken:
        raise HouseError("try", one.path.name, "Then run it again.", "; ".join(broken).rstrip("."))
    cause = why if one.partner else "no mapping of any partner reads it"
    raise HouseError("try", one.path.name, "Name the mapping that should read it; its faults then say why.", cause)
