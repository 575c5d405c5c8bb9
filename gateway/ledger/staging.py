"""From mapped rows to committed rows: what is new, what was there already, what replaces what."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

import duckdb
import pyarrow as pa

from gateway.errors import Fault
from gateway.ledger.commit import Commit
from gateway.model import MAPPABLE, Table
from gateway.sql import instant, literal, rows_of

FILE_SHIFT = 40
"""The number of a row's file within a load is `_ordinal >> FILE_SHIFT`."""


class Outcome(Protocol):
    """What mapping one file came to."""

    @property
    def received(self) -> int: ...
    @property
    def rejected(self) -> int: ...
    @property
    def ignored(self) -> Mapping[str, int]: ...
    @property
    def held(self) -> Sequence[Fault]: ...
    @property
    def control_total(self) -> Decimal | None: ...


class Rows(Protocol):
    """Mapped rows: canonical table → temporary relation, and the relation of faults."""

    @property
    def tables(self) -> Mapping[str, str]: ...
    @property
    def faults(self) -> str: ...
    @property
    def files(self) -> Sequence[Outcome]: ...


@dataclass(frozen=True, slots=True)
class Arrival:
    """A file as it came.

    partner   in whose drop folder (or on whose server) it was
    broken    faults of units that were set aside before mapping: each counts as one rejected row
    test      the interchange says test
    container (name, SHA-256) of the file that it came in, ("", "") if it came by itself
    """

    file_id: str
    sha256: str
    bytes: int
    name: str
    partner: str
    channel: str
    arrived_at: datetime
    control_no: str = ""
    test: bool = False
    broken: Sequence[Fault] = ()
    container: tuple[str, str] = ("", "")


@dataclass(frozen=True, slots=True)
class Load:
    """Files of one feed that were mapped together.

    prefix   of the temporary tables that are made
    entity   whose books they belong to
    partner  of the mapping
    version  of the mapping
    posts    numbers of the files whose rows count: the others are held, are tests, or could not be read
    """

    prefix: str
    entity: str
    partner: str
    feed: str
    version: str
    files: Sequence[Arrival]
    rows: Rows
    posts: Sequence[int]


@dataclass(slots=True)
class Counts:
    """Source rows of one file: everything it makes is new or changed, is there already, or replaces something."""

    accepted: int = 0
    duplicate: int = 0
    restated: int = 0


