"""The loop over waiting files: archive → claim → translate → one commit for a batch → receipts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from itertools import groupby

import duckdb

from gateway import readers
from gateway.answers import compose
from gateway.answers.envelopes import Findings
from gateway.books.isolation import DATA_ERRORS, why
from gateway.errors import Fault, HouseError, first_line
from gateway.home import Home
from gateway.intake import arrivals, mapping_texts, set_aside, unposted
from gateway.intake.arrivals import Arrival, Arrivals
from gateway.intake.batch import Passage, Share, begun, stage_all, taken_of
from gateway.intake.crash_suspects import Suspects
from gateway.intake.duplicates import known_files
from gateway.intake.order import in_order, parted
from gateway.intake.result import FileResult, Receipt, left
from gateway.intake.scratch import scratch
from gateway.intake.taken import Load
from gateway.intake.write import PostingError, write
from gateway.ledger import locking
from gateway.ledger.commit import Commit
from gateway.log import log
from gateway.master_data import is_master_data
from gateway.reading import ReadRequest
from gateway.settings import Acknowledge
from gateway.sql import drop_temporary
from gateway.transports.transport import Drop

SMALL_BYTES = 4 << 20
"""Up to this size in a commit one thread of the database is faster than several that wait for one another."""


class Intake:
    """Takes files into one home.

    suspects  deliveries that may end the process
    """

    def __init__(self, home: Home, suspects: Suspects | None = None) -> None:
        self.home = home
        self.suspects = suspects or Suspects(home.lake.folder)
        self._arrivals = Arrivals(home.folder, home.settings, home.lake.store.archive)
        self._spent: list[Load] = []

    def in_order(self, drops: Iterable[Drop]) -> list[Drop]:
        """What waits, in the order in which it is to be taken."""
        return in_order(drops, self.home.library, self.suspects)

    def take(self, drops: Sequence[Drop], stopping: Callable[[], bool] = lambda: False) -> Generator[list[Receipt]]:
        """Take files in the given order; small ones share a commit. A failing file never stops the others.

        The receipts come commit by commit, while the next files are archived; each delivery has one, when everything
        in it is done. What may end the process is taken with few or alone. Only the process that holds
        `locking.intake` may take files.

        stopping  says that no further file is to be begun
        """
        for together, same in groupby(drops, lambda drop: self.suspects.together(drop, len(drops))):
            part = list(same)
            for start in range(0, len(part), together):
                if not stopping():
                    yield from self._take_noted(part[start : start + together], stopping)

    def _take_noted(self, drops: Sequence[Drop], stopping: Callable[[], bool]) -> Generator[list[Receipt]]:
        """Take files; what is begun is noted until it is done, or set aside if it ended the process too often."""
        deaths = {drop: count for drop in drops if (count := self.suspects.deaths(drop))}
        most = self.home.settings.limits.deaths_max
        untouched = {drop: set_aside.not_touched(count) for drop, count in deaths.items() if count > most}
        aside = {drop: set_aside.deadly(count) for drop, count in deaths.items() if count == most}
        with (
            self.suspects.taking(),
            closing(self._take_all(self._begun(drops, untouched, stopping), untouched, aside)) as commits,
        ):
            for receipts in commits:
                self.suspects.taken(receipt.drop for receipt in receipts if receipt.committed)
                yield receipts

    def _begun(self, drops: Sequence[Drop], skipped: Collection[Drop], stopping: Callable[[], bool]) -> Iterator[Drop]:
        wanted = [drop for drop in drops if drop not in skipped]
        size = max(1, self.home.settings.limits.files_per_commit_max)
        for start in range(0, len(wanted), size):
            part = wanted[start : start + size]
            self.suspects.begin(part)
            for drop in part:
                if stopping():
                    return
                yield drop

    def _take_all(
        self, drops: Iterable[Drop], untouched: dict[Drop, str], aside: Mapping[Drop, Fault]
    ) -> Generator[list[Receipt]]:
        open_: dict[Drop, Receipt] = {}
        self.home.lake.temporary.mkdir(parents=True, exist_ok=True)  # Somebody may have tidied up.
        with (
            self._sweeping(),
            scratch(self.home.lake.temporary) as place,
            closing(self._arrivals.batches(drops, place, untouched, aside)) as batches,
        ):
            for batch in batches:
                deliveries = {one.drop: one.delivery for one in batch}
                for receipt in self.take_batch(batch):
                    _add(open_, deliveries[receipt.drop], receipt)
                for one in batch:
                    one.forget()
                # A container may go on in the next commit.
                goes_on = batch[-1].delivery if batch[-1].within else None
                yield [open_.pop(drop) for drop in list(open_) if drop != goes_on]
                self.sweep()
        for drop, reason in untouched.items():
            _add(open_, drop, left(drop, reason))
        yield list(open_.values())

    def take_batch(self, batch: Sequence[Arrival]) -> list[Receipt]:
        """Read, map and commit a batch; if the commit fails, file by file, so that only the culprit stays behind."""
        taking = _Batch(self.home, batch)
        size = sum(one.stored.bytes for one in batch)
        lake = self.home.lake
        with lake.using_threads(1 if size <= SMALL_BYTES else lake.threads):
            try:
                receipts = taking.take()
            except (HouseError, duckdb.InterruptException):
                raise
            except Exception as error:  # noqa: BLE001 - whatever it is, it is logged for the file that it is about
                # A large file may need more room than the others behind it.
                if size <= arrivals.BATCH_BYTES:
                    locking.refuse_for_all(error, lake.store.restoring, *lake.store.folders)
                self._spent += taking.loads
                taking.loads = []
                self.sweep()
                return self._take_singly(batch, error)
            finally:
                self._spent += taking.loads
                readers.current().forget()
        if any(load.loaded and is_master_data(load.loaded) for load in taking.loads):
            self.home.master.refresh()
        return receipts or self._take_parts(taking)

    def _take_singly(self, batch: Sequence[Arrival], error: Exception) -> list[Receipt]:
        """Take the files of a batch that failed one by one; what fails alone is set aside or left in its place."""
        if len(batch) > 1:
            return [receipt for one in batch for receipt in self.take_batch([one])]
        [one] = batch
        if isinstance(error, duckdb.OutOfMemoryException) and not one.sealed:
            log.error("file.too_large", partner=one.drop.partner, name=one.drop.name, error=first_line(error))
            limit = self.home.settings.limits.memory_mb_max
            return self.take_batch([replace(one, sealed=set_aside.too_large_for_the_database(limit))])
        log.exception("file.failed", partner=one.drop.partner, name=one.drop.name)
        if isinstance(error, (*DATA_ERRORS, PostingError)) and not one.sealed:
            return self.take_batch([replace(one, sealed=set_aside.poisoned(why(error)))])
        return [left(one.drop, "see the log; the file was left in place")]

    def _take_parts(self, taking: _Batch) -> list[Receipt]:
        """Take what cannot be taken together: parts one after the other, without what has changed."""
        changed = [left(one.drop, "it changed while it was read") for one in taking.changed]
        return changed + [receipt for part in taking.parts for receipt in self.take_batch(part)]

    @contextmanager
    def _sweeping(self) -> Iterator[None]:
        """However it ends, nothing that commits worked with is left."""
        try:
            yield
        finally:
            self.sweep()

    def sweep(self) -> None:
        """Remove what commits worked with, once their receipts were handed over."""
        while self._spent:
            drop_temporary(self.home.lake.con, self._spent.pop().prefix)


@dataclass(slots=True)
class _Batch:
    """Files that are to share a commit.

    loads    what was mapped of them
    parts    what is to be taken instead, one part after the other
    changed  files that are not what was listed any more
    """

    home: Home
    arrivals: Sequence[Arrival]
    loads: list[Load] = field(default_factory=list)
    parts: list[list[Arrival]] = field(default_factory=list)
    changed: list[Arrival] = field(default_factory=list)

    def take(self) -> list[Receipt]:
        """Read, map, commit; [] where `parts` are to be taken instead, with nothing committed."""
        passages = [Passage(one, failed=one.sealed) for one in self.arrivals]
        self._note_known(passages)
        waiting = [one for one in passages if not (one.files or one.jobs or one.failed)]
        files = [(one, file) for one in begun(self.home, waiting) for file in taken_of(self.home, one)]
        masters = {id(one.arrival) for one, file in files if file.loaded and is_master_data(file.loaded)}
        if masters and len(self.arrivals) > 1:
            # Files are read with the master data that came before them, so that must be committed first.
            self.parts = parted(self.arrivals, [id(one) in masters for one in self.arrivals])
            return []
        if repeats := _repeats(files):
            # What a feed reads is known from its commit on: only then its bytes, once more, are a duplicate.
            self.parts = parted(self.arrivals, [id(one) in repeats for one in self.arrivals])
            return []
        self.loads = stage_all(self.home, files)
        self.changed = [one for one in self.arrivals if not one.is_as_listed()]
        if self.changed:
            rest = [one for one in self.arrivals if one not in self.changed]
            self.parts = [rest] if rest else []
            return []
        for passage in passages:
            if passage.failed is not None and not passage.files:
                passage.asides = [set_aside.quarantine(passage.arrival, [passage.failed], 0)]
        asides = [aside.file.loaded for passage in passages for aside in passage.asides]
        mapping_texts.keep(self.home, [*(load.loaded for load in self.loads), *asides])
        if len(self.arrivals) > 1:
            return self.home.commit(lambda commit: self._write(commit, passages))
        return unposted.committed(self.home, lambda commit: self._write(commit, passages))

    def _note_known(self, passages: Sequence[Passage]) -> None:
        """Mark the files of which the same bytes came from the same partner before: they have no second effect.

        A delivery that was committed before it could be settled is finished silently; another delivery of the
        same bytes is noted as a duplicate.
        """
        for known in known_files(self.home.lake.con, self.arrivals):
            one = passages[known.number]
            if known.delivered:
                drop = one.drop
                one.files.append(FileResult(drop.name, drop.partner, known.feed, known.state, file_id=known.file_id))
            elif not one.files:
                one.jobs.append(set_aside.duplicate(one.drop, known))

    def _write(self, commit: Commit, passages: Sequence[Passage]) -> list[Receipt]:
        """Within a commit: everything of the batch."""
        con = self.home.lake.con
        aside = iter(set_aside.put(self.home, commit, [one for passage in passages for one in passage.asides]))
        receipts = [
            Receipt(one.drop, True, one.files + [job(commit) for job in one.jobs] + [next(aside) for _ in one.asides])
            for one in passages
        ]
        places = {id(one.arrival): receipt for one, receipt in zip(passages, receipts, strict=True)}
        for load in self.loads:
            for file, result in zip(load.files, write(con, commit, self.home.rules, load), strict=True):
                places[id(file.arrival)].files.append(result)
        compose.record(con, commit, list(self._to_answer(passages)))
        return receipts

    def _to_answer(self, passages: Sequence[Passage]) -> Iterator[compose.Delivery]:
        """Of the files that were taken for the first time, those whose partner wants an answer."""
        for one in passages:
            drop = one.drop
            partner = self.home.settings.partners.get(drop.partner)
            found = Findings() if one.arrival.sealed and not one.files else one.found
            if found is not None and partner is not None and partner.acknowledge != Acknowledge():
                request = ReadRequest(drop.path, drop.name, self.home.settings.limits)
                yield compose.Delivery(
                    drop.partner,
                    partner.acknowledge,
                    one.arrival.stored.sha256,
                    request,
                    found,
                    one.received,
                    one.failed,
                )


def _repeats(files: Sequence[Share]) -> set[int]:
    """Arrivals, by `id`, with bytes that feeds read of an earlier one of the same partner."""
    read: dict[tuple[str, str], Arrival] = {}
    repeats = set()
    for passage, _ in files:
        one = passage.arrival
        if read.setdefault((one.stored.sha256, one.drop.partner), one) is not one:
            repeats.add(id(one))
    return repeats


def _add(receipts: dict[Drop, Receipt], delivery: Drop, receipt: Receipt) -> None:
    """A container may be settled when everything in it is committed."""
    whole = receipts.setdefault(delivery, Receipt(delivery, committed=True))
    whole.committed = whole.committed and receipt.committed
    whole.files += receipt.files
