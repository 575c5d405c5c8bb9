"""Does the ledger still say what was committed? Every row, every commit, the chain, the files, the sums."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import duckdb

from gateway.errors import HouseError, first_line
from gateway.ledger import archive as archives
from gateway.ledger import catalog_statistics, schema, sealing
from gateway.ledger.commit import FIRST_HASH, chain, row_hash
from gateway.ledger.connection import distrustful
from gateway.ledger.lake import Lake
from gateway.model import TABLES, Table
from gateway.sql import instant_of, microseconds

_IDENTITY = ("record_id", "entry_id", "exception_id", "fault_id", "match_id", "file_id", "seq", "subject")
_CHAINED = ("previous_hash", "seq", "at", "actor", "action", "subject", "detail")
FINDINGS_MAX = 50
MAPPING_TEXTS = """select distinct unnest(detail->>'$.mapping_texts[*]') as sha256 from lake.audit_log {at}
    where json_valid(detail)"""
"""SQL: SHA-256 of the text of each mapping that the audit rows name; {at} says as of when."""
CLOCK_S_MAX = 3_600
"""How far the time of a snapshot may lie from that of its audit row, beyond what is usual between the two clocks."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it was committed: the table, the row, and what is wrong."""

    table: str
    row: str
    message: str


def verify(lake: Lake, *, archive: bool = True) -> list[Finding]:
    """Check everything; an empty list means that nothing was touched. At most 50 findings for each check.

    Looks at the newest snapshot as it is now: what another process commits meanwhile is left out.
    `archive` also unpacks and hashes every archived file.
    """
    with distrustful(lake.con):
        return list(_Check(lake).run(archive))


def unread(table: str, error: duckdb.Error) -> Finding:
    """What a check says that could not read what it needs."""
    rest = ", and nothing after it was checked" if isinstance(error, duckdb.FatalException) else ""
    return Finding(table, "data", f"cannot be read{rest}: {first_line(error)}")