@dataclass
class Writer:
    """Writes a load within a commit. `counts` has one entry for each file."""

    con: duckdb.DuckDBPyConnection
    commit: Commit
    load: Load
    counts: list[Counts] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.counts = [Counts() for _ in self.load.files]
        listed = ", ".join(f"'{file.file_id}'" for file in self.load.files)
        seen = self.con.execute(
            f"select file_id, count(*) from lake.file where file_id in ({listed}) group by file_id"
        ).fetchall()
        self._versions: dict[str, int] = dict(seen)
        self._posted: list[tuple[str, str, Sequence[str]]] = []
        self._register()

    def _register(self) -> None:
        files = self.load.files
        ids = [file.file_id for file in files]
        table = pa.table(
            {
                "file": pa.array(range(len(files)), pa.int64()),
                "file_id": pa.array(ids, pa.utf8()),
                "name": pa.array([file.name for file in files], pa.utf8()),
                "again": pa.array([self._again(file_id) for file_id in ids], pa.utf8()),
                "posts": pa.array([number in set(self.load.posts) for number in range(len(files))], pa.bool_()),
            }
        )
        self.con.register("_load_files", table)
        self.con.execute(f"create or replace temp table {self.load.prefix}_files as select * from _load_files")
        self.con.unregister("_load_files")

    def _again(self, file_id: str) -> str:
        """A file that is read again makes records of its own, which replace those of the first time."""
        version = self._versions.get(file_id, 0)
        return f".{version}" if version else ""

    def records(self) -> None:
        """Insert what is new or changed; find the records that a change takes back."""
        if not self.load.posts:
            return
        sources, any_compared = [], False
        for name in self.load.rows.tables:
            table, new = MAPPABLE[name], f"{self.load.prefix}_new_{name}"
            compared = classify(self.con, table, self._of_files(name), new)
            self._insert(table, new)
            sources.append(f"select _ordinal, _kind, state from {new}_kinds")
            if name == "inventory_movement" and compared:
                self._reverse(new)
            self._posted.append(self._relation(table, new, compared))
            any_compared = any_compared or compared
        if any_compared:
            self._count(" union all ".join(sources))
            return
        for number in self.load.posts:
            outcome = self.load.rows.files[number]
            self.counts[number].accepted = outcome.received - outcome.rejected - sum(outcome.ignored.values())

    def _of_files(self, name: str) -> str:
        """The mapped rows of a table that count, with their file's id."""
        relation, view = self.load.rows.tables[name], f"{self.load.prefix}_of_{name}"
        if len(self.load.files) == 1:
            file_id = self.load.files[0].file_id
            sql = f"select *, '{file_id}' as file_id, '{self._again(file_id)}' as again from {relation}"
        else:
            sql = f"""select n.*, f.file_id, f.again from {relation} n
                join {self.load.prefix}_files f on f.file = n._ordinal >> {FILE_SHIFT} where f.posts"""
        self.con.execute(f"create or replace temp view {view} as {sql}")
        return view

    def _count(self, sources: str) -> None:
        """A row is a duplicate if everything it makes is already there."""
        for number, *counts in self.con.execute(
            f"""select _ordinal >> {FILE_SHIFT}, count(*) filter (fresh), count(*) filter (not fresh),
                       count(*) filter (changed)
            from (select _ordinal, bool_or(state <> 'same') as fresh, bool_or(state = 'changed') as changed
                  from ({sources}) group by _kind, _ordinal) group by 1"""
        ).fetchall():
            self.counts[number] = Counts(*counts)

    def _insert(self, table: Table, new: str) -> None:
        own = ", ".join(f'"{column.name}"' for column in table.columns)
        self.commit.insert(
            table.name,
            f"""select {_RECORD_ID} as record_id, file_id, {literal(self.load.feed)} as feed,
                       "position", source_key, occurrence, {literal(self.load.entity)} as entity,
                       {literal(self.load.partner)} as partner, {instant(self.commit.at)} as recorded_at,
                       old_id as supersedes, {own}
                from {new}""",
        )

    def _reverse(self, new: str) -> None:
        """A changed movement: the old one is taken back by one that runs the other way."""
        others = [c.name for c in MAPPABLE["inventory_movement"].columns
                  if c.name not in ("from_location", "from_status", "to_location", "to_status", "type", "reversal_of")]  # fmt: skip
        listed = ", ".join(f'o."{name}"' for name in others)
        self.commit.insert(
            "inventory_movement",
            f"""select o.record_id || 'r' as record_id, n.file_id, {literal(self.load.feed)} as feed,
                       n."position", o.source_key, o.occurrence, o.entity, o.partner,
                       {instant(self.commit.at)} as recorded_at, {listed},
                       o.to_location as from_location, o.to_status as from_status, o.from_location as to_location,
                       o.from_status as to_status, 'REVERSAL' as type, o.record_id as reversal_of
                from {new} n join lake.inventory_movement o on o.record_id = n.old_id""",
        )

    def _relation(self, table: Table, new: str, compared: bool) -> tuple[str, str, Sequence[str]]:
        """A view for posting: new records with sign 1, those they replace with sign −1."""
        view = f"{new}_post"
        names, channel = _columns(table)
        # A restatement posts what changed, under the file that said so; what else shares the commit makes no difference.
        salt = "case again when '' then n.file_id else n.file_id || '|' || again end" if compared else "n.file_id"
        fresh = _posting(names, channel, self.load.entity, salt, new)
        old_own = ", ".join(f'o."{name}"' for name in names)
        old_channel = "o.channel" if table.column("channel") is not None else channel
        old = (
            f" union all select o.record_id, -1, o.entity, {old_channel}, n.file_id, {salt}, {old_own} "
            f'from {new} n join lake."{table.name}" o on o.record_id = n.old_id'
            if compared
            else ""
        )
        self.con.execute(f"create or replace temp view {view} as {fresh}{old}")
        return table.name, view, [*names, "channel"]

    def posted_relations(self) -> Iterator[tuple[str, str, Sequence[str]]]:
        """(table, relation, columns) of everything that posting rules may take."""
        return iter(self._posted)

    def faults(self) -> None:
        """Store the faults with the whole source rows."""
        load = self.load
        parts = []
        if load.rows.faults:
            parts.append(
                f"""select _file, "position", code, column_name, value, message, hint, source_row,
                           row_number() over (order by _ordinal, _record, column_name) as n from {load.rows.faults}"""
            )
        extra = [
            (number, fault)
            for number, file in enumerate(load.files)
            for fault in [*(load.rows.files[number].held if load.rows.files else ()), *file.broken]
        ]
        if extra:
            self.con.register("_extra", _fault_table(extra))
            parts.append("select * from _extra")
        if not parts:
            return
        partner, feed = literal(load.partner + "|"), literal(load.feed + "|")
        key = f"{partner} || f.name"
        self.commit.insert(
            "fault",
            f"""select left(md5(concat_ws('|', f.file_id, code, "position", column_name, value, message)), 20)
                       as fault_id, f.file_id, {literal(load.feed)} as feed,
                       {literal(load.partner)} as partner, {literal(load.entity)} as entity, "position",
                       code, column_name, value, message, hint, source_row,
                       case code when 'CHECK_DIGIT' then {partner} || value
                                 when 'SKU_UNKNOWN' then {partner} || value
                                 when 'UNMAPPED_LINE' then {feed} || value
                                 when 'ROW_REJECT' then {key} || '|' || "position"
                                 else {key} || case when "position" = '' then '' else '|' || "position" end end
                       as business_key, {instant(self.commit.at)} as recorded_at
                from ({" union all by name ".join(parts)}) d join {load.prefix}_files f on f.file = d._file""",
        )
        if extra:
            self.con.unregister("_extra")

    def files(self, told: Sequence[FileCounts]) -> None:
        """Write a row for each file. The commit refuses counts that do not add up."""
        load, files = self.load, self.load.files
        outcomes: Sequence[Outcome | None] = load.rows.files or [None] * len(files)
        text, whole = pa.utf8(), pa.int64()
        columns: dict[str, tuple[Sequence[Any], pa.DataType]] = {
            "file_id": ([f.file_id for f in files], text),
            "version": ([self._versions.get(f.file_id, 0) + 1 for f in files], whole),
            "sha256": ([f.sha256 for f in files], text),
            "bytes": ([f.bytes for f in files], whole),
            "name": ([f.name for f in files], text),
            "container": ([f.container[0] or None for f in files], text),
            "container_sha256": ([f.container[1] or None for f in files], text),
            "partner": ([f.partner for f in files], text),
            "channel": ([f.channel for f in files], text),
            "control_no": ([f.control_no for f in files], text),
            "test_flag": ([f.test for f in files], pa.bool_()),
            "received": ([t.received for t in told], whole),
            "accepted": ([t.accepted for t in told], whole),
            "rejected": ([t.rejected for t in told], whole),
            "duplicate": ([t.duplicate for t in told], whole),
            "ignored": ([sum(t.ignored.values()) for t in told], whole),
            "ignored_by": ([json.dumps(dict(t.ignored), sort_keys=True) for t in told], text),
            "restated": ([c.restated for c in self.counts], whole),
            "control_total": ([None if o is None or o.control_total is None else str(o.control_total)
                               for o in outcomes], text),
            "arrived_at": ([f.arrived_at for f in files], pa.timestamp("us", "UTC")),
            "state": ([t.state for t in told], text),
            "reason": ([t.reason for t in told], text),
        }  # fmt: skip
        self.con.register("_load_told", pa.table({k: pa.array(v, kind) for k, (v, kind) in columns.items()}))
        self.commit.insert(
            "file",
            f"""select *, {literal(load.feed)} as feed, {literal(load.entity)} as entity,
                       {literal(load.version)} as mapping_version, {instant(self.commit.at)} as recorded_at
                from _load_told""",
        )
        self.con.unregister("_load_told")


