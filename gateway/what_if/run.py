"""Read the archive under a draft, in ledgers that are thrown away."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from gateway import settings
from gateway.errors import HouseError
from gateway.home import Home, open_apart
from gateway.intake.again import ReleaseError, again
from gateway.intake.take import Intake
from gateway.ledger import archive, backup, views
from gateway.once import run_books, taking_files
from gateway.reports.differences import Difference, Snapshot, differences, snapshot
from gateway.reports.files import pending
from gateway.transports.transport import Drop
from gateway.what_if.draft import Draft


@dataclass(frozen=True, slots=True)
class _File:
    file_id: str
    sha256: str
    name: str
    partner: str
    arrived_at: datetime
    state: str
    feed: str


def what_if(home: Home, draft: Draft, since: datetime | None = None) -> tuple[list[Difference], int]:
    """(what would differ under the draft, how many files of the archive were read); nothing of the home is written.

    since  only files that arrived then or later are read under the draft
    Raises HouseError for a draft that cannot be used.
    """
    with tempfile.TemporaryDirectory(prefix="gateway-what-if-") as folder:
        before, after, read = (_replayed if draft.feed else _rebuilt)(home, draft, since, Path(folder))
    return list(differences(before, after)), read


def _replayed(home: Home, draft: Draft, since: datetime | None, folder: Path) -> tuple[Snapshot, Snapshot, int]:
    """A mapping: a copy of the ledger, in which the files of its feed are read again."""
    there = folder / "home"
    backup.duplicate(home.folder, home.settings, there)
    with _opened(there, home.now) as scratch:
        run_books(scratch)
        before = snapshot(scratch.lake.con)
    _put(draft, there)
    with _opened(there, home.now) as scratch:
        partner = _partner_of(scratch, draft)
        files = [one for one in _files(scratch, since) if one.partner == partner and one.feed in (draft.feed, "")]
        for file in files:
            read = again(scratch, file.file_id, force=False)
            if file.state == "RELEASED" and any(one.state == "HELD" for one in read):
                _release(scratch, file)
        run_books(scratch)
        return before, snapshot(scratch.lake.con), len(files)


def _rebuilt(home: Home, draft: Draft, since: datetime | None, folder: Path) -> tuple[Snapshot, Snapshot, int]:
    """Rules or settings: two ledgers of the whole archive, under what is in force and under the draft."""
    files = _files(home, since)
    bytes_ = folder / "bytes"
    bytes_.mkdir()
    for file in files:
        if not (bytes_ / file.sha256).exists():
            archive.restore(home.lake.store.archive, file.sha256, bytes_ / file.sha256)
    found = []
    for name, one in (("present", None), ("draft", draft)):
        there = folder / name
        backup.copy_rules(home.folder, there)
        if one is not None:
            _put(one, there)
        with _opened(there, home.now) as scratch:
            _take(scratch, files, bytes_)
            run_books(scratch)
            found.append(snapshot(scratch.lake.con))
    return found[0], found[1], len(files)


def _take(home: Home, files: list[_File], bytes_: Path) -> None:
    """Take files as they arrived; what a person released is released again."""
    intake = Intake(home)
    with taking_files(intake):
        drops = [Drop(one.partner, one.name, bytes_ / one.sha256, one.arrived_at, "what-if") for one in files]
        for _ in intake.take(drops):
            pass
    held = {row["file_id"] for row in pending(home.lake.con) if row["state"] == "HELD"}
    for file in files:
        if file.state == "RELEASED" and file.file_id in held:
            _release(home, file)


def _release(home: Home, file: _File) -> None:
    """Release what a person released; a file whose columns are not read any more stays held."""
    with suppress(ReleaseError):
        again(home, file.file_id, force=True)


def _files(home: Home, since: datetime | None) -> list[_File]:
    """The files of the archive as they stand, in the order in which they arrived; containers are left to what was in
    them."""
    rows = home.lake.con.execute(
        f"""select file_id, sha256, name, partner, arrived_at, state, feed from {views.STANDING}
        where ($since is null or arrived_at >= $since) and not (state = 'RELEASED' and feed = '')
        order by arrived_at, partner, name, file_id""",
        {"since": since},
    ).to_arrow_table()
    return [_File(**row) for row in rows.to_pylist()]


def _opened(folder: Path, now: datetime) -> AbstractContextManager[Home]:
    """A home of ours, whose ledger lies in its folder wherever its settings say that it lies."""
    return open_apart(folder, settings.load(folder), now)


def _put(draft: Draft, there: Path) -> None:
    place = there / draft.place
    if not place.resolve().is_relative_to(there.resolve()):
        raise HouseError("what-if", str(draft.path), "Correct its `partner`.", f"{draft.place} leads out of the home")
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(draft.path, place)


def _partner_of(home: Home, draft: Draft) -> str:
    """The partner of a draft that can be used. Raises HouseError with its faults."""
    loaded = home.library.mappings.get(draft.feed)
    faults = [str(fault) for fault in home.library.faults if fault.file == draft.place.as_posix()]
    if loaded is None or faults:
        cause = "; ".join(faults).rstrip(".") or "it is not one of the mappings that read files"
        raise HouseError("what-if", str(draft.path), "Then run it again.", cause)
    return loaded.mapping.partner