class _Check:
    """The checks of one snapshot. What cannot be read is a finding, and the other checks go on."""

    def __init__(self, lake: Lake) -> None:
        self.lake, self.con = lake, lake.con
        self.newest = catalog_statistics.read_catalog(lake.con)
        self.at = f"at (version => {self.newest})"
        self.columns = schema.generations(lake.con)
        self.tables = [table for table in TABLES.values() if table.name in self.columns]

    def run(self, archive: bool) -> Iterator[Finding]:
        for name, findings in self._checks(archive):
            try:
                yield from findings
            except duckdb.Error as error:
                yield unread(name, error)
                if isinstance(error, duckdb.FatalException):
                    return

    def _checks(self, archive: bool) -> Iterator[tuple[str, Iterator[Finding]]]:
        yield "audit_log", self._prepare()
        yield "audit_log", self._files()
        with_rows = self._with_rows()
        for table in with_rows:
            yield table.name, self._rows(table)
        yield "audit_log", self._statistics()
        yield "audit_log", self._chain()
        yield "audit_log", self._snapshots()
        names = {table.name for table in with_rows}
        for message, (name, query) in _SUMS.items():
            if name in names:
                yield name, self._sums(name, message, query)
        if archive:
            yield "file", self._archive()
            yield "audit_log", self._texts()

    def _prepare(self) -> Iterator[Finding]:
        """What the audit rows say: `_audit`, one row each, and `_declared`, one row for each table they cover."""
        # The chain names an audit row whose text is no JSON any more.
        self.con.execute(
            f"""create or replace temp table _audit as
            select seq, "at", action, subject, snapshot_id,
                   case when json_valid(detail) then detail else '{{}}' end as detail
            from lake.audit_log {self.at}"""
        )
        self.con.execute(
            """create or replace temp table _declared as
            select seq, key as name, try_cast(value->>0 as bigint) as n, value->>1 as total
            from _audit, json_each(_audit.detail, '$.rows')"""
        )
        yield from ()

    def _files(self) -> Iterator[Finding]:
        """Data files that are gone, or have other bytes than when they were sealed."""
        seals: dict[str, str] = {}
        try:
            seals = sealing.seals(self.con, self.at)
        except duckdb.FatalException:
            raise
        except duckdb.Error as error:
            yield unread("audit_log", error)
        for name, file in sealing.files(self.con, self.lake.store, [table.name for table in self.tables]):
            wrong = sealing.difference(self.lake.store.data, file, seals.get(file.name))
            if wrong:
                yield Finding(name, file.name, wrong)

    def _statistics(self) -> Iterator[Finding]:
        for name, place, what in catalog_statistics.wrong(self.con):
            yield Finding(name, place or "statistics", f"the catalog has other figures than the rows: {what}")

    def _with_rows(self) -> list[Table]:
        """The tables that have rows or should have some; all of them where that cannot be found out at once."""
        try:
            declared = self.con.execute("select distinct name from _declared").fetchall()
            found = catalog_statistics.filled(self.con) | {name for (name,) in declared}
        except duckdb.Error:
            return self.tables  # The check of the table that cannot be read names it.
        return [table for table in self.tables if table.name in found]

    def _rows(self, table: Table) -> Iterator[Finding]:
        """Rows whose content no longer gives their hash; rows added to a commit, taken from it, or moved."""
        catalog_statistics.read_rows(self.con, table.name, self.at)
        intact = self._intact(table)
        self.con.execute(
            f"""create or replace temp table _found as
            select commit_seq as seq, count(*) as n, cast(sum(row_hash) as varchar) as total,
                   count(*) filter (({intact}) is not true) as edited,
                   min(snapshot_id) as first, max(snapshot_id) as last
            from lake."{table.name}" {self.at} group by all"""
        )
        if self._number("select count(*) from _found where edited > 0"):
            for row, seq in self._some(
                f'select {_label(table)}, commit_seq from lake."{table.name}" {self.at} '
                f"where ({intact}) is not true order by rowid"
            ):
                yield Finding(table.name, row, f"was changed after its commit (audit row {seq})")
        yield from self._commits(table)

    def _intact(self, table: Table) -> str:
        """SQL: the row's hash is right, over the columns that the table had when the row was written."""
        ways = []
        for number, columns in enumerate(self.columns[table.name]):
            later = [name for grown in self.columns[table.name][number + 1 :] for name in grown if name not in columns]
            empty = [f'"{name}" is null' for name in dict.fromkeys(later)]
            ways.append(" and ".join([f"row_hash = {_hash(table, columns)}", *empty]))
        return " or ".join(f"({way})" for way in ways)

    def _commits(self, table: Table) -> Iterator[Finding]:
        name = table.name
        wrong = []
        if name != "audit_log":
            wrong = self._some(
                f"""select coalesce(f.seq, d.seq) as seq, d.n, f.n, a.action, a.subject
                from _found f full join (select * from _declared where name = '{name}') d on d.seq = f.seq
                left join _audit a on a.seq = coalesce(f.seq, d.seq)
                where d.n is distinct from f.n or d.total is distinct from f.total order by all"""
            )
        for seq, want, have, action, subject in wrong:
            place = f"audit row {seq} ({action} {subject})" if action else f"audit row {seq}"
            message = "holds other rows" if want == have else f"committed {want or 0} rows, has {have or 0}"
            yield Finding(name, place, message if action else f"{have} rows, but no such audit row covers them")
        if wrong:
            yield from self._places(table)
        for seq, first, last, snapshot in self._some(
            """select f.seq, f.first, f.last, a.snapshot_id from _found f join _audit a using (seq)
            where f.first <> a.snapshot_id or f.last <> a.snapshot_id order by all"""
        ):
            there = first if first != snapshot else last
            yield Finding(name, f"audit row {seq}", f"has rows in snapshot {there}, but was committed in {snapshot}")

    def _places(self, table: Table) -> Iterator[Finding]:
        """Where rows are missing, doubled or out of their order: the lake numbers a table's rows without gaps."""
        for row, seq, number, before, highest in self._some(
            f"""select {_label(table)}, commit_seq, rowid, before, highest from (
                select *, rowid, lag(rowid, 1, -1) over (order by rowid) as before,
                       max(commit_seq) over (order by rowid rows between unbounded preceding and 1 preceding) as highest
                from lake."{table.name}" {self.at})
            where rowid <> before + 1 or commit_seq < highest order by rowid"""
        ):
            if seq is not None and highest is not None and seq < highest:
                yield Finding(table.name, row, f"comes after rows of audit row {highest}, but names audit row {seq}")
            elif number > before + 1:
                yield Finding(table.name, row, f"{number - before - 1} rows are missing before it")
            elif number == before:
                yield Finding(table.name, row, "is there twice")

    def _chain(self) -> Iterator[Finding]:
        """The audit rows in their order, each following from the one before it."""
        previous, expected, found = FIRST_HASH, 1, 0
        for row in self._each(
            f"""select seq, {microseconds('"at"')} as "at", actor, action, subject, detail, previous_hash, hash
            from lake.audit_log {self.at} order by seq"""
        ):
            for message in _broken(row, previous, expected):
                found += 1
                yield Finding("audit_log", f"seq {row['seq']}", message)
            if found >= FINDINGS_MAX:
                return
            previous, expected = row["hash"], (row["seq"] or 0) + 1

    def _snapshots(self) -> Iterator[Finding]:
        """Audit rows whose snapshot is gone or has another time: questions about the past would be answered wrongly.
        Snapshots whose audit row is gone.

        A catalog's server has a clock of its own: what is the same for most commits is no finding.
        """
        for seq, snapshot, moment, at in self._some(
            f"""select seq, snapshot_id, cast(snapshot_time as varchar), cast("at" as varchar) from (
                select *, epoch(snapshot_time) - epoch(coalesce(try_cast(detail->>'clock' as timestamptz),
                    "at")) as apart,
                       median(apart) over () as usual
                from _audit left join ducklake_snapshots('lake') using (snapshot_id))
            where snapshot_time is null or abs(apart - usual) > {CLOCK_S_MAX} order by all"""
        ):
            yield Finding("audit_log", f"seq {seq}", f"was written at {at}, its snapshot {snapshot} says {moment}")
        for snapshot, moment in self._some(catalog_statistics.without_audit_row(self.newest, "_audit")):
            yield Finding("audit_log", f"snapshot {snapshot}", f"its audit row, written at {moment}, was removed")

    def _sums(self, name: str, message: str, query: str) -> Iterator[Finding]:
        for (row,) in self._some(query.format(at=self.at)):
            yield Finding(name, row, message)

    def _archive(self) -> Iterator[Finding]:
        """Received files that are gone from the archive or have other bytes there."""
        yield from self._archived(
            "file",
            f"""select sha256, min(name) as name from (
                    select sha256, name from lake.file {self.at}
                    union all select container_sha256, container from lake.file {self.at} where container is not null)
                group by sha256 order by sha256""",
            "received",
        )

    def _texts(self) -> Iterator[Finding]:
        """The same for texts of mappings that files were read with."""
        query = f"select sha256, 'text of a mapping' as name from ({MAPPING_TEXTS.format(at=self.at)}) order by sha256"
        yield from self._archived("mapping", query, "used")

    def _archived(self, name: str, query: str, verb: str) -> Iterator[Finding]:
        for row in self._each(query):
            label = f"{row['name']} {row['sha256']}"
            digest = hashlib.sha256()
            try:
                for piece in archives.unpack(self.lake.store.archive, str(row["sha256"])):
                    digest.update(piece)
            except HouseError as error:
                yield Finding(name, label, f"archive: {error.cause}")
                continue
            if digest.hexdigest() != row["sha256"]:
                yield Finding(name, label, f"has other bytes in the archive than were {verb}")

    def _each(self, query: str) -> Iterator[dict[str, Any]]:
        """The rows of a long result, a part of them in memory. Nothing else may be asked meanwhile."""
        result = self.con.execute(query)
        names = [column[0] for column in result.description]
        while part := result.fetchmany(10_000):
            yield from (dict(zip(names, values, strict=True)) for values in part)

    def _some(self, query: str) -> list[Any]:
        return self.con.execute(f"{query} limit {FINDINGS_MAX}").fetchall()

    def _number(self, query: str) -> int:
        row = self.con.execute(query).fetchone()
        return int(row[0]) if row else 0