class FileCounts(Protocol):
    """What is told about a file: received = accepted + rejected + duplicate + ignored."""

    @property
    def received(self) -> int: ...
    @property
    def accepted(self) -> int: ...
    @property
    def rejected(self) -> int: ...
    @property
    def duplicate(self) -> int: ...
    @property
    def ignored(self) -> Mapping[str, int]: ...
    @property
    def state(self) -> str: ...
    @property
    def reason(self) -> str: ...


_RECORD_ID = f"concat(file_id, '.', _record, '.', _ordinal & {(1 << FILE_SHIFT) - 1}, again)"


def _columns(table: Table) -> tuple[list[str], str]:
    """(columns for posting rules without the channel, SQL of the channel)."""
    names = [column.name for column in table.columns if column.name != "channel"]
    return names, "channel" if table.column("channel") is not None else "cast(null as varchar) as channel"


def _posting(names: Sequence[str], channel: str, entity: str, salt: str, relation: str) -> str:
    own = ", ".join(f'"{name}"' for name in names)
    return (
        f"select {_RECORD_ID} as record_id, 1 as sign, {literal(entity)} as entity, {channel}, file_id, "
        f"{salt} as salt, {own} from {relation} n"
    )


def classify(con: duckdb.DuckDBPyConnection, table: Table, relation: str, target: str) -> bool:
    """Compare mapped rows with the ledger: `target` gets those that are new or changed (with `old_id`).

    `<target>_kinds` says for every row whether it is new, changed or the same. The history is pruned by the
    event dates of the batch. Returns whether anything in the ledger had to be compared.
    """
    span = _overlap(con, table, relation)
    if span is None:
        con.execute(
            f"create or replace temp view {target} as select *, cast(null as varchar) as old_id from {relation}"
        )
        con.execute(
            f"""create or replace temp view {target}_kinds as
            select _ordinal, _kind, 'new' as state from {relation}"""
        )
        return False
    own = [column.name for column in table.columns]
    same = " and ".join(f'n."{name}" is not distinct from o."{name}"' for name in own)
    con.execute(
        f"""create or replace temp table {target}_all as
        select n.*, o.record_id as old_id,
               case when o.record_id is null then 'new' when {same} then 'same' else 'changed' end as state
        from {relation} n
        left join (select * from "{table.name}_current" where {span}) o
               on o.source_key = n.source_key and o.occurrence = n.occurrence"""
    )
    con.execute(
        f"create or replace temp view {target} as select * exclude (state) from {target}_all where state <> 'same'"
    )
    con.execute(f"create or replace temp view {target}_kinds as select _ordinal, _kind, state from {target}_all")
    return True


