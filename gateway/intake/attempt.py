"""What a mapping would make of a file, judged as if it were taken; nothing is written."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway import formats, readers
from gateway.errors import Fault, FeedError
from gateway.home import Home
from gateway.intake import translate, unposted
from gateway.intake.arrivals import Arrival
from gateway.intake.changes import changes
from gateway.intake.duplicates import Compared, compare
from gateway.intake.set_aside import EMPTY_INTERCHANGE
from gateway.intake.taken import Load, Taken
from gateway.intake.verdict import Verdict, held, refused, verdicts
from gateway.intake.write import PostingError, post
from gateway.ledger.archive import Stored
from gateway.mapping.claim.claim import Claims, claim_units
from gateway.mapping.language.loaded import Library, Loaded
from gateway.reading import ReadRequest, Unit
from gateway.sql import drop_temporary, rows_of
from gateway.transports.transport import Drop


def attempt(home: Home, loaded: Loaded, path: Path) -> dict[str, Any]:
    """Counts, records, faults and entries of a file under a mapping, and what it would change; decimals as text.

    Raises FileError where the file cannot be read at all.
    """
    con = home.lake.con
    file, foreign = _taken(home, loaded, path)
    if file is None:
        reasons = foreign or [EMPTY_INTERCHANGE]
        return _result(path, refused(reasons[0].message, len(foreign)), {}, [*map(_shown, reasons)], [])
    try:
        load = translate.load(home, [file])
    except FeedError as error:
        fault = error.as_fault()
        return _result(path, held(fault.message), {}, [*map(_shown, (fault, *file.broken, *foreign))], [])
    compared = compare(con, load, {})
    try:
        entries = _entries(home, load, compared)
    except PostingError as error:
        unposted.reject(con, home.rules, error)
        compared = compare(con, load, {})
        entries = _entries(home, load, compared)
    [verdict] = verdicts(con, load, compared)
    faults = [*_faults(home, load), *map(_shown, foreign)]
    result = _result(path, verdict, _records(home, load), faults, entries) | {"changes": changes(con, load, compared)}
    drop_temporary(con, load.prefix)
    return result


def _result(
    path: Path, verdict: Verdict, records: dict[str, Any], faults: list[dict[str, Any]], entries: list[dict[str, Any]]
) -> dict[str, Any]:
    counts = {
        "received": verdict.received,
        "accepted": verdict.accepted,
        "rejected": verdict.rejected,
        "duplicate": verdict.duplicate,
        "ignored": verdict.ignored_rows,
    }
    return {
        "file": path.name,
        "counts": counts,
        "held": verdict.state == "HELD",
        "records": records,
        "faults": faults,
        "entries": entries,
        "changes": {},
    }


def _taken(home: Home, loaded: Loaded, path: Path) -> tuple[Taken | None, list[Fault]]:
    """The file as the mapping reads it, None if nothing of it is the mapping's; and why it leaves sets of its kind."""
    status = path.stat()
    drop = Drop(loaded.mapping.partner, path.name, path, datetime.fromtimestamp(status.st_mtime, UTC), "try")
    with path.open("rb") as source:
        sha256 = hashlib.file_digest(source, "sha256").hexdigest()
    arrival = Arrival(drop, Stored(sha256, status.st_size))
    if formats.interchange_of(loaded.mapping.file.format) is None:
        return Taken(arrival, loaded), []
    request = ReadRequest(path, path.name, home.settings.limits)
    envelope = readers.current().units(loaded.mapping.file.format, request)
    kind = loaded.mapping.file.transaction
    claims = _claims(home, loaded, [unit for unit in envelope.units if kind in (None, unit.kind)])
    own = {ordinal for one, ordinals in claims.taken if one is loaded for ordinal in ordinals or ()}
    units = tuple(unit for unit in envelope.units if unit.ordinal in own)
    return Taken(arrival, loaded, units, envelope.faults) if units else None, claims.unclaimed


def _claims(home: Home, loaded: Loaded, units: Sequence[Unit]) -> Claims:
    """What the mapping would claim beside the partner's others, on a day on which it holds."""
    mapping, partner = loaded.mapping, home.settings.partners.get(loaded.mapping.partner)
    day = mapping.valid_from or mapping.valid_to or home.now.date()
    earlier = [one for one in home.library.earlier if one.mapping.feed != mapping.feed]
    library = Library(home.library.mappings | {mapping.feed: loaded}, earlier=earlier)
    return claim_units(library, mapping.partner, units, partner.senders if partner else (), day)


def _records(home: Home, load: Load) -> dict[str, list[dict[str, Any]]]:
    return {
        name: list(
            rows_of(
                home.lake.con,
                f"select * exclude (_kind, _record, source_key) from {relation} order by _record, _ordinal",
            )
        )
        for name, relation in load.mapped.tables.items()
    }


def _faults(home: Home, load: Load) -> list[dict[str, Any]]:
    rejected = f'select "position", code, message, hint, column_name, value from {load.mapped.faults} order by _ordinal'
    return [*rows_of(home.lake.con, rejected), *map(_shown, (*load.mapped.files[0].held, *load.files[0].broken))]


def _shown(fault: Fault) -> dict[str, Any]:
    return {"position": fault.position, "code": fault.code, "message": fault.message, "hint": fault.hint}


def _entries(home: Home, load: Load, compared: Sequence[Compared]) -> list[dict[str, Any]]:
    entries = post(home.lake.con, home.rules, load, compared, "_try")
    lines = list(rows_of(home.lake.con, f"select * from {entries.lines} order by entry_id, line_no"))
    entries.drop()
    return lines
