"""The order of one pass: claim → archive → read → map → tie out → one commit → settle; then the books."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from gateway import formats
from gateway.books import posting, reconcile, revenue, rules, stock
from gateway.config import Config
from gateway.errors import Fault, FileError, GatewayError
from gateway.formats import x12
from gateway.formats.contract import ReadRequest, Unit
from gateway.ledger import archive, lake, staging
from gateway.ledger.commit import Commit, run_commit
from gateway.mapping import apply, claim, load
from gateway.mapping.contract import Context, Mapped, Opener, Rows
from gateway.mapping.load import Loaded
from gateway.transports.contract import Drop

HEAD_BYTES = 65_536
BATCH_BYTES = 8 << 20
"""Files up to this size together share one commit."""

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


@dataclass(frozen=True, slots=True)
class Staged:
    """A file read and mapped, not committed: what is needed to commit it."""

    drop: Drop
    stored: archive.Stored
    loaded: Loaded
    units: tuple[Unit, ...]
    context: Context
    mapped: Mapped
    extra: tuple[Fault, ...] = ()


Job = Callable[[Commit], FileResult]


@dataclass(slots=True)
class _Waiting:
    """A file that was read and mapped and waits for its commit; `files` are known already."""

    drop: Drop
    sha256: str
    bytes: int
    jobs: list[Job] = field(default_factory=list)
    mapped: list[Mapped] = field(default_factory=list)
    files: list[FileResult] = field(default_factory=list)


def _write(commit: Commit, waiting: _Waiting) -> Receipt:
    return Receipt(waiting.drop, True, waiting.files + [job(commit) for job in waiting.jobs])


def _duplicate(drop: Drop, feed: str, file_id: str, received: int, first: str) -> Job:
    """Notes that the bytes of a file came once more."""
    reason = f"same bytes as {first}"

    def job(commit: Commit) -> FileResult:
        commit.insert(
            "file",
            f"""select * exclude (row_hash, commit_seq) replace (
                       ? as name, ?::timestamptz as arrived_at, 'DUPLICATE' as state, ? as reason,
                       version + 1 as version, received as duplicate, 0 as accepted, 0 as rejected, 0 as ignored,
                       0 as restated, {staging.instant(commit.at)} as recorded_at)
                from file_state where file_id = ?""",
            [drop.name, drop.arrived_at, reason, file_id],
        )
        commit.audit(drop.channel, "file.duplicate", drop.name, {"file_id": file_id, "feed": feed})
        return FileResult(
            drop.name, drop.partner, feed, "DUPLICATE", received, duplicate=received, reason=reason, file_id=file_id
        )

    return job


class Gateway:
    """One home, opened: its configuration, mappings, rules and ledger."""

    def __init__(self, home: Path, config: Config, ledger: lake.Lake, now: datetime | None = None) -> None:
        self.home, self.config, self.lake = home, config, ledger
        self._now = now
        self.rules = rules.load(home)
        self.library = load.load_all(home, check_options)
        self._master: object = None
        self._refresh_master_data()
        posting.prepare(ledger.con, config, self.rules)
        stock.create_views(ledger.con)

    @property
    def now(self) -> datetime:
        """The instant that the books are looked at: given, or the present."""
        return self._now or datetime.now(UTC)

    def is_master_data(self, partner: str) -> bool:
        """Whether a partner sends items, aliases or locations: what other files are read with."""
        return any(
            record.type in ("item", "item_alias", "location")
            for loaded in self.library.mappings.values()
            if loaded.mapping.partner == partner
            for record in loaded.mapping.record
        )

    # --- files ----------------------------------------------------------------------------------------

    def take(self, drops: Sequence[Drop]) -> list[Receipt]:
        """Take files in the given order; small ones share a commit. A failing file never stops the others."""
        receipts: list[Receipt] = []
        batch: list[_Waiting] = []
        for drop in drops:
            stored = archive.store(self.lake.folder, drop.path)
            if any(waiting.sha256 == stored.sha256 for waiting in batch):
                receipts += self._flush(batch)
            batch.append(self._prepare(drop, stored))
            bytes_waiting = sum(waiting.bytes for waiting in batch)
            full = len(batch) >= self.config.limits.files_per_commit_max or bytes_waiting > BATCH_BYTES
            if full or self.is_master_data(drop.partner):
                receipts += self._flush(batch)
        return receipts + self._flush(batch)

    def _prepare(self, drop: Drop, stored: archive.Stored) -> _Waiting:
        """Read and map a file; what is to be written waits for the commit."""
        waiting = _Waiting(drop, stored.sha256, stored.bytes)
        if self._seen(stored.sha256, drop, waiting):
            return waiting
        try:
            self._process(drop, stored, waiting)
        except FileError as error:
            fault = Fault(error.code, error.cause or str(error), error.hint, error.position)
            waiting.jobs = [self._without_feed(drop, stored, [fault], 0)]
        finally:
            x12.forget()
        return waiting

    def _flush(self, batch: list[_Waiting]) -> list[Receipt]:
        """Commit what waits, all at once; if that fails, file by file, so that only the culprit stays behind."""
        if not batch:
            return []
        waiting, batch[:] = list(batch), []
        try:
            done = run_commit(self.lake, lambda commit: [_write(commit, one) for one in waiting])
        except GatewayError:
            raise
        except Exception:
            if len(waiting) > 1:
                return [receipt for one in waiting for receipt in self._flush([one])]
            drop = waiting[0].drop
            log.exception("file.failed", partner=drop.partner, name=drop.name)
            failed = FileResult(drop.name, drop.partner, "", "FAILED", reason="see the log; the file was left in place")
            done = [Receipt(drop, committed=False, files=[failed])]
        finally:
            for one in waiting:
                for mapped in one.mapped:
                    apply.drop(self.lake.con, mapped)
        self._refresh_master_data()
        return done

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

    def _seen(self, sha256: str, drop: Drop, waiting: _Waiting) -> bool:
        """Whether the same bytes came from the same partner before: then there is no second effect.

        A delivery that was committed before it could be settled is finished silently; another delivery of the
        same bytes is noted as a duplicate.
        """
        con = self.lake.con
        delivered = con.execute(
            "select feed, state, file_id from file where sha256 = ? and partner = ? and name = ? and arrived_at = ?",
            [sha256, drop.partner, drop.name, drop.arrived_at],
        ).fetchall()
        if delivered:
            waiting.files = [FileResult(drop.name, drop.partner, f, s, file_id=i) for f, s, i in delivered]
            return True
        rows = con.execute(
            """select feed, file_id, received, name from file_state
            where sha256 = ? and partner = ? and state <> 'QUARANTINED' order by feed""",
            [sha256, drop.partner],
        ).fetchall()
        waiting.jobs = [_duplicate(drop, *row) for row in rows]
        return bool(rows)

    def _process(self, drop: Drop, stored: archive.Stored, waiting: _Waiting) -> None:
        claims, units, faults = self.claim(drop.path, drop.name, drop.partner, drop.arrived_at)
        if claims.fault is not None:
            waiting.jobs.append(self._without_feed(drop, stored, [claims.fault], 0))
            return
        for loaded, ordinals in claims.taken:
            own = tuple(u for u in units if ordinals is None or u.ordinal in ordinals)
            staged = self.stage(drop, stored, loaded, own, faults)
            waiting.mapped.append(staged.mapped)
            waiting.jobs.append(partial(self._write, staged=staged, force=False))
        if claims.unclaimed:
            # Transaction sets that nobody claims: each is one rejected unit.
            waiting.jobs.append(self._without_feed(drop, stored, claims.unclaimed, len(claims.unclaimed)))

    def claim(
        self, path: Path, name: str, partner: str, arrived_at: datetime
    ) -> tuple[claim.Claims, tuple[Unit, ...], tuple[Fault, ...]]:
        """(claims, units of an interchange, faults of its envelopes)."""
        with path.open("rb") as source:
            head = source.read(HEAD_BYTES)
        sniffed = {key for key, module in formats.FORMATS.items() if module.sniff(head, name)}
        if "x12" in sniffed:
            envelope = x12.units(ReadRequest(path, name, self.config.limits))
            senders = self.config.partners[partner].senders if partner in self.config.partners else ()
            return (
                claim.claim_units(self.library, partner, envelope.units, senders, arrived_at.date()),
                envelope.units,
                envelope.faults,
            )
        return claim.claim_file(self.library, partner, name, sniffed, arrived_at.date()), (), ()

    def stage(
        self, drop: Drop, stored: archive.Stored, loaded: Loaded, units: tuple[Unit, ...], faults: Sequence[Fault]
    ) -> Staged:
        """Read and map a file for one feed, into temporary tables. Raises FileError."""
        mapping = loaded.mapping
        file_id = hashlib.sha256(f"{stored.sha256}|{mapping.feed}".encode()).hexdigest()[:16]
        partner = self.config.partners.get(mapping.partner)
        context = Context(
            file_id=file_id,
            entity=partner.entity if partner else next(iter(self.config.entities)),
            partner=mapping.partner,
            alias_relation="master_alias",
            item_relation="master_item",
            lookups=self.library.lookups,
            limits=self.config.limits,
            prefix=f"m{file_id}",
            arrived=drop.arrived_at.date(),
        )
        good = frozenset(u.ordinal for u in units if not u.faults) if units else None
        mapped = apply.apply(self.lake.con, mapping, self.opener(drop.path, drop.name, mapping, good), context)
        mapped.held += list(faults)
        broken = tuple(fault for unit in units for fault in unit.faults)
        return Staged(drop, stored, loaded, units, context, mapped, broken)

    def opener(self, path: Path, name: str, mapping: Any, units: frozenset[int] | None) -> Opener:
        """Opens the file for one kind of row after the other."""

        def open_rows(each: str | None, columns: Sequence[str]) -> Rows:
            wanted = tuple(columns) or tuple(
                apply.source_columns(mapping, [r for r in mapping.record if r.each == each])
            )
            request = ReadRequest(path, name, self.config.limits, mapping.file.options, each, wanted, units)
            return formats.named(mapping.file.format).read(request)

        return open_rows

    def _write(self, commit: Commit, *, staged: Staged, force: bool, replay: bool = False) -> FileResult:
        """Within a commit: file, records, entries, faults, audit. A held file writes its faults alone."""
        mapped = staged.mapped
        held = bool(mapped.held) and not force
        test = any(unit.test for unit in staged.units)
        writer = staging.Writer(self.lake.con, commit, staged.context, mapped)
        if not (held or test):
            writer.records(staged.loaded.mapping.feed)
            if staged.loaded.mapping.mode == "live":
                self._post(commit, writer, staged)
        writer.faults([*mapped.held, *staged.extra], staged.loaded.mapping.feed, staged.drop.name)
        result = self._file_row(commit, writer, staged, held=held, test=test, force=force)
        action = "file.replayed" if replay else "file.released" if force else "file.committed"
        detail = {
            "file_id": result.file_id,
            "feed": result.feed,
            "state": result.state,
            "mapping": staged.loaded.version,
        }
        commit.audit(staged.drop.channel, action, staged.drop.name, detail)
        return result

    def _post(self, commit: Commit, writer: staging.Writer, staged: Staged) -> None:
        posted = posting.Entries(self.lake.con, self.rules, "_file")
        for table, relation, columns in writer.posted_relations():
            posted.post(table, relation, columns)
        posted.write(commit)
        posted.drop()

    def _file_row(
        self, commit: Commit, writer: staging.Writer, staged: Staged, *, held: bool, test: bool, force: bool
    ) -> FileResult:
        mapped, loaded, drop = staged.mapped, staged.loaded, staged.drop
        broken = len(staged.extra)
        received = mapped.received + broken
        ignored = dict(mapped.ignored)
        if test:
            ignored, counts = {"test interchange": received}, (0, 0, 0)
        elif held:
            ignored, counts = {}, (0, received, 0)
        else:
            counts = (writer.accepted, mapped.rejected + broken, writer.duplicate)
        state = "HELD" if held else "RELEASED" if force and mapped.held else (
            "SHADOW" if loaded.mapping.mode == "shadow" or test else "ACCEPTED"
        )  # fmt: skip
        reason = "; ".join(fault.message for fault in mapped.held)[:2000]
        writer.file(
            staged.stored.sha256, staged.stored.bytes, drop.name, drop.partner, drop.channel, loaded.mapping.feed,
            loaded.version, ",".join(dict.fromkeys(u.interchange for u in staged.units))[:200], test,
            received, *counts, ignored, mapped.control_total, drop.arrived_at, state, reason,
        )  # fmt: skip
        return FileResult(
            drop.name,
            drop.partner,
            loaded.mapping.feed,
            state,
            received,
            *counts,
            sum(ignored.values()),
            reason,
            staged.context.file_id,
        )

    def _without_feed(self, drop: Drop, stored: archive.Stored, faults: Sequence[Fault], units: int) -> Job:
        """Quarantine a file, or the transaction sets of it that nobody claims, with the reasons."""
        file_id = hashlib.sha256(f"{stored.sha256}|".encode()).hexdigest()[:16]
        reason = "; ".join(f"{f.position}: {f.message}".removeprefix(": ") for f in faults)[:2000]
        partner = self.config.partners.get(drop.partner)
        context = Context(
            file_id, partner.entity if partner else "", drop.partner, "", "", {}, self.config.limits, f"m{file_id}"
        )

        def job(commit: Commit) -> FileResult:
            writer = staging.Writer(self.lake.con, commit, context, Mapped({}, "", 0, 0))
            writer.faults(faults, "", drop.name)
            writer.file(
                stored.sha256, stored.bytes, drop.name, drop.partner, drop.channel, "", "", "", False,
                units, 0, units, 0, {}, None, drop.arrived_at, "QUARANTINED", reason,
            )  # fmt: skip
            commit.audit(drop.channel, "file.quarantined", drop.name, {"file_id": file_id, "reason": reason})
            return FileResult(
                drop.name, drop.partner, "", "QUARANTINED", units, rejected=units, reason=reason, file_id=file_id
            )

        return job

    # --- again ----------------------------------------------------------------------------------------

    def again(self, file_id: str, *, force: bool) -> list[FileResult]:
        """Read an archived file once more under today's mapping: replay, or release what was held.

        Raises GatewayError for a file that is not known.
        """
        row = self.lake.con.execute(
            """select sha256, bytes, name, partner, arrived_at, state, feed from file
            where file_id = ? and state <> 'DUPLICATE' order by version desc limit 1""",
            [file_id],
        ).to_arrow_table()
        if row.num_rows == 0:
            raise GatewayError("find file", file_id, "`gateway status` lists the files with their ids.")
        sha256, size, name, partner, arrived_at, state, feed = row.to_pylist()[0].values()
        if force and state != "HELD":
            raise GatewayError("release", f"{name} ({file_id})", "Only held files are released.", f"it is {state}")
        target = self.lake.temporary / f"replay-{file_id}"
        target.parent.mkdir(parents=True, exist_ok=True)
        archive.restore(self.lake.folder, sha256, target)
        drop = Drop(partner, name, target, arrived_at, "operator")
        stored = archive.Stored(sha256, size)
        try:
            return self._again(drop, stored, feed, force=force)
        except FileError as error:
            fault = Fault(error.code, error.cause or str(error), error.hint, error.position)
            return [run_commit(self.lake, self._without_feed(drop, stored, [fault], 0))]
        finally:
            x12.forget()
            target.unlink(missing_ok=True)

    def _again(self, drop: Drop, stored: archive.Stored, feed: str, *, force: bool) -> list[FileResult]:
        claims, units, faults = self.claim(drop.path, drop.name, drop.partner, drop.arrived_at)
        if claims.fault is not None:
            return [run_commit(self.lake, self._without_feed(drop, stored, [claims.fault], 0))]
        results = []
        for loaded, ordinals in claims.taken:
            if feed and loaded.mapping.feed != feed:
                continue
            own = tuple(u for u in units if ordinals is None or u.ordinal in ordinals)
            staged = self.stage(drop, stored, loaded, own, faults)
            results.append(
                run_commit(
                    self.lake,
                    partial(self._write, staged=staged, force=force, replay=not force),
                )
            )
            apply.drop(self.lake.con, staged.mapped)
        self._refresh_master_data()
        return results

    # --- books ----------------------------------------------------------------------------------------

    def run_books(self) -> reconcile.Outcome:
        """Value stock, post what is now known, reconcile, and open and close exceptions: one commit.

        Nothing is committed when nothing changed.
        """
        con = self.lake.con

        def work(commit: Commit) -> reconcile.Outcome:
            since = con.execute("select max(\"at\") as last from audit_log where action = 'books'").to_arrow_table()
            after = since["last"][0].as_py()
            changed = stock.run(commit, con, self.rules, after)
            changed += revenue.run(commit, con, self.rules, after)
            outcome = reconcile.run(commit, con, self.config, self.rules, self.now)
            if changed or outcome.changed:
                commit.audit("gateway", "books", "books", {"exceptions": outcome.open})
            return outcome

        return run_commit(self.lake, work)


def check_options(format_name: str, options: Any) -> str:
    """ "" or what is wrong with the options of a format."""
    try:
        module = formats.named(format_name)
        formats.check_options(module, dict(options), format_name)
    except GatewayError as error:
        return str(error)
    return ""


def try_file(gateway: Gateway, loaded: Loaded, path: Path) -> dict[str, Any]:
    """What a mapping would make of a file: counts, records, faults and entries. Writes nothing.

    Raises FileError where the file cannot be read at all.
    """
    con = gateway.lake.con
    arrived = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    drop = Drop(loaded.mapping.partner, path.name, path, arrived, "try")
    stored = archive.Stored(_sha256(path), path.stat().st_size)
    units: tuple[Unit, ...] = ()
    faults: tuple[Fault, ...] = ()
    if loaded.mapping.file.format == "x12":
        envelope = x12.units(ReadRequest(path, path.name, gateway.config.limits))
        kind = loaded.mapping.file.transaction
        units, faults = tuple(u for u in envelope.units if kind in (None, u.kind)), envelope.faults
    staged = gateway.stage(drop, stored, loaded, units, faults)
    result = staging.preview(con, staged.context, staged.mapped, staged.extra)
    posted = posting.Entries(con, gateway.rules, "_try")
    if not staged.mapped.held:
        for table, relation, columns in staging.preview_relations(con, staged.context, staged.mapped):
            posted.post(table, relation, columns)
    result["entries"] = list(staging.rows_of(con, f"select * from {posted.lines} order by entry_id, line_no"))
    posted.drop()
    apply.drop(con, staged.mapped)
    return {"file": path.name, **result}


def _sha256(path: Path) -> str:
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def pending(results: Sequence[FileResult]) -> Iterator[FileResult]:
    """Those that need a person."""
    return (result for result in results if result.state in ("HELD", "QUARANTINED"))


def as_json(results: Sequence[FileResult]) -> str:
    """Results as JSON."""
    return json.dumps([{name: getattr(r, name) for name in FileResult.__slots__} for r in results], indent=2)
