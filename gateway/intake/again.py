"""Archived files, read once more under today's mapping: replay, or release what was held."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from gateway import readers
from gateway.errors import FeedError, FileError, HouseError
from gateway.formats import containers
from gateway.home import Home
from gateway.intake import mapping_texts, set_aside, translate, unposted
from gateway.intake.arrivals import Arrival, Arrivals, unsigned
from gateway.intake.batch import own_units
from gateway.intake.claim import claim
from gateway.intake.result import FileResult
from gateway.intake.scratch import scratch
from gateway.intake.take import Intake
from gateway.intake.taken import Taken
from gateway.intake.verdict import first_fix
from gateway.intake.write import Act, write
from gateway.ledger import archive
from gateway.sql import drop_temporary
from gateway.transports.transport import Drop


class ReleaseError(HouseError):
    """A file that nobody can release: what its rows hold is not known."""


class Archived(NamedTuple):
    """A file as it was delivered, and the state that it is in."""

    sha256: str
    bytes: int
    name: str
    partner: str
    arrived_at: datetime
    state: str
    feed: str
    container: str | None


def again(home: Home, file_id: str, *, force: bool, by: str = "", comment: str = "") -> list[FileResult]:
    """Read an archived file once more; `force` releases what was held. Raises HouseError for an unknown file,
    ReleaseError where the mapping cannot read the columns of the one to release.

    by, comment  who asked for it and why: the audit trail says so, and the reason of a file that was released
    """
    act = Act("file.released" if force else "file.replayed", by, comment, force)
    file = archived(home, file_id)
    if force and file.state != "HELD":
        raise HouseError(
            "release",
            f"{file.name} ({file_id})",
            "Only held files are released; `gateway replay` reads other ones again.",
            f"it is {file.state}",
        )
    target = home.lake.temporary / f"replay-{file_id}"
    target.parent.mkdir(parents=True, exist_ok=True)
    archive.restore(home.lake.store.archive, file.sha256, target)
    drop = Drop(file.partner, file.name, target, file.arrived_at, "operator")
    try:
        if containers.begins_as(target) and (opened := _open(home, drop, file_id)) is not None:
            return opened
        arrival = Arrival(drop, archive.Stored(file.sha256, file.bytes))
        # What was read before the partner had to sign, or came within a message that was signed, stays in force.
        refused = unsigned(drop, home.settings) if file.state == "QUARANTINED" and not file.container else None
        if refused:
            return _put_aside(home, set_aside.quarantine(arrival, [refused], 0))
        return _read(home, arrival, file.feed, act)
    finally:
        readers.current().forget()
        target.unlink(missing_ok=True)


def archived(home: Home, file_id: str) -> Archived:
    """The file of an id. Raises HouseError if there is none."""
    row = home.lake.con.execute(
        """select sha256, bytes, name, partner, arrived_at, state, feed, container from file
        where file_id = ? and state <> 'DUPLICATE' order by version desc limit 1""",
        [file_id],
    ).to_arrow_table()
    if row.num_rows == 0:
        raise HouseError("find file", file_id, "`gateway status` lists the files with their ids.", "there is none")
    return Archived(**row.to_pylist()[0])


def _read(home: Home, arrival: Arrival, feed: str, act: Act) -> list[FileResult]:
    try:
        claimed = claim(home, arrival.drop)
        if claimed.claims.fault is not None:
            return _put_aside(home, set_aside.quarantine(arrival, [claimed.claims.fault], 0))
        results: list[FileResult] = []
        for loaded, ordinals in claimed.claims.taken:
            if not feed or loaded.mapping.feed == feed:
                units = own_units(claimed.envelope.units, ordinals)
                file = Taken(arrival, loaded, units, tuple(claimed.envelope.faults), claimed.claims.by)
                results += _write(home, file, act)
    except FileError as error:
        return _put_aside(home, set_aside.quarantine(arrival, [error.as_fault()], 0))
    home.master.refresh()
    return results


def _write(home: Home, file: Taken, act: Act) -> list[FileResult]:
    try:
        load = translate.load(home, [file], force=act.force)
    except FeedError as error:
        return _put_aside(home, set_aside.hold(file, error.as_fault()))
    con = home.lake.con
    [outcome] = load.mapped.files
    if act.force and outcome.columns_differ:
        drop_temporary(con, load.prefix)
        fix = f"{first_fix(outcome.held)} `gateway replay` reads it then; a release would post none of its rows."
        raise ReleaseError("release", f"{file.drop.name} ({file.file_id})", fix, outcome.held[0].message)
    mapping_texts.keep(home, [load.loaded])
    results = unposted.committed(home, lambda commit: write(con, commit, home.rules, load, act))
    drop_temporary(con, load.prefix)
    return results


def _put_aside(home: Home, one: set_aside.Aside) -> list[FileResult]:
    mapping_texts.keep(home, [one.file.loaded])
    return home.commit(lambda commit: set_aside.put(home, commit, [one]))


def _open(home: Home, drop: Drop, file_id: str) -> list[FileResult] | None:
    """A container that could not be opened: with today's keys and limits. None where it is no container."""
    results: list[FileResult] = []
    intake, arrivals = Intake(home), Arrivals(home.folder, home.settings, home.lake.store.archive)
    home.lake.temporary.mkdir(parents=True, exist_ok=True)
    with scratch(home.lake.temporary) as place:
        for one in arrivals.receive(drop, place):
            if one.sealed:
                return _put_aside(home, set_aside.quarantine(one, [one.sealed], 0))
            if not one.within:
                return None
            results += [file for receipt in intake.take_batch([one]) for file in receipt.files]
            intake.sweep()
    home.commit(set_aside.opened(drop, file_id))
    return results