def _hash(table: Table, columns: tuple[str, ...]) -> str:
    """SQL for the hash of a row when the table had these columns."""
    names = {c.name: c.name if c.name in columns else c.formerly for c in table.all_columns}
    own = tuple(column for column in table.all_columns if names[column.name] in columns)
    then = Table(table.name, table.doc, own, provenance=False)
    return row_hash(then, {column.name: f'"{names[column.name]}"' for column in own})


def _label(table: Table) -> str:
    """SQL that names a row to people, in a relation that has `rowid`."""
    names = [column.name for column in table.all_columns]
    identity = next((name for name in _IDENTITY if name in names), names[0])
    shown = [identity, *(name for name in ("line_no", "version") if name in names)]
    parts = [f"'{name} ' || coalesce(cast(\"{name}\" as varchar), '?')" for name in shown]
    place = "coalesce(', ' || nullif(\"position\", ''), '')" if "position" in names else "''"
    return " || ', ' || ".join(parts) + f" || {place}"


def _broken(row: dict[str, Any], previous: str | None, expected: int) -> Iterator[str]:
    """What is wrong with an audit row, given the hash of the row before it and the number that it should have."""
    if row["seq"] != expected:
        yield f"expected seq {expected}: a row is missing or doubled"
    if row["previous_hash"] != previous:
        yield "does not follow from the row before it"
    values = [row[name] for name in _CHAINED]
    if None in values or _hash_of(*values) != row["hash"]:
        yield "was changed after it was written"