def _overlap(con: duckdb.DuckDBPyConnection, table: Table, relation: str) -> str | None:
    """A condition that prunes the table's history to what the batch could repeat, None if there is nothing.

    An event may be restated with another date, so the span is widened by 45 days on both sides.
    """
    if not table.event:
        some = con.execute(f'select 1 from lake."{table.name}" limit 1').fetchone()
        return "true" if some else None
    row = con.execute(
        f'select cast(min("{table.event}") as date) - 45, cast(max("{table.event}") as date) + 45 from {relation}'
    ).fetchone()
    if row is None or row[0] is None:
        return None
    span = f"\"{table.event}\" between date '{row[0]}' and date '{row[1]}'"
    some = con.execute(f'select 1 from lake."{table.name}" where {span} limit 1').fetchone()
    return span if some else None


def _fault_table(numbered: Sequence[tuple[int, Fault]]) -> pa.Table:
    found = [fault for _, fault in numbered]
    return pa.table(
        {
            "_file": pa.array([number for number, _ in numbered], pa.int64()),
            "position": pa.array([f.position for f in found], pa.utf8()),
            "code": pa.array([f.code for f in found], pa.utf8()),
            "column_name": pa.array([f.column for f in found], pa.utf8()),
            "value": pa.array([f.value for f in found], pa.utf8()),
            "message": pa.array([f.message for f in found], pa.utf8()),
            "hint": pa.array([f.hint for f in found], pa.utf8()),
            "source_row": pa.array([json.dumps(dict(f.row)) if f.row else None for f in found], pa.utf8()),
            "n": pa.array(range(len(found)), pa.int64()),
        }
    )


