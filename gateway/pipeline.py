"""The order of one pass: claim → archive → read → map → tie out → one commit → settle → answer; then the books."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import pyarrow as pa
import structlog

from gateway import formats
from gateway.answers import files as acknowledgement_files
from gateway.answers import record
from gateway.answers.received import Findings
from gateway.books import feeds, reconcile
from gateway.books.posting import entries, rules
from gateway.books.reconcile.tables import Recon
from gateway.books.revenue import shipments
from gateway.books.stock import balances
from gateway.documents import compose, schedule
from gateway.errors import Fault, FileError, HouseError
from gateway.formats import containers
from gateway.intake.arrivals import BATCH_BYTES, Arrived, Intake
from gateway.intake.crash_suspects import Suspects
from gateway.ledger import archive, lake, locking, staging
from gateway.ledger.commit import Commit, run_commit
from gateway.ledger.connection import transaction
from gateway.mapping.apply import apply
from gateway.mapping.apply.mapped import ApartError, Context, Mapped, Opener, Rows
from gateway.mapping.claim import claim
from gateway.mapping.claim.content import Content
from gateway.mapping.library import load
from gateway.mapping.library.load import Loaded
from gateway.reading import Reading, ReadRequest, Unit
from gateway.settings import Acknowledge, Config
from gateway.sql import instant, rows_of
from gateway.transports.transport import Drop

HEAD_BYTES = 65_536
SMALL_BYTES = 4 << 20
"""Up to this size in a commit one thread of the database is faster than several that wait for one another."""
EMPTY_INTERCHANGE = Fault(
    "FILE_REJECT", "the file holds no transaction set", "Ask the sender whether it should, and to send it again, whole."
)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class FileResult:
    """What became of one file as one feed."""

    name: str
    partner: str
    feed: str
    state: str
    received: int = 0
    accepted: int = 0
    rejected: int = 0
    duplicate: int = 0
    ignored: int = 0
    reason: str = ""
    file_id: str = ""


@dataclass(slots=True)
class Receipt:
    """A drop and what became of it; `committed` says that it may be settled."""

    drop: Drop
    committed: bool
    files: list[FileResult] = field(default_factory=list)


T = TypeVar("T")
Job = Callable[[Commit], FileResult]


@dataclass(slots=True)
class _Waiting:
    """A file on its way to the commit.

    files   what is known of it already
    found   what was found before it was mapped, None if it was taken before
    failed  why it cannot be read
    """

    arrived: Arrived
    jobs: list[Job] = field(default_factory=list)
    files: list[FileResult] = field(default_factory=list)
    found: Findings | None = None
    failed: Fault | None = None

    @property
    def drop(self) -> Drop:
        """The file."""
        return self.arrived.drop


@dataclass(frozen=True, slots=True)
class Member:
    """A file as one feed reads it: all of it, or these units of an interchange with these faults of its envelopes.

    by  what decided that it is this feed's, where the name did not
    """

    arrived: Arrived
    loaded: Loaded
    units: tuple[Unit, ...] = ()
    faults: tuple[Fault, ...] = ()
    waiting: _Waiting | None = None
    by: str = ""

    @property
    def drop(self) -> Drop:
        """The file."""
        return self.arrived.drop


@dataclass(frozen=True, slots=True)
class Staged:
    """Files of one feed, read and mapped together, not committed."""

    members: Sequence[Member]
    mapped: Mapped
    load: staging.Load


@dataclass(frozen=True, slots=True)
class _Told:
    """What is told about a file as one feed."""

    state: str
    received: int
    accepted: int
    rejected: int
    duplicate: int
    ignored: dict[str, int]
    reason: str = ""


def _deadly(deaths: int) -> Fault:
    """Why a file is not read that ended the process so often."""
    return Fault(
        "FILE_REJECT",
        f"the process ended {deaths} times while this file alone was read",
        "Look for the cause: the system's log tells of a process that was ended for want of memory. Give it more "
        "(`limits.memory_mb_max`, `MemoryMax` of the service), then `gateway replay` the file.",
    )


def _not_touched(deaths: int) -> str:
    """Why a file stays in its place that cannot even be set aside."""
    return (
        f"the process ended {deaths} times while this file alone was taken, at last when it was only archived; "
        "move it out of its place, or have it sent again"
    )


def _left(drop: Drop, reason: str) -> Receipt:
    """A file that could not be taken and stays in its place."""
    return Receipt(drop, committed=False, files=[FileResult(drop.name, drop.partner, "", "FAILED", reason=reason)])


def _duplicate(drop: Drop, feed: str, file_id: str, received: int, first: str) -> Job:
    """Notes that the bytes of a file came once more."""
    reason = f"same bytes as {first}"

    def job(commit: Commit) -> FileResult:
        commit.insert(
            "file",
            f"""select * exclude (row_hash, commit_seq) replace (
                       ? as name, ?::timestamptz as arrived_at, 'DUPLICATE' as state, ? as reason,
                       version + 1 as version, received as duplicate, 0 as accepted, 0 as rejected, 0 as ignored,
                       0 as restated, {instant(commit.at)} as recorded_at)
                from file_state where file_id = ?""",
            [drop.name, drop.arrived_at, reason, file_id],
        )
        commit.audit(drop.channel, "file.duplicate", drop.name, {"file_id": file_id, "feed": feed})
        return FileResult(
            drop.name, drop.partner, feed, "DUPLICATE", received, duplicate=received, reason=reason, file_id=file_id
        )

    return job


def _opened(drop: Drop, file_id: str) -> Job:
    """Notes that a container, set aside before, is open now."""

    def job(commit: Commit) -> FileResult:
        reason = "opened; the files in it are taken by themselves"
        commit.insert(
            "file",
            f"""select * exclude (row_hash, commit_seq) replace (
                       'RELEASED' as state, ? as reason, version + 1 as version,
                       {instant(commit.at)} as recorded_at)
                from file_state where file_id = ?""",
            [reason, file_id],
        )
        commit.audit(drop.channel, "file.opened", drop.name, {"file_id": file_id})
        return FileResult(drop.name, drop.partner, "", "RELEASED", reason=reason, file_id=file_id)

    return job


class Gateway:
    """One home, opened: its configuration, mappings, rules and ledger."""

    def __init__(
        self,
        home: Path,
        config: Config,
        ledger: lake.Lake,
        now: datetime | None = None,
        last: load.Library | None = None,
    ) -> None:
        """`last` are the mappings of before, for those that are broken now. Raises HouseError for broken rules."""
        self.home, self.config, self.lake = home, config, ledger
        self._now = now
        self.rules = rules.load(home)
        self.library = load.load_all(home, check_options, last)
        self.intake = Intake(home, config, ledger.folder)
        self.suspects = Suspects(ledger.folder)
        self.reconciled = False
        """Whether the connection's `recon_detail` says how the ledger stands."""
        self._master: object = None
        self._looked: datetime | None = None
        self._spent: list[Staged] = []
        with transaction(ledger.con):
            self._refresh_master_data()
            entries.prepare(ledger.con, config, self.rules)
            balances.create_views(ledger.con)
            balances.hold(ledger.con, config.hold)
        self.feeds = feeds.feeds_of(self.library, config)

    def reloaded(self, config: Config) -> Gateway:
        """The same ledger under these settings and the mappings as they lie there now.

        A mapping that is broken now stays as it was. Raises HouseError for broken rules; this one stays good then.
        """
        new = Gateway(self.home, config, self.lake, self._now, self.library)
        new.suspects = self.suspects
        return new

    @property
    def now(self) -> datetime:
        """The instant that the books are looked at: given, or the present."""
        return self._now or datetime.now(UTC)

    @property
    def recon(self) -> Recon:
        """What the reconciliations are given now."""
        return Recon(self.config, self.now, self.feeds)

    # --- files ----------------------------------------------------------------------------------------

    def in_order(self, drops: Iterable[Drop]) -> list[Drop]:
        """What waits, in the order in which it is to be taken.

        Master data comes first: the names in the other files are looked up in it. A partner of which a file ended the
        process comes last; its files stay in their order, which decides what is a duplicate.
        """
        waiting = list(drops)
        deadly = {drop.partner for drop in waiting if self.suspects.deaths(drop)}
        masters = {one.mapping.partner for one in self.library.mappings.values() if _is_master_data(one)}
        return sorted(waiting, key=lambda drop: (drop.partner not in masters, drop.partner in deadly))

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
        most = self.config.limits.deaths_max
        left = {drop: _not_touched(count) for drop, count in deaths.items() if count > most}
        aside = {drop: _deadly(count) for drop, count in deaths.items() if count == most}
        with (
            self.suspects.taking(),
            closing(self._take_all(self._begun(drops, left, stopping), left, aside)) as commits,
        ):
            for receipts in commits:
                self.suspects.taken(receipt.drop for receipt in receipts if receipt.committed)
                yield receipts

    def _begun(self, drops: Sequence[Drop], left: Collection[Drop], stopping: Callable[[], bool]) -> Iterator[Drop]:
        wanted = [drop for drop in drops if drop not in left]
        size = max(1, self.config.limits.files_per_commit_max)
        for start in range(0, len(wanted), size):
            part = wanted[start : start + size]
            self.suspects.begin(part)
            for drop in part:
                if stopping():
                    return
                yield drop

    def _take_all(
        self, drops: Iterable[Drop], left: dict[Drop, str], aside: Mapping[Drop, Fault]
    ) -> Generator[list[Receipt]]:
        open_: dict[Drop, Receipt] = {}
        with (
            self._sweeping(),
            tempfile.TemporaryDirectory(dir=self.lake.temporary) as scratch,
            closing(self.intake.batches(drops, Path(scratch), left, aside)) as batches,
        ):
            for batch in batches:
                deliveries = {one.drop: one.delivery for one in batch}
                for receipt in self._take(batch):
                    _add(open_, deliveries[receipt.drop], receipt)
                for one in batch:
                    if one.within:
                        one.drop.path.unlink(missing_ok=True)
                # A container may go on in the next commit.
                goes_on = batch[-1].delivery if batch[-1].within else None
                yield [open_.pop(drop) for drop in list(open_) if drop != goes_on]
                self._sweep()
        for drop, reason in left.items():
            _add(open_, drop, _left(drop, reason))
        yield list(open_.values())

    def _take(self, batch: Sequence[Arrived]) -> list[Receipt]:
        """Read, map and commit a batch; if the commit fails, file by file, so that only the culprit stays behind."""
        loads: list[Staged] = []
        size = sum(one.stored.bytes for one in batch)
        self.lake.use_threads(1 if size <= SMALL_BYTES else self.lake.threads)
        try:
            waiting = [_Waiting(one, failed=one.sealed) for one in batch]
            self._seen(waiting)
            members = [
                member for one in waiting if not (one.files or one.jobs or one.failed) for member in self._claim(one)
            ]
            masters = {id(member.waiting) for member in members if _is_master_data(member.loaded)}
            if masters and len(batch) > 1:
                # Files are read with the master data that came before them, so that must be committed first.
                parts = _parted(batch, [id(one) in masters for one in waiting])
                return [receipt for part in parts for receipt in self._take(part)]
            loads = self._stage_all(members)
            if not all(one.is_as_archived() for one in batch):
                return self._take_unchanged(batch)
            for one in waiting:
                if one.failed is not None and not one.files:
                    one.jobs = [self._without_feed(one.arrived, [one.failed], 0)]
            done = self._commit(lambda commit: self._write_all(commit, waiting, loads))
        except (HouseError, duckdb.InterruptException):
            raise
        except Exception as error:
            # A large file may need more room than the others behind it.
            if size <= BATCH_BYTES:
                locking.refuse_full(error)
            if len(batch) > 1:
                self._spent += loads
                self._sweep()
                return [receipt for one in batch for receipt in self._take([one])]
            drop = batch[0].drop
            log.exception("file.failed", partner=drop.partner, name=drop.name)
            done = [_left(drop, "see the log; the file was left in place")]
        finally:
            self._spent += loads
            formats.forget()
            self.lake.use_threads(self.lake.threads)
        if any(_is_master_data(staged.members[0].loaded) for staged in loads):
            self._refresh_master_data()
        return done

    @contextmanager
    def _sweeping(self) -> Iterator[None]:
        """However it ends, nothing that commits worked with is left."""
        try:
            yield
        finally:
            self._sweep()

    def _sweep(self) -> None:
        """Remove what commits worked with, once what they took was told."""
        while self._spent:
            staging.sweep(self.lake.con, self._spent.pop().load.prefix)

    def _take_unchanged(self, batch: Sequence[Arrived]) -> list[Receipt]:
        """Take those of which the bytes that were read are those that were archived."""
        unchanged: list[Arrived] = []
        changed: list[Receipt] = []
        for one in batch:
            if one.is_as_archived():
                unchanged.append(one)
            else:
                changed.append(_left(one.drop, "it changed while it was read"))
        return changed + (self._take(unchanged) if unchanged else [])

    def _refresh_master_data(self) -> None:
        """Items and aliases as other files are read with, in memory; made anew when they changed."""
        con = self.lake.con
        row = con.execute("select (select count(*) from item), (select count(*) from item_alias)").fetchone()
        if row == self._master:
            return
        self._master = row
        con.execute("create or replace temp table master_item as select distinct sku from item_current")
        con.execute(
            """create or replace temp table master_alias as
            select alias_partner, id_type, external_id, sku, pack_qty, valid_from, valid_to from item_alias_current"""
        )

    def master_data(self) -> tuple[pa.Table, pa.Table]:
        """(items, aliases) that files are read with."""
        con = self.lake.con
        return con.table("master_item").to_arrow_table(), con.table("master_alias").to_arrow_table()

    def read_with(self, items: pa.Table, aliases: pa.Table) -> None:
        """Read files with these items and aliases and not with the ledger's; nothing is written."""
        con = self.lake.con
        for name, table in (("master_item", items), ("master_alias", aliases)):
            con.register(f"_{name}", table)
            con.execute(f"create or replace temp table {name} as select * from _{name}")
            con.unregister(f"_{name}")

    def _seen(self, batch: Sequence[_Waiting]) -> None:
        """Mark the files of which the same bytes came from the same partner before: they have no second effect.

        A delivery that was committed before it could be settled is finished silently; another delivery of the
        same bytes is noted as a duplicate.
        """
        con = self.lake.con
        columns = {
            "n": pa.array(range(len(batch)), pa.int64()),
            "sha256": pa.array([one.arrived.stored.sha256 for one in batch], pa.utf8()),
            "partner": pa.array([one.drop.partner for one in batch], pa.utf8()),
            "name": pa.array([one.drop.name for one in batch], pa.utf8()),
            # As a number: an instant that DuckDB filters Arrow data by would pass through a Python package of time zones.
            "arrived_us": pa.array([one.drop.arrived_at for one in batch], pa.timestamp("us", "UTC")).cast(pa.int64()),
        }
        con.register("_batch_rows", pa.table(columns))
        rows = con.execute(
            """with _batch as (select *, make_timestamptz(arrived_us) as arrived_at from _batch_rows),
                    known as (select f.* from lake.file f where f.sha256 in (select sha256 from _batch)),
                    newest as (select * from known where true
                               qualify row_number() over (partition by file_id order by version desc) = 1)
            select b.n, true as delivered, k.feed, k.state, k.file_id, k.received, k.name
            from _batch b join known k using (sha256, partner, name, arrived_at)
            union all
            select b.n, false, s.feed, s.state, s.file_id, s.received, s.name
            from _batch b join newest s using (sha256, partner) where s.state <> 'QUARANTINED'
            order by 1, 2 desc, 3"""
        ).fetchall()
        con.unregister("_batch_rows")
        for n, delivered, feed, state, file_id, received, name in rows:
            one = batch[n]
            if delivered:
                one.files.append(FileResult(one.drop.name, one.drop.partner, feed, state, file_id=file_id))
            elif not one.files:
                one.jobs.append(_duplicate(one.drop, feed, file_id, received, name))

    def _claim(self, one: _Waiting) -> list[Member]:
        """The feeds that read a file; what nobody reads is written by a job of the file's own."""
        drop = one.drop
        one.found = Findings()
        try:
            claims, units, faults = self.claim(drop.path, drop.name, drop.partner, drop.arrived_at)
        except FileError as error:
            one.failed = error.as_fault()
            return []
        if claims.fault is not None:
            one.failed = claims.fault
            return []
        one.found = Findings(units, faults, dict(zip(claims.units, claims.unclaimed, strict=True)))
        aside = list(claims.unclaimed)
        if not claims.taken:
            # Without a feed that is held, what is wrong with the envelopes is told here.
            aside = [*faults, *aside] or [EMPTY_INTERCHANGE]
        if aside:
            # Transaction sets that nobody claims: each is one rejected unit.
            one.jobs.append(self._without_feed(one.arrived, aside, len(claims.unclaimed)))
        return [
            Member(one.arrived, loaded, _own(units, ordinals), tuple(faults), one, claims.by)
            for loaded, ordinals in claims.taken
        ]

    def _stage_all(self, members: Sequence[Member]) -> list[Staged]:
        """Map files of the same feed together. A file that one feed cannot read is read by none."""
        groups: dict[tuple[str, str, date], list[Member]] = {}
        for member in members:
            key = (member.loaded.mapping.feed, member.drop.channel, member.drop.arrived_at.date())
            groups.setdefault(key, []).append(member)
        loads = [staged for group in groups.values() for staged in self._stage_group(group)]
        if not any(_has_failed(member) for staged in loads for member in staged.members):
            return loads
        for staged in loads:
            staging.sweep(self.lake.con, staged.load.prefix)
        return self._stage_all([member for member in members if not _has_failed(member)])

    def _stage_group(self, group: Sequence[Member]) -> list[Staged]:
        """Map files together, or in halves where that cannot be done; a file that cannot be read fails alone."""
        try:
            return [self.stage(group)]
        except (ApartError, FileError) as error:
            if len(group) > 1:
                half = len(group) // 2
                return [*self._stage_group(group[:half]), *self._stage_group(group[half:])]
            [member] = group
            if member.waiting is None or not isinstance(error, FileError):
                raise
            member.waiting.failed = error.as_fault()
            return []

    def claim(
        self, path: Path, name: str, partner: str, arrived_at: datetime
    ) -> tuple[claim.Claims, tuple[Unit, ...], tuple[Fault, ...]]:
        """(claims, units of an interchange, faults of its envelopes)."""
        with path.open("rb") as source:
            head = source.read(HEAD_BYTES)
        looks = formats.sniffed(head, name)
        interchange = next((found for key in looks if (found := formats.interchange_of(key))), None)
        if interchange is not None:
            envelope = interchange.units(ReadRequest(path, name, self.config.limits))
            senders = self.config.partners[partner].senders if partner in self.config.partners else ()
            return (
                claim.claim_units(self.library, partner, envelope.units, senders, arrived_at.date()),
                envelope.units,
                envelope.faults,
            )

        def open_as(mapping: Any, each: str | None, columns: Sequence[str]) -> Reading:
            return self._read(path, name, mapping, each, columns)

        content = Content(looks, open_as, lambda: formats.described(ReadRequest(path, name, self.config.limits), looks))
        claims = claim.claim_file(self.library, partner, name, content, arrived_at.date())
        if claims.by:
            log.info("file.claimed", partner=partner, name=name, feed=claims.taken[0][0].mapping.feed, by=claims.by)
        return claims, (), ()

    def stage(self, group: Sequence[Member], *, force: bool = False) -> Staged:
        """Read and map files of one feed that arrived on one day, into temporary tables.

        force  files that do not tie out post all the same
        Raises FileError where one cannot be read, ApartError where they cannot be mapped together.
        """
        first = group[0]
        mapping = first.loaded.mapping
        arrivals = [_arrival(member.arrived, mapping.feed, member.units) for member in group]
        partner = self.config.partners.get(mapping.partner)
        context = Context(
            partner=mapping.partner,
            alias_relation="master_alias",
            item_relation="master_item",
            lookups=self.library.lookups,
            limits=self.config.limits,
            prefix=f"m{arrivals[0].file_id}",
            arrived=first.drop.arrived_at.date(),
        )
        openers = [self.opener(m.drop.path, m.drop.name, mapping, _good(m.units)) for m in group]
        mapped = apply.apply(self.lake.con, mapping, openers, context)
        for outcome, member in zip(mapped.files, group, strict=True):
            outcome.held += member.faults
        posts = [n for n, file in enumerate(arrivals) if not file.test and (force or not mapped.files[n].held)]
        load = staging.Load(
            prefix=context.prefix,
            entity=partner.entity if partner else next(iter(self.config.entities)),
            partner=mapping.partner,
            feed=mapping.feed,
            version=first.loaded.version,
            files=arrivals,
            rows=mapped,
            posts=posts,
        )
        return Staged(group, mapped, load)

    def opener(self, path: Path, name: str, mapping: Any, units: frozenset[int] | None) -> Opener:
        """Opens the file for one kind of row after the other."""

        def open_rows(each: str | None, columns: Sequence[str]) -> Rows:
            wanted = columns or apply.source_columns(mapping, [r for r in mapping.record if r.each == each])
            return self._read(path, name, mapping, each, wanted, units)

        return open_rows

    def _read(
        self,
        path: Path,
        name: str,
        mapping: Any,
        each: str | None,
        columns: Sequence[str],
        units: frozenset[int] | None = None,
    ) -> Reading:
        options = mapping.file.options
        request = ReadRequest(path, name, self.config.limits, options, each, tuple(columns), units)
        return formats.named(mapping.file.format).read(request)

    def _write_all(self, commit: Commit, batch: Sequence[_Waiting], loads: Sequence[Staged]) -> list[Receipt]:
        """Within a commit: everything of a batch."""
        receipts = [Receipt(one.drop, True, one.files + [job(commit) for job in one.jobs]) for one in batch]
        places = {id(one): receipt for one, receipt in zip(batch, receipts, strict=True)}
        for staged in loads:
            for member, result in zip(staged.members, self._write(commit, staged), strict=True):
                places[id(member.waiting)].files.append(result)
        record.record(self.lake.con, commit, list(self._answered(batch)))
        return receipts

    def _answered(self, batch: Sequence[_Waiting]) -> Iterator[record.Delivery]:
        """Of the files that were taken for the first time, those that their partner wants to be told of."""
        for one in batch:
            partner = self.config.partners.get(one.drop.partner)
            found = Findings() if one.arrived.sealed and not one.files else one.found
            if found is not None and partner is not None and partner.acknowledge != Acknowledge():
                request = ReadRequest(one.drop.path, one.drop.name, self.config.limits)
                yield record.Delivery(
                    one.drop.partner, partner.acknowledge, one.arrived.stored.sha256, request, found, one.failed
                )

    def _write(
        self, commit: Commit, staged: Staged, *, force: bool = False, action: str = "file.committed"
    ) -> list[FileResult]:
        """Within a commit: files, records, entries, faults, audit. A held file writes its faults alone."""
        load, loaded = staged.load, staged.members[0].loaded
        writer = staging.Writer(self.lake.con, commit, load)
        writer.records()
        if loaded.mapping.mode == "live" and load.posts:
            self._post(commit, writer)
        writer.faults()
        told = [self._tell(staged, number, writer.counts[number], force=force) for number in range(len(load.files))]
        writer.files(told)
        results = [
            FileResult(
                file.name, file.partner, load.feed, t.state, t.received, t.accepted, t.rejected, t.duplicate,
                sum(t.ignored.values()), t.reason, file.file_id,
            )
            for file, t in zip(load.files, told, strict=True)
        ]  # fmt: skip
        one = len(results) == 1
        detail = {
            "feed": load.feed,
            "mapping": load.version,
            "files": [{"file_id": r.file_id, "name": r.name, "state": r.state} for r in results],
        }
        commit.audit(load.files[0].channel, action, results[0].name if one else f"{len(results)} files", detail)
        return results

    def _post(self, commit: Commit, writer: staging.Writer) -> None:
        posted = entries.Entries(self.lake.con, self.rules, "_file")
        for table, relation, columns in writer.posted_relations():
            posted.post(table, relation, columns)
        posted.write(commit)
        posted.drop()

    def _tell(self, staged: Staged, number: int, counts: staging.Counts, *, force: bool) -> _Told:
        """State and counts of a file."""
        outcome, file = staged.mapped.files[number], staged.load.files[number]
        received = outcome.received + len(file.broken)
        by = staged.members[number].by
        reason = "; ".join([fault.message for fault in outcome.held] + [by] * bool(by))[:2000]
        if file.test:
            return _Told("SHADOW", received, 0, 0, 0, {"test interchange": received}, reason)
        if outcome.held and not force:
            return _Told("HELD", received, 0, received, 0, {}, reason)
        shadow = staged.members[number].loaded.mapping.mode == "shadow"
        state = "RELEASED" if outcome.held else "SHADOW" if shadow else "ACCEPTED"
        rejected = outcome.rejected + len(file.broken)
        return _Told(state, received, counts.accepted, rejected, counts.duplicate, dict(outcome.ignored), reason)

    def _without_feed(self, arrived: Arrived, faults: Sequence[Fault], units: int) -> Job:
        """Quarantine a file, or the transaction sets of it that nobody claims, with the reasons."""
        drop = arrived.drop
        reason = "; ".join(f"{f.position}: {f.message}".removeprefix(": ") for f in faults)[:2000]
        partner = self.config.partners.get(drop.partner)
        arrival = replace(_arrival(arrived, ""), broken=faults)
        file_id = arrival.file_id
        load = staging.Load(
            prefix=f"m{file_id}", entity=partner.entity if partner else "", partner=drop.partner, feed="", version="",
            files=[arrival], rows=Mapped([]), posts=(),
        )  # fmt: skip

        def job(commit: Commit) -> FileResult:
            writer = staging.Writer(self.lake.con, commit, load)
            writer.faults()
            writer.files([_Told("QUARANTINED", units, 0, units, 0, {}, reason)])
            staging.sweep(self.lake.con, load.prefix)
            commit.audit(drop.channel, "file.quarantined", drop.name, {"file_id": file_id, "reason": reason})
            return FileResult(
                drop.name, drop.partner, "", "QUARANTINED", units, rejected=units, reason=reason, file_id=file_id
            )

        return job

    def write_outbound(self) -> list[Path]:
        """Write what partners are told: answers to their files, then documents that are due. Returns the paths.

        Raises HouseError if that fails: what is left is written the next time.
        """
        outbound = self.home / "outbound"
        written = acknowledgement_files.write(self.lake, outbound)
        now = self.now
        if compose.compose(self.lake, self.config, now):
            self.reconciled = False
        self._looked = now
        return written + compose.write(self.lake, outbound)

    def is_due(self) -> bool:
        """Whether the schedule of a document has come since partners were told last, or the settings are new."""
        return bool(self.config.send) and (
            self._looked is None or schedule.due(self.config.send, self._looked, self.now)
        )

    # --- again ----------------------------------------------------------------------------------------

    def again(self, file_id: str, *, force: bool) -> list[FileResult]:
        """Read an archived file once more under today's mapping: replay, or release what was held.

        Raises HouseError for a file that is not known.
        """
        row = self.lake.con.execute(
            """select sha256, bytes, name, partner, arrived_at, state, feed from file
            where file_id = ? and state <> 'DUPLICATE' order by version desc limit 1""",
            [file_id],
        ).to_arrow_table()
        if row.num_rows == 0:
            raise HouseError("find file", file_id, "`gateway status` lists the files with their ids.")
        sha256, size, name, partner, arrived_at, state, feed = row.to_pylist()[0].values()
        if force and state != "HELD":
            raise HouseError("release", f"{name} ({file_id})", "Only held files are released.", f"it is {state}")
        target = self.lake.temporary / f"replay-{file_id}"
        target.parent.mkdir(parents=True, exist_ok=True)
        archive.restore(self.lake.folder, sha256, target)
        drop = Drop(partner, name, target, arrived_at, "operator")
        try:
            if containers.kind(target):
                return self._open_again(drop, file_id)
            return self._again(Arrived(drop, archive.Stored(sha256, size)), feed, force=force)
        finally:
            formats.forget()
            target.unlink(missing_ok=True)

    def _again(self, arrived: Arrived, feed: str, *, force: bool) -> list[FileResult]:
        drop = arrived.drop
        try:
            claims, units, faults = self.claim(drop.path, drop.name, drop.partner, drop.arrived_at)
            if claims.fault is not None:
                return [self._commit(self._without_feed(arrived, [claims.fault], 0))]
            results: list[FileResult] = []
            action = "file.released" if force else "file.replayed"
            for loaded, ordinals in claims.taken:
                if feed and loaded.mapping.feed != feed:
                    continue
                member = Member(arrived, loaded, _own(units, ordinals), tuple(faults), by=claims.by)
                staged = self.stage([member], force=force)
                results += self._commit(partial(self._write, staged=staged, force=force, action=action))
                staging.sweep(self.lake.con, staged.load.prefix)
        except FileError as error:
            return [self._commit(self._without_feed(arrived, [error.as_fault()], 0))]
        self._refresh_master_data()
        return results

    def _open_again(self, drop: Drop, file_id: str) -> list[FileResult]:
        """A container that could not be opened: with today's keys and limits."""
        results: list[FileResult] = []
        with tempfile.TemporaryDirectory(dir=self.lake.temporary) as scratch:
            for one in self.intake.receive(drop, Path(scratch)):
                if one.sealed:
                    return [self._commit(self._without_feed(one, [one.sealed], 0))]
                results += [file for receipt in self._take([one]) for file in receipt.files]
                self._sweep()
        self._commit(_opened(drop, file_id))
        return results

    def _commit(self, work: Callable[[Commit], T]) -> T:
        self.reconciled = False
        return run_commit(self.lake, work)

    # --- books ----------------------------------------------------------------------------------------

    def run_books(self) -> reconcile.Outcome:
        """Value stock, post what is now known, reconcile, and open and close exceptions: one commit.

        Nothing is committed when nothing changed. Raises HouseError when the disk is full.
        """
        con = self.lake.con

        def work(commit: Commit) -> reconcile.Outcome:
            since = con.execute("select max(\"at\") as last from audit_log where action = 'books'").to_arrow_table()
            after = since["last"][0].as_py()
            changed = balances.run(commit, con, self.rules, after)
            changed += shipments.run(commit, con, self.rules, after)
            outcome = reconcile.run(commit, con, self.rules, self.recon)
            if changed or outcome.changed:
                commit.audit("gateway", "books", "books", {"exceptions": outcome.open})
            return outcome

        try:
            outcome = self._commit(work)
        except duckdb.Error as error:
            locking.refuse_full(error)
            raise
        self.reconciled = True
        return outcome