def _hash_of(previous: str, seq: int, at: int, *texts: str) -> str:
    """The hash that an audit row should have; "" for an instant that no commit can have."""
    try:
        return chain(previous, seq, instant_of(at), *texts)
    except OverflowError:
        return ""


_SUMS = {
    "entry is not balanced": (
        "journal_line",
        """select concat(coalesce(entry_id, '?'), ' ', currency) from lake.journal_line {at}
        group by entry_id, currency having sum(debit) is distinct from sum(credit) order by all""",
    ),
    "journal line comes twice": (
        "journal_line",
        """select concat(coalesce(entry_id, '?'), ' line ', line_no) from lake.journal_line {at}
        group by entry_id, line_no having count(*) > 1 order by all""",
    ),
    "journal line was posted in a closed period": (
        "period_event",
        """with closed as (
            select entity, period, commit_seq as since,
                   (select min(r.commit_seq) from (from lake.period_event {at}) r where r.event = 'REOPENED'
                        and r.entity = c.entity and r.period = c.period and r.commit_seq > c.commit_seq) as until
            from (from lake.period_event {at}) c where c.event = 'CLOSED')
        select distinct concat(coalesce(j.entry_id, '?'), ' line ', j.line_no) from (from lake.journal_line {at}) j
        join closed c on c.entity = j.entity and j.period <= c.period and j.commit_seq > c.since
            and (c.until is null or j.commit_seq < c.until)
        order by all""",
    ),
    "rows received are not accounted for": (
        "file",
        """select concat('file_id ', coalesce(file_id, '?'), ', version ', version) from lake.file {at}
        where received <> accepted + rejected + duplicate + ignored order by all""",
    ),
    "link to a journal line that does not exist": (
        "journal_source",
        """select distinct concat(coalesce(entry_id, '?'), ' line ', line_no) from lake.journal_source {at}
        anti join lake.journal_line {at} using (entry_id, line_no) order by all""",
    ),
}