def preview(con: duckdb.DuckDBPyConnection, load: Load) -> dict[str, Any]:
    """Counts, records and faults of one mapped file without writing them; decimals as text."""
    states, records = [], {}
    [outcome], [file] = load.rows.files, load.files
    for name, relation in load.rows.tables.items():
        view = f"{load.prefix}_of_{name}"
        con.execute(
            f"create or replace temp view {view} as select *, '{file.file_id}' as file_id, '' as again from {relation}"
        )
        classify(con, MAPPABLE[name], view, f"{load.prefix}_try_{name}")
        states.append(f"select * from {load.prefix}_try_{name}_kinds")
        records[name] = list(
            rows_of(con, f"select * exclude (_kind, _record, source_key) from {relation} order by _record, _ordinal")
        )
    duplicate = accepted = 0
    if states:
        counted = con.execute(
            f"""select count(*) filter (not fresh), count(*) filter (fresh) from (
                select bool_or(state <> 'same') as fresh from ({" union all ".join(states)}) group by _kind, _ordinal)"""
        ).fetchone()
        duplicate, accepted = counted if counted else (0, 0)
    told = f'select "position", code, message, hint, column_name, value from {load.rows.faults} order by _ordinal'
    faults = list(rows_of(con, told))
    faults += [
        {"position": f.position, "code": f.code, "message": f.message, "hint": f.hint}
        for f in [*outcome.held, *file.broken]
    ]
    received, rejected = outcome.received + len(file.broken), outcome.rejected + len(file.broken)
    if outcome.held:
        accepted, duplicate, rejected = 0, 0, received
    ignored = 0 if outcome.held else sum(outcome.ignored.values())
    return {
        "counts": {
            "received": received, "accepted": accepted, "rejected": rejected, "duplicate": duplicate,
            "ignored": ignored,
        },
        "held": bool(outcome.held),
        "records": records,
        "faults": faults,
    }  # fmt: skip


def preview_relations(con: duckdb.DuckDBPyConnection, load: Load) -> Iterator[tuple[str, str, Sequence[str]]]:
    """(table, relation, columns) for posting, of mapped rows that are not committed."""
    for name in load.rows.tables:
        new = f"{load.prefix}_try_{name}"
        names, channel = _columns(MAPPABLE[name])
        con.execute(
            f"create or replace temp view {new}_post as {_posting(names, channel, load.entity, 'file_id', new)}"
        )
        yield name, f"{new}_post", [*names, "channel"]


def sweep(con: duckdb.DuckDBPyConnection, prefix: str) -> None:
    """Drop every temporary table and view `<prefix>_…`, made by mapping or by committing."""
    # duckdb_tables() would be the place to ask, but it counts the rows of the ledger's tables first: 60 ms.
    made = con.execute(
        """with named as (
            select distinct table_name as name from duckdb_columns()
            where database_name = 'temp' and starts_with(table_name, $1)),
        views as (select view_name as name from duckdb_views() where database_name = 'temp')
        select case when name in (select name from views) then 'view' else 'table' end, name from named""",
        [f"{prefix}_"],
    ).fetchall()
    for kind, name in made:
        con.execute(f'drop {kind} if exists temp."{name}"')