def check_options(format_name: str, options: Any) -> str:
    """ "" or what is wrong with the options of a format."""
    try:
        module = formats.named(format_name)
        formats.check_options(module, dict(options), format_name)
    except HouseError as error:
        return str(error)
    return ""


def try_file(gateway: Gateway, loaded: Loaded, path: Path) -> dict[str, Any]:
    """What a mapping would make of a file: counts, records, faults and entries. Writes nothing.

    Raises FileError where the file cannot be read at all.
    """
    con = gateway.lake.con
    drop = Drop(loaded.mapping.partner, path.name, path, datetime.fromtimestamp(path.stat().st_mtime, UTC), "try")
    arrived = Arrived(drop, archive.Stored(_sha256(path), path.stat().st_size))
    units: tuple[Unit, ...] = ()
    faults: tuple[Fault, ...] = ()
    interchange = formats.interchange_of(loaded.mapping.file.format)
    if interchange is not None:
        envelope = interchange.units(ReadRequest(path, path.name, gateway.config.limits))
        kind = loaded.mapping.file.transaction
        units, faults = tuple(u for u in envelope.units if kind in (None, u.kind)), envelope.faults
    staged = gateway.stage([Member(arrived, loaded, units, faults)])
    result = staging.preview(con, staged.load)
    posted = entries.Entries(con, gateway.rules, "_try")
    if not result["held"]:
        for table, relation, columns in staging.preview_relations(con, staged.load):
            posted.post(table, relation, columns)
    result["entries"] = list(rows_of(con, f"select * from {posted.lines} order by entry_id, line_no"))
    posted.drop()
    staging.sweep(con, staged.load.prefix)
    return {"file": path.name, **result}


def _file_id(stored: archive.Stored, feed: str) -> str:
    """The bytes, as one feed reads them."""
    return hashlib.sha256(f"{stored.sha256}|{feed}".encode()).hexdigest()[:16]


def _arrival(arrived: Arrived, feed: str, units: Sequence[Unit] = ()) -> staging.Arrival:
    drop, stored = arrived.drop, arrived.stored
    return staging.Arrival(
        file_id=_file_id(stored, feed),
        sha256=stored.sha256,
        bytes=stored.bytes,
        name=drop.name,
        partner=drop.partner,
        channel=drop.channel,
        arrived_at=drop.arrived_at,
        control_no=",".join(dict.fromkeys(unit.interchange for unit in units))[:200],
        test=any(unit.test for unit in units),
        broken=tuple(fault for unit in units for fault in unit.faults),
        container=arrived.container,
    )


def _own(units: Sequence[Unit], ordinals: frozenset[int] | None) -> tuple[Unit, ...]:
    return tuple(unit for unit in units if ordinals is None or unit.ordinal in ordinals)


def _good(units: Sequence[Unit]) -> frozenset[int] | None:
    """Ordinals of the units to read; None where a file has none and is read whole."""
    return frozenset(unit.ordinal for unit in units if not unit.faults) if units else None


def _is_master_data(loaded: Loaded) -> bool:
    """Whether a feed brings items, aliases or locations: what other files are read with."""
    return any(record.type in ("item", "item_alias", "location") for record in loaded.mapping.record)


def _parted(batch: Sequence[Arrived], alone: Sequence[bool]) -> list[list[Arrived]]:
    """The batch in order, in parts: those that are to be alone are."""
    parts: list[list[Arrived]] = [[]]
    for one, by_itself in zip(batch, alone, strict=True):
        if by_itself and parts[-1]:
            parts.append([])
        parts[-1].append(one)
        if by_itself:
            parts.append([])
    return [part for part in parts if part]


def _add(receipts: dict[Drop, Receipt], delivery: Drop, receipt: Receipt) -> None:
    """A container may be settled when everything in it is committed."""
    whole = receipts.setdefault(delivery, Receipt(delivery, committed=True))
    whole.committed = whole.committed and receipt.committed
    whole.files += receipt.files


def _has_failed(member: Member) -> bool:
    return member.waiting is not None and member.waiting.failed is not None


def _sha256(path: Path) -> str:
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def pending(results: Sequence[FileResult]) -> Iterator[FileResult]:
    """Those that need a person."""
    return (result for result in results if result.state in ("HELD", "QUARANTINED", "FAILED"))


def as_json(results: Sequence[FileResult]) -> str:
    """Results as JSON."""
    return json.dumps([{name: getattr(r, name) for name in FileResult.__slots__} for r in results], indent=2)
